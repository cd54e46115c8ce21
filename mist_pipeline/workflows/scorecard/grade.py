"""Grades of days, from what is kept and what came.

Here: reading windows; issued forecasts, which are many, a day at a time. Not here: the grades (``scorecard``).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from mist_pipeline.analysis.risks.horizon import WARNING_DAYS
from mist_pipeline.analysis.stats.site_attributes import memberships
from mist_pipeline.scorecard import crossings as crossed
from mist_pipeline.scorecard.forecasts import READINGS_DAYS, forecast_accuracy
from mist_pipeline.scorecard.probabilities import probabilities
from mist_pipeline.settings import Settings
from mist_pipeline.tables import history
from mist_pipeline.tables import scorecard as table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.days import back

_READINGS = ("day", "site_id", "metric", "score_pct", "severity", "state")


def accuracy_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``scorecard.forecast_accuracy`` of these days."""
    longest = settings.thresholds.forecast_days
    readings = warehouse.read_days(history.SLE_DAILY, back(days, READINGS_DAYS), days[-1], columns=_READINGS)
    rows = [table.FORECAST_ACCURACY.empty()]
    for day in days:
        issued = warehouse.read_days(
            table.ISSUED_FORECASTS, back([day], longest), back([day], 1), where=f"target_day = DATE '{day}'"
        )
        if issued.is_empty():
            continue
        near = readings.filter(pl.col("day").is_between(back([day], READINGS_DAYS), day))
        sites = warehouse.read_days(history.SITES, day, day)
        groups = (
            memberships(sites)
            .filter(pl.col("attribute") == "site_group")
            .select("site_id", site_group="value")
        )
        rows.append(forecast_accuracy(issued, near, groups, day))
    return pl.concat(rows)


def probability_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:  # noqa: ARG001
    """``scorecard.probabilities`` of these days."""
    first = back(days, WARNING_DAYS)
    with warehouse.reading():
        issued = warehouse.read_days(table.ISSUED_RISKS, first, days[-1])
        readings = warehouse.read_days(history.SLE_DAILY, first, days[-1], columns=_READINGS)
    return pl.concat([table.PROBABILITIES.empty(), *(probabilities(issued, readings, day) for day in days)])


def crossing_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``scorecard.crossings`` of these days."""
    first = back(days, crossed.LOOK_BACK_DAYS)
    with warehouse.reading():
        issued = warehouse.read_days(
            table.ISSUED_RISKS,
            first,
            days[-1],
            where="(is_pre_warning OR is_withheld) AND state = 'crossing'",
        )
        readings = warehouse.read_days(history.SLE_DAILY, first, days[-1], columns=_READINGS)
    actions = actions_of(warehouse, settings, back(days, crossed.LOOK_BACK_DAYS))
    rows = [table.CROSSINGS.empty()]
    for day in days:
        begin = day - timedelta(days=crossed.LOOK_BACK_DAYS)
        near = pl.col("day").is_between(begin, day)
        rows.append(crossed.crossings(issued.filter(near), readings.filter(near), actions, day))
    return pl.concat(rows)


def actions_of(warehouse: Warehouse, settings: Settings, first: date) -> pl.DataFrame:
    """What people did about alerts of sites from a day on, by site and metric: `scorecard.crossings.NOBODY_ACTED`."""
    acted = warehouse.query(
        """
        SELECT a.site_id, a.family, e.at AS acted_at, e.kind AS action
        FROM alerts.events e JOIN alerts.alerts a ON e.subject = 'incident' AND a.incident_id = e.subject_id
        WHERE e.kind = 'acknowledged' AND e.at >= $first
        UNION ALL
        SELECT a.site_id, a.family, e.at, e.kind
        FROM alerts.events e JOIN alerts.alerts a ON e.subject = 'alert' AND a.alert_id = e.subject_id
        WHERE e.kind IN ('acknowledged', 'resolved') AND (e.detail->>'by') IS NOT NULL AND e.at >= $first
        UNION ALL
        SELECT a.site_id, a.family, t.read_at, 'ticket'
        FROM alerts.tickets t JOIN alerts.alerts a USING (incident_id)
        WHERE t.state IN ('acknowledged', 'closed') AND t.read_at >= $first
        """,
        {"first": first},
    )
    families = pl.DataFrame(
        list(rules.families(settings).items()),
        schema={"metric": pl.String, "family": pl.String},
        orient="row",
    )
    return (
        acted.join(families, on="family")
        .select(pl.col(name).cast(kind) for name, kind in crossed.NOBODY_ACTED.schema.items())
        .unique()
        .sort("acted_at", "site_id", "metric", "action")
    )
