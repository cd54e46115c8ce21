"""One site over a range: what is asked of the published copy and the live tables, and putting both together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import duckdb

from mist_pipeline.domain.changes import changed_thing
from mist_pipeline.domain.metrics import CATALOGUE, title_of
from mist_pipeline.domain.text import clean
from mist_pipeline.overview.past.model import Ahead, Change, MetricPast, Neighbour, SitePast, Trouble, Values
from mist_pipeline.overview.past.ranges import Period

USUAL_DAYS = 28
"""Days before the range from which the usual band of hours comes."""
_LEAST_HOURS = 5
"""Fewer hours of one kind say nothing about what is usual."""
_MOST_NEIGHBOURS = 20
_MOST_CHANGES = 40

Row = tuple[Any, ...]
Slot = datetime | date


@dataclass(frozen=True)
class Read:
    """Rows of one file.

    Attributes:
        scores: metric, slot, percent.
        blamed: metric, classifier, slot, degraded user-minutes, access points hit (of days).
        load: slot, clients, access points not connected.
        usual: Of hours metric, hour of the day, whether of a weekend, low, high; of days metric, day, low, high.
        forecast: metric, day, mean, and the four ends.
        health: day, health.
        devices: day, devices that were not connected.
        neighbours: site_id, why.
        changes: change_id, instant, kind, action, title.
    """

    scores: Sequence[Row] = ()
    blamed: Sequence[Row] = ()
    load: Sequence[Row] = ()
    usual: Sequence[Row] = ()
    forecast: Sequence[Row] = ()
    health: Sequence[Row] = ()
    devices: Sequence[Row] = ()
    neighbours: Sequence[Row] = ()
    changes: Sequence[Row] = ()


_SCORES = """
    SELECT metric, hour, score_pct FROM {}.sle_hourly
    WHERE day BETWEEN $first AND $last AND site_id = $site AND hour >= $begin AND hour < $end AND state = 'ok'
    """
_BLAMED = """
    SELECT metric, classifier, hour, degraded_user_minutes, NULL FROM {}.classifiers_hourly
    WHERE day BETWEEN $first AND $last AND site_id = $site AND hour >= $begin AND hour < $end
      AND degraded_user_minutes > 0
    """
_LOAD = """
    SELECT hour, num_clients, num_aps - num_aps_connected FROM {}.site_hourly
    WHERE day BETWEEN $first AND $last AND site_id = $site AND hour >= $begin AND hour < $end
    """


def live_rows(
    connection: duckdb.DuckDBPyConnection, site_id: str, period: Period, *, is_brief: bool = False
) -> Read:
    """What the live tables say of the hours of today; nothing of days."""
    if not period.is_hourly:
        return Read()
    read = _hours(connection, "live", site_id, period, is_brief=is_brief)
    return replace(read, changes=_changes(connection, "live", site_id, period))


def past_rows(
    connection: duckdb.DuckDBPyConnection,
    site_id: str,
    period: Period,
    zone: tzinfo,
    *,
    is_brief: bool = False,
) -> Read:
    """What the published copy says.

    Args:
        connection: To it.
        site_id: Of whom.
        period: When.
        zone: Of the site: its hours of the day are compared.
        is_brief: Only scores, what is usual, and the forecast.
    """
    if period.is_hourly:
        usual = _usual_hours(connection, site_id, period, zone)
        read = replace(_hours(connection, "history", site_id, period, is_brief=is_brief), usual=usual)
    else:
        wanted = {name: sql for name, sql in _OF_DAYS.items() if not is_brief or name in _BRIEF}
        read = Read(**{name: _asked(connection, sql, site_id, period) for name, sql in wanted.items()})
    read = replace(read, changes=_changes(connection, "history", site_id, period))
    return read if is_brief else replace(read, neighbours=_neighbours(connection, site_id))


def _hours(
    connection: duckdb.DuckDBPyConnection, schema: str, site_id: str, period: Period, *, is_brief: bool
) -> Read:
    scores = _asked(connection, _SCORES.format(schema), site_id, period)
    if is_brief:
        return Read(scores=scores)
    return Read(
        scores=scores,
        blamed=_asked(connection, _BLAMED.format(schema), site_id, period),
        load=_asked(connection, _LOAD.format(schema), site_id, period),
    )


_BRIEF = ("scores", "usual", "forecast")
_OF_DAYS = {
    "scores": """
    SELECT metric, day, score_pct FROM history.sle_daily
    WHERE day BETWEEN $first AND $last AND site_id = $site AND state = 'ok'
    """,
    "blamed": """
    SELECT metric, classifier, day, degraded_user_minutes, CASE WHEN impact_state = 'known' THEN num_aps END
    FROM history.classifiers_daily
    WHERE day BETWEEN $first AND $last AND site_id = $site AND degraded_user_minutes > 0
    """,
    "load": """
    SELECT day, max(num_clients), max(num_aps - num_aps_connected) FROM history.site_hourly
    WHERE day BETWEEN $first AND $last AND site_id = $site GROUP BY day
    """,
    "usual": """
    SELECT metric, day, greatest(mean_pct - 2 * std_pct, 0), least(mean_pct + 2 * std_pct, 100)
    FROM analysis.baselines
    WHERE day BETWEEN $first AND $last AND site_id = $site AND day_of_week = -1 AND is_mature
    """,
    "forecast": """
    SELECT metric, target_day, mean_pct, lower_80_pct, upper_80_pct, lower_pct, upper_pct
    FROM analysis.forecasts
    WHERE day = (SELECT max(day) FROM analysis.forecasts WHERE day BETWEEN $first AND $last)
      AND site_id = $site AND mean_pct IS NOT NULL
    """,
    "health": """
    SELECT day, score FROM analysis.health_scores WHERE day BETWEEN $first AND $last AND site_id = $site
    """,
    "devices": """
    SELECT day, count(*) FILTER (status IS DISTINCT FROM 'connected') FROM history.devices
    WHERE day BETWEEN $first AND $last AND site_id = $site GROUP BY day
    """,
}


def _asked(connection: duckdb.DuckDBPyConnection, sql: str, site_id: str, period: Period) -> list[Row]:
    known: dict[str, object] = {"first": period.first_day, "last": period.last_day, "site": site_id}
    if "$begin" in sql:
        # A day of the organisation may begin before, or end after, the hours that are asked for.
        known |= {"begin": period.begin, "end": period.end}
    return connection.execute(sql, known).fetchall()


def _changes(connection: duckdb.DuckDBPyConnection, schema: str, site_id: str, period: Period) -> list[Row]:
    """The newest changes of the range; none in a copy that an earlier version published."""
    there = connection.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = $schema AND table_name = 'changes'",
        {"schema": schema},
    )
    if there.fetchone() is None:
        return []
    return connection.execute(
        f"""
        SELECT change_id, changed_at, kind, action, title FROM {schema}.changes
        WHERE day BETWEEN $first AND $last AND changed_at >= $begin AND changed_at < $end
          AND kind <> 'other' AND list_contains(site_ids, $site)
        ORDER BY changed_at DESC, change_id LIMIT $most
        """,  # noqa: S608 - our own names
        {
            "first": period.first_day, "last": period.last_day, "begin": period.begin, "end": period.end,
            "site": site_id, "most": _MOST_CHANGES,
        },
    ).fetchall()  # fmt: skip


def _usual_hours(
    connection: duckdb.DuckDBPyConnection, site_id: str, period: Period, zone: tzinfo
) -> list[Row]:
    return connection.execute(
        """
        WITH past AS (
            SELECT metric, score_pct, timezone($zone, hour) AS there FROM history.sle_hourly
            WHERE day BETWEEN $first AND $last AND site_id = $site AND state = 'ok' AND hour < $begin
        )
        SELECT metric, CAST(hour(there) AS INTEGER), isodow(there) >= 6,
               quantile_cont(score_pct, 0.1), quantile_cont(score_pct, 0.9)
        FROM past GROUP BY ALL HAVING count(*) >= $least
        """,
        {
            "zone": str(zone), "site": site_id, "begin": period.begin, "least": _LEAST_HOURS,
            "first": period.first_day - timedelta(days=USUAL_DAYS), "last": period.first_day,
        },
    ).fetchall()  # fmt: skip


def _neighbours(connection: duckdb.DuckDBPyConnection, site_id: str) -> list[Row]:
    shared = connection.execute(
        """
        SELECT DISTINCT other.site_id, cause FROM analysis.incidents, unnest(site_ids) AS other(site_id)
        WHERE day = (SELECT max(day) FROM analysis.incidents) AND scope <> 'site'
          AND list_contains(site_ids, $site) AND other.site_id <> $site
        ORDER BY ALL LIMIT $most
        """,
        {"site": site_id, "most": _MOST_NEIGHBOURS},
    ).fetchall()
    together = connection.execute(
        """
        SELECT CASE WHEN site_a = $site THEN site_b ELSE site_a END, metric, coefficient, n
        FROM analysis.correlations
        WHERE day = (SELECT max(day) FROM analysis.correlations) AND (site_a = $site OR site_b = $site)
        ORDER BY coefficient DESC, site_a, site_b, metric LIMIT $most
        """,
        {"site": site_id, "most": _MOST_NEIGHBOURS},
    ).fetchall()
    moves = [
        (other, f"{title_of(metric)} moves with it: correlation {coefficient:.2f} over {n} days")
        for other, metric, coefficient, n in together
    ]
    return [*((other, clean(cause, 200)) for other, cause in shared), *moves]


def put_together(
    period: Period,
    past: Read,
    live: Read,
    zone: tzinfo,
    *,
    trouble: str = "",
    sharing: Iterable[Neighbour] = (),
    troubles: Sequence[Trouble] = (),
) -> SitePast:
    """The answer.

    Args:
        period: When.
        past: What the published copy said.
        live: What the live tables said; newer than the copy where both know an hour.
        zone: Of the site.
        trouble: Why not all of it could be read.
        sharing: Sites that are hit by the same incident.
        troubles: Alerts of the site.
    """
    scores = _series(
        period, (((metric,), slot, value) for metric, slot, value in (*past.scores, *live.scores))
    )
    minutes = _series(
        period,
        (((metric, name), slot, value) for metric, name, slot, value, _ in (*past.blamed, *live.blamed)),
    )
    blamed: dict[str, dict[str, Values]] = {}
    for (metric, classifier), values in minutes.items():
        blamed.setdefault(metric, {})[classifier] = values
    load = (*past.load, *live.load)
    usual = _usual(period, past.usual, zone)
    ahead: dict[str, list[Ahead]] = {}
    for metric, day, mean, low_80, high_80, low_95, high_95 in sorted(past.forecast, key=lambda row: row[:2]):
        ahead.setdefault(metric, []).append(
            Ahead(day=day, mean=mean, low_80=low_80, high_80=high_80, low_95=low_95, high_95=high_95)
        )
    empty: Values = (None,) * period.number
    names = sorted({name for (name,) in scores} | set(ahead), key=in_order)
    return SitePast(
        period=period,
        zone=zone,
        trouble=trouble,
        troubles=troubles,
        metrics=[
            MetricPast(
                metric=name,
                scores=scores.get((name,), empty),
                usual_low=usual.get((name, "low"), empty),
                usual_high=usual.get((name, "high"), empty),
                forecast=ahead.get(name, ()),
            )
            for name in names
        ],
        health=() if period.is_hourly else _one(period, past.health),
        down=() if period.is_hourly else _one(period, past.devices),
        blamed=blamed,
        clients=_one(period, ((slot, clients) for slot, clients, _ in load)),
        lost=_one(period, ((slot, None if lost is None else max(lost, 0)) for slot, _, lost in load)),
        hit=_hit(period, past.blamed),
        changes=_told(past.changes, live.changes),
        neighbours=_unique((*sharing, *(Neighbour(site_id=one, why=why) for one, why in past.neighbours))),
    )


def _told(*several: Sequence[Row]) -> list[Change]:
    """Changes of both files, each once."""
    found = {row[0]: row for rows in several for row in rows}
    return [
        Change(at=at, words=f"{changed_thing(kind, title or '')} {action}")
        for _, at, kind, action, title in sorted(found.values(), key=lambda row: (row[1], row[0]))
    ]


def in_order(metric: str) -> tuple[int, str]:
    """For sorting service levels as people are shown them."""
    known = list(CATALOGUE)
    return (known.index(metric) if metric in known else len(known), metric)


def _series(
    period: Period, rows: Iterable[tuple[tuple[str, ...], Slot, float | None]]
) -> dict[tuple[str, ...], Values]:
    """Name → values by slot; of a slot that is there twice the last row counts."""
    found: dict[tuple[str, ...], list[float | None]] = {}
    for name, slot, value in rows:
        place = period.place(slot)
        if place is not None:
            found.setdefault(name, [None] * period.number)[place] = value
    return {name: tuple(values) for name, values in found.items()}


def _one(period: Period, rows: Iterable[Row]) -> Values:
    found = _series(period, (((), slot, value) for slot, value in rows))
    return found.get((), (None,) * period.number)


def _usual(period: Period, rows: Sequence[Row], zone: tzinfo) -> dict[tuple[str, ...], Values]:
    if not period.is_hourly:
        sides = ("low", "high")
        return _series(
            period, (((metric, side), day, ends[place]) for metric, day, *ends in rows for place, side in enumerate(sides))
        )  # fmt: skip
    known: dict[str, dict[tuple[int, bool], tuple[float, float]]] = {}
    for metric, hour, is_weekend, low, high in rows:
        known.setdefault(metric, {})[hour, is_weekend] = (low, high)
    there = [
        (period.begin.astimezone(UTC) + timedelta(hours=place)).astimezone(zone)
        for place in range(period.number)
    ]
    kinds = [(moment.hour, moment.isoweekday() >= 6) for moment in there]
    found: dict[tuple[str, ...], Values] = {}
    for metric, bands in known.items():
        for place, side in enumerate(("low", "high")):
            found[metric, side] = tuple(bands[kind][place] if kind in bands else None for kind in kinds)
    return found


def _hit(period: Period, rows: Sequence[Row]) -> dict[str, Values]:
    """Metric → most access points that one cause hit on a day: those of several causes may be the same."""
    if period.is_hourly:
        return {}
    most: dict[tuple[str, Slot], float] = {}
    for metric, _classifier, slot, _minutes, aps in rows:
        if aps is not None:
            most[metric, slot] = max(most.get((metric, slot), 0), aps)
    found = _series(period, (((metric,), slot, value) for (metric, slot), value in most.items()))
    return {metric: values for (metric,), values in found.items()}


def _unique(found: Iterable[Neighbour]) -> list[Neighbour]:
    """Each site once, with the first reason."""
    kept: dict[str, Neighbour] = {}
    for one in found:
        kept.setdefault(one.site_id, one)
    return list(kept.values())[:_MOST_NEIGHBOURS]


def blamed_most(blamed: Mapping[str, Mapping[str, Values]]) -> list[str]:
    """Metrics by what is blamed for them, the most degraded user-minutes first."""
    totals = {
        metric: sum(value or 0.0 for values in parts.values() for value in values)
        for metric, parts in blamed.items()
    }
    return sorted(totals, key=lambda metric: (-totals[metric], metric))
