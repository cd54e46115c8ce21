"""Files that processes left behind when they were killed: a copy of the warehouse that was never published, half a write.

Here: which files below the data folder are such, and removing them. Never those of a living process: names that hold its number
are asked of the operating system, all others have to be old. Not here: raw files and reports that are old (``collect.raw.retention``).
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mist_pipeline.collect.raw.errors import RawBusyError
from mist_pipeline.collect.raw.generation import exclusive
from mist_pipeline.workflows.running.processes import name_of_process

OLD = timedelta(days=1)
"""No write takes so long; what is older belongs to nobody."""

INTERRUPTED = timedelta(days=7)
"""Answers of an interrupted fetch are of use for a day; a week later nobody looks at them either."""

_OF_PROCESS = re.compile(r"\.(?:.+)\.(?P<pid>[1-9][0-9]{0,8})(?:\.wal|\.unfinished)?")
"""Names that hold the number of the process that writes: ``.mist.duckdb.4711``."""

_ANONYMOUS = ("**/.*.tmp", "**/.incoming-*", "raw/archive/.packing-*", "**/duckdb_temp_*")
"""Patterns of other temporary names: ours, and where DuckDB puts what does not fit into memory."""


@dataclass(frozen=True)
class Leftover:
    """What was left behind: a file, or a folder with all that is in it."""

    path: Path
    num_bytes: int


def find_leftovers(data: Path, now: datetime, *, is_shared: bool = False) -> list[Leftover]:
    """What may go, in order of the paths; changes nothing.

    Args:
        data: The data folder.
        now: The real instant, with which the times of files are compared.
        is_shared: Processes of other machines write there, too: a number says nothing, and every file has to be old.
    """
    found = {path for path in _candidates(data, now, is_shared=is_shared) if not path.is_symlink()}
    return [Leftover(path, _size(path)) for path in sorted(found)]


def sweep(data: Path, now: datetime, *, is_shared: bool = False) -> list[Leftover]:
    """Remove what was left behind (`find_leftovers`); returns what went."""
    found = find_leftovers(data, now, is_shared=is_shared)
    gone = []
    for leftover in found:
        if leftover.path.parent.name == "unfinished":
            try:
                with exclusive(leftover.path):
                    shutil.rmtree(leftover.path)
            except RawBusyError:
                continue
        elif leftover.path.is_dir():
            shutil.rmtree(leftover.path)
        else:
            leftover.path.unlink(missing_ok=True)
        gone.append(leftover)
    return gone


def _candidates(data: Path, now: datetime, *, is_shared: bool) -> Iterator[Path]:
    for folder in (data / "published", data / "evaluations", data / "hours"):
        hidden = (path for path in folder.rglob(".*") if not is_shared or _age(path, now) > OLD)
        yield from (path for path in hidden if _is_orphan(path))
    for pattern in _ANONYMOUS:
        yield from (path for path in data.glob(pattern) if _age(path, now) > OLD)
    for folder in data.glob("raw/*/unfinished/*"):
        is_written = (folder / "commit.json").exists()  # that commit is finished by the next fetch
        if folder.is_dir() and not is_written and _age(folder, now) > INTERRUPTED:
            yield folder


def _is_orphan(path: Path) -> bool:
    named = _OF_PROCESS.fullmatch(path.name)
    if named is None or not path.is_file():
        return False
    pid = int(named["pid"])
    return name_of_process(pid) is None or _started_after(pid, path.stat().st_mtime)


def _started_after(pid: int, written: float) -> bool:
    """Whether a process is younger than a file: then it got the number of the one that wrote it."""
    import psutil

    try:
        return bool(psutil.Process(pid).create_time() > written + 1)
    except psutil.Error:
        return False


def _age(path: Path, now: datetime) -> timedelta:
    """Time since anything in it was written."""
    times = [each.lstat().st_mtime for each in (path, *_below(path))]
    return now - datetime.fromtimestamp(max(times), UTC)


def _size(path: Path) -> int:
    return sum(each.lstat().st_size for each in (path, *_below(path)) if not each.is_dir())


def _below(path: Path) -> Iterable[Path]:
    return path.rglob("*") if path.is_dir() else ()
