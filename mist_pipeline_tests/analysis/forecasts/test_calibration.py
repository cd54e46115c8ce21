"""Intervals from graded errors: hand-computed quantiles, what counts as known, and whether 95 % holds 95 %."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.analysis.forecasts.calibration import (
    GRADED,
    MIN_GRADES,
    MOST_SITES,
    POOLED,
    UNGRADED,
    WINDOW_DAYS,
    Grades,
    bounds,
    drawn_together,
    matured,
)
from mist_pipeline.analysis.forecasts.series import to_logit
from mist_pipeline.analysis.stats.arrays import Floats
from mist_pipeline_tests.support.analysis.daily_frames import D, reading
from mist_pipeline_tests.support.analysis.daily_frames import frame as readings_frame


def grades(error: Floats, *, level: float = 95.0, metric: str = "capacity", modelled: bool = True) -> Grades:
    n = len(error)
    return Grades(
        error, np.full(n, level), np.full(n, metric), np.ones(n, np.int64), np.full(n, modelled, dtype=bool)
    )


def together(*parts: Grades) -> Grades:
    names = ("error", "mean_pct", "metric", "horizon", "is_modelled")
    return Grades(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def one_interval(
    known: Grades,
    *,
    level: float = 95.0,
    spread: float = 1.0,
    metric: str = "capacity",
    modelled: bool = True,
) -> tuple[Floats, str]:
    """Distances of the four bounds from the mean of one series one day ahead, and their basis."""
    mean = to_logit(np.array([[level]]))
    found, basis = bounds(known, mean, np.full((1, 1), spread), np.array([metric]), np.array([modelled]))
    return found[0, 0] - mean[0, 0], str(basis[0, 0])


def test_bounds_are_the_conformal_quantiles_of_each_tail() -> None:
    # 399 errors −199 … 199: (399 + 1) · .975 = 390th from below, (399 + 1) · .9 = 360th; the same from above.
    away, basis = one_interval(grades(np.arange(-199.0, 200.0)), spread=0.01)
    assert away == pytest.approx([-1.90, -1.60, 1.60, 1.90])
    assert basis == GRADED


def test_too_few_grades_leave_the_interval_to_the_model() -> None:
    away, basis = one_interval(grades(np.linspace(-1, 1, MIN_GRADES - 1)))
    assert np.isnan(away).all()
    assert basis == UNGRADED


def test_a_metric_with_few_grades_takes_those_of_all_uncorrected() -> None:
    known = together(grades(np.linspace(-2, 2, 399)), grades(np.linspace(-9, 9, 20), metric="roaming"))
    many, few = one_interval(known), one_interval(known, metric="roaming")
    assert (many[1], few[1]) == (GRADED, POOLED)
    # Every 20 errors of the one that is off by more widen what is pooled a little; the other is corrected back.
    assert few[0][3] > many[0][3] == pytest.approx(-2 + 4 * 389 / 398)


def test_levels_and_kinds_of_model_have_widths_of_their_own() -> None:
    known = together(
        grades(np.linspace(-1, 1, 399), level=95.0),
        grades(np.linspace(-3, 3, 399), level=75.0),
        grades(np.linspace(-6, 6, 399), level=95.0, modelled=False),
    )
    usual, low, other = (
        one_interval(known, level=level, modelled=modelled)[0][3]
        for level, modelled in ((95.0, True), (75.0, True), (95.0, False))
    )
    assert low == pytest.approx(3 * usual)
    assert other == pytest.approx(6 * usual)


def test_each_tail_is_as_long_as_errors_were_on_that_side() -> None:
    away, _ = one_interval(grades(np.concatenate([np.linspace(-8, 0, 200), np.linspace(0, 1, 199)])))
    assert -away[0] > 5 * away[3] > 0


@given(
    seed=st.integers(0, 2**32 - 1),
    shift=st.floats(-5, 5),
    level=st.sampled_from([50.0, 85.0, 95.0, 99.9]),
    count=st.integers(MIN_GRADES, 600),
)
def test_bounds_are_in_order_around_the_mean(seed: int, shift: float, level: float, count: int) -> None:
    error = np.random.default_rng(seed).standard_t(2, size=count) + shift
    away, _ = one_interval(grades(error, level=level))
    assert (np.diff(away) >= 0).all()
    assert away[1] < 0 < away[2]


def test_intervals_hold_what_they_say_whatever_errors_look_like() -> None:
    rng = np.random.default_rng(3)
    drawn = np.concatenate([rng.standard_t(3, size=40_000) * 0.6, -rng.exponential(2.0, size=10_000)])
    rng.shuffle(drawn)
    learnt, fresh = drawn[:4_000], drawn[4_000:]
    away, _ = one_interval(grades(learnt))
    assert ((away[0] <= fresh) & (fresh <= away[3])).mean() == pytest.approx(0.95, abs=0.01)
    assert ((away[1] <= fresh) & (fresh <= away[2])).mean() == pytest.approx(0.80, abs=0.015)


def forecast(
    issued: date, target: date, *, spread: float | None = 0.5, site: str = "site"
) -> dict[str, object]:
    return {
        "day": issued,
        "site_id": site,
        "metric": "capacity",
        "horizon_days": (target - issued).days,
        "target_day": target,
        "mean_pct": 90.0,
        "model": "arima(0,1,1)",
        "spread": spread,
    }


def days_back(days: int) -> date:
    return D - timedelta(days=days)


@pytest.mark.parametrize(
    ("issued", "target", "spread", "counts"),
    [
        (days_back(1), D, 0.5, True),
        (days_back(7), days_back(0), 0.5, True),
        (days_back(1), D + timedelta(days=1), 0.5, False),
        (D, D + timedelta(days=1), 0.5, False),
        (days_back(WINDOW_DAYS), days_back(WINDOW_DAYS - 1), 0.5, True),
        (days_back(WINDOW_DAYS + 1), days_back(WINDOW_DAYS), 0.5, False),
        (days_back(1), D, None, False),
    ],
    ids=["due today", "a week ago", "not due", "issued today", "oldest", "too old", "of an older version"],
)
def test_only_what_was_known_at_the_end_of_the_day_is_a_grade(
    issued: date, target: date, spread: float | None, *, counts: bool
) -> None:
    rows = pl.DataFrame([forecast(issued, target, spread=spread)], schema_overrides={"spread": pl.Float64})
    daily = readings_frame([reading(80.0, D + timedelta(days=ahead)) for ahead in range(-60, 3)])
    found = matured(rows, daily, D)
    expected = (to_logit(np.array([80.0])) - to_logit(np.array([90.0]))) / 0.5
    assert found.error.tolist() == (pytest.approx(expected.tolist()) if counts else [])


def test_a_day_without_a_score_grades_nothing() -> None:
    rows = pl.DataFrame([forecast(days_back(1), D)])
    assert matured(rows, readings_frame([reading(None)]), D).error.size == 0


def test_of_many_sites_some_are_enough() -> None:
    names = [f"s{at:04d}" for at in range(MOST_SITES * 2)]
    rows = pl.DataFrame([forecast(days_back(1), D, site=name) for name in names])
    daily = readings_frame([reading(80.0, site_id=name) for name in names])
    assert matured(rows, daily, D).error.size == MOST_SITES


def test_spreads_are_drawn_half_way_to_the_median_of_their_kind() -> None:
    spread = np.array([[1.0], [4.0], [16.0], [np.nan], [9.0]])
    metric = np.array(["a", "a", "a", "a", "b"])
    found = drawn_together(spread, metric, np.array([True, True, True, True, True]))
    assert found[:, 0].tolist() == pytest.approx([2.0, 4.0, 8.0, np.nan, 9.0], nan_ok=True)
