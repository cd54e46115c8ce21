"""What the warehouse knows about the service levels that lead an incident, for tables and pictures in messages.

Read from the published files, whole days from one and today from another, so that a message never waits for the writer of the
warehouse. A message is sent without what is in a file that is missing, of an earlier version or cannot be opened. Not here: which service levels
(`builder.leading_pairs`), drawing (`charts`), analysis (``analysis``).
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from mist_pipeline.notification.message_context import Ahead, Background, Blamed, Pair, Usual
from mist_pipeline.warehouse.asking import ask
from mist_pipeline.warehouse.connection import WarehouseBusyError
from mist_pipeline.warehouse.store import Warehouse

DAYS = 30
"""Days of history, ending with the newest that has a score."""
HOURS = 48
"""Hours of history, ending with the newest that has a score."""
MOST_CLASSIFIERS = 12
"""Classifiers of one service level."""

_WAIT_SECONDS = 5.0
"""Nobody keeps the copy for long; a message does not wait for who does."""
_HOURS_AGE = timedelta(hours=48)
"""Hours that ended longer ago are not "the last hours" of anything."""
_FRESH = timedelta(days=7)
"""What was computed or blamed before is no background of today."""

_DAILY = """
SELECT site_id, metric, day, score_pct
FROM history.sle_daily
WHERE (site_id, metric) IN (SELECT unnest($sites::VARCHAR[]), unnest($metrics::VARCHAR[]))
  AND day > $first AND day <= $today AND score_pct IS NOT NULL
ORDER BY site_id, metric, day
"""

_HOURLY = """
SELECT site_id, metric, hour, score_pct
FROM history.sle_hourly
WHERE (site_id, metric) IN (SELECT unnest($sites::VARCHAR[]), unnest($metrics::VARCHAR[]))
  AND hour > $first_hour AND hour <= $now AND score_pct IS NOT NULL
"""

_TODAY = _HOURLY.replace("history.", "live.")

_CHANGES = """
SELECT site_id, metric, changed_at
FROM history.changes
JOIN (SELECT unnest($sites::VARCHAR[]) AS site_id, unnest($metrics::VARCHAR[]) AS metric) ON list_contains(site_ids, site_id)
WHERE changed_at > $first_hour AND changed_at <= $now AND kind <> 'other'
"""
_CHANGES_TODAY = _CHANGES.replace("history.", "live.")

# As analysis.deviations chooses it: the median of the weekday where that is mature, else of all days; on the eve of
# the trouble, so that it has learnt nothing from it.
_BASELINES = """
SELECT site_id, metric, coalesce(median_pct, mean_pct) AS expected, coalesce(low_side_std_pct, std_pct) AS spread
FROM analysis.baselines
JOIN (
  SELECT unnest($sites::VARCHAR[]) AS site_id, unnest($metrics::VARCHAR[]) AS metric, unnest($onsets::DATE[]) AS onset
) USING (site_id, metric)
WHERE day > onset - 7 AND day <= onset AND expected IS NOT NULL AND spread IS NOT NULL
  AND (day_of_week = -1 AND (is_mature OR is_pooled) OR day_of_week = isodow(onset) - 1 AND is_mature)
QUALIFY row_number() OVER (PARTITION BY site_id, metric ORDER BY day DESC, day_of_week DESC) = 1
"""

_FORECASTS = """
SELECT site_id, metric, target_day, mean_pct, lower_pct, upper_pct, lower_80_pct, upper_80_pct
FROM analysis.forecasts
WHERE (site_id, metric) IN (SELECT unnest($sites::VARCHAR[]), unnest($metrics::VARCHAR[]))
  AND day > $fresh AND day <= $today
  AND mean_pct + lower_pct + upper_pct + lower_80_pct + upper_80_pct IS NOT NULL
