"""Baselines: what is normal for a site and metric, over all days and by weekday, on the eve of a day.

Here: the thirty days *before* D in, `analysis.baselines` of D out; D itself is compared with them, so it is left out.
Not here: the comparison (`deviations`), hours of the week for the live job (`hourly`), peers of new sites (`peers`).
The formulas: docs/methods/baselines.md.

Thirty days at 90 % and 94 % in turn:

>>> days = [date(2026, 3, 1) + timedelta(days=back) for back in range(30)]
>>> scores = pl.DataFrame({"day": days, "score_pct": [90.0, 94.0] * 15}).with_columns(
...     site_id=pl.lit("a"), metric=pl.lit("capacity"), state=pl.lit("ok"), num_users=40, total_user_minutes=9000.0
... )
>>> usual = baselines(scores, [date(2026, 3, 31)]).filter(pl.col("day_of_week") == ALL_DAYS)
>>> usual.select("mean_pct", "median_pct", "mad_pct", "n", "is_mature").row(0)
(92.0, 92.0, 2.0, 30, True)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from mist_pipeline.analysis.baselines.exclusions import mark_excluded
from mist_pipeline.analysis.baselines.peers import peer_circles, pool_with_peers
from mist_pipeline.analysis.baselines.window_statistics import low_side_std, window_statistics
from mist_pipeline.analysis.stats.arrays import Floats, Ints
from mist_pipeline.analysis.stats.day_grid import DayGrid
from mist_pipeline.analysis.stats.robust import median
from mist_pipeline.analysis.stats.sample_size import has_score, user_minutes
from mist_pipeline.tables.analysis import BASELINES

ALL_DAYS = -1
"""``day_of_week`` of the baseline over all days; 0 is Monday."""


@dataclass(frozen=True)
class BaselineRules:
    """Window and maturity of a baseline.

    Attributes:
        days: Length of the window before D.
        min_days: Days with data from which the baseline over all days is mature.
        min_weekday_days: Days with data from which that of a weekday is mature, where the one over all days is.
    """

    days: int = 30
    min_days: int = 14
    min_weekday_days: int = 3


def baselines(
    sle_daily: pl.DataFrame,
    days: Sequence[date],
    *,
    rules: BaselineRules | None = None,
    excluded: pl.DataFrame | None = None,
    sites: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """`analysis.baselines` of all days asked, in one pass.

    Args:
        sle_daily: `history.sle_daily` of the days asked and the window before the first.
        days: The days to compute.
        rules: Window and maturity.
        excluded: Days to leave out, see `mark_excluded`.
        sites: `history.sites` of the days asked: series that are not mature borrow from their peers (same group and
            size). Without it, none does.

    Returns:
        day, site_id, metric, day_of_week (0 = Monday, −1 = all), mean_pct (weighted by user-minutes: the score of the
        whole window), std_pct, median_pct, mad_pct (weighted; the MAD floored), n (days with data), is_mature; and
        is_pooled (borrowed from peers), low_side_std_pct (robust spread below expectation, the side that matters:
        around the median of all days in the row −1, around the weekdays' medians in the others), weekday_strength (of
        the series, the same in each row: 0 no weekday pattern … 1 nothing else; null below ``min_days``), user_minutes
        (mean a day). A row for every day of the week with data or peers.

    Raises:
        ValueError: If a site and metric has two rows on a day.
    """
    rules = rules or BaselineRules()
    wanted = sorted(set(days))
    if not wanted:
        return BASELINES.empty()
    readings = sle_daily.filter(has_score()).select(
        "day", "site_id", "metric", score="score_pct", minutes=user_minutes()
    )
    grid = DayGrid.over(
        mark_excluded(readings, excluded),
        ["site_id", "metric"],
        wanted[0] - timedelta(days=rules.days),
        wanted[-1],
    )
    score, minutes = grid.matrix(pl.col("score")), grid.matrix(pl.col("minutes"))
    known_from = grid.matrix(pl.col("excluded_from").to_physical())
    own = []
    for day in wanted:
        window = slice(grid.column(day) - rules.days, grid.column(day))
        is_excluded = known_from[:, window] <= (day - date(1970, 1, 1)).days
        own.append(
            _one_day(
                grid.keys, np.where(is_excluded, np.nan, score[:, window]), minutes[:, window], day, rules
            )
        )
    rows = pl.concat(own)
    if sites is not None:
        needed = (
            pl.when(pl.col("day_of_week") == ALL_DAYS).then(rules.min_days).otherwise(rules.min_weekday_days)
        )
        old = rows.filter((pl.col("day_of_week") == ALL_DAYS) & pl.col("is_mature"))
        key = ["day", "site_id", "metric"]
        seen = pl.concat(
            [rows.select(key), readings.filter(pl.col("day").is_in(wanted)).select(key)]
        ).unique()
        circles = peer_circles(sites.filter(pl.col("day").is_in(wanted)))
        pooled = pool_with_peers(rows, seen.join(old, on=key, how="anti"), circles, needed)
        rows = pl.concat([rows.join(pooled, on=[*key, "day_of_week"], how="anti"), pooled])
    return rows.sort("day", "site_id", "metric", "day_of_week")


def _one_day(
    keys: pl.DataFrame, score: Floats, minutes: Floats, day: date, rules: BaselineRules
) -> pl.DataFrame:
    rows = np.flatnonzero(np.isfinite(score).any(axis=1))
    keys, score, minutes = keys[rows], score[rows], minutes[rows]
    weekday = np.array([(day - timedelta(days=back)).weekday() for back in range(rules.days, 0, -1)])
    is_old = np.isfinite(score).sum(axis=1) >= rules.min_days
    around_all = low_side_std(score, minutes)
    around_weekdays = low_side_std(score, minutes, weekday, rules.min_weekday_days)
    strength = np.where(is_old, weekday_strength(score, weekday), np.nan)
    parts = []
    for day_of_week in (ALL_DAYS, *range(7)):
        columns = slice(None) if day_of_week == ALL_DAYS else weekday == day_of_week
        found = window_statistics(score[:, columns], minutes[:, columns])
        is_mature = is_old & ((found.n >= rules.min_weekday_days) | (day_of_week == ALL_DAYS))
        statistics = pl.DataFrame(
            {
                "mean_pct": found.mean,
                "std_pct": found.std,
                "median_pct": found.median,
                "mad_pct": found.mad,
                "n": found.n.astype(np.int64),
                "is_mature": is_mature,
                "is_pooled": np.zeros(len(rows), dtype=bool),
                "low_side_std_pct": around_all if day_of_week == ALL_DAYS else around_weekdays,
                "weekday_strength": strength,
                "user_minutes": found.minutes,
            }
        )
        parts.append(
            keys.hstack(statistics)
            .with_columns(day=pl.lit(day), day_of_week=pl.lit(day_of_week, pl.Int64))
            .filter(pl.col("n") > 0)
        )
    return pl.concat(parts).with_columns(pl.col(pl.Float64).fill_nan(None)).select(BASELINES.column_names)


def weekday_strength(score: Floats, weekday: Ints) -> Floats:
    """How much of a window's detrended variance the weekday explains, 0 … 1.

    1 − Var(residual) ÷ Var(detrended) (Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., §4.3),
    each variance by its degrees of freedom, so that pure noise gives about 0 and not 6 ÷ 29. The trend is a
    straight line, its slope the median change from one week's day to the next week's same day. NaN where fewer than 14 values are known; 0 for a constant.
    """
    is_known = np.isfinite(score)
    n = is_known.sum(axis=1)
    count = np.maximum(n, 1)[:, None]
    step = np.arange(score.shape[1], dtype=np.float64)
    time = np.where(is_known, step - (is_known * step).sum(axis=1, keepdims=True) / count, 0.0)
    centred = np.where(is_known, score - np.nansum(score, axis=1, keepdims=True) / count, 0.0)
    # A slope through all days would take part of the pattern for a trend.
    slope = np.nan_to_num(median(score[:, 7:] - score[:, :-7])) / 7
    detrended = centred - slope[:, None] * time
    residual = detrended.copy()
    groups = np.zeros(len(score))
    for day_of_week in range(7):
        columns = weekday == day_of_week
        there = is_known[:, columns]
        level = detrended[:, columns].sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        residual[:, columns] -= np.where(there, level[:, None], 0.0)
        groups += there.any(axis=1)
    freedom = n - 1 - groups  # the slope takes one, the weekdays' levels the rest
    enough = (n >= 14) & (freedom > 0)
    unexplained = (residual**2).sum(axis=1) / np.where(enough, freedom, 1)
    variance = (detrended**2).sum(axis=1) / np.where(enough, n - 2, 1)
    is_flat = variance < 1e-9
    strength = np.clip(1 - unexplained / np.where(is_flat, 1, variance), 0, 1)
    result: Floats = np.where(enough, np.where(is_flat, 0.0, strength), np.nan)
    return result
