from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mist_pipeline.analysis.baselines.hourly import HOURLY_SCHEMA, HourlyBaselineRules, hourly_baselines

EXACT = HourlyBaselineRules(neighbour_hours=0)


def sites(**zones: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"site_id": list(zones), "timezone": list(zones.values())}, schema_overrides={"timezone": pl.String}
    )


def hourly(
    first: datetime, last: datetime, zone: str, site_id: str = "site", **columns: object
) -> pl.DataFrame:
    """Hours whose score tells the wall clock at the site: its hour of the week ÷ 2."""
    hours = [first + timedelta(hours=at) for at in range(int((last - first) / timedelta(hours=1)) + 1)]
    clocks = [hour.astimezone(ZoneInfo(zone)) for hour in hours]
    return pl.DataFrame(
        {
            "hour": pl.Series(hours, dtype=pl.Datetime("us", "UTC")),
            "site_id": site_id,
            "metric": "capacity",
            "day": [hour.date() for hour in hours],
            "score_pct": [(clock.weekday() * 24 + clock.hour) / 2 for clock in clocks],
            "total_user_minutes": 600.0,
            "state": "ok",
        }
    ).with_columns(**{name: pl.lit(value) for name, value in columns.items()})


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ],
)
def test_nine_o_clock_stays_nine_o_clock_across_a_change_of_the_clock(zone: str, change: datetime) -> None:
    readings = hourly(change - timedelta(days=38), change + timedelta(days=14), zone)
    asked = [change + timedelta(hours=at) for at in range(-48, 200)]
    rows = hourly_baselines(readings, sites(site=zone), asked, rules=EXACT)
    assert rows.height == len(asked)
    clocks = [hour.astimezone(ZoneInfo(zone)) for hour in asked]
    assert rows["hour_of_week"].to_list() == [clock.weekday() * 24 + clock.hour for clock in clocks]
    assert (rows["mean_pct"] * 2).to_list() == pytest.approx(rows["hour_of_week"].to_list())
    assert rows["std_pct"].max() == pytest.approx(0.0, abs=1e-6)


def test_the_hour_that_autumn_repeats_counts_twice_and_the_one_that_spring_skips_is_missing() -> None:
    for change, n in ((datetime(2026, 10, 25, 1, tzinfo=UTC), 6), (datetime(2026, 3, 29, 1, tzinfo=UTC), 4)):
        readings = hourly(change - timedelta(days=38), change + timedelta(days=8), "Europe/Berlin")
        berlin = ZoneInfo("Europe/Berlin")
        next_sunday = (change.astimezone(berlin) + timedelta(days=7)).replace(hour=2)
        rows = hourly_baselines(readings, sites(site="Europe/Berlin"), [next_sunday], rules=EXACT)
        assert rows["n"].item() == n


def test_neighbouring_hours_of_the_wall_clock_count_as_well() -> None:
    asked = datetime(2026, 11, 18, 12, tzinfo=UTC)
    readings = hourly(asked - timedelta(days=36), asked, "UTC")
    row = hourly_baselines(readings, sites(site="UTC"), [asked]).row(0, named=True)
    assert (row["n"], row["mean_pct"], row["median_pct"], row["is_mature"]) == (15, 30.0, 30.0, True)
    assert row["mad_pct"] == 0.5
    assert row["user_minutes"] == 600.0


def test_maturity_needs_three_weeks_and_not_three_hours() -> None:
    asked = datetime(2026, 11, 18, 12, tzinfo=UTC)
    two_weeks = hourly(asked - timedelta(days=15), asked, "UTC")
    row = hourly_baselines(two_weeks, sites(site="UTC"), [asked]).row(0, named=True)
    assert (row["n"], row["is_mature"]) == (6, False)


@pytest.mark.parametrize("zone", [None, "Mars/Olympus_Mons"])
def test_a_site_of_unknown_zone_is_read_as_utc(zone: str | None) -> None:
    asked = datetime(2026, 11, 18, 12, tzinfo=UTC)
    readings = hourly(asked - timedelta(days=36), asked, "UTC")
    expected = hourly_baselines(readings, sites(site="UTC"), [asked])
    assert_frame_equal(hourly_baselines(readings, sites(site=zone), [asked]), expected)
    assert_frame_equal(hourly_baselines(readings, sites(other="UTC"), [asked]), expected)


def test_each_site_is_read_by_its_own_clock() -> None:
    asked = datetime(2026, 11, 18, 12, tzinfo=UTC)
    start = asked - timedelta(days=36)
    readings = pl.concat(
        [
            hourly(start, asked, zone, site_id)
            for site_id, zone in (("a", "Asia/Tokyo"), ("b", "America/Denver"))
        ]
    )
    rows = hourly_baselines(readings, sites(a="Asia/Tokyo", b="America/Denver"), [asked], rules=EXACT)
    assert rows["hour_of_week"].to_list() == [2 * 24 + 21, 2 * 24 + 5]
    assert (rows["mean_pct"] * 2).to_list() == pytest.approx(rows["hour_of_week"].to_list())


def test_excluded_days_and_hours_without_a_score_do_not_count() -> None:
    asked = datetime(2026, 11, 18, 12, tzinfo=UTC)
    readings = hourly(asked - timedelta(days=36), asked, "UTC")
    last_week = asked - timedelta(days=7)
    excluded = pl.DataFrame({"day": [last_week.date()], "site_id": ["site"]})
    where = sites(site="UTC")
    assert hourly_baselines(readings, where, [asked], rules=EXACT, excluded=excluded)["n"].item() == 4
    later = excluded.with_columns(recorded_day=pl.lit(asked.date() + timedelta(days=1)))
    assert hourly_baselines(readings, where, [asked], rules=EXACT, excluded=later)["n"].item() == 5
    silent = readings.with_columns(
        state=pl.when(pl.col("hour") == last_week).then(pl.lit("missing")).otherwise("state")
    )
    assert hourly_baselines(silent, where, [asked], rules=EXACT)["n"].item() == 4


def test_a_naive_hour_is_refused() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        hourly_baselines(hourly(now, now, "UTC"), sites(), [now.replace(tzinfo=None)])


def test_nothing_asked_or_nothing_known_is_an_empty_frame_of_all_columns() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    readings = hourly(now - timedelta(hours=5), now, "UTC")
    for empty in (
        hourly_baselines(readings, sites(site="UTC"), []),
        hourly_baselines(readings, sites(site="UTC"), [now]),
        hourly_baselines(readings.clear(), sites(site="UTC"), [now]),
    ):
        assert empty.is_empty()
        assert dict(empty.schema) == HOURLY_SCHEMA


@pytest.mark.slow
@given(st.integers(0, 20), st.integers(0, 1000))
@settings(deadline=None, max_examples=10)
def test_what_comes_after_an_hour_and_the_order_of_rows_change_nothing(back: int, seed: int) -> None:
    last = datetime(2026, 11, 18, 12, tzinfo=UTC)
    readings = hourly(last - timedelta(days=40), last, "Europe/Berlin")
    asked, where = last - timedelta(hours=back), sites(site="Europe/Berlin")
    alone = hourly_baselines(readings.filter(pl.col("hour") < asked), where, [asked])
    shuffled = readings.sample(fraction=1, shuffle=True, seed=seed)
    every = hourly_baselines(shuffled, where, [last - timedelta(hours=at) for at in range(21)])
    assert_frame_equal(alone, every.filter(pl.col("hour") == asked), check_exact=True)
