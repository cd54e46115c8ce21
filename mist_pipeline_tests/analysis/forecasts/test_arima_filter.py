import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.forecasts.arima_filter import (
    coefficients,
    error_growth,
    fit,
    kalman,
    unconstrained,
)

NONE = np.zeros((1, 0))


def test_a_random_walk_forecasts_its_last_reading_with_a_variance_that_grows_by_the_day() -> None:
    found = kalman(np.array([[0.0, 1.0, 3.0, 2.0]]), NONE, NONE, horizon=3)

    np.testing.assert_allclose(found.innovation[0], [np.nan, 1.0, 2.0, -1.0])
    assert found.sigma2[0] == pytest.approx((1 + 4 + 1) / 3)
    np.testing.assert_allclose(found.mean[0], [2.0, 2.0, 2.0])
    np.testing.assert_allclose(found.variance[0], [2.0, 4.0, 6.0])


def test_a_gap_widens_the_next_innovation_instead_of_counting_as_a_reading() -> None:
    found = kalman(np.array([[0.0, np.nan, 2.0]]), NONE, NONE)

    assert found.count[0] == 1
    assert found.innovation[0, 2] == pytest.approx(2 / np.sqrt(2))


def test_days_without_a_reading_at_the_end_widen_the_forecast() -> None:
    z = np.array([[0.0, 1.0, 3.0, 2.0], [0.0, 1.0, 3.0, np.nan]])
    found = kalman(z, np.zeros((2, 0)), np.zeros((2, 0)), horizon=1)

    assert found.variance[0, 0] == pytest.approx(found.sigma2[0])
    assert found.variance[1, 0] == pytest.approx(2 * found.sigma2[1])


@pytest.mark.parametrize(
    ("ar", "ma", "expected"),
    [
        # The difference 1 is followed by φ, then φ² …
        ([0.5], [], [1.5, 1.75, 1.875]),
        # … or by θ / (1 + θ²), the best linear guess from one difference, then nothing.
        ([], [-0.5], [0.6, 0.6, 0.6]),
    ],
)
def test_two_readings_are_carried_on_as_the_textbook_says(
    ar: list[float], ma: list[float], expected: list[float]
) -> None:
    found = kalman(np.array([[0.0, 1.0]]), np.array([ar]), np.array([ma]), horizon=3)

    np.testing.assert_allclose(found.mean[0], expected)


def test_readings_before_the_first_do_not_matter() -> None:
    z = np.array([[0.0, 1.0, 0.5, 2.0]])
    late = np.concatenate([np.full((1, 3), np.nan), z], axis=1)
    ar, ma = np.array([[0.3]]), np.array([[-0.6]])

    np.testing.assert_allclose(kalman(late, ar, ma, horizon=2).mean, kalman(z, ar, ma, horizon=2).mean)
    np.testing.assert_allclose(kalman(late, ar, ma).log_likelihood, kalman(z, ar, ma).log_likelihood)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ar", "ma"), [([0.4], [-0.7]), ([0.3, -0.2], []), ([], [-0.5, 0.2]), ([0.2, 0.1], [0.3, -0.4])]
)
def test_the_filter_agrees_with_statsmodels_also_over_gaps(ar: list[float], ma: list[float]) -> None:
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    rng = np.random.default_rng(3)
    z = np.cumsum(rng.normal(size=60))
    z[[20, 21, 40]] = np.nan
    ours = kalman(z[None], np.array([ar]), np.array([ma]), horizon=5)
    model = SARIMAX(z, order=(len(ar), 1, len(ma)))
    theirs = model.filter(np.concatenate([ar, ma, ours.sigma2]))
    posterior = theirs.get_forecast(5)

    np.testing.assert_allclose(ours.mean[0], posterior.predicted_mean, rtol=1e-8)
    np.testing.assert_allclose(ours.variance[0], posterior.var_pred_mean, rtol=1e-6)
    assert ours.log_likelihood[0] == pytest.approx(theirs.llf, abs=1e-4)


def test_forecasts_from_past_origins_are_those_that_the_shorter_series_gives() -> None:
    rng = np.random.default_rng(5)
    z = np.cumsum(rng.normal(size=(4, 40)), axis=1)
    ar, ma = np.full((4, 1), 0.4), np.full((4, 1), -0.6)
    kept = kalman(z, ar, ma, horizon=3, origins=5).origins

    for back in range(5):
        shorter = kalman(z[:, : 40 - back], ar, ma, horizon=3)
        np.testing.assert_allclose(kept[:, 4 - back], shorter.mean)


