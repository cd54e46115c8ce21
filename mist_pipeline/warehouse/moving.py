"""Moving a warehouse: every table copied to another place, month by month, and compared row for row.

What is copied is the source as of one moment; it is left as it is. A month is copied in one transaction, and one whose rows are there
already is left alone, so whatever was interrupted is typed again. Not here: which places there are (`place`, `lake`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

from mist_pipeline.tables import TABLES
from mist_pipeline.tables.schema import Table, quote
from mist_pipeline.warehouse.catalogue import has_table
from mist_pipeline.warehouse.owner import Owner, claim, owner_of
from mist_pipeline.warehouse.store import UNFINISHED_MOVE, Warehouse

_AT_ONCE = 200_000
"""Rows that are in memory at once."""

Told = Callable[[str, int, int], None]
"""A step, rows done, rows of all."""


class MoveError(RuntimeError):
    """The warehouse cannot be moved there; says why, and what is at either place."""


@dataclass(frozen=True)
class Moved:
    """What a move did.

    Attributes:
        num_tables: Tables with rows.
        num_rows: Rows at the new place, each compared.
        num_copied: Those that were not there from an earlier try.
    """

    num_tables: int
    num_rows: int
    num_copied: int


@dataclass(frozen=True)
class _Part:
    """Some of the rows of a table: a month of it, or all."""

    table: Table
    month: date | None
    num_rows: int

    @property
    def where(self) -> str:
        if self.month is None:
            return "true"
        return f"date_trunc('month', {quote(str(self.table.partition))}) = DATE '{self.month}'"


@dataclass(frozen=True)
class _Sum:
    """Rows as a number that does not depend on their order: two of the same rows count twice."""

    num_rows: int
    digest: int


def move(source: Warehouse, target: Warehouse, told: Told) -> Moved:
    """Copy all rows of a warehouse to another place.

    Args:
        source: It is brought to the present version, and not changed otherwise.
        target: Of another place, where no rows are but those of an earlier try to do the same.
        told: Hears how far it is.

    Raises:
        FileNotFoundError: There is no source.
        MoveError: The target has other rows, or what was copied does not read back.
    """
    if source.place == target.place:
        raise MoveError(f"{source.place} is where the warehouse is already")
    if not source.place.exists():
        raise FileNotFoundError(f"There is no warehouse at {source.place} to move")
    source.prepare()
    target.is_moved_to = True
    with source.reading() as reader:
        _begin(source, owner_of(reader), target)
        parts = [part for table in TABLES for part in _parts(reader, table)]
        _drop_what_went(target, parts)
        total, done, copied = sum(part.num_rows for part in parts), 0, 0
        for part in parts:
            told("copying rows", done, total)
            wanted = _sum(reader, part)
            with target.reading() as there:
                is_there = _sum(there, part) == wanted
            if not is_there:
                _copy(reader, target, part)
                copied += part.num_rows
                with target.reading() as there:
                    if (found := _sum(there, part)) != wanted:
                        raise MoveError(
                            f"{part.table.full_name} reads back with {found.num_rows:,} rows or others than the {wanted.num_rows:,} "
                            f"of {source.place}, which is as it was. Type the same again; if that does not help, empty {target.place}."
                        )
            done += part.num_rows
        told("copying rows", total, total)
        with target.reading() as there:
            for table in TABLES:
                rows = sum(part.num_rows for part in parts if part.table is table)
                (found,) = there.execute(f"SELECT count(*) FROM {table.full_name}").fetchone() or (0,)
                if found != rows:
                    raise MoveError(
                        f"{table.full_name} has {found:,} rows at {target.place} and {rows:,} at {source.place}"
                    )
    with target.writing() as connection:
        connection.execute(f"DROP TABLE {UNFINISHED_MOVE}")
    target.is_moved_to = False
    return Moved(len({part.table.full_name for part in parts}), total, copied)


def _begin(source: Warehouse, owner: Owner | None, target: Warehouse) -> None:
    """Make the target, mark it and say whose it is, unless it is of an earlier try.

    Raises:
        MoveError: It has other rows.
    """
    origin = str(source.place)
    with target.writing() as connection:
        if has_table(connection, UNFINISHED_MOVE):
            begun = connection.execute(f"SELECT origin FROM {UNFINISHED_MOVE}").fetchone()
            if begun == (origin,):
                return
            raise MoveError(
                f"{target.place} has a part of {begun[0] if begun else 'another warehouse'}. Choose another place."
            )
        for table in TABLES:
            if connection.execute(f"SELECT 1 FROM {table.full_name} LIMIT 1").fetchone():
                raise MoveError(
                    f"{target.place} has rows in {table.full_name} already. Nothing was copied. Choose an empty place."
                )
        if other := owner_of(connection):
            raise MoveError(
                f"{target.place} belongs to {other} already. Nothing was copied. Choose an empty place."
            )
        connection.execute(f"CREATE TABLE {UNFINISHED_MOVE} AS SELECT ? AS origin", [origin])
        if owner:
            claim(connection, owner)


def _drop_what_went(target: Warehouse, parts: Sequence[_Part]) -> None:
    """Remove months that an earlier try copied and of which the source has no rows any more, as after retention."""
    known = {(part.table.full_name, part.month) for part in parts}
    with target.reading() as there:
        gone = [
            part
            for table in TABLES
            for part in _parts(there, table)
            if (part.table.full_name, part.month) not in known
        ]
    if gone:
        with target.writing() as connection:
            for part in gone:
                connection.execute(f"DELETE FROM {part.table.full_name} WHERE {part.where}")


def _parts(reader: duckdb.DuckDBPyConnection, table: Table) -> list[_Part]:
    if table.partition is None:
        (rows,) = reader.execute(f"SELECT count(*) FROM {table.full_name}").fetchone() or (0,)
        return [_Part(table, None, rows)] if rows else []
    months = reader.execute(
        f"SELECT date_trunc('month', {quote(table.partition)})::DATE, count(*) FROM {table.full_name} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [_Part(table, month, rows) for month, rows in months]


def _sum(connection: duckdb.DuckDBPyConnection, part: _Part) -> _Sum:
    columns = ", ".join(map(quote, part.table.column_names))
    rows, digest = connection.execute(
        f"SELECT count(*), sum(hash({columns})::HUGEINT) FROM {part.table.full_name} WHERE {part.where}"
    ).fetchone() or (0, None)
    return _Sum(int(rows), int(digest or 0))


def _copy(reader: duckdb.DuckDBPyConnection, target: Warehouse, part: _Part) -> None:
    table = part.table
    columns = ", ".join(map(quote, table.column_names))
    order = ", ".join(map(quote, table.stored_order))
    query = f"SELECT {columns} FROM {table.full_name} WHERE {part.where}" + (
        f" ORDER BY {order}" if order else ""
    )
    with target.writing() as connection, _streamed(reader, query) as rows:
        connection.execute(f"DELETE FROM {table.full_name} WHERE {part.where}")
        connection.register("incoming", rows)
        connection.execute(f"INSERT INTO {table.full_name} BY NAME SELECT * FROM incoming")
        connection.unregister("incoming")


@contextmanager
def _streamed(reader: duckdb.DuckDBPyConnection, query: str) -> Iterator[object]:
    """The rows of a query, in batches."""
    # A result of its own: the reader is asked for nothing else meanwhile.
    yield reader.execute(query).to_arrow_reader(_AT_ONCE)
