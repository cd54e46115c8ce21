"""Intervals as wide as past errors were, not as wide as the model believes.

Here: turning the errors of forecasts made again from past days into 80 and 95 % bounds. Not here: how those errors
come about (`models`). A form of split conformal prediction with normalised errors (Lei et al., *JASA* 113, 2018, 5.2):
the shape of the errors is pooled over all series of a metric, their scale is each series' own, shrunk.

Without past errors the bounds are those of a normal distribution (series × horizon × 4 bounds):

>>> nothing = np.full((1, 56, 7), -1, np.int16)
>>> unknown = Prediction(np.zeros((1, 7)), np.ones((1, 7)), np.full(1, np.nan), np.zeros(1, np.int64), nothing, np.zeros(1, bool))
>>> calibrated(unknown, np.array(["capacity"])).shape, calibrated(unknown, np.array(["capacity"]))[0, 0].round(2)
((1, 7, 4), array([-1.96, -1.28,  1.28,  1.96]))
"""

import numpy as np

from mist_pipeline.analysis.forecasts.models import SHAPE_EDGES, Prediction
from mist_pipeline.analysis.stats.arrays import Floats, Texts

TAILS = (0.025, 0.1, 0.9, 0.975)
"""Lower 95, lower 80, upper 80, upper 95 %."""

NORMAL = np.array([-1.959964, -1.281552, 1.281552, 1.959964])
NORMAL_80 = 1.281552

SCALE_ORIGINS = 28
"""Origins at which a series' own scale weighs as much as that of its metric: overlapping errors say little more."""

MIN_ERRORS = 400
"""Errors of a metric and horizon below which the shape is pooled over all metrics, and below that again, normal."""

_MIDDLE = np.concatenate([[SHAPE_EDGES[1]], (SHAPE_EDGES[1:-2] + SHAPE_EDGES[2:-1]) / 2, [SHAPE_EDGES[-2]]])


def calibrated(prediction: Prediction, metric: Texts) -> Floats:
    """Bounds (n, h, 4) on the unbounded scale: lower 95, lower 80, upper 80, upper 95 %.

    bound = mean + quantile_metric,h · scale · sd, with scale = exp(w · ln own + (1 − w) · ln median of the metric),
    w = origins / (origins + 28). Bounds never cross the mean or each other.

    Args:
        prediction: All series together.
        metric: (n,) the metric of each.
    """
    n, horizon = prediction.mean.shape
    bounds = np.empty((n, horizon, 4))
    spread = spreads(prediction, metric)
    for name in np.unique(metric):
        mine = metric == name
        for h in range(horizon):
            quantiles = _shape_quantiles(prediction.shape[mine, :, h])
            if quantiles is None:
                quantiles = _shape_quantiles(prediction.shape[:, :, h])
            if quantiles is None:
                quantiles = NORMAL / NORMAL_80
            width = spread[mine, h][:, None] * quantiles
            bounds[mine, h] = prediction.mean[mine, h, None] + width
    return bounds


def spreads(prediction: Prediction, metric: Texts) -> Floats:
    """(n, h) what an error of each forecast is measured in: its standard deviation times the series' scale."""
    scale = np.empty(len(metric))
    for name in np.unique(metric):
        mine = metric == name
        scale[mine] = _shrunk_scale(prediction.scale[mine], prediction.origins[mine].astype(np.float64))
    return np.asarray(scale[:, None] * prediction.sd)


def _shrunk_scale(own: Floats, origins: Floats) -> Floats:
    """Each series' scale drawn to the median of its metric; the normal's where none has any."""
    known = ~np.isnan(own)
    middle = float(np.median(np.log(own[known]))) if known.any() else float(np.log(NORMAL_80))
    weight = np.where(known, origins / (origins + SCALE_ORIGINS), 0.0)
    return np.asarray(
        np.exp(weight * np.where(known, np.log(np.where(known, own, 1.0)), 0.0) + (1 - weight) * middle)
    )


def _shape_quantiles(bins: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> Floats | None:
    """Quantiles of ``TAILS`` from bin numbers, pushed apart so that 80 % lies inside 95 %; None for too few."""
    counts = np.bincount(bins[bins >= 0].astype(np.int64), minlength=len(_MIDDLE))
    total = counts.sum()
    if total < MIN_ERRORS:
        return None
    below = np.cumsum(counts) / total
    found = np.array([_MIDDLE[int(np.searchsorted(below, tail))] for tail in TAILS])
    inner = np.array([min(found[1], 0.0), max(found[2], 0.0)])
    return np.array([min(found[0], inner[0]), inner[0], inner[1], max(found[3], inner[1])])
