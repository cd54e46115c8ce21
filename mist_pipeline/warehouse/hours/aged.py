"""Hours that are too old for the warehouse: whole months of the hourly tables as Parquet files beside it.

```
hours/sle_hourly-2026-01.1.5f1c….parquet    a table, a month; the number grows when days of the month come back and go again
```

``main.aged_hours`` in the warehouse says which days are in which file. It is changed in the transaction that removes or brings back
rows of the table, so a crash at any point loses no row and shows none twice: a file that is not listed is not read. A day that is made
again is written to the table, and the rows of its file count no more.

Here: moving, and the views under the old names, for readers of the warehouse (`attach_views`) and of the published copy
(`union`). Not here: the list, and whether a file holds what it shall hold (`files`); which hours are too old (``workflows.retention``).
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from mist_pipeline.tables import history
from mist_pipeline.tables.schema import Table, literal, quote
from mist_pipeline.warehouse.asking import ask
from mist_pipeline.warehouse.catalogue import has_table
from mist_pipeline.warehouse.hours.files import (
    LIST,
    HoursDamagedError,
    Listed,
    check,
    hours_folder,
    label_of,
    listed,
    name_of,
    pattern,
    refuse_damaged,
    why_damaged,
)

TABLES: tuple[Table, ...] = (history.SLE_HOURLY, history.CLASSIFIERS_HOURLY, history.SITE_HOURLY)
"""Tables of hours."""


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
    known = next((one for one in listed(connection, folder) if label_of(one.path.name) == label), None)
    fresh = folder / f".{label}.parquet.{os.getpid()}"
    in_month = f"date_trunc('month', day) = DATE '{month.first}'"
    columns = _columns(table)
    parts = [f"SELECT {columns} FROM {table.full_name} WHERE {in_month}"]
    if known and known.counts:
        check(connection, [known])
        # What is damaged without a sign of it would have the hash of the new file, and be sound for ever.
        refuse_damaged(connection, [known])
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
        place = folder / name_of(label, known.number + 1 if known else 1, fresh)
        fresh.replace(place)
        _sync(folder)
    finally:
        fresh.unlink(missing_ok=True)
    connection.execute(f"DELETE FROM {table.full_name} WHERE {in_month}")
    connection.execute(f"DELETE FROM {LIST} WHERE table_name = ? AND {in_month}", [table.name])
    connection.executemany(
        f"INSERT INTO {LIST} VALUES (?, ?, ?, ?, false)",
        [(table.name, day, place.name, number) for day, number in counted.items()],
    )
    return place


def supersede(connection: duckdb.DuckDBPyConnection, table: Table, days: Sequence[date]) -> None:
    """These days of a table are written again: what files have of them counts no more, in the same transaction."""
    if table in TABLES:
        ask(
            connection,
            f"UPDATE {LIST} SET is_superseded = true WHERE table_name = $name AND day IN (SELECT unnest($days))",
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
    if not has_table(connection, f"{catalog}.{LIST}"):
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
    # A file whose days were all made again need not be there.
    files = [one for one in listed(connection, folder, f"{catalog}.") if one.counts]
    by_table = {table: [one for one in files if one.table_name == table.name] for table in TABLES}
    check(connection, [one for of_table in by_table.values() for one in of_table])
    views = {}
    for table, of_table in by_table.items():
        if of_table:
            source = f"{of_tables or f'{catalog}.{table.schema}'}.{table.name}"
            views[table] = (
                f"SELECT {_columns(table)} FROM {source} UNION ALL BY NAME {_rows_of(of_table, table)}"
            )
    return views


def files_of(connection: duckdb.DuckDBPyConnection, catalog: str, folder: Path) -> list[Path]:
    """The files that are listed in a warehouse, which is a catalog (``source.``) or the current one (empty)."""
    return [one.path for one in listed(connection, folder, catalog)]


def forget_damaged(connection: duckdb.DuckDBPyConnection, warehouse: Path, month: date) -> list[Listed]:
    """Give up the rows of a month whose files are damaged, inside a transaction that is open already; the files stay.

    Args:
        connection: Of ``Warehouse.writing``.
        warehouse: The file of the warehouse.
        month: Its first day.

    Returns:
        The files whose rows were given up; those that are sound, or of which no row counts, stay listed.
    """
    gone = [
        one
        for one in listed(connection, hours_folder(warehouse))
        if one.month == month and one.counts and why_damaged(connection, one)
    ]
    for one in gone:
        connection.execute(f"DELETE FROM {LIST} WHERE file = ?", [one.path.name])
    return gone


def remove_old_files(connection: duckdb.DuckDBPyConnection, warehouse: Path, published: Path) -> list[Path]:
    """Remove the files whose days went into newer ones, once the published copy was made after these: it may read the old ones.

    Returns:
        What was removed.
    """
    folder = hours_folder(warehouse)
    newest = {label_of(one.name): one for one in files_of(connection, "", folder) if one.exists()}
    made = published.stat().st_mtime if published.exists() else None
    removed = []
    for path in sorted(folder.glob("[!.]*.parquet")):
        newer = newest.get(label_of(path.name))
        if newer and path != newer and (made is None or newer.stat().st_mtime < made):
            path.unlink()
            removed.append(path)
    return removed


def _rows_of(files: Collection[Listed], table: Table) -> str:
    """SQL of the rows in files that count."""
    paths = ", ".join(pattern(one.path) for one in files)
    gone = ", ".join(f"DATE '{day}'" for one in files for day in one.superseded)
    # Files of an earlier version may lack a column that the table has since. A folder called day=… is no column.
    rows = f"SELECT * FROM read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"
    return rows + (f" WHERE {quote(str(table.partition))} NOT IN ({gone})" if gone else "")


def _compared(connection: duckdb.DuckDBPyConnection, rows: str, file: Path, table: Table) -> dict[date, int]:
    """How many rows a file has of each day, once they are the same as those of a query, row for row.

    Raises:
        HoursDamagedError: They are not.
    """
    written = f"(SELECT {_columns(table)} FROM read_parquet({pattern(file)}, hive_partitioning = false))"
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


def _sync(path: Path) -> None:
    """What was written there is on the disk afterwards."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
