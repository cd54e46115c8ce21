"""ARIMA(p, 1, q) over many series at once: one Kalman filter in NumPy that runs through the days, not the series.

Here: the model of `forecast` for a stack of series that share an order (state space, exact likelihood, batched
maximum likelihood, forecasts, errors from every past origin). Not here: where the series come from and how they are
transformed (`series`), which order a series has (`model_search`).

Everything works on arrays ``(series, days)`` with NaN where there is no reading; gaps are skipped by the filter, not
filled. The model has no drift: a trend of the past year says little about the next days, see ``risks`` for that.
Sources: Harvey, *Forecasting, Structural Time Series Models and the Kalman Filter* (1989), 3.3–3.4; the likelihood as
a sum of squares is Ansley, *Biometrika* 66 (1979); the stationarity transform is Monahan, *Biometrika* 71 (1984).

Exponential smoothing, ARIMA(0, 1, 1) with θ = −0.5, of one series with a gap, forecast for two days:

>>> z = np.array([[1.0, 2.0, np.nan, 2.0]])
>>> found = kalman(z, np.zeros((1, 0)), np.full((1, 1), -0.5), horizon=2)
>>> found.mean.round(3), found.count
(array([[1.846, 1.846]]), array([2.]))
"""

from dataclasses import dataclass

import numpy as np

from mist_pipeline.analysis.stats.arrays import Flags, Floats

MAX_ORDER = 2
"""Largest p and q: more never paid on daily service levels, and keeps the state at four numbers."""

_MIN_VARIANCE = 1e-12
_STEP = 1e-4
_SMALLEST_GAIN, _MOST_DAMPING = 1e-9, 1e6
"""A series is fitted when a step gains less than this part of its loss, or when only steps of no length are left."""

_ROOT_LIMIT = 0.98
"""Partial autocorrelations stay inside this, so that no fit sits on the unit circle."""


@dataclass(frozen=True)
class Filtered:
    """What one pass of the filter over ``n`` series of ``t`` days leaves behind.

    Attributes:
        innovation: (n, t) one-step errors divided by the root of their variance factor; NaN where nothing was read.
        log_factor: (n,) mean log of the variance factors, the determinant term of the likelihood.
        count: (n,) number of innovations.
        sigma2: (n,) innovation variance, estimated by the likelihood.
        origins: (n, t_o, h) mean forecasts made at the end of each of the last ``t_o`` days, empty unless asked for.
        mean: (n, h) forecast means after the last day.
        variance: (n, h) forecast variances after the last day (longer gaps at the end make them larger).
    """

    innovation: Floats
    log_factor: Floats
    count: Floats
    sigma2: Floats
    origins: Floats
    mean: Floats
    variance: Floats

    @property
    def log_likelihood(self) -> Floats:
        """Exact Gaussian log-likelihood of the differenced series (as statsmodels reports it, up to diffuse terms)."""
        n = self.count
        return np.asarray(-0.5 * n * (np.log(2 * np.pi * self.sigma2) + 1 + self.log_factor))

    def aicc(self, parameters: int) -> Floats:
        """Small-sample Akaike criterion; infinite where there are too few readings for so many parameters."""
        k = parameters + 1
        slack = self.count - k - 1
        penalty = 2 * k + np.where(slack > 0, 2 * k * (k + 1) / np.maximum(slack, 1), np.inf)
        return np.asarray(-2 * self.log_likelihood + penalty)


def coefficients(free: Floats, p: int, q: int) -> tuple[Floats, Floats]:
    """Unconstrained numbers (n, p + q) to stationary AR and invertible MA coefficients, (n, p) and (n, q)."""
    partial = _ROOT_LIMIT * np.tanh(free)
    ar, ma = partial[:, :p].copy(), partial[:, p : p + q].copy()
    for block in (ar, ma):
        if block.shape[1] == 2:
            block[:, 0] *= 1 - block[:, 1]
    return ar, -ma


