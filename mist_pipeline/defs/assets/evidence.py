"""analysis/evidence: hourly evidence, made from the hours of days and the state that earlier days left.

How the state is read and stored is in ``workflows.analysis.evidence_walk``.
"""

from typing import Any

import dagster as dg

from mist_pipeline.analysis.evidence.model import LOOK_BACK
from mist_pipeline.defs.metadata.pictures import evidence_map
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import BACKFILL, days_of, days_written, on, spec
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.progress import Progress


def evidence_asset(scope: Scope, daily: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset."""

    @dg.multi_asset(
        name="evidence",
        specs=[
            spec(
                scope,
                table.EVIDENCE,
                [
                    on(of, days_back=LOOK_BACK // 24)
                    for of in (history.SLE_HOURLY, history.CLASSIFIERS_HOURLY, history.SITE_HOURLY)
                ]
                # By way of the state that earlier days left.
                + [on(history.SITES), on(table.EVIDENCE, days_back=1, include_day=False)],
                partitions=daily,
            )
        ],
        backfill_policy=BACKFILL,
        pool=scope.name("evidence"),
    )
    def hourly_evidence(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult[Any]:
        store_evidence(warehouse, settings, days_of(context), progress)
        return days_written(scope, context, warehouse, table.EVIDENCE, draw=evidence_map)

    return hourly_evidence
