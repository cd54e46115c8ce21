from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.forecasts.series import panel, to_logit, to_percent
from mist_pipeline.analysis.stats.robust import nan_median, nan_quantile
from mist_pipeline.analysis.stats.weekday import weekday_effects, weekdays, weekly_level
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series


def test_the_panel_holds_scores_by_series_and_day_and_nan_where_there_is_none() -> None:
    rows = frame(
        [
            reading(90.0, D, site_id="b"),
            reading(80.0, D - timedelta(days=2), site_id="b"),
            reading(None, D, site_id="a"),
            reading(70.0, D - timedelta(days=1), site_id="a", num_users=None),
        ]
    )
    known = panel(rows, D, 3)

    assert known.keys["site_id"].to_list() == ["a", "b"]
    np.testing.assert_array_equal(known.score, [[np.nan, 70.0, np.nan], [80.0, np.nan, 90.0]])
    np.testing.assert_array_equal(known.users, [[np.nan, np.nan, 200.0], [200.0, np.nan, 200.0]])
    assert known.last_state.tolist() == ["no_users", "ok"]
    assert known.count.tolist() == [1, 2]
    assert known.age.tolist() == [1, 0]
    assert known.weekdays.tolist() == [1, 2, 3]
    assert len(known) == 2


def test_rows_after_the_day_and_before_the_window_are_not_looked_at() -> None:
    known = panel(series([50.0, 60.0, 70.0, 80.0]), D - timedelta(days=1), 2)

    np.testing.assert_array_equal(known.score, [[60.0, 70.0]])


def test_a_value_without_the_state_ok_is_not_a_score() -> None:
    known = panel(frame([reading(40.0, state="missing"), reading(float("nan"), site_id="n")]), D, 2)

    assert np.isnan(known.score).all()
    assert known.age.tolist() == [2, 2]


def test_a_series_that_is_no_longer_supported_is_left_out() -> None:
    rows = frame([reading(90.0, D - timedelta(days=1)), reading(None, D, state="not_supported")])

    assert len(panel(rows, D, 7)) == 0


def test_a_repeated_key_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"repeated key.*capacity"):
        panel(frame([reading(90.0), reading(91.0)]), D, 7)


def test_a_frame_without_users_has_unknown_users() -> None:
    assert np.isnan(panel(series([90.0]).drop("num_users"), D, 1).users).all()


def test_weekdays_count_from_monday() -> None:
    assert weekdays(date(2026, 11, 22), 7).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert weekdays(date(2026, 11, 22), 2, ahead=2).tolist() == [0, 1]


def test_fifty_percent_has_even_odds_and_the_ends_stay_finite() -> None:
    found = to_logit(np.array([0.0, 50.0, 100.0]))

    # 0.05 % has odds of 0.0005 / 0.9995.
    np.testing.assert_allclose(found, [np.log(0.0005 / 0.9995), 0.0, np.log(0.9995 / 0.0005)])


@settings(deadline=None)
@given(st.floats(0, 100))
def test_percent_to_logit_and_back_changes_nothing(score: float) -> None:
    assert to_percent(to_logit(np.array([score])))[0] == pytest.approx(score, abs=1e-9)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_logit_is_a_percentage(logit: float) -> None:
    assert 0 <= to_percent(np.array([logit]))[0] <= 100


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=1, max_size=9), st.floats(0, 1))
def test_quantiles_without_the_gaps_are_numpys(values: list[float | None], q: float) -> None:
    known = [v for v in values if v is not None]
    row = np.array([[np.nan if v is None else v for v in values]])

    found = nan_quantile(row, q)[0]
    if known:
        assert found == pytest.approx(np.quantile(known, q), abs=1e-9)
    else:
        assert np.isnan(found)
        assert np.isnan(nan_median(row)[0])


def test_the_weekly_level_is_the_mean_of_the_nearest_whole_week() -> None:
    found = weekly_level(np.arange(9.0)[None])

    np.testing.assert_allclose(found, [[3, 3, 3, 3, 4, 5, 5, 5, 5]])
    assert np.isnan(weekly_level(np.ones((1, 6)))).all()
    assert np.isnan(weekly_level(np.array([[1, np.nan, np.nan, np.nan, np.nan, 1, 1]]))).all()


def test_a_bad_weekday_is_found_and_effects_sum_to_zero() -> None:
    weekday = weekdays(D, 56)
    z = np.where(weekday == 5, 1.0, 2.0)[None]
    found = weekday_effects(z, weekday)

    # Saturday lies 6/7 below its week, the others 1/7 above.
    np.testing.assert_allclose(found.effect[0], [1 / 7] * 5 + [-6 / 7, 1 / 7], atol=1e-9)
    assert found.variance[0] == 0


def test_noise_alone_gets_hardly_any_weekday_effects() -> None:
    rng = np.random.default_rng(1)
    weekday = weekdays(D, 91)
    found = weekday_effects(rng.normal(size=(400, 91)), weekday)

    # Unshrunk, the squared effects would be π/2 · 1/6 ≈ 0.26.
    assert (found.effect**2).mean() < 0.07


def test_a_trend_is_no_weekday_effect() -> None:
    found = weekday_effects(np.linspace(0, 5, 56)[None], weekdays(D, 56))

    assert np.abs(found.effect).max() < 0.01


def test_too_few_readings_or_weekdays_never_seen_have_no_effect() -> None:
    weekday = weekdays(D, 56)
    closed = np.where(weekday == 6, np.nan, np.where(weekday == 5, 1.0, 2.0))[None]

    assert weekday_effects(closed, weekday).effect[0, 6] == 0
    assert weekday_effects(closed, weekday).effect[0, 5] < -0.7
    assert not weekday_effects(closed[:, -14:], weekday[-14:]).effect.any()
    assert not weekday_effects(closed[:, -5:], weekday[-5:]).effect.any()


def test_the_panel_of_an_empty_table_is_empty() -> None:
    assert len(panel(pl.DataFrame(schema=frame([]).schema), D, 7)) == 0
