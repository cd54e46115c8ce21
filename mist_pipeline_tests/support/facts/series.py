"""Daily scores that something false was once said about; two months each."""

from collections.abc import Sequence

import numpy as np


def noisy(level: float, days: int, sd: float = 0.4, seed: int = 1) -> list[float]:
    """A level with noise."""
    return (level + sd * np.random.default_rng(seed).normal(size=days)).tolist()


def declining(drop: float, days: int, sd: float, seed: int, end: Sequence[float]) -> list[float]:
    """Two months at 96, falling by ``drop`` over the last days, of which the very last are given."""
    scores = np.array(noisy(96, 60, sd, seed))
    scores[-days:] -= np.linspace(0, drop, days)
    scores[-len(end) :] = end
    return np.clip(scores, 0, 100).tolist()


FALLING = [*noisy(96, 48), 95, 93.5, 92, 90.5, 89, 87.5, 86, 84, 82, 80, 78, 74.5]
UNDER = [*noisy(96, 53), 90.0, 86.0, 82.0, 78.0, 75.0, 72.0, 69.5]
RECOVERING = declining(3, 20, 0.6, 103, [92.0, 93.2, 93.9])
BELOW_ITS_LEVEL = declining(13, 20, 0.8, 0, [79.9])
FLAT = [70.0] * 60
DROPPED = [*noisy(95, 59), 58.06]
BAD_WEEK = [*noisy(96, 53), 40.0, 42.0, 44.0, 46.0, 48.0, 66.0, 60.0]
