"""Forecasts of every site and metric for the coming days: ``history.sle_daily`` to ``analysis.forecasts``.

Here: which model a series gets, its fall-backs, the table. Not here: the arrays (`series`), the filter (`arima_filter`),
the work of one chunk (`models`), the weekly order search (`model_search`), the width of intervals (`calibration`, and
`intervals` before there are grades), grading (`accuracy`), crossing dates (``risks``).

Point in time: rows of day D depend on ``sle_daily`` up to D, on the order and the starting coefficients of the series'
newest search *before* D (so a search may run after the day's findings), and on forecasts issued before D and due by
then, which decide ``beats_naive`` and how wide intervals are. Never on yesterday's fit.

``mean_pct`` is the centre of the forecast on the logit scale taken back to percent, the median there. ``state`` says
what the series is: ``ok``, ``short``, ``gaps``, ``constant``, and without a forecast (null) ``dead`` (no reading in 14
days) or ``too_little_history`` (fewer than three readings). ``model`` is ``arima(p,1,q)`` with a searched order,
``arima(0,1,1) default`` before the first search, ``weekday median``, ``recent median``, ``constant`` or ``none``; ``weekday mean``
where a model of its own has been worse than that, by its graded forecasts: ``model_mean_pct`` goes on saying what that model says.

A series that never changes, seven rows of one horizon each:

>>> days = [date(2026, 3, 1) + timedelta(days=back) for back in range(30)]
>>> scores = pl.DataFrame({"day": days, "site_id": "a", "metric": "capacity", "score_pct": 90.0, "state": "ok"})
>>> issued = forecasts(scores, days[-1])
>>> issued.height, issued.select("horizon_days", pl.col("mean_pct").round(6), "state", "model").row(0)
(7, (1, 90.0, 'constant', 'constant'))
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import stdtrit

from mist_pipeline.analysis.forecasts.accuracy import (
    NAIVE_WEEKS,
    WEEKDAY_MEAN,
    beats_naive,
    grade_models,
    loses_to_weekday,
)
from mist_pipeline.analysis.forecasts.calibration import bounds as graded_bounds
from mist_pipeline.analysis.forecasts.calibration import drawn_together, matured
from mist_pipeline.analysis.forecasts.intervals import calibrated, spreads
from mist_pipeline.analysis.forecasts.model_search import WINDOW_DAYS, fallback_reasons
from mist_pipeline.analysis.forecasts.models import (
    DEFAULT_ORDER,
    Prediction,
    Stored,
    Work,
    predict,
)
from mist_pipeline.analysis.forecasts.series import DailySeries, daily_series, to_logit, to_percent
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints, Texts
from mist_pipeline.analysis.stats.parallel import LOCAL, Compute, Progress, parallel_map, slices
from mist_pipeline.analysis.stats.robust import median
from mist_pipeline.tables.analysis import FORECASTS

MODEL_MAX_AGE_DAYS = 35
"""A search older than five missed weeks is not used any more."""

DEAD_AFTER_DAYS = 14
"""Days without a reading after which a series has no forecast."""

MIN_READINGS = 3
MIN_READINGS_DEFAULT = 21
"""From three weeks on a series gets ARIMA(0, 1, 1) even before its first search."""

MEDIAN_DAYS = 28
POOL_READINGS = 7
"""Weight, in readings, of the spread of all series of a metric in the spread of a short or constant one."""

CHUNK = 1500


@dataclass(frozen=True)
class Intervals:
    """Forecasts of ``n`` series on the logit scale; NaN where there is none.

    Attributes:
        centre: (n, h) centres.
        bounds: (n, h, 4) lower 95, lower 80, upper 80, upper 95 %.
        spread: (n, h) what errors are measured in.
        basis: (n, h) where the bounds come from.
        own: (n, h) centres by the series' own models.
    """

    centre: Floats
    bounds: Floats
    spread: Floats
    basis: npt.NDArray[np.object_]
    own: Floats


def forecasts(
    sle_daily: pl.DataFrame,
    day: date,
    *,
    models: pl.DataFrame | None = None,
    issued: pl.DataFrame | None = None,
    horizon_days: int = 7,
    compute: Compute = LOCAL,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Forecast every series for the days after ``day``.

    Args:
        sle_daily: ``history.sle_daily`` of at least the last 13 weeks where they exist; later rows are ignored.
        day: The day at whose end the forecast is made.
        models: ``analysis.models``; rows of ``day`` and later are ignored.
        issued: ``analysis.forecasts`` of the last eight weeks, for ``beats_naive`` and the width of intervals; rows of ``day``
            and later are ignored.
        horizon_days: Days ahead; at least seven are made.
        compute: Where the work runs.
        progress: Called with (done, total) after every chunk.

    Returns:
        ``analysis.forecasts`` of that day, sorted by key, one row a horizon for every series that has any row in
        the last 13 weeks and is not ``not_supported``.

    Raises:
        ValueError: ``sle_daily`` has a repeated key.
    """
    horizon = max(horizon_days, 7)
    known = daily_series(sle_daily, day, WINDOW_DAYS)
    if len(known) == 0:
        return FORECASTS.empty()
    z = to_logit(known.score)
    stored = _stored(known, models, day)
    state = _states(known)
    arima = (state == "ok") | ((state == "short") & (known.count >= MIN_READINGS_DEFAULT))
    rows = np.flatnonzero(arima)
    pieces = slices(len(rows), CHUNK)
    found = parallel_map(
        predict,
        [
            Work(z[rows[piece]], known.weekdays, stored[_flags(rows[piece], len(known))], horizon)
            for piece in pieces
        ],
        [piece.stop - piece.start for piece in pieces],
        compute,
        what="forecasts",
        progress=progress,
    )
    metric = known.keys["metric"].to_numpy().astype(np.str_)
    centre, bounds, spread = _fallbacks(z, known, state, metric, found, rows, horizon)
    refitted = np.zeros(len(known), dtype=bool)
    if found:
        together = _together(found)
        centre[rows] = together.mean
        bounds[rows] = calibrated(together, metric[rows])
        spread[rows] = spreads(together, metric[rows])
        refitted[rows] = together.is_refitted
    earlier = FORECASTS.empty() if issued is None else issued
    own_grades = grade_models(earlier, sle_daily, day)
    own_centre, weekday_mean = centre, _weekday_means(known, horizon)
    losing = _rows_of(known, loses_to_weekday(own_grades)) & arima & ~np.isnan(weekday_mean).any(axis=1)
    centre = np.where(losing[:, None], weekday_mean, own_centre)
    bounds += (centre - own_centre)[:, :, None]
    modelled = arima & ~losing
    spread = drawn_together(spread, metric, modelled)
    grades = matured(earlier, sle_daily, day)
    graded, basis = graded_bounds(grades, centre, spread, metric, modelled)
    bounds = np.where(np.isnan(graded), bounds, graded)
    model = np.where(losing, WEEKDAY_MEAN, _model_names(state, arima, stored, known.count)).tolist()
    verdicts = beats_naive(own_grades, day, models)
    intervals = Intervals(centre, bounds, spread, basis, own_centre)
    return _table(known, horizon, intervals, state, model, refitted, verdicts)


