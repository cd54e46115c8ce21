"""The former published copy, brought up to date: only the days that were written since are copied out of the warehouse.

A copy says what it was made of: its form (tables, comments, views, files of old hours) and the marks of its days (`marks`). Whatever is not as
expected, the copy is made whole (`publish`). Not here: what a copy holds and how it takes its place (`publish`).
"""

import hashlib
import logging
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import duckdb

from mist_pipeline.tables.schema import Table, literal, quote
from mist_pipeline.warehouse.asking import ask
from mist_pipeline.warehouse.catalogue import has_table
from mist_pipeline.warehouse.copies.marks import MARKS, marks, prepare_marks, rows_of_days
from mist_pipeline.warehouse.place import Copying, WarehouseFile

FORM = "main.made_of"

_MOST_FREE = 0.5
"""Share of the blocks of a file that days which were replaced have left: with more the copy is made whole, and small again."""

log = logging.getLogger(__name__)


class OtherCopyError(Exception):
    """The former copy is not what it has to be."""


def form_of(statements: Iterable[str]) -> str:
    """What identifies a form: a hash of the statements that make it."""
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def take_former(former: Path, fresh: Path, place: object) -> bool:
    """Copy the former file to where the next one is made; False where it cannot be used."""
    if not isinstance(place, WarehouseFile) or not former.exists():
        return False
    try:
        shutil.copyfile(former, fresh)
    except OSError as error:
        log.info("The former published copy cannot be read: %s", error)
        return False
    return True


def sign(copying: Copying, form: str, tables: Mapping[Table, str]) -> None:
    """Write down what a copy is made of: its form, and the marks of the days that it has."""
    connection = copying.connection
    connection.execute(f"CREATE OR REPLACE TABLE {FORM} AS SELECT {literal(form)} AS form")
    prepare_marks(connection)
    connection.execute(f"DELETE FROM {MARKS}")
    ask(
        connection,
        f"INSERT INTO {MARKS} SELECT * FROM {copying.source}.{MARKS} WHERE table_name IN (SELECT unnest($names))",
        {"names": [table.full_name for table in tables]},
    )


def bring_up(copying: Copying, form: str, tables: Mapping[Table, str]) -> None:
    """Replace the days of the former copy that were written since, and sign it.

    Args:
        copying: The former copy, beside the warehouse.
        form: That the copy has to have.
        tables: Its tables → under which name their rows are in it.

    Raises:
        OtherCopyError: It has another form, does not say what it is made of, is half empty, or has not the rows that it should have.
    """
    connection = copying.connection
    if not has_table(connection, FORM) or not has_table(connection, MARKS):
        raise OtherCopyError("it does not say what it was made of")
    if connection.execute(f"SELECT form FROM {FORM}").fetchall() != [(form,)]:
        raise OtherCopyError("it has other tables, views or files of old hours")
    if _share_free(connection) > _MOST_FREE:
        raise OtherCopyError("most of it is free")
    wanted, had = marks(connection, f"{copying.source}."), marks(connection)
    changed: dict[str, list[date]] = defaultdict(list)
    for name, day in wanted.keys() | had.keys():
        if wanted.get((name, day)) != had.get((name, day)):
            changed[name].append(day)
    for table, target in tables.items():
        if days := sorted(changed[table.full_name]):
            _replace(copying, table, target, days)
        rows = {day: number for (name, day), (_, number) in wanted.items() if name == table.full_name}
        if rows_of_days(connection, target, table) != rows:
            raise OtherCopyError(f"{target} has not the rows that it should have")
    sign(copying, form, tables)


def _replace(copying: Copying, table: Table, target: str, days: list[date]) -> None:
    condition = f"WHERE {quote(table.partition or '')} IN (SELECT unnest($days))"
    ask(copying.connection, f"DELETE FROM {target} {condition}", {"days": days})
    ask(
        copying.connection,
        f"INSERT INTO {target} BY NAME SELECT * FROM {copying.source}.{table.full_name} {condition}",
        {"days": days},
    )


def _share_free(connection: duckdb.DuckDBPyConnection) -> float:
    row = connection.execute(
        "SELECT free_blocks / greatest(total_blocks, 1) FROM pragma_database_size() WHERE database_name = current_database()"
    ).fetchone()
    return float(row[0]) if row else 0.0
