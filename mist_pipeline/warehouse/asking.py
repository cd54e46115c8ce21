"""Asking DuckDB with values, and handing it rows, quickly for programs that live for a second.

DuckDB's Python package imports pandas, NumPy and pyarrow as soon as a statement has a parameter, and the latter two for ``.pl()``: half a
second of a command that prints ten lines. It imports pandas, too, where it reads a registered frame that is there already. So values go in
as text, as variables of the connection (``getvariable('name')``) or as those of a prepared statement; rows come out over Arrow's C
interface, which needs none of them, and go in as a lazy frame.

>>> import duckdb
>>> with duckdb.connect() as connection:
...     frame_of(connection, "SELECT getvariable('name') AS name", name="O'Hara").rows()
[("O'Hara",)]
>>> with duckdb.connect() as connection:
...     ask(connection, "SELECT $name AS name, $days AS days", {"name": "O'Hara", "days": [date(2026, 3, 2)]}).fetchall()
[("O'Hara", [datetime.date(2026, 3, 2)])]
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import polars as pl

from mist_pipeline.tables.schema import literal, quote

Value = str | float | date | None | Iterable["Value"]
"""What a statement is asked with; a `datetime` with a zone is an instant."""


def ask(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Value] | Sequence[Value] = ()
) -> duckdb.DuckDBPyConnection:
    """Carry out one statement.

    Args:
        connection: Where.
        sql: Without or with ``?`` or ``$name`` in the places of values.
        parameters: The values.

    Returns:
        The connection, which holds the rows.

    Raises:
        duckdb.Error: It fails.
    """
    if not parameters:
        return connection.execute(sql)
    connection.execute(f"PREPARE {_ASKED} AS {sql}")
    if isinstance(parameters, Mapping):
        given = [f"{quote(name)} := {quoted(value)}" for name, value in parameters.items()]
    else:
        given = [quoted(value) for value in parameters]
    return connection.execute(f"EXECUTE {_ASKED}({', '.join(given)})")


_ASKED = "asked"


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> Iterator[None]:
    """Within the block a frame is a view of this name."""
    connection.register(name, rows.lazy())
    try:
        yield
    finally:
        connection.unregister(name)


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
    match value:
        case None:
            text = "NULL"
        case str():
            text = literal(value)
        case bool() | int():
            text = str(value).lower()
        case float():
            text = f"{literal(repr(value))}::DOUBLE"
        case datetime(tzinfo=None):
            text = f"TIMESTAMP {literal(value.isoformat())}"
        case datetime():
            text = f"TIMESTAMPTZ {literal(value.astimezone(UTC).isoformat())}"
        case date():
            text = f"DATE {literal(value.isoformat())}"
        case _:
            text = f"[{', '.join(map(quoted, value))}]"
    return text
