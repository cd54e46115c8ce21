"""analysis/evidence: the heart of detection, which remembers from day to day.

The memory (``state.evidence``) is a function of all history before it. A day's run takes the newest memory that ends
before the day begins, walks on from there, and keeps what it has then; memories that know replaced days are dropped.
"""

from typing import Any

import dagster as dg

from mist_pipeline.analysis.evidence.model import LOOK_BACK
from mist_pipeline.defs.table_io import POOL, SINGLE_RUN, days_of, on, spec, told
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.evidence_walk import CELLS_AT_ONCE, walk
from mist_pipeline.workflows.progress import Progress


def evidence_asset(daily: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset."""

    @dg.multi_asset(
        name="evidence",
        specs=[
            spec(
                table.EVIDENCE,
                [
                    on(of, days_back=LOOK_BACK // 24)
                    for of in (history.SLE_HOURLY, history.CLASSIFIERS_HOURLY, history.SITE_HOURLY)
                ]
                + [on(history.SITES)],
                partitions=daily,
            )
        ],
        backfill_policy=SINGLE_RUN,
        pool=POOL,
    )
    def hourly_evidence(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult[Any]:
        days = days_of(context)
        first = days[0]
        cells = warehouse.query("SELECT count(*) FROM history.sle_hourly WHERE day = ?", [days[-1]]).item()
        size = max(1, CELLS_AT_ONCE // max(1, int(cells)))
        preview, total = table.EVIDENCE.empty(), 0
        for start in range(0, len(days), size):
            piece = days[start : start + size]
            preview, rows = walk(warehouse, settings, piece)
            total += rows
            progress("weighing evidence", start + len(piece), len(days))
        return told(table.EVIDENCE, preview, total, [first, days[-1]])

    return hourly_evidence
