import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mist_pipeline.analysis.baselines.daily import (
    ALL_DAYS,
    BaselineRules,
    baselines,
    weekday_strength,
)
from mist_pipeline.analysis.baselines.peers import peer_circles
from mist_pipeline.tables.analysis import BASELINES
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series

EVE = D - timedelta(days=1)


def learnt(
    readings: pl.DataFrame, day_of_week: int = ALL_DAYS, day: date = D, **options: object
) -> dict[str, object]:
    rows = baselines(readings, [day], **options)  # type: ignore[arg-type]
    return rows.filter(pl.col("day_of_week") == day_of_week).row(0, named=True)


def test_the_thirty_days_before_the_day_are_the_window_and_the_day_itself_does_not_count() -> None:
    row = learnt(series([0.0, *[90.0, 92.0] * 15, 0.0]))
    assert (row["n"], row["mean_pct"], row["median_pct"]) == (30, 91.0, 91.0)
    assert row["std_pct"] == pytest.approx(math.sqrt(30 / 29))
    assert row["mad_pct"] == pytest.approx(1.0)
    assert row["is_mature"] is True
    assert row["user_minutes"] == 48_000.0


def test_each_weekday_has_a_baseline_of_its_own() -> None:
    # D − 1 is a Wednesday; 28 days before it hold four of each weekday
    readings = series([90.0 + (EVE - timedelta(days=back)).weekday() for back in range(27, -1, -1)], EVE)
    for weekday in range(7):
        row = learnt(readings, weekday)
        assert (row["n"], row["median_pct"], row["std_pct"], row["is_mature"]) == (
            4,
            90.0 + weekday,
            0.0,
            True,
        )
        assert row["low_side_std_pct"] == 0.0, "the weekdays explain everything"
        assert row["weekday_strength"] == pytest.approx(1.0)
    assert learnt(readings)["low_side_std_pct"] > 1.0  # type: ignore[operator]


def test_days_are_weighted_by_their_user_minutes() -> None:
    quiet = frame([reading(40.0, EVE, num_users=6, total_user_minutes=3_000.0)])
    row = learnt(pl.concat([series([91.0] * 14, EVE - timedelta(days=1)), quiet]))
    assert row["mean_pct"] == pytest.approx((14 * 48_000 * 91 + 3_000 * 40) / (14 * 48_000 + 3_000))
    assert row["median_pct"] == 91.0


@pytest.mark.parametrize(
    ("days", "weekday_days", "is_mature", "is_weekday_mature"),
    [(13, 2, False, False), (14, 2, True, False), (20, 3, True, True)],
)
def test_maturity_needs_two_weeks_and_three_of_a_weekday(
    days: int, weekday_days: int, is_mature: bool, is_weekday_mature: bool
) -> None:
    readings = series([90.0] * days, EVE)
    assert learnt(readings)["is_mature"] is is_mature
    tuesday = learnt(readings, 1)
    assert (tuesday["n"], tuesday["is_mature"]) == (weekday_days, is_weekday_mature)


def test_the_rules_are_read() -> None:
    readings = series([80.0, *[90.0] * 7], EVE)
    row = learnt(readings, rules=BaselineRules(days=7, min_days=7, min_weekday_days=1))
    assert (row["n"], row["mean_pct"], row["is_mature"]) == (7, 90.0, True)


@pytest.mark.parametrize("state", ["no_users", "missing", "not_supported"])
def test_days_without_a_score_are_neither_zero_nor_counted(state: str) -> None:
    rows = [reading(None, EVE, state=state), reading(90.0, EVE - timedelta(days=1))]
    assert learnt(frame(rows))["n"] == 1


def test_excluded_days_do_not_count_from_the_day_on_which_they_are_recorded() -> None:
    readings = series([90.0] * 20 + [10.0], EVE)
    excluded = pl.DataFrame({"day": [EVE], "site_id": ["site"], "metric": ["capacity"], "recorded_day": [D]})
    assert learnt(readings, excluded=excluded)["mean_pct"] == 90.0
    later = excluded.with_columns(recorded_day=pl.col("recorded_day") + timedelta(days=1))
    assert learnt(readings, excluded=later)["n"] == 21, "nobody knew it by the end of D"
    both = baselines(readings, [D, D + timedelta(days=1)], excluded=later).filter(
        pl.col("day_of_week") == ALL_DAYS
    )
    assert both["n"].to_list() == [21, 20]


