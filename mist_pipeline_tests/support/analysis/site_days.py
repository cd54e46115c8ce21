"""Shapes of quiet sites with a planted bad day, and a small forest."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from mist_pipeline.analysis.anomalies.features import BLOCKS
from mist_pipeline.analysis.anomalies.isolation_forest import AnomalySettings

MONDAY = date(2026, 11, 16)
DAY = MONDAY + timedelta(days=4)
METRICS = ["capacity", "coverage", "roaming"]
SMALL = AnomalySettings(trees=60)


def world(sites: int = 12, days: int = 66, seed: int = 1, metrics: list[str] = METRICS) -> pl.DataFrame:
    """Shapes of quiet sites that end on DAY: every site and metric with its own level, 240 user-hours a day."""
    rng = np.random.default_rng(seed)
    keys = [(site, metric) for site in range(sites) for metric in metrics]
    level = rng.uniform(0.01, 0.08, len(keys))
    rows = days * len(keys)
    share = np.clip(rng.beta(40 * level, 40 * (1 - level), (days, len(keys))), 0, 1).ravel()
    blocks = {}
    for b in range(BLOCKS):
        users = np.full(rows, 240.0 / BLOCKS)
        blocks[f"user_hours_{b}"] = users
        blocks[f"degraded_hours_{b}"] = users * np.clip(share * rng.uniform(0.5, 1.5, rows), 0, 1)
    return pl.DataFrame(
        {
            "day": [DAY - timedelta(days=days - 1 - d) for d in range(days) for _ in keys],
            "site_id": [f"s{site:02d}" for site, _ in keys] * days,
            "metric": [metric for _, metric in keys] * days,
            "user_hours": np.full(rows, 240.0),
            "share": share,
            "spread": rng.gamma(20, 0.005, rows),
            **blocks,
        }
    )


def worsened(
    shapes: pl.DataFrame, site: str, metrics: list[str], share: float, day: date = DAY
) -> pl.DataFrame:
    """The same with these metrics of one site-day at this share of degraded time."""
    hit = (pl.col("day") == day) & (pl.col("site_id") == site) & pl.col("metric").is_in(metrics)
    return shapes.with_columns(
        pl.when(hit).then(share).otherwise(pl.col("share")).alias("share"),
        *(
            pl.when(hit)
            .then(share * pl.col(f"user_hours_{b}"))
            .otherwise(pl.col(f"degraded_hours_{b}"))
            .alias(f"degraded_hours_{b}")
            for b in range(BLOCKS)
        ),
    )
