"""Analyses of days: trends, baselines, deviations, anomalies, health and correlations.

Here: one function for each table, which reads what the method needs (its look-back included) and returns rows. Not
here: the methods (``analysis``), storing (``defs.assets.analysis``), evidence (``evidence_walk``), forecasts
(``forecast_day``), candidate causes and findings (``detect_day``).
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from mist_pipeline.alerts.ledger.confirmed import SCHEMA as CONFIRMED_SCHEMA
from mist_pipeline.analysis.anomalies import isolation_forest as unusual
from mist_pipeline.analysis.anomalies.features import day_shapes
from mist_pipeline.analysis.baselines import daily as normal
from mist_pipeline.analysis.baselines import deviations as away
from mist_pipeline.analysis.baselines.exclusions import confirmed_days
from mist_pipeline.analysis.causes import correlations as together
from mist_pipeline.analysis.scores import health, trends
from mist_pipeline.analysis.scores.weekly_line import value_sentence
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history, state
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.days import back
from mist_pipeline.workflows.analysis.kept_forest import forest_of
from mist_pipeline.workflows.ledger_access import open_ledger


def trend_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.trends`` of these days."""
    readings = warehouse.read_days(history.SLE_DAILY, back(days, trends.LOOKBACK_DAYS), days[-1])
    better = {metric.name: metric.measured_better for metric in settings.metrics}
    return trends.trends(readings, days, measured_better=better, rules=rules.trend_rules(settings))


def utilisation_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.utilisation`` of these days."""
    devices = warehouse.read_days(history.DEVICES, back(days, trends.LOOKBACK_DAYS), days[-1])
    values = (
        devices.filter(pl.col("site_id").is_not_null())
        .select("day", "site_id", "device_id", cpu="cpu_pct", memory="memory_pct")
        .unpivot(["cpu", "memory"], index=["day", "site_id", "device_id"], variable_name="measure")
        .drop_nulls("value")
        .with_columns(better=pl.lit("lower"))
    )
    keys = ("site_id", "device_id", "measure")
    moves = trends.value_trends(values, days, keys=keys, rules=rules.trend_rules(settings))
    return moves.with_columns(value_sentence("value", "previous_value")).select(
        "day",
        *keys,
        value_pct="value",
        previous_pct="previous_value",
        change_pct="change",
        velocity_pct_per_day="velocity_per_day",
        indicator="indicator",
        is_degrading="is_degrading",
        sentence="sentence",
    )


def baseline_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.baselines`` of these days; holidays and confirmed incidents are no part of what is usual."""
    with warehouse.reading():
        readings = warehouse.read_days(history.SLE_DAILY, back(days, normal.BaselineRules().days), days[-1])
        sites = warehouse.read_days(history.SITES, days[0], days[-1])
    holidays = (
        readings.select("day", "site_id").filter(pl.col("day").is_in(settings.organisation.holidays)).unique()
    )
    excluded = pl.concat([holidays, confirmed_trouble(settings, days[-1])], how="diagonal")
    return normal.baselines(readings, days, excluded=excluded, sites=sites)


def confirmed_trouble(settings: Settings, last: date) -> pl.DataFrame:
    """The days of incidents that people have confirmed, as `baseline_rows` leaves them out; none without a ledger."""
    if isinstance(settings.ledger, Path) and not settings.ledger.exists():
        alerts = pl.DataFrame(schema=CONFIRMED_SCHEMA)
    else:
        with open_ledger(settings) as ledger:
            alerts = ledger.confirmed_alerts()
    return confirmed_days(alerts, last, settings.organisation.zone, rules.families(settings))


def deviation_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.deviations`` of these days."""
    with warehouse.reading():
        readings = warehouse.read_days(history.SLE_DAILY, days[0], days[-1])
        usual = warehouse.read_days(table.BASELINES, days[0], days[-1])
    return away.deviations(readings, usual, days, rules=rules.deviation_rules(settings))


def anomaly_frames(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, keeps_forest: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``analysis.anomalies`` of these days, and their ``state.day_shapes``, which later days are compared with.

    Args:
        warehouse: With the hours of these days, and the shapes of the days before.
        settings: Budget of the anomalies.
        days: In order.
        keeps_forest: A single day takes the forest of its week that polls and mornings keep, or keeps its own, so the warehouse is
            written. Forests of several days may know some of these days, and are grown here.
    """
    chosen = rules.anomaly_settings(settings)
    made = [state.DAY_SHAPES.empty()]
    for day in days:
        with warehouse.reading():
            hours = warehouse.read_days(history.SLE_HOURLY, day, day)
            clients = warehouse.read_days(history.SITE_HOURLY, day, day)
            sites = warehouse.read_days(history.SITES, day, day)
        made.append(state.DAY_SHAPES.conform(day_shapes(hours, sites, clients)))
    shapes = pl.concat(made)
    if keeps_forest and len(days) == 1:
        forest = forest_of(warehouse, days[0], chosen)
        known = warehouse.read_days(state.DAY_SHAPES, back(days, chosen.reference_days), back(days, 1))
        return unusual.anomalies_with(pl.concat([known, shapes]), days[0], forest, chosen), shapes
    known = warehouse.read_days(state.DAY_SHAPES, back(days, chosen.look_back_days), days[-1])
    others = known.filter(~pl.col("day").is_in(list(days)))
    return unusual.anomalies(pl.concat([others, shapes]), days, chosen), shapes


def health_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.health_scores`` of these days."""
    with warehouse.reading():
        readings = warehouse.read_days(history.SLE_DAILY, back(days, health.LOOKBACK_DAYS), days[-1])
        sites = warehouse.read_days(history.SITES, days[0], days[-1], columns=["day", "site_id"])
        risks = warehouse.read_days(table.RISKS, days[0], days[-1])
    return health.health_scores(readings, days, rules.health_rules(settings), sites=sites, risks=risks)


def correlation_rows(warehouse: Warehouse, _: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.correlations`` of these days."""
    window = together.CorrelationSettings().window_days
    return together.correlations(
        warehouse.read_days(table.DEVIATIONS, back(days, window - 1), days[-1]), days
    )