def test_without_days_or_history_the_frame_is_empty_and_has_all_columns() -> None:
    for empty in (
        baselines(series([90.0]), []),
        baselines(series([90.0], EVE).clear(), [D]),
        baselines(series([90.0], EVE), [D + timedelta(days=400)]),
    ):
        assert empty.is_empty()
        assert dict(empty.schema) == BASELINES.polars_schema()


WEEKDAYS = np.arange(28) % 7


def test_the_strength_of_a_weekday_pattern_ignores_a_trend_and_does_not_see_patterns_in_noise() -> None:
    pattern, trend = 3.0 * (WEEKDAYS == 6), 0.5 * np.arange(28)
    noise = np.random.default_rng(5).normal(0, 1, (500, 28))
    strong = weekday_strength((90 + pattern + trend)[None, :], WEEKDAYS)
    assert strong[0] > 0.95
    pure = weekday_strength(90 + noise, WEEKDAYS)
    assert np.median(pure) < 0.05
    mixed = weekday_strength(90 + pattern + noise, WEEKDAYS)
    # the pattern's variance is 9 · 6/49 = 1.1, the noise's 1: about half
    assert np.mean(mixed) == pytest.approx(0.52, abs=0.05)
    assert weekday_strength(np.full((1, 28), 95.0), WEEKDAYS)[0] == 0.0
    assert np.isnan(weekday_strength(noise[:1, :10], WEEKDAYS[:10])[0])


def sites(*rows: tuple[str, list[str], str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"day": D, "site_id": name, "sitegroup_ids": groups, "attributes": data}
            for name, groups, data in rows
        ],
        schema={
            "day": pl.Date,
            "site_id": pl.String,
            "sitegroup_ids": pl.List(pl.String),
            "attributes": pl.String,
        },
    )


SMALL, LARGE = '{"num_aps": 4}', '{"num_aps": 60}'


def test_peers_share_group_and_size_then_size_then_nothing() -> None:
    circles = peer_circles(sites(("a", ["north", "retail"], SMALL), ("b", [], None), ("c", ["north"], LARGE)))
    assert circles.sort("site_id", "width", "circle").select("site_id", "width", "circle").rows() == [
        ("a", 0, "north\x1f0"),
        ("a", 0, "retail\x1f0"),
        ("a", 1, "0"),
        ("a", 2, ""),
        ("b", 1, "unknown"),
        ("b", 2, ""),
        ("c", 0, "north\x1f2"),
        ("c", 1, "2"),
        ("c", 2, ""),
    ]


def neighbourhood() -> tuple[pl.DataFrame, pl.DataFrame]:
    levels = {"p1": 90.0, "p2": 92.0, "p3": 97.0, "far": 50.0}
    history = pl.concat([series([level] * 28, EVE, site_id=name) for name, level in levels.items()])
    where = sites(
        *((name, ["north"], SMALL) for name in ("p1", "p2", "p3", "new")), ("far", ["south"], LARGE)
    )
    return history, where


def test_a_site_without_history_takes_the_baseline_of_its_peers_and_says_so() -> None:
    history, where = neighbourhood()
    row_of = baselines(pl.concat([history, series([88.0], site_id="new")]), [D], sites=where).filter(
        pl.col("site_id") == "new"
    )
    assert row_of.height == 8, "all days and each weekday"
    row = row_of.row(0, named=True)
    assert (row["n"], row["is_pooled"], row["is_mature"]) == (0, True, False)
    assert row["mean_pct"] == pytest.approx(93.0)
    assert row["median_pct"] == 92.0
    # no spread within, variance between 90, 92, 97: (9 + 1 + 16) ÷ 2
    assert row["std_pct"] == pytest.approx(math.sqrt(13))
    assert row["low_side_std_pct"] == pytest.approx(math.sqrt(13))
    assert row["mad_pct"] == pytest.approx(0.6745 * math.sqrt(13))
    assert row["user_minutes"] == 48_000.0


