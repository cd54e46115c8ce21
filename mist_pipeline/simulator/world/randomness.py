"""Random numbers by address: the value of any cell, in any order, without the cells before it.

A counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): the address of a
cell (seed, stream, site, hour, metric) is hashed with the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA
2014). So one hour of 3,000 sites costs one hour, and asking twice, or in another order, gives the same numbers.
Nothing here knows what the numbers are used for.

>>> hours, sites = np.arange(3), np.arange(2)
>>> grid = uniform(cells(key(7, 1), sites[:, None], hours[None, :]))  # sites × hours
>>> bool((uniform(cells(key(7, 1), sites[1:, None], hours[None, 2:])) == grid[1:, 2:]).all())
True
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_SMALL_MEAN: Final = 12.0
_MOST_SMALL: Final = 40


def _mix(words: Words) -> Words:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def key(seed: int, stream: int) -> int:
    """One 64-bit key for a stream of numbers of a world; streams do not resemble each other."""
    start = ((seed * 0xD1342543DE82EF95) ^ (stream * _GOLDEN)) & _MASK
    return int(_mix(_mix(np.array([start], dtype=np.uint64)))[0])


def cells(stream_key: int, *axes: Ints) -> Words:
    """A 64-bit word for every cell of the grid that the axes broadcast to (each a non-negative or negative integer)."""
    words: Words = np.array([stream_key], dtype=np.uint64)
    for axis in axes:
        words = _mix(words ^ _mix(np.atleast_1d(axis).astype(np.uint64) + np.uint64(_GOLDEN)))
    return words


def uniform(words: Words) -> Floats:
    """Uniform numbers strictly between 0 and 1, one a word."""
    return np.asarray(((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)


def normal(words: Words) -> Floats:
    """Standard normal numbers, one a word (Box and Muller, 1958)."""
    radius = np.sqrt(-2.0 * np.log(uniform(words)))
    angle = 2.0 * np.pi * uniform(_mix(words ^ np.uint64(_GOLDEN)))
    return np.asarray(radius * np.cos(angle))


def drift(stream_key: int, hours: Ints, period_hours: int, *axes: Ints) -> Floats:
    """Standard normal numbers that change smoothly with time: white knots every period, joined and rescaled.

    Args:
        stream_key: From `key`.
        hours: Hours since the epoch, shape (H,).
        period_hours: Distance of the knots; two hours further apart than twice this are independent.
        axes: Further axes, each with the time axis as its second dimension (size 1), e.g. (S, 1) or (S, 1, M).

    Returns:
        An array of the broadcast shape with H as its second dimension.
    """
    knot, part = np.divmod(hours, period_hours)
    knots = np.arange(knot.min(), knot.max() + 2, dtype=np.int64)
    dimensions = max(axis.ndim for axis in axes)
    time_axis = (1, -1, *([1] * (dimensions - 2)))
    values = normal(cells(stream_key, *axes, knots.reshape(time_axis)))
    share = (part / period_hours).reshape(time_axis)
    at = knot - knots[0]
    mixed = values[:, at] * (1.0 - share) + values[:, at + 1] * share
    return np.asarray(mixed / np.sqrt((1.0 - share) ** 2 + share**2))


def poisson(mean: Floats, words: Words) -> Floats:
    """Poisson counts: exact inversion for small means, the Cornish–Fisher quantile for large ones."""
    mean, words = np.broadcast_arrays(mean, words)
    counts = np.zeros(mean.shape)
    small = (mean > 0) & (mean < _SMALL_MEAN)
    if small.any():
        counts[small] = _inverted(mean[small], uniform(words[small]))
    large = mean >= _SMALL_MEAN
    if large.any():
        z = normal(words[large])
        quantile = mean[large] + np.sqrt(mean[large]) * z + (z * z - 1.0) / 6.0
        counts[large] = np.maximum(np.round(quantile), 0.0)
    return counts


def _inverted(mean: Floats, draw: Floats) -> Floats:
    counts = np.zeros(mean.shape)
    chance = np.exp(-mean)
    below = chance.copy()
    for count in range(1, _MOST_SMALL):
        above = draw > below
        if not above.any():
            break
        counts += above
        chance = chance * mean / count
        below = below + chance
    return counts


def gamma(shape: Floats, words: Words) -> Floats:
    """Gamma numbers of unit scale for shapes ≥ 1, 0 for shape 0 (Wilson and Hilferty, 1931)."""
    safe = np.maximum(shape, 1.0)
    cube = 1.0 - 1.0 / (9.0 * safe) + normal(words) / (3.0 * np.sqrt(safe))
    return np.where(shape > 0, safe * np.maximum(cube, 0.0) ** 3, 0.0)
