"""Percentages with planted courses, for tests of risks: weekday pattern, noise by users, and a known day of crossing."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from mist_pipeline.analysis.stats.arrays import Floats
from mist_pipeline_tests.support.analysis.daily_frames import D

LINE = 80.0
DAYS = 56


@dataclass(frozen=True)
class Planted:
    """Scores (n, DAYS) that end on D, and in how many days the level falls under the line (inf: never)."""

    scores: Floats
    users: Floats
    lead: Floats

    def frame(self) -> pl.DataFrame:
        n = len(self.scores)
        days = np.datetime64(D) - np.arange(DAYS)[::-1]
        return pl.DataFrame(
            {
                "day": np.tile(days, n),
                "site_id": np.repeat([f"s{i:04d}" for i in range(n)], DAYS),
                "metric": np.repeat("coverage", n * DAYS),
                "score_pct": self.scores.ravel(),
                "num_users": self.users.ravel(),
                "state": np.repeat("ok", n * DAYS),
            }
        )


def planted(kind: str, seed: int, n: int = 300) -> Planted:
    """``quiet``, ``dip``, ``step``, ``linear`` or ``accelerating`` courses; declines cross in one to six days."""
    rng = np.random.default_rng(seed)
    before = DAYS - 1 - np.arange(DAYS)[None, :]  # days before D
    start = rng.uniform(90, 97, size=(n, 1))
    lead = np.full(n, np.inf)
    level = np.repeat(start, DAYS, axis=1)
    if kind in ("linear", "accelerating"):
        lead = rng.integers(1, 7, size=n).astype(np.float64)
        duration = rng.integers(14, 40, size=(n, 1))
        done = np.clip((duration - lead[:, None] - before) / duration, 0, None)
        power = 1.0 if kind == "linear" else rng.uniform(2, 3, size=(n, 1))
        level = start - (start - LINE) * done**power
    elif kind != "quiet":
        ago = rng.integers(0, 11, size=(n, 1))
        if kind == "dip":
            ago += 3
            inside = (before <= ago) & (before > ago - rng.integers(1, 4, size=(n, 1)))
            level = level - inside * rng.uniform(5, 20, size=(n, 1))
        else:
            level = level - (before <= ago) * rng.uniform(0.2, 0.7, size=(n, 1)) * (start - LINE)
    weekday = (D.weekday() - before) % 7
    pattern = np.where(weekday >= 5, rng.normal(0, 0.8, size=(n, 1)), 0.0)
    users = np.maximum(rng.poisson(rng.uniform(30, 300, size=(n, 1)) * np.where(weekday >= 5, 0.6, 1.0)), 5)
    noise = (
        rng.normal(size=(n, DAYS)) * (0.4 + 6 / np.sqrt(users)) * np.sqrt(np.clip(100 - level, 1, None) / 8)
    )
    return Planted(np.clip(level + pattern + noise, 0, 100), users, lead)


def line_crosses(scores: Floats, days: int) -> Floats:
    """The usual rule: a least-squares line through the last days is under the line within a week."""
    x = np.arange(days) - (days - 1) / 2
    last = scores[:, -days:]
    slope = last @ x / (x @ x)
    return np.asarray(last.mean(axis=1) + slope * ((days - 1) / 2 + 7) < LINE)


def curve_crosses(scores: Floats, days: int) -> Floats:
    """The same with a parabola."""
    x = np.arange(-days + 1, 1)
    design = np.stack([np.ones(days), x, x**2], axis=1)
    a, b, c = np.linalg.pinv(design) @ scores[:, -days:].T
    ahead = np.arange(1, 8)[:, None]
    return np.asarray((a + b * ahead + c * ahead**2).min(axis=0) < LINE)