def unconstrained(ar: Floats, ma: Floats) -> Floats:
    """The inverse of ``coefficients``; coefficients on or beyond the boundary are moved just inside it."""
    blocks = []
    for source in (ar, -ma):
        block = source.copy()
        if block.shape[1] == 2:
            block[:, 1] = np.clip(block[:, 1], -_ROOT_LIMIT, _ROOT_LIMIT * 0.999)
            block[:, 0] /= 1 - block[:, 1]
        blocks.append(np.arctanh(np.clip(block / _ROOT_LIMIT, -0.999, 0.999)))
    return np.concatenate(blocks, axis=1)


def _stationary_covariance(ar: Floats, ma: Floats) -> Floats:
    """Covariance (r, r, n) of the ARMA state in units of the innovation variance: P = T P Tᵀ + R Rᵀ."""
    n, r = ar.shape[0], ar.shape[1]
    transition = np.zeros((n, r, r))
    transition[:, :, 0] = ar
    transition[:, np.arange(r - 1), np.arange(1, r)] = 1.0
    selection = np.concatenate([np.ones((n, 1)), ma], axis=1)
    noise = selection[:, :, None] * selection[:, None, :]
    kronecker = np.einsum("nij,nkl->nikjl", transition, transition).reshape(n, r * r, r * r)
    flat = np.linalg.solve(np.eye(r * r) - kronecker, noise.reshape(n, r * r, 1))
    return np.ascontiguousarray(np.moveaxis(flat.reshape(n, r, r), 0, -1))


def _padded(ar: Floats, ma: Floats) -> tuple[Floats, Floats]:
    """Coefficients padded with zeros to the companion form's width r = max(p, q + 1)."""
    n = ar.shape[0] if ar.size else ma.shape[0]
    r = max(ar.shape[1], ma.shape[1] + 1)
    wide_ar, wide_ma = np.zeros((n, r)), np.zeros((n, r - 1))
    wide_ar[:, : ar.shape[1]] = ar
    wide_ma[:, : ma.shape[1]] = ma
    return wide_ar, wide_ma


