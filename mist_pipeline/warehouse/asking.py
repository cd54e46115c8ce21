"""Asking a DuckDB file with values, quickly for programs that live for a second.

DuckDB's Python package imports pandas, NumPy and pyarrow as soon as a statement has a parameter, and the latter two for ``.pl()``: half a
second of a command that prints ten lines. So values go in as variables of the connection (``getvariable('name')``), and rows come out over
Arrow's C interface, which needs none of them.

>>> import duckdb
>>> with duckdb.connect() as connection:
...     frame_of(connection, "SELECT getvariable('name') AS name", name="O'Hara").rows()
[("O'Hara",)]
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import polars as pl

from mist_pipeline.tables.schema import literal, quote

Value = str | int | date | datetime | None | Iterable[str]


def frame_of(connection: duckdb.DuckDBPyConnection, query: str, **values: Value) -> pl.DataFrame:
    """The rows of a query.

    Args:
        connection: Where it is asked.
        query: A constant of ours; values stand in it as ``getvariable('name')``.
        values: Name → value.

    Raises:
        duckdb.Error: It fails.
    """
    for name, value in values.items():
        connection.execute(f'SET VARIABLE "{name}" = {quoted(value)}')
    return frame_of_relation(connection.sql(query))


def frame_of_relation(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """The rows of a statement that gives rows; of columns of one name the later ones get a number."""
    names: list[str] = []
    for column in relation.columns:
        name, number = column, 0
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    if names != relation.columns:
        columns = (f"#{place} AS {quote(name)}" for place, name in enumerate(names, 1))
        relation = relation.project(", ".join(columns))
    return pl.DataFrame(relation)


def rows_of(connection: duckdb.DuckDBPyConnection, query: str, **values: Value) -> list[dict[str, Any]]:
    """The same as rows by name."""
    return frame_of(connection, query, **values).rows(named=True)


def quoted(value: Value) -> str:
    """A value as SQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ {literal(value.astimezone(UTC).isoformat())}"
    if isinstance(value, date):
        return f"DATE {literal(value.isoformat())}"
    return f"[{', '.join(map(literal, value))}]"
