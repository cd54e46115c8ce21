"""A warehouse that several machines share: DuckLake, whose catalogue is in PostgreSQL and whose rows are Parquet files.

Writers work side by side and meet only when they commit. DuckLake refuses a commit that another one contradicts; it accepts two
that fill the same empty day, and would keep the rows of both. So a commit here first asks whether somebody else has
added rows to the same partitions meanwhile. Question and commit are one under an advisory lock of PostgreSQL,
which goes with its holder, however that ends. A write that was contradicted is made again, then under the lock from its start.

Here: connections, commits, what is known of the lake. Not here: loading DuckDB's extensions and the keys of object stores
(`extensions`), rows (`store`).
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import count
from pathlib import Path
from threading import Lock, get_ident
from typing import TypeVar

import duckdb

from mist_pipeline.http_client.secrets import Secret, Secrets, secrets_of_database
from mist_pipeline.tables.schema import Table, literal, quote
from mist_pipeline.warehouse.asking import Value, ask
from mist_pipeline.warehouse.connection import (
    FILE_STORAGE,
    WarehouseBusyError,
    WarehouseUnavailableError,
    patiently,
)
from mist_pipeline.warehouse.extensions import grant_access, load_extensions, place_for_duckdb
from mist_pipeline.warehouse.place import NOTHING_WRITTEN, Copying

T = TypeVar("T")

_NUMBERS = count(1)
_STARTING = Lock()
_INSTANCES: dict[int, duckdb.DuckDBPyConnection] = {}
"""DuckDB with the extensions, by process: a child that was forked cannot use its parent's."""
_ATTACHED: dict[tuple[int, int, "Lake"], str] = {}
"""Name of a lake's database in the instance of a process, by process and thread: DuckLake ends the process where two threads use one while
it changes. Attaching takes half a second, so a lake stays attached; PostgreSQL's
connections are tested before each use, and closed after a minute without one."""

_LOCK = 0x6D697374
"""First key of the advisory lock ('mist'); the second is of the lake's schema."""

_TRIES = 6
"""Of a write. From the second on it is alone, so a further conflict comes from a program that does not take the lock."""

_PASSING = (
    "onnection refused",
    "No such file or directory",  # its socket: the server is down
    "starting up",
    "shutting down",
    "terminating connection",
    "server closed the connection",
    "timeout expired",
    "too many clients",
    "connection slots are reserved",
)
"""What PostgreSQL says while it starts, restarts or is full."""

_NOT_THERE = "does not exist - and creating a new DuckLake"
_MADE_BY_ANOTHER = ("already exists", "duplicate key", "conflict")
"""What is said to the slower of two processes that make a lake."""

Touched = Mapping[Table, Sequence[date] | None]
"""Table → days that a write replaces; None: it depends on all rows of the table."""


@dataclass(frozen=True)
class State:
    """What a lake consists of.

    Attributes:
        form: Version of DuckLake's form.
        num_files: Data files of the present rows.
        num_bytes: Of these files.
        num_snapshots: Commits that can still be read.
    """

    form: str
    num_files: int
    num_bytes: int
    num_snapshots: int


