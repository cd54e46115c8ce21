"""analysis/models, analysis/forecasts, analysis/risks: what will be.

The search of orders is a job of its own, after the findings: a forecast of day D uses only searches of days before it,
so the morning does not wait for them. A day's forecast may use verdicts on forecasts of earlier days of the same run.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from mist_pipeline.analysis import forecast_accuracy
from mist_pipeline.analysis.forecast_search import WINDOW_DAYS, search_orders
from mist_pipeline.analysis.forecasts import MODEL_MAX_AGE_DAYS, forecasts
from mist_pipeline.analysis.risks import NOISE_DAYS, risks
from mist_pipeline.defs import judgement
from mist_pipeline.defs.run import Progress
from mist_pipeline.defs.tables import POOL, SINGLE_RUN, back, days_of, on, replaced, spec
from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.warehouse.tables import analysis as table
from mist_pipeline.warehouse.tables import history

VERDICT_DAYS = forecast_accuracy.WINDOW_DAYS + 14
"""Forecasts issued so many days before may still have a part in the verdict on a series."""


def forecast_rows(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], progress: Progress
) -> pl.DataFrame:
    """``analysis.forecasts`` of these days, each from what was known at its end."""
    readings = warehouse.read_days(history.SLE_DAILY, back(days, WINDOW_DAYS), days[-1])
    models = warehouse.read_days(table.MODELS, back(days, MODEL_MAX_AGE_DAYS), days[-1])
    issued = warehouse.read_days(table.FORECASTS, back(days, VERDICT_DAYS), back(days, 1))
    made = [table.FORECASTS.empty()]
    for number, day in enumerate(days, 1):
        made.append(
            forecasts(
                readings.filter(pl.col("day").is_between(back([day], WINDOW_DAYS), day)),
                day,
                models=models,
                issued=pl.concat([issued, *made]).filter(pl.col("day") >= back([day], VERDICT_DAYS)),
                horizon_days=settings.thresholds.forecast_days,
                compute=judgement.compute(settings),
            )
        )
        progress("forecasting", number, len(days))
    return pl.concat(made)


def risk_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.risks`` of these days."""
    readings = warehouse.read_days(history.SLE_DAILY, back(days, NOISE_DAYS), days[-1])
    issued = warehouse.read_days(table.FORECASTS, days[0], days[-1])
    rules = judgement.risk_rules(settings)
    return pl.concat(
        [
            table.RISKS.empty(),
            *(
                risks(
                    readings.filter(pl.col("day").is_between(back([day], NOISE_DAYS), day)),
                    day,
                    rules=rules,
                    forecasts=issued.filter(pl.col("day") == day),
                )
                for day in days
            ),
        ]
    )


def model_rows(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], progress: Progress
) -> pl.DataFrame:
    """``analysis.models`` of these days: of each the series whose weekday it is."""
    readings = warehouse.read_days(history.SLE_DAILY, back(days, WINDOW_DAYS), days[-1])
    found = [table.MODELS.empty()]
    for number, day in enumerate(days, 1):
        window = readings.filter(pl.col("day").is_between(back([day], WINDOW_DAYS), day))
        found.append(search_orders(window, day, compute=judgement.compute(settings)))
        progress("searching orders", number, len(days))
    return pl.concat(found)


def forecast_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Every asset of this room."""
    on_readings = on(history.SLE_DAILY, days_back=WINDOW_DAYS)

    @dg.multi_asset(
        name="models",
        specs=[spec(table.MODELS, [on_readings], partitions=daily)],
        backfill_policy=SINGLE_RUN,
        pool=POOL,
    )
    def models(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult[Any]:
        rows = model_rows(warehouse, settings, days_of(context), progress)
        fallen_back = int(rows["fallback"].is_not_null().sum())
        return replaced(context, warehouse, table.MODELS, rows, {"series_without_model": fallen_back})

    @dg.multi_asset(
        name="forecasts",
        specs=[
            spec(
                table.FORECASTS,
                [on_readings, on(table.MODELS, days_back=MODEL_MAX_AGE_DAYS, include_day=False)],
                partitions=daily,
            )
        ],
        backfill_policy=SINGLE_RUN,
        pool=POOL,
    )
    def daily_forecasts(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult[Any]:
        rows = forecast_rows(warehouse, settings, days_of(context), progress)
        by_model = rows.filter(pl.col("horizon_days") == 1)["model"].value_counts(sort=True)
        return replaced(context, warehouse, table.FORECASTS, rows, {"models": dict(by_model.iter_rows())})

    @dg.multi_asset(
        name="risks",
        specs=[
            spec(
                table.RISKS,
                [on(history.SLE_DAILY, days_back=NOISE_DAYS), on(table.FORECASTS)],
                partitions=daily,
            )
        ],
        backfill_policy=SINGLE_RUN,
        pool=POOL,
    )
    def daily_risks(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult[Any]:
        rows = risk_rows(warehouse, settings, days_of(context))
        return replaced(
            context, warehouse, table.RISKS, rows, {"pre_warnings": int(rows["is_pre_warning"].sum())}
        )

    return [models, daily_forecasts, daily_risks]
