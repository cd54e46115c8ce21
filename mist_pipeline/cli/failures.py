"""The one place where an error becomes what people read: a line, and an exit code.

A defect of the program keeps its traceback, which somebody needs; whatever the world or the person at the keyboard can cause is a
line that says what, where and what to do. Kinds of errors are looked up by name: a class that was never imported was never raised, and
importing them all would make every command start slowly.

Exit codes: 0 done, 1 it failed, 2 it was called or configured wrongly, 130 somebody stopped it.
"""

import errno
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

STOPPED = 130
"""What a shell calls a program that Ctrl-C ended."""


@dataclass(frozen=True)
class Line:
    """What people read.

    Attributes:
        title: ``Configuration``, ``Failed`` or ``Stopped``.
        text: What, where, how to mend it.
        code: The exit code.
    """

    title: str
    text: str
    code: int


class RunFailedError(Exception):
    """A run did not succeed; says which steps failed and why."""


class StoppedError(Exception):
    """Somebody pressed Ctrl-C; says what is kept."""


def line_of(error: BaseException) -> Line | None:
    """What to say of an error; None for a defect of the program."""
    if isinstance(error, KeyboardInterrupt):
        return Line("Stopped", "nothing is half written, and what was finished stays.", STOPPED)
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    for name in names:
        if name in KNOWN:
            title, say = KNOWN[name]
            text = say(error)
            if text:
                return Line(title, text, {"Configuration": 2, "Stopped": STOPPED}.get(title, 1))
    return None


def disk_trouble(text: str) -> str:
    """What the disk lacks, by what the system, SQLite or DuckDB says about it; '' where it is not the disk.

    >>> disk_trouble("IO Error: Could not write file /data/mist.duckdb: No space left on device")
    'the disk is full: free some space, and start the same command again'
    """
    return next((words for pattern, words in _DISK.items() if re.search(pattern, text, re.IGNORECASE)), "")


_DISK = {
    r"no space left|database or disk is full|disk quota exceeded|failed to preallocate|enospc": (
        "the disk is full: free some space, and start the same command again"
    ),
    r"read-only file system|attempt to write a readonly database|erofs": (
        "the disk cannot be written to: it is read-only. `mist-pipeline doctor` checks the data folder; "
        "`export MIST_PIPELINE_DATA=…` names another one"
    ),
}


def _message(error: BaseException) -> str:
    return str(error)


def _system(error: BaseException) -> str:
    """An error of the operating system: what could not be done, to which file, and how to go on."""
    text = str(error)
    if not isinstance(error, OSError) or error.errno is None:
        # One of ours that says it all, such as a file that is not there and what makes it.
        return text
    place = f"{error.filename}: " if error.filename else ""
    if words := disk_trouble(f"{text} {errno.errorcode.get(error.errno, '')}"):
        return f"{place}{words}."
    if error.errno in {errno.EACCES, errno.EPERM} and error.filename:
        return f"{place}this account may not use it. Use the account that owns it, or change its rights."
    if error.errno == errno.EADDRINUSE:
        return f"{text}. Choose another port with --port."
    if error.errno in _MISUSED and not error.filename:
        return ""
    return f"{place}{error.strerror or text}." if error.filename else text


_MISUSED = {errno.EINVAL, errno.EBADF, errno.EFAULT, errno.ENOTSOCK, errno.ECHILD}
"""What the system says to a call that is wrong: where it was made is in the traceback, and nowhere else."""


def _database(error: BaseException) -> str:
    """What DuckDB says of a file that is damaged, foreign, or on a disk that fails."""
    first = str(error).partition("\n")[0]
    if words := disk_trouble(str(error)):
        return f"{words}. DuckDB says: {first}"
    return (
        f"a database file cannot be used. {first} `mist-pipeline doctor --deep` says which files are damaged."
    )


def _disk_below(error: BaseException) -> str:
    """A disk that fails below SQLite or Polars; all else that they say is a defect of ours."""
    words = disk_trouble(str(error))
    return f"{words}." if words else ""


Say = Callable[[BaseException], str]

KNOWN: Mapping[str, tuple[str, Say]] = {
    "mist_pipeline.cli.failures.StoppedError": ("Stopped", _message),
    "mist_pipeline.cli.failures.RunFailedError": ("Failed", _message),
    "mist_pipeline.cli.dagster_errors.DagsterHomeError": ("Failed", _message),
    "mist_pipeline.delivery.discovery.NoSinkConfigError": ("Configuration", _message),
    "mist_pipeline.settings.loading.SettingsError": ("Configuration", _message),
    "mist_pipeline.cli.alerts.arguments.LedgerError": ("Failed", _message),
    "mist_pipeline.overview.ledger.UnreadableError": ("Failed", _message),
    "mist_pipeline.alerts.ledger.database.LedgerUnavailableError": ("Failed", _message),
    "mist_pipeline.mist.errors.MistError": ("Failed", _message),
    "mist_pipeline.collect.raw.errors.CollectError": ("Failed", _message),
    "mist_pipeline.storage.files.StoreError": ("Failed", _message),
    "mist_pipeline.warehouse.connection.WarehouseBusyError": ("Failed", _message),
    "mist_pipeline.warehouse.connection.WarehouseUnavailableError": ("Failed", _message),
    "mist_pipeline.warehouse.store.UnfinishedMoveError": ("Failed", _message),
    "mist_pipeline.warehouse.moving.MoveError": ("Failed", _message),
    "mist_pipeline.warehouse.owner.OtherOwnerError": ("Failed", _message),
    "mist_pipeline.warehouse.hours.files.HoursDamagedError": ("Failed", _message),
    "_duckdb.IOException": ("Failed", _database),
    "_duckdb.SerializationException": ("Failed", _database),
    "_duckdb.FatalException": ("Failed", _database),
    "_duckdb.TransactionException": ("Failed", _disk_below),
    "polars.exceptions.ComputeError": ("Failed", _disk_below),
    "sqlite3.OperationalError": ("Failed", _disk_below),
    "sqlite3.DatabaseError": ("Failed", _disk_below),
    "sqlalchemy.exc.OperationalError": ("Failed", _disk_below),
    "builtins.OSError": ("Failed", _system),
}
"""Kind of error → its title, and what is said of it; what nothing is said of is a defect."""
