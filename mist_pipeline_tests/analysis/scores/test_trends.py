import math
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mist_pipeline.analysis.scores.bands import UserGate
from mist_pipeline.analysis.scores.trends import LOOKBACK_DAYS, TrendRules, trends, value_trends
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series


def trend(readings: pl.DataFrame, day: date = D, rules: TrendRules | None = None) -> dict[str, object]:
    return trends(readings, [day], measured_better={"capacity": "higher"}, rules=rules).row(0, named=True)


@pytest.mark.parametrize(
    ("before", "after", "indicator", "is_degrading"),
    [(80.0, 99.0, "↓", False), (99.0, 80.0, "↑", True), (90.0, 90.4, "→", False), (90.0, 89.6, "→", False)],
)
def test_predecessor_mistake_3_a_rising_score_is_improving_and_a_falling_one_worsening(
    before: float, after: float, indicator: str, is_degrading: bool
) -> None:
    row = trend(series([before, after]))
    assert (row["indicator"], row["is_degrading"]) == (indicator, is_degrading)
    assert row["change_pct"] == pytest.approx(after - before)


def test_predecessor_mistake_4_a_trend_fires_on_the_keys_of_the_history_itself() -> None:
    rows = trends(
        pl.concat([series([95, 95, 80], metric=name) for name in ("capacity", "time-to-connect")]),
        [D],
        measured_better={},
    )
    assert rows.select("metric", "is_degrading").rows() == [("capacity", True), ("time-to-connect", True)]


def test_predecessor_mistake_9_the_configured_degradation_percent_is_read() -> None:
    readings = series([100.0, 92.0])
    assert trend(readings)["is_degrading"] is True
    assert trend(readings, rules=TrendRules(degradation_pct=8.0))["is_degrading"] is False


def test_predecessor_mistake_14_a_day_of_two_users_neither_fires_nor_is_compared_with() -> None:
    night = {"num_users": 2, "total_user_minutes": 90.0}
    falls = pl.concat([series([95, 95], D - timedelta(days=1)), frame([reading(40.0, **night)])])
    assert trend(falls)["is_degrading"] is False
    quiet_between = frame(
        [reading(95.0, D - timedelta(days=2)), reading(40.0, D - timedelta(days=1), **night), reading(94.8)]
    )
    row = trend(quiet_between)
    assert (row["previous_day"], row["previous_pct"], row["indicator"]) == (D - timedelta(days=2), 95.0, "→")


def test_the_previous_day_is_the_last_one_with_data_and_the_rule_is_per_day_elapsed() -> None:
    row = trend(series([100.0, None, None, 88.0]))
    assert row["previous_day"] == D - timedelta(days=3)
    assert row["change_pct"] == -12.0
    assert row["indicator"] == "↑"
    assert row["is_degrading"] is False, "12 % over three days are 4 % a day"
    assert trend(series([100.0, None, None, 84.0]))["is_degrading"] is True, (
        "16 % over three days are 5.3 % a day"
    )


def test_exactly_five_percent_is_not_more_than_five_percent() -> None:
    assert trend(series([100.0, 95.0]))["is_degrading"] is False
    assert trend(series([100.0, 94.9]))["is_degrading"] is True


def test_the_first_day_of_a_series_has_a_row_and_no_trend() -> None:
    row = trend(series([90.0]))
    unknown = ("previous_pct", "change_pct", "velocity_pct_per_day", "indicator", "noise_pct", "previous_day")
    assert [row[name] for name in unknown] == [None] * 6
    assert row["is_degrading"] is False


@pytest.mark.parametrize("state", ["no_users", "missing", "not_supported"])
def test_a_day_without_a_score_has_no_row_and_does_not_hide_the_next(state: str) -> None:
    readings = frame(
        [
            reading(95.0, D - timedelta(days=2)),
            reading(None, D - timedelta(days=1), state=state),
            reading(80.0),
        ]
    )
    assert trends(readings, [D - timedelta(days=1)], measured_better={}).is_empty()
    assert trend(readings)["previous_pct"] == 95.0


