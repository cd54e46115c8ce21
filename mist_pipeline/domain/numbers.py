"""How percentages are rounded where people see them: always down.

A score is compared with thresholds, so 79.96 (below 80) must never be shown as 80.0. Stored values are not rounded.

>>> rounded_down(79.96), rounded_down(69.999, 2)
(79.9, 69.99)
>>> percent(79.96), percent(100.0, 0), percent(None)
('79.9 %', '100 %', '–')
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
    return (value * scale + _SLACK).floor() / scale


def percent(value: float | None, decimals: int = 1) -> str:
    """A percentage with its unit, rounded down; an en dash for none."""
    return "–" if value is None else f"{rounded_down(value, decimals):.{decimals}f} %"
