"""."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl

from mist_pipeline.analysis.evidence.model import LOOK_BACK, EvidenceOptions, EvidenceState, evidence
from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history, state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse

KEPT_DAYS = 3
"""Newest memories kept besides those of Mondays."""


CELLS_AT_ONCE = 3_000_000
"""Hourly readings of service levels walked over in one piece."""


def remembered(warehouse: Warehouse, until: datetime) -> tuple[EvidenceState | None, datetime | None]:
    """The newest memory that ends at or before an instant, and when it ends."""
    warehouse.prepare()  # a warehouse that an earlier version wrote last is read in the present form
    day: date | None = warehouse.query(
        "SELECT max(day) FROM state.evidence WHERE day < ?", [until.astimezone(UTC).date()]
    ).item()
    if day is None:
        return None, None
    rows = warehouse.read_days(state.EVIDENCE, day, day)
    return EvidenceState.from_rows(rows.drop("day")), _end_of(day)


def walk(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> tuple[pl.DataFrame, int]:
    """Evidence of these days, written in one transaction with the memory at their end; a preview and the rows."""
    zone = settings.organisation.zone
    begin, end = (
        datetime.fromtimestamp(day_bounds(day, zone)[at], UTC) for day, at in ((days[0], 0), (days[-1], 1))
    )
    memory, ends = remembered(warehouse, begin)
    since = (ends - timedelta(hours=LOOK_BACK)) if ends else None

    def hours(of: Table) -> pl.DataFrame:
        condition = "hour < $end" + (" AND hour >= $since" if since else "")
        parameters = {"end": end, **({"since": since} if since else {})}
        return warehouse.query(f"SELECT * FROM {of.full_name} WHERE {condition}", parameters)

    run = evidence(
        hours(history.SLE_HOURLY),
        hours(history.CLASSIFIERS_HOURLY),
        hours(history.SITE_HOURLY),
        warehouse.query("SELECT * FROM history.sites WHERE day <= ?", [days[-1]]),
        from_hour=begin,
        until_hour=end,
        state=memory,
        options=EvidenceOptions(time_zone=settings.organisation.timezone),
    )
    rows = run.rows.filter(pl.col("day").is_in(list(days)))
    _store(warehouse, rows, run.state, days)
    return rows.head(8), rows.height


def _store(warehouse: Warehouse, rows: pl.DataFrame, memory: EvidenceState, days: Sequence[date]) -> None:
    ends = datetime.fromtimestamp(memory.next_hour * 3600, UTC) if memory.next_hour else None
    with warehouse.writing() as connection:
        warehouse.put(connection, table.EVIDENCE, rows, days)
        # A memory that knows hours of the replaced days, or later ones, may now know what is no longer so.
        connection.execute("DELETE FROM state.evidence WHERE day >= ?", [days[0] - timedelta(days=1)])
        if ends is not None:
            day = ends.date() - timedelta(days=1)
            warehouse.put(connection, state.EVIDENCE, memory.rows().with_columns(day=pl.lit(day)), [day])
        connection.execute(
            "DELETE FROM state.evidence WHERE dayofweek(day) <> 1 AND day NOT IN "
            "(SELECT DISTINCT day FROM state.evidence ORDER BY day DESC LIMIT ?)",
            [KEPT_DAYS],
        )


def _end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
