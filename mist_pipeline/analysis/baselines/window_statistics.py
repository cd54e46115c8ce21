"""What a window of weighted scores looks like: level and spread, classical and robust.

Here: formulas shared by the baselines of days (`daily`) and of hours of the week (`hourly`). Not here: which readings
belong to a window; statistics without weights of users (``stats.robust``).

Two windows of three scores with their user-minutes, windows × scores:

>>> scores = np.array([[90.0, 92.0, 97.0], [80.0, np.nan, np.nan]])
>>> minutes = np.array([[100.0, 100.0, 200.0], [50.0, np.nan, np.nan]])
>>> found = window_statistics(scores, minutes)
>>> found.n, found.mean, found.median, found.std.round(2)
(array([3., 1.]), array([94., 80.]), array([94.5, 80. ]), array([3.9, nan]))
"""

from dataclasses import dataclass

import numpy as np

from mist_pipeline.analysis.stats.arrays import Floats, Ints
from mist_pipeline.analysis.stats.robust import MAD_TO_STD, median, weighted_median

MAD_NEAR_ZERO_PCT = 0.1
"""Below this the MAD says only that most values are equal; the standard deviation then speaks for the rest."""


@dataclass(frozen=True)
class WindowStatistics:
    """One number a window; NaN where the window does not suffice. All in percent but ``n`` and ``minutes``.

    Attributes:
        n: Values in the window.
        mean: Mean weighted by user-minutes: the score of the whole window.
        std: Standard deviation around it, unbiased by Kish's effective number (Σw)² ÷ Σw²; NaN below two values.
        median: Weighted median.
        mad: Weighted median distance from the median, floored (see `floored_mad`).
        minutes: Mean user-minutes a value rests on; NaN where it is unknown for all.
    """

    n: Floats
    mean: Floats
    std: Floats
    median: Floats
    mad: Floats
    minutes: Floats


def window_statistics(values: Floats, minutes: Floats) -> WindowStatistics:
    """Statistics along the last axis; NaN values do not count.

    A value whose user-minutes are unknown (NaN, or not above 0) weighs as much as the median of its window.
    """
    is_known = np.isfinite(values)
    exposure = np.where(is_known & (minutes > 0), minutes, np.nan)
    weight = fill_weights(exposure, is_known)
    n = is_known.sum(axis=-1).astype(np.float64)
    total = weight.sum(axis=-1)
    some = np.where(total > 0, total, np.nan)
    filled = np.where(is_known, values, 0.0)
    # Rounding must not lift a perfect score above 100.
    mean = np.clip((weight * filled).sum(axis=-1) / some, 0.0, 100.0)
    std = weighted_std(values, weight, mean)
    middle = weighted_median(values, weight)
    mad = floored_mad(weighted_median(np.abs(values - middle[..., None]), weight), std)
    known_minutes = np.isfinite(exposure).sum(axis=-1)
    mean_minutes = np.nansum(exposure, axis=-1) / np.where(known_minutes > 0, known_minutes, np.nan)
    return WindowStatistics(n, mean, std, middle, mad, mean_minutes)


def fill_weights(exposure: Floats, is_known: Floats) -> Floats:
    """Weights of the known values: their exposure, the window's median exposure where unknown, 1 without any."""
    usual = np.nan_to_num(median(exposure), nan=1.0)[..., None]
    weight: Floats = np.where(is_known, np.where(np.isfinite(exposure), exposure, usual), 0.0)
    return weight


def weighted_std(values: Floats, weight: Floats, centre: Floats) -> Floats:
    """Standard deviation around a weighted mean, unbiased by Kish's effective number of values."""
    total, squares = weight.sum(axis=-1), (weight**2).sum(axis=-1)
    effective = total**2 / np.where(squares > 0, squares, np.nan)
    distance = np.where(weight > 0, values - centre[..., None], 0.0)
    variance = (weight * distance**2).sum(axis=-1) / np.where(total > 0, total, np.nan)
    # Two values of equal weight have an effective number of 2; weights far apart come close to a single value.
    is_spread = effective > 1 + 1e-6
    std: Floats = np.sqrt(
        np.where(is_spread, variance * effective / np.where(is_spread, effective - 1, 1), np.nan)
    )
    return std


def floored_mad(mad: Floats, std: Floats) -> Floats:
    """The MAD; where it is near 0, the standard deviation in MAD units, so that rare dips do not look infinitely rare."""
    floored: Floats = np.where(mad < MAD_NEAR_ZERO_PCT, np.fmax(mad, std / MAD_TO_STD), mad)
    return floored


def low_side_std(
    score: Floats, minutes: Floats, group: Ints | None = None, min_group_days: int = 1
) -> Floats:
    """Robust spread of a window below its expectation: 1.4826 × the weighted median of the distances below it.

    Scores crowd near 100 and fall far: a spread that looks at both sides makes every ordinary bad day look rare
    (the double MAD; Rosenmai 2013). The expectation is the median of each group of days (of the whole window without
    groups, and where a group has too few); √(n ÷ (n − medians)) corrects for fitting them. Where nearly all distances are 0, the root mean
    square of them all speaks instead.
    """
    is_known = np.isfinite(score)
    weight = fill_weights(np.where(minutes > 0, minutes, np.nan), is_known)
    level = np.repeat(weighted_median(score, weight)[:, None], score.shape[1], axis=1)
    fitted = np.zeros(len(score))
    covered = np.zeros(score.shape, dtype=bool)
    for name in [] if group is None else np.unique(group):
        columns = group == name
        enough = is_known[:, columns].sum(axis=1) >= min_group_days
        own = weighted_median(score[:, columns], weight[:, columns])
        level[:, columns] = np.where(enough[:, None], own[:, None], level[:, columns])
        covered[:, columns] = enough[:, None]
        fitted += enough
    fitted += (is_known & ~covered).any(axis=1)
    residual = np.where(is_known, score - level, 0.0)
    n = is_known.sum(axis=1)
    root_mean_square = np.sqrt((weight * residual**2).sum(axis=1) / weight.sum(axis=1))
    below = np.nan_to_num(weighted_median(np.where(residual < 0, -residual, np.nan), weight))
    distance = floored_mad(below, root_mean_square)
    freedom = np.where(n > fitted, n - fitted, np.nan)
    spread: Floats = MAD_TO_STD * distance * np.sqrt(n / freedom)
    return spread
