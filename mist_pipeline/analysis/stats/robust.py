"""."""

import numpy as np

from mist_pipeline.analysis.stats.arrays import Array


def nan_quantile(values: Array, q: float) -> Array:
    """Quantile along the last axis without the NaNs (linear between order statistics); NaN where all are NaN."""
    ordered = np.sort(values, axis=-1)
    last = (~np.isnan(values)).sum(axis=-1) - 1
    position = np.maximum(last, 0) * q
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(last, 0))
    at_low = np.take_along_axis(ordered, low[..., None], axis=-1)[..., 0]
    at_high = np.take_along_axis(ordered, high[..., None], axis=-1)[..., 0]
    return np.asarray(at_low + (at_high - at_low) * (position - low))


def nan_median(values: Array) -> Array:
    """Median along the last axis without the NaNs; NaN where all are NaN."""
    return nan_quantile(values, 0.5)
