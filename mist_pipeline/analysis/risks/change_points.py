"""Where a level may be heading: competing hypotheses about the last weeks, weighed by how well each explains them.

Here: the statistics of `risk`, arrays in and arrays out. Not here: thresholds, states, tables and sentences (`risk`),
the series (``forecasts.series``).

A straight line through the last days takes every dip for a decline, and a curve even more so. Here six kinds of
hypothesis compete for the same days: nothing happened, a step that stays, a dip that passes, a decline that has ended, a
steady decline, an accelerating one; each beginning on any of several days. Each is a Gaussian regression with one
coefficient besides the old level, so its evidence and its prediction have closed forms, for all series at once. The
mixture of their predictions is the answer: Bayesian model averaging (Hoeting et al., *Statistical Science* 14, 1999)
over change-point regressions; the odds between two hypotheses are the significance of a slope, of its curvature, of its
being over.

One series that fell by a point a day for ten days, to 80 %, and the probability of being under 75 % in 1 … 14 days:

>>> odds, days = Odds(), np.arange(-WINDOW_DAYS + 1, 1)
>>> score = (90.0 - np.clip(days + 10.0, 0, None))[None]
>>> posterior = explain(score, np.ones_like(score), hypotheses(14, odds), odds)
>>> posterior.level.round(1), posterior.slope.round(1), posterior.decline.round(2)
(array([80.]), array([-1.1]), array([0.99]))
>>> by_day = crossed_by_day(posterior, np.array([75.0]), strayed(posterior, np.zeros((1, 14))))
>>> over_hypotheses(posterior.weight, by_day)[:, [2, 6, 13]].round(2)
array([[0.12, 0.93, 0.99]])
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from mist_pipeline.analysis.stats.arrays import Flags, Floats

WINDOW_DAYS = 42
"""Days that the hypotheses explain: six weeks hold all but the slowest declines."""


@dataclass(frozen=True)
class Odds:
    """Prior odds of each kind of hypothesis, and how large its changes are.

    Attributes:
        flat: Nothing happened in six weeks.
        step: A lasting change of level.
        dip: One to three bad (or good) days at the end, then back.
        ended: A change over days that has ended.
        linear: A steady trend that goes on.
        curved: An accelerating one.
        effect_pct: Standard deviation of the change so far, in points.
    """

    flat: float = 0.65
    step: float = 0.07
    dip: float = 0.15
    ended: float = 0.03
    linear: float = 0.06
    curved: float = 0.04
    effect_pct: float = 8.0


@dataclass(frozen=True)
class Hypotheses:
    """The regressors of all hypotheses over the window and beyond.

    Attributes:
        past: (k, WINDOW_DAYS) what one unit of effect does on each day; the effect so far is one unit today, or at
            its height.
        ahead: (k, h) the same on the days to come.
        prior: (k,) probabilities, summing to one.
        is_trend: (k,) True where the change goes on.
    """

    past: Floats
    ahead: Floats
    prior: Floats
    is_trend: Flags


ONSETS_STEP = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 21, 28)
ONSETS_LINEAR = (*range(3, 22), 23, 25, 27, 29, 32, 35, 38, 42)
ONSETS_CURVED = (*range(5, 15), 16, 18, 20, 22, 25, 28, 32, 37, 42)
"""Fine grids: where noise is small, a hypothesis that begins two days off loses to one that is wrong in kind."""

ENDED = (
    (5, 1),
    (7, 2),
    (7, 4),
    (10, 3),
    (10, 6),
    (14, 2),
    (14, 5),
    (14, 9),
    (21, 4),
    (21, 10),
    (28, 7),
    (28, 14),
)
"""Begin and end of changes that are over, in days before today."""

POWER_CURVED = (2.0, 3.0)


def hypotheses(horizon: int, odds: Odds) -> Hypotheses:
    """All hypotheses for forecasts of ``horizon`` days."""
    past_days = np.arange(-WINDOW_DAYS + 1, 1, dtype=np.float64)
    days = np.concatenate([past_days, np.arange(1, horizon + 1)])
    rows: list[Floats] = [np.zeros_like(days)]
    prior, trend = [odds.flat], [False]

    def add(row: Floats, probability: float, *, goes_on: bool) -> None:
        rows.append(row)
        prior.append(probability)
        trend.append(goes_on)

    for onset in ONSETS_STEP:
        add((days > -onset).astype(np.float64), odds.step / len(ONSETS_STEP), goes_on=False)
    for onset, share in ((1, 0.6), (2, 0.25), (3, 0.15)):
        add(((days > -onset) & (days <= 0)).astype(np.float64), odds.dip * share, goes_on=False)
    for begin, end in ENDED:
        add(np.clip((days + begin) / (begin - end), 0, 1), odds.ended / len(ENDED), goes_on=False)
    for onset in ONSETS_LINEAR:
        add(np.clip((days + onset) / onset, 0, None), odds.linear / len(ONSETS_LINEAR), goes_on=True)
    for onset in ONSETS_CURVED:
        for power in POWER_CURVED:
            share = odds.curved / len(ONSETS_CURVED) / len(POWER_CURVED)
            add(np.clip((days + onset) / onset, 0, None) ** power, share, goes_on=True)
    table, probabilities = np.stack(rows), np.array(prior)
    return Hypotheses(
        table[:, :WINDOW_DAYS],
        table[:, WINDOW_DAYS:],
        probabilities / probabilities.sum(),
        np.array(trend),
    )


@dataclass(frozen=True)
class Posterior:
    """What the hypotheses together say about ``n`` series.

    Attributes:
        weight: (n, k) posterior probability of each hypothesis.
        mean: (n, k, h) level in percent on each day to come.
        sd: (n, k, h) its standard deviation.
        level: (n,) level today, the mean over all hypotheses.
        slope: (n,) points a day over the coming week, the mean over all hypotheses.
        decline: (n,) probability that a decline goes on.
    """

    weight: Floats
    mean: Floats
    sd: Floats
    level: Floats
    slope: Floats
    decline: Floats


def explain(
    score: Floats, variance: Floats, tested: Hypotheses, odds: Odds, *, level_sd: float = 15.0
) -> Posterior:
    """Weigh the hypotheses and predict with each.

    Args:
        score: (n, WINDOW_DAYS) scores without weekday effects, NaN where there is none.
        variance: (n, WINDOW_DAYS) variance of the noise of each day, autocorrelation allowed for.
        tested: The hypotheses.
        odds: For the size of effects.
        level_sd: Prior standard deviation of the old level around the mean of the window.
    """
    seen = ~np.isnan(score)
    weight = np.where(seen, 1 / variance, 0.0)
    total = np.maximum(weight.sum(axis=1), 1e-12)
    centre = np.where(seen, score * weight, 0.0).sum(axis=1) / total
    y = np.where(seen, score - centre[:, None], 0.0) * weight
    # Normal equations of (old level, effect) for every series and hypothesis.
    a11 = total[:, None] + 1 / level_sd**2
    a12 = weight @ tested.past.T
    a22 = weight @ (tested.past**2).T + 1 / odds.effect_pct**2
    b1, b2 = y.sum(axis=1)[:, None], y @ tested.past.T
    determinant = a11 * a22 - a12**2
    level = (a22 * b1 - a12 * b2) / determinant
    effect = (a11 * b2 - a12 * b1) / determinant
    evidence = 0.5 * (b1 * level + b2 * effect) - 0.5 * np.log(determinant) - np.log(odds.effect_pct)
    log_weight = evidence + np.log(tested.prior)
    log_weight -= log_weight.max(axis=1, keepdims=True)
    probability = np.exp(log_weight)
    probability /= probability.sum(axis=1, keepdims=True)
    v11, v12, v22 = a22 / determinant, -a12 / determinant, a11 / determinant
    x = tested.ahead[None]
    mean = centre[:, None, None] + level[:, :, None] + effect[:, :, None] * x
    sd = np.sqrt(v11[:, :, None] + 2 * v12[:, :, None] * x + v22[:, :, None] * x**2)
    now = centre[:, None] + level + effect * tested.past[None, :, -1]
    week = min(7, x.shape[2])
    slope = (mean[:, :, week - 1] - now) / week
    return Posterior(
        probability,
        mean,
        sd,
        (probability * now).sum(axis=1),
        (probability * slope).sum(axis=1),
        (probability * tested.is_trend * ndtr(-effect / np.sqrt(v22))).sum(axis=1),
    )


COURSES = 40
"""Courses drawn of one series: each is as likely as the others."""

_QUANTILES = 80
_COURSES_AT_ONCE = 50


def courses(posterior: Posterior, wander_sd: Floats, days: int) -> Floats:
    """(n, COURSES, h) courses of the level that stand for all that may come, those that fall deepest first.

    A hypothesis and a quantile of its prediction are one course; the share of all of them that has been under a line by
    day h is that of `over_hypotheses` exactly. Ordered by the lowest level within ``days``, every 40th part gives one of
    them: so the share of these that cross any line within ``days`` is its probability, to two hundredths.

    Args:
        posterior: From ``explain``, of the series to be drawn.
        wander_sd: As for ``strayed``.
        days: Days of the order.
    """
    n, _, horizon = posterior.mean.shape
    z = ndtri((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    share = (np.arange(COURSES) + 0.5) / COURSES
    chosen = np.empty((n, COURSES, horizon))
    for start in range(0, n, _COURSES_AT_ONCE):
        rows = slice(start, start + _COURSES_AT_ONCE)
        mean = posterior.mean[rows]
        spread = _strayed(posterior.sd[rows], wander_sd[rows])
        every = (mean[:, :, None, :] + z[:, None] * spread[:, :, None, :]).reshape(len(mean), -1, horizon)
        lowest = every[:, :, :days].min(axis=2)
        order = np.argsort(lowest, axis=1)
        weight = np.repeat(posterior.weight[rows], _QUANTILES, axis=1) / _QUANTILES
        until = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
        at = np.stack([np.searchsorted(row, share) for row in until])
        picked = np.take_along_axis(order, np.minimum(at, order.shape[1] - 1), axis=1)
        chosen[rows] = np.take_along_axis(every, picked[:, :, None], axis=1)
    return np.clip(chosen, 0.0, 100.0)


def strayed(posterior: Posterior, wander_sd: Floats) -> Floats:
    """Standard deviation of each level under each hypothesis by each day, with what it strays by itself, (n, hypotheses, h).

    Args:
        posterior: From ``explain``.
        wander_sd: (n, h) how far a level strays by itself by each day, in points.
    """
    return np.maximum(_strayed(posterior.sd, wander_sd), 1e-9)


def _strayed(sd: Floats, wander_sd: Floats) -> Floats:
    return np.asarray(np.sqrt(sd**2 + wander_sd[:, None, :] ** 2))


def crossed_by_day(posterior: Posterior, threshold: Floats, spread: Floats) -> Floats:
    """P(the level has been under the threshold by day h) under each hypothesis, (n, hypotheses, h), rising with h.

    Args:
        posterior: From ``explain``.
        threshold: (n,) percent.
        spread: From ``strayed``.
    """
    # In place: these are the largest arrays of a morning.
    under = threshold[:, None, None] - posterior.mean
    under /= spread
    ndtr(under, out=under)
    return np.asarray(np.maximum.accumulate(under, axis=2, out=under))


def over_hypotheses(weight: Floats, by_day: Floats) -> Floats:
    """The same over all hypotheses, (n, h), from what `crossed_by_day` gives and the weight of each, (n, hypotheses)."""
    return np.asarray(np.clip(np.einsum("nk,nkh->nh", weight, by_day), 0.0, 1.0))
