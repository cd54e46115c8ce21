"""``analysis.models``, ``analysis.forecasts`` and ``analysis.risks`` of days, each from what was known at its end.

Here: reading the windows that forecasts need. Not here: the models (``analysis.forecasts``) and the risks drawn from
them (``analysis.risks``).
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from mist_pipeline.analysis.forecasts import accuracy, calibration
from mist_pipeline.analysis.forecasts.forecast import MODEL_MAX_AGE_DAYS, forecasts
from mist_pipeline.analysis.forecasts.model_search import WINDOW_DAYS, search_orders
from mist_pipeline.analysis.risks.risk import NOISE_DAYS, risks
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.days import back
from mist_pipeline.workflows.progress import Progress

GRADED_DAYS = max(accuracy.WINDOW_DAYS, calibration.WINDOW_DAYS) + 14
"""Forecasts issued so many days before may still have a part in the verdict on a series and in the width of intervals."""


def forecast_rows(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], progress: Progress
) -> pl.DataFrame:
    """``analysis.forecasts`` of these days, each from what was known at its end."""
    with warehouse.reading():
        readings = warehouse.read_days(history.SLE_DAILY, back(days, WINDOW_DAYS), days[-1])
        models = warehouse.read_days(table.MODELS, back(days, MODEL_MAX_AGE_DAYS), days[-1])
        issued = warehouse.read_days(table.FORECASTS, back(days, GRADED_DAYS), back(days, 1))
    made = [table.FORECASTS.empty()]
    for number, day in enumerate(days, 1):
        of_day = forecasts(
            readings.filter(pl.col("day").is_between(back([day], WINDOW_DAYS), day)),
            day,
            models=models,
            issued=pl.concat([issued, *made]).filter(pl.col("day") >= back([day], GRADED_DAYS)),
            horizon_days=settings.thresholds.forecast_days,
            compute=rules.compute(settings),
        )
        # As it will be stored: later days of another run read it so.
        made.append(table.FORECASTS.conform(of_day))
        progress("forecasting", number, len(days))
    return pl.concat(made)


def risk_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.risks`` of these days."""
    with warehouse.reading():
        readings = warehouse.read_days(history.SLE_DAILY, back(days, NOISE_DAYS), days[-1])
        issued = warehouse.read_days(table.FORECASTS, days[0], days[-1])
    chosen = rules.risk_rules(settings)
    return pl.concat(
        [
            table.RISKS.empty(),
            *(
                risks(
                    readings.filter(pl.col("day").is_between(back([day], NOISE_DAYS), day)),
                    day,
                    rules=chosen,
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
    return search_orders(
        readings,
        days,
        compute=rules.compute(settings),
        progress=lambda done, total: progress("searching orders", done, total),
    )
