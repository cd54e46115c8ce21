"""Recurring times of day: zones, midnight, and the two days a year when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.alerts.notify.time_windows import Window

BERLIN = "Europe/Berlin"


def local(text: str, zone: str = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


NIGHT = Window(begins=time(22), zone=BERLIN, until=time(6))
EVENING = Window(begins=time(19, 40), zone=BERLIN, lasts_hours=11)
WALL = Window(begins=time(19, 40), zone=BERLIN, until=time(6, 40))


@pytest.mark.parametrize(
    ("window", "instant", "is_inside"),
    [
        (NIGHT, "2026-01-10T21:59", False),
        (NIGHT, "2026-01-10T22:00", True),
        (NIGHT, "2026-01-11T00:00", True),
        (NIGHT, "2026-01-11T05:59", True),
        (NIGHT, "2026-01-11T06:00", False),
        (EVENING, "2026-01-10T19:39", False),
        (EVENING, "2026-01-10T19:40", True),
        (EVENING, "2026-01-11T06:39", True),
        (EVENING, "2026-01-11T06:40", False),
        # Clocks go forward on 29 March 2026 at 02:00: eleven hours from 19:40 end at 07:40, wall clocks at 06:40.
        (EVENING, "2026-03-29T07:39", True),
        (EVENING, "2026-03-29T07:40", False),
        (WALL, "2026-03-29T06:39", True),
        (WALL, "2026-03-29T06:40", False),
        # They go back on 25 October 2026 at 03:00.
        (EVENING, "2026-10-25T05:39", True),
        (EVENING, "2026-10-25T05:40", False),
        (WALL, "2026-10-25T06:39", True),
        (WALL, "2026-10-25T06:40", False),
    ],
)
def test_windows_cross_midnight_and_both_days_of_daylight_saving(
    window: Window, instant: str, is_inside: bool
) -> None:
    assert window.contains(local(instant).astimezone(UTC)) is is_inside


def test_quiet_hours_are_local_and_not_utc() -> None:
    tokyo = Window(begins=time(22), zone="Asia/Tokyo", until=time(6))
    assert tokyo.contains(datetime(2026, 5, 1, 13, tzinfo=UTC))
    assert not tokyo.contains(datetime(2026, 5, 1, 22, tzinfo=UTC))


def test_daylight_saving_does_not_shift_them() -> None:
    for day in ("2026-03-28", "2026-03-29", "2026-03-30", "2026-10-24", "2026-10-25", "2026-10-26"):
        assert NIGHT.contains(local(f"{day}T22:00"))
        assert not NIGHT.contains(local(f"{day}T06:00"))


def test_an_hour_that_comes_twice_is_inside_twice_and_a_skipped_start_moves_on() -> None:
    small = Window(begins=time(2, 30), zone=BERLIN, until=time(3, 30))
    assert small.contains(local("2026-10-25T02:45"))
    assert small.contains(local("2026-10-25T02:45", fold=1))
    skipped = Window(begins=time(2, 30), zone=BERLIN, lasts_hours=1)
    assert skipped.contains(datetime(2026, 3, 29, 1, 30, tzinfo=UTC))
    assert not skipped.contains(datetime(2026, 3, 29, 1, 29, tzinfo=UTC))


def test_a_weekly_window_begins_on_its_days_and_may_end_on_another() -> None:
    weekend = Window(begins=time(20), zone=BERLIN, lasts_hours=60, weekdays=("friday",))
    assert weekend.contains(local("2026-05-01T20:00"))  # a Friday
    assert weekend.contains(local("2026-05-04T07:59"))
    assert not weekend.contains(local("2026-05-04T08:00"))
    assert not weekend.contains(local("2026-04-30T20:00"))


def test_a_window_has_first_and_last_days() -> None:
    may = Window(
        begins=time(22), zone=BERLIN, until=time(6), first_day=date(2026, 5, 1), last_day=date(2026, 5, 31)
    )
    assert not may.contains(local("2026-04-30T23:00"))
    assert may.contains(local("2026-06-01T05:00"))
    assert not may.contains(local("2026-06-01T23:00"))


def test_from_eight_to_eight_is_a_whole_day() -> None:
    always = Window(begins=time(8), zone="UTC", until=time(8))
    assert always.contains(datetime(2026, 5, 1, 7, 59, tzinfo=UTC))
    assert always.contains(datetime(2026, 5, 1, 8, tzinfo=UTC))


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({}, "needs `until` or `lasts_hours`, one of them"),
        ({"until": time(1), "lasts_hours": 11}, "needs `until` or `lasts_hours`, not both"),
        ({"lasts_hours": 0}, "greater than 0"),
        ({"lasts_hours": 169}, "less than or equal to 168"),
        ({"until": time(1), "weekdays": ("someday",)}, "'someday' is no weekday"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(given_: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Window(begins=time(0), zone=BERLIN, **given_)  # type: ignore[arg-type]


def test_an_unknown_zone_is_refused_when_the_window_is_made() -> None:
    with pytest.raises(ValueError, match="'Europe/Atlantis' is no IANA time zone"):
        Window(begins=time(0), zone="Europe/Atlantis", until=time(1))


@given(
    st.integers(0, 365 * 24 * 60).map(
        lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    ),
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]),
    st.times(),
    st.integers(1, 7 * 24 * 60),
)
def test_a_length_always_lasts_exactly_so_long(
    instant: datetime, zone: str, begins: time, minutes: int
) -> None:
    window = Window(begins=begins.replace(tzinfo=None), zone=zone, lasts_hours=minutes / 60)
    end = window.ends_at(instant)
    if end is None:
        assert minutes < 25 * 60
        return
    assert instant < end <= instant + timedelta(minutes=minutes)
    assert window.contains(end - timedelta(minutes=minutes))
