"""The pipeline's own work: days with their readings, sinks with what waits, calls to the cloud."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from mist_pipeline.domain.text import clean
from mist_pipeline.overview.model import CallsOfHour
from mist_pipeline.overview.past.model import Values
from mist_pipeline.overview.past.ranges import Period

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.reader import LedgerReader


@dataclass(frozen=True, kw_only=True)
class SinkState:
    """What became of the messages of one sink.

    Attributes:
        sink: Its name.
        waiting: Messages that are not sent yet.
        accepted_at: When it accepted its newest settled message; None where it did not.
        refused_at: When it was given up; None where it was accepted.
        error: Why.
        unreached: Recipients that have not got what they were sent.
    """

    sink: str
    waiting: int = 0
    accepted_at: datetime | None = None
    refused_at: datetime | None = None
    error: str = ""
    unreached: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Work:
    """The pipeline's own work.

    Attributes:
        period: Days.
        with_readings: Sites that have a score of at least one service level, by day.
        without: Sites that the cloud knew and that have none.
        hours: Mean hours that a reading stands on.
        days_trouble: Why the days could not be read, '' if they could.
        sinks: Those that were ever sent something, or are configured, by name.
        given_up: Messages that will not be sent.
        ledger_trouble: Why the messages could not be read, '' if they could.
        calls: Calls to the cloud by hour.
        calls_trouble: Why their count could not be read, '' if it could.
    """

    period: Period
    with_readings: Values = ()
    without: Values = ()
    hours: Values = ()
    days_trouble: str = ""
    sinks: Sequence[SinkState] = ()
    given_up: int = 0
    ledger_trouble: str = ""
    calls: Sequence[CallsOfHour] = ()
    calls_trouble: str = ""


def covered(connection: duckdb.DuckDBPyConnection, period: Period) -> dict[str, Values]:
    """Sites with and without readings, and hours, by day; a day that was never collected is None."""
    rows = connection.execute(
        """
        WITH read AS (
            SELECT day, count(DISTINCT site_id) FILTER (state IN ('ok', 'no_users')) AS answered, avg(hours_covered) AS hours
            FROM history.sle_daily WHERE day BETWEEN $first AND $last GROUP BY day
        ), known AS (
            SELECT day, count(*) AS sites FROM history.sites WHERE day BETWEEN $first AND $last GROUP BY day
        )
        SELECT day, answered, greatest(coalesce(sites, answered) - answered, 0), hours
        FROM read LEFT JOIN known USING (day)
        """,
        {"first": period.first_day, "last": period.last_day},
    ).fetchall()
    names = ("with_readings", "without", "hours")
    found: dict[str, list[float | None]] = {name: [None] * period.number for name in names}
    for day, *values in rows:
        place = period.place(day)
        if place is not None:
            for name, value in zip(names, values, strict=True):
                found[name][place] = value
    return {name: tuple(values) for name, values in found.items()}


def sinks(ledger: "LedgerReader", configured: Sequence[str]) -> tuple[list[SinkState], int]:
    """Every sink, by name, and how many messages were given up."""
    waiting, results, missed = ledger.waiting_messages(), ledger.last_results(), ledger.unreached()
    states = []
    for name in sorted({*configured, *waiting, *results}):
        last = results.get(name)
        states.append(
            SinkState(
                sink=clean(name, 60),
                waiting=waiting.get(name, 0),
                accepted_at=last.at if last and last.is_accepted else None,
                refused_at=last.at if last and not last.is_accepted else None,
                error=clean(last.error, 200) if last and not last.is_accepted else "",
                unreached=[clean(one.recipient, 80) for one in missed if one.sink == name],
            )
        )
    return states, len(ledger.given_up())