def test_the_velocity_is_the_median_of_the_slopes_of_all_pairs() -> None:
    # slopes: -2, -3, -4 (one day), -2.5, -3.5 (two), -3 (three); median -3
    assert trend(series([94.0, 92, 89, 85]))["velocity_pct_per_day"] == pytest.approx(-3.0)
    assert trend(series([94.0, 92]))["velocity_pct_per_day"] is None, "two days are no slope"
    assert trend(series([10.0, 94, 94, 94, 94, 94, 94, 94]))["velocity_pct_per_day"] == 0.0, "an eighth day"


def test_noise_without_history_is_the_binomial_error_of_the_users_minutes() -> None:
    # 48,000 user-minutes are 3,200 observations a day; share (90 % · 1,600 + 1) ÷ 1,602, σ = √(p(1−p)·2/3,200)
    p = (0.9 * 1600 + 1) / 1602
    expected = 2 * 100 * math.sqrt(p * (1 - p) * 2 / 3200)
    assert trend(series([92.0, 88.0]))["noise_pct"] == pytest.approx(expected)


def test_noise_of_a_short_history_is_the_median_distance_of_its_changes() -> None:
    # changes before D: 2, -2, 2, -4, 4, -2; the 15 distances of pairs: 0 0 2 2 2 2 4 [4] 4 4 6 6 6 6 8
    row = trend(series([90.0, 92, 90, 92, 88, 92, 90, 90]))
    assert row["noise_pct"] == pytest.approx(2 * 4 / 0.9539)


def test_a_steady_decline_is_not_taken_for_noise() -> None:
    row = trend(series([100.0 - 3 * day for day in range(9)]))
    assert row["noise_pct"] == 1.0, "the floor: every change is the same"
    assert row["indicator"] == "↑"


def test_a_weekday_pattern_is_not_a_trend_and_a_worse_weekday_is() -> None:
    five_weeks = [97.0 if day % 7 else 90.0 for day in range(36)]  # D is day 35: a bad weekday again
    row = trend(series(five_weeks))
    assert (row["change_pct"], row["indicator"], row["is_degrading"]) == (-7.0, "→", False)
    assert row["noise_pct"] == pytest.approx(8.0), "7 points are usual, and the floor of 1"
    worse = trend(series([*five_weeks[:-1], 85.0]))
    assert (worse["indicator"], worse["is_degrading"]) == ("↑", True)
    better = trend(series([*five_weeks[:-1], 99.0]))
    assert (better["noise_pct"], better["indicator"]) == (1.0, "↓"), "what is usual downwards excuses no rise"


def test_noise_of_a_long_history_is_the_spread_of_the_same_change_in_two_weeks() -> None:
    # The second and fourth week swing by 4, the others are flat: changes of the same weekday differ by 0 or 4.
    week, swing = [90.0] * 7, [90.0, 94.0] * 3 + [90.0]
    scores = [*week, *swing, *week, *swing, 90.0]
    row = trend(series(scores))
    assert row["noise_pct"] == pytest.approx(2 * 1.4826 * 4 / math.sqrt(2))


def test_noise_grows_with_few_users() -> None:
    swings = [90.0 + 2 * (day % 2) for day in range(9)]
    usual = trend(series(swings))
    few = frame([reading(90.0, num_users=50, total_user_minutes=12_000.0)])
    quiet = trend(pl.concat([series(swings[:-1], D - timedelta(days=1)), few]))
    # 1/n_today + 1/n_yesterday = (4 + 1)/n, usually 2/n
    assert quiet["noise_pct"] == pytest.approx(usual["noise_pct"] * math.sqrt(5 / 2))


def test_noise_without_minutes_counts_an_hour_for_every_user() -> None:
    triage = trend(series([92.0, 88.0], total_user_minutes=None))
    minutes = trend(series([92.0, 88.0], total_user_minutes=200 * 60.0))
    assert triage["noise_pct"] == pytest.approx(minutes["noise_pct"])


def test_the_measurement_has_a_direction_and_a_noise_of_its_own() -> None:
    readings = frame(
        [
            reading(score, day, metric=metric, measured_value=value)
            for metric in ("capacity", "roaming", "unheard-of")
            for score, day, value in [(95.0, D - timedelta(days=1), 10.0), (95.0, D, 12.0)]
        ]
    )
    rows = trends(readings, [D], measured_better={"capacity": "higher", "roaming": "lower"})
    assert rows["measured_change"].to_list() == [2.0, 2.0, 2.0]
    assert rows["measured_indicator"].to_list() == ["↓", "↑", None]
    assert rows["indicator"].to_list() == ["→"] * 3
    still = readings.with_columns(measured_value=pl.when(pl.col("day") == D).then(10.1).otherwise(10.0))
    assert trends(still, [D], measured_better={"roaming": "lower"})["measured_indicator"].to_list()[1] == "→"


