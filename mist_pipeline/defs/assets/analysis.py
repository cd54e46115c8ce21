"""analysis/*: a partition a day, each asset reading history, calling one function of ``analysis`` and storing it.

What makes a day's rows is on that day or before it; the look-backs are declared as partition mappings. Evidence, forecasts
and findings have files of their own beside this one.
"""

from typing import Any

import dagster as dg

from mist_pipeline.analysis.anomalies.isolation_forest import AnomalySettings
from mist_pipeline.analysis.baselines import daily as normal
from mist_pipeline.analysis.causes import correlations as together
from mist_pipeline.analysis.causes.changes import LOOK_BACK_DAYS
from mist_pipeline.analysis.detection import BASE_RATE_DAYS
from mist_pipeline.analysis.scores import health, trends
from mist_pipeline.defs.assets.computed import Compute, computed
from mist_pipeline.defs.metadata.pictures import status_map
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import BACKFILL, Dep, days_of, days_written, on, spec
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history, state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse, glance_of
from mist_pipeline.workflows.analysis.analyse_day import (
    anomaly_frames,
    baseline_rows,
    correlation_rows,
    deviation_rows,
    health_rows,
    trend_rows,
    utilisation_rows,
)
from mist_pipeline.workflows.analysis.detect_day import candidate_cause_rows

LAYER: tuple[tuple[Table, Compute, tuple[Dep, ...]], ...] = (
    (table.TRENDS, trend_rows, (on(history.SLE_DAILY, days_back=trends.LOOKBACK_DAYS),)),
    (table.UTILISATION, utilisation_rows, (on(history.DEVICES, days_back=trends.LOOKBACK_DAYS),)),
    (
        table.BASELINES,
        baseline_rows,
        (on(history.SLE_DAILY, days_back=normal.BaselineRules().days), on(history.SITES)),
    ),
    (table.DEVIATIONS, deviation_rows, (on(history.SLE_DAILY), on(table.BASELINES))),
    (
        table.HEALTH_SCORES,
        health_rows,
        (on(history.SLE_DAILY, days_back=health.LOOKBACK_DAYS), on(history.SITES), on(table.RISKS)),
    ),
    (
        table.CORRELATIONS,
        correlation_rows,
        (on(table.DEVIATIONS, days_back=together.CorrelationSettings().window_days - 1),),
    ),
    (
        table.INCIDENTS,
        candidate_cause_rows,
        (
            on(history.SLE_DAILY, days_back=BASE_RATE_DAYS),
            on(table.DEVIATIONS, days_back=BASE_RATE_DAYS),
            on(table.EVIDENCE, days_back=BASE_RATE_DAYS + 1),
            on(history.CLASSIFIERS_DAILY, days_back=BASE_RATE_DAYS),
            on(history.SITES, days_back=BASE_RATE_DAYS),
            on(history.CHANGES, days_back=LOOK_BACK_DAYS),
        ),
    ),
)
"""Each table of the layer with the function that makes its rows and what they are made of."""


def analysis_assets(scope: Scope, daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The assets of ``LAYER``, and the anomalies, which keep the shapes of their days as well."""
    shapes_of = [on(of) for of in (history.SLE_HOURLY, history.SITE_HOURLY, history.SITES)]
    # By way of the shapes that earlier days left.
    earlier = on(table.ANOMALIES, days_back=AnomalySettings().look_back_days, include_day=False)

    @dg.multi_asset(
        name=table.ANOMALIES.name,
        specs=[spec(scope, table.ANOMALIES, [*shapes_of, earlier], partitions=daily)],
        backfill_policy=BACKFILL,
        pool=scope.name(table.ANOMALIES.name),
    )
    def daily_anomalies(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult[Any]:
        days = days_of(context)
        rows, shapes = anomaly_frames(warehouse, settings, days, keeps_forest=True)
        stored = warehouse.replace_all({state.DAY_SHAPES: shapes, table.ANOMALIES: rows}, days)
        seen = glance_of(table.ANOMALIES, stored[table.ANOMALIES], days)
        return days_written(scope, context, warehouse, table.ANOMALIES, seen)

    pictures = {table.HEALTH_SCORES: status_map}
    layer = (computed(scope, of, compute, deps, daily, pictures.get(of)) for of, compute, deps in LAYER)
    return [daily_anomalies, *layer]
