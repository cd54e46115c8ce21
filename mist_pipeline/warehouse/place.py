"""Where a warehouse is: what a file and a shared lake have in common, and the file.

Here: the seam between rows (`store`) and what keeps them. Not here: how a file is opened (`connection`), the lake (`lake`).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from mist_pipeline.tables.schema import literal
from mist_pipeline.warehouse.connection import connect

NOTHING_WRITTEN = "Fill it with `mist-pipeline backfill --from … --to …`."


@dataclass(frozen=True)
class Copying:
    """A warehouse beside a file to which its tables are copied.

    Attributes:
        connection: Its current database is the file.
        source: Name of the database of the warehouse.
    """

    connection: duckdb.DuckDBPyConnection
    source: str


class Place(Protocol):
    """What keeps the rows of a warehouse."""

    def __str__(self) -> str:
        """What people call it, without secrets."""

    def exists(self) -> bool:
        """Whether anything was ever written."""

    def reading(self, wait_seconds: float) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection that can change nothing, closed when the block ends.

        Raises:
            FileNotFoundError: Nothing was ever written.
            WarehouseBusyError: It could not be opened within the wait.
        """

    def writing(self, wait_seconds: float) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection outside of any transaction, closed when the block ends; nobody else writes meanwhile.

        Raises:
            WarehouseBusyError: Others wrote during the whole wait.
        """

    def copying(self, target: Path, wait_seconds: float) -> AbstractContextManager[Copying]:
        """The warehouse, all of it as of one moment, beside a file, in one transaction.

        Args:
            target: The file, which is made where it is not there yet.
            wait_seconds: As above.
        """


@contextmanager
def in_one_transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A file that is made is synced once, and not for every table and comment in it."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@dataclass(frozen=True)
class WarehouseFile:
    """One DuckDB file, on the machine that writes it.

    Attributes:
        path: The file.
    """

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def reading(self, wait_seconds: float) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The file, opened read-only."""
        return connect(self.path, read_only=True, wait_seconds=wait_seconds)

    def writing(self, wait_seconds: float) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The file; it and its folder are made."""
        return connect(self.path, read_only=False, wait_seconds=wait_seconds)

    @contextmanager
    def copying(self, target: Path, wait_seconds: float) -> Iterator[Copying]:
        """Writers are kept out until the block ends."""
        with self.reading(wait_seconds), connect(target, read_only=False) as connection:
            connection.execute(f"ATTACH {literal(str(self.path))} AS source (READ_ONLY)")
            with in_one_transaction(connection):
                yield Copying(connection, "source")
            connection.execute("DETACH source")
