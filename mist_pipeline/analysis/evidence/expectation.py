"""What share of user-minutes is normally degraded: every series' own baseline, fast and lagged, shrunk to its peers.

Here: the baseline of all series at once as arrays, what it expects in each hour, and how a finished day enters it. Not
here: how surprising a difference is (`tails`), the loop over blocks (`model`). ``analysis.baselines`` describes days
for people; this one expects hours for detection.

A baseline is 48 exponentially forgotten sums of degraded and of total user-minutes: 24 local hours on weekdays, 24 on
weekends. The fast one forgets with a half-life of 12 days. The slow one follows the fast one with the same half-life and
so lags about five weeks behind: a decline of weeks cannot hide in it. A bin with little data is shrunk to the series'
level, a level with little data to the median of the same metric and classifier over all sites (empirical Bayes with
fixed weights). A day never pulls the baseline further than its own uncertainty, and a day inside an anomaly counts for a
seventh. What lasts longer than three weeks counts in full from then on: a new normal is accepted after weeks, an incident
is not. On the day on which it is accepted the baseline is the last week alone, so that the same trouble is not told for
another month.

Two series, after thirty days of 24 hours with 10 % of 6,000 user-minutes degraded:

>>> series, pool = Baselines.empty(2), np.array([0, 0])
>>> users = np.full((2, 24), 6000.0, np.float32)
>>> bins = np.tile(shape_bins(np.arange(24)), (2, 1))
>>> for _ in range(30):
...     absorb(series, 0.1 * users, users, bins, ceiling=np.full(2, np.inf))
>>> expected = expectation(series, peers(series, pool, 1), pool, day_spread=np.full(2, 0.1))
>>> expected.fast.shape, expected.fast[0, 9].round(3)
((2, 48), np.float64(0.1))
"""

from dataclasses import dataclass

import numpy as np

from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, Singles
from mist_pipeline.analysis.stats.robust import MAD_TO_STD

HOURS_OF_DAY = 24
SHAPES = 2 * HOURS_OF_DAY
FORGET = 0.5 ** (1 / 12)
_LEVEL_WEIGHT = 60.0 * 300
_BIN_WEIGHT = 60.0 * 60
_PRIOR_SHARE = 0.03
_MIN_SHARE = 2e-4
_MATURE_DAYS = 4.0
_EFFECTIVE_DAYS = 17.0
_HELD = 0.15
HELD_AT_MOST = 21.0
"""Days in a row after which an anomalous level is the new normal."""
_SCALE_WEIGHT = np.array([240.0, 30.0])
_SCALE_FORGET = 0.5 ** (1 / 21)
_TAIL_WEIGHT = 8.0
"""Of the pool's tail, in surprises of a series: sites whose tails differ by a third."""
_HEAVIEST, _LIGHTEST = 0.4, 1.5


def shape_bins(hour_of_week: Ints) -> Ints:
    """Bin 0 … 47 of a local hour of the week: hour of day, weekends apart."""
    return hour_of_week % HOURS_OF_DAY + HOURS_OF_DAY * (hour_of_week >= 5 * HOURS_OF_DAY)


