"""Days, hours and windows of a zone."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.collect.fetch.days import HOUR, day_bounds, hour_windows, span_windows

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/Santiago",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Asia/Beirut",
        "America/Havana",
    ]
).map(ZoneInfo)
DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31))
FAR = 4_000_000_000


def day_of(instant: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(instant, UTC).astimezone(zone).date()


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", date(2026, 3, 29), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Santiago", date(2025, 9, 7), 23),  # midnight itself is skipped
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),  # clocks move by half an hour
    ],
)
def test_a_day_is_as_long_as_its_zone_makes_it(zone: str, day: date, hours: float) -> None:
    start, end = day_bounds(day, ZoneInfo(zone))
    assert end - start == hours * HOUR


@given(day=DAYS, zone=ZONES)
@settings(deadline=None, max_examples=60)
def test_days_follow_one_another_without_gap_and_hold_their_own_instants(day: date, zone: ZoneInfo) -> None:
    start, end = day_bounds(day, zone)
    assert day_bounds(day + timedelta(days=1), zone)[0] == end
    assert day_of(start, zone) == day_of(end - 1, zone) == day


@pytest.mark.slow
@given(first=DAYS, count=st.integers(1, 20), zone=ZONES, length=st.sampled_from([1, 6, 24, 72, 168]))
@settings(deadline=None, max_examples=80)
def test_windows_cover_every_second_of_the_days_once(
    first: date, count: int, zone: ZoneInfo, length: int
) -> None:
    days = [first + timedelta(days=offset) for offset in range(count)]
    for windows in (span_windows(days, zone, max_hours=length, now=FAR), hour_windows(days, zone, now=FAR)):
        assert windows[0].start == day_bounds(days[0], zone)[0]
        assert windows[-1].end == day_bounds(days[-1], zone)[1]
        assert all(left.end == right.start for left, right in itertools.pairwise(windows))
        for window in windows:
            assert window.days[0] == day_of(window.start, zone)
            assert window.days[-1] == day_of(window.end - 1, zone)
    assert all(
        len(window.days) <= max(1, length // 24)
        for window in span_windows(days, zone, max_hours=length, now=FAR)
    )


@given(
    first=DAYS,
    count=st.integers(1, 5),
    zone=ZONES,
    minutes=st.integers(-3000, 9000),
    length=st.sampled_from([6, 24, 72]),
)
@settings(deadline=None, max_examples=80)
def test_nothing_is_asked_beyond_now(
    first: date, count: int, zone: ZoneInfo, minutes: int, length: int
) -> None:
    days = [first + timedelta(days=offset) for offset in range(count)]
    now = day_bounds(first, zone)[0] + minutes * 60
    windows = [*hour_windows(days, zone, now=now), *span_windows(days, zone, max_hours=length, now=now)]
    assert all(window.start < window.end <= now for window in windows)


def test_days_apart_never_share_a_window() -> None:
    days = [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 9)]
    assert [window.days for window in span_windows(days, ZoneInfo("UTC"), max_hours=168, now=FAR)] == [
        (date(2026, 1, 1), date(2026, 1, 2)),
        (date(2026, 1, 9),),
    ]


def test_the_live_job_asks_from_the_hour_of_its_last_poll_on() -> None:
    zone, day = ZoneInfo("Asia/Kolkata"), date(2026, 1, 5)
    start, _ = day_bounds(day, zone)
    now, since = start + 5 * HOUR + 600, start + 3 * HOUR + 900
    assert [window.start for window in hour_windows([day], zone, now=now, since=since)] == [
        start + 3 * HOUR,
        start + 4 * HOUR,
        start + 5 * HOUR,
    ]
    for length in (2, 24):
        windows = span_windows([day - timedelta(days=1), day], zone, max_hours=length, now=now, since=since)
        assert (windows[0].start, windows[-1].end) == (start + 3 * HOUR, now)


def test_a_window_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        span_windows(
            [date(2026, 1, 1)],
            ZoneInfo("UTC"),
            max_hours=0,
            now=int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()),
        )
