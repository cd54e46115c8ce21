"""Long frames of daily values ↔ dense matrices of series × days, on which windows are slices.

Here: the change of shape, and robust statistics along the last axis where NaN means "nothing known". Not here: what
the statistics mean (`trends`, `baselines`).

A dense grid costs 8 bytes a series and day (24,000 series × 75 days: 14 MB) and makes every window of every day a
slice, so that a backfill of many days is one pass over the history and no loop ever runs over rows or series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

Matrix = npt.NDArray[np.float64]

MAD_TO_STD = 1.4826
"""A normal distribution's standard deviation in units of its median absolute deviation, 1 / Φ⁻¹(3/4)."""

PAIR_TO_STD = 0.9539
"""Median distance of two draws from a normal distribution in its standard deviations, √2 Φ⁻¹(3/4)."""

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class DayGrid:
    """Where each row of a long frame lies in a matrix of series × days.

    Attributes:
        keys: One row a series, sorted; row i of every matrix belongs to row i here.
        rows: The rows of the long frame that lie inside the grid.
        first: The day of column 0.
        shape: Series, days.
        cells: Flat position of every row of ``rows``.
    """

    keys: pl.DataFrame
    rows: pl.DataFrame
    first: date
    shape: tuple[int, int]
    cells: npt.NDArray[np.int64]

    @classmethod
    def over(cls, frame: pl.DataFrame, keys: Sequence[str], first: date, last: date) -> Self:
        """Lay a long frame with a ``day`` column over the days ``first`` … ``last`` (inclusive).

        Raises:
            ValueError: If two rows have the same day and keys: which of them counts cannot be guessed.
        """
        rows = frame.filter(pl.col("day").is_between(first, last))
        series = rows.select(keys).unique().sort(keys).with_row_index("_series")
        shape = (series.height, (last - first).days + 1)
        # The join keeps the order of the rows, so that any column of `rows` lines up with `cells`.
        row = rows.select(keys).join(series, on=list(keys), how="left", maintain_order="left")["_series"]
        column = rows["day"].to_physical() - (first - _EPOCH).days
        cells = row.to_numpy().astype(np.int64) * shape[1] + column.to_numpy().astype(np.int64)
        counts = np.bincount(cells, minlength=1)
        if counts.max() > 1:
            at = int(np.flatnonzero(cells == int(counts.argmax()))[0])
            which = ", ".join(f"{name} {rows[name][at]!s}" for name in ("day", *keys))
            raise ValueError(f"two rows for {which}: one row a day and series is expected")
        return cls(series.drop("_series"), rows, first, shape, cells)

    def matrix(self, values: pl.Expr) -> Matrix:
        """The values as a matrix of series × days; NaN where there is no row, or null."""
        column = self.rows.select(value=values.cast(pl.Float64))["value"]
        dense = np.full(self.shape[0] * self.shape[1], np.nan)
        dense[self.cells] = column.fill_null(float("nan")).to_numpy()
        return dense.reshape(self.shape)

    def column(self, day: date) -> int:
        """The column of a day."""
        return (day - self.first).days


def median(values: Matrix) -> Matrix:
    """Median along the last axis; NaN values do not count, NaN where none does.

    ``numpy.nanmedian`` is ten to fifty times slower on many short windows.
    """
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)  # NaNs last
    count = np.isfinite(ordered).sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), axis=-1)
    middle: Matrix = np.where(count > 0, (low + high) / 2, np.nan)[..., 0]
    return middle


def weighted_median(values: Matrix, weights: Matrix) -> Matrix:
    """Weighted median along the last axis: half of the weight lies on either side of it.

    Where a value ends exactly at half the weight, the mean of it and the next one; so equal weights give `median`.
    NaN values do not count, whatever their weight.
    """
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    weight = np.where(np.isfinite(ordered), np.take_along_axis(weights, order, axis=-1), 0.0)
    below = np.cumsum(weight, axis=-1)
    half = below[..., -1:] / 2
    # A hair's breadth for the rounding of the cumulated sum, so that an exact half is seen as one.
    slack = 1e-9 * half
    low = np.argmax(below >= half - slack, axis=-1)[..., None]
    high = np.argmax(below > half + slack, axis=-1)[..., None]
    middle = (np.take_along_axis(ordered, low, axis=-1) + np.take_along_axis(ordered, high, axis=-1)) / 2
    result: Matrix = np.where(half > 0, middle, np.nan)[..., 0]
    return result


def theil_sen_slope(values: Matrix, min_values: int = 3) -> Matrix:
    """Slope per step along the last axis: the median of the slopes between all pairs (Theil 1950, Sen 1968).

    Up to 29 % of the values may be arbitrarily wrong. NaN values do not count; NaN where fewer than ``min_values`` do.
    """
    early, late = np.triu_indices(values.shape[-1], k=1)
    slopes = (values[..., late] - values[..., early]) / (late - early)
    enough = np.isfinite(values).sum(axis=-1) >= min_values
    result: Matrix = np.where(enough, median(slopes), np.nan)
    return result


def pairwise_std(values: Matrix) -> Matrix:
    """Robust standard deviation along the last axis: the median distance of all pairs ÷ 0.9539.

    Up to 29 % of the values may be arbitrarily wrong. Unlike the MAD it does not collapse to 0 on values that jump
    between two levels. The divisor makes it right for a normal distribution: √2 Φ⁻¹(3/4).
    """
    one, other = np.triu_indices(values.shape[-1], k=1)
    distance: Matrix = median(np.abs(values[..., one] - values[..., other])) / PAIR_TO_STD
    return distance


def previous_column(is_known: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """For every cell the column of the last known value before it, −1 where there is none."""
    columns = np.arange(is_known.shape[-1])
    seen = np.maximum.accumulate(np.where(is_known, columns, -1), axis=-1)
    before = np.full(is_known.shape, -1, dtype=np.int64)
    before[..., 1:] = seen[..., :-1]
    return before