def kalman(z: Floats, ar: Floats, ma: Floats, *, horizon: int = 0, origins: int = 0) -> Filtered:
    """Filter ``z`` through ARIMA(p, 1, q), each series with its own coefficients.

    The state is (level of yesterday, ARMA state); an observation is level + first ARMA component, without noise of its
    own. The first reading sets the level, so the likelihood is that of the differences.

    Args:
        z: (n, t) series on an unbounded scale, NaN for no reading.
        ar: (n, p) autoregressive coefficients of the differences.
        ma: (n, q) moving-average coefficients of the differences.
        horizon: Days ahead to forecast, 0 for none.
        origins: Keep the mean forecasts of this many last days as well (for backtests and calibration).

    Returns:
        Innovations, likelihood terms and forecasts.
    """
    n, days = z.shape
    phi, theta = _padded(ar, ma)
    r = phi.shape[1]
    phi = np.ascontiguousarray(phi.T)
    selection = np.concatenate([np.ones((1, n)), theta.T])
    noise = selection[:, None, :] * selection[None, :, :]

    level, arma = np.zeros(n), np.zeros((r, n))
    p_ll, p_la = np.zeros(n), np.zeros((r, n))
    p_aa = _stationary_covariance(phi.T, theta)
    initial_aa = p_aa.copy()
    started = np.zeros(n, dtype=bool)

    innovation = np.full((n, days), np.nan)
    log_factor, count = np.zeros(n), np.zeros(n)
    kept = np.zeros((n, origins, horizon))
    readings = np.ascontiguousarray(z.T)
    for t in range(days):
        seen = ~np.isnan(readings[t])
        value = np.where(seen, readings[t], 0.0)
        update = seen & started
        # Covariance of (level, arma) with the observation level + arma[0], and the observation's variance.
        c_l, c_a = p_ll + p_la[0], p_la + p_aa[0]
        factor = np.maximum(c_l + c_a[0], _MIN_VARIANCE)
        error = value - level - arma[0]
        innovation[update, t] = (error / np.sqrt(factor))[update]
        log_factor += np.where(update, np.log(factor), 0.0)
        count += update
        gain = np.where(update, 1.0 / factor, 0.0)
        level = level + c_l * gain * error
        arma = arma + c_a * (gain * error)
        p_ll = p_ll - c_l * c_l * gain
        p_la = p_la - c_l * gain * c_a
        p_aa = p_aa - c_a[:, None, :] * (c_a * gain)[None, :, :]
        first = seen & ~started
        if first.any():
            level[first], p_ll[first] = value[first], 0.0
            arma[:, first], p_la[:, first] = 0.0, 0.0
            # The first reading is the level at its own day: only the ARMA part of the next day is open.
            level, arma, p_ll, p_la, p_aa = _advance(level, arma, p_ll, p_la, p_aa, phi, noise, where=~first)
            p_aa[:, :, first] = initial_aa[:, :, first]
            started |= first
        else:
            level, arma, p_ll, p_la, p_aa = _advance(level, arma, p_ll, p_la, p_aa, phi, noise)
        if t >= days - origins:
            kept[:, t - (days - origins), :] = _means(level, arma, phi, horizon)
    safe = np.maximum(count, 1)
    log_factor = log_factor / safe
    sigma2 = np.maximum(np.nansum(innovation**2, axis=1) / safe, _MIN_VARIANCE)
    variance = np.empty((n, horizon))
    mean = _means(level, arma, phi, horizon)
    for h in range(horizon):
        variance[:, h] = p_ll + 2 * p_la[0] + p_aa[0, 0]
        level, arma, p_ll, p_la, p_aa = _advance(level, arma, p_ll, p_la, p_aa, phi, noise)
    return Filtered(innovation, log_factor, count, sigma2, kept, mean, variance * sigma2[:, None])


