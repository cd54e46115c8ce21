"""Reading and replacing rows: all frames enter and leave the warehouse here.

A partition is replaced in one transaction, so that a crash leaves the old one. Where the rows are (a file, a shared lake) is in
``place`` and ``lake``, the tables are defined in ``tables``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field
from datetime import date
from pathlib import Path
from threading import local
from typing import TypeVar

import duckdb
import polars as pl

from mist_pipeline.tables.schema import Table, quote
from mist_pipeline.warehouse.asking import Value, ask, registered
from mist_pipeline.warehouse.catalogue import has_table
from mist_pipeline.warehouse.copies.marks import mark
from mist_pipeline.warehouse.hours.aged import supersede
from mist_pipeline.warehouse.lake import Lake, Touched
from mist_pipeline.warehouse.migrations import migrate, version_of
from mist_pipeline.warehouse.owner import Owner, claim
from mist_pipeline.warehouse.place import NOTHING_WRITTEN, Place, WarehouseFile

T = TypeVar("T")

Glance = tuple[int, pl.DataFrame]
"""How many rows a day has, and the first of them."""


UNFINISHED_MOVE = "main.unfinished_move"
"""Is there as long as not everything was copied from another place, and says from where."""


class UnfinishedMoveError(RuntimeError):
    """The warehouse has only a part of what another one has."""


@dataclass
class Warehouse:
    """The warehouse.

    Attributes:
        where: Its DuckDB file, or a place.
        wait_seconds: How long to wait for another writer.
        owner: Says whose rows are written, None where that is not known yet; nothing given means nobody asks.
        place: Where it is.
        is_moved_to: Another one is being copied into it: nobody else may use it before that is done.
    """

    where: InitVar[Path | Place]
    wait_seconds: float = 60.0
    owner: Callable[[], Owner | None] | None = None
    place: Place = field(init=False)
    is_moved_to: bool = field(default=False, init=False)
    _is_migrated: bool = field(default=False, init=False, repr=False)
    _is_claimed: bool = field(default=False, init=False, repr=False)
    _is_whole: bool = field(default=False, init=False, repr=False)
    _has_tables: bool = field(default=False, init=False, repr=False)
    _of_thread: local = field(default_factory=local, init=False, repr=False, compare=False)

    def __post_init__(self, where: Path | Place) -> None:
        self.place = WarehouseFile(where) if isinstance(where, Path) else where

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection inside one transaction: committed at the end of the block, rolled back if it raises.

        Nobody else writes meanwhile. Whoever replaces partitions calls ``replace_all``, which on a shared warehouse keeps nobody out.

        Raises:
            OtherOwnerError: The rows that are there belong to another organisation.
            UnfinishedMoveError: Another one is being copied into it.
        """
        with self.place.writing(self.wait_seconds) as connection:
            self._refuse_parts(connection)
            if not self._is_migrated:
                migrate(connection)
                self._is_migrated = True
            connection.begin()
            try:
                self._claim(connection)
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def _refuse_parts(self, connection: duckdb.DuckDBPyConnection) -> None:
        if self._is_whole or self.is_moved_to:
            return
        if has_table(connection, UNFINISHED_MOVE):
            (origin,) = connection.execute(f"SELECT origin FROM {UNFINISHED_MOVE}").fetchone() or ("another",)
            raise UnfinishedMoveError(
                f"{self.place} has only a part of the rows of {origin}: moving them was interrupted. Type `mist-pipeline warehouse move` "
                "again with the settings of before, and use this one when that is done."
            )
        self._is_whole = True

    def _refuse_unmade(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Who began a lake was killed before it had tables: readers would be told of the first one that they ask for."""
        if self._has_tables or not isinstance(self.place, Lake):
            return
        if version_of(connection) is None:
            raise FileNotFoundError(
                f"{self.place} was begun, and nothing was ever written. {NOTHING_WRITTEN}"
            )
        self._has_tables = True

    def _claim(self, connection: duckdb.DuckDBPyConnection) -> None:
        owner = self.owner() if self.owner and not self._is_claimed else None
        if owner is not None:
            claim(connection, owner)
            self._is_claimed = True

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection; reads within the block, also those of functions that it calls, take the same.

        Opening the file costs more than most reads: whoever reads several tables does it in one block, and computes after it.

        Raises:
            FileNotFoundError: Nothing was ever written.
            UnfinishedMoveError: Another one is being copied into it.
        """
        if opened := getattr(self._of_thread, "reader", None):
            yield opened
            return
        with self.place.reading(self.wait_seconds) as connection:
            self._refuse_parts(connection)
            self._refuse_unmade(connection)
            self._of_thread.reader = connection
            try:
                yield connection
            finally:
                del self._of_thread.reader

    def query(self, sql: str, parameters: Mapping[str, Value] | Sequence[Value] = ()) -> pl.DataFrame:
        """The rows of a query as a frame; ``parameters`` fill ``?`` or ``$name``."""
        with self.reading() as connection:
            return ask(connection, sql, parameters).pl()

    def read_days(
        self, table: Table, first: date, last: date, *, columns: Sequence[str] = (), where: str = "true"
    ) -> pl.DataFrame:
        """The rows of a table between two days, both included.

        Args:
            table: A partitioned table.
            first: First day.
            last: Last day.
            columns: Only these columns; none given means all.
            where: A further SQL condition out of this code, never made from data.
        """
        names = ", ".join(quote(name) for name in (columns or table.column_names))
        sql = f"SELECT {names} FROM {table.full_name} WHERE {_partition(table)} BETWEEN ? AND ? AND {where}"
        frame = self.query(sql, [first, last])
        schema = table.polars_schema()
        return frame.select(pl.col(name).cast(schema[name]) for name in frame.columns)

    def glance(self, table: Table, days: Sequence[date], rows: int = 8) -> dict[date, Glance]:
        """Of each of these days how many rows there are, and the first of them."""
        day = _partition(table)
        where = f"SELECT * FROM {table.full_name} WHERE {day} = ? LIMIT {rows}"
        with self.reading() as connection:
            counted = ask(
                connection,
                f"SELECT {day}, count(*) FROM {table.full_name} WHERE {day} IN (SELECT unnest(?)) GROUP BY 1",
                [list(days)],
            )
            counts: dict[date, int] = dict(counted.fetchall())
            return {one: (counts.get(one, 0), ask(connection, where, [one]).pl()) for one in days}

    def replace_days(self, table: Table, frame: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
        """Replace whole partitions with the rows of a frame, in one transaction; returns these rows as they are stored.

        Raises:
            ValueError: The frame does not fit the table, or has rows of other days.
        """
        return self.replace_all({table: frame}, days)[table]

    def replace_all(
        self, frames: Mapping[Table, pl.DataFrame], days: Sequence[date]
    ) -> dict[Table, pl.DataFrame]:
        """Replace the same partitions of several tables in one transaction; returns the rows as they are stored."""

        def work(connection: duckdb.DuckDBPyConnection) -> dict[Table, pl.DataFrame]:
            return {table: self.put(connection, table, frame, days) for table, frame in frames.items()}

        return self._write(work, dict.fromkeys(frames, days))

    def put(
        self, connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame, days: Sequence[date]
    ) -> pl.DataFrame:
        """Replace whole partitions inside a transaction that is open already (see ``writing``); returns the rows stored."""
        rows = _of_days(table, table.conform(frame), days)
        ask(
            connection,
            f"DELETE FROM {table.full_name} WHERE {_partition(table)} IN (SELECT unnest($days))",
            {"days": list(days)},
        )
        if isinstance(self.place, WarehouseFile):
            supersede(connection, table, days)
        if order := table.stored_order:
            rows = rows.sort(order, maintain_order=True)
        _insert(connection, table, rows)
        if isinstance(self.place, WarehouseFile):
            mark(connection, table, days)
        return rows

    def replace_tables(self, frames: Mapping[Table, pl.DataFrame]) -> dict[Table, int]:
        """Replace all rows of several tables in one transaction; returns rows a table."""
        conformed = {table: table.conform(frame) for table, frame in frames.items()}

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            for table, rows in conformed.items():
                connection.execute(f"DELETE FROM {table.full_name}")
                _insert(connection, table, rows)

        self._write(work, dict.fromkeys(conformed))
        return {table: rows.height for table, rows in conformed.items()}

    def append(self, table: Table, frame: pl.DataFrame) -> int:
        """Add rows, leaving out those whose key the table already has; returns how many were new."""
        rows = table.conform(frame).unique(list(table.key), keep="last", maintain_order=True)
        key = ", ".join(quote(name) for name in table.key)

        def work(connection: duckdb.DuckDBPyConnection) -> int:
            with registered(connection, "incoming", rows):
                counted = connection.execute(
                    f"INSERT INTO {table.full_name} BY NAME SELECT * FROM incoming ANTI JOIN {table.full_name} USING ({key})"
                ).fetchone()
            return int(counted[0]) if counted else 0

        return self._write(work, {table: None})

    def prepare(self) -> None:
        """Make it and bring its tables up to date, so that it can be read before anything was written; claim it."""
        is_to_claim = self.owner is not None and not self._is_claimed and self.owner() is not None
        # A lake that was there stays: asking would not wait for a PostgreSQL that is just starting again, as a write does.
        is_made = self._is_migrated and (isinstance(self.place, Lake) or self.place.exists())
        if is_to_claim or not is_made:
            with self.writing():
                pass

    def _write(self, work: Callable[[duckdb.DuckDBPyConnection], T], touched: Touched) -> T:
        """One transaction of ours; what a lake has to know of it, so that others may write at the same time, is ``touched``."""
        if isinstance(self.place, Lake):
            self.prepare()
            return self.place.commit(work, touched, self.wait_seconds)
        with self.writing() as connection:
            return work(connection)


def glance_of(table: Table, frame: pl.DataFrame, days: Sequence[date], rows: int = 8) -> dict[date, Glance]:
    """What `Warehouse.glance` says of rows that were just stored."""
    parts = frame.partition_by(_partition_name(table), as_dict=True)
    found = {day: parts.get((day,), frame.clear()) for day in days}
    return {day: (part.height, part.head(rows)) for day, part in found.items()}


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        return
    with registered(connection, "incoming", rows):
        connection.execute(f"INSERT INTO {table.full_name} BY NAME SELECT * FROM incoming")


def _partition(table: Table) -> str:
    return quote(_partition_name(table))


def _partition_name(table: Table) -> str:
    if table.partition is None:
        raise ValueError(f"{table.full_name} has no partitions; replace it whole or append to it")
    return table.partition


def _of_days(table: Table, rows: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    partition = _partition_name(table)
    strange = rows.filter(~pl.col(partition).is_in(list(days)))[partition].unique().sort()
    if not strange.is_empty():
        raise ValueError(
            f"{table.full_name}: rows of {strange.to_list()[:3]} in a write of {list(days)[:3]} …"
        )
    return rows
