"""The days before a backfill that have history and no analysis: its lead-in, which is analysed first.

Rows of a day are made of earlier days' rows: forecasts of forecasts of eight weeks, whose own verdicts read eight more, and orders
of five weeks before those; crossings of warnings of 45 days. So the lead-in ends nowhere short of the first such day. One that
ended where a table stops reading would itself store rows that no morning would have made, and the next backfill would read them.

Here: which days those are. Not here: running their jobs (``cli.run``), evidence, which reads hours alone (``evidence_walk``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mist_pipeline.analysis.forecasts.model_search import search_weekday
from mist_pipeline.tables import analysis, history, scorecard
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse

ALWAYS_MADE = (
    analysis.TRENDS,
    analysis.FORECASTS,
    analysis.RISKS,
    analysis.HEALTH_SCORES,
    scorecard.ISSUED_RISKS,
)
"""Tables that have rows of every analysed day with readings: a day is analysed if all of them have. Others may say nothing of a day."""


@dataclass(frozen=True)
class LeadIn:
    """What a backfill makes before its own days.

    Attributes:
        searched: Days with history of which no series was searched for its order.
        analysed: Days with history and without analysis.
    """

    searched: tuple[date, ...] = ()
    analysed: tuple[date, ...] = ()


def lead_in(warehouse: Warehouse, first: date, start: date) -> LeadIn:
    """What has history and no analysis before a day.

    Args:
        warehouse: Where both are; one that does not exist has neither.
        first: First day of the backfill.
        start: First day of history; what is older is never made.
    """
    if not warehouse.place.exists():
        return LeadIn()
    warehouse.prepare()
    with warehouse.reading():
        series = warehouse.query(f"SELECT DISTINCT site_id, metric FROM {history.SLE_DAILY.full_name}")
        # Few series leave weekdays on which none is searched, so days that never have a row.
        due = {search_weekday(site, metric) for site, metric in series.iter_rows()}
        unsearched = _without(warehouse, (analysis.MODELS,), start, first)
        return LeadIn(
            searched=tuple(day for day in unsearched if day.weekday() in due),
            analysed=_without(warehouse, ALWAYS_MADE, start, first),
        )


def _without(warehouse: Warehouse, made: Sequence[Table], start: date, first: date) -> tuple[date, ...]:
    """Days with readings from ``start`` to before ``first`` that one of the tables lacks, in order."""
    in_all = " INTERSECT ".join(map(_days_of, made))
    days = warehouse.query(
        f"""
        SELECT day FROM (SELECT day FROM {history.SLE_DAILY.full_name} EXCEPT ({in_all}))
        WHERE day >= $start AND day < $first ORDER BY day
        """,
        {"start": start, "first": first},
    )
    return tuple(days["day"])


def _days_of(table: Table) -> str:
    """Days of a table; of trends also those on which nobody had a score, which never have one."""
    days = f"SELECT day FROM {table.full_name}"
    if table != analysis.TRENDS:
        return days
    read = f"SELECT day FROM {history.SLE_DAILY.full_name}"
    return f"({days} UNION ({read} EXCEPT {read} WHERE state = 'ok'))"


def spans(days: Iterable[date]) -> list[list[date]]:
    """Days in order, cut where one is left out.

    >>> [len(span) for span in spans([date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 4)])]
    [2, 1]
    """
    found: list[list[date]] = []
    for day in days:
        if found and found[-1][-1] + timedelta(days=1) == day:
            found[-1].append(day)
        else:
            found.append([day])
    return found
