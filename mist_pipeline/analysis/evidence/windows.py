"""Sums over sliding windows for many series at once, how surprising they are, and what a block adds to the pools.

Here: from the arrays of a matrix and the expectation of a block to nominal surprises, window by window; and the update
of the pools by a complete block. Not here: the loop over blocks (`model`), rows (`rows`).

Where windows of six hours end in a block of 24 without overlapping:

>>> apart(6)
array([ 5, 11, 17, 23])
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mist_pipeline.analysis.evidence import expectation as expectations
from mist_pipeline.analysis.evidence import tails
from mist_pipeline.analysis.evidence.episodes import EpisodeHours
from mist_pipeline.analysis.evidence.hourly_matrix import BLOCK, HourlyMatrix
from mist_pipeline.analysis.evidence.state import EvidenceState
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, running_sums
from mist_pipeline.analysis.stats.sample_size import MINUTES_PER_CLIENT

LOOK_BACK = 168
"""Hours of history that must be given before the first hour that is evaluated."""
WINDOWS = (1, 2, 3, 6, 12, 24, 48, 96, 168)
SLOW_FROM = 48
"""Windows from this length are compared with the lagged baseline."""
MIN_EXPOSURE = 1e-6
"""User-minutes; with fewer there was nobody, of whom no share can be said."""

_CAP = 9.0
_MIN_UPDATE_DAYS = 2.0
_BUSY_HOURS = 12
"""Hours of a day that share most of its users."""
_MAX_TEMPER = 6.0
_HOURLY = 3
_OVERLAP = 0.5
"""Of a surprise counts: windows of several lengths see the same hours."""
_FOLLOWED_FROM = 4.0
"""An episode is followed hour by hour once a window in it was so surprising; what peers alone make an alarm ends with its hour."""


@dataclass(frozen=True)
class EvidenceOptions:
    """What is worth a row.

    Attributes:
        time_zone: IANA zone of the organisation, for the column ``day``.
        min_surprise: Rows need at least this surprise (−log10 of the tail probability) …
        min_excess_pct: … and at least this many points more degraded than expected.
        min_clients: User-hours a window needs before it is tested.
        windows: Window lengths in hours, ascending.

    Raises:
        ValueError: Windows that do not ascend, lack 1 or 24, or are longer than the look-back.
    """

    time_zone: str = "UTC"
    min_surprise: float = 2.0
    min_excess_pct: float = 3.0
    min_clients: float = 3.0
    windows: tuple[int, ...] = WINDOWS

    def __post_init__(self) -> None:
        ascending = all(a < b for a, b in pairwise(self.windows))
        if not ascending or not {1, BLOCK} <= set(self.windows) or self.windows[-1] > LOOK_BACK:
            raise ValueError(
                f"windows must ascend, contain 1 and {BLOCK}, and end at {LOOK_BACK} at most; got {self.windows}"
            )


@dataclass(frozen=True)
class BlockParameters:
    """With what a block is evaluated: all that is known from the complete blocks before it.

    Attributes:
        expected: Expected shares of all series.
        scale: Own variance scale of all series, for hours and for days.
        a: First overdispersion coefficient, pools × windows.
        b: Second one.
        stretch: Calibration of the tails, tails × windows × 3.
        tails: Rate of each series' own tail relative to its pool's, for hours and for days.
    """

    expected: expectations.Expectation
    scale: Floats
    a: Floats
    b: Floats
    stretch: Floats
    tails: Floats


def block_parameters(state: EvidenceState, pool: Ints) -> BlockParameters:
    """What the state says about the block that follows it.

    Args:
        state: After the last complete block.
        pool: Pool of every series.
    """
    a, b = tails.dispersion(state.moments)
    common = expectations.peers(state.baselines, pool, state.pools.height)
    day = state.windows.index(BLOCK)
    total, count = state.spread, state.spread_weight
    typical = np.divide(total, count, out=np.ones_like(total), where=count > 0)
    return BlockParameters(
        expected=expectations.expectation(state.baselines, common, pool, b[pool, day]),
        scale=state.baselines.scale(np.maximum(typical, 0.05)[pool]),
        a=a,
        b=b,
        stretch=tails.calibration(state.counts),
        tails=state.baselines.tails(),
    )


@dataclass(frozen=True)
class RunningSums:
    """Running sums of some series along the hours, from a look-back before the block to its end.

    Attributes:
        look_back: Hours before the block.
        observed: Degraded user-minutes.
        exposure: All user-minutes.
        expected: Expected degraded ones.
        excess: Positive hourly excesses.
        squared: Their squares.
    """

    look_back: int
    observed: Floats
    exposure: Floats
    expected: Floats
    excess: Floats
    squared: Floats

    @classmethod
    def of(
        cls, observed: Floats, exposure: Floats, shares: Floats, bins: Ints, look_back: int
    ) -> "RunningSums":
        """From hourly minutes, series × hours, from `LOOK_BACK` hours before the block to its end.

        Args:
            observed: Degraded user-minutes.
            exposure: All user-minutes.
            shares: Expected shares by bin.
            bins: Bin of each hour.
            look_back: Hours before the block that are needed.
        """
        kept = slice(LOOK_BACK - look_back, None)
        seen, users = observed[:, kept], exposure[:, kept]
        expected = np.take_along_axis(shares, bins[:, kept], axis=1) * users
        excess = np.maximum(seen - expected, 0.0)
        return cls(
            look_back,
            running_sums(seen),
            running_sums(users),
            running_sums(expected),
            running_sums(excess),
            running_sums(excess**2),
        )

    def over(self, sums: Floats, hours: int) -> Floats:
        """One of the running sums over the windows that end in each hour of the block."""
        first = self.look_back + 1
        return sums[:, first:] - sums[:, first - hours : sums.shape[1] - hours]

    def at(self, sums: Floats, line: Ints, hour: Ints, hours: int) -> Floats:
        """The same for some series and hours of the block only."""
        until = hour + self.look_back + 1
        value: Floats = sums[line, until] - sums[line, until - hours]
        return value


@dataclass(frozen=True)
class WindowSums:
    """Sums over one window length that end in each hour of a block, series × hours.

    Attributes:
        hours: Length of the window.
        sums: The running sums that they are differences of.
        observed: Degraded user-minutes.
        mean: Expected ones.
        exposure: All user-minutes.
        plain: Variance by the pool's overdispersion alone.
        variance: With the series' own scale and the uncertainty of its baseline.
        is_tested: Whether there were enough users.
        nominal: Surprise before calibration; 0 where there is no excess to speak of.
        of_hours: What the variance would be if its hours were independent.
    """

    hours: int
    sums: RunningSums
    observed: Floats
    mean: Floats
    exposure: Floats
    plain: Floats
    variance: Floats
    is_tested: Flags
    nominal: Floats
    of_hours: Floats

    def excess_pct(self, line: Ints, at: Ints) -> Floats:
        """Points more degraded than expected, of some series and hours; 0 where there were no users."""
        excess, users = self.observed[line, at] - self.mean[line, at], self.exposure[line, at]
        return np.where(users > MIN_EXPOSURE, 100.0 * excess / np.maximum(users, MIN_EXPOSURE), 0.0)

    def breadth(self, line: Ints, at: Ints) -> Floats:
        """Over how many hours the excess is spread: (Σe)²/Σe² of the positive hourly excesses e.

        The participation ratio: 1 where a single hour explains it all.
        """
        excess = self.sums.at(self.sums.excess, line, at, self.hours)
        squared = self.sums.at(self.sums.squared, line, at, self.hours)
        value: Floats = excess**2 / np.maximum(squared, 1e-6)
        return value

    def recent_pct(self, line: Ints, at: Ints) -> Floats:
        """Points more degraded than expected in the last 24 hours, or in the window where that is shorter.

        Where there were no users in those hours, that of the window.
        """
        lately = min(self.hours, BLOCK)
        observed, expected, users = (
            self.sums.at(sums, line, at, lately)
            for sums in (self.sums.observed, self.sums.expected, self.sums.exposure)
        )
        recent = 100.0 * (observed - expected) / np.maximum(users, MIN_EXPOSURE)
        return np.where(users > MIN_EXPOSURE, recent, self.excess_pct(line, at))

    def cells_apart(self) -> "CellsApart":
        """Its windows that do not overlap each other, copied, so that the rest need not stay in memory."""
        columns = apart(self.hours)
        mean = self.mean[:, columns]
        return CellsApart(
            self.hours,
            self.observed[:, columns] - mean,
            mean,
            self.plain[:, columns],
            self.variance[:, columns],
            self.is_tested[:, columns],
            self.nominal[:, columns],
        )


@dataclass(frozen=True)
class CellsApart:
    """What a complete block teaches of one window length: sums that do not overlap each other, series × windows in the block.

    Attributes:
        hours: Length of the window.
        residual: Degraded user-minutes beyond those expected.
        mean: As in `WindowSums`.
        plain: As in `WindowSums`.
        variance: As in `WindowSums`.
        is_tested: As in `WindowSums`.
        nominal: As in `WindowSums`.
    """

    hours: int
    residual: Floats
    mean: Floats
    plain: Floats
    variance: Floats
    is_tested: Flags
    nominal: Floats


def window_sums(
    matrix: HourlyMatrix,
    chunk: slice,
    bins: Ints,
    pool: Ints,
    parameters: BlockParameters,
    options: EvidenceOptions,
    begin: int,
) -> Iterator[WindowSums]:
    """All windows of some series, shortest first.

    Args:
        matrix: The data.
        chunk: Which series.
        bins: Baseline bin of their hours, from the look-back before the block to its end.
        pool: Their pools.
        parameters: From `block_parameters`.
        options: See `EvidenceOptions`.
        begin: First column of the block.
    """
    first, stop = begin - LOOK_BACK, begin + bins.shape[1] - LOOK_BACK
    observed = matrix.observed[chunk, first:stop].astype(np.float64)
    exposure = matrix.exposure[chunk, first:stop].astype(np.float64)
    fast = RunningSums.of(observed, exposure, parameters.expected.fast[chunk], bins, SLOW_FROM)
    slow = RunningSums.of(observed, exposure, parameters.expected.slow[chunk], bins, LOOK_BACK)
    floor = options.min_clients * MINUTES_PER_CLIENT
    uncertainty = parameters.expected.uncertainty[chunk][:, None]
    a_hour, b_hour = parameters.a[pool, 0][:, None], parameters.b[pool, 0][:, None]
    for i, hours in enumerate(options.windows):
        sums = slow if hours >= SLOW_FROM else fast
        seen, total = sums.over(sums.observed, hours), sums.over(sums.exposure, hours)
        mean = np.maximum(sums.over(sums.expected, hours), 1e-6)
        plain = parameters.a[pool, i][:, None] * mean + parameters.b[pool, i][:, None] * mean**2
        variance = plain * _scale_at(parameters.scale[chunk], hours)[:, None] + uncertainty * mean**2
        is_tested = total >= floor
        nominal = np.zeros_like(mean)
        cells = is_tested & (seen - mean > np.sqrt(variance))
        nominal[cells] = tails.upper_surprise(seen[cells], mean[cells], variance[cells])
        busy = min(hours, _BUSY_HOURS)
        of_hours = (a_hour * mean + b_hour * mean**2 / busy) * parameters.scale[chunk][:, :1]
        yield WindowSums(hours, sums, seen, mean, total, plain, variance, is_tested, nominal, of_hours)


def episode_hours(
    windows: list[WindowSums], surprises: list[Floats], options: EvidenceOptions
) -> Iterator[EpisodeHours]:
    """A block of hours as `episodes` follows them: against the fast, then against the lagged expectation.

    Args:
        windows: From `window_sums`.
        surprises: Calibrated surprises of each.
        options: What is large enough.
    """
    hourly, day = windows[0], windows[options.windows.index(BLOCK)]
    temper = np.clip(day.variance / np.maximum(day.of_hours, 1e-6), 1.0, _MAX_TEMPER)
    for is_slow in (False, True):
        mine = [
            (window, surprise)
            for window, surprise in zip(windows, surprises, strict=True)
            if (window.hours >= SLOW_FROM) == is_slow
        ]
        is_surprising = np.zeros(hourly.observed.shape, np.bool_)
        for window, surprise in mine:
            excess = window.observed - window.mean
            is_surprising |= (surprise >= _FOLLOWED_FROM) & (
                100.0 * excess >= options.min_excess_pct * window.exposure
            )
        mean, variance = hourly.mean, hourly.variance
        if is_slow and mine:
            sums = mine[0][0].sums
            mean = np.maximum(sums.over(sums.expected, 1), 1e-6)
            # The same noise around another mean: overdispersed, so that it grows faster than the mean.
            ratio = np.maximum(mean / hourly.mean, 1.0)
            variance = hourly.variance * ratio**2
        yield EpisodeHours(hourly.observed - mean, hourly.exposure, variance * temper, is_surprising)


def own_tail_at(hours: int) -> int:
    """Which of a series' own tails a window length belongs to: 0 that of hours, 1 that of days."""
    return 0 if hours <= _HOURLY else 1


