"""Robust statistics along the last axis of an array; NaN means "nothing known" and does not count.

Here: level, spread and slope that a few wild values cannot move. Not here: what they mean (``scores``, ``baselines``,
``forecasts``).

Two series of four days, one of them with a wild value and a gap:

>>> days = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, np.nan, 3.0, 900.0]])
>>> median(days), quantile(days, 0.75)
(array([2.5, 3. ]), array([  3.25, 451.5 ]))
>>> theil_sen_slope(days), MAD_TO_STD * median(np.abs(days - median(days)[:, None]))
(array([  1.        , 299.66666667]), array([1.4826, 2.9652]))
"""

import numpy as np

from mist_pipeline.analysis.stats.arrays import Floats

MAD_TO_STD = 1.4826
"""A normal distribution's standard deviation in units of its median absolute deviation, 1 / Φ⁻¹(3/4)."""

PAIR_TO_STD = 0.9539
"""Median distance of two draws from a normal distribution in its standard deviations, √2 Φ⁻¹(3/4)."""


def median(values: Floats) -> Floats:
    """Median along the last axis; NaN values do not count, NaN where none does.

    ``numpy.nanmedian`` is ten to fifty times slower on many short windows.
    """
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)  # NaNs last
    count = np.isfinite(ordered).sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), axis=-1)
    middle: Floats = np.where(count > 0, (low + high) / 2, np.nan)[..., 0]
    return middle


def weighted_median(values: Floats, weights: Floats) -> Floats:
    """Weighted median along the last axis: half of the weight lies on either side of it.

    Where a value ends exactly at half the weight, the mean of it and the next one; so equal weights give `median`.
    NaN values do not count, whatever their weight.
    """
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    weight = np.where(np.isfinite(ordered), np.take_along_axis(weights, order, axis=-1), 0.0)
    below = np.cumsum(weight, axis=-1)
    half = below[..., -1:] / 2
    # A hair's breadth for the rounding of the cumulated sum, so that an exact half is seen as one.
    slack = 1e-9 * half
    low = np.argmax(below >= half - slack, axis=-1)[..., None]
    high = np.argmax(below > half + slack, axis=-1)[..., None]
    middle = (np.take_along_axis(ordered, low, axis=-1) + np.take_along_axis(ordered, high, axis=-1)) / 2
    result: Floats = np.where(half > 0, middle, np.nan)[..., 0]
    return result


def theil_sen_slope(values: Floats, min_values: int = 3) -> Floats:
    """Slope per step along the last axis: the median of the slopes between all pairs (Theil 1950, Sen 1968).

    Up to 29 % of the values may be arbitrarily wrong. NaN values do not count; NaN where fewer than ``min_values`` do.
    """
    early, late = np.triu_indices(values.shape[-1], k=1)
    slopes = (values[..., late] - values[..., early]) / (late - early)
    enough = np.isfinite(values).sum(axis=-1) >= min_values
    result: Floats = np.where(enough, median(slopes), np.nan)
    return result


def pairwise_std(values: Floats) -> Floats:
    """Robust standard deviation along the last axis: the median distance of all pairs ÷ 0.9539.

    Up to 29 % of the values may be arbitrarily wrong. Unlike the MAD it does not collapse to 0 on values that jump
    between two levels. The divisor makes it right for a normal distribution: √2 Φ⁻¹(3/4).
    """
    one, other = np.triu_indices(values.shape[-1], k=1)
    distance: Floats = median(np.abs(values[..., one] - values[..., other])) / PAIR_TO_STD
    return distance


def quantile(values: Floats, q: float) -> Floats:
    """Quantile along the last axis (linear between order statistics); NaN values do not count, NaN where none does."""
    ordered = np.sort(values, axis=-1)
    last = (~np.isnan(values)).sum(axis=-1) - 1
    position = np.maximum(last, 0) * q
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(last, 0))
    at_low = np.take_along_axis(ordered, low[..., None], axis=-1)[..., 0]
    at_high = np.take_along_axis(ordered, high[..., None], axis=-1)[..., 0]
    return np.asarray(at_low + (at_high - at_low) * (position - low))
