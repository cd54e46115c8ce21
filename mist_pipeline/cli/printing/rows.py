"""Rows in the form that somebody asked for: a table for people, JSON, CSV, Parquet. Every list is printed here.

Here: one description of the columns for all forms. Not here: which options there are (`options`), how a table is laid out (`layout`),
what makes CSV safe (`frames`).
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rich.text import Text

from mist_pipeline.cli.console import console, shown
from mist_pipeline.cli.printing.layout import Column, laid_out
from mist_pipeline.cli.printing.options import Output
from mist_pipeline.cli.printing.values import INSTANT_FORMAT, plain
from mist_pipeline.domain.text import count

if TYPE_CHECKING:
    import polars as pl

R = TypeVar("R")


@dataclass(frozen=True)
class Field(Generic[R]):
    """One column of a list.

    Attributes:
        name: In JSON, CSV and Parquet; '' is for people alone.
        of: Its value.
        kind: Of that value.
        heading: Above the column of a table; '' is for programs alone.
        said: What people read of it, one clean line; by default the value.
        is_number: Stands at the right.
        least: It may be cut to so many places; 0: never.
    """

    name: str
    of: Callable[[R], Any]
    kind: type = str
    heading: str = ""
    said: Callable[[R], str | Text] | None = None
    is_number: bool = False
    least: int = 0


def print_rows(
    rows: Sequence[R], fields: Sequence[Field[R]], output: Output, as_json: Callable[[R], Any] | None = None
) -> None:
    """Print rows as they are wanted.

    Args:
        rows: They.
        fields: Their columns.
        output: The form.
        as_json: What JSON has of a row, where that is more than the fields.
    """
    named = [field for field in fields if field.name]
    if output.form == "json":
        print_json([as_json(row) if as_json else {one.name: one.of(row) for one in named} for row in rows])
    elif output.form in {"csv", "parquet"}:
        print_frame(_frame(rows, named), output)
    else:
        print_table([one for one in fields if one.heading], rows, is_wide=output.is_wide)


class Grid:
    """A list whose rows are put together one by one.

    Args:
        columns: Columns; of a name alone nothing is cut.
    """

    def __init__(self, *columns: Column | str) -> None:
        self._columns = [one if isinstance(one, Column) else Column(one) for one in columns]
        self._rows: list[Sequence[str | Text]] = []

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def add_row(self, *cells: str | Text) -> None:
        """One more row; every cell is one clean line."""
        self._rows.append(cells)

    def print(self, *, is_wide: bool = False) -> None:
        """Print them, a line each."""
        width = console.width if console.is_terminal and not is_wide else None
        print_lines(laid_out(self._columns, self._rows, width))


def print_table(fields: Sequence[Field[R]], rows: Iterable[R], *, is_wide: bool = False) -> None:
    """Print rows for people; what is piped into another program is not cut."""
    grid = Grid(*(Column(one.heading, one.is_number, one.least) for one in fields))
    for row in rows:
        grid.add_row(*(one.said(row) if one.said else str(one.of(row)) for one in fields))
    grid.print(is_wide=is_wide)


def print_lines(lines: Iterable[Text]) -> None:
    """Print lines as they are, each on one line of its own."""
    for line in lines:
        if console.is_terminal:
            console.print(line, soft_wrap=True)
        else:
            # Nothing is coloured or cut, and rich would take twenty times as long: a query may have a million rows.
            console.file.write(f"{line.plain}\n")


def print_frame(
    frame: "pl.DataFrame", output: Output, *, datetime_format: str | None = INSTANT_FORMAT
) -> None:
    """Print a frame as CSV, or write it as Parquet."""
    from mist_pipeline.cli.printing.frames import csv_of

    if output.file is None:
        sys.stdout.write(csv_of(frame, datetime_format))
        return
    frame.write_parquet(output.file)
    console.print(f"Wrote {count(frame.height, 'row')} to {shown(output.file)}.", markup=False)


def print_json(value: object) -> None:
    """JSON on standard output."""
    # All beyond ASCII is escaped: JSON stays the same, and no name can command the terminal it is printed on.
    sys.stdout.write(json.dumps(value, indent=2, default=plain) + "\n")


def _frame(rows: Sequence[R], fields: Sequence[Field[R]]) -> "pl.DataFrame":
    import polars as pl

    types: dict[type, pl.DataType | type[pl.DataType]] = {
        str: pl.String,
        int: pl.Int64,
        float: pl.Float64,
        bool: pl.Boolean,
        datetime: pl.Datetime("us", "UTC"),
        date: pl.Date,
    }
    schema = {field.name: types[field.kind] for field in fields}
    return pl.DataFrame([tuple(field.of(row) for field in fields) for row in rows], schema, orient="row")
