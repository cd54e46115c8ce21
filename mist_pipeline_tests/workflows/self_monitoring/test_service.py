"""Whether the pipeline does its work: judged by what has not happened, and by nothing that only looks so."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.tables import live
from mist_pipeline.workflows.cloud_clock import Skew
from mist_pipeline.workflows.self_monitoring.by_day import Attempt, OpenFailure
from mist_pipeline.workflows.self_monitoring.facts import FailedJob, PipelineFacts
from mist_pipeline.workflows.self_monitoring.jobs import NOBODY_TOLD
from mist_pipeline.workflows.self_monitoring.service import (
    DAYS_BACK,
    FULL_BYTES,
    MORNING_SCHEDULE,
    SCARCE_BYTES,
    Clock,
    Disk,
    ServiceFacts,
    service_troubles,
)
from mist_pipeline.workflows.self_monitoring.trouble import Trouble
from mist_pipeline.workflows.self_monitoring.troubles import stalled, troubles

NOW = datetime(2026, 3, 28, 10, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = NOW.date()
SENSOR = Clock(
    name="delivery_sensor", every=MINUTE / 2, is_on=True, on_since=NOW - 9 * DAY, last_tick=NOW - MINUTE
)
MORNING = Clock(
    name=MORNING_SCHEDULE, every=DAY, is_on=True, on_since=NOW - 9 * DAY, last_tick=NOW - 7 * HOUR
)
WELL = ServiceFacts(
    clocks=(SENSOR, MORNING),
    running_since=NOW - 2 * DAY,
    analysed_days=frozenset(TODAY - DAY * number for number in range(1, 90)),
    disks=(Disk("/data", 100 * 1024**3),),
    skew=Skew(timedelta(seconds=-2), NOW - MINUTE),
)


def found(now: datetime = NOW, zone: str = "UTC", **changes: Any) -> dict[str, Trouble]:
    """Subject → trouble."""
    told = service_troubles(replace(WELL, **changes), now, ZoneInfo(zone))
    return {one.subject: one for one in told}


def clock(one: Clock, **changes: Any) -> tuple[Clock, ...]:
    return tuple(replace(each, **changes) if each is one else each for each in WELL.clocks)


def test_a_pipeline_that_works_has_no_trouble() -> None:
    assert found() == {}
    assert found(skew=None, analysed_days=None) == {}


@pytest.mark.parametrize(
    ("changes", "subject", "severity"),
    [
        ({"unevaluated_since": NOW - 16 * MINUTE}, "unevaluated", "critical"),
        ({"is_unsent": True}, "unsent", "major"),
        ({"is_uncalled": True}, "uncalled", "critical"),
        ({"clocks": clock(SENSOR, is_on=False)}, "switched_off", "major"),
        ({"clocks": clock(SENSOR, last_tick=NOW - 12 * MINUTE)}, "not_ticking", "major"),
        ({"clocks": clock(MORNING, last_tick=NOW - DAY - 11 * MINUTE)}, "not_ticking", "major"),
        ({"clocks": clock(SENSOR, failures=3, error="no ledger")}, "ticks_fail", "major"),
        ({"disks": (Disk("/data", SCARCE_BYTES - 1),)}, "disk", "major"),
        ({"disks": (Disk("/", SCARCE_BYTES), Disk("/data", FULL_BYTES - 1))}, "disk", "critical"),
        ({"skew": Skew(-3 * HOUR, NOW - HOUR)}, "cloud_clock", "critical"),
        (
            {"analysed_days": WELL.analysed_days - {date(2026, 3, 27)}},  # type: ignore[operator]
            "daily@2026-03-27",
            "critical",
        ),
    ],
)
def test_what_has_not_happened_is_told(changes: dict[str, Any], subject: str, severity: str) -> None:
    told = found(**changes)
    assert {name: one.severity for name, one in told.items()} == {subject: severity}
    frame = troubles(PipelineFacts(), replace(WELL, **changes), NOW, 15 * MINUTE, UTC)
    assert live.FINDINGS.conform(frame).equals(frame)
    assert [one.subject for one in stalled(PipelineFacts(), replace(WELL, **changes), NOW, HOUR, UTC)] == [
        subject
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"unevaluated_since": NOW - 15 * MINUTE},
        {"clocks": clock(SENSOR, last_tick=NOW - 10 * MINUTE)},
        {"clocks": clock(SENSOR, last_tick=None, on_since=NOW - 5 * MINUTE)},
        {"clocks": clock(SENSOR, failures=2, error="no ledger")},
        {"clocks": clock(SENSOR, is_on=False, last_tick=NOW - 9 * DAY, failures=3)[:0]},
        {"skew": Skew(3 * HOUR, NOW - 7 * HOUR)},
        {"skew": Skew(5 * MINUTE, NOW)},
        {"disks": (Disk("/data", SCARCE_BYTES),)},
    ],
)
def test_what_is_merely_slow_or_long_ago_is_not_told(changes: dict[str, Any]) -> None:
    assert found(**changes) == {}


def test_behind_a_pause_everything_gets_its_time() -> None:
    late = {
        "unevaluated_since": NOW - 9 * HOUR,
        "is_unsent": True,
        "is_uncalled": True,
        "clocks": clock(SENSOR, last_tick=NOW - 9 * HOUR),
        "analysed_days": frozenset({date(2026, 3, 26)}),
    }
    assert found(**late, running_since=NOW - 9 * MINUTE) == {}
    assert set(found(**late, running_since=NOW - 11 * MINUTE)) == {
        "unevaluated",
        "unsent",
        "uncalled",
        "not_ticking",
    }
    assert "daily@2026-03-27" in found(**late, running_since=NOW - 7 * HOUR)


def test_a_service_that_starts_again_and_again_and_does_no_work_has_no_heartbeat() -> None:
    started = replace(WELL, running_since=NOW - 4 * MINUTE)
    assert stalled(PipelineFacts(), started, NOW, HOUR, UTC) == []
    behind = replace(started, unevaluated_since=NOW - 2 * HOUR, is_unsent=True, is_uncalled=True)
    assert {one.subject for one in stalled(PipelineFacts(), behind, NOW, HOUR, UTC)} == {
        "unevaluated",
        "unsent",
        "uncalled",
    }


def test_a_clock_that_was_set_back_hides_nothing() -> None:
    assert set(found(is_unsent=True, running_since=NOW + 3 * HOUR)) == {"unsent"}


def test_where_nothing_is_switched_on_nothing_is_late_but_the_switch_outside_says_so() -> None:
    off = {
        "clocks": tuple(replace(one, is_on=False) for one in WELL.clocks),
        "is_unsent": True,
        "unevaluated_since": NOW - DAY,
    }
    assert found(**off) == {}
    (one,) = stalled(PipelineFacts(), replace(WELL, **off), NOW, HOUR, UTC)
    assert (one.subject, one.severity) == ("switched_off", "critical")


@pytest.mark.parametrize(
    ("now", "zone", "missing"),
    [
        (datetime(2026, 3, 28, 5, 59, tzinfo=UTC), "UTC", []),
        (datetime(2026, 3, 28, 6, 0, tzinfo=UTC), "UTC", ["2026-03-27"]),
        (datetime(2026, 3, 28, 10, tzinfo=UTC), "America/Los_Angeles", []),
        (datetime(2026, 3, 28, 13, tzinfo=UTC), "America/Los_Angeles", ["2026-03-27"]),
        (datetime(2026, 3, 28, 4, 30, tzinfo=UTC), "Asia/Kolkata", ["2026-03-27"]),
    ],
)
def test_yesterdays_analysis_is_due_at_six_in_the_organisations_zone(
    now: datetime, zone: str, missing: list[str]
) -> None:
    known = frozenset({date(2026, 3, 25), date(2026, 3, 26)})
    facts = replace(WELL, analysed_days=known, running_since=None, clocks=(MORNING,))
    told = service_troubles(facts, now, ZoneInfo(zone))
    assert [one.subject for one in told] == [f"daily@{day}" for day in missing]


@pytest.mark.parametrize(
    ("now", "newest", "is_told"),
    [
        (datetime(2026, 3, 28, 8, 0, tzinfo=UTC), date(2026, 3, 26), True),
        (datetime(2026, 3, 28, 7, 59, tzinfo=UTC), date(2026, 3, 26), False),
        (datetime(2026, 3, 28, 8, 0, tzinfo=UTC), date(2026, 3, 27), False),
        # A page of a later day stands for it; where there never was one, none is expected.
        (datetime(2026, 3, 28, 8, 0, tzinfo=UTC), date(2026, 3, 28), False),
        (datetime(2026, 3, 28, 8, 0, tzinfo=UTC), None, False),
    ],
)
def test_a_report_that_is_not_there_when_people_read_it_is_told(
    now: datetime, newest: date | None, *, is_told: bool
) -> None:
    told = service_troubles(
        replace(WELL, newest_report=newest, running_since=None, clocks=(MORNING,)), now, UTC
    )
    assert [(one.subject, one.severity) for one in told] == [("daily@2026-03-27", "major")] * is_told


def test_a_day_without_an_analysis_is_not_told_twice() -> None:
    day = TODAY - DAY
    told = found(analysed_days=WELL.analysed_days - {day}, newest_report=day - DAY)  # type: ignore[operator]
    assert [one.severity for one in told.values()] == ["critical"]


def test_every_missing_day_is_told_by_itself_until_it_is_there() -> None:
    """Monday's missing day was buried by Tuesday's success."""
    monday, tuesday = date(2026, 3, 23), date(2026, 3, 24)
    assert list(found(analysed_days=WELL.analysed_days - {monday})) == [f"daily@{monday}"]  # type: ignore[operator]
    both = WELL.analysed_days - {monday, tuesday}  # type: ignore[operator]
    assert list(found(analysed_days=both)) == [f"daily@{monday}", f"daily@{tuesday}"]


def test_days_before_the_first_and_long_ago_are_not_missed() -> None:
    assert found(analysed_days=frozenset({TODAY - DAY})) == {}
    assert found(analysed_days=frozenset()) == {}
    old = TODAY - DAY * 200
    assert len(found(analysed_days=frozenset({old}))) == DAYS_BACK
    assert found(analysed_days=frozenset({old}), clocks=clock(MORNING, is_on=False)).keys() == {
        "switched_off"
    }


def failed(job: str, reason: str = "disk full", failures: int = 1, day: date | None = None) -> FailedJob:
    run = Attempt(subject=job, run_id="1", at=NOW - HOUR, is_good=False)
    span, days = ("", ()) if day is None else (str(day), (day,))
    failure = OpenFailure(subject=job, newest=run, first=run, failures=failures, span=span, days=days)
    return FailedJob(failure=failure, reason=reason)


def test_a_morning_that_failed_and_is_missing_is_one_trouble_that_says_why() -> None:
    day = TODAY - DAY
    facts = PipelineFacts(jobs=(failed("daily", day=day),))
    service = replace(WELL, analysed_days=WELL.analysed_days - {day})  # type: ignore[operator]
    frame = troubles(facts, service, NOW, 15 * MINUTE, UTC)
    assert frame.select("family", "summary").rows() == [
        (f"pipeline:daily@{day}", f"Job daily failed for {day}: disk full")
    ]


@pytest.mark.parametrize(
    ("facts", "subjects"),
    [
        ((failed("evaluate", failures=1),), []),
        ((failed("evaluate", failures=3),), ["evaluate"]),
        ((failed("watch"),), ["watch"]),
        ((failed("search", failures=9), failed("live", failures=9)), ["live"]),
        ((failed("deliver", NOBODY_TOLD),), ["deliver"]),
    ],
)
def test_the_switch_outside_hears_of_what_keeps_people_from_being_told(
    facts: tuple[FailedJob, ...], subjects: list[str]
) -> None:
    told = stalled(PipelineFacts(jobs=facts), WELL, NOW, 15 * MINUTE, UTC)
    assert [one.subject for one in told] == subjects


def test_the_switch_outside_hears_when_no_poll_succeeds() -> None:
    blind = PipelineFacts(last_poll=NOW - HOUR, polls_on_since=NOW - DAY)
    assert [one.subject for one in stalled(blind, WELL, NOW, 15 * MINUTE, UTC)] == ["live"]
