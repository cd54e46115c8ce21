"""Forecasting a chunk of series with known orders: the work of one worker, arrays in and arrays out.

Here: weekday adjustment, filtering with stored coefficients, the decision to refit and the refit by pmdarima, errors
from past origins. Not here: tables and fall-backs (`forecast`), the filter itself (`arima_filter`), choosing orders
(`model_search`). Scale-free: the caller hands in logits of percentages or logarithms of counts.

Two series of 91 days without a stored search, forecast for seven days:

>>> z = np.random.default_rng(1).normal(size=(2, 91))
>>> unknown = Stored(np.array([DEFAULT_ORDER] * 2), np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2, bool), np.full(2, np.nan))
>>> found = predict(Work(z, np.arange(91) % 7, unknown, horizon=7))
>>> found.mean.shape, found.shape.shape, bool((found.sd > 0).all())
((2, 7), (2, 56, 7), True)
"""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from mist_pipeline.analysis.forecasts.arima_filter import (
    Filtered,
    coefficients,
    error_growth,
    fit,
    kalman,
    unconstrained,
)
from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints
from mist_pipeline.analysis.stats.robust import quantile
from mist_pipeline.analysis.stats.weekday import weekday_effects

DEFAULT_ORDER = (0, 1)
"""(p, q) of a series without a stored search: ARIMA(0, 1, 1), exponential smoothing, never far from the best."""

ORIGINS = 56
"""Past days from which forecasts are made again to see how wide their errors really are."""

DIAGNOSTIC_LAGS = 7
REFIT_BELOW = 0.01
"""Ljung–Box p-value of the innovations under which stored coefficients no longer describe the series."""

REFIT_ITERATIONS = 5

SHAPE_EDGES = np.concatenate([[-np.inf], np.linspace(-8.0, 8.0, 801), [np.inf]])
"""Bins in which scaled errors are counted: fine enough for quantiles, countable in any order of chunks."""


@dataclass(frozen=True)
class Stored:
    """Orders and coefficients of ``n`` series, coefficients padded with zeros to two.

    Attributes:
        order: (n, 2) p and q.
        ar: (n, 2) autoregressive coefficients.
        ma: (n, 2) moving-average coefficients.
        is_searched: (n,) False where nothing is stored: the default order is then fitted in place.
        ljung_box_p: (n,) p-value of the innovations at the search, NaN where unknown.
    """

    order: Ints
    ar: Floats
    ma: Floats
    is_searched: Flags
    ljung_box_p: Floats

    def __getitem__(self, rows: slice | Flags) -> "Stored":
        return Stored(
            self.order[rows], self.ar[rows], self.ma[rows], self.is_searched[rows], self.ljung_box_p[rows]
        )


@dataclass(frozen=True)
class Work:
    """One chunk: series on an unbounded scale up to a day, their weekdays, their stored models."""

    z: Floats
    weekday: Ints
    stored: Stored
    horizon: int


@dataclass(frozen=True)
class Prediction:
    """Forecasts of one chunk on the unbounded scale.

    Attributes:
        mean: (n, h) centre of each forecast.
        sd: (n, h) standard deviation by the model.
        scale: (n,) how wide past errors were in units of ``sd``: the 80 % quantile of their absolute values.
        origins: (n,) number of past origins behind ``scale``.
        shape: (n, h) past errors in units of ``sd`` · ``scale``: bin numbers of ``SHAPE_EDGES`` by origin, (n, o, h),
            −1 where there was nothing to compare.
        is_refitted: (n,) True where the diagnostics asked for a refit.
    """

    mean: Floats
    sd: Floats
    scale: Floats
    origins: Ints
    shape: npt.NDArray[np.int16]
    is_refitted: Flags


