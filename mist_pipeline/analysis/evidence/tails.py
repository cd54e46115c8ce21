"""How surprising a sum of degraded user-minutes is: overdispersion, skewed tails, and their calibration on history.

Here: arithmetic on arrays, with parameters estimated from history and pooled over sites. Not here: what is expected
(`expectation`), which window and series is tested when (`windows`, `model`).

The sum X of a window with expectation μ is taken as gamma distributed with mean μ and variance aμ + bμ². The first term
is users being few (a is 60 minutes times how many users suffer together), the second what all users of a site share.
Both are estimated for each metric, classifier and window length, so that autocorrelation shows as larger a and b of
longer windows. A gamma tail follows the skew of shares near zero; a normal tail would not. What remains wrong about
the family is corrected by calibration: the observed tail of recent history stretches the nominal one.

Degraded minutes, their mean and variance in; surprise, −log10 of the tail probability, out:

>>> observed, mean, variance = np.array([60.0, 138.2]), np.array([60.0, 60.0]), np.array([3600.0, 3600.0])
>>> upper_surprise(observed, mean, variance).round(2)
array([0.43, 1.  ])
"""

import numpy as np
from scipy import special

from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints

MOMENTS = 5
"""Weighted sums of one regression: 1, x, x², y, xy."""
BINS = 96
BIN_WIDTH = 0.25
MAX_SURPRISE = 60.0
POOL_FORGET = 0.5 ** (1 / 21)
"""Daily factor of the sums that all sites share: a half-life of three weeks."""
_PRIOR_A, _PRIOR_B, _PRIOR_WEIGHT = 150.0, 0.12, 60.0
_PRIOR_AT = (300.0, 12_000.0)
_OUTLIER = 25.0
_PRIOR_CELLS = 300.0
_UPPER, _EXTREME = 0.95, 0.995
UPPER_SURPRISE = float(-np.log10(1.0 - _UPPER))
"""From here on surprises are of a tail."""
_LARGEST_EXCESS = 2.7
_MIN_STRETCH, _MAX_STRETCH = 0.3, 1.15


def upper_surprise(observed: Floats, mean: Floats, variance: Floats) -> Floats:
    """−log10 P(X ≥ observed) for a gamma variable of this mean and variance, at most 60.

    Method of moments: shape mean²/variance, scale variance/mean.
    """
    return _negative_log10(special.gammaincc(mean**2 / variance, observed * mean / variance))


def lower_surprise(observed: Floats, mean: Floats, variance: Floats, unit: float) -> Floats:
    """−log10 P(X ≤ observed) for a number of things of this mean and variance, at most 60.

    Negative binomial, because a gamma variable is never 0 and a number of clients often is. With k things, m expected
    and variance v: P = I_p(n, k + 1), p = m/v, n = m²/(v − m) (regularised incomplete beta function).

    Args:
        observed: Minutes seen.
        mean: Expected minutes.
        variance: Of the minutes.
        unit: Minutes of one thing.
    """
    expected = mean / unit
    spread = np.maximum(variance / unit**2, 1.05 * expected)
    shape = expected**2 / (spread - expected)
    return _negative_log10(special.betainc(shape, np.round(observed / unit) + 1.0, expected / spread))


def _negative_log10(probability: Floats) -> Floats:
    surprise: Floats = -np.log10(np.maximum(probability, 10.0**-MAX_SURPRISE))
    return np.maximum(surprise, 0.0)


def dispersion(moments: Floats) -> tuple[Floats, Floats]:
    """Coefficients a and b of the variance aμ + bμ², from regression sums (…, 5) of y = r²/μ on x = μ.

    Two weak prior observations keep it defined with little or no history. Neither coefficient becomes negative: where
    the regression would have it so, the other one explains all.
    """
    one, x, xx, y, xy = (moments[..., i].copy() for i in range(MOMENTS))
    for at in _PRIOR_AT:
        value = _PRIOR_A + _PRIOR_B * at
        weight = _PRIOR_WEIGHT / value**2
        one += weight
        x += weight * at
        xx += weight * at**2
        y += weight * value
        xy += weight * at * value
    determinant = one * xx - x**2
    a, b = (xx * y - x * xy) / determinant, (one * xy - x * y) / determinant
    floor_a, floor_b = 6.0, 1e-3
    a_alone, b_alone = y / one, xy / xx
    return (
        np.where(a < floor_a, floor_a, np.where(b < floor_b, a_alone, a)),
        np.where(a < floor_a, b_alone, np.maximum(b, floor_b)),
    )


