"""Opening the warehouse file: one writer at a time, a bounded wait for it, closed on every path.

DuckDB lets one process write, and an open writer keeps out even the readers of other processes. So connections are
short and readers open read-only. Where the file is taken, opening waits with jitter for a bounded time, and then the
error names the holder. Reading and replacing rows is in ``warehouse.store``.

A day's analysis reads more than a hundred times. Starting DuckDB takes ten times as long as attaching a file, so readers
share one instance of it, to which each attaches the file for as long as it reads.
"""

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Lock

import duckdb

from mist_pipeline.tables.schema import literal
from mist_pipeline.warehouse.hours.aged import attach_views, views_of
from mist_pipeline.warehouse.hours.files import blame_files

_NUMBERS = count(1)
_READER: dict[int, duckdb.DuckDBPyConnection] = {}
"""The readers' instance, by process: a child that was forked cannot use its parent's."""
_STARTING = Lock()

_VERSION = "v1.2.0"
"""Form of files that are made: DuckDB 1.2 and later read it, and open it in half the time of the oldest form, its default."""
_FORM: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": _VERSION}
FILE_STORAGE = f"STORAGE_VERSION '{_VERSION}'"
"""The same for a file that is attached."""

_HOLDER = re.compile(r"held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
_BUSY = (
    "Could not set lock on file",
    "different configuration than existing connections",
    "Unique file handle conflict",  # a reader and a writer in one process
)


class WarehouseBusyError(RuntimeError):
    """The warehouse stayed locked during the whole wait."""


class WarehouseUnavailableError(RuntimeError):
    """A shared warehouse cannot be used as it is configured or installed; says why, without secrets."""


@contextmanager
def connect(
    path: Path,
    *,
    read_only: bool,
    wait_seconds: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[float, float], float] = random.uniform,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse file, closed when the block ends however it ends.

    Args:
        path: The DuckDB file. Writing creates it and its folder; reading requires it.
        read_only: Open for reading only.
        wait_seconds: How long to wait for another holder.
        sleep: Waits that many seconds.
        clock: Monotonic seconds.
        jitter: A random number between its two arguments.

    Raises:
        FileNotFoundError: Reading a warehouse that does not exist yet.
        WarehouseBusyError: The file stayed locked; names the holder where DuckDB gives it.
        HoursDamagedError: What was read comes from a file of old hours that is damaged.
    """
    if read_only and not path.exists():
        raise FileNotFoundError(
            f"There is no warehouse at {path} yet. Fill it with `mist-pipeline backfill --from … --to …`."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    attempt = (lambda: _reader(path)) if read_only else (lambda: duckdb.connect(str(path), config=_FORM))

    def busy(error: duckdb.Error) -> str:
        is_busy = any(sign in str(error) for sign in _BUSY)
        return _busy_message(path, str(error), wait_seconds) if is_busy else ""

    connection = patiently(attempt, busy, wait_seconds, sleep=sleep, clock=clock, jitter=jitter)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except duckdb.Error:
        # Of a damaged file DuckDB says neither which it is nor what it holds.
        if read_only:
            with suppress(duckdb.Error):
                blame_files(connection, path)
        raise
    finally:
        try:
            if read_only:
                _detach(connection)
        finally:
            connection.close()


def why_unreadable(path: Path, error: Exception) -> str:
    """Why a file cannot be read just now, in words."""
    if isinstance(error, FileNotFoundError):
        return f"{path.name} is not there"
    if isinstance(error, WarehouseBusyError) or any(sign in str(error) for sign in _BUSY):
        return f"{path.name} is locked by another program"
    return f"{path.name} cannot be read: {str(error).partition(chr(10))[0]}"


def patiently(
    attempt: Callable[[], duckdb.DuckDBPyConnection],
    why_passing: Callable[[duckdb.Error], str],
    wait_seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[float, float], float] = random.uniform,
) -> duckdb.DuckDBPyConnection:
    """What an attempt gives, which is made again, with jitter, as long as its errors may pass.

    Args:
        attempt: Opens a connection.
        why_passing: What to tell people if an error stays; '' for one that does not pass.
        wait_seconds: How long to try.
        sleep: Waits that many seconds.
        clock: Monotonic seconds.
        jitter: A random number between its two arguments.

    Raises:
        WarehouseBusyError: It never succeeded.
        duckdb.Error: One that does not pass.
    """
    deadline = clock() + wait_seconds
    pause = 0.02
    while True:
        try:
            return attempt()
        except duckdb.Error as error:
            why = why_passing(error)
            if not why:
                raise
            if clock() >= deadline:
                raise WarehouseBusyError(why) from error
        sleep(jitter(pause / 2, pause))
        pause = min(pause * 1.6, 1.0)


def _reader(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection of its own to the readers' instance, in which the file is the current database."""
    with _STARTING:
        instance = _READER.get(os.getpid())
        if instance is None:
            # What does not fit into memory goes where DuckDB would put it for this file.
            instance = duckdb.connect(config={"temp_directory": f"{path}.tmp"})
            _READER[os.getpid()] = instance
        connection = instance.cursor()
    name = f"file_{next(_NUMBERS)}"
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS {name} (READ_ONLY)")
    except BaseException:
        connection.close()
        raise
    connection.execute(f"USE {name}")
    try:
        attach_views(connection, name, path)
    except BaseException:
        _detach(connection)
        connection.close()
        raise
    return connection


def _detach(connection: duckdb.DuckDBPyConnection) -> None:
    (name,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    connection.execute("USE memory")
    connection.execute(f"DETACH DATABASE IF EXISTS {views_of(name)}")
    connection.execute(f"DETACH {name}")


def _busy_message(path: Path, message: str, wait_seconds: float) -> str:
    holder = _HOLDER.search(message)
    who = f"{holder['program']} (process {holder['pid']})" if holder else "another connection"
    return (
        f"The warehouse {path} was held by {who} for more than {wait_seconds:.0f} s. "
        "Wait for that run to end or stop it; for queries use the published copy (`mist-pipeline sql`)."
    )
