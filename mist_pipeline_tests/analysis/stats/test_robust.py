"""Robust statistics are those of the textbook, and NaN does not count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.stats.robust import (
    median,
    pairwise_std,
    quantile,
    theil_sen_slope,
    weighted_median,
)

NAN = float("nan")

some_values = st.lists(st.floats(0, 100) | st.just(NAN), min_size=1, max_size=9)


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


def test_the_pairwise_spread_sees_a_jump_between_two_levels_and_forgives_one_wild_value() -> None:
    # distances of 1 1 1 5 5: ten pairs, six of them 4 apart; with a wild value among 1 2 3 4: 1 1 1 2 2 3 then wild
    values = np.array([[1.0, 1, 1, 5, 5], [1, 2, 3, 4, 1000], [7, NAN, NAN, NAN, NAN]])
    np.testing.assert_allclose(pairwise_std(values), [4 / 0.9539, 2.5 / 0.9539, NAN])


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=1, max_size=9), st.floats(0, 1))
def test_quantiles_without_the_gaps_are_numpys(values: list[float | None], q: float) -> None:
    known = [v for v in values if v is not None]
    row = np.array([[np.nan if v is None else v for v in values]])

    found = quantile(row, q)[0]
    if known:
        assert found == pytest.approx(np.quantile(known, q), abs=1e-9)
    else:
        assert np.isnan(found)
        assert np.isnan(median(row)[0])
