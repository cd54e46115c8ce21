"""Trends: what changed since the previous day with data, how fast, and whether it is more than the series' own noise.

Here: daily series in, one row a day and series out. Not here: the seven-day line for people (`weekly_line`), what is
normal over a month (``baselines``), when a threshold will be crossed (``risks``).

Every row of day D is a function of the `LOOKBACK_DAYS` days up to D, whatever else the frame holds: older and later
rows change nothing, so that a backfill and the day itself give the same. The formulas: docs/methods/trends.md.

The memory of a switch over ten days, in percent; more is worse:

>>> days = [date(2026, 3, 1) + timedelta(days=back) for back in range(10)]
>>> memory = pl.DataFrame({"day": days, "device_id": "s", "value": [50.0] * 9 + [60.0], "better": "lower"})
>>> trend = value_trends(memory, days[-1:], keys=["device_id"])
>>> trend.select("previous_value", "change", "noise", "indicator", "is_degrading").row(0)
(50.0, 10.0, 1.0, '↑', True)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl

from mist_pipeline.analysis.scores.bands import UserGate
from mist_pipeline.analysis.stats.arrays import Floats
from mist_pipeline.analysis.stats.day_grid import DayGrid, previous_column
from mist_pipeline.analysis.stats.robust import MAD_TO_STD, median, pairwise_std, theil_sen_slope
from mist_pipeline.analysis.stats.sample_size import has_score, observations

Better = Literal["higher", "lower"]

WORSENING, IMPROVING, STABLE = "↑", "↓", "→"

NOISE_DAYS = 28
"""Days before D whose changes say how much a series moves by itself; also how far back a previous day may lie."""

MAX_GAP_DAYS = 7
"""A change across a longer gap says nothing about day-to-day noise."""

LOOKBACK_DAYS = NOISE_DAYS + 7 + MAX_GAP_DAYS
"""Days before D that a row of D may depend on: the noise window, its same weekdays a week earlier, their gaps."""

VELOCITY_DAYS = 7

MEASURED_NOISE_SHARE = 0.02
"""A raw measurement that moves by less than this share of itself has not moved."""


@dataclass(frozen=True)
class TrendRules:
    """What counts as a trend.

    Attributes:
        degradation_pct: `is_degrading` needs a worsening of more than this share of the previous value per day
            (the roadmap's rule).
        noise_sigmas: Changes within so many robust standard deviations are noise.
        noise_floor: Smallest noise in the unit of the value; for scores in points.
        noise_floor_share: Smallest noise as a share of the previous value, for measurements of any unit.
        gate: Users that a day needs to be compared with, and to be called degrading.
    """

    degradation_pct: float = 5.0
    noise_sigmas: float = 2.0
    noise_floor: float = 1.0
    noise_floor_share: float = 0.0
    gate: UserGate = field(default_factory=UserGate)


def value_trends(
    values: pl.DataFrame,
    days: Sequence[date],
    *,
    keys: Sequence[str],
    rules: TrendRules | None = None,
) -> pl.DataFrame:
    """Trends of any daily values, such as the utilisation of APs, switches and gateways from device snapshots.

    Args:
        values: day, the key columns, value; ``better`` ("higher" or "lower": which way the value improves; null where
            that is unknown); optionally ``observations`` (how many independent observations a percentage rests on) and
            ``counts`` (false: too little to compare with; such a day has a row, but it is the previous day
            of none and never degrading).
        days: The days to compute.
        keys: What identifies a series, for example ``device_id`` and ``metric``.
        rules: Thresholds.

    Returns:
        One row for every day asked and series with a value on it: day, the key columns, value, previous_day,
        previous_value, change (in the unit of the value), velocity_per_day, noise, indicator (↑ worsening,
        ↓ improving, → inside the noise; null without a previous day or a direction), is_degrading.

    Raises:
        ValueError: If a series has two rows on a day.
    """
    rules = rules or TrendRules()
    wanted = sorted(set(days))
    if not wanted or values.is_empty():
        return _empty(values, keys)
    grid = DayGrid.over(values, keys, wanted[0] - timedelta(days=LOOKBACK_DAYS), wanted[-1])
    counts = pl.col("counts") if "counts" in values.columns else pl.lit(value=True)
    rests_on = pl.col("observations") if "observations" in values.columns else pl.lit(None, pl.Float64)
    series = _Series(
        value=grid.matrix(pl.col("value")),
        counted=grid.matrix(pl.when(counts).then(pl.col("value"))),
        observations=grid.matrix(rests_on),
        direction=grid.matrix(pl.col("better").replace_strict({"higher": 1.0, "lower": -1.0}, default=None)),
    )
    moves = _moves(series)
    return pl.concat([_one_day(grid, series, moves, day, rules) for day in wanted]).sort("day", *keys)


def trends(
    sle_daily: pl.DataFrame,
    days: Sequence[date],
    *,
    measured_better: Mapping[str, Better],
    rules: TrendRules | None = None,
) -> pl.DataFrame:
    """`analysis.trends`: the scores' trends, with the raw measurement beside them.

    Args:
        sle_daily: `history.sle_daily` of the days asked and the `LOOKBACK_DAYS` before the first.
        days: The days to compute, in one go.
        measured_better: Which way each metric's raw measurement improves. Scores are always higher-is-better; a metric
            that is not named here has no ``measured_indicator``.
        rules: Thresholds.

    Returns:
        One row for every day asked, site and metric with a score: day, site_id, metric, score_pct, previous_pct,
        change_pct (points), velocity_pct_per_day, measured_value, measured_change (in its unit, since the same
        previous day), indicator, is_degrading, noise_pct; and previous_day, measured_indicator (↑ ↓ → by the
        measurement's own direction and noise).

    Raises:
        ValueError: If a site and metric has two rows on a day.
    """
    rules = rules or TrendRules()
    keys = ("site_id", "metric")
    readings = sle_daily.filter(has_score()).select(
        "day",
        *keys,
        score=pl.col("score_pct"),
        measured=pl.col("measured_value"),
        counts=rules.gate.is_open(),
        observations=observations(),
    )
    scores = value_trends(
        readings.select("day", *keys, "counts", "observations", value="score", better=pl.lit("higher")),
        days,
        keys=keys,
        rules=rules,
    )
    better = pl.col("metric").replace_strict(dict(measured_better), default=None, return_dtype=pl.String)
    measured = value_trends(
        readings.filter(pl.col("measured").is_not_null()).select(
            "day", *keys, "counts", value="measured", better=better
        ),
        days,
        keys=keys,
        # A measurement may be in dBm, seconds or Mbps: its floor is a share of itself.
        rules=replace(rules, noise_floor=0.0, noise_floor_share=MEASURED_NOISE_SHARE),
    ).select("day", *keys, measured_indicator="indicator")
    now = readings.select("day", *keys, measured_value="measured")
    before = readings.select(*keys, previous_day="day", measured_before="measured")
    return (
        scores.join(now, on=["day", *keys], how="left")
        .join(before, on=[*keys, "previous_day"], how="left")
        .join(measured, on=["day", *keys], how="left")
        .select(
            "day",
            *keys,
            score_pct="value",
            previous_pct="previous_value",
            change_pct="change",
            velocity_pct_per_day="velocity_per_day",
            measured_value="measured_value",
            measured_change=pl.col("measured_value") - pl.col("measured_before"),
            indicator="indicator",
            is_degrading="is_degrading",
            noise_pct="noise",
            previous_day="previous_day",
            measured_indicator="measured_indicator",
        )
        .sort("day", *keys)
    )


@dataclass(frozen=True)
class _Series:
    """Matrices of series × days; ``direction`` is +1 where higher is better, −1 where lower is."""

    value: Floats
    counted: Floats
    observations: Floats
    direction: Floats


@dataclass(frozen=True)
class _Moves:
    """Changes between counted days at most `MAX_GAP_DAYS` apart, in the cell of the later day.

    ``weekly`` is the change less that of the same weekday a week before, ``thinness`` how little the change rests on
    (the sum of 1 ÷ observations of its two days).
    """

    change: Floats
    weekly: Floats
    thinness: Floats


def _moves(series: _Series) -> _Moves:
    before = previous_column(np.isfinite(series.counted))
    gap = np.arange(before.shape[1]) - before
    near = (before >= 0) & (gap <= MAX_GAP_DAYS)
    source = np.maximum(before, 0)
    change = np.where(near, series.counted - np.take_along_axis(series.counted, source, axis=1), np.nan)
    share = 1 / np.where(series.observations > 0, series.observations, np.nan)
    thinness = np.where(np.isfinite(change), share + np.take_along_axis(share, source, axis=1), np.nan)
    weekly = np.full(change.shape, np.nan)
    weekly[:, 7:] = change[:, 7:] - change[:, :-7]
    return _Moves(change, weekly, thinness)


def _one_day(grid: DayGrid, series: _Series, moves: _Moves, day: date, rules: TrendRules) -> pl.DataFrame:
    at = grid.column(day)
    rows = np.flatnonzero(np.isfinite(series.value[:, at]))
    window = slice(at - NOISE_DAYS, at)
    value, direction = series.value[rows, at], series.direction[rows, at]

    past = series.counted[rows, window]
    steps_back = np.argmax(np.isfinite(past[:, ::-1]), axis=1) + 1
    has_previous = np.isfinite(past).any(axis=1)
    source = at - np.where(has_previous, steps_back, 0)
    elapsed = np.where(has_previous, steps_back, np.nan)
    previous = np.where(has_previous, series.counted[rows, source], np.nan)
    change = value - previous

    own = series.observations[rows, at]
    thinness = 1 / np.where(own > 0, own, np.nan) + 1 / np.where(
        series.observations[rows, source] > 0, series.observations[rows, source], np.nan
    )
    noise = rules.noise_sigmas * _change_std(
        moves.change[rows, window],
        moves.weekly[rows, window],
        moves.thinness[rows, window],
        thinness,
        value,
        previous,
    )
    usual = _usual_change(moves.change[rows], at)
    floor = np.maximum(rules.noise_floor, rules.noise_floor_share * np.abs(previous))
    noise = np.maximum(noise, floor) + np.maximum(usual * np.sign(change), 0)
    noise = np.where(has_previous, noise, np.nan)

    recent = series.counted[rows, at - VELOCITY_DAYS + 1 : at + 1]
    worsening = -direction * change
    is_change = np.isfinite(series.counted[rows, at]) & (np.abs(change) > noise)
    # worsening ÷ previous ÷ days > limit, without dividing by a previous value of 0
    is_degrading = is_change & (worsening > rules.degradation_pct / 100 * np.abs(previous) * elapsed)
    indicator = np.where(np.abs(change) <= noise, STABLE, np.where(worsening > 0, WORSENING, IMPROVING))
    has_indicator = has_previous & np.isfinite(direction)

    numbers = pl.DataFrame(
        {
            "value": value,
            "previous_value": previous,
            "change": change,
            "velocity_per_day": theil_sen_slope(recent),
            "noise": noise,
            "_elapsed": elapsed,
        }
    ).fill_nan(None)
    return (
        grid.keys[rows]
        .hstack(numbers)
        .with_columns(
            day=pl.lit(day),
            previous_day=pl.lit(day) - pl.duration(days=pl.col("_elapsed").cast(pl.Int64)),
            indicator=pl.when(pl.Series(has_indicator)).then(
                pl.Series(indicator.astype(str), dtype=pl.String)
            ),
            is_degrading=pl.Series(is_degrading),
        )
        .select(
            "day",
            *grid.keys.columns,
            "value",
            pl.col("previous_day").cast(pl.Date),
            "previous_value",
            "change",
            "velocity_per_day",
            "noise",
            "indicator",
            "is_degrading",
        )
    )


def _change_std(
    change: Floats, weekly: Floats, past_thinness: Floats, thinness: Floats, value: Floats, previous: Floats
) -> Floats:
    """Robust standard deviation of a series' day-to-day change, by the best evidence that it has (see the docs)."""
    # Differences between the same change in two weeks: weekday pattern and steady drift cancel, variance doubles.
    by_week = MAD_TO_STD * median(np.abs(weekly)) / np.sqrt(2)
    growth = np.sqrt(thinness / median(past_thinness))
    growth = np.where(np.isfinite(growth), np.maximum(growth, 1), 1)
    share = np.clip((value + previous) / 200, 0, 1)
    trials = 1 / thinness  # of the pooled share, as if both days had the same number
    share = (share * trials + 1) / (trials + 2)  # Laplace's rule: a perfect score of few users proves little
    binomial = 100 * np.sqrt(share * (1 - share) * thinness)
    std: Floats = np.where(np.isfinite(weekly).sum(axis=1) >= 7, by_week * growth, np.nan_to_num(binomial))
    short = np.flatnonzero((np.isfinite(weekly).sum(axis=1) < 7) & (np.isfinite(change).sum(axis=1) >= 6))
    std[short] = pairwise_std(change[short]) * growth[short]
    return std


def _usual_change(change: Floats, at: int) -> Floats:
    """The change that this weekday brings anyway, beyond the drift: median of up to four weeks, 0 below three."""
    same_weekday = change[:, [at - 28, at - 21, at - 14, at - 7]]
    usual = median(same_weekday) - median(change[:, at - NOISE_DAYS : at])
    beyond: Floats = np.where(np.isfinite(same_weekday).sum(axis=1) >= 3, usual, 0.0)
    return beyond


def _empty(values: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    schema = {name: values.schema[name] for name in keys}
    return pl.DataFrame(
        schema={
            "day": pl.Date,
            **schema,
            "value": pl.Float64,
            "previous_day": pl.Date,
            "previous_value": pl.Float64,
            "change": pl.Float64,
            "velocity_per_day": pl.Float64,
            "noise": pl.Float64,
            "indicator": pl.String,
            "is_degrading": pl.Boolean,
        }
    )
