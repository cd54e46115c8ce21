"""The files with old hours: which the warehouse lists, and whether they hold what is listed.

A database checks its blocks, Parquet does not: of ten flipped bits eight are read as other values. So a file carries a part of its hash in
its name, and whoever wants to be sure, or was told of an error, reads it through (`why_damaged`). Every reader only looks whether each file is
there with its number of rows (`check`). Not here: what goes into files (`aged`).
"""

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from mist_pipeline.tables.schema import literal
from mist_pipeline.warehouse.catalogue import has_table

LIST = "main.aged_hours"
"""Of a warehouse: which days are in which file."""

_HASH = 16
"""Characters of its SHA-256 in the name of a file."""

_SOUND: set[tuple[Path, int, int]] = set()
"""Path, time and size of files of which this process knows that they hold what is listed."""


class HoursDamagedError(RuntimeError):
    """A file of hours does not hold what it shall hold."""


@dataclass(frozen=True)
class Listed:
    """A file that is listed.

    Attributes:
        path: The file.
        table_name: Of the table whose rows it has.
        month: First day of the month.
        num_rows: Rows in it.
        num_days: Days in it.
        superseded: Those of them that count no more.
    """

    path: Path
    table_name: str
    month: date
    num_rows: int
    num_days: int
    superseded: tuple[date, ...]

    @property
    def number(self) -> int:
        """How often its month has gone into a file, itself included."""
        return int(self.path.name.split(".")[1])

    @property
    def counts(self) -> bool:
        """Whether any of its rows do."""
        return len(self.superseded) < self.num_days


def hours_folder(warehouse: Path) -> Path:
    """Where the files of a warehouse are."""
    return warehouse.absolute().with_name("hours")


def name_of(label: str, number: int, file: Path) -> str:
    """What a file is to be called."""
    return f"{label}.{number}.{_hash_of(file)}.parquet"


def label_of(file: str) -> str:
    """Table and month, of the name of a file."""
    return file.split(".", maxsplit=1)[0]


def prepare_list(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the list of what is in files."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {LIST} "
        "(table_name VARCHAR, day DATE, file VARCHAR, num_rows BIGINT, is_superseded BOOLEAN)"
    )


def listed(connection: duckdb.DuckDBPyConnection, folder: Path, catalog: str = "") -> list[Listed]:
    """The files of a warehouse by table and month, which is a catalog (``source.``) or the current one (empty)."""
    rows = connection.execute(
        "SELECT file, table_name, date_trunc('month', min(day))::DATE, sum(num_rows)::BIGINT, count(*), "
        "list(day ORDER BY day) FILTER (is_superseded) "
        f"FROM {catalog}{LIST} GROUP BY table_name, file ORDER BY table_name, file"
    ).fetchall()
    return [
        Listed(folder / file, name, month, num_rows, num_days, tuple(days or ()))
        for file, name, month, num_rows, num_days, days in rows
    ]


def check(connection: duckdb.DuckDBPyConnection, wanted: Collection[Listed]) -> None:
    """Files are there, are readable, and have as many rows as is listed; of each file once a process, unless it changes.

    Raises:
        HoursDamagedError: One is not.
    """
    unknown = {}
    for one in wanted:
        if not one.path.is_file():
            raise damaged(one, "it is not there")
        stat = one.path.stat()
        key = (one.path, stat.st_mtime_ns, stat.st_size)
        if key not in _SOUND:
            unknown[key] = one
    if not unknown:
        return
    files = ", ".join(pattern(one.path) for one in unknown.values())
    try:
        counted = connection.execute(
            f"SELECT file_name, num_rows FROM parquet_file_metadata([{files}])"
        ).fetchall()
    except duckdb.Error as error:
        refuse_damaged(connection, unknown.values())
        raise damaged(next(iter(unknown.values())), _line(error)) from None
    found = {Path(path): number for path, number in counted}
    for one in unknown.values():
        if found.get(one.path) != one.num_rows:
            raise damaged(one, _other_number(one, found.get(one.path)))
    _SOUND.update(unknown)


def why_damaged(connection: duckdb.DuckDBPyConnection, one: Listed) -> str:
    """What is wrong with a file, which is read through; '' if nothing is.

    Of a file of an earlier version, whose name has no hash, that it can be read and has its number of rows.
    """
    if not one.path.is_file():
        return "it is not there"
    parts = one.path.name.split(".")
    try:
        if len(parts) == len(("label", "number", "hash", "parquet")) and parts[2] != _hash_of(one.path):
            return "its bytes are not those that were written (SHA-256 differs)"
        # Every value, or DuckDB would count without reading.
        rows = f"SELECT count(*), bit_xor(hash(t)) FROM read_parquet({pattern(one.path)}, hive_partitioning = false) t"
        (number, _) = connection.execute(rows).fetchone() or (0, 0)
    except (duckdb.Error, OSError) as error:
        return _line(error)
    return "" if number == one.num_rows else _other_number(one, number)


def refuse_damaged(connection: duckdb.DuckDBPyConnection, wanted: Collection[Listed]) -> None:
    """Read files through.

    Raises:
        HoursDamagedError: One is damaged.
    """
    for one in wanted:
        if why := why_damaged(connection, one):
            raise damaged(one, why)


def blame_files(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """Say of an error of DuckDB which file it comes from, where it comes from one.

    Args:
        connection: Its current database is the warehouse.
        warehouse: Its file.

    Raises:
        HoursDamagedError: A file of old hours is damaged.
    """
    if has_table(connection, LIST):
        refuse_damaged(connection, [one for one in listed(connection, hours_folder(warehouse)) if one.counts])


def examine(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> Iterator[tuple[Listed, str]]:
    """Every file whose rows count, read through, and what is wrong with it ('' if nothing is).

    Args:
        connection: Of a reader or writer of the warehouse.
        warehouse: Its file.
    """
    if has_table(connection, LIST):
        for one in listed(connection, hours_folder(warehouse)):
            if one.counts:
                yield one, why_damaged(connection, one)


def damaged(one: Listed, why: str) -> HoursDamagedError:
    """What people read of a damaged file: which, why, and what to do."""
    month = f"{one.month:%Y-%m}"
    return HoursDamagedError(
        f"Old hours of history.{one.table_name}, {month}, cannot be read from {one.path}: {why}. Restore the file from the backup that "
        f"the warehouse is from; without one give its rows up with `mist-pipeline warehouse forget-hours {month}` and make the days again from raw files."
    )


def pattern_of(path: str | Path) -> str:
    """A path for ``read_parquet``, which would take ``*``, ``?`` and ``[`` in the name of a folder for wildcards."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def pattern(path: Path) -> str:
    """The same as SQL."""
    return literal(pattern_of(path))


def _other_number(one: Listed, found: int | None) -> str:
    return f"it has {found} rows, not {one.num_rows}"


def _hash_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:_HASH]


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
