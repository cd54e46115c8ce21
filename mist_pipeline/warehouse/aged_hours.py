"""Hours that are too old for the warehouse: whole months of the hourly tables as Parquet files beside it.

```
hours/sle_hourly-2026-01.1.parquet    a table, a month; the number grows when days of the month come back and go again
```

``main.aged_hours`` in the warehouse says which days are in which file. It is changed in the transaction that removes or brings back
rows of the table, so a crash at any point loses no row and shows none twice: a file that is not listed is not read. A day that is made
again is written to the table, and the rows of its file count no more.

Here: moving, listing, and the views under the old names, for readers of the warehouse (`attach_views`) and of the published copy
(`union`). Not here: which hours are too old (``workflows.retention``).
"""

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from mist_pipeline.tables import history
from mist_pipeline.tables.schema import Table, literal, quote
from mist_pipeline.warehouse.catalogue import has_table

TABLES: tuple[Table, ...] = (history.SLE_HOURLY, history.CLASSIFIERS_HOURLY, history.SITE_HOURLY)
"""Tables of hours."""

_LIST = "main.aged_hours"
_SOUND: set[tuple[Path, int, int]] = set()
"""Path, time and size of files of which this process knows that they hold what is listed."""


class HoursDamagedError(RuntimeError):
    """A file of hours does not hold what it shall hold."""


@dataclass(frozen=True)
class Month:
    """A month of a table whose rows are, or were, in the warehouse.

    Attributes:
        table: The table.
        first: First day of the month.
        num_rows: Rows of it in the warehouse.
    """

    table: Table
    first: date
    num_rows: int

    def __str__(self) -> str:
        return f"{self.num_rows:,} rows of {self.table.full_name}, {self.first:%Y-%m}"


def hours_folder(warehouse: Path) -> Path:
    """Where the files of a warehouse are."""
    return warehouse.absolute().with_name("hours")


def prepare_list(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the list of what is in files."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_LIST} "
        "(table_name VARCHAR, day DATE, file VARCHAR, num_rows BIGINT, is_superseded BOOLEAN)"
    )


