"""scorecard/*: what was issued, kept; and its grades once the time has come.

Here: keys, dependencies, partitions. Not here: reading and grading (``workflows.scorecard``).
"""

from typing import Any

import dagster as dg

from mist_pipeline.analysis.risks.horizon import WARNING_DAYS
from mist_pipeline.defs.assets.computed import Compute, computed
from mist_pipeline.defs.metadata.versions import code_version
from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import BACKFILL, Dep, days_of, days_written, on, spec
from mist_pipeline.scorecard.alert_quality import WINDOWS
from mist_pipeline.scorecard.crossings import LOOK_BACK_DAYS
from mist_pipeline.scorecard.forecasts import READINGS_DAYS
from mist_pipeline.scorecard.truths import SUSTAINED_DAYS
from mist_pipeline.tables import alerts, analysis, history
from mist_pipeline.tables import scorecard as table
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.scorecard.grade import accuracy_rows, crossing_rows, probability_rows
from mist_pipeline.workflows.scorecard.issue import keep_issued
from mist_pipeline.workflows.scorecard.proposing import proposal_rows
from mist_pipeline.workflows.scorecard.quality import quality_rows, truth_rows

ISSUED = ((table.ISSUED_FORECASTS, analysis.FORECASTS), (table.ISSUED_RISKS, analysis.RISKS))


def scorecard_assets(
    scope: Scope, daily: dg.DailyPartitionsDefinition, forecast_days: int
) -> list[dg.AssetsDefinition]:
    """Every asset of this layer.

    Args:
        scope: Whose they are.
        daily: The days.
        forecast_days: How far forecasts reach.
    """
    graded: tuple[tuple[Table, Compute, tuple[Dep, ...]], ...] = (
        (
            table.FORECAST_ACCURACY,
            accuracy_rows,
            (
                on(table.ISSUED_FORECASTS, days_back=forecast_days, include_day=False),
                on(history.SLE_DAILY, days_back=READINGS_DAYS),
                on(history.SITES),
            ),
        ),
        (
            table.PROBABILITIES,
            probability_rows,
            (on(table.ISSUED_RISKS, days_back=WARNING_DAYS), on(history.SLE_DAILY, days_back=WARNING_DAYS)),
        ),
        (
            table.CROSSINGS,
            crossing_rows,
            (
                on(table.ISSUED_RISKS, days_back=LOOK_BACK_DAYS),
                on(history.SLE_DAILY, days_back=LOOK_BACK_DAYS),
                on(alerts.ALERTS),
                on(alerts.EVENTS),
                on(alerts.TICKETS),
            ),
        ),
        (
            table.TRUTHS,
            truth_rows,
            (
                on(history.SLE_DAILY, days_back=SUSTAINED_DAYS),
                on(history.ALARMS),
                on(alerts.ALERTS),
                on(alerts.FEEDBACK),
                on(alerts.TICKETS),
            ),
        ),
        (
            table.ALERT_QUALITY,
            quality_rows,
            (
                on(table.TRUTHS, days_back=max(WINDOWS)),
                on(history.SITES),
                on(alerts.ALERTS),
                on(alerts.DELIVERIES),
                on(alerts.EVENTS),
            ),
        ),
        (
            table.PROPOSALS,
            proposal_rows,
            (on(table.ALERT_QUALITY), on(table.TRUTHS, days_back=max(WINDOWS)), on(alerts.ALERTS)),
        ),
    )

    def kept(of: Table, source: Table) -> dg.AssetsDefinition:
        @dg.multi_asset(
            name=of.name,
            specs=[spec(scope, of, [on(source)], partitions=daily)],
            backfill_policy=BACKFILL,
            pool=scope.name(of.name),
        )
        def issued(
            context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], run: RunOptions
        ) -> dg.MaterializeResult[Any]:
            keep_issued(warehouse, of, days_of(context), run.instant, code_version("analysis"))
            return days_written(scope, context, warehouse, of)

        return issued

    return [*(kept(*one) for one in ISSUED), *(computed(scope, *one, daily) for one in graded)]