@dataclass
class Baselines:
    """State of all series, aligned with their order.

    Attributes:
        fast_degraded: Forgotten degraded user-minutes by bin, series × 48.
        fast_exposure: Forgotten total user-minutes by bin, series × 48.
        slow_degraded: The same, lagged.
        slow_exposure: The same, lagged.
        days: Days with users so far.
        spread: Forgotten sums of squared standardised residuals of hours and of days, series × 2.
        spread_weight: How many of them, series × 2.
        tail: Forgotten sums of what surprises of quiet days exceeded the upper quantile by, in units of the pool's mean excess, of
            hours and of days, series × 2.
        tail_weight: How many they are, series × 2.
        held_days: For how many days in a row the series has been anomalous, by the end of the last block.
    """

    fast_degraded: Singles
    fast_exposure: Singles
    slow_degraded: Singles
    slow_exposure: Singles
    days: Floats
    spread: Floats
    spread_weight: Floats
    tail: Floats
    tail_weight: Floats
    held_days: Floats

    @classmethod
    def empty(cls, lines: int) -> "Baselines":
        """Nothing known yet about any of these series."""
        shape = (lines, SHAPES)
        return cls(
            fast_degraded=np.zeros(shape, np.float32),
            fast_exposure=np.zeros(shape, np.float32),
            slow_degraded=np.zeros(shape, np.float32),
            slow_exposure=np.zeros(shape, np.float32),
            days=np.zeros(lines),
            spread=np.zeros((lines, 2)),
            spread_weight=np.zeros((lines, 2)),
            tail=np.zeros((lines, 2)),
            tail_weight=np.zeros((lines, 2)),
            held_days=np.zeros(lines),
        )

    @property
    def is_held(self) -> Flags:
        """Whether the series was anomalous at the end of the last block."""
        return self.held_days > 0

    def hold(self, is_anomalous: Flags) -> None:
        """Note for a finished day which series ended it anomalous."""
        self.held_days = np.where(is_anomalous, self.held_days + 1.0, 0.0)

    @property
    def is_accepted_now(self) -> Flags:
        """Whether the last block was the one after which an anomalous level is the new normal."""
        is_now: Flags = self.held_days == HELD_AT_MOST + 1
        return is_now

    def accept(self, observed: Singles, exposure: Singles, bins: Ints) -> None:
        """Let the last week alone be the baseline of series whose level is accepted, in place.

        Args:
            observed: Degraded user-minutes of all series, series × hours of a week.
            exposure: Total user-minutes.
            bins: Bin of every hour, series × hours.
        """
        lines = np.nonzero(self.is_accepted_now)[0]
        shape = (lines.size, SHAPES)
        degraded, total = np.zeros(shape), np.zeros(shape)
        at = np.arange(lines.size)
        for hour in range(bins.shape[1]):
            degraded[at, bins[lines, hour]] += observed[lines, hour]
            total[at, bins[lines, hour]] += exposure[lines, hour]
        self.fast_degraded[lines], self.fast_exposure[lines] = degraded, total
        self.slow_degraded[lines], self.slow_exposure[lines] = degraded, total

    def scale(self, typical: Floats) -> Floats:
        """Variance of each series relative to its pool's, for hours and days (series × 2); 1 where little is known.

        Args:
            typical: Mean squared standardised residual of the series' pool, series × 2.
        """
        value = (_SCALE_WEIGHT + self.spread / typical) / (_SCALE_WEIGHT + self.spread_weight)
        return np.clip(value, 0.3, 6.0)

    def tails(self) -> Floats:
        """Rate at which each series' own tail falls off relative to its pool's, for hours and days (series × 2).

        Excesses of a well calibrated tail are exponential with mean 1: a gamma prior around the pool gives this mean.
        """
        rate: Floats = (_TAIL_WEIGHT + self.tail_weight) / (_TAIL_WEIGHT + self.tail)
        return np.clip(rate, _HEAVIEST, _LIGHTEST)


@dataclass(frozen=True)
class Peers:
    """What the series of one metric and classifier have in common, one entry a pool.

    Attributes:
        share: Median degraded share of the mature series.
        spread: Squared relative spread of the levels between sites.
    """

    share: Floats
    spread: Floats


def peers(baselines: Baselines, pool: Ints, pools: int) -> Peers:
    """Medians over the mature series of each pool; a weak constant where there are none."""
    exposure = baselines.fast_exposure.sum(axis=1, dtype=np.float64)
    degraded = baselines.fast_degraded.sum(axis=1, dtype=np.float64)
    is_mature = (baselines.days >= _MATURE_DAYS) & (exposure > 0)
    level = degraded / np.maximum(exposure, 1.0)
    share, spread = np.full(pools, _PRIOR_SHARE), np.full(pools, 1.0)
    pool, level = pool[is_mature], level[is_mature]
    enough = np.bincount(pool, minlength=pools) >= 3
    share[enough] = np.maximum(_medians(level, pool, pools)[enough], _MIN_SHARE)
    away = _medians(np.abs(level - share[pool]), pool, pools)[enough] * MAD_TO_STD / share[enough]
    spread[enough] = np.clip(away**2, 0.1, 1.5)
    return Peers(share=share, spread=spread)


def _medians(values: Floats, pool: Ints, pools: int) -> Floats:
    """Median of the values of each pool; NaN where there are none."""
    ordered = values[np.lexsort((values, pool))]
    size = np.bincount(pool, minlength=pools)
    first = np.cumsum(size) - size
    medians = np.full(pools, np.nan)
    some = size > 0
    low, high = first + (size - 1) // 2, first + size // 2
    medians[some] = (ordered[low[some]] + ordered[high[some]]) / 2.0
    return medians


@dataclass(frozen=True)
class Expectation:
    """Expected degraded shares (series × 48 bins) and the squared relative uncertainty of their level (series)."""

    fast: Floats
    slow: Floats
    uncertainty: Floats


