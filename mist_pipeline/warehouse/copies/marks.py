"""When days were last written: a mark for each day of a table, another one with every write, so that a copy knows what it lacks.

A mark is set in the transaction that writes the rows, where partitions are replaced (`store`). Whoever writes otherwise changes the number
of rows of a day, which `settle` notices. Only a warehouse in a file has marks. Not here: the copy that uses them (`publish`).
"""

from collections.abc import Iterable, Sequence
from datetime import date

import duckdb

from mist_pipeline.tables.schema import Table, quote
from mist_pipeline.warehouse.asking import Value, ask

MARKS = "main.written_days"

Marks = dict[tuple[str, date], tuple[str, int]]
"""Name of a table, day → its mark and number of rows."""


def prepare_marks(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table of marks."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {MARKS} (table_name VARCHAR, day DATE, mark VARCHAR, num_rows BIGINT)"
    )


def forget_marks(connection: duckdb.DuckDBPyConnection) -> None:
    """Rows were converted, nobody knows which."""
    connection.execute(f"DELETE FROM {MARKS}")


def mark(connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> None:
    """Days of a table were just replaced; one without rows has no mark."""
    values: dict[str, Value] = {"name": table.full_name, "days": list(days)}
    ask(connection, f"DELETE FROM {MARKS} WHERE table_name = $name AND day IN (SELECT unnest($days))", values)
    day = quote(table.partition or "")
    ask(
        connection,
        f"INSERT INTO {MARKS} SELECT $name, {day}, uuid()::VARCHAR, count(*) FROM {table.full_name} "
        f"WHERE {day} IN (SELECT unnest($days)) GROUP BY {day}",
        values,
    )


def settle(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Mark anew the days of some tables that have no mark, or not the number of rows that it says; let go of days without rows."""
    known = marks(connection)
    for table in tables:
        there = rows_of_days(connection, table.full_name, table)
        said = {day: rows for (name, day), (_, rows) in known.items() if name == table.full_name}
        if changed := [day for day in there.keys() | said.keys() if there.get(day) != said.get(day)]:
            mark(connection, table, changed)


def marks(connection: duckdb.DuckDBPyConnection, catalog: str = "") -> Marks:
    """All marks; of another database of the connection with ``catalog``, which ends with a dot."""
    rows = connection.execute(f"SELECT table_name, day, mark, num_rows FROM {catalog}{MARKS}").fetchall()
    return {(name, day): (found, number) for name, day, found, number in rows}


def as_written(
    connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]
) -> list[tuple[str, str]] | None:
    """Day and mark of those of these days that have rows; None where some have other rows than their mark says, or none."""
    day = quote(table.partition or "")
    values: dict[str, Value] = {"days": list(days)}
    counted = (
        f"SELECT {day}, count(*) FROM {table.full_name} WHERE {day} IN (SELECT unnest($days)) GROUP BY {day}"
    )
    there = dict(ask(connection, counted, values).fetchall())
    known = {of: said for (name, of), said in marks(connection).items() if name == table.full_name}
    if any(of not in known or known[of][1] != rows for of, rows in there.items()):
        return None
    return [(of.isoformat(), known[of][0]) for of in sorted(there)]


def rows_of_days(connection: duckdb.DuckDBPyConnection, name: str, table: Table) -> dict[date, int]:
    """How many rows each day of a table has; ``name`` is where its rows are."""
    day = quote(table.partition or "")
    return dict(connection.execute(f"SELECT {day}, count(*) FROM {name} GROUP BY {day}").fetchall())
