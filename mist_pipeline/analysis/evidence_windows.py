"""Sums over sliding windows for many series at once, what they say, and what they teach.

Here: from the arrays of a panel and the expectation of a block to nominal surprises, window by window; and the lessons
of a complete block for the pools. Not here: the walk over blocks (`evidence`), rows (`evidence_rows`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mist_pipeline.analysis import evidence_expectation as expectations
from mist_pipeline.analysis import evidence_tails as tails
from mist_pipeline.analysis.evidence_state import EvidenceState
from mist_pipeline.analysis.evidence_tensor import BLOCK, MINUTES_PER_CLIENT, Flags, Floats, Ints, Panel

LOOK_BACK = 168
"""Hours of history that must be given before the first hour to be judged."""
WINDOWS = (1, 2, 3, 6, 12, 24, 48, 96, 168)
SLOW_FROM = 48
"""Windows from this length are judged against the lagged baseline."""
POOL_FORGET = 0.5 ** (1 / 21)
_CAP = 9.0
_MIN_LESSON_DAYS = 2.0


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
class Judgement:
    """With what a block is judged: all that complete blocks have taught.

    Attributes:
        expected: Expected shares of all series.
        scale: Own variance scale of all series, for hours and for days.
        a: First overdispersion coefficient, pools × windows.
        b: Second one.
        stretch: Calibration of the tails, tails × windows × 3.
    """

    expected: expectations.Expectation
    scale: Floats
    a: Floats
    b: Floats
    stretch: Floats


def judgement(state: EvidenceState, pool: Ints) -> Judgement:
    """What the state says about the block that follows it.

    Args:
        state: After the last complete block.
        pool: Pool of every series.
    """
    a, b = tails.dispersion(state.moments)
    common = expectations.peers(state.baselines, pool, state.pools.height)
    day = state.windows.index(BLOCK)
    total, count = state.spread[:, :2], state.spread[:, 2:]
    typical = np.divide(total, count, out=np.ones_like(total), where=count > 0)
    return Judgement(
        expected=expectations.expectation(state.baselines, common, pool, b[pool, day]),
        scale=state.baselines.scale(np.maximum(typical, 0.05)[pool]),
        a=a,
        b=b,
        stretch=tails.calibration(state.counts),
    )


@dataclass(frozen=True)
class WindowSums:
    """Sums over one window length that end in each hour of a block, series × hours.

    Attributes:
        hours: Length of the window.
        observed: Degraded user-minutes.
        mean: Expected ones.
        exposure: All user-minutes.
        plain: Variance by the pool's overdispersion alone.
        variance: With the series' own scale and the uncertainty of its baseline.
        is_tested: Whether there were enough users.
        nominal: Surprise before calibration; 0 where there is no excess to speak of.
        breadth: Over how many hours the excess is spread, (Σe)²/Σe² of the positive hourly excesses e (the participation
            ratio): 1 where a single hour explains it all.
        recent_pct: Points more degraded than expected in the last 24 hours, or in the window where it is shorter; that of
            the window where nobody was there in those hours.
    """

    hours: int
    observed: Floats
    mean: Floats
    exposure: Floats
    plain: Floats
    variance: Floats
    is_tested: Flags
    nominal: Floats
    breadth: Floats
    recent_pct: Floats

    @property
    def excess_pct(self) -> Floats:
        """Points more degraded than expected."""
        return 100.0 * (self.observed - self.mean) / np.maximum(self.exposure, 1e-9)


def window_sums(
    panel: Panel,
    chunk: slice,
    bins: Ints,
    pool: Ints,
    judged: Judgement,
    options: EvidenceOptions,
    begin: int,
) -> Iterator[WindowSums]:
    """All windows of some series, shortest first.

    Args:
        panel: The data.
        chunk: Which series.
        bins: Baseline bin of their hours, from the look-back before the block to its end.
        pool: Their pools.
        judged: From `judgement`.
        options: See `EvidenceOptions`.
        begin: First column of the block.
    """
    first, width = begin - LOOK_BACK, bins.shape[1] - LOOK_BACK
    observed = panel.observed[chunk, first : begin + width].astype(np.float64)
    exposure = panel.exposure[chunk, first : begin + width].astype(np.float64)
    seen_sum, exposure_sum = running(observed), running(exposure)
    fast, slow = (
        _Course.of(observed, np.take_along_axis(shares[chunk], bins, axis=1) * exposure)
        for shares in (judged.expected.fast, judged.expected.slow)
    )
    until = slice(LOOK_BACK + 1, LOOK_BACK + 1 + width)
    floor = options.min_clients * MINUTES_PER_CLIENT
    uncertainty = judged.expected.uncertainty[chunk][:, None]
    for i, hours in enumerate(options.windows):
        since = slice(until.start - hours, until.stop - hours)
        course = slow if hours >= SLOW_FROM else fast
        seen = seen_sum[:, until] - seen_sum[:, since]
        total = exposure_sum[:, until] - exposure_sum[:, since]
        mean = np.maximum(course.expected[:, until] - course.expected[:, since], 1e-6)
        excess = course.excess[:, until] - course.excess[:, since]
        squared = course.squared[:, until] - course.squared[:, since]
        breadth = excess**2 / np.maximum(squared, 1e-6)
        recent_pct = 100.0 * (seen - mean) / np.maximum(total, 1e-9)
        if hours > BLOCK:
            lately = slice(until.start - BLOCK, until.stop - BLOCK)
            users, seen_lately, expected_lately = (
                sums[:, until] - sums[:, lately] for sums in (exposure_sum, seen_sum, course.expected)
            )
            away = seen_lately - expected_lately
            recent_pct = np.where(users > 0, 100.0 * away / np.maximum(users, 1e-9), recent_pct)
        plain = judged.a[pool, i][:, None] * mean + judged.b[pool, i][:, None] * mean**2
        variance = plain * _scale_at(judged.scale[chunk], hours)[:, None] + uncertainty * mean**2
        is_tested = total >= floor
        nominal = np.zeros_like(mean)
        cells = is_tested & (seen - mean > np.sqrt(variance))
        nominal[cells] = tails.upper_surprise(seen[cells], mean[cells], variance[cells])
        yield WindowSums(hours, seen, mean, total, plain, variance, is_tested, nominal, breadth, recent_pct)


@dataclass(frozen=True)
class _Course:
    """Running sums of expected degraded user-minutes, of positive hourly excesses, and of their squares."""

    expected: Floats
    excess: Floats
    squared: Floats

    @classmethod
    def of(cls, observed: Floats, expected: Floats) -> "_Course":
        excess = np.maximum(observed - expected, 0.0)
        return cls(running(expected), running(excess), running(excess**2))


def running(values: Floats) -> Floats:
    """Cumulative sums along the hours, with a leading zero."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _scale_at(scale: Floats, hours: int) -> Floats:
    """Own variance scale at a window length: that of hours, of days, or between them."""
    if hours <= 3:
        return scale[:, 0]
    return scale[:, 1] if hours >= BLOCK else np.sqrt(scale[:, 0] * scale[:, 1])


