"""One site in full: what the live tables and the published copy say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb

from mist_pipeline.domain.severity import RANKS, UNRANKED, Severity
from mist_pipeline.domain.text import clean
from mist_pipeline.overview.model import HOURS, MetricNow
from mist_pipeline.overview.sites import TREND_OF
from mist_pipeline.warehouse.asking import rows_of

DAYS = 30
"""Days of a service level's longer history."""

_MOST = 40
"""Rows of one list."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LiveSite:
    """What the newest polls say of a site.

    Attributes:
        status: Metric → its newest reading.
        hours: Metric → hour → score.
        classifiers: metric, classifier, degraded user-minutes of today, the worst first.
        findings: severity, metric, sentence of the newest poll.
        kinds: kind, severity of all of them.
    """

    status: Mapping[str, Row] = field(default_factory=dict)
    hours: Mapping[str, Mapping[datetime, float]] = field(default_factory=dict)
    classifiers: Sequence[tuple[str, str, float]] = ()
    findings: Sequence[tuple[str, str, str]] = ()
    kinds: Sequence[tuple[str, Severity]] = ()


@dataclass(frozen=True)
class DaySite:
    """What the newest days say of a site.

    Attributes:
        facts: Metric → trend, usual band and forecast.
        hours: Metric → hour → score.
        days: Metric → scores of the last days, oldest first.
        devices: kind, name, model, firmware, status, clients.
    """

    facts: Mapping[str, Row] = field(default_factory=dict)
    hours: Mapping[str, Mapping[datetime, float]] = field(default_factory=dict)
    days: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    devices: Sequence[tuple[str, str, str, str, str, int | None]] = ()


def live_site(connection: duckdb.DuckDBPyConnection, site_id: str, end: datetime) -> LiveSite:
    """A site in the live tables.

    Args:
        connection: To them.
        site_id: Which.
        end: When the last hour ends.
    """
    status = rows_of(
        connection, "SELECT * FROM live.status WHERE site_id = getvariable('site')", site=site_id
    )
    blamed = rows_of(
        connection,
        """
        SELECT metric, classifier, sum(degraded_user_minutes) AS minutes FROM live.classifiers_hourly
        WHERE site_id = getvariable('site') GROUP BY ALL HAVING minutes > 0 ORDER BY minutes DESC, metric, classifier LIMIT 10
        """,
        site=site_id,
    )
    found = rows_of(
        connection,
        """
        SELECT severity, metric, kind, summary FROM live.findings
        WHERE site_id = getvariable('site') AND as_of = (SELECT max(as_of) FROM live.findings) ORDER BY fingerprint
        """,
        site=site_id,
    )
    found.sort(key=lambda row: -RANKS.get(row["severity"], UNRANKED))
    return LiveSite(
        {row["metric"]: row for row in status},
        _hours(connection, "live", site_id, end),
        [(row["metric"], clean(row["classifier"], 60), row["minutes"]) for row in blamed],
        [(row["severity"], row["metric"], clean(row["summary"], 300)) for row in found[:_MOST]],
        [(row["kind"], row["severity"]) for row in found],
    )


def day_site(connection: duckdb.DuckDBPyConnection, site_id: str, end: datetime) -> DaySite:
    """A site in the published copy."""
    facts = rows_of(
        connection,
        """
        SELECT coalesce(t.metric, b.metric) AS metric, t.indicator, t.change_pct,
               b.mean_pct - 2 * b.std_pct AS usual_low_pct, b.mean_pct + 2 * b.std_pct AS usual_high_pct,
               r.days AS critical_days, coalesce(r.is_withheld, false) AS is_withheld
        FROM (SELECT * FROM analysis.trends
              WHERE site_id = getvariable('site') AND day = (SELECT max(day) FROM analysis.trends)) t
        FULL JOIN (SELECT * FROM analysis.baselines
                   WHERE site_id = getvariable('site') AND day_of_week = -1 AND is_mature
                     AND day = (SELECT max(day) FROM analysis.baselines)) b USING (metric)
        LEFT JOIN (SELECT metric, days, is_withheld FROM analysis.risks
                   WHERE site_id = getvariable('site') AND severity = 'critical' AND (is_pre_warning OR is_withheld) AND state <> 'already'
                     AND day = (SELECT max(day) FROM analysis.risks)) r
               ON r.metric = coalesce(t.metric, b.metric)
        """,
        site=site_id,
    )
    scores = rows_of(
        connection,
        """
        SELECT metric, score_pct, date_diff('day', day, (SELECT max(day) FROM history.sle_daily)) AS back
        FROM history.sle_daily
        WHERE site_id = getvariable('site') AND state = 'ok' AND day > (SELECT max(day) FROM history.sle_daily) - getvariable('days')::INTEGER
        """,
        site=site_id,
        days=DAYS,
    )
    days: dict[str, list[float | None]] = {}
    for row in scores:
        days.setdefault(row["metric"], [None] * DAYS)[DAYS - 1 - row["back"]] = row["score_pct"]
    devices = rows_of(
        connection,
        """
        SELECT type, name, model, firmware, status, num_clients FROM history.devices
        WHERE site_id = getvariable('site') AND day = (SELECT max(day) FROM history.devices)
        ORDER BY status = 'connected', type, name, device_id LIMIT getvariable('most')
        """,
        site=site_id,
        most=_MOST,
    )
    return DaySite(
        {row["metric"]: row for row in facts},
        _hours(connection, "history", site_id, end),
        {metric: tuple(values) for metric, values in days.items()},
        [
            (
                clean(row["type"] or "", 20), clean(row["name"] or "", 60), clean(row["model"] or "", 30),
                clean(row["firmware"] or "", 30), clean(row["status"] or "", 30), row["num_clients"],
            )
            for row in devices
        ],
    )  # fmt: skip


def metrics(
    today: LiveSite | None, past: DaySite | None, end: datetime, *, is_stale: bool
) -> list[MetricNow]:
    """Service levels of a site, the worst first.

    Args:
        today: What the live tables say.
        past: What the published copy says.
        end: When the last hour ends.
        is_stale: The poll is too old to call anything healthy.
    """
    now, before = today or LiveSite(), past or DaySite()
    begin = end - timedelta(hours=HOURS)
    found = []
    for metric in sorted({*now.status, *before.facts, *before.days}):
        status, facts = now.status.get(metric, {}), before.facts.get(metric, {})
        hours = {**before.hours.get(metric, {}), **now.hours.get(metric, {})}
        severity = status.get("severity")
        found.append(
            MetricNow(
                metric=metric,
                score_pct=status.get("score_pct"),
                severity=None if is_stale and severity == "info" else severity,
                state=status.get("state") or "missing",
                changed_since=status.get("changed_since"),
                usual_low_pct=facts.get("usual_low_pct"),
                usual_high_pct=_at_most(facts.get("usual_high_pct"), 100.0),
                hours=tuple(hours.get(begin + timedelta(hours=place)) for place in range(HOURS)),
                days=before.days.get(metric, ()),
                trend=TREND_OF.get(facts.get("indicator") or "", ""),
                change_pct=facts.get("change_pct"),
                critical_days=facts.get("critical_days"),
                is_withheld=bool(facts.get("is_withheld")),
            )
        )
    return sorted(
        found,
        key=lambda one: (
            -RANKS.get(one.severity or "", UNRANKED),
            one.score_pct if one.score_pct is not None else 101.0,
            one.metric,
        ),
    )


def _at_most(value: float | None, most: float) -> float | None:
    return None if value is None else min(value, most)


def _hours(
    connection: duckdb.DuckDBPyConnection, schema: str, site_id: str, end: datetime
) -> dict[str, dict[datetime, float]]:
    table = {"history": "history.sle_hourly", "live": "live.sle_hourly"}[schema]
    begin = end - timedelta(hours=HOURS)
    found: dict[str, dict[datetime, float]] = {}
    for row in rows_of(
        connection,
        f"""
        SELECT metric, hour, score_pct FROM {table}
        WHERE day BETWEEN getvariable('first') AND getvariable('last') AND site_id = getvariable('site')
          AND hour >= getvariable('begin') AND hour < getvariable('end') AND state = 'ok'
        """,
        first=begin.date() - timedelta(days=1),
        last=end.date() + timedelta(days=1),
        site=site_id,
        begin=begin,
        end=end,
    ):
        found.setdefault(row["metric"], {})[row["hour"]] = row["score_pct"]
    return found
