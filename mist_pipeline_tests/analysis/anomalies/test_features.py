"""Shapes of days and their features: hand-computed, user-aware, on the site's own clock, missing is never zero."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.anomalies.features import (
    BLOCKS,
    FEATURES,
    Floats,
    day_shapes,
    features,
    last_24_hours,
    shape_cube,
    with_live,
)

DAY = date(2026, 11, 20)
HOURLY = {
    "hour": pl.Datetime("us", "UTC"),
    "day": pl.Date,
    "site_id": pl.String,
    "metric": pl.String,
    "score_pct": pl.Float64,
    "total_user_minutes": pl.Float64,
    "degraded_user_minutes": pl.Float64,
    "state": pl.String,
}
SITES = pl.DataFrame({"site_id": ["a"], "timezone": ["UTC"]})
LEVEL, CHANGE, SPREAD, PATTERN = range(len(FEATURES))


def hour(
    at: int, score: float | None, minutes: float | None, state: str = "ok", day: date = DAY
) -> tuple[object, ...]:
    instant = datetime(day.year, day.month, day.day, at, tzinfo=UTC)
    return (instant, day, "a", "m", score, minutes, None, state)


def hourly(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=HOURLY, orient="row")


def history(shares: list[float | None], users: float = 100.0, last: date = DAY) -> pl.DataFrame:
    """Shapes of one site and metric, one share a day, the same in every block; None = a day without users."""
    days = [last - timedelta(days=len(shares) - 1 - i) for i in range(len(shares))]
    hours = [0.0 if share is None else users for share in shares]
    blocks = {
        name: values
        for b in range(BLOCKS)
        for name, values in (
            (f"user_hours_{b}", [n / BLOCKS for n in hours]),
            (
                f"degraded_hours_{b}",
                [(share or 0.0) * n / BLOCKS for share, n in zip(shares, hours, strict=True)],
            ),
        )
    }
    return pl.DataFrame(
        {
            "day": days,
            "site_id": "a",
            "metric": "m",
            "user_hours": hours,
            "share": shares,
            "spread": [None if share is None else 0.1 for share in shares],
            **blocks,
        },
        schema_overrides={"share": pl.Float64, "spread": pl.Float64},
    )


def feature(shapes: pl.DataFrame, which: int, day: date = DAY) -> float:
    dense = shape_cube(shapes, day - timedelta(days=40), day)
    return float(features(dense, [day], 28, 14)[day][0, 0, which])


def test_a_shape_weighs_hours_by_their_users() -> None:
    shape = day_shapes(hourly(hour(1, 100.0, 60.0), hour(9, 75.0, 180.0)), SITES).row(0, named=True)
    assert shape["user_hours"] == pytest.approx(4.0)
    assert shape["share"] == pytest.approx(0.25 * 3 / 4)
    assert (shape["user_hours_0"], shape["user_hours_2"]) == (pytest.approx(1.0), pytest.approx(3.0))
    assert shape["degraded_hours_2"] == pytest.approx(0.75)
    # x is 0 with weight 1 and asin(√.25) = π/6 with weight 3.
    assert shape["spread"] == pytest.approx(np.pi / 6 * np.sqrt(3 / 4 * 1 / 4))


@pytest.mark.parametrize("state", ["no_users", "missing", "not_supported"])
def test_a_day_without_a_reading_has_a_shape_without_a_share(state: str) -> None:
    shape = day_shapes(hourly(hour(1, None, None, state)), SITES).row(0, named=True)
    assert shape["share"] is None
    assert shape["spread"] is None
    assert shape["user_hours"] == 0.0


def test_an_hour_that_is_not_ok_does_not_count_even_with_a_score() -> None:
    shape = day_shapes(hourly(hour(1, 90.0, 60.0), hour(2, 0.0, 600.0, "missing")), SITES).row(0, named=True)
    assert shape["share"] == pytest.approx(0.1)


def test_blocks_are_of_the_sites_own_clock() -> None:
    rows = hourly(hour(23, 50.0, 60.0))
    berlin = day_shapes(rows, pl.DataFrame({"site_id": ["a"], "timezone": ["Europe/Berlin"]})).row(
        0, named=True
    )
    assert berlin["user_hours_0"] == pytest.approx(1.0)
    for zone in (None, "Middle-earth/Shire"):
        frame = pl.DataFrame({"site_id": ["a"], "timezone": [zone]}, schema_overrides={"timezone": pl.String})
        assert day_shapes(rows, frame).row(0, named=True)["user_hours_5"] == pytest.approx(1.0)
    moved = pl.DataFrame(
        {"day": [DAY, DAY - timedelta(days=1)], "site_id": ["a", "a"], "timezone": ["UTC", "Asia/Tokyo"]}
    )
    assert day_shapes(rows, moved).row(0, named=True)["user_hours_5"] == pytest.approx(1.0)


def test_unknown_user_minutes_are_sixty_of_each_client_else_one_user() -> None:
    rows = hourly(hour(1, 90.0, None), hour(2, 90.0, None))
    clients = pl.DataFrame({"hour": [rows["hour"][0]], "site_id": ["a"], "num_clients": [7]})
    assert day_shapes(rows, SITES)["user_hours"].item() == pytest.approx(2.0)
    assert day_shapes(rows, SITES, clients)["user_hours"].item() == pytest.approx(8.0)


def test_a_history_in_pieces_gives_the_same_shapes() -> None:
    rows = [hour(k % 24, 90.0 + k % 7, 60.0 + k, day=DAY - timedelta(days=k % 3)) for k in range(60)]
    frame = hourly(*rows).unique(subset=["hour"], maintain_order=True)
    apart = pl.concat(day_shapes(part, SITES) for part in frame.partition_by("day")).sort("day")
    assert day_shapes(frame, SITES).equals(apart)


def test_the_last_24_hours_bear_the_day_on_which_most_of_them_fell() -> None:
    rows = [hour(k, 90.0, 60.0, day=DAY + timedelta(days=d)) for d in (-1, 0) for k in range(24)]
    early = last_24_hours(hourly(*rows), SITES, datetime(2026, 11, 20, 8, tzinfo=UTC))
    late = last_24_hours(hourly(*rows), SITES, datetime(2026, 11, 20, 20, tzinfo=UTC))
    assert early["day"].to_list() == [DAY - timedelta(days=1)]
    assert late["day"].to_list() == [DAY]
    assert early["user_hours"].item() == late["user_hours"].item() == pytest.approx(24.0)
    tokyo = last_24_hours(hourly(*rows), SITES, datetime(2026, 11, 20, 8, tzinfo=UTC), "Asia/Tokyo")
    assert tokyo["day"].to_list() == [DAY]


def test_the_live_shape_replaces_its_day_and_what_is_stored_after_it() -> None:
    stored = history([0.1, 0.2, 0.3])
    live = history([0.9], last=DAY - timedelta(days=1))
    assert with_live(stored, live)["share"].to_list() == [0.1, 0.9]


def test_the_level_by_hand() -> None:
    # 28 days at a share of .01, then .04 of 100 user-hours: scale at its floor of .01 beside 1 / (4 · 100).
    z = (np.arcsin(np.sqrt(0.04)) - np.arcsin(np.sqrt(0.01))) / np.sqrt(0.01**2 + 0.25 / 100)
    assert feature(history([0.01] * 28 + [0.04]), LEVEL) == pytest.approx(np.arcsinh(z), abs=1e-5)


def test_the_change_by_hand() -> None:
    z = (np.arcsin(np.sqrt(0.04)) - np.arcsin(np.sqrt(0.01))) / np.sqrt(2 * (0.01**2 + 0.25 / 100))
    assert feature(history([0.01] * 28 + [0.04]), CHANGE) == pytest.approx(np.arcsinh(z), abs=1e-5)
    # A gap does not hide the change: the last day with users is what is compared with.
    assert feature(history([0.01] * 26 + [None, None, 0.04]), CHANGE) == pytest.approx(
        np.arcsinh(z), abs=1e-5
    )


def test_fewer_users_make_the_same_share_less_unusual() -> None:
    many, few = history([0.01] * 28 + [0.2], 400.0), history([0.01] * 28 + [0.2], 4.0)
    assert feature(many, LEVEL) > 2 * feature(few, LEVEL) > 0


def test_a_weekday_is_measured_against_its_own_kind() -> None:
    weekly = [0.10 if (28 - i) % 7 == 0 else 0.01 for i in range(28)]
    assert feature(history([*weekly, 0.10]), LEVEL) < feature(history([0.01] * 28 + [0.10]), LEVEL) - 1


def test_the_good_side_is_cut() -> None:
    assert feature(history([0.3] * 28 + [0.0]), LEVEL) == pytest.approx(np.arcsinh(-1.0), abs=1e-5)


def test_a_bad_block_shows_in_the_pattern_though_the_day_as_a_whole_is_usual() -> None:
    usual = history([0.02] * 29)
    is_today = pl.col("day") == DAY
    moved = usual.with_columns(
        pl.when(is_today)
        .then(pl.col("user_hours_2") * 0.12)
        .otherwise(pl.col("degraded_hours_2"))
        .alias("degraded_hours_2"),
        *(
            pl.when(is_today).then(0.0).otherwise(pl.col(f"degraded_hours_{b}")).alias(f"degraded_hours_{b}")
            for b in (0, 1, 3, 4, 5)
        ),
    )
    assert feature(moved, LEVEL) == pytest.approx(feature(usual, LEVEL))
    assert feature(moved, PATTERN) > feature(usual, PATTERN) + 0.5


def test_an_uneven_day_shows_in_the_spread() -> None:
    usual = history([0.02] * 29)
    uneven = usual.with_columns(
        pl.when(pl.col("day") == DAY).then(0.4).otherwise(pl.col("spread")).alias("spread")
    )
    assert feature(usual, SPREAD) == pytest.approx(0.0)
    assert feature(uneven, SPREAD) == pytest.approx(np.arcsinh(0.3 / 0.01), abs=1e-5)


@pytest.mark.parametrize("shares", [[0.01] * 13 + [0.04], [0.01] * 28 + [None]])
def test_too_little_history_or_no_users_give_no_feature(shares: list[float | None]) -> None:
    assert np.isnan(feature(history(shares), LEVEL))


def test_what_lies_after_the_day_or_before_its_reference_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    shares: list[float | None] = [float(x) for x in rng.beta(1, 30, 60)]
    shapes = history(shares)
    day = DAY - timedelta(days=7)
    cut = shapes.filter(pl.col("day").is_between(day - timedelta(days=28), day))
    for which in range(len(FEATURES)):
        assert feature(shapes, which, day) == feature(cut, which, day)


def test_a_reference_of_broken_weeks_is_refused() -> None:
    with pytest.raises(ValueError, match="whole weeks, not 30"):
        features(shape_cube(history([0.1]), DAY, DAY), [DAY], 30, 14)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    shares=st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=29, max_size=29),
    users=st.floats(0.5, 1e4),
)
def test_features_are_finite_or_missing_together(shares: list[float | None], users: float) -> None:
    dense = shape_cube(history(shares, users), DAY - timedelta(days=28), DAY)
    values: Floats = features(dense, [DAY], 28, 14)[DAY][0, 0]
    assert np.isfinite(values[LEVEL]) == (
        shares[-1] is not None and sum(s is not None for s in shares[:-1]) >= 14
    )
    seen = values[np.isfinite(values)]
    assert (seen >= np.arcsinh(-1.0) - 1e-6).all()


def test_days_before_the_first_are_days_without_a_reading() -> None:
    shapes = history([0.01] * 20 + [0.04])
    short = shape_cube(shapes, DAY - timedelta(days=20), DAY)
    long = shape_cube(shapes, DAY - timedelta(days=40), DAY)
    np.testing.assert_array_equal(features(short, [DAY], 28, 14)[DAY], features(long, [DAY], 28, 14)[DAY])
