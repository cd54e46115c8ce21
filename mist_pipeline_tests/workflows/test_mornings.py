"""The morning collects what was left behind, makes again what came late, and leaves the rest alone."""

from datetime import date, timedelta

import pytest

from mist_pipeline.workflows.collection.mornings import due
from mist_pipeline.workflows.layers import DAYS_A_RUN

YESTERDAY = date(2026, 3, 20)
START = date(2026, 1, 1)


def day(back: int) -> date:
    return YESTERDAY - timedelta(days=back)


def days(*back: int) -> set[date]:
    return set(map(day, back))


HISTORY = days(*range(1, 60))

CASES = {
    "an ordinary morning": (HISTORY, set(), (0, True, 0)),
    "all is made": (HISTORY | days(0), set(), None),
    "the first morning ever makes no history": (set(), set(), (0, True, 0)),
    "the night before failed, too": (HISTORY - days(1), set(), (1, True, 1)),
    "a week of trouble": (HISTORY - days(*range(1, 8)), set(), (7, True, 7)),
    "the machine was off for a month": (HISTORY - days(*range(1, 31)), set(), (30, True, 30)),
    "a success does not bury the day before it": (HISTORY - days(2) | days(0), set(), (2, True, 1)),
    "a gap older than a week behind what is there is left to backfill": (
        HISTORY - days(9) | days(0),
        set(),
        None,
    ),
    "before the first day that was made nothing is missing": (days(0, 1), set(), None),
    "late answers": (HISTORY | days(0), days(2, 3), (3, False, 2)),
    "late answers of yesterday alone": (HISTORY | days(0), days(0), (0, False, 0)),
    "what is missing goes before what is late": (HISTORY, days(3), (0, True, 0)),
    "late answers of long ago are left alone": (HISTORY | days(0), days(20), None),
    "days of the future do not count": (HISTORY | days(-1), set(), (0, True, 0)),
}


@pytest.mark.parametrize(("complete", "late", "expected"), CASES.values(), ids=CASES)
def test_the_morning(complete: set[date], late: set[date], expected: tuple[int, bool, int] | None) -> None:
    found = due(complete, late, START, YESTERDAY)
    if expected is None:
        assert found is None
        return
    first, is_asking, behind = expected
    assert found is not None
    assert (found.first, found.last, found.is_asking, found.behind) == (
        day(first),
        YESTERDAY,
        is_asking,
        behind,
    )


def test_no_day_before_history_begins_is_made() -> None:
    assert due(set(), set(), YESTERDAY + timedelta(days=1), YESTERDAY) is None
    found = due(days(50), set(), day(3), YESTERDAY)
    assert found is not None
    assert found.first == day(3)


def test_a_run_takes_no_more_days_than_fit_into_one() -> None:
    found = due(days(400), set(), date(2020, 1, 1), YESTERDAY)
    assert found is not None
    assert (found.last - found.first).days + 1 == DAYS_A_RUN


def test_what_a_run_makes_up_for_is_said_in_words() -> None:
    said = {name: str(due(complete, late, START, YESTERDAY)) for name, (complete, late, _) in CASES.items()}
    assert said["an ordinary morning"] == "2026-03-20"
    assert said["a week of trouble"] == "2026-03-13 … 2026-03-20: 7 earlier days are not complete"
    assert said["late answers"] == "2026-03-17 … 2026-03-20: answers came late"
