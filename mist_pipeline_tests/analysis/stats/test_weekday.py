"""Weekday effects: found where they are, and not where there is only noise or a trend."""

from datetime import date

import numpy as np

from mist_pipeline.analysis.stats.weekday import weekday_effects, weekdays, weekly_level
from mist_pipeline_tests.support.analysis.daily_frames import D


def test_weekdays_count_from_monday() -> None:
    assert weekdays(date(2026, 11, 22), 7).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert weekdays(date(2026, 11, 22), 2, ahead=2).tolist() == [0, 1]


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