def old_months(connection: duckdb.DuckDBPyConnection, before: date) -> list[Month]:
    """The months that end before a day and of which the warehouse has rows, oldest first."""
    # A reader sees the views under the names of the tables.
    (own,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    return [
        Month(table, first, num_rows)
        for table in TABLES
        for first, num_rows in connection.execute(
            f"SELECT date_trunc('month', day)::DATE, count(*) FROM {quote(own)}.{table.full_name} "
            "GROUP BY 1 HAVING last_day(any_value(day)) < $before ORDER BY 1",
            {"before": before},
        ).fetchall()
    ]


def age(connection: duckdb.DuckDBPyConnection, warehouse: Path, month: Month) -> Path:
    """Move a month of a table into a file, inside a transaction that is open already.

    Days of the month that are in a file already, and count, go into the new file as well; the old file stays until nobody
    reads it (`remove_old_files`).

    Args:
        connection: Of ``Warehouse.writing``.
        warehouse: The file of the warehouse.
        month: From `old_months`.

    Returns:
        The file.

    Raises:
        HoursDamagedError: What was written does not read back row for row, or the file of the month is damaged; nothing was removed.
    """
    folder = hours_folder(warehouse)
    folder.mkdir(exist_ok=True)
    table, label = month.table, f"{month.table.name}-{month.first:%Y-%m}"
    known = _listed(connection, folder).get(table.name, {}).get(month.first)
    place = folder / f"{label}.{known.number + 1 if known else 1}.parquet"
    fresh = folder / f".{place.name}.{os.getpid()}"
    in_month = f"date_trunc('month', day) = DATE '{month.first}'"
    columns = _columns(table)
    parts = [f"SELECT {columns} FROM {table.full_name} WHERE {in_month}"]
    if known:
        _check(connection, [known])
        parts.insert(0, _rows_of([known], table))
    rows = " UNION ALL BY NAME ".join(f"({part})" for part in parts)
    fresh.unlink(missing_ok=True)
    try:
        # In the order of the table, by site within a day: sorting a month would take memory for all of it.
        connection.execute(f"COPY ({rows}) TO {literal(str(fresh))} (FORMAT parquet, COMPRESSION zstd)")
        counted = _compared(connection, rows, fresh, table)
        # The folder says who may read what is in it, as that of the published copy does.
        fresh.chmod(0o400 | (folder.stat().st_mode & 0o044))
        _sync(fresh)
        fresh.replace(place)
        _sync(folder)
    finally:
        fresh.unlink(missing_ok=True)
    connection.execute(f"DELETE FROM {table.full_name} WHERE {in_month}")
    connection.execute(f"DELETE FROM {_LIST} WHERE table_name = ? AND {in_month}", [table.name])
    connection.executemany(
        f"INSERT INTO {_LIST} VALUES (?, ?, ?, ?, false)",
        [(table.name, day, place.name, number) for day, number in counted.items()],
    )
    return place


def supersede(connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> None:
    """These days of a table are written again: what files have of them counts no more, in the same transaction."""
    if table in TABLES:
        connection.execute(
            f"UPDATE {_LIST} SET is_superseded = true WHERE table_name = $name AND day IN (SELECT unnest($days))",
            {"name": table.name, "days": list(days)},
        )


def views_of(catalog: str) -> str:
    """The catalog in which `attach_views` makes the views of a warehouse."""
    return f"aged_{catalog}"


def attach_views(connection: duckdb.DuckDBPyConnection, catalog: str, warehouse: Path) -> None:
    """Make the tables of hours, for this connection, hold what is in files as well; nothing to do where none is.

    Args:
        connection: A reader of the warehouse.
        catalog: As which it is attached.
        warehouse: Its file.

    Raises:
        HoursDamagedError: A file is not there, or not what is listed.
    """
    # The list decides, not the folder: a folder that is gone would otherwise be read as no old hours.
    # A warehouse that an earlier version wrote last has none.
    if not has_table(connection, f"{catalog}.{_LIST}"):
        return
    views = union(connection, catalog, hours_folder(warehouse))
    if not views:
        return
    name = views_of(catalog)
    connection.execute(f"ATTACH ':memory:' AS {name}")
    connection.execute(f"CREATE SCHEMA {name}.history")
    for table, sql in views.items():
        connection.execute(f"CREATE VIEW {name}.{table.full_name} AS {sql}")
    # The views first, then the tables of the same schema; other schemas are those of the first catalog.
    connection.execute(f"SET search_path = '{catalog}.main,{name}.history,{catalog}.history'")


def union(
    connection: duckdb.DuckDBPyConnection, catalog: str, folder: Path, of_tables: str = ""
) -> dict[Table, str]:
    """Tables of which files hold days → SQL of all of their rows.

    Args:
        connection: Has the warehouse attached.
        catalog: As which.
        folder: Of the files.
        of_tables: Where the rows are that are in no file, ``schema`` or ``catalog.schema``; empty: in the warehouse.

    Raises:
        HoursDamagedError: A file is not there, or not what is listed.
    """
    views = {}
    files = _listed(connection, folder, f"{catalog}.")
    for table in TABLES:
        listed = files.get(table.name, {}).values()
        if not listed:
            continue
        _check(connection, listed)
        source = f"{of_tables or f'{catalog}.{table.schema}'}.{table.name}"
        views[table] = f"SELECT {_columns(table)} FROM {source} UNION ALL BY NAME {_rows_of(listed, table)}"
    return views


def files_of(connection: duckdb.DuckDBPyConnection, catalog: str, folder: Path) -> list[Path]:
    """The files that are listed in a warehouse, which is a catalog (``source.``) or the current one (empty)."""
    return [one.path for months in _listed(connection, folder, catalog).values() for one in months.values()]


def remove_old_files(connection: duckdb.DuckDBPyConnection, warehouse: Path, published: Path) -> list[Path]:
    """Remove the files whose days went into newer ones, once the published copy was made after these: it may read the old ones.

    Returns:
        What was removed.
    """
    folder = hours_folder(warehouse)
    listed = {_label(one.name): one for one in files_of(connection, "", folder) if one.exists()}
    made = published.stat().st_mtime if published.exists() else None
    removed = []
    for path in sorted(folder.glob("[!.]*.parquet")):
        newer = listed.get(_label(path.name))
        if newer and path != newer and (made is None or newer.stat().st_mtime < made):
            path.unlink()
            removed.append(path)
    return removed


@dataclass(frozen=True)
class _Listed:
    """A file that is listed: its path, the rows in it, and the days in it that count no more."""

    path: Path
    num_rows: int
    superseded: tuple[date, ...]

    @property
    def number(self) -> int:
        return int(self.path.name.split(".")[-2])


def _listed(
    connection: duckdb.DuckDBPyConnection, folder: Path, catalog: str = ""
) -> dict[str, dict[date, _Listed]]:
    """Name of a table → month → its file; of tables that have any."""
    rows = connection.execute(
        "SELECT table_name, date_trunc('month', min(day))::DATE, file, sum(num_rows)::BIGINT, "
        "list(day ORDER BY day) FILTER (is_superseded) "
        f"FROM {catalog}{_LIST} GROUP BY table_name, file ORDER BY 1, 2"
    ).fetchall()
    found: dict[str, dict[date, _Listed]] = {}
    for name, first, file, num_rows, days in rows:
        found.setdefault(name, {})[first] = _Listed(folder / file, num_rows, tuple(days or ()))
    return found


def _check(connection: duckdb.DuckDBPyConnection, listed: Collection[_Listed]) -> None:
    """Files are there, are readable, and have as many rows as is listed; of each file once a process, unless it changes.

    Raises:
        HoursDamagedError: One is not.
    """
    unknown = {}
    for one in listed:
        if not one.path.is_file():
            raise _damaged(one.path, "it is not there")
        stat = one.path.stat()
        key = (one.path, stat.st_mtime_ns, stat.st_size)
        if key not in _SOUND:
            unknown[key] = one
    if not unknown:
        return
    try:
        counted = connection.execute(
            f"SELECT file_name, num_rows FROM parquet_file_metadata([{', '.join(_pattern(one.path) for one in unknown.values())}])"
        ).fetchall()
    except duckdb.Error as error:
        raise _damaged(next(iter(unknown.values())).path.parent, str(error).splitlines()[0]) from None
    found = {Path(path): number for path, number in counted}
    for one in unknown.values():
        if found.get(one.path) != one.num_rows:
            raise _damaged(one.path, f"it has {found.get(one.path)} rows, not {one.num_rows}")
    _SOUND.update(unknown)


def _damaged(path: Path, why: str) -> HoursDamagedError:
    folder = path.parent if path.suffix else path
    return HoursDamagedError(
        f"Old hours cannot be read from {path}: {why}. Restore the folder {folder} from the backup that the warehouse is from."
    )


def pattern_of(path: str | Path) -> str:
    """A path for ``read_parquet``, which would take ``*``, ``?`` and ``[`` in the name of a folder for wildcards."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _pattern(path: Path) -> str:
    return literal(pattern_of(path))


def _rows_of(listed: Collection[_Listed], table: Table) -> str:
    """SQL of the rows in files that count."""
    files = ", ".join(_pattern(one.path) for one in listed)
    gone = ", ".join(f"DATE '{day}'" for one in listed for day in one.superseded)
    # Files of an earlier version may lack a column that the table has since. A folder called day=… is no column.
    rows = f"SELECT * FROM read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
    return rows + (f" WHERE {quote(str(table.partition))} NOT IN ({gone})" if gone else "")


def _compared(connection: duckdb.DuckDBPyConnection, rows: str, file: Path, table: Table) -> dict[date, int]:
    """How many rows a file has of each day, once they are the same as those of a query, row for row.

    Raises:
        HoursDamagedError: They are not.
    """
    written = f"(SELECT {_columns(table)} FROM read_parquet({_pattern(file)}, hive_partitioning = false))"
    count = "SELECT day, count(*) FROM {} GROUP BY day ORDER BY day"
    wanted = dict(connection.execute(count.format(f"({rows})")).fetchall())
    found = dict(connection.execute(count.format(written)).fetchall())
    same = wanted == found
    for day in wanted if same else ():
        # A day at a time, since what is compared is in memory. As many rows, and none lacking: the same rows.
        of_day = f"WHERE day = DATE '{day}'"
        lacking = connection.execute(
            f"SELECT count(*) FROM (SELECT {_columns(table)} FROM ({rows}) {of_day} "
            f"EXCEPT ALL SELECT {_columns(table)} FROM {written} {of_day})"
        ).fetchone()
        same = same and lacking == (0,)
    if not same:
        raise HoursDamagedError(
            f"{file.parent / file.name} does not read back as the rows of {table.full_name}; they stay in the warehouse. "
            "Check the disk, then run retention again."
        )
    return found


def _columns(table: Table) -> str:
    return ", ".join(map(quote, table.column_names))


def _label(file: str) -> str:
    return file.split(".", maxsplit=1)[0]


def _sync(path: Path) -> None:
    """What was written there is on the disk afterwards."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
