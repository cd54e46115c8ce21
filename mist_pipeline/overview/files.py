"""Opening published files without waiting, and keeping their last good answer.

A published file is replaced by rename, so that whoever has it open keeps reading the old one; who opens it next gets the
new one. What was read is kept until the file is another one, and is kept, too, when the file cannot be read just now.
"""

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import duckdb

from mist_pipeline.warehouse.connection import WarehouseBusyError, connect, why_unreadable

T = TypeVar("T")
_STEP_NS = 1_000_000_000


@dataclass
class Kept(Generic[T]):
    """The last good answer of one DuckDB file.

    Attributes:
        path: The file.
        value: What was read from it last; None before.
        trouble: Why it could not be read the last time, '' if it could.
        is_unreadable: Whether it was there, and could not be read.
    """

    path: Path
    value: T | None = None
    trouble: str = ""
    is_unreadable: bool = False
    _key: Hashable = field(default=None, repr=False)

    def read(self, load: Callable[[duckdb.DuckDBPyConnection], T], *, also: Hashable = None) -> T | None:
        """The answer: read anew where the file, or ``also``, is not what it was.

        Args:
            load: Reads it.
            also: What else the answer depends on.
        """
        try:
            known = self.path.stat()
            key = (known.st_ino, known.st_mtime_ns, known.st_size, also)
            if key != self._key:
                with connect(self.path, read_only=True, wait_seconds=0) as connection:
                    self.value = load(connection)
                self._key = key
            self.trouble, self.is_unreadable = "", False
        except (duckdb.Error, OSError, WarehouseBusyError) as error:
            # Half a copy, another version, no right to read: whatever it is, what was read before is still shown.
            self.trouble = why_unreadable(self.path, error)
            self.is_unreadable = not isinstance(error, FileNotFoundError)
        return self.value


def state_of(path: Path) -> tuple[int, int, int] | None:
    """Of a file, another one as soon as it is written or replaced; None where there is none, or an empty log of SQLite.

    Whoever only reads a ledger makes an empty log, and removes it at the end: that is nothing new.
    """
    try:
        known = path.stat()
    except OSError:
        return None
    has_rows = known.st_size > 0 or not path.name.endswith("-wal")
    return (known.st_ino, known.st_mtime_ns, known.st_size) if has_rows else None


def settled(paths: Sequence[Path]) -> tuple[Hashable, ...] | None:
    """States of files, by which an answer may be kept; None of no file, and while one was written within the last second.

    The clock of a file system has steps: of two writes within one the second may change nothing here.
    """
    states = tuple(state_of(path) for path in paths)
    newest = max((state[1] for state in states if state), default=0)
    return states if states and abs(time.time_ns() - newest) > _STEP_NS else None