def _flags(rows: Ints, total: int) -> Flags:
    flags = np.zeros(total, dtype=bool)
    flags[rows] = True
    return flags


def _rows_of(known: DailySeries, some: pl.DataFrame) -> Flags:
    """(n,) which of the series are among these."""
    placed = known.keys.with_row_index("row").join(some, on=["site_id", "metric"], how="semi")
    return _flags(placed["row"].to_numpy(), len(known))


def _weekday_means(known: DailySeries, horizon: int) -> Floats:
    """(n, h) mean of the last four readings of the weekday on the logit scale; NaN where there is none in four weeks."""
    days = known.score.shape[1]
    means = np.full((len(known), horizon), np.nan)
    for h in range(1, horizon + 1):
        newest = days - 1 + h - 7 * ((h + 6) // 7)
        chosen = known.score[:, [at for at in (newest - 7 * week for week in range(NAIVE_WEEKS)) if at >= 0]]
        read = (~np.isnan(chosen)).sum(axis=1)
        sums = np.nansum(chosen, axis=1)
        means[:, h - 1] = np.where(read > 0, sums / np.maximum(read, 1), np.nan)
    return to_logit(means)


def _states(known: DailySeries) -> Texts:
    """State of each series as documented above."""
    reasons = fallback_reasons(known.score)
    return np.select(
        [known.age >= DEAD_AFTER_DAYS, known.count < MIN_READINGS, reasons == "constant", reasons != ""],
        ["dead", "too_little_history", "constant", reasons],
        "ok",
    )


def _stored(known: DailySeries, models: pl.DataFrame | None, day: date) -> Stored:
    """The newest usable search before ``day`` of each series, else the default order."""
    n = len(known)
    order = np.tile(np.array(DEFAULT_ORDER, dtype=np.int64), (n, 1))
    ar, ma = np.zeros((n, 2)), np.zeros((n, 2))
    is_searched, p_value = np.zeros(n, dtype=bool), np.full(n, np.nan)
    if models is not None:
        oldest = day - timedelta(days=MODEL_MAX_AGE_DAYS)
        newest = (
            models.filter((pl.col("day") < day) & (pl.col("day") >= oldest) & pl.col("params").is_not_null())
            .sort("day")
            .unique(["site_id", "metric"], keep="last", maintain_order=True)
        )
        matched = known.keys.with_row_index("row").join(newest, on=["site_id", "metric"], how="inner")
        for row, p, q, params, value in matched.select("row", "p", "q", "params", "ljung_box_p").iter_rows():
            values = json.loads(params)
            order[row], is_searched[row] = (p, q), True
            ar[row, :p], ma[row, :q] = values["ar"], values["ma"]
            p_value[row] = np.nan if value is None else value
    return Stored(order, ar, ma, is_searched, p_value)


def _together(found: list[Prediction]) -> Prediction:
    return Prediction(
        np.concatenate([f.mean for f in found]),
        np.concatenate([f.sd for f in found]),
        np.concatenate([f.scale for f in found]),
        np.concatenate([f.origins for f in found]),
        np.concatenate([f.shape for f in found]),
        np.concatenate([f.is_refitted for f in found]),
    )


def _fallbacks(
    z: Floats,
    known: DailySeries,
    state: Texts,
    metric: Texts,
    found: list[Prediction],
    modelled: Ints,
    horizon: int,
) -> tuple[Floats, Floats, Floats]:
    """Centre (n, h), bounds (n, h, 4) and spread (n, h) of series without an ARIMA; NaN where there is nothing to go by.

    The centre is the median of the same weekday over four weeks where it has two readings, else of all readings of
    that time. The spread is theirs around it, pooled with that of the modelled series of the metric as if those were
    seven readings more; the bounds are Student's.
    """
    n = len(known)
    centre, bounds = np.full((n, horizon), np.nan), np.full((n, horizon, 4), np.nan)
    spread = np.full((n, horizon), np.nan)
    rest = np.flatnonzero(np.isin(state, ["short", "gaps", "constant"]))
    if not rest.size:
        return centre, bounds, spread
    # Readings of a series that is quiet for some days may all be older than four weeks minus its age.
    recent = z[rest][:, -(MEDIAN_DAYS + DEAD_AFTER_DAYS) :]
    weekday = known.weekdays[-recent.shape[1] :]
    overall = median(recent)
    by_weekday = np.empty((rest.size, 7))
    for w in range(7):
        mine = recent[:, weekday == w]
        by_weekday[:, w] = np.where((~np.isnan(mine)).sum(axis=1) >= 2, median(mine), overall)
    residual = recent - by_weekday[:, weekday]
    count = (~np.isnan(residual)).sum(axis=1)
    own = np.nansum(residual**2, axis=1) / np.maximum(count, 1)
    pooled = np.full(rest.size, np.nan)
    if found:
        variance = np.concatenate([f.sd[:, 0] ** 2 for f in found])
        for name in np.unique(metric[rest]):
            same = metric[modelled] == name
            pooled[metric[rest] == name] = np.median(variance[same] if same.any() else variance)
    pooled = np.where(np.isnan(pooled), np.maximum(own, 0.25), pooled)
    variance_here = (count * own + POOL_READINGS * pooled) / (count + POOL_READINGS)
    sd = np.sqrt(variance_here * (1 + 1 / np.maximum(count, 1)))
    ahead = (known.day.weekday() + 1 + np.arange(horizon)) % 7
    centre[rest] = by_weekday[:, ahead]
    spread[rest] = sd[:, None]
    freedom = count + POOL_READINGS - 1
    for k, tail in enumerate((0.025, 0.1, 0.9, 0.975)):
        bounds[rest, :, k] = centre[rest] + (sd * stdtrit(freedom, tail))[:, None]
    return centre, bounds, spread


def _model_names(state: Texts, arima: Flags, stored: Stored, count: Ints) -> list[str]:
    """The name of the model behind each series' forecast, as documented above."""
    searched = np.array([f"arima({p},1,{q})" for p, q in stored.order])
    names = np.select(
        [
            arima & stored.is_searched,
            arima,
            state == "constant",
            np.isin(state, ["dead", "too_little_history"]),
        ],
        [searched, "arima(0,1,1) default", "constant", "none"],
        np.where(count >= 14, "weekday median", "recent median"),
    )
    return [str(name) for name in names]


def _table(
    known: DailySeries,
    horizon: int,
    intervals: Intervals,
    state: Texts,
    model: list[str],
    refitted: Flags,
    verdicts: pl.DataFrame,
) -> pl.DataFrame:
    """The rows of ``analysis.forecasts`` in the order of their key."""
    n = len(known)
    shown = [intervals.centre[:, :, None], intervals.bounds, intervals.own[:, :, None]]
    percent = to_percent(np.concatenate(shown, axis=2))
    series = known.keys.with_columns(
        pl.lit(known.day).alias("day"),
        pl.Series("model", model, dtype=pl.String),
        pl.Series("state", state.tolist(), dtype=pl.String),
        pl.Series("is_refitted", refitted),
    ).join(verdicts, on=["site_id", "metric"], how="left", maintain_order="left")
    rows = series.select(pl.all().repeat_by(horizon).explode()) if n else series
    return (
        rows.with_columns(
            pl.Series("horizon_days", np.tile(np.arange(1, horizon + 1), n)),
            pl.Series("spread", intervals.spread.ravel()).fill_nan(None),
            pl.Series("interval_basis", intervals.basis.ravel().tolist(), dtype=pl.String),
            *(
                pl.Series(name, percent[:, :, k].ravel()).fill_nan(None)
                for k, name in enumerate(
                    ("mean_pct", "lower_pct", "lower_80_pct", "upper_80_pct", "upper_pct", "model_mean_pct")
                )
            ),
        )
        .with_columns(
            (pl.col("day") + pl.duration(days=pl.col("horizon_days"))).alias("target_day"),
            pl.when(pl.col("mean_pct").is_not_null()).then("interval_basis").alias("interval_basis"),
        )
        .select(pl.col(c).cast(t) for c, t in FORECASTS.polars_schema().items())
    )