def moment_sums(residual: Floats, mean: Floats, variance: Floats, pool: Ints, pools: int) -> Floats:
    """Sums for `dispersion` (pools × 5) over cells; squared residuals count at most 25 times their variance.

    Summed strictly in order of the cells, so that cells of other pools, or none, change nothing, not even rounding.
    """
    y = np.minimum(residual**2, _OUTLIER * variance) / mean
    weight = (mean / variance) ** 2
    terms = (weight, weight * mean, weight * mean**2, weight * y, weight * mean * y)
    return np.stack([np.bincount(pool, weights=term, minlength=pools) for term in terms], axis=-1)


def tail_counts(surprise: Floats, pool: Ints, pools: int) -> Floats:
    """How many cells had which nominal surprise (pools × bins of 0.25)."""
    box = np.minimum((surprise / BIN_WIDTH).astype(np.int64), BINS - 1)
    counts = np.bincount(pool * BINS + box, minlength=pools * BINS)
    return counts.reshape(pools, BINS).astype(np.float64)


def calibration(counts: Floats) -> Floats:
    """Three numbers a pool (…, 3) for `calibrated`: nominal surprise at the upper quantile, stretch above it, scale below.

    A well-specified tail exceeds s with probability 10^−s. Weak prior counts of exactly that shape stand in for a short
    history. The stretch is what maps the observed distance between the 95 % and 99.5 % quantiles on the nominal one.
    """
    edges = BIN_WIDTH * np.arange(BINS + 1)
    prior = 10.0 ** -edges[:-1] - 10.0 ** -edges[1:]
    above = np.cumsum((counts + _PRIOR_CELLS * prior)[..., ::-1], axis=-1)[..., ::-1]
    share = above / above[..., :1]
    upper, extreme = (_quantile(share, 1.0 - q) for q in (_UPPER, _EXTREME))
    nominal = np.log10((1.0 - _UPPER) / (1.0 - _EXTREME))
    stretch = np.clip(nominal / np.maximum(extreme - upper, 1e-6), _MIN_STRETCH, _MAX_STRETCH)
    upper = np.maximum(upper, 0.5 * -np.log10(1.0 - _UPPER))
    return np.stack([upper, stretch, -np.log10(1.0 - _UPPER) / upper], axis=-1)


def _quantile(share: Floats, probability: float) -> Floats:
    """Nominal surprise exceeded with this probability; log-linear inside a bin."""
    padded = np.concatenate([share, np.full((*share.shape[:-1], 1), 1e-12)], axis=-1)
    last = np.maximum((padded >= probability).sum(axis=-1) - 1, 0)
    high = np.take_along_axis(padded, last[..., None], axis=-1)[..., 0]
    low = np.take_along_axis(padded, np.minimum(last + 1, BINS)[..., None], axis=-1)[..., 0]
    step = np.log(high / probability) / np.maximum(np.log(high / np.maximum(low, 1e-12)), 1e-12)
    quantile: Floats = BIN_WIDTH * (last + np.clip(step, 0.0, 1.0))
    return quantile


def calibrated(nominal: Floats, parameters: Floats) -> Floats:
    """Surprise corrected by what recent history's tail looked like; increasing in the nominal one.

    Args:
        nominal: Nominal surprises.
        parameters: From `calibration`, broadcast to (…, 3).
    """
    upper, stretch, scale = parameters[..., 0], parameters[..., 1], parameters[..., 2]
    inside = nominal <= upper
    expected = -np.log10(1.0 - _UPPER)
    value: Floats = np.where(inside, nominal * scale, expected + (nominal - upper) * stretch)
    return np.minimum(value, MAX_SURPRISE)


def with_own_tail(surprise: Floats, rate: Floats) -> Floats:
    """Surprises whose tail falls off at a rate of its own, relative to that of the pool they were calibrated by."""
    return np.where(surprise > UPPER_SURPRISE, UPPER_SURPRISE + (surprise - UPPER_SURPRISE) * rate, surprise)


def excesses(surprise: Floats) -> tuple[Floats, Flags]:
    """By how much surprises exceed the upper quantile, in units of the mean excess of a calibrated tail, and which do."""
    over = surprise > UPPER_SURPRISE
    return np.log(10.0) * np.clip(surprise - UPPER_SURPRISE, 0.0, _LARGEST_EXCESS), over