def _advance(
    level: Floats,
    arma: Floats,
    p_ll: Floats,
    p_la: Floats,
    p_aa: Floats,
    phi: Floats,
    noise: Floats,
    where: Flags | None = None,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """One day of transition: the level takes the ARMA component in, the ARMA state moves on (where not: stays)."""
    next_level = level + arma[0]
    next_ll = p_ll + 2 * p_la[0] + p_aa[0, 0]
    next_arma = phi * arma[0]
    next_arma[:-1] += arma[1:]
    with_level = p_la + p_aa[0]  # covariance of next level with the old ARMA state
    next_la = phi * with_level[0]
    next_la[:-1] += with_level[1:]
    rows = phi[:, None, :] * p_aa[0][None, :, :]
    rows[:-1] += p_aa[1:]
    next_aa = rows[:, 0, :][:, None, :] * phi[None, :, :]
    next_aa[:, :-1] += rows[:, 1:]
    next_aa += noise
    if where is not None:
        next_level = np.where(where, next_level, level)
        next_ll = np.where(where, next_ll, p_ll)
        next_arma = np.where(where, next_arma, arma)
        next_la = np.where(where, next_la, p_la)
        next_aa = np.where(where, next_aa, p_aa)
    return next_level, next_arma, next_ll, next_la, next_aa


def _means(level: Floats, arma: Floats, phi: Floats, horizon: int) -> Floats:
    """Forecast means (n, horizon) from a predicted state."""
    out = np.empty((level.shape[0], horizon))
    for h in range(horizon):
        level = level + arma[0]
        out[:, h] = level
        following = phi * arma[0]
        following[:-1] += arma[1:]
        arma = following
    return out


def error_growth(ar: Floats, ma: Floats, horizon: int) -> Floats:
    """Root of the forecast variance at 1..horizon in units of the innovation's, (n, horizon), from the ψ weights."""
    phi, theta = _padded(ar, ma)
    n, r = phi.shape
    psi = np.zeros((n, horizon))
    for j in range(horizon):
        psi[:, j] = 1.0 if j == 0 else (theta[:, j - 1] if j <= r - 1 else 0.0)
        for i in range(min(j, r)):
            psi[:, j] += phi[:, i] * psi[:, j - 1 - i]
    integrated = np.cumsum(psi, axis=1)
    return np.asarray(np.sqrt(np.cumsum(integrated**2, axis=1)))


def fit(
    z: Floats, p: int, q: int, *, start: tuple[Floats, Floats] | None = None, iterations: int = 8
) -> tuple[Floats, Floats]:
    """Maximum likelihood of ARIMA(p, 1, q) for every series at once.

    The concentrated likelihood is a sum of squares of innovations scaled by their geometric-mean variance factor, so
    Levenberg–Marquardt applies; its Jacobian comes from one more filter pass, all series and parameters together.

    Args:
        z: (n, t) series, NaN for no reading.
        p: Autoregressive order, at most ``MAX_ORDER``.
        q: Moving-average order, at most ``MAX_ORDER``.
        start: Coefficients to start from (warm start), else a mild reversion to the level.
        iterations: Steps; five are enough from a warm start.

    Returns:
        AR (n, p) and MA (n, q) coefficients.
    """
    n, k = z.shape[0], p + q
    if k == 0 or n == 0:
        return np.zeros((n, p)), np.zeros((n, q))
    if start is None:
        free = np.zeros((n, k))
        free[:, p:] = 0.4 / np.arange(1, q + 1)
    else:
        free = unconstrained(*start)
    found = free.copy()
    residual = _scaled(z, free, p, q)
    loss = (residual**2).sum(axis=1)
    damping = np.full(n, 1e-2)
    going = np.arange(n)
    for _ in range(iterations):
        gradient, normal = _slopes(z, free, residual, p, q)
        diagonal = np.maximum(np.einsum("nkk->nk", normal), 1e-9 * np.maximum(loss, _MIN_VARIANCE)[:, None])
        damped = normal + np.eye(k) * (diagonal * damping[:, None] + 1e-15)[:, :, None]
        move = np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
        tried = np.clip(free - np.clip(move, -1.0, 1.0), -4.0, 4.0)
        residual_tried = _scaled(z, tried, p, q)
        loss_tried = (residual_tried**2).sum(axis=1)
        better = loss_tried < loss
        gain = np.where(better, loss - loss_tried, np.inf)
        free[better], residual[better], loss[better] = (
            tried[better],
            residual_tried[better],
            loss_tried[better],
        )
        damping = np.where(better, damping * 0.2, damping * 10.0)
        found[going] = free
        more = (gain > _SMALLEST_GAIN * loss) & (damping < _MOST_DAMPING)
        if not more.any():
            break
        going, z, free, residual, loss, damping = (
            part[more] for part in (going, z, free, residual, loss, damping)
        )
    return coefficients(found, p, q)


def _slopes(z: Floats, free: Floats, residual: Floats, p: int, q: int) -> tuple[Floats, Floats]:
    """Gradient (n, k) and normal matrix (n, k, k) of the sum of squares, by differences, all in one filter pass."""
    n, k = free.shape
    moved = np.repeat(free[None], k, axis=0)
    moved[np.arange(k), :, np.arange(k)] += _STEP
    away = _scaled(np.tile(z, (k, 1)), moved.reshape(k * n, k), p, q).reshape(k, n, z.shape[1])
    jacobian = (away - residual) / _STEP
    return np.einsum("knt,nt->nk", jacobian, residual), np.einsum("knt,lnt->nkl", jacobian, jacobian)


def _scaled(z: Floats, free: Floats, p: int, q: int) -> Floats:
    """Innovations times the geometric mean of the roots of their variance factors; 0 where nothing was read."""
    filtered = kalman(z, *coefficients(free, p, q))
    return np.asarray(np.nan_to_num(filtered.innovation) * np.exp(0.5 * filtered.log_factor)[:, None])
