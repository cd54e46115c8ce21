"""."""

from collections.abc import Callable, Sequence
from datetime import date

import polars as pl

from mist_pipeline.analysis.anomalies import isolation_forest as unusual
from mist_pipeline.analysis.anomalies.features import day_shapes
from mist_pipeline.analysis.baselines import daily as normal
from mist_pipeline.analysis.baselines import deviations as away
from mist_pipeline.analysis.causes import correlations as together
from mist_pipeline.analysis.causes.candidates import base_rates, incidents
from mist_pipeline.analysis.causes.flags import daily_flags, silence_flags
from mist_pipeline.analysis.evidence.gates import notable
from mist_pipeline.analysis.scores import health, trends
from mist_pipeline.analysis.scores.weekly_average import value_sentence
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history, state
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules as judgement
from mist_pipeline.workflows.analysis.days import back

BASE_RATE_DAYS = 28
"""Look-back of how often sites are degraded anyway."""


Compute = Callable[[Warehouse, Settings, Sequence[date]], pl.DataFrame]


def trend_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.trends`` of these days."""
    readings = warehouse.read_days(history.SLE_DAILY, back(days, trends.LOOKBACK_DAYS), days[-1])
    better = {metric.name: metric.measured_better for metric in settings.metrics}
    return trends.trends(readings, days, measured_better=better, rules=judgement.trend_rules(settings))


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
    moves = trends.value_trends(values, days, keys=keys, rules=judgement.trend_rules(settings))
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
    """``analysis.baselines`` of these days; holidays teach nobody what is normal."""
    readings = warehouse.read_days(history.SLE_DAILY, back(days, normal.BaselineRules().days), days[-1])
    holidays = (
        readings.select("day", "site_id").filter(pl.col("day").is_in(settings.organisation.holidays)).unique()
    )
    sites = warehouse.read_days(history.SITES, days[0], days[-1])
    return normal.baselines(readings, days, excluded=holidays, sites=sites)


def deviation_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.deviations`` of these days."""
    return away.deviations(
        warehouse.read_days(history.SLE_DAILY, days[0], days[-1]),
        warehouse.read_days(table.BASELINES, days[0], days[-1]),
        days,
        rules=judgement.deviation_rules(settings),
    )


def anomaly_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.anomalies`` of these days; the shapes of the days themselves are stored on the way."""
    rules = judgement.anomaly_settings(settings)
    for day in days:
        hours = warehouse.read_days(history.SLE_HOURLY, day, day)
        clients = warehouse.read_days(history.SITE_HOURLY, day, day)
        shapes = day_shapes(hours, warehouse.read_days(history.SITES, day, day), clients)
        warehouse.replace_days(state.DAY_SHAPES, shapes, [day])
    known = warehouse.read_days(state.DAY_SHAPES, back(days, rules.look_back_days), days[-1])
    return unusual.anomalies(known, days, rules)


def health_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.health_scores`` of these days."""
    return health.health_scores(
        warehouse.read_days(history.SLE_DAILY, back(days, health.LOOKBACK_DAYS), days[-1]),
        days,
        judgement.health_rules(settings),
        sites=warehouse.read_days(history.SITES, days[0], days[-1], columns=["day", "site_id"]),
        risks=warehouse.read_days(table.RISKS, days[0], days[-1]),
    )


def correlation_rows(warehouse: Warehouse, _: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.correlations`` of these days."""
    window = together.CorrelationSettings().window_days
    return together.correlations(
        warehouse.read_days(table.DEVIATIONS, back(days, window - 1), days[-1]), days
    )


def incident_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.incidents`` of these days."""
    first = back(days, BASE_RATE_DAYS)
    families = judgement.families(settings)
    sites = warehouse.read_days(history.SITES, first, days[-1])
    evidence = warehouse.read_days(table.EVIDENCE, back([first], 1), days[-1])
    flags = pl.concat(
        [
            daily_flags(
                warehouse.read_days(history.SLE_DAILY, first, days[-1]),
                warehouse.read_days(table.DEVIATIONS, first, days[-1]),
                warehouse.read_days(history.CLASSIFIERS_DAILY, first, days[-1]),
                families,
            ),
            silence_flags(notable(evidence, families), sites),
        ]
    )
    found = [table.INCIDENTS.empty()]
    for day in days:
        earlier = flags.filter(pl.col("day").is_between(back([day], BASE_RATE_DAYS), day, closed="left"))
        of_day = flags.filter(pl.col("day") == day)
        here = sites.filter(pl.col("day") == day)
        found.append(incidents(of_day, here, base_rates(earlier), names=settings.organisation.names))
    return pl.concat(found, how="diagonal_relaxed")
