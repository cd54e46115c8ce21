"""Series with one labelled anomaly each, by a published recipe: GutenTAG's univariate anomaly types on a sine.

The recipe is the family ``sine-type-*`` of the benchmark of Wenig, Schmidl & Papenbrock, "TimeEval", *PVLDB* 15 (2022): a sine of amplitude 1
with a period of 20 points and Gaussian noise of 0.05, in which one anomaly of 100 points is of one kind, with the parameters below. Written
from its description; the package itself asks for a SciPy of 2024. What is ours: a point is an hour and the period a day (24 points; what the
recipe gives in points of a period, the shift of half of one, is stretched with it), 70 days instead of 10,000 points, and the anomaly
begins with a period from the 29th day on, drawn evenly, so that four weeks can be learnt from. It goes up and down; no kind is chosen.

Not here: methods, and how they are compared (`bench_labelled`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mist_pipeline.analysis.stats.arrays import Floats, Ints

PERIOD, DAYS, LEARNT_DAYS = 24, 70, 28
HOURS = DAYS * PERIOD
LENGTH = 100
NOISE, MORE_NOISE = 0.05, 0.3
"""What GutenTAG calls variance and uses as standard deviation; the second one while it is the anomaly."""


@dataclass(frozen=True)
class Labelled:
    """Series of one kind of anomaly.

    Attributes:
        kind: Its name in the recipe.
        values: (series, hours).
        begin: (series,) first hour of the anomaly.
        end: (series,) the hour after its last.
        watched: (series,) hours that count: a trend leaves the level where it was, so that nothing is usual after it.
    """

    kind: str
    values: Floats
    begin: Ints
    end: Ints
    watched: Ints


def _amplitude(usual: Floats, _: np.random.Generator) -> Floats:
    # Rises and falls along a bell within a fifth of its length each.
    edge = len(usual) // 5
    bell = np.exp(-0.5 * (np.linspace(3, 0, edge) / 1.05) ** 2)
    bell = (bell - bell[0]) / (bell[-1] - bell[0])
    factor = 1 + np.concatenate([bell, np.ones(len(usual) - 2 * edge), bell[::-1]])
    return np.asarray(usual * factor)


def _extremum(usual: Floats, random: np.random.Generator) -> Floats:
    return usual + (random.uniform() + 0.5) * 2.0


def _frequency(usual: Floats, _: np.random.Generator) -> Floats:
    return np.asarray(np.sin(2 * np.pi * 2 * np.arange(len(usual)) / PERIOD))


def _mean(usual: Floats, _: np.random.Generator) -> Floats:
    return usual + 1.0


def _pattern(usual: Floats, _: np.random.Generator) -> Floats:
    return np.asarray(np.arctan(10 * usual) / np.arctan(10))


def _pattern_shift(usual: Floats, _: np.random.Generator) -> Floats:
    half = PERIOD // 2
    known = np.arange(half)
    slow = np.interp(np.linspace(0, half, 2 * half), known, usual[:half])
    return np.concatenate([slow, usual[half : len(usual) - half]])


def _platform(usual: Floats, _: np.random.Generator) -> Floats:
    return np.zeros(len(usual))


def _trend(usual: Floats, _: np.random.Generator) -> Floats:
    return usual + 0.2 + 0.2 * np.arange(len(usual))


def _variance(usual: Floats, _: np.random.Generator) -> Floats:
    return usual


KINDS: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "amplitude": _amplitude,
    "extremum": _extremum,
    "frequency": _frequency,
    "mean": _mean,
    "pattern": _pattern,
    "pattern-shift": _pattern_shift,
    "platform": _platform,
    "trend": _trend,
    "variance": _variance,
}


def labelled(kind: str, series: int, seed: int, noise: float = NOISE) -> Labelled:
    """Series of one kind.

    Args:
        kind: Of `KINDS`.
        series: How many.
        seed: Of the random numbers.
        noise: Standard deviation of the noise; the recipe has 0.01 to 0.5 in its family ``sine-noise``.

    >>> made = labelled("mean", 2, seed=1)
    >>> made.values.shape, bool((made.end - made.begin == LENGTH).all())
    ((2, 1680), True)
    """
    random = np.random.default_rng([seed, list(KINDS).index(kind)])
    length = 1 if kind == "extremum" else LENGTH
    usual = np.sin(2 * np.pi * np.arange(HOURS) / PERIOD)
    latest = (HOURS - LENGTH) // PERIOD
    begin = random.integers(LEARNT_DAYS, latest, size=series) * PERIOD
    values = np.tile(usual, (series, 1))
    deviation = np.full((series, HOURS), noise)
    for row, at in enumerate(begin):
        of_anomaly = slice(at, at + length)
        values[row, of_anomaly] = KINDS[kind](usual[of_anomaly], random)
        if kind == "variance":
            deviation[row, of_anomaly] = MORE_NOISE
    if kind == "trend":
        for row, at in enumerate(begin):
            values[row, at + length :] += values[row, at + length - 1] - usual[at + length - 1]
    values += random.normal(size=values.shape) * deviation
    end = begin + length
    return Labelled(kind, values, begin, end, end if kind == "trend" else np.full(series, HOURS))