@dataclass
class Lesson:
    """What a complete block teaches the pools; gathered chunk by chunk.

    Attributes:
        moments: Regression sums, pools × windows × 5.
        counts: Histograms of nominal surprise, tails × windows × bins.
        spread: Capped squared standardised residuals of hours and days and their number, pools × 4.
    """

    moments: Floats
    counts: Floats
    spread: Floats

    @classmethod
    def empty(cls, state: EvidenceState) -> "Lesson":
        """Nothing learnt yet, in the shapes of the state."""
        return cls(np.zeros_like(state.moments), np.zeros_like(state.counts), np.zeros_like(state.spread))


def learn(
    state: EvidenceState, lesson: Lesson, window: WindowSums, chunk: slice, pool: Ints, tail: Ints
) -> None:
    """Gather what non-overlapping windows of some series teach, in place; anomalous and new series teach nothing.

    Args:
        state: Whose series' own spread learns at once.
        lesson: What the pools will learn.
        window: A window of a complete block.
        chunk: Its series.
        pool: Their pools.
        tail: Tail of each pool.
    """
    columns = apart(window.hours)
    baselines = state.baselines
    free = ~baselines.is_held[chunk] & (baselines.days[chunk] >= _MIN_LESSON_DAYS)
    cells = window.is_tested[:, columns] & free[:, None]
    pool_of_cell = pool[np.nonzero(cells)[0]]
    residual = (window.observed - window.mean)[:, columns]
    mean, plain, variance = (x[:, columns] for x in (window.mean, window.plain, window.variance))
    floor = np.maximum(mean[cells], 1.0)
    i = state.windows.index(window.hours)
    pools = lesson.moments.shape[0]
    lesson.moments[:, i] += tails.moment_sums(
        residual[cells], floor, variance[cells] * floor / mean[cells], pool_of_cell, pools
    )
    lesson.counts[:, i] += tails.tail_counts(
        window.nominal[:, columns][cells], tail[pool_of_cell], lesson.counts.shape[0]
    )
    if window.hours in (1, BLOCK):
        column = 0 if window.hours == 1 else 1
        square = np.where(cells, np.minimum(residual**2 / plain, _CAP), 0.0).sum(axis=1)
        count = cells.sum(axis=1).astype(np.float64)
        expectations.absorb_spread(baselines, column, square, count, chunk)
        lesson.spread[:, column] += np.bincount(pool, weights=square, minlength=pools)
        lesson.spread[:, 2 + column] += np.bincount(pool, weights=count, minlength=pools)


def apart(hours: int) -> Ints:
    """Columns of a block at which windows of this length end without overlapping each other within the block."""
    step = min(hours, BLOCK)
    return np.arange((BLOCK - 1) % step, BLOCK, step)


def digest(state: EvidenceState, lesson: Lesson) -> None:
    """Let the lesson of a complete block enter the pools, in place."""
    state.moments = state.moments * POOL_FORGET + lesson.moments
    state.counts = state.counts * POOL_FORGET + lesson.counts
    state.spread = state.spread * POOL_FORGET + lesson.spread