def test_a_missing_measurement_is_no_change_at_all() -> None:
    readings = frame([reading(95.0, D - timedelta(days=1)), reading(95.0, measured_value=3.0)])
    row = trend(readings)
    assert (row["measured_value"], row["measured_change"], row["measured_indicator"]) == (3.0, None, None)


def utilisation(values: list[float], better: str | None = "lower") -> pl.DataFrame:
    days = [D - timedelta(days=len(values) - 1 - at) for at in range(len(values))]
    return pl.DataFrame(
        {"day": days, "device_id": "ap", "value": values, "better": better},
        schema={"day": pl.Date, "device_id": pl.String, "value": pl.Float64, "better": pl.String},
    )


@pytest.mark.parametrize(
    ("values", "indicator", "is_degrading"),
    [
        ([75.0, 79.0], "↑", True),
        ([79.0, 75.0], "↓", False),
        ([75.0, 75.5], "→", False),
        ([0.0, 3.0], "↑", True),
    ],
)
def test_for_a_utilisation_more_is_worse(values: list[float], indicator: str, is_degrading: bool) -> None:
    row = value_trends(utilisation(values), [D], keys=["device_id"]).row(0, named=True)
    assert (row["indicator"], row["is_degrading"]) == (indicator, is_degrading)


def test_a_value_without_a_direction_has_a_change_but_no_indicator() -> None:
    row = value_trends(utilisation([75.0, 90.0], None), [D], keys=["device_id"]).row(0, named=True)
    assert (row["change"], row["indicator"], row["is_degrading"]) == (15.0, None, False)


def test_no_days_and_no_history_give_an_empty_frame_of_the_same_columns() -> None:
    full = trends(series([90.0, 91.0]), [D], measured_better={})
    for empty in (
        trends(series([90.0]), [], measured_better={}),
        trends(series([90.0]).clear(), [D], measured_better={}),
        trends(series([90.0]), [D + timedelta(days=1)], measured_better={}),
        trends(series([90.0]), [D + timedelta(days=400)], measured_better={}),
    ):
        assert empty.is_empty()
        assert empty.schema == full.schema


scores = st.lists(st.floats(0, 100) | st.none(), min_size=1, max_size=60)


@pytest.mark.slow
@given(scores, st.integers(0, 5))
@settings(deadline=None, max_examples=25)
def test_what_comes_after_a_day_and_what_lies_before_the_lookback_change_nothing(
    values: list[float | None], later: int
) -> None:
    readings = series(values)
    day = D - timedelta(days=later)
    window = readings.filter(pl.col("day").is_between(day - timedelta(days=LOOKBACK_DAYS), day))
    alone = trends(window, [day], measured_better={})
    backfilled = trends(readings, [D - timedelta(days=back) for back in range(6)], measured_better={})
    assert_frame_equal(alone, backfilled.filter(pl.col("day") == day), check_exact=True)


@pytest.mark.slow
@given(scores, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=25)
def test_order_of_rows_and_company_of_other_sites_change_nothing(
    values: list[float | None], random: object
) -> None:
    alone = series(values)
    company = pl.concat([series([50.0, 99, 3], site_id="a"), series([1.0] * 40, site_id="z")])
    seed = random.randrange(1000)  # type: ignore[attr-defined]
    mixed = pl.concat([alone, company]).sample(fraction=1, shuffle=True, seed=seed)
    together = trends(mixed, [D], measured_better={}).filter(pl.col("site_id") == "site")
    assert_frame_equal(trends(alone, [D], measured_better={}), together, check_exact=True)


def test_the_gate_can_be_opened_for_a_site_of_few_users() -> None:
    few = series([95.0, 95, 95, 95, 95, 95, 95, 95, 40], num_users=2, total_user_minutes=90.0)
    rules = TrendRules(gate=UserGate(min_users=1, min_user_minutes=0))
    assert trend(few)["is_degrading"] is False
    assert trend(few, rules=rules)["is_degrading"] is True
