"""The published files: what everybody reads, each replaced atomically, so that queries never block the writer.

Every public table is in one of three files, with its comments, beside the views that need it: whole days in the published copy,
made once a day since it holds all history; today in a small one, made after every poll; the copies of the ledger in another, made
after every evaluation. Not here: the views (`views`), reading the three as one (`reading`).
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from mist_pipeline.domain.site_names import display_names
from mist_pipeline.tables import alerts, analysis, history, live, scorecard
from mist_pipeline.tables.schema import Table, literal
from mist_pipeline.warehouse.asking import ask, registered
from mist_pipeline.warehouse.connection import connect
from mist_pipeline.warehouse.copies.former_copy import OtherCopyError, bring_up, form_of, sign, take_former
from mist_pipeline.warehouse.copies.marks import settle
from mist_pipeline.warehouse.hours.aged import files_of, union
from mist_pipeline.warehouse.hours.files import hours_folder
from mist_pipeline.warehouse.place import Copying, Place, WarehouseFile, in_one_transaction
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.warehouse.views import ALERT_VIEWS, SITE_VIEWS

DAY_TABLES: tuple[Table, ...] = (*history.TABLES, *analysis.TABLES, *scorecard.TABLES)
"""What the published copy holds."""

_SITE_NAMES_COMMENT = "What sites are called, also those that are gone: no two of them the same."

_SEEN_SITES = """
    WITH newest AS (
        SELECT site_id, arg_max(name, day) AS name, max(day) < (SELECT max(day) FROM history.sites) AS is_gone
        FROM history.sites GROUP BY site_id
    )
    SELECT site_id, n.name, coalesce(n.is_gone, true)
    FROM newest n FULL JOIN (
        SELECT DISTINCT site_id FROM history.sle_daily WHERE day = (SELECT max(day) FROM history.sle_daily)
    ) a USING (site_id) ORDER BY site_id
    """
"""Every site that the copy tells of: id, newest name, whether it is gone."""

log = logging.getLogger(__name__)


def publish(warehouse: Warehouse, published: Path) -> Path:
    """Replace the published copy by the present state of the warehouse.

    Of a warehouse in a file only the days that were written since the former copy are copied; the copy is made whole where there is none, or
    where it is not as expected.

    Args:
        warehouse: What the pipeline writes.
        published: The file that analysts read; a reader that has it open keeps reading the old one.

    Returns:
        ``published``.

    Raises:
        FileNotFoundError: There is no warehouse yet.
        WarehouseVersionError: It is of a later version than this program.
    """
    if not warehouse.place.exists():
        raise FileNotFoundError(f"There is no warehouse at {warehouse.place} to publish")
    # A warehouse of an earlier version lacks tables, and nothing may have been written since the update.
    warehouse.prepare()
    if isinstance(warehouse.place, WarehouseFile):
        with warehouse.writing() as connection:
            settle(connection, DAY_TABLES)
    with _fresh(published) as fresh:
        if not _is_former_brought_up(warehouse, published, fresh):
            _remove(fresh)
            with warehouse.place.copying(fresh, warehouse.wait_seconds) as copying:
                _copy_days(copying, warehouse.place)
    return published


def _is_former_brought_up(warehouse: Warehouse, former: Path, fresh: Path) -> bool:
    """Make the next copy of the former one; False where that cannot be, whatever is the matter with it."""
    if not take_former(former, fresh, warehouse.place):
        return False
    try:
        with warehouse.place.copying(fresh, warehouse.wait_seconds) as copying:
            aged = _aged_hours(copying, warehouse.place)
            bring_up(copying, aged.form(), aged.names())
            copying.connection.execute("DROP TABLE main.site_names")
            _name_sites(copying.connection, _names_of_days(copying.connection))
    except (OtherCopyError, duckdb.Error) as error:
        log.info("The published copy is made whole; of the former one: %s", error)
        return False
    return True


def _copy_days(copying: Copying, place: Place) -> None:
    """The whole copy, in an empty file."""
    connection, aged = copying.connection, _aged_hours(copying, place)
    if aged.views:
        connection.execute(f"CREATE SCHEMA {RECENT}")
        connection.execute(f"CREATE TABLE {HOURS_FILES} (path VARCHAR)")
        connection.execute(f"COMMENT ON TABLE {HOURS_FILES} IS {literal(_HOURS_FILES_COMMENT)}")
        ask(connection, f"INSERT INTO {HOURS_FILES} SELECT unnest($1::VARCHAR[])", [aged.paths])
    for target in aged.targets().values():
        create_table(connection, target)
    for table, target in aged.targets().items():
        _fill(copying, table, target)
    for table, sql in aged.views.items():
        _view(connection, table, sql)
    _name_sites(connection, _names_of_days(connection))
    create_views(connection, SITE_VIEWS)
    if isinstance(place, WarehouseFile):
        sign(copying, aged.form(), aged.names())


@dataclass(frozen=True)
class _Aged:
    """What files beside the warehouse have of its hours.

    Attributes:
        views: Tables that they hold a part of → SQL of all their rows.
        paths: The files.
    """

    views: Mapping[Table, str]
    paths: Sequence[str]

    def targets(self) -> dict[Table, Table]:
        """Every table of the copy → where its rows are, which is another schema if files have a part of them."""
        return {
            table: replace(table, schema=RECENT if table in self.views else table.schema)
            for table in DAY_TABLES
        }

    def names(self) -> dict[Table, str]:
        """The same by name."""
        return {table: target.full_name for table, target in self.targets().items()}

    def form(self) -> str:
        """What identifies a copy with these files: its tables, views and comments."""
        tables = (statement for target in self.targets().values() for statement in target.create_statements())
        return form_of([*tables, *self.views.values(), *self.paths, repr(SITE_VIEWS)])


def publish_live(warehouse: Warehouse, published: Path) -> Path:
    """Replace the published live tables by those of the warehouse: a small file, made after every poll.

    The analysts' copy is made once a day and holds all history; this one holds today alone, and of the findings those of
    the last two days, so that it is made within a second or two.

    Args:
        warehouse: What the pipeline writes.
        published: The file that is read; a reader that has it open keeps reading the old one.

    Returns:
        ``published``.
    """
    with _replacing(published, warehouse) as copying:
        newest = f"(SELECT max(as_of) FROM {copying.source}.{live.FINDINGS.full_name})"
        for table in live.TABLES:
            recent = f"WHERE as_of >= {newest} - INTERVAL 2 DAY" if table is live.FINDINGS else ""
            _copy(copying, table, recent)
    return published


def publish_ledger(
    frames: Mapping[str, pl.DataFrame],
    names: Mapping[str, str],
    published: Path,
    *,
    read_at: datetime,
    evaluated_at: datetime | None,
) -> Path:
    """Replace the published copies of the ledger.

    Args:
        frames: Name → rows of every table of ``alerts``, all of one moment.
        names: Site → what people call it, of every site that the rows are about.
        published: The file that is read; a reader that has it open keeps reading the old one.
        read_at: When the rows were read from the ledger.
        evaluated_at: The newest evaluation in it; None before the first.

    Returns:
        ``published``.
    """
    with (
        _fresh(published) as fresh,
        connect(fresh, read_only=False) as connection,
        in_one_transaction(connection),
    ):
        for table in alerts.TABLES:
            create_table(connection, table)
            with registered(connection, "fresh_rows", frames[table.name]):
                connection.execute(f"INSERT INTO {table.full_name} BY NAME SELECT * FROM fresh_rows")
        _name_sites(connection, names)
        connection.execute(f"CREATE TABLE {LEDGER_READ} (read_at TIMESTAMPTZ, evaluated_at TIMESTAMPTZ)")
        connection.execute(f"COMMENT ON TABLE {LEDGER_READ} IS {literal(_LEDGER_READ_COMMENT)}")
        ask(connection, f"INSERT INTO {LEDGER_READ} VALUES (?, ?)", [read_at, evaluated_at])
        create_views(connection, ALERT_VIEWS)
    return published


RECENT = "recent"
"""Schema of the published copy with the hours that the warehouse has, where files beside it have older ones (`hours`)."""

HOURS_FILES = f"{RECENT}.files"
_HOURS_FILES_COMMENT = "The files with older hours that the views of hours read."

LEDGER_READ = "main.ledger_read"
_LEDGER_READ_COMMENT = "When the tables of alerts were read from the ledger, and the newest evaluation in it."


def create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """An empty table with its comments."""
    for statement in table.create_statements():
        connection.execute(statement)


def create_views(connection: duckdb.DuckDBPyConnection, views: Mapping[str, tuple[str, str]]) -> None:
    """Views with their comments, in the order given: later ones may use earlier ones."""
    for name, (comment, sql) in views.items():
        connection.execute(f"CREATE VIEW main.{name} AS {sql}")
        connection.execute(f"COMMENT ON VIEW main.{name} IS {literal(comment)}")


@contextmanager
def _replacing(published: Path, warehouse: Warehouse) -> Iterator[Copying]:
    """A new file beside a published one, with the warehouse as it is now; takes its place when the block ends well."""
    with (
        _fresh(published) as fresh,
        warehouse.place.copying(fresh, warehouse.wait_seconds) as copying,
    ):
        yield copying


@contextmanager
def _fresh(published: Path) -> Iterator[Path]:
    """A new file beside a published one; takes its place when the block ends well."""
    published.parent.mkdir(parents=True, exist_ok=True)
    fresh = published.with_name(f".{published.name}.{os.getpid()}")
    _remove(fresh)
    try:
        yield fresh
        # The folder says who may read what is in it.
        fresh.chmod(0o600 | (published.parent.stat().st_mode & 0o044))
        fresh.replace(published)
    finally:
        _remove(fresh)


def _remove(fresh: Path) -> None:
    """A file of DuckDB, and its log, which a copy that failed may leave."""
    fresh.unlink(missing_ok=True)
    fresh.with_name(f"{fresh.name}.wal").unlink(missing_ok=True)


def _copy(copying: Copying, table: Table, where: str = "") -> None:
    """The rows of a table, under its name."""
    create_table(copying.connection, table)
    _fill(copying, table, table, where)


def _fill(copying: Copying, table: Table, target: Table, where: str = "") -> None:
    copying.connection.execute(
        f"INSERT INTO {target.full_name} BY NAME SELECT * FROM {copying.source}.{table.full_name} {where}"
    )


def _aged_hours(copying: Copying, place: Place) -> _Aged:
    if not isinstance(place, WarehouseFile):
        return _Aged({}, ())
    folder = hours_folder(place.path)
    views = union(copying.connection, copying.source, folder, RECENT)
    paths = files_of(copying.connection, f"{copying.source}.", folder) if views else []
    return _Aged(views, tuple(map(str, paths)))


def _view(connection: duckdb.DuckDBPyConnection, table: Table, sql: str) -> None:
    """A view in the place of a table, with its comments."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema}")
    connection.execute(f"CREATE VIEW {table.full_name} AS {sql}")
    connection.execute(f"COMMENT ON VIEW {table.full_name} IS {literal(table.comment)}")
    for column in table.columns:
        connection.execute(table.comment_statement(column))


def _names_of_days(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    seen = connection.execute(_SEEN_SITES).fetchall()
    return display_names(
        {site_id: name for site_id, name, _ in seen}, {site_id for site_id, _, is_gone in seen if is_gone}
    )


def _name_sites(connection: duckdb.DuckDBPyConnection, shown: Mapping[str, str]) -> None:
    """``main.site_names``: what views call a site is what the report and messages call it."""
    create_site_names(connection)
    ask(
        connection,
        "INSERT INTO main.site_names SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[])",
        [list(shown), list(shown.values())],
    )


def create_site_names(connection: duckdb.DuckDBPyConnection) -> None:
    """The empty table of what sites are called."""
    connection.execute("CREATE TABLE main.site_names (site_id VARCHAR PRIMARY KEY, site_name VARCHAR)")
    connection.execute(f"COMMENT ON TABLE main.site_names IS {literal(_SITE_NAMES_COMMENT)}")
