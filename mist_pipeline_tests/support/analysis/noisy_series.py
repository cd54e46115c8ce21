"""Series of daily scores with noise and a weekday pattern, for the tests of forecasts."""

from datetime import date

import numpy as np
import polars as pl

from mist_pipeline_tests.support.analysis.daily_frames import D, series


def noisy(seed: int, days: int = 91, level: float = 92.0, slope: float = 0.0, sd: float = 1.0) -> list[float]:
    rng = np.random.default_rng(seed)
    return np.clip(level + slope * np.arange(-days + 1, 1) + sd * rng.normal(size=days), 0, 100).tolist()


def sites(count: int, days: int = 91, last: date = D, **kinds: float) -> pl.DataFrame:
    return pl.concat(
        [series(noisy(i, days, **kinds), last, site_id=f"s{i:02d}") for i in range(count)], rechunk=True
    )
