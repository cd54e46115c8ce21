"""Simple alarms on hourly scores, as monitors commonly have them: how strange each hour of a site's service level is, by each method.

Here: methods, arrays of percent in and out (series × hours), NaN where nothing can be said; the greater the stranger. A method sees no
hour after the one that it judges. Not here: alerts made of them, and the comparison (`bench_rival_alerts`).
"""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from mist_pipeline.analysis.stats.arrays import Floats

DAY, WEEK = 24, 168
BAND_WEEKS = 4
SIGMA_DAYS = 28
LINE_HOURS = 24
CRITICAL_PCT = 70.0

Strangeness = Callable[[Floats], Floats]


def fixed_threshold(score: Floats) -> Floats:
    """How far the score is under 100 %."""
    return np.asarray(100.0 - score)


def two_sigma(score: Floats) -> Floats:
    """Standard deviations of the last 28 days by which the score is under their mean."""
    seen = ~np.isnan(score)
    values = np.where(seen, score, 0.0)
    count, total, squares = (
        _before(one, SIGMA_DAYS * DAY) for one in (seen.astype(float), values, values**2)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        sd = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        return np.asarray(np.where(count >= WEEK, (mean - score) / np.maximum(sd, 0.5), np.nan))


def seasonal_naive(score: Floats) -> Floats:
    """Points by which the score is under that of the same hour a week ago."""
    return np.asarray(_weeks_before(score, 1)[0] - score)


def seasonal_band(score: Floats) -> Floats:
    """Standard deviations of the same hour of four weeks by which the score is under their mean, as in the bands of cloud monitors."""
    weeks = _weeks_before(score, BAND_WEEKS)
    known = (~np.isnan(weeks)).sum(axis=0)
    mean, sd = np.nanmean(weeks, axis=0), np.nanstd(weeks, axis=0)
    return np.asarray(np.where(known >= 2, (mean - score) / np.maximum(sd, 0.5), np.nan))


def linear_extrapolation(score: Floats) -> Floats:
    """How far under 100 % the line through the last 24 hours is in 24 hours."""
    level, slope = _lines(score)
    return np.asarray(100.0 - (level + LINE_HOURS * slope))


def time_left(score: Floats) -> Floats:
    """Zabbix' ``timeleft(item, 24h, 70)``: hours until the line through the last 24 reaches 70 %, negative; −∞ if it never does."""
    level, slope = _lines(score)
    with np.errstate(divide="ignore", invalid="ignore"):
        hours = (CRITICAL_PCT - level) / slope
    left = np.where(level <= CRITICAL_PCT, level - CRITICAL_PCT, np.where(slope < 0, -hours, -np.inf))
    # What is under the threshold already is the stranger the further.
    return np.asarray(np.where(level <= CRITICAL_PCT, -left, np.where(np.isnan(level), np.nan, left)))


SIMPLE: dict[str, Strangeness] = {
    "fixed threshold": fixed_threshold,
    "2σ": two_sigma,
    "seasonal naive": seasonal_naive,
    "seasonal band": seasonal_band,
    "linear, 24 hours": linear_extrapolation,
    "Zabbix timeleft": time_left,
}


def isolation_forest(learned: int) -> Callable[[Floats], Floats] | None:
    """PyOD's isolation forest on raw values, one forest for all sites, learnt on the first hours; None without PyOD.

    Args:
        learned: How many hours it learns from.

    Returns:
        From (sites, hours, levels) to (sites, hours).
    """
    if find_spec("pyod") is None:
        return None

    def strangeness(score: Floats) -> Floats:
        from pyod.models.iforest import IForest

        usual = np.nanmedian(score[:, :learned], axis=1, keepdims=True)
        filled = np.nan_to_num(np.where(np.isnan(score), usual, score), nan=100.0)
        forest = IForest(n_estimators=100, random_state=1)
        forest.fit(filled[:, :learned].reshape(-1, score.shape[2]))
        found = forest.decision_function(filled.reshape(-1, score.shape[2])).reshape(score.shape[:2])
        return np.asarray(np.where(np.isnan(score).all(axis=2), np.nan, found))

    return strangeness


def _before(values: Floats, hours: int) -> Floats:
    """Sums of the hours before each, without it."""
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)[:, :-1]
    return np.asarray(sums - np.pad(sums, ((0, 0), (hours, 0)))[:, : sums.shape[1]])


def _weeks_before(score: Floats, weeks: int) -> Floats:
    """(weeks, series, hours) the same hour one week ago, two weeks ago and so on."""
    shifted = [
        np.pad(score, ((0, 0), (WEEK * back, 0)), constant_values=np.nan)[:, : score.shape[1]]
        for back in range(1, weeks + 1)
    ]
    return np.stack(shifted)


def _lines(score: Floats) -> tuple[Floats, Floats]:
    """Level now and slope an hour of the line of least squares through the last 24 hours with readings."""
    seen = ~np.isnan(score)
    at = np.arange(score.shape[1], dtype=float)
    values = np.where(seen, score, 0.0)
    n, t, tt, y, ty = (
        _before(one, LINE_HOURS - 1) + one
        for one in (seen.astype(float), seen * at, seen * at**2, values, values * at)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (n * ty - t * y) / (n * tt - t**2)
        level = y / n + slope * (at - t / n)
    is_known = seen & (n >= LINE_HOURS / 4)
    return np.where(is_known, level, np.nan), np.where(is_known, slope, np.nan)
