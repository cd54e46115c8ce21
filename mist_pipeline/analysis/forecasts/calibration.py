"""Intervals as wide as issued forecasts turned out to be wrong: their graded errors feed back into the next ones.

Here: errors of forecasts whose day has come, in units of the spread that was issued with them, and bounds made of their
quantiles. Not here: that spread and the bounds of a model that has no grades yet (`intervals`), accuracy (`accuracy`).

A bound is mean + q · f · spread on the logit scale. The quantile q is that of the errors of the same kind of model at the same
level of the score, over all metrics and horizons; f corrects it for the metric and the horizon. Both come from the forecasts
that fell due in the last 42 days, so they follow what changes. Split conformal prediction with normalised errors (Lei et al.,
*JASA* 113, 2018, 5.2), each tail by itself (Romano et al., *NeurIPS* 2019), in groups by difficulty (Boström & Johansson, *PMLR*
128, 2020), over a window that moves because days are not exchangeable (Barber et al., *Annals of Statistics* 51, 2023).

300 forecasts that were off by −1.5 … 1.5 times their spread:

>>> off = np.linspace(-1.5, 1.5, 300)
>>> level, metric = np.full(300, 95.0), np.full(300, "capacity")
>>> grades = Grades(off, level, metric, np.ones(300, np.int64), np.ones(300, bool))
>>> centre, spread = np.full((1, 1), 3.0), np.full((1, 1), 0.5)
>>> found, basis = bounds(grades, centre, spread, np.array(["capacity"]), np.array([True]))
>>> found[0, 0].round(2), basis[0, 0]
(array([2.28, 2.4 , 3.6 , 3.72]), 'graded errors')
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from mist_pipeline.analysis.forecasts.intervals import TAILS
from mist_pipeline.analysis.forecasts.series import to_logit, to_percent
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, Texts

WINDOW_DAYS = 42
"""Forecasts that fell due within so many days say how wide intervals have to be."""

MIN_GRADES = 200
"""Fewer errors say nothing of a tail that holds one in forty; they are pooled with others then."""

LEVEL_EDGES_PCT = (80.0, 90.0, 94.0, 97.0, 98.5, 99.5)
"""Levels of the score within which errors are alike: a step of the logit scale is a dozen points at 80 % and a tenth at 99.5 %."""

MOST_SITES = 400
"""Sites whose grades are enough: every second, third … is taken where there are more."""

_SMALLEST_QUANTILE = 0.05
_FACTORS = (0.3, 3.0)
_SIDE = np.array([-1.0, -1.0, 1.0, 1.0])
_SHARE = np.array([max(tail, 1 - tail) for tail in TAILS])

GRADED, POOLED, UNGRADED = "graded errors", "graded errors of all metrics", "model"
"""Where bounds come from: grades of the metric and horizon too, of the level alone, or none."""


@dataclass(frozen=True)
class Grades:
    """Errors of ``n`` forecasts whose day has come.

    Attributes:
        error: (n,) actual − mean on the logit scale, in units of the spread that was issued.
        mean_pct: (n,) what was forecast.
        metric: (n,) of which metric.
        horizon: (n,) for how many days ahead.
        is_modelled: (n,) by a model, not by a fall-back.
    """

    error: Floats
    mean_pct: Floats
    metric: Texts
    horizon: Ints
    is_modelled: Flags


def matured(issued: pl.DataFrame, sle_daily: pl.DataFrame, day: date) -> Grades:
    """The grades that were there at the end of ``day``.

    Args:
        issued: ``analysis.forecasts``; rows of ``day`` and later, and those without a spread, are ignored.
        sle_daily: ``history.sle_daily``; rows after ``day`` are ignored.
        day: The day.
    """
    due = issued.filter(
        (pl.col("day") < day)
        & (pl.col("target_day") <= day)
        & (pl.col("target_day") > day - timedelta(days=WINDOW_DAYS))
        & (pl.col("spread") > 0)
    )
    sites = due["site_id"].unique().sort()
    if len(sites) > MOST_SITES:
        due = due.filter(pl.col("site_id").is_in(sites.gather_every(len(sites) // MOST_SITES).implode()))
    came = sle_daily.filter((pl.col("state") == "ok") & (pl.col("day") <= day)).select(
        "site_id", "metric", target_day="day", actual_pct="score_pct"
    )
    rows = due.select(
        "site_id", "metric", "target_day", "horizon_days", "mean_pct", "spread", is_modelled=is_modelled()
    ).join(came, on=["site_id", "metric", "target_day"])
    mean = rows["mean_pct"].to_numpy()
    error = to_logit(rows["actual_pct"].to_numpy()) - to_logit(mean)
    return Grades(
        error / rows["spread"].to_numpy(),
        mean,
        rows["metric"].to_numpy().astype(np.str_),
        rows["horizon_days"].to_numpy(),
        rows["is_modelled"].to_numpy(),
    )


def is_modelled() -> pl.Expr:
    """Whether a row of ``analysis.forecasts`` comes from a model and not from a fall-back."""
    return pl.col("model").str.starts_with("arima")


def drawn_together(spread: Floats, metric: Texts, modelled: Flags) -> Floats:
    """Spreads (n, h) half-way to the median of their metric and kind, in proportion.

    A series that was quiet for eight weeks is not as safe as it looks, one that had a bad week not as unsafe: graded intervals of the
    narrowest eighth held less than the widest. NaN stays NaN.
    """
    found = spread.copy()
    for name in np.unique(metric):
        for kind in (True, False):
            mine = (metric == name) & (modelled == kind) & ~np.isnan(spread[:, 0])
            if mine.any():
                found[mine] = np.sqrt(spread[mine] * np.median(spread[mine], axis=0))
    return found


def bounds(
    grades: Grades, mean: Floats, spread: Floats, metric: Texts, modelled: Flags
) -> tuple[Floats, npt.NDArray[np.object_]]:
    """Bounds by ``TAILS`` on the logit scale, (n, h, 4), and where each interval comes from, (n, h).

    With fewer than `MIN_GRADES` of a kind of model and level, those of the kind at every level count, then all; with fewer than
    that of a metric and horizon, it is not corrected for them. Without enough grades at all the bounds are NaN: the model has
    to say.

    Args:
        grades: From `matured`.
        mean: (n, h) centres on the logit scale.
        spread: (n, h) units of their errors.
        metric: (n,) the metric of each series.
        modelled: (n,) whether it has a model.
    """
    n, horizon = mean.shape
    basis = np.full((n, horizon), UNGRADED, dtype=object)
    if len(grades.error) < MIN_GRADES:
        return np.full((n, horizon, 4), np.nan), basis
    tables = _by_level(grades)
    here = _quantiles(tables, to_percent(mean), modelled[:, None])
    before = _quantiles(tables, grades.mean_pct, grades.is_modelled)
    basis[:] = POOLED
    relative = grades.error[:, None] / before
    for name in np.unique(metric):
        mine = np.flatnonzero(metric == name)
        of_metric = grades.metric == name
        for h in range(horizon):
            same = relative[of_metric & (grades.horizon == h + 1)]
            if len(same) >= MIN_GRADES:
                here[mine, h] *= np.clip(_upper_quantiles(same), *_FACTORS)
                basis[mine, h] = GRADED
    # 80 % lies inside 95 %.
    here[..., 0] = np.minimum(here[..., 0], here[..., 1])
    here[..., 3] = np.maximum(here[..., 3], here[..., 2])
    basis[np.isnan(mean) | np.isnan(spread)] = UNGRADED
    return mean[:, :, None] + here * spread[:, :, None], basis


def _by_level(grades: Grades) -> Floats:
    """Quantiles of errors by kind of model and level, (2, levels, 4)."""
    level = np.searchsorted(LEVEL_EDGES_PCT, grades.mean_pct)
    away = grades.error[:, None] * _SIDE
    every = _upper_quantiles(away)
    tables = np.empty((2, len(LEVEL_EDGES_PCT) + 1, 4))
    for kind in (0, 1):
        of_kind = grades.is_modelled == bool(kind)
        pooled = _upper_quantiles(away[of_kind]) if of_kind.sum() >= MIN_GRADES else every
        for at in range(tables.shape[1]):
            mine = of_kind & (level == at)
            tables[kind, at] = _upper_quantiles(away[mine]) if mine.sum() >= MIN_GRADES else pooled
    signed: Floats = np.maximum(tables, _SMALLEST_QUANTILE) * _SIDE
    return signed


def _quantiles(tables: Floats, mean_pct: Floats, modelled: Flags) -> Floats:
    """The quantiles of each forecast's kind and level, (…, 4)."""
    level = np.searchsorted(LEVEL_EDGES_PCT, np.nan_to_num(mean_pct))
    chosen = tables[np.broadcast_to(modelled, level.shape).astype(np.int64), level]
    return np.asarray(chosen, dtype=np.float64)


def _upper_quantiles(away: Floats) -> Floats:
    """(4,) the conformal quantile of each column: of n errors that at rank ⌈(n + 1) · share⌉."""
    n = len(away)
    ranks = np.minimum(np.ceil((n + 1) * _SHARE).astype(np.int64), n) - 1
    found: Floats = np.array([np.partition(away[:, k], rank)[rank] for k, rank in enumerate(ranks)])
    return found