def test_error_growth_is_that_of_the_psi_weights() -> None:
    walk = error_growth(np.zeros((1, 0)), np.zeros((1, 0)), 4)
    smoothing = error_growth(np.zeros((1, 0)), np.array([[-0.5]]), 3)
    mixed = error_growth(np.array([[0.5]]), np.array([[0.2]]), 2)

    np.testing.assert_allclose(walk[0], np.sqrt([1, 2, 3, 4]))
    np.testing.assert_allclose(smoothing[0], np.sqrt([1, 1.25, 1.5]))
    np.testing.assert_allclose(mixed[0], np.sqrt([1, 1 + (1 + 0.7) ** 2]))


@pytest.mark.slow
@pytest.mark.parametrize(("ar", "ma"), [([0.6], []), ([], [-0.6]), ([0.5], [-0.9])])
def test_the_fit_recovers_planted_coefficients(ar: list[float], ma: list[float]) -> None:
    rng = np.random.default_rng(11)
    n, days, burn = 200, 400, 50
    e = rng.normal(size=(n, days + burn))
    w = np.zeros_like(e)
    for t in range(1, days + burn):
        w[:, t] = e[:, t] + sum(m * e[:, t - 1] for m in ma) + sum(a * w[:, t - 1] for a in ar)
    found_ar, found_ma = fit(np.cumsum(w[:, burn:], axis=1), len(ar), len(ma))

    np.testing.assert_allclose(np.median(found_ar, axis=0), ar, atol=0.05)
    np.testing.assert_allclose(np.median(found_ma, axis=0), ma, atol=0.05)


@pytest.mark.slow
def test_the_fit_reaches_the_likelihood_that_statsmodels_reaches() -> None:
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    rng = np.random.default_rng(2)
    z = np.cumsum(0.3 * rng.normal(size=(6, 91)), axis=1) + rng.normal(size=(6, 91))
    ar, ma = fit(z, 1, 1)
    for i in range(6):
        model = SARIMAX(z[i], order=(1, 1, 1))
        best = model.fit(disp=0, method="lbfgs").llf
        ours = model.filter(
            np.concatenate([ar[i], ma[i], kalman(z[i : i + 1], ar[i : i + 1], ma[i : i + 1]).sigma2])
        ).llf
        assert ours > best - 0.1


@pytest.mark.slow
def test_a_warm_start_needs_few_steps() -> None:
    rng = np.random.default_rng(4)
    z = np.cumsum(0.3 * rng.normal(size=(20, 90)), axis=1) + rng.normal(size=(20, 90))
    full = fit(z, 1, 1, iterations=30)
    warm = fit(z, 1, 1, start=full, iterations=2)

    np.testing.assert_allclose(kalman(z, *warm).log_likelihood, kalman(z, *full).log_likelihood, atol=0.01)


def test_nothing_to_fit_is_no_error() -> None:
    ar, ma = fit(np.zeros((3, 10)), 0, 0)
    assert ar.shape == ma.shape == (3, 0)


def test_aicc_charges_for_parameters_and_refuses_what_cannot_be_estimated() -> None:
    found = kalman(np.array([[0.0, 1.0, 3.0, 2.0, 2.5]]), NONE, NONE)

    # One variance: k = 1, n = 4 → 2 + 2·1·2 / (4 − 2).
    assert found.aicc(0)[0] == pytest.approx(-2 * found.log_likelihood[0] + 2 + 2)
    assert np.isinf(found.aicc(3)[0])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_any_numbers_become_stationary_and_invertible_coefficients_and_back(numbers: list[float]) -> None:
    free = np.array([numbers])
    ar, ma = coefficients(free, 2, 2)

    for polynomial in ([1, -ar[0, 0], -ar[0, 1]], [1, ma[0, 0], ma[0, 1]]):
        assert np.abs(np.roots(polynomial)).max() < 1
    again = coefficients(unconstrained(ar, ma), 2, 2)
    np.testing.assert_allclose(again[0], ar, atol=1e-6)
    np.testing.assert_allclose(again[1], ma, atol=1e-6)


def test_coefficients_on_the_unit_circle_are_moved_inside() -> None:
    ar, ma = coefficients(unconstrained(np.array([[1.0]]), np.array([[-1.0]])), 1, 1)

    assert 0.95 < ar[0, 0] < 1
    assert -1 < ma[0, 0] < -0.95