QUALIFY day = max(day) OVER (PARTITION BY site_id, metric)
ORDER BY site_id, metric, target_day
"""

_CLASSIFIERS = """
SELECT site_id, metric, day, classifier, degraded_pct, num_users
FROM history.classifiers_daily
JOIN (
  SELECT unnest($sites::VARCHAR[]) AS site_id, unnest($metrics::VARCHAR[]) AS metric, unnest($earliest::DATE[]) AS earliest
) USING (site_id, metric)
WHERE day >= earliest AND day > $fresh AND day <= $today
QUALIFY day = max(day) OVER (PARTITION BY site_id, metric) AND degraded_pct > 0
ORDER BY site_id, metric, degraded_pct DESC, classifier
"""

log = logging.getLogger(__name__)


def read_background(
    published: Path,
    today: Path,
    pairs: Sequence[Pair],
    as_of: datetime,
    onsets: Mapping[Pair, datetime] | None = None,
) -> dict[Pair, Background]:
    """Background of service levels, without pictures.

    Args:
        published: The published copy, of whole days.
        today: The published live tables.
        pairs: Site and metric.
        as_of: The instant of the message; nothing later is read.
        onsets: When the trouble of a pair began, where there is some: what is usual was known by then, and what the cloud
            blamed on an earlier day has nothing to do with it.

    Returns:
        Only pairs about which something is known, in the order in which they were given.

    Raises:
        ValueError: The instant has no zone.
    """
    if as_of.utcoffset() is None:
        raise ValueError(f"background needs an instant with a zone, not {as_of}")
    wanted = list(dict.fromkeys(pairs))
    if not wanted:
        return {}
    found: defaultdict[Pair, _Found] = defaultdict(_Found)

    def days(connection: duckdb.DuckDBPyConnection) -> None:
        _read_hours(connection, _HOURLY, wanted, as_of, found)
        _read_changes(connection, _CHANGES, wanted, as_of, found)
        _read_days(connection, wanted, as_of, onsets or {}, found)

    def hours_of_today(connection: duckdb.DuckDBPyConnection) -> None:
        _read_hours(connection, _TODAY, wanted, as_of, found)
        _read_changes(connection, _CHANGES_TODAY, wanted, as_of, found)

    # What the daily partition says of an hour supersedes what the live evaluation of that day saw.
    _read(today, hours_of_today)
    _read(published, days)
    for one in found.values():
        one.forget_old(as_of)
    return {pair: background for pair in wanted if (background := found[pair].background()) is not None}


@dataclass
class _Found:
    """What was read about one service level."""

    days: list[tuple[date, float]] = field(default_factory=list)
    hours: dict[datetime, float] = field(default_factory=dict)
    changes: set[datetime] = field(default_factory=set)
    usual: Usual | None = None
    forecast: list[Ahead] = field(default_factory=list)
    classifiers: list[Blamed] = field(default_factory=list)
    classifiers_day: date | None = None

    def forget_old(self, as_of: datetime) -> None:
        """What ended long ago is no background of this instant."""
        if self.hours and max(self.hours) <= as_of - _HOURS_AGE:
            self.hours.clear()
        if self.days and self.days[-1][0] <= as_of.astimezone(UTC).date() - timedelta(days=DAYS):
            self.days.clear()

    def background(self) -> Background | None:
        if not (self.days or self.hours or self.forecast or self.classifiers):
            return None
        hours = sorted(self.hours.items())
        begin = hours[-1][0] - timedelta(hours=HOURS - 1) if hours else None
        return Background(
            days=tuple(one for one in self.days if one[0] > self.days[-1][0] - timedelta(days=DAYS)),
            hours=tuple(one for one in hours if one[0] > hours[-1][0] - timedelta(hours=HOURS)),
            usual=self.usual,
            forecast=tuple(self.forecast),
            classifiers=tuple(self.classifiers[:MOST_CLASSIFIERS]),
            classifiers_day=self.classifiers_day,
            changes=tuple(at for at in sorted(self.changes) if begin is not None and at >= begin),
        )


def _read(path: Path, read: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
    """Read a published file, if there is one that can be read."""
    try:
        with Warehouse(path, wait_seconds=_WAIT_SECONDS).reading() as connection:
            read(connection)
    except FileNotFoundError:
        return
    except (WarehouseBusyError, duckdb.OperationalError) as error:
        # Another program's file, one half copied or of a later DuckDB: sent without background rather than not at all.
        log.warning("no background for messages: %s", error)


def _keys(pairs: Sequence[Pair]) -> dict[str, Any]:
    return {"sites": [site for site, _ in pairs], "metrics": [metric for _, metric in pairs]}


def _hours(pairs: Sequence[Pair], as_of: datetime) -> dict[str, Any]:
    return {**_keys(pairs), "first_hour": as_of - _HOURS_AGE - timedelta(hours=HOURS), "now": as_of}


def _read_hours(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    pairs: Sequence[Pair],
    as_of: datetime,
    found: defaultdict[Pair, _Found],
) -> None:
    for pair, (hour, score) in _rows(connection, sql, _hours(pairs, as_of)):
        found[pair].hours[hour.astimezone(UTC)] = score


def _read_changes(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    pairs: Sequence[Pair],
    as_of: datetime,
    found: defaultdict[Pair, _Found],
) -> None:
    for pair, (at,) in _rows(connection, sql, _hours(pairs, as_of)):
        found[pair].changes.add(at.astimezone(UTC))


def _read_days(
    connection: duckdb.DuckDBPyConnection,
    pairs: Sequence[Pair],
    as_of: datetime,
    onsets: Mapping[Pair, datetime],
    found: defaultdict[Pair, _Found],
) -> None:
    # A day is complete only after its end, wherever the organisation is: none that is begins later than this date.
    today = as_of.astimezone(UTC).date()
    days = {**_keys(pairs), "first": today - timedelta(days=2 * DAYS), "today": today}
    recent = {**_keys(pairs), "fresh": today - _FRESH, "today": today}
    began = [onsets[pair].astimezone(UTC).date() if pair in onsets else None for pair in pairs]
    usual = {**_keys(pairs), "onsets": [min(day or today, today) for day in began]}
    blamed = {**recent, "earliest": [day or date.min for day in began]}
    for pair, (day, score) in _rows(connection, _DAILY, days):
        found[pair].days.append((day, score))
    for pair, (expected, spread) in _rows(connection, _BASELINES, usual):
        found[pair].usual = Usual(expected, spread)
    for pair, ahead in _rows(connection, _FORECASTS, recent):
        found[pair].forecast.append(Ahead(*ahead))
    for pair, (day, classifier, share, users) in _rows(connection, _CLASSIFIERS, blamed):
        found[pair].classifiers_day = day
        found[pair].classifiers.append(Blamed(classifier, share, users))


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]
) -> Iterator[tuple[Pair, tuple[Any, ...]]]:
    """Site and metric, and the other columns; nothing where an earlier version has no such table or column."""
    try:
        rows = ask(connection, sql, parameters).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return
    for site_id, metric, *values in rows:
        yield (site_id, metric), tuple(values)
