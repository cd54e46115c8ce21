"""What ours is measured against: simple forecasts, those of statsforecast, and the usual warnings of a crossing.

Here: methods, arrays of percent in and out, NaN where there is no reading. Not here: our own, and the comparison (`bench_rivals`).
Intervals of all methods are cut off at 0 and 100 %, which costs none of them anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from mist_pipeline.analysis.stats.arrays import Floats

WEEK, HORIZON = 7, 7
BAND_WEEKS = 4
TREND_DAYS = 14
_Z_80, _Z_95 = 1.2816, 1.96


@dataclass(frozen=True)
class Band:
    """Forecasts of ``n`` series for a week, in percent: centre (n, 7), bounds (n, 7, 4) as lower 95, lower 80, upper 80, upper 95 %."""

    centre: Floats
    bounds: Floats


Forecaster = Callable[[Floats], Band]
Warner = Callable[[Floats, Floats], Floats]
"""From scores (n, t) and critical thresholds (n,) to how much each series is to be warned of, (n,): the greater the more."""


def _normal(centre: Floats, sd: Floats) -> Band:
    steps = np.array([-_Z_95, -_Z_80, _Z_80, _Z_95])
    return _cut(centre, centre[:, :, None] + sd[:, :, None] * steps)


def _cut(centre: Floats, bounds: Floats) -> Band:
    return Band(np.clip(centre, 0.0, 100.0), np.clip(bounds, 0.0, 100.0))


def _by_week(y: Floats, weeks: int) -> Floats:
    """(n, weeks, 7) the last weeks, whose columns have the weekdays of the seven days to come."""
    return y[:, -weeks * WEEK :].reshape(len(y), weeks, WEEK)


def seasonal_naive(y: Floats) -> Band:
    """Last week again; as wide as weeks have differed from the week before (Hyndman & Athanasopoulos, *Forecasting*, 5.5)."""
    last = _by_week(y, 1)[:, 0]
    filled = np.where(np.isnan(last), np.nanmean(y[:, -4 * WEEK :], axis=1, keepdims=True), last)
    sd = np.nanstd(y[:, WEEK:] - y[:, :-WEEK], axis=1, keepdims=True)
    return _normal(filled, np.repeat(sd, HORIZON, axis=1))


def seasonal_band(y: Floats) -> Band:
    """Mean and standard deviation of the weekday over four weeks, as the bands of cloud monitors are made."""
    weeks = _by_week(y, BAND_WEEKS)
    centre, sd = np.nanmean(weeks, axis=1), np.nanstd(weeks, axis=1)
    return _normal(centre, np.maximum(sd, np.nanmean(sd, axis=1, keepdims=True)))


def _line(y: Floats) -> tuple[Floats, Floats, Floats]:
    """Level today, slope a day and standard deviation around the least-squares line of the last fourteen days, each (n,)."""
    recent = y[:, -TREND_DAYS:]
    seen = ~np.isnan(recent)
    x = np.where(seen, np.arange(1.0 - TREND_DAYS, 1.0), np.nan)
    mean_x, mean_y = np.nanmean(x, axis=1), np.nanmean(recent, axis=1)
    away = x - mean_x[:, None]
    slope = np.nansum(away * recent, axis=1) / np.maximum(np.nansum(away**2, axis=1), 1e-9)
    level = mean_y - slope * mean_x
    sd = np.nanstd(recent - level[:, None] - slope[:, None] * x, axis=1)
    return level, slope, sd


def linear(y: Floats) -> Band:
    """The least-squares line of the last fourteen days goes on."""
    level, slope, sd = _line(y)
    ahead = np.arange(1, HORIZON + 1)
    return _normal(level[:, None] + slope[:, None] * ahead, np.repeat(sd[:, None], HORIZON, axis=1))


def statsforecast_model(name: str) -> Forecaster:
    """``AutoARIMA``, ``AutoETS`` or ``AutoTheta`` with a season of a week, gaps filled by the last reading."""

    def forecast(y: Floats) -> Band:
        from statsforecast import models

        centre, bounds = np.empty((len(y), HORIZON)), np.empty((len(y), HORIZON, 4))
        for row, series in enumerate(y):
            known = _filled(series)
            model = getattr(models, name)(season_length=WEEK)
            found = model.forecast(known, h=HORIZON, level=[80, 95])
            centre[row] = found["mean"]
            bounds[row] = np.stack([found[key] for key in ("lo-95", "lo-80", "hi-80", "hi-95")], axis=-1)
        return _cut(centre, bounds)

    return forecast


def _filled(series: Floats) -> Floats:
    known = series[int(np.argmax(~np.isnan(series))) :]
    at = np.maximum.accumulate(np.where(np.isnan(known), 0, np.arange(len(known))))
    return np.asarray(known[at])


SIMPLE: dict[str, Forecaster] = {
    "seasonal naive": seasonal_naive,
    "seasonal band": seasonal_band,
    "linear, 14 days": linear,
}


def of_libraries() -> dict[str, Forecaster]:
    """Forecasters of statsforecast; none without it (``pip install 'mist-pipeline[bench]'``)."""
    if find_spec("statsforecast") is None:
        return {}
    return {
        f"statsforecast {name}": statsforecast_model(name) for name in ("AutoARIMA", "AutoETS", "AutoTheta")
    }


def near_threshold(y: Floats, threshold: Floats) -> Floats:
    """A fixed threshold: the nearer the score of today."""
    return np.asarray(threshold - _filled_today(y))


def two_sigma(y: Floats, threshold: Floats) -> Floats:  # noqa: ARG001
    """How many standard deviations of the last 28 days today lies under their mean."""
    usual = y[:, -29:-1]
    return np.asarray(
        (np.nanmean(usual, axis=1) - _filled_today(y)) / np.maximum(np.nanstd(usual, axis=1), 0.1)
    )


def under_band(y: Floats, threshold: Floats) -> Floats:  # noqa: ARG001
    """How far today lies under the seasonal band, in its standard deviations."""
    band = seasonal_band(y[:, :-1])
    half = np.maximum(band.centre[:, 0] - band.bounds[:, 0, 1], 0.1)
    return np.asarray((band.centre[:, 0] - _filled_today(y)) / half)


def last_week(y: Floats, threshold: Floats) -> Floats:
    """The seasonal naive forecast: how far the worst day of last week was under the threshold."""
    return np.asarray(threshold - np.nanmin(y[:, -WEEK:], axis=1))


def line_in_a_week(y: Floats, threshold: Floats) -> Floats:
    """Linear extrapolation: how far under the threshold the line is in a week."""
    level, slope, _ = _line(y)
    return np.asarray(threshold - level - WEEK * slope)


def time_left(y: Floats, threshold: Floats) -> Floats:
    """Zabbix' ``timeleft(item, 14d, threshold)``: days until the fitted line reaches the threshold, negative; −∞ if it never does."""
    level, slope, _ = _line(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        days = (threshold - level) / slope
    return np.asarray(np.where(level <= threshold, 0.0, np.where(slope < 0, -days, -np.inf)))


def _filled_today(y: Floats) -> Floats:
    """(n,) the newest score of each series, at most a week old."""
    return np.array([_filled(np.concatenate([[np.nan], row]))[-1] for row in y[:, -WEEK:]])


WARNERS: dict[str, Warner] = {
    "fixed threshold": near_threshold,
    "2σ": two_sigma,
    "seasonal band": under_band,
    "seasonal naive": last_week,
    "linear, 14 days": line_in_a_week,
    "Zabbix timeleft": time_left,
}
