from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.stats.day_matrix import (
    DayGrid,
    median,
    pairwise_std,
    previous_column,
    theil_sen_slope,
    weighted_median,
)
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series

NAN = float("nan")

some_values = st.lists(st.floats(0, 100) | st.just(NAN), min_size=1, max_size=9)


def test_a_grid_puts_each_value_in_its_cell_whatever_the_order_of_rows() -> None:
    readings = pl.concat([series([1, None, 3], site_id="b"), series([4, 5], site_id="a")]).sample(
        fraction=1, shuffle=True, seed=3
    )
    grid = DayGrid.over(readings, ["site_id", "metric"], D - timedelta(days=3), D)
    assert grid.keys["site_id"].to_list() == ["a", "b"]
    np.testing.assert_array_equal(grid.matrix(pl.col("score_pct")), [[NAN, NAN, 4, 5], [NAN, 1, NAN, 3]])
    assert grid.column(D) == 3


def test_two_rows_of_one_day_and_series_are_refused_by_name() -> None:
    twice = frame([reading(1.0), reading(2.0)])
    with pytest.raises(ValueError, match="two rows for day 2026-11-19, site_id site, metric capacity"):
        DayGrid.over(twice, ["site_id", "metric"], D, D)


@given(some_values)
@settings(deadline=None, max_examples=60)
def test_the_median_is_that_of_numpy_without_its_warnings(values: list[float]) -> None:
    known = [value for value in values if not np.isnan(value)]
    np.testing.assert_allclose(median(np.array(values)), np.median(known) if known else NAN)


@given(some_values, st.floats(0.1, 1e6))
@settings(deadline=None, max_examples=60)
def test_equal_weights_give_the_ordinary_median(values: list[float], weight: float) -> None:
    array = np.array(values)
    np.testing.assert_allclose(weighted_median(array, np.full(array.shape, weight)), median(array))


def test_half_of_the_weight_lies_on_either_side_of_the_weighted_median() -> None:
    values = np.array([[3.0, 1.0, 2.0], [NAN, 5.0, 1.0], [NAN, NAN, NAN]])
    weights = np.array([[1.0, 5.0, 1.0], [100.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    np.testing.assert_allclose(weighted_median(values, weights), [1.0, 3.0, NAN])


def test_the_median_of_no_columns_is_unknown() -> None:
    assert np.isnan(median(np.empty((2, 0)))).all()


def test_one_wild_day_does_not_move_a_robust_slope() -> None:
    # 1 point a day; pairs with the wild day are 6 of 21
    line = np.array([[10.0, 11, 12, 99, 14, 15, 16], [10, NAN, 14, NAN, NAN, NAN, NAN]])
    np.testing.assert_allclose(theil_sen_slope(line), [1.0, NAN])


def test_the_previous_known_column_skips_gaps() -> None:
    known = np.array([[True, False, False, True, True]])
    assert previous_column(known).tolist() == [[-1, 0, 0, 0, 3]]


def test_the_pairwise_spread_sees_a_jump_between_two_levels_and_forgives_one_wild_value() -> None:
    # distances of 1 1 1 5 5: ten pairs, six of them 4 apart; with a wild value among 1 2 3 4: 1 1 1 2 2 3 then wild
    values = np.array([[1.0, 1, 1, 5, 5], [1, 2, 3, 4, 1000], [7, NAN, NAN, NAN, NAN]])
    np.testing.assert_allclose(pairwise_std(values), [4 / 0.9539, 2.5 / 0.9539, NAN])