def _scale_at(scale: Floats, hours: int) -> Floats:
    """Own variance scale at a window length: that of hours, of days, or between them."""
    if hours <= _HOURLY:
        return scale[:, 0]
    return scale[:, 1] if hours >= BLOCK else np.sqrt(scale[:, 0] * scale[:, 1])


@dataclass
class PoolUpdate:
    """What a complete block adds to the pools; summed chunk by chunk.

    Attributes:
        moments: Regression sums, pools × windows × 5.
        counts: Histograms of nominal surprise, tails × windows × bins.
        spread: Capped squared standardised residuals of hours and of days, pools × 2.
        spread_weight: How many they are, pools × 2.
        tail: Excesses of the surprises of each series over the upper quantile, of hours and of days, series × 2.
        tail_weight: How many they are, series × 2.
    """

    moments: Floats
    counts: Floats
    spread: Floats
    spread_weight: Floats
    tail: Floats
    tail_weight: Floats

    @classmethod
    def empty(cls, state: EvidenceState) -> "PoolUpdate":
        """Zeros in the shapes of the state."""
        own = state.baselines
        return cls(
            *(
                np.zeros_like(sums)
                for sums in (
                    state.moments, state.counts, state.spread, state.spread_weight, own.tail, own.tail_weight,
                )
            )
        )  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """Which series show in a block what noise is like.

    Attributes:
        is_own: They took no part in an excess of their group.
        is_quiet: They had no episode that was followed; only then a series learns its own tail, so that an outage does not make
            it deaf for the next.
        stretch: Calibration of the tails in this block, tails × windows × 3.
    """

    is_own: Flags
    is_quiet: Flags
    stretch: Floats


