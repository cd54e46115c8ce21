"""How far each weekday usually lies from its week.

Here: the weekdays of a span, a level without them, and their effects, shrunk where noise explains them. Not here: the
scale of the series (``forecasts.series.to_logit``) and the strength that people read (``baselines.daily``).

Eight weeks of one series, 7 points lower on Sundays; effects of Monday … Sunday, series × 7:

>>> weekday = weekdays(date(2026, 3, 1), 56)
>>> weekday_effects(np.where(weekday == 6, 83.0, 90.0)[None], weekday).effect.round(2)
array([[ 1.,  1.,  1.,  1.,  1.,  1., -6.]])
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from mist_pipeline.analysis.stats.arrays import Floats, Ints
from mist_pipeline.analysis.stats.robust import MAD_TO_STD, median

EFFECT_WEEKS = 6
"""Weekday effects come from this many last weeks: long enough for a median, short enough to follow a new rota."""


MIN_EFFECT_READINGS = 18
"""Fewer readings than most of three weeks say nothing about weekdays."""


def weekdays(day: date, days: int, ahead: int = 0) -> Ints:
    """Weekdays (0 = Monday) of the ``days`` days that end at ``day`` + ``ahead``."""
    back = np.arange(days, dtype=np.int64)[::-1]
    return np.asarray((day.weekday() + ahead - back) % 7, dtype=np.int64)


def weekly_level(z: Floats) -> Floats:
    """(n, t) mean over the seven days around each day, the nearest whole week at both ends: a level without weekdays.

    Windows with fewer than four readings give NaN.
    """
    days = z.shape[1]
    if days < 7:
        return np.full(z.shape, np.nan)
    seen = ~np.isnan(z)
    total = np.cumsum(np.pad(np.where(seen, z, 0.0), ((0, 0), (1, 0))), axis=1)
    count = np.cumsum(np.pad(seen, ((0, 0), (1, 0))), axis=1)
    start = np.clip(np.arange(days) - 3, 0, days - 7)
    n = count[:, start + 7] - count[:, start]
    return np.asarray(np.where(n >= 4, (total[:, start + 7] - total[:, start]) / np.maximum(n, 1), np.nan))


@dataclass(frozen=True)
class WeekdayEffects:
    """How far each weekday usually lies from its week.

    Attributes:
        effect: (n, 7) distance on the scale of the series, 0 = Monday, summing to zero over the weekdays seen.
        variance: (n,) sampling variance of an effect.
    """

    effect: Floats
    variance: Floats


def weekday_effects(z: Floats, weekday: Ints) -> WeekdayEffects:
    """Weekday effects of every series: robust, and none where there is no weekly pattern.

    The median, over the last six weeks, of the distance from the week around it, shrunk towards zero as far as the
    scatter within weekdays explains the scatter between them (James–Stein, positive part). Weekdays never seen get
    zero, as does every series of fewer than 18 readings.

    Args:
        z: (n, t) series on an unbounded scale.
        weekday: (t,) weekday of every column.
    """
    recent = slice(max(0, z.shape[1] - 7 * EFFECT_WEEKS), None)
    distance = (z - weekly_level(z))[:, recent]
    columns = weekday[recent]
    effect, spread, count = (np.zeros((z.shape[0], 7)) for _ in range(3))
    for w in range(7):
        mine = distance[:, columns == w]
        if mine.shape[1] == 0:
            continue
        effect[:, w] = np.nan_to_num(median(mine))
        count[:, w] = (~np.isnan(mine)).sum(axis=1)
        spread[:, w] = np.nan_to_num((MAD_TO_STD * median(np.abs(mine - effect[:, w : w + 1]))) ** 2)
    known = count > 0
    n_known = np.maximum(known.sum(axis=1), 1)
    effect = np.where(known, effect - (effect.sum(axis=1) / n_known)[:, None], 0.0)
    # The variance of a median of n normal readings is about π/2 · σ²/n.
    sampling = np.pi / 2 * spread.sum(axis=1) / np.maximum(count.sum(axis=1), 1)
    total = (effect**2).sum(axis=1)
    keep = np.clip(1 - (n_known - 3) * sampling / np.maximum(total, 1e-12), 0.0, 1.0)
    keep = np.where((count.sum(axis=1) >= MIN_EFFECT_READINGS) & (total > 1e-12), keep, 0.0)
    return WeekdayEffects(effect * keep[:, None], sampling * keep)
