"""analysis/models, analysis/forecasts, analysis/risks: what will be.

The search of orders is a job of its own, after the findings: a forecast of day D uses only searches of days before it,
so the daily run does not wait for them. A day's forecast may use verdicts on forecasts of earlier days of the same run.
"""

from typing import Any

import dagster as dg
import polars as pl

from mist_pipeline.analysis.forecasts.forecast import MODEL_MAX_AGE_DAYS
from mist_pipeline.analysis.forecasts.model_search import WINDOW_DAYS
from mist_pipeline.analysis.risks.risk import NOISE_DAYS
from mist_pipeline.defs.metadata.pictures import forecast_fan
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import BACKFILL, days_of, on, replaced, spec
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.forecast_day import GRADED_DAYS, forecast_rows, model_rows, risk_rows
from mist_pipeline.workflows.progress import Progress


def forecast_assets(scope: Scope, daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Every asset of this room."""
    on_readings = on(history.SLE_DAILY, days_back=WINDOW_DAYS)

    @dg.multi_asset(
        name="models",
        specs=[spec(scope, table.MODELS, [on_readings], partitions=daily)],
        backfill_policy=BACKFILL,
        pool=scope.name("models"),
    )
    def models(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult[Any]:
        rows = model_rows(warehouse, settings, days_of(context), progress)
        return replaced(
            scope,
            context,
            warehouse,
            table.MODELS,
            rows,
            lambda day: {"series_without_model": int(day["fallback"].is_not_null().sum())},
        )

    @dg.multi_asset(
        name="forecasts",
        specs=[
            spec(
                scope,
                table.FORECASTS,
                [
                    on_readings,
                    on(table.MODELS, days_back=MODEL_MAX_AGE_DAYS, include_day=False),
                    on(table.FORECASTS, days_back=GRADED_DAYS, include_day=False),
                ],
                partitions=daily,
            )
        ],
        backfill_policy=BACKFILL,
        pool=scope.name("forecasts"),
    )
    def daily_forecasts(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult[Any]:
        rows = forecast_rows(warehouse, settings, days_of(context), progress)

        def models_used(day: pl.DataFrame) -> dict[str, Any]:
            series = day.filter(pl.col("horizon_days") == 1)
            return {"models": dict(series["model"].value_counts(sort=True).iter_rows())}

        return replaced(scope, context, warehouse, table.FORECASTS, rows, models_used, forecast_fan)

    @dg.multi_asset(
        name="risks",
        specs=[
            spec(
                scope,
                table.RISKS,
                [on(history.SLE_DAILY, days_back=NOISE_DAYS), on(table.FORECASTS)],
                partitions=daily,
            )
        ],
        backfill_policy=BACKFILL,
        pool=scope.name("risks"),
    )
    def daily_risks(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult[Any]:
        rows = risk_rows(warehouse, settings, days_of(context))
        return replaced(
            scope,
            context,
            warehouse,
            table.RISKS,
            rows,
            lambda day: {"pre_warnings": int(day["is_pre_warning"].sum())},
        )

    return [models, daily_forecasts, daily_risks]
