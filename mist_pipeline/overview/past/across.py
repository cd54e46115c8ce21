"""One service level across all sites: how it is now, how it went, and at which hours it is bad."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import duckdb

from mist_pipeline.domain.severity import SEVERITIES
from mist_pipeline.overview.past.model import Values
from mist_pipeline.overview.past.ranges import Period
from mist_pipeline.overview.sites import TREND_OF

HEAT_DAYS = 7
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteScore:
    """A service level of one site.

    Attributes:
        site_id: Which.
        score_pct: Newest score; None where there is none.
        severity: Of it; None where it has none.
        before_pct: Score of the newest analysed day.
        trend: worsening, improving, stable or ''.
    """

    site_id: str
    score_pct: float | None
    severity: str | None
    before_pct: float | None = None
    trend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricNow:
    """One service level of the organisation in a line.

    Attributes:
        metric: Its name.
        counts: Severity → sites; '' for sites whose score has none.
        median_pct: Median of the sites' scores.
        worst_pct: The lowest.
        worst_site_id: Whose that is.
    """

    metric: str
    counts: Mapping[str, int]
    median_pct: float | None
    worst_pct: float | None
    worst_site_id: str


@dataclass(frozen=True, kw_only=True)
class MetricAcross:
    """One service level across sites over a range.

    Attributes:
        metric: Its name.
        period: The range.
        trouble: Why not all of it could be read, '' if it could.
        sites: Every site that has it, the worst first.
        low: 10th percentile of the sites' scores, by slot.
        middle: Median.
        high: 90th percentile.
        critical: Sites below the critical line.
        heat: Day → score of all sites together in each hour of the day, weighted by their users; newest day first.
    """

    metric: str
    period: Period
    trouble: str = ""
    sites: Sequence[SiteScore] = ()
    low: Values = ()
    middle: Values = ()
    high: Values = ()
    critical: Values = ()
    heat: Mapping[date, Values] = field(default_factory=dict)


_HOURS = """
    SELECT hour, quantile_cont(score_pct, [0.1, 0.5, 0.9]), count(*) FILTER (score_pct < $line),
           100 * (1 - sum(degraded_user_minutes) / nullif(sum(total_user_minutes), 0)), avg(score_pct)
    FROM {}.sle_hourly
    WHERE day BETWEEN $first AND $last AND metric = $metric AND state = 'ok' AND hour >= $begin AND hour < $end
    GROUP BY hour
    """


def hours(
    connection: duckdb.DuckDBPyConnection, schema: str, metric: str, period: Period, line: float
) -> list[Row]:
    """Hour, three quantiles, sites below a line, score of all together, mean score; of ``history`` or ``live``."""
    return connection.execute(
        _HOURS.format(schema),
        {
            "first": period.first_day, "last": period.last_day, "metric": metric, "line": line,
            "begin": period.begin, "end": period.end,
        },
    ).fetchall()  # fmt: skip


def days(connection: duckdb.DuckDBPyConnection, metric: str, period: Period, line: float) -> list[Row]:
    """Day, three quantiles, sites below a line."""
    return connection.execute(
        """
        SELECT day, quantile_cont(score_pct, [0.1, 0.5, 0.9]), count(*) FILTER (score_pct < $line)
        FROM history.sle_daily
        WHERE day BETWEEN $first AND $last AND metric = $metric AND state = 'ok' GROUP BY day
        """,
        {"first": period.first_day, "last": period.last_day, "metric": metric, "line": line},
    ).fetchall()


def before(
    connection: duckdb.DuckDBPyConnection, metric: str
) -> dict[str, tuple[float | None, str, str | None]]:
    """Site → score, indicator and severity of the newest analysed day."""
    found = connection.execute(
        """
        SELECT d.site_id, d.score_pct, t.indicator, d.severity FROM history.sle_daily d
        LEFT JOIN analysis.trends t USING (day, site_id, metric)
        WHERE d.day = (SELECT max(day) FROM history.sle_daily) AND d.metric = ? AND d.state = 'ok'
        """,
        [metric],
    ).fetchall()
    return {site_id: (score, indicator or "", severity) for site_id, score, indicator, severity in found}


def newest(connection: duckdb.DuckDBPyConnection, metric: str) -> dict[str, tuple[float | None, str | None]]:
    """Site → score and severity of the newest poll."""
    found = connection.execute(
        "SELECT site_id, score_pct, severity FROM live.status WHERE metric = ? AND state = 'ok'", [metric]
    ).fetchall()
    return {site_id: (score, severity) for site_id, score, severity in found}


_COUNTS = ", ".join(f"count(*) FILTER (severity = '{one}')" for one in SEVERITIES)
_SUMMARY = """
    SELECT metric, median(score_pct), min(score_pct), arg_min(site_id, score_pct), {counts},
           count(*) FILTER (severity IS NULL)
    FROM {table} WHERE state = 'ok' GROUP BY metric
    """
_NEWEST = {
    "live": "live.status",
    "history": "(SELECT * FROM history.sle_daily WHERE day = (SELECT max(day) FROM history.sle_daily))",
}


def summary(connection: duckdb.DuckDBPyConnection, source: str) -> list[MetricNow]:
    """Every service level in a line; of the newest poll (``live``) or the newest day (``history``)."""
    rows = connection.execute(_SUMMARY.format(counts=_COUNTS, table=_NEWEST[source])).fetchall()
    return [
        MetricNow(
            metric=metric,
            counts=dict(zip((*SEVERITIES, ""), counts, strict=True)),
            median_pct=median,
            worst_pct=worst,
            worst_site_id=site_id or "",
        )
        for metric, median, worst, site_id, *counts in rows
    ]


def scores(
    now: Mapping[str, tuple[float | None, str | None]] | None,
    past: Mapping[str, tuple[float | None, str, str | None]],
) -> list[SiteScore]:
    """Every site, the worst first; without a poll as the newest day had it."""
    found = [
        SiteScore(
            site_id=site_id,
            score_pct=now[site_id][0] if now is not None else past[site_id][0],
            severity=now[site_id][1] if now is not None else past[site_id][2],
            before_pct=past[site_id][0] if site_id in past else None,
            trend=TREND_OF.get(past[site_id][1], "") if site_id in past else "",
        )
        for site_id in (now if now is not None else past)
    ]
    return sorted(found, key=lambda one: (one.score_pct if one.score_pct is not None else 101.0, one.site_id))


def heat(rows: Sequence[Row], at: datetime, zone: tzinfo) -> dict[date, Values]:
    """Hours by day, in the time of the organisation; of an hour that is there twice the last row counts."""
    today = at.astimezone(zone).date()
    found: dict[date, list[float | None]] = {
        today - timedelta(days=back): [None] * 24 for back in range(HEAT_DAYS)
    }
    for hour, _quantiles, _critical, pooled, mean in rows:
        there = hour.astimezone(UTC).astimezone(zone)
        if there.date() in found:
            # Where users were not counted, sites count alike.
            found[there.date()][there.hour] = pooled if pooled is not None else mean
    return {day: tuple(values) for day, values in found.items()}


def by_slot(rows: Sequence[Row], period: Period) -> dict[str, Values]:
    """The quantiles and the number of critical sites, one a slot."""
    names = ("low", "middle", "high", "critical")
    found: dict[str, list[float | None]] = {name: [None] * period.number for name in names}
    for slot, quantiles, critical, *_ in rows:
        place = period.place(slot)
        if place is not None:
            for name, value in zip(names, (*quantiles, critical), strict=True):
                found[name][place] = value
    return {name: tuple(values) for name, values in found.items()}
