from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.forecasts.series import daily_series, to_logit, to_percent
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series


def test_the_daily_series_holds_scores_by_series_and_day_and_nan_where_there_is_none() -> None:
    rows = frame(
        [
            reading(90.0, D, site_id="b"),
            reading(80.0, D - timedelta(days=2), site_id="b"),
            reading(None, D, site_id="a"),
            reading(70.0, D - timedelta(days=1), site_id="a", num_users=None),
        ]
    )
    known = daily_series(rows, D, 3)

    assert known.keys["site_id"].to_list() == ["a", "b"]
    np.testing.assert_array_equal(known.score, [[np.nan, 70.0, np.nan], [80.0, np.nan, 90.0]])
    np.testing.assert_array_equal(known.users, [[np.nan, np.nan, 200.0], [200.0, np.nan, 200.0]])
    assert known.last_state.tolist() == ["no_users", "ok"]
    assert known.count.tolist() == [1, 2]
    assert known.age.tolist() == [1, 0]
    assert known.weekdays.tolist() == [1, 2, 3]
    assert len(known) == 2


def test_rows_after_the_day_and_before_the_window_are_ignored() -> None:
    known = daily_series(series([50.0, 60.0, 70.0, 80.0]), D - timedelta(days=1), 2)

    np.testing.assert_array_equal(known.score, [[60.0, 70.0]])


def test_a_value_without_the_state_ok_is_not_a_score() -> None:
    known = daily_series(frame([reading(40.0, state="missing"), reading(float("nan"), site_id="n")]), D, 2)

    assert np.isnan(known.score).all()
    assert known.age.tolist() == [2, 2]


def test_a_series_that_is_no_longer_supported_is_left_out() -> None:
    rows = frame([reading(90.0, D - timedelta(days=1)), reading(None, D, state="not_supported")])

    assert len(daily_series(rows, D, 7)) == 0


def test_a_repeated_key_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"two rows for day.*capacity"):
        daily_series(frame([reading(90.0), reading(91.0)]), D, 7)


def test_a_frame_without_users_has_unknown_users() -> None:
    assert np.isnan(daily_series(series([90.0]).drop("num_users"), D, 1).users).all()


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


def test_the_daily_series_of_an_empty_table_is_empty() -> None:
    assert len(daily_series(pl.DataFrame(schema=frame([]).schema), D, 7)) == 0
