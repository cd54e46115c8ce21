"""Numbers by address: the same in any order, with the right distribution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.simulator.world import randomness


def _words(count: int, stream: int = 1) -> randomness.Words:
    return randomness.cells(randomness.key(3, stream), np.arange(count))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**40), st.lists(st.integers(-(10**6), 10**9), min_size=1, max_size=20))
def test_a_cell_does_not_depend_on_its_neighbours(seed: int, hours: list[int]) -> None:
    key = randomness.key(seed, 4)
    together = randomness.cells(key, np.array([[7]]), np.array([hours]))[0]
    alone = [randomness.cells(key, np.array([[7]]), np.array([[hour]]))[0, 0] for hour in hours]
    assert together.tolist() == alone


def test_axes_are_not_interchangeable() -> None:
    key = randomness.key(1, 1)
    assert randomness.cells(key, np.array([1]), np.array([2])) != randomness.cells(
        key, np.array([2]), np.array([1])
    )


def test_seeds_and_streams_differ() -> None:
    keys = {randomness.key(seed, stream) for seed in range(30) for stream in range(30)}
    assert len(keys) == 900


def test_uniform_numbers_fill_the_open_interval_evenly() -> None:
    numbers = randomness.uniform(_words(100_000))
    assert 0.0 < numbers.min() < numbers.max() < 1.0
    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    assert counts.min() > 4_700
    assert counts.max() < 5_300


def test_normal_numbers_have_mean_zero_and_deviation_one() -> None:
    numbers = randomness.normal(_words(200_000))
    assert numbers.mean() == pytest.approx(0.0, abs=0.01)
    assert numbers.std() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("mean", [0.02, 0.7, 4.0, 11.9, 12.1, 300.0])
def test_poisson_counts_have_equal_mean_and_variance(mean: float) -> None:
    counts = randomness.poisson(np.full(200_000, mean), _words(200_000))
    assert counts.mean() == pytest.approx(mean, rel=0.03)
    assert counts.var() == pytest.approx(mean, rel=0.04)
    assert (counts == np.round(counts)).all()
    assert counts.min() >= 0


def test_a_poisson_mean_of_zero_gives_nothing() -> None:
    assert randomness.poisson(np.zeros(50), _words(50)).sum() == 0


@pytest.mark.parametrize("shape", [1.0, 3.0, 50.0])
def test_gamma_numbers_have_their_shape_as_mean_and_variance(shape: float) -> None:
    numbers = randomness.gamma(np.full(200_000, shape), _words(200_000))
    assert numbers.mean() == pytest.approx(shape, rel=0.03)
    assert numbers.var() == pytest.approx(shape, rel=0.08)
    assert randomness.gamma(np.zeros(5), _words(5)).tolist() == [0.0] * 5


def test_drift_is_smooth_and_forgets() -> None:
    hours = np.arange(50_000)
    wave = randomness.drift(randomness.key(2, 2), hours, 24, np.array([[0]]))[0]
    assert wave.std() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(wave[:-1], wave[1:])[0, 1] > 0.95
    assert abs(np.corrcoef(wave[:-100], wave[100:])[0, 1]) < 0.08


def test_drift_does_not_depend_on_the_window() -> None:
    key = randomness.key(2, 2)
    whole = randomness.drift(key, np.arange(1000, 1100), 7, np.array([[0], [1]]))
    part = randomness.drift(key, np.arange(1043, 1050), 7, np.array([[0], [1]]))
    assert np.array_equal(whole[:, 43:50], part)