def ljung_box_p(innovation: Floats, lags: int = DIAGNOSTIC_LAGS) -> Floats:
    """p-value of the Ljung–Box statistic of each row (Ljung & Box, *Biometrika* 65, 1978), skipping NaN pairs.

    Rows with fewer than three times as many readings as lags get NaN: nothing can be said.
    """
    n_read = (~np.isnan(innovation)).sum(axis=1)
    mean = np.nansum(innovation, axis=1) / np.maximum(n_read, 1)
    centred = np.nan_to_num(innovation - mean[:, None])
    power = np.maximum((centred**2).sum(axis=1), 1e-12)
    statistic = np.zeros(len(innovation))
    for lag in range(1, lags + 1):
        correlation = (centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / power
        statistic += correlation**2 / np.maximum(n_read - lag, 1)
    statistic *= n_read * (n_read + 2)
    return np.asarray(np.where(n_read >= 3 * lags, chdtrc(lags, statistic), np.nan))


def predict(work: Work) -> Prediction:
    """Forecast every series of a chunk; rows keep their order."""
    n, horizon = work.z.shape[0], work.horizon
    weekly = weekday_effects(work.z, work.weekday)
    effects = weekly.effect
    adjusted = work.z - effects[:, work.weekday]
    origins = min(ORIGINS, work.z.shape[1] - 1)
    mean, sd = np.empty((n, horizon)), np.empty((n, horizon))
    errors = np.full((n, origins, horizon), np.nan)
    refitted = np.zeros(n, dtype=bool)
    for p, q in np.unique(work.stored.order, axis=0):
        rows = (work.stored.order == (p, q)).all(axis=1)
        series, stored = adjusted[rows], work.stored[rows]
        ar, ma, refitted[rows] = _coefficients_today(series, stored, int(p), int(q))
        filtered = kalman(series, ar, ma, horizon=horizon, origins=origins)
        mean[rows], sd[rows] = filtered.mean, np.sqrt(filtered.variance)
        spread = np.sqrt(filtered.sigma2)[:, None] * error_growth(ar, ma, horizon)
        errors[rows] = origin_errors(series, filtered, origins, horizon) / spread[:, None, :]
    ahead = (work.weekday[-1] + 1 + np.arange(horizon)) % 7
    counted = (~np.isnan(errors[:, :, 0])).sum(axis=1)
    scale = quantile(np.abs(errors).reshape(n, -1), 0.8)
    scale = np.where((counted >= 7) & (scale > 1e-6), scale, np.nan)
    bins = np.searchsorted(SHAPE_EDGES, np.nan_to_num(errors / scale[:, None, None]), side="right") - 1
    shape = np.where(np.isnan(errors) | np.isnan(scale)[:, None, None], -1, bins).astype(np.int16)
    # Past errors know their own weekday effects; those of the coming days carry the effects' uncertainty on top.
    sd = np.sqrt(sd**2 + weekly.variance[:, None])
    return Prediction(mean + effects[:, ahead], sd, scale, counted, shape, refitted)


def origin_errors(series: Floats, filtered: Filtered, origins: int, horizon: int) -> Floats:
    """(n, origins, horizon) actual minus forecast, for forecasts made at the end of each of the last days.

    NaN where the target lies after the last day or was not read, and where the origin's own day was not read.
    """
    n, days = series.shape
    target = days - origins + np.arange(origins)[:, None] + 1 + np.arange(horizon)[None, :]
    padded = np.concatenate([series, np.full((n, horizon + 1), np.nan)], axis=1)
    errors = padded[:, target] - filtered.origins
    errors[np.isnan(series[:, days - origins :])] = np.nan
    return np.asarray(errors)


def _coefficients_today(series: Floats, stored: Stored, p: int, q: int) -> tuple[Floats, Floats, Flags]:
    """Stored coefficients where there are any and they still fit, refitted ones elsewhere."""
    ar, ma = stored.ar[:, :p].copy(), stored.ma[:, :q].copy()
    unknown = ~stored.is_searched
    if unknown.any():
        ar[unknown], ma[unknown] = fit(series[unknown], p, q)
    known = np.flatnonzero(stored.is_searched)
    refitted = np.zeros(len(series), dtype=bool)
    if known.size and p + q:
        recent = kalman(series[known], ar[known], ma[known]).innovation[:, -ORIGINS:]
        was_fine = ~(stored.ljung_box_p[known] < REFIT_BELOW)
        worn = known[(ljung_box_p(recent) < REFIT_BELOW) & was_fine]
        sigma2 = kalman(series[worn], ar[worn], ma[worn]).sigma2
        for row, variance in zip(worn, sigma2, strict=True):
            found = pmdarima_fit(series[row], ar[row], ma[row], float(variance), REFIT_ITERATIONS)
            if found is not None:
                ar[row], ma[row] = found
                refitted[row] = True
    return ar, ma, refitted


def pmdarima_fit(
    series: Floats, ar: Floats, ma: Floats, sigma2: float, iterations: int
) -> tuple[Floats, Floats] | None:
    """Coefficients of pmdarima's ARIMA(p, 1, q) from a warm start, or None where its optimiser fails.

    Coefficients on the unit circle are moved just inside it, so that the filter can use them.
    """
    import pmdarima

    p, q = len(ar), len(ma)
    model = pmdarima.ARIMA(
        (p, 1, q),
        with_intercept=False,
        start_params=np.concatenate([ar, ma, [sigma2]]),
        maxiter=iterations,
        suppress_warnings=True,
    )
    first = int(np.argmax(~np.isnan(series)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            params = np.asarray(model.fit(series[first:]).params(), dtype=np.float64)
    except (ValueError, np.linalg.LinAlgError):
        return None
    if not np.isfinite(params).all():
        return None
    inside = unconstrained(params[None, :p], params[None, p : p + q])
    found_ar, found_ma = coefficients(inside, p, q)
    return found_ar[0], found_ma[0]
