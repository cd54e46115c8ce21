"""analysis/*: a partition a day, each asset reading history, calling one function of ``analysis`` and storing it."""

from typing import Any

import dagster as dg

from mist_pipeline.analysis import trends as trend_analysis
from mist_pipeline.defs import judgement
from mist_pipeline.defs.tables import POOL, SINGLE_RUN, back, days_of, on, replaced, spec
from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.warehouse.tables import analysis, history


def analysis_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Every asset of this layer."""

    @dg.multi_asset(
        name="trends",
        specs=[
            spec(
                analysis.TRENDS,
                [on(history.SLE_DAILY, days_back=trend_analysis.LOOKBACK_DAYS)],
                partitions=daily,
            )
        ],
        backfill_policy=SINGLE_RUN,
        pool=POOL,
    )
    def trends(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult[Any]:
        days = days_of(context)
        readings = warehouse.read_days(history.SLE_DAILY, back(days, trend_analysis.LOOKBACK_DAYS), days[-1])
        better = {metric.name: metric.measured_better for metric in settings.metrics}
        rows = trend_analysis.trends(
            readings, days, measured_better=better, rules=judgement.trend_rules(settings)
        )
        return replaced(
            context, warehouse, analysis.TRENDS, rows, {"degrading": int(rows["is_degrading"].sum())}
        )

    return [trends]
