r"""A frame as text. Names of sites are typed by anybody, and a query shows them as they were typed.

- A terminal obeys control characters: they become spaces in tables and CSV, and escapes in JSON.
- A spreadsheet runs what begins with ``=``, ``+``, ``-`` or ``@``: in CSV such text gets an apostrophe in front, numbers do not.
- A spreadsheet of another country splits at ``;``: in CSV text is in quotes.

>>> import polars as pl
>>> print(csv_of(pl.DataFrame({"site": ["=1+1", "-5.2", "a\x1b[2J;b"], "users": [1, -2, None]})), end="")
site,users
"'=1+1",1
"-5.2",-2
"a [2J;b",
"""

import csv
import io
import json
import math
from collections.abc import Sequence
from datetime import datetime

import polars as pl
from rich.text import Text

from mist_pipeline.cli.printing.layout import Column, laid_out
from mist_pipeline.domain.spreadsheets import FORMULA, NUMBER, without_formula
from mist_pipeline.domain.text import count, without_controls

_CONTROLS = r"[\p{Cc}\p{Co}\p{Cn}\p{Zl}\p{Zp}[\p{Cf}--[\x{200C}\x{200D}]]]"


def csv_of(frame: pl.DataFrame, datetime_format: str | None = None) -> str:
    """CSV with a heading; lists as words, deeper values as JSON."""
    flat = flattened(frame)
    safe = pl.DataFrame([_without_formulas(column) for column in flat.iter_columns()])
    heading = io.StringIO()
    names = [without_formula(name) for name in flat.columns]
    splits = any(";" in name for name in names)
    csv.writer(heading, quoting=csv.QUOTE_ALL if splits else csv.QUOTE_MINIMAL, lineterminator="\n").writerow(
        names
    )
    rows = safe.write_csv(include_header=False, quote_style="non_numeric", datetime_format=datetime_format)
    return heading.getvalue() + rows


def json_of(frame: pl.DataFrame) -> str:
    """JSON, rows as objects; all beyond ASCII is escaped, which changes nothing for who reads it.

    JSON has no word for what is no number or infinite: it becomes null.
    """
    return json.dumps(_finite(frame.to_dicts()), default=str, indent=2) + "\n"


def table_of(frame: pl.DataFrame, width: int | None) -> list[Text]:
    """The rows for people, a line each: numbers to the right, text cut until a line fits; and how many there are.

    Args:
        frame: The rows.
        width: Places of a line; then long answers are cut, too. None: all of it.
    """
    flat = flattened(frame)
    shown = flat if width is None else flat.head(_MOST_ROWS)
    columns = [
        Column(name, kind.is_numeric(), 0 if kind.is_numeric() or kind.is_temporal() else _LEAST)
        for name, kind in flat.schema.items()
    ]
    lines = list(laid_out(columns, [[_said(value) for value in row] for row in shown.iter_rows()], width))
    if left := flat.height - shown.height:
        lines.append(Text(f"… {count(left, 'more row')}; --wide, --csv and --json have all", style="dim"))
    lines.append(Text(count(frame.height, "row"), style="dim"))
    return lines


_MOST_ROWS = 50
"""Of an answer that are shown on a terminal."""

_LEAST = 10
"""Places that stay of text."""


def _said(value: object) -> str | Text:
    if value is None:
        return Text("NULL", style="dim")
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= _BIG and math.isfinite(value) else f"{value:.6g}"
    if isinstance(value, datetime):
        # To the second, as everything that the pipeline keeps.
        return f"{value:%Y-%m-%d %H:%M:%S}" + ("Z" if value.tzinfo else "")
    return " ".join(str(value).split("\n"))


_BIG = 1e6


def flattened(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with single values only, and text without what a terminal obeys."""
    columns = zip(frame.iter_columns(), _names(frame.columns), strict=True)
    return pl.DataFrame([_plain(_flat(column)).alias(name) for column, name in columns])


def _plain(column: pl.Series) -> pl.Series:
    return column.str.replace_all(_CONTROLS, " ") if column.dtype == pl.String else column


def _without_formulas(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String:
        return column
    # By a name of our own: one that begins with ^ would be read as a pattern of names.
    text = pl.col("text")
    is_formula = text.str.contains(FORMULA) & ~text.str.contains(NUMBER)
    safe = pl.when(is_formula).then(pl.concat_str(pl.lit("'"), text)).otherwise(text)
    return column.to_frame("text").select(safe).to_series().alias(column.name)


def _flat(column: pl.Series) -> pl.Series:
    kind = column.dtype
    if isinstance(kind, pl.List) and not kind.inner.is_nested() and kind.inner != pl.Binary:
        return column.cast(pl.List(pl.String)).list.join(" ", ignore_nulls=True)
    if kind.is_nested() or kind == pl.Object:
        texts = [
            None if value is None else json.dumps(_finite(value), default=str) for value in column.to_list()
        ]
        return pl.Series(column.name, texts, pl.String)
    if kind == pl.Binary:
        return column.bin.encode("hex")
    return column.cast(pl.String) if isinstance(kind, pl.Categorical | pl.Enum) else column


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list) else value


def _names(columns: Sequence[str]) -> list[str]:
    """Names of columns without what a terminal obeys, which `PIVOT` makes of names of sites; no two are the same."""
    names: list[str] = []
    for column in columns:
        name = clean = " ".join(without_controls(column).split("\n"))
        number = 1
        while name in names:
            number += 1
            name = f"{clean} ({number})"
        names.append(name)
    return names
