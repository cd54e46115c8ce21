import math

import numpy as np
import pytest

from mist_pipeline.analysis.baselines.window_statistics import (
    fill_weights,
    floored_mad,
    low_side_std,
    weighted_std,
    window_statistics,
)

NAN = float("nan")


def row(*values: float) -> np.ndarray:
    return np.array([values], dtype=np.float64)


def test_with_equal_user_minutes_all_is_as_in_school() -> None:
    found = window_statistics(row(90, 92, 94, 96, 98), row(100, 100, 100, 100, 100))
    numbers = [found.n, found.mean, found.std, found.median, found.mad, found.minutes]
    np.testing.assert_allclose(np.ravel(numbers), [5, 94, math.sqrt(10), 94, 2, 100])


def test_user_minutes_weigh_level_and_spread() -> None:
    # mean (300·90 + 100·80) ÷ 400; variance (300·2.5² + 100·7.5²) ÷ 400 = 18.75; effective number 400² ÷ 100,000 = 1.6
    found = window_statistics(row(90, 80), row(300, 100))
    np.testing.assert_allclose(np.ravel([found.mean, found.std]), [87.5, math.sqrt(18.75 * 1.6 / 0.6)])
    np.testing.assert_allclose(found.median, [90.0])
    np.testing.assert_allclose(
        found.mad, found.std / 1.4826, err_msg="three quarters lie on the median: the floor"
    )


def test_the_weighted_mean_is_the_score_of_the_whole_window() -> None:
    degraded, total = np.array([30.0, 5.0, 80.0]), np.array([600.0, 50.0, 900.0])
    found = window_statistics((100 * (1 - degraded / total))[None, :], total[None, :])
    np.testing.assert_allclose(found.mean, [100 * (1 - degraded.sum() / total.sum())])


def test_unknown_values_do_not_count_and_unknown_minutes_weigh_like_the_middle_one() -> None:
    found = window_statistics(row(NAN, 90, 80, 70), row(1e6, 100, NAN, 300))
    np.testing.assert_allclose(found.n, [3])
    np.testing.assert_allclose(found.mean, [(100 * 90 + 200 * 80 + 300 * 70) / 600])
    np.testing.assert_allclose(found.minutes, [200])
    without_any = window_statistics(row(90, 80), row(NAN, 0))
    np.testing.assert_allclose(np.ravel([without_any.mean, without_any.minutes]), [85, NAN])


def test_an_empty_window_and_a_single_value_know_no_spread() -> None:
    nothing, single = window_statistics(row(NAN), row(1)), window_statistics(row(90), row(1))
    assert np.isnan([nothing.mean, nothing.std, nothing.median, nothing.mad]).all()
    np.testing.assert_allclose(
        np.ravel([single.mean, single.std, single.median, single.mad]), [90, NAN, 90, 0]
    )


def test_a_mad_near_zero_is_floored_by_the_standard_deviation_and_another_is_not() -> None:
    np.testing.assert_allclose(floored_mad(row(0.0, 0.5), row(3.0, 3.0)), row(3.0 / 1.4826, 0.5))


def test_one_heavy_value_among_feathers_is_no_spread() -> None:
    std = weighted_std(row(90, 10), row(1.0, 1e-9), np.array([90.0]))
    assert np.isnan(std).all()


def test_weights_of_unknown_values_are_zero() -> None:
    weights = fill_weights(row(5, NAN, NAN), np.array([[True, True, False]]))
    np.testing.assert_allclose(weights, row(5, 5, 0))


def test_the_spread_below_expectation_does_not_see_the_side_above() -> None:
    # below the median 94: distances 2 and 4, their median 3; one median fitted to five values
    minutes = np.full((1, 5), 100.0)
    np.testing.assert_allclose(
        low_side_std(row(90, 92, 94, 96, 98), minutes), [1.4826 * 3 * math.sqrt(5 / 4)]
    )
    np.testing.assert_allclose(
        low_side_std(row(90, 92, 94, 94, 94.5), minutes), [1.4826 * 3 * math.sqrt(5 / 4)]
    )


def test_the_spread_is_around_the_level_of_each_group_that_has_enough_days() -> None:
    # group 0 has the median 90, its day below 2 away; group 1 the median 70, 4 away; the distances' median is 3
    scores, group = row(88, 90, 92, 66, 70, 74), np.array([0, 0, 0, 1, 1, 1])
    minutes = np.full((1, 6), 100.0)
    np.testing.assert_allclose(low_side_std(scores, minutes, group, 3), [1.4826 * 3 * math.sqrt(6 / 4)])
    # with too few days, both are measured from the median of all, 81: 15, 11, 7 below
    np.testing.assert_allclose(low_side_std(scores, minutes, group, 4), [1.4826 * 11 * math.sqrt(6 / 5)])


def test_rare_dips_of_a_perfect_series_are_not_infinitely_rare() -> None:
    scores = row(*[100.0] * 9, 90.0)
    # one day 10 below: the median distance of those below is 10; with a dip of nothing measurable the floor speaks
    assert low_side_std(scores, np.full((1, 10), 1.0))[0] == pytest.approx(1.4826 * 10 * math.sqrt(10 / 9))
    flat = low_side_std(row(*[100.0] * 10), np.full((1, 10), 1.0))
    np.testing.assert_allclose(flat, [0.0])


def test_as_many_medians_as_values_leave_no_spread() -> None:
    assert np.isnan(low_side_std(row(90), row(1))).all()
