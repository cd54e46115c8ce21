"""Long frames of daily values as dense matrices of series × days, on which windows are slices.

Here: the change of shape. Not here: statistics (`robust`) and what they mean (``scores``, ``baselines``, ``forecasts``).

A dense grid costs 8 bytes a series and day (24,000 series × 75 days: 14 MB) and makes every window of every day a
slice, so that a backfill of many days is one pass over the history and no loop ever runs over rows or series.

Two readings of one site in a grid of three days:

>>> first, last = date(2026, 3, 1), date(2026, 3, 3)
>>> frame = pl.DataFrame({"day": [last, first], "site_id": ["a", "a"], "score_pct": [90.0, 80.0]})
>>> grid = DayGrid.over(frame, ["site_id"], first, last)
>>> grid.shape, grid.matrix(pl.col("score_pct")), grid.column(last)
((1, 3), array([[80., nan, 90.]]), 2)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
import polars as pl

from mist_pipeline.analysis.stats.arrays import Flags, Floats, Ints

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
    cells: Ints

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

    def matrix(self, values: pl.Expr) -> Floats:
        """The values as a matrix of series × days; NaN where there is no row, or null."""
        column = self.rows.select(value=values.cast(pl.Float64))["value"]
        dense = np.full(self.shape[0] * self.shape[1], np.nan)
        dense[self.cells] = column.fill_null(float("nan")).to_numpy()
        return dense.reshape(self.shape)

    def column(self, day: date) -> int:
        """The column of a day."""
        return (day - self.first).days


def previous_column(is_known: Flags) -> Ints:
    """For every cell the column of the last known value before it, −1 where there is none."""
    columns = np.arange(is_known.shape[-1])
    seen = np.maximum.accumulate(np.where(is_known, columns, -1), axis=-1)
    before = np.full(is_known.shape, -1, dtype=np.int64)
    before[..., 1:] = seen[..., :-1]
    return before