def test_a_young_site_is_blended_by_its_share_of_the_days_that_maturity_needs() -> None:
    history, where = neighbourhood()
    young = series([79.0] * 7, EVE, site_id="new")
    rows = baselines(pl.concat([history, young]), [D], sites=where).filter(pl.col("site_id") == "new")
    row = rows.row(0, named=True)
    assert (row["n"], row["is_pooled"]) == (7, True)
    assert row["mean_pct"] == pytest.approx(0.5 * 79 + 0.5 * 93)
    assert row["std_pct"] == pytest.approx(math.sqrt(0.5 * 0 + 0.5 * 13))
    one_of_three = rows.filter(pl.col("day_of_week") == 0).row(0, named=True)
    assert one_of_three["mean_pct"] == pytest.approx(79 / 3 + 93 * 2 / 3)


def test_with_too_few_peers_of_its_kind_a_site_takes_the_next_circle() -> None:
    history, _ = neighbourhood()
    lonely = sites(
        *((name, ["north"], SMALL) for name in ("p1", "p2", "p3")),
        ("new", ["west"], SMALL),
        ("far", [], LARGE),
    )
    new = series([88.0], site_id="new")
    rows = baselines(pl.concat([history, new]), [D], sites=lonely).filter(pl.col("site_id") == "new")
    assert rows["mean_pct"][0] == pytest.approx(93.0), "those of its size"
    odd = sites(*((name, ["north"], SMALL) for name in ("p1", "p2", "p3", "far")), ("new", [], LARGE))
    rows = baselines(pl.concat([history, new]), [D], sites=odd).filter(pl.col("site_id") == "new")
    assert rows["mean_pct"][0] == pytest.approx((90 + 92 + 97 + 50) / 4), "everybody"
    nobody = baselines(pl.concat([series([90.0] * 28, EVE), new]), [D], sites=odd)
    assert nobody.filter(pl.col("site_id") == "new").is_empty(), "one peer is no circle"


scores = st.lists(st.floats(0, 100) | st.none(), min_size=1, max_size=45)


@pytest.mark.slow
@given(scores, st.integers(0, 5))
@settings(deadline=None, max_examples=20)
def test_levels_stay_within_0_and_100_and_later_or_older_history_changes_nothing(
    values: list[float | None], later: int
) -> None:
    readings, day = series(values), D - timedelta(days=later)
    window = readings.filter(pl.col("day").is_between(day - timedelta(days=30), day))
    alone = baselines(window, [day])
    backfilled = baselines(readings, [D - timedelta(days=back) for back in range(6)])
    assert_frame_equal(alone, backfilled.filter(pl.col("day") == day), check_exact=True)
    levels = np.ravel(backfilled.select("mean_pct", "median_pct").to_numpy())
    assert ((levels >= 0) & (levels <= 100)).all()


@pytest.mark.slow
@given(st.lists(scores, min_size=4, max_size=6), st.integers(0, 1000))
@settings(deadline=None, max_examples=12)
def test_order_of_rows_and_one_more_healthy_site_change_no_baseline_that_is_not_pooled(
    worlds: list[list[float | None]], seed: int
) -> None:
    names = [f"s{at}" for at in range(len(worlds))]
    readings = pl.concat([series(values, site_id=name) for name, values in zip(names, worlds, strict=True)])
    where = sites(*((name, ["north"], SMALL) for name in [*names, "healthy"]))
    before = baselines(readings, [D], sites=where)
    more = pl.concat([readings, series([99.0] * 30, EVE, site_id="healthy")])
    after = baselines(more.sample(fraction=1, shuffle=True, seed=seed), [D], sites=where)
    own = pl.col("is_pooled").not_() & (pl.col("site_id") != "healthy")
    mature = pl.col("is_mature")
    assert_frame_equal(before.filter(own & mature), after.filter(own & mature), check_exact=True)
    alone, company = baselines(readings, [D]), baselines(more, [D])
    assert_frame_equal(alone, company.filter(pl.col("site_id") != "healthy"), check_exact=True)
