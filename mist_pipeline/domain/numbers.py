"""How numbers look where people see them: percentages rounded down, changes that agree with them, chance in words.

A score is compared with thresholds, so 79.96 (below 80) must never be shown as 80.0. A change is that between the two
numbers as they are shown, or it would not add up. Stored values are not rounded.

>>> rounded_down(79.96), rounded_down(69.999, 2)
(79.9, 69.99)
>>> percent(79.96), percent(100.0, 0), percent(None)
('79.9 %', '100 %', '–')
>>> change(62.78, 58.06), beyond_chance(2e-4), beyond_chance(1e-12)
(-4.7, 'beyond chance', 'far beyond chance')
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_SLACK = 1e-7
"""Of the last decimal: 70.1 is stored as 70.09999999999999, and is still 70.1."""


def rounded_down(value: float, decimals: int = 1) -> float:
    """A percentage as it is shown, never above what it is."""
    scale = 10.0**decimals
    return math.floor(value * scale + _SLACK) / scale


def rounded_down_column(value: "pl.Expr", decimals: int = 1) -> "pl.Expr":
    """`rounded_down` for a column of a frame; null stays null."""
    scale = 10.0**decimals
    # Polars divides by multiplying: 861 ÷ 10 is 86.10000000000001.
    return ((value * scale + _SLACK).floor() / scale).round(decimals)


def percent(value: float | None, decimals: int = 1) -> str:
    """A percentage with its unit, rounded down; an en dash for none."""
    return "–" if value is None else f"{rounded_down(value, decimals):.{decimals}f} %"


def change(before: float, now: float, decimals: int = 1) -> float:
    """What lies between two percentages as they are shown."""
    return round(rounded_down(now, decimals) - rounded_down(before, decimals), decimals)


def grown(what: str, from_pct: float, to_pct: float) -> str:
    """From what to what the degraded share of two hours grew.

    >>> grown("Coverage", 18.4, 61.9)
    'Coverage grew from 18 % to 61 % of user-minutes degraded in the 2 h'
    """
    return (
        f"{what} grew from {percent(from_pct, 0)} to {percent(to_pct, 0)} of user-minutes degraded in the 2 h"
    )


CHANCE: tuple[tuple[float, str], ...] = ((6.0, "far beyond chance"), (3.0, "beyond chance"))
"""−log10 of a probability by chance → what people are told; the number itself stays in the data."""
NEAR_CHANCE = "little more than chance"


def beyond_chance(p_value: float) -> str:
    """How much something is more than chance, in words: nobody can picture a p-value of 2 × 10⁻⁴."""
    surprise = -math.log10(max(p_value, 1e-300))
    return next((words for least, words in CHANCE if surprise >= least), NEAR_CHANCE)