def expectation(baselines: Baselines, common: Peers, pool: Ints, day_spread: Floats) -> Expectation:
    """What the baselines expect from now on.

    Args:
        baselines: State at the end of the last finished block.
        common: From `peers`.
        pool: Pool of each series.
        day_spread: Squared relative spread of one day (b of the 24-hour window) of each series.
    """
    prior = common.share[pool]
    exposure = baselines.fast_exposure.sum(axis=1, dtype=np.float64)
    level = (baselines.fast_degraded.sum(axis=1, dtype=np.float64) + _LEVEL_WEIGHT * prior) / (
        exposure + _LEVEL_WEIGHT
    )
    slow_exposure = baselines.slow_exposure.sum(axis=1, dtype=np.float64)
    slow_level = (baselines.slow_degraded.sum(axis=1, dtype=np.float64) + _LEVEL_WEIGHT * level) / (
        slow_exposure + _LEVEL_WEIGHT
    )
    days = np.minimum(baselines.days, _EFFECTIVE_DAYS)
    uncertainty = common.spread[pool] * _LEVEL_WEIGHT / (exposure + _LEVEL_WEIGHT) + day_spread / (days + 1.0)
    return Expectation(
        fast=_by_bin(baselines.fast_degraded, baselines.fast_exposure, level),
        slow=_by_bin(baselines.slow_degraded, baselines.slow_exposure, slow_level),
        uncertainty=uncertainty,
    )


def _by_bin(degraded: Singles, exposure: Singles, level: Floats) -> Floats:
    floor = np.maximum(level, _MIN_SHARE)[:, None]
    shares: Floats = (degraded + _BIN_WEIGHT * floor) / (exposure.astype(np.float64) + _BIN_WEIGHT)
    return np.clip(shares, 0.5 * _MIN_SHARE, 0.99)


def absorb(baselines: Baselines, observed: Singles, exposure: Singles, bins: Ints, ceiling: Floats) -> None:
    """Let one finished day enter the baselines, in place.

    Args:
        baselines: State before that day; `held_days` is already that of the day's end.
        observed: Degraded user-minutes, series × 24.
        exposure: Total user-minutes, series × 24.
        bins: Bin of every hour, series × 24.
        ceiling: Degraded minutes of the whole day that still count in full, per series.
    """
    total = observed.sum(axis=1, dtype=np.float64)
    is_frozen = baselines.is_held & (baselines.held_days <= HELD_AT_MOST)
    is_accepted = baselines.held_days > HELD_AT_MOST
    weight = np.where(is_frozen, _HELD, 1.0)
    cut = weight * np.where(is_accepted, 1.0, np.minimum(1.0, ceiling / np.maximum(total, 1e-9)))
    has_users = exposure.sum(axis=1) > 0
    forget = np.where(has_users, 1.0 - (1.0 - FORGET) * weight, 1.0).astype(np.float32)[:, None]
    baselines.fast_degraded *= forget
    baselines.fast_exposure *= forget
    line = np.arange(observed.shape[0])
    for hour in range(observed.shape[1]):
        at = bins[:, hour]
        baselines.fast_degraded[line, at] += (observed[:, hour] * cut).astype(np.float32)
        baselines.fast_exposure[line, at] += (exposure[:, hour] * weight).astype(np.float32)
    step = 1.0 - forget
    baselines.slow_degraded += step * (baselines.fast_degraded - baselines.slow_degraded)
    baselines.slow_exposure += step * (baselines.fast_exposure - baselines.slow_exposure)
    baselines.days += has_users


def absorb_spread(baselines: Baselines, column: int, squares: Floats, counts: Floats, chunk: slice) -> None:
    """Let one day's squared standardised residuals enter the own spread of some series, in place.

    Args:
        baselines: State to change.
        column: 0 for residuals of hours, 1 for those of days.
        squares: Their capped sum, per series of the chunk.
        counts: Their number.
        chunk: Which series.
    """
    forget = np.where(counts > 0, _SCALE_FORGET, 1.0)
    baselines.spread[chunk, column] = baselines.spread[chunk, column] * forget + squares
    baselines.spread_weight[chunk, column] = baselines.spread_weight[chunk, column] * forget + counts


def absorb_tails(baselines: Baselines, excess: Floats, count: Floats) -> None:
    """Let one day's exceedances of the upper quantile enter the own tails, in place.

    Args:
        baselines: State to change.
        excess: Their sums, series × 2.
        count: Their numbers, series × 2.
    """
    baselines.tail = baselines.tail * _SCALE_FORGET + excess
    baselines.tail_weight = baselines.tail_weight * _SCALE_FORGET + count
