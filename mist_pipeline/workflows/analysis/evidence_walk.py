"""``analysis.evidence`` of days, with the state that detection keeps between runs (``state.evidence``).

The state is a function of all history before it. A run takes the newest state that ends before its first day, walks on
from there, and stores the state at its end. States that know replaced days are deleted. Here: reading, storing. Not
here: evidence itself (``analysis.evidence.model``).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
from duckdb import DuckDBPyConnection

from mist_pipeline.analysis.evidence.hourly_matrix import BLOCK, HourlyMatrix, hourly_matrix
from mist_pipeline.analysis.evidence.model import (
    LOOK_BACK,
    EvidenceOptions,
    EvidenceRun,
    EvidenceState,
    PastWeek,
    evidence,
)
from mist_pipeline.analysis.stats.local_time import hour_number
from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history, state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.asking import Value, ask
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.progress import Progress, silent

if TYPE_CHECKING:
    from pyarrow import RecordBatch, RecordBatchReader
    from pyarrow import Table as ArrowTable

KEPT_DAYS = 3
"""Newest states kept besides those of Mondays."""

CELLS_AT_ONCE = 3_000_000
"""Hourly readings of service levels that are in memory at a time."""

_MOST_DAYS = 366
"""Days at a time, however few readings they have."""


EVIDENCE_COLUMNS: dict[Table, str] = {
    history.SLE_HOURLY: "hour, site_id, metric, state, score_pct, total_user_minutes, degraded_user_minutes",
    history.CLASSIFIERS_HOURLY: "hour, site_id, metric, classifier, total_user_minutes, degraded_user_minutes",
    history.SITE_HOURLY: "hour, site_id, num_clients, num_aps, num_aps_connected",
}
"""What evidence is made of; live tables have the same columns."""

_ROWS_AT_ONCE = 1_000_000


def compact(connection: DuckDBPyConnection, sql: str, parameters: Mapping[str, Value]) -> pl.DataFrame:
    """The rows of a query with texts as numbers: hours of a week are many millions, and their texts few and often repeated."""
    # In pieces, so that the texts of all are never there at once.
    found = ask(connection, sql, parameters).to_arrow_reader(_ROWS_AT_ONCE)
    return pl.concat(
        pl.DataFrame(pl.from_arrow(piece)).with_columns(pl.col(pl.String).cast(pl.Categorical))
        for piece in _with_columns(found)
    )


def _with_columns(found: "RecordBatchReader") -> Iterator["RecordBatch | ArrowTable"]:
    """The pieces and, of what has none, the columns; PyArrow imports pandas where it makes an empty table by itself."""
    yield from found
    yield found.read_all()


def stored_state(warehouse: Warehouse, until: datetime) -> tuple[EvidenceState | None, datetime | None]:
    """The newest stored state that ends at or before an instant, and when it ends; None without one."""
    warehouse.prepare()  # a warehouse that an earlier version wrote last is read in the present form
    with warehouse.reading():
        day = state_day(warehouse, until)
        return (None, None) if day is None else (read_state(warehouse, day), end_of(day))


def state_day(warehouse: Warehouse, until: datetime) -> date | None:
    """The day (UTC) at whose end the newest state that ends at or before an instant is; None without one."""
    day: date | None = warehouse.query(
        "SELECT max(day) FROM state.evidence WHERE day < ?", [until.astimezone(UTC).date()]
    ).item()
    return day


def read_state(warehouse: Warehouse, day: date) -> EvidenceState:
    """The state at the end of a day that has one."""
    return EvidenceState.from_rows(warehouse.read_days(state.EVIDENCE, day, day).drop("day"))


def store_evidence(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], progress: Progress = silent
) -> int:
    """Store the evidence of days, piece by piece, each in one transaction with the state at its end.

    Args:
        warehouse: Where hours are read, evidence and state are stored.
        settings: For the organisation's zone.
        days: Consecutive days.
        progress: Hears of every piece.

    Returns:
        How many rows were stored.
    """
    # Of the newest day that has any: one without says nothing about those before it.
    cells = warehouse.query(
        "SELECT count(*) FROM history.sle_hourly WHERE day = (SELECT max(day) FROM history.sle_hourly WHERE day <= ?)",
        [days[-1]],
    ).item()
    size = max(1, min(_MOST_DAYS, CELLS_AT_ONCE // max(1, int(cells))))
    _walk_on(warehouse, settings, _span_of(settings, days)[0], timedelta(days=size))
    total = 0
    for start in range(0, len(days), size):
        piece = days[start : start + size]
        total += _store_piece(warehouse, settings, piece)
        progress("weighing evidence", start + len(piece), len(days))
    return total


def _walk_on(warehouse: Warehouse, settings: Settings, until: datetime, at_once: timedelta) -> None:
    """Bring the state nearer to an instant where more hours lie between than fit in memory: an old day was replaced, or there is no state."""
    _, at = stored_state(warehouse, until)
    if at is None:
        at = warehouse.query(
            "SELECT date_trunc('day', min(hour) AT TIME ZONE 'UTC') FROM history.sle_hourly"
        ).item()
        if at is None:
            return
        at = at.replace(tzinfo=UTC)
    while at + at_once < until:
        at += at_once
        reached = _weighed(warehouse, settings, at, at, at.date()).state
        with warehouse.writing() as connection:
            _put_state(warehouse, connection, reached)


def _store_piece(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> int:
    """Store the evidence of days that fit in memory together; how many rows."""
    run = _weighed(warehouse, settings, *_span_of(settings, days), days[-1])
    rows = run.rows.filter(pl.col("day").is_in(list(days)))
    _store(warehouse, rows, run.state, days)
    return rows.height


def _span_of(settings: Settings, days: Sequence[date]) -> tuple[datetime, datetime]:
    """When the first of the days begins and the last ends."""
    zone = settings.organisation.zone
    begin, end = (day_bounds(day, zone)[at] for day, at in ((days[0], 0), (days[-1], 1)))
    return datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)


def _weighed(
    warehouse: Warehouse, settings: Settings, begin: datetime, end: datetime, last: date
) -> EvidenceRun:
    """Evidence of the hours from one instant to another, continued from the newest state before."""
    known, ends = stored_state(warehouse, begin)
    with warehouse.reading() as connection:
        past = known if known is None or ends is None else _week_before(connection, known, ends)
        scores, causes, clients = _hours(connection, ends, end)
        sites = warehouse.query("SELECT * FROM history.sites WHERE day <= ?", [last])
    return evidence(
        scores,
        causes,
        clients,
        sites,
        from_hour=begin,
        until_hour=end,
        state=past,
        options=EvidenceOptions(time_zone=settings.organisation.timezone),
    )


def _hours(connection: DuckDBPyConnection, since: datetime | None, until: datetime) -> list[pl.DataFrame]:
    """Rows of the tables of `EVIDENCE_COLUMNS` from one instant to before another."""
    condition = "hour < $until" + (" AND hour >= $since" if since else "")
    parameters = {"until": until, **({"since": since} if since else {})}
    return [
        compact(connection, f"SELECT {columns} FROM {of.full_name} WHERE {condition}", parameters)
        for of, columns in EVIDENCE_COLUMNS.items()
    ]


def _week_before(
    connection: DuckDBPyConnection, known: EvidenceState, ends: datetime
) -> PastWeek | EvidenceState:
    """A state with the hours before its end, of which a day's rows are in memory at a time: they take ten times the arrays.

    The state alone where nothing of that week is known: then it goes on only when there are hours again.
    """
    hours: HourlyMatrix | None = None
    is_anything = False
    for days in range(LOOK_BACK // BLOCK, 0, -1):
        first = ends - timedelta(days=days)
        scores, causes, clients = _hours(connection, first, first + timedelta(days=1))
        is_anything |= not (scores.is_empty() and clients.is_empty())
        of_day = hourly_matrix(
            scores,
            causes,
            clients,
            first_hour=hour_number(first),
            end_hour=hour_number(first) + BLOCK,
            known_series=known.series if hours is None else hours.series,
            known_sites=known.loads.site_ids if hours is None else hours.site_ids,
        )
        hours = of_day if hours is None else hours.followed_by(of_day)
    if hours is None or not is_anything:
        return known
    return PastWeek(known.aligned(hours.series, hours.site_ids), hours)


def _store(warehouse: Warehouse, rows: pl.DataFrame, at_end: EvidenceState, days: Sequence[date]) -> None:
    with warehouse.writing() as connection:
        warehouse.put(connection, table.EVIDENCE, rows, days)
        # A state that knows hours of the replaced days, or later ones, may now know what is no longer so.
        ask(connection, "DELETE FROM state.evidence WHERE day >= ?", [days[0] - timedelta(days=1)])
        _put_state(warehouse, connection, at_end)


def _put_state(warehouse: Warehouse, connection: DuckDBPyConnection, at_end: EvidenceState) -> None:
    if at_end.next_hour:
        day = datetime.fromtimestamp(at_end.next_hour * 3600, UTC).date() - timedelta(days=1)
        warehouse.put(connection, state.EVIDENCE, at_end.rows().with_columns(day=pl.lit(day)), [day])
    ask(
        connection,
        "DELETE FROM state.evidence WHERE dayofweek(day) <> 1 AND day NOT IN "
        "(SELECT DISTINCT day FROM state.evidence ORDER BY day DESC LIMIT ?)",
        [KEPT_DAYS],
    )


def end_of(day: date) -> datetime:
    """When a day (UTC) ends."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