def accumulate(
    state: EvidenceState,
    update: PoolUpdate,
    window: CellsApart,
    chunk: slice,
    pool: Ints,
    tail: Ints,
    examples: Examples,
) -> None:
    """Add the non-overlapping windows of some series to an update, in place; anomalous and new series are left out.

    So are series whose group has an excess at once: the tails are estimated from half a percent of all days, which one shared
    trouble of a week would be by itself, and it would hide there from then on.

    Args:
        state: Its series' own spread is updated at once.
        update: The update of the pools.
        window: One window length of a complete block.
        chunk: Its series.
        pool: Their pools.
        tail: Tail of each pool.
        examples: Which of all series are worth learning from.
    """
    baselines = state.baselines
    free = examples.is_own[chunk] & ~baselines.is_held[chunk] & (baselines.days[chunk] >= _MIN_UPDATE_DAYS)
    cells = window.is_tested & free[:, None]
    pool_of_cell = pool[np.nonzero(cells)[0]]
    residual, mean, plain, variance = window.residual, window.mean, window.plain, window.variance
    floor = np.maximum(mean[cells], 1.0)
    i = state.windows.index(window.hours)
    pools = update.moments.shape[0]
    update.moments[:, i] += tails.moment_sums(
        residual[cells], floor, variance[cells] * floor / mean[cells], pool_of_cell, pools
    )
    update.counts[:, i] += tails.tail_counts(
        window.nominal[cells], tail[pool_of_cell], update.counts.shape[0]
    )
    if window.hours in (1, BLOCK):
        column = 0 if window.hours == 1 else 1
        square = np.where(cells, np.minimum(residual**2 / plain, _CAP), 0.0).sum(axis=1)
        count = cells.sum(axis=1).astype(np.float64)
        expectations.absorb_spread(baselines, column, square, count, chunk)
        update.spread[:, column] += np.bincount(pool, weights=square, minlength=pools)
        update.spread_weight[:, column] += np.bincount(pool, weights=count, minlength=pools)
    if window.hours <= BLOCK:
        cells &= examples.is_quiet[chunk, None]
        line = np.nonzero(cells)[0]
        excess, over = tails.excesses(
            tails.calibrated(window.nominal[cells], examples.stretch[tail[pool[line]], i])
        )
        kind = own_tail_at(window.hours)
        lines = cells.shape[0]
        update.tail[chunk, kind] += _OVERLAP * np.bincount(line, weights=excess, minlength=lines)
        update.tail_weight[chunk, kind] += _OVERLAP * np.bincount(line, weights=over, minlength=lines)


def apart(hours: int) -> Ints:
    """Columns of a block at which windows of this length end without overlapping each other within the block."""
    step = min(hours, BLOCK)
    return np.arange((BLOCK - 1) % step, BLOCK, step)


def apply_update(state: EvidenceState, update: PoolUpdate) -> None:
    """Let the update of a complete block enter the pools, in place."""
    state.moments = state.moments * tails.POOL_FORGET + update.moments
    state.counts = state.counts * tails.POOL_FORGET + update.counts
    state.spread = state.spread * tails.POOL_FORGET + update.spread
    state.spread_weight = state.spread_weight * tails.POOL_FORGET + update.spread_weight
    expectations.absorb_tails(state.baselines, update.tail, update.tail_weight)
