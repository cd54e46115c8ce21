"""When people are at a site: local time, weekends, holidays."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from mist_pipeline.simulator.world import opening_hours


@pytest.mark.parametrize(
    ("zone", "moment", "offset"),
    [
        ("UTC", datetime(2026, 7, 1, tzinfo=UTC), 0.0),
        ("Asia/Kolkata", datetime(2026, 7, 1, tzinfo=UTC), 5.5),
        ("Europe/Berlin", datetime(2026, 3, 29, 0, tzinfo=UTC), 1.0),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC), 2.0),
        ("Australia/Lord_Howe", datetime(2026, 1, 15, tzinfo=UTC), 11.0),
        ("Australia/Lord_Howe", datetime(2026, 7, 15, tzinfo=UTC), 10.5),
        ("America/St_Johns", datetime(2026, 1, 15, tzinfo=UTC), -3.5),
    ],
)
def test_local_time_follows_the_zone_through_half_hours_and_daylight_saving(
    zone: str, moment: datetime, offset: float
) -> None:
    assert opening_hours.utc_offsets(zone, np.array([opening_hours.hour_of(moment)])).tolist() == [offset]


def test_days_of_the_week_begin_on_monday() -> None:
    monday = (date(2026, 2, 2) - date(1970, 1, 1)).days
    assert opening_hours.weekday(np.arange(monday, monday + 8)).tolist() == [0, 1, 2, 3, 4, 5, 6, 0]


@pytest.mark.parametrize(
    ("country", "day"),
    [
        ("GB", date(2026, 4, 3)),
        ("DE", date(2026, 5, 14)),
        ("US", date(2026, 11, 26)),
        ("US", date(2024, 11, 28)),
        ("AU", date(2025, 4, 21)),
        ("JP", date(2026, 2, 11)),
    ],
)
def test_holidays_fall_on_their_days(country: str, day: date) -> None:
    assert day in opening_hours.holidays(country, day.year)
    number = (day - date(1970, 1, 1)).days
    assert opening_hours.is_holiday(country, np.array([number - 1, number])).tolist() == [False, True]


def test_an_unknown_country_keeps_no_holidays() -> None:
    assert opening_hours.holidays("XX", 2026) == ()


def test_people_come_when_it_is_open_and_stay_away_on_closed_days() -> None:
    week = np.array([[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]])
    hours = np.array([[3.5, 9.5, 13.5, 20.5]])
    share = [
        opening_hours.presence(
            hours,
            np.full((1, 4), day),
            np.array([[9.0]]),
            np.array([[18.0]]),
            week,
            np.array([[0.02]]),
        )[0]
        for day in (0, 6)
    ]
    assert share[0][2] == pytest.approx(1.0)
    assert 0.3 < share[0][1] < 0.7
    assert share[0][[0, 3]].tolist() == pytest.approx([0.02, 0.02])
    assert share[1].tolist() == pytest.approx([0.02] * 4)