@dataclass(frozen=True)
class Lake:
    """A lake.

    Attributes:
        catalogue: How libpq finds the database of the catalogue; may hold a password.
        data_path: Folder or address of an object store (``s3://…``, ``gs://…``, ``abfss://…``) under which the files are.
        schema: Schema of the database that holds the catalogue, and folder of the files: each lake has its own.
        scratch: Folder of this machine for what does not fit into memory.
    """

    catalogue: str = field(repr=False)
    data_path: str
    schema: str
    scratch: Path = field(compare=False)

    def __str__(self) -> str:
        return f"the shared warehouse {self.schema} (catalogue in PostgreSQL, files in {self.files})"

    @property
    def files(self) -> str:
        """Where its files are."""
        return f"{place_for_duckdb(self.data_path).rstrip('/')}/{self.schema}/"

    def exists(self) -> bool:
        """Whether it was made.

        Raises:
            WarehouseUnavailableError: The catalogue cannot be asked.
        """
        try:
            with self._opened(0, is_made=False):
                return True
        except FileNotFoundError:
            return False

    @contextmanager
    def reading(self, wait_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees the lake as it was when the block began."""
        with self._in_words(), self._opened(wait_seconds, is_made=False) as (connection, _):
            yield connection

    @contextmanager
    def writing(self, wait_seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """The lake, made if it is not there; nobody else commits before the block ends."""
        with self._in_words(), self._opened(wait_seconds, is_made=True) as (connection, name):
            # No transaction waits for the lock, and what is seen was committed before it was had.
            connection.rollback()
            with self._alone(name, wait_seconds):
                yield connection

    def commit(
        self,
        work: Callable[[duckdb.DuckDBPyConnection], T],
        touched: Touched,
        wait_seconds: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> T:
        """One transaction beside those of others; if another one contradicts it, it is made again, whole.

        Args:
            work: Writes; may be called several times.
            touched: What it replaces.
            wait_seconds: How long to wait for others to commit.
            sleep: Waits that many seconds.
            jitter: A random number between its two arguments.

        Returns:
            What the work gives.

        Raises:
            WarehouseBusyError: It was contradicted every time.
        """
        with self._in_words():
            for attempt in range(_TRIES):
                with ExitStack() as stack:
                    connection, name = stack.enter_context(self._opened(wait_seconds, is_made=True))
                    connection.rollback()
                    if attempt:
                        stack.enter_context(self._alone(name, wait_seconds))
                    connection.begin()
                    seen = _snapshot(connection, name)
                    result = work(connection)
                    if not attempt:
                        stack.enter_context(self._alone(name, wait_seconds))
                    if not self._added_since(name, seen, touched) and _committed(connection):
                        return result
                sleep(jitter(0.0, 0.05 * 2**attempt))
        raise WarehouseBusyError(
            f"Another program wrote the same rows of {self} at the same time, {_TRIES} times. Nothing of this write was kept. "
            "Programs other than mist-pipeline must not write there; end them and start this run again."
        )

    @contextmanager
    def copying(self, target: Path, wait_seconds: float) -> Iterator[Copying]:
        """Nobody is kept out: what is copied is the lake of one moment."""
        with self._in_words(), self._opened(wait_seconds, is_made=False) as (connection, name):
            connection.rollback()
            file = f"target_{next(_NUMBERS)}"
            connection.execute(f"ATTACH {literal(str(target))} AS {file} ({FILE_STORAGE})")
            try:
                connection.execute(f"USE {file}")
                connection.begin()
                yield Copying(connection, name)
                connection.commit()
            finally:
                _end(connection)
                connection.execute("USE memory")
                connection.execute(f"DETACH {file}")

    def state(self, wait_seconds: float) -> State:
        """What it consists of now.

        Raises:
            FileNotFoundError: It was not made yet.
            WarehouseUnavailableError: The catalogue cannot be asked.
        """
        with self._in_words(), self._opened(wait_seconds, is_made=False) as (connection, name):
            row = connection.execute(
                f"""
                SELECT (SELECT value FROM ducklake_options('{name}') WHERE option_name = 'version'),
                       sum(file_count + delete_file_count), sum(file_size_bytes + delete_file_size_bytes),
                       (SELECT count(*) FROM ducklake_snapshots('{name}'))
                FROM ducklake_table_info('{name}')
                """
            ).fetchone()
        form, files, size, snapshots = row or ("", 0, 0, 0)
        return State(form, int(files or 0), int(size or 0), int(snapshots))

    @contextmanager
    def maintaining(self, wait_seconds: float) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """The lake outside of any transaction and the name of its database, for what DuckLake does to its own files; nobody commits meanwhile."""
        with self._in_words(), self._opened(wait_seconds, is_made=False) as (connection, name):
            connection.rollback()
            with self._alone(name, wait_seconds):
                yield connection, name

    @cached_property
    def _secrets(self) -> Secrets:
        return Secrets(secrets_of_database(Secret(self.catalogue)))

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Errors without the address of the catalogue, which DuckDB quotes whole."""
        try:
            yield
        except duckdb.Error as error:
            said = str(error)
            shown = self._secrets.hide(said)
            if shown == said:
                raise
            raise type(error)(shown) from None

    @contextmanager
    def _opened(
        self, wait_seconds: float, *, is_made: bool
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        """A connection in a transaction that can only read, in which the lake is the current database; and its name."""
        name = ""

        def attempt() -> duckdb.DuckDBPyConnection:
            nonlocal name
            with self._in_words():
                instance, name = self._attached(is_made=is_made)
                connection = instance.cursor()
                try:
                    connection.execute(f"USE {name}")
                    connection.execute("SET TimeZone = 'UTC'")
                    connection.execute("BEGIN TRANSACTION READ ONLY")
                    _snapshot(connection, name)
                except BaseException:
                    connection.close()
                    raise
                return connection

        def why_passing(error: duckdb.Error) -> str:
            said = _line(error)
            if any(sign in said for sign in _PASSING):
                return f"The catalogue of {self} did not answer for {wait_seconds:.0f} s: {said}"
            return ""

        try:
            connection = patiently(attempt, why_passing, wait_seconds)
        except duckdb.Error as error:
            raise WarehouseUnavailableError(f"{self} cannot be opened: {_line(error)}") from None
        try:
            yield connection, name
        finally:
            _close(connection)

    def _attached(self, *, is_made: bool) -> tuple[duckdb.DuckDBPyConnection, str]:
        """The instance of this process, and the lake's name in it.

        Raises:
            FileNotFoundError: It was not made yet, and is not to be made.
        """
        process = os.getpid()
        with _STARTING:
            instance = _INSTANCES.get(process)
            if instance is None:
                instance = duckdb.connect(
                    config={
                        "temp_directory": str(self.scratch),
                        "autoinstall_known_extensions": False,
                        "autoload_known_extensions": False,
                    }
                )
                load_extensions(instance)
                _INSTANCES[process] = instance
            name = _ATTACHED.get((process, get_ident(), self))
            if name is None:
                name = f"lake_{next(_NUMBERS)}"
                grant_access(instance, self.data_path, name)
                self._attach(instance, name, is_made=is_made)
                _ATTACHED[process, get_ident(), self] = name
        return instance, name

    def _attach(self, instance: duckdb.DuckDBPyConnection, name: str, *, is_made: bool) -> None:
        place = f"ATTACH {literal(f'ducklake:postgres:{self.catalogue}')} AS {name}"
        known = f"METADATA_SCHEMA {literal(self.schema)}, DATA_PATH {literal(self.files)}"
        try:
            instance.execute(f"{place} ({known}, CREATE_IF_NOT_EXISTS false)")
        except duckdb.InvalidInputException as error:
            if _NOT_THERE not in str(error):
                raise
        except duckdb.Error as error:
            if "does not match existing data path" in str(error):
                raise WarehouseUnavailableError(
                    f"The catalogue of {self} knows its files in another place than warehouse.data_path says. Set it to what it was."
                ) from None
            raise
        else:
            return
        if not is_made:
            raise FileNotFoundError(f"There is no {str(self).removeprefix('the ')} yet. {NOTHING_WRITTEN}")
        self._refuse_files_of_another(instance)
        try:
            instance.execute(f"{place} ({known})")
        except duckdb.Error as error:
            # Of two that make it at once the slower one finds it made.
            if not any(sign in str(error) for sign in _MADE_BY_ANOTHER):
                raise
            instance.execute(f"{place} ({known}, CREATE_IF_NOT_EXISTS false)")

    def _refuse_files_of_another(self, instance: duckdb.DuckDBPyConnection) -> None:
        """Two catalogues over the same files would each take the other's for leftovers."""
        found = instance.execute(
            f"SELECT file FROM glob({literal(f'{self.files}**/*.parquet')}) LIMIT 1"
        ).fetchone()
        if found:
            raise WarehouseUnavailableError(
                f"{self.files} has files of a warehouse whose catalogue is not the configured one ({found[0]}). Set "
                "warehouse.url and warehouse.schema to those of that catalogue, or choose an empty warehouse.data_path."
            )

    @contextmanager
    def _alone(self, name: str, wait_seconds: float) -> Iterator[None]:
        """While this holds, nobody else commits."""
        guard = _INSTANCES[os.getpid()].cursor()
        try:
            guard.begin()
            wait = max(1, round(wait_seconds * 1000))
            # A server that ends transactions in which nothing is asked would end this one, and the lock with it, while we write.
            lock = (
                f"SELECT set_config('lock_timeout', '{wait}', true) AS waits, "
                "set_config('idle_in_transaction_session_timeout', '0', true) AS idle, "
                f"pg_advisory_xact_lock({_LOCK}, hashtext({literal(self.schema)}))::text"
            )
            try:
                guard.execute(
                    f"FROM postgres_query('__ducklake_metadata_{name}', {literal(lock)})"
                ).fetchall()
            except duckdb.Error as error:
                if "lock timeout" not in str(error):
                    raise
                raise WarehouseBusyError(
                    f"Others wrote to {self} for more than {wait_seconds:.0f} s. Wait for their runs to end."
                ) from None
            yield
        finally:
            _close(guard)

    def _added_since(self, name: str, seen: int, touched: Touched) -> bool:
        """Whether somebody else has added rows to what a write replaces."""
        asking = _INSTANCES[os.getpid()].cursor()
        try:
            latest = _snapshot(asking, name)
            if latest == seen:
                return False
            for table, days in touched.items():
                where = ""
                values: dict[str, Value] = {}
                if days is not None:
                    where = f"WHERE {quote(str(table.partition))} IN (SELECT unnest($days))"
                    values = {"days": list(days)}
                added = ask(
                    asking,
                    f"SELECT 1 FROM ducklake_table_insertions('{name}', {literal(table.schema)}, {literal(table.name)}, "
                    f"{seen + 1}, {latest}) {where} LIMIT 1",
                    values,
                ).fetchone()
                if added:
                    return True
            return False
        finally:
            asking.close()


def _snapshot(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """The newest commit that a connection sees."""
    (number,) = connection.execute(f"FROM ducklake_current_snapshot('{name}')").fetchone() or (0,)
    return int(number)


def _committed(connection: duckdb.DuckDBPyConnection) -> bool:
    """Commit; False if DuckLake found that another commit contradicts it."""
    try:
        connection.commit()
    except duckdb.TransactionException as error:
        if "conflict" not in str(error):
            raise
        return False
    return True


def _line(error: duckdb.Error) -> str:
    return " ".join(str(error).split())


def _end(connection: duckdb.DuckDBPyConnection) -> None:
    """No transaction is open any more."""
    # None was, or the catalogue is gone, and the transaction with it: that is said by what failed first.
    with suppress(duckdb.Error):
        connection.rollback()


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        _end(connection)
    finally:
        connection.close()
