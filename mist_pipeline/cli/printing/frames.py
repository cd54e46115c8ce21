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

import polars as pl

from mist_pipeline.domain.spreadsheets import FORMULA, NUMBER, without_formula
from mist_pipeline.domain.text import without_controls

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


def table_of(frame: pl.DataFrame, width: int) -> str:
    """The first and last rows for people, and how many there are."""
    flat = flattened(frame)
    with pl.Config(
        tbl_rows=50,
        tbl_cols=-1,
        tbl_width_chars=width,
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
    ):
        return f"{flat}\n{frame.height} rows\n"


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
