"""From numbers to heights: whole steps that people read, and the way from a value to a place. Pure.

>>> Scale.of_percent([97.0, 88.5, None])
Scale(low=80.0, high=100.0, step=10.0)
>>> Scale.of_counts([3, 41]).ticks
(0.0, 20.0, 40.0, 60.0)
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_CALM = 90.0
"""A scale of percentages begins at this at the latest: seen closely enough, every quiet day is wild."""
_MOST_TICKS = 5


@dataclass(frozen=True)
class Scale:
    """A vertical axis.

    Attributes:
        low: Value at the bottom.
        high: Value at the top.
        step: Between two ticks.
    """

    low: float
    high: float
    step: float

    @classmethod
    def of_percent(cls, values: Iterable[float | None]) -> "Scale":
        """From a whole ten below the lowest value, at most 90, up to 100."""
        lowest = min((value for value in values if value is not None and math.isfinite(value)), default=_CALM)
        low = min(max(math.floor(lowest / 10.0) * 10.0, 0.0), _CALM)
        span = 100.0 - low
        return cls(
            low, 100.0, 5.0 if span <= 10.0 else 10.0 if span <= 40.0 else 20.0 if span <= 60.0 else 25.0
        )

    @classmethod
    def of_counts(cls, values: Iterable[float | None]) -> "Scale":
        """From nothing up to a round number above the highest value."""
        highest = max((value for value in values if value is not None and math.isfinite(value)), default=0.0)
        step = _round_step(max(highest, 1.0) / (_MOST_TICKS - 1))
        return cls(0.0, step * max(math.ceil(highest / step), 1), step)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Values with a line, from the bottom on."""
        first = math.ceil(self.low / self.step)
        return tuple(
            place * self.step for place in range(first, math.floor(self.high / self.step + 1e-9) + 1)
        )

    def place(self, value: float, height: float) -> float:
        """Distance from the top; what lies outside stands on the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return height * (1.0 - share)


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, and at least 1: what is counted has no halves.

    >>> _round_step(0.4), _round_step(11), _round_step(2300)
    (1.0, 20.0, 5000.0)
    """
    power = 10.0 ** math.floor(math.log10(max(least, 1.0)))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= least - 1e-9)
