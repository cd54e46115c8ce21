"""Reading the published files as one: every table and view of the data dictionary under its own name, without waiting.

A table is in one file alone (`publish`). A file that is not there, locked or damaged is no error: its tables are empty, and what
is known of their age says so. Not here: keeping the last good answer (``overview``), what is asked.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from mist_pipeline.tables import alerts, live
from mist_pipeline.tables.schema import Table, literal
from mist_pipeline.warehouse.asking import quoted
from mist_pipeline.warehouse.catalogue import has_table
from mist_pipeline.warehouse.connection import why_unreadable
from mist_pipeline.warehouse.hours.files import pattern_of
from mist_pipeline.warehouse.publish import (
    DAY_TABLES,
    HOURS_FILES,
    LEDGER_READ,
    RECENT,
    create_site_names,
    create_table,
    create_views,
)
from mist_pipeline.warehouse.views import ALERT_VIEWS, SITE_VIEWS


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where the published files are.

    Attributes:
        days: Whole days: history, analysis, scorecard.
        today: Today: live.
        ledger: Copies of the ledger: alerts.
    """

    days: Path
    today: Path
    ledger: Path


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one published file says, and how old it is.

    Attributes:
        schemas: Of its tables.
        views: Its views.
        path: The file.
        as_of: Until when its data goes (UTC); None where there is none.
        trouble: Why it cannot be read, '' if it can; its tables are empty then.
    """

    schemas: tuple[str, ...]
    views: tuple[str, ...]
    path: Path
    as_of: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The published files, open for reading together.

    Attributes:
        connection: Sees every table and view by its name; can change nothing.
        parts: The files: whole days, today, alerts.
    """

    connection: duckdb.DuckDBPyConnection
    parts: Sequence[Part]

    def used_by(self, query: str) -> list[Part]:
        """The files that a query reads; all of them where that cannot be told."""
        try:
            (tree,) = self.connection.execute(f"SELECT json_serialize_sql({literal(query)})").fetchone() or (
                "",
            )
        except duckdb.Error:
            return list(self.parts)
        read = set(_tables_in(json.loads(tree)))
        if not read and '"error":true' in tree:
            return list(self.parts)
        return [part for part in self.parts if read.intersection((*part.schemas, *part.views))]


def _tables_in(tree: object) -> Iterator[str]:
    """Of every table that a parsed query names its schema, or its name where it has none."""
    if isinstance(tree, dict):
        if tree.get("type") == "BASE_TABLE":
            schema = tree.get("schema_name") or "main"
            yield str(tree.get("table_name") if schema == "main" else schema).lower()
        tree = list(tree.values())
    if isinstance(tree, list):
        for inner in tree:
            yield from _tables_in(inner)


@dataclass(frozen=True)
class _Kind:
    """One of the three files.

    Attributes:
        name: Of its catalog.
        tables: In it.
        views: In it.
        newest: Until when its data goes: SQL.
        with_names: Whether it says what sites are called.
    """

    name: str
    tables: tuple[Table, ...]
    views: dict[str, tuple[str, str]]
    newest: str
    with_names: bool = True

    @property
    def schemas(self) -> tuple[str, ...]:
        """Of its tables."""
        return tuple(dict.fromkeys(table.schema for table in self.tables))

    @property
    def search_path(self) -> list[str]:
        """Where names are looked for in it."""
        return [f"{self.name}.{schema}" for schema in ("main", *self.schemas)]


_LEDGER = _Kind(
    "ledger", alerts.TABLES, ALERT_VIEWS, f"SELECT coalesce(evaluated_at, read_at) FROM {LEDGER_READ}"
)
_TODAY = _Kind("today", live.TABLES, {}, "SELECT max(as_of) FROM live.status", with_names=False)
_LAST_HOUR = (
    "SELECT max(hour) + INTERVAL 1 HOUR FROM {0}.sle_hourly WHERE day = (SELECT max(day) FROM {0}.sle_hourly)"
)
_DAYS = _Kind("mist", DAY_TABLES, SITE_VIEWS, _LAST_HOUR.format("history"))


@contextmanager
def reading(places: Published) -> Iterator[Reading]:
    """The published files, for the time of the block, as they are now; waits for nobody.

    Args:
        places: Where they are.

    Yields:
        They, with the instants in UTC. The table ``freshness`` says the same as the parts.

    Raises:
        FileNotFoundError: None of them is there: nothing was ever published.
    """
    found = [(_DAYS, places.days), (_TODAY, places.today), (_LEDGER, places.ledger)]
    if not any(path.exists() for _, path in found):
        raise FileNotFoundError(f"Nothing is published in {places.days.parent} yet")
    # What does not fit into memory goes where DuckDB would put it for the file.
    with duckdb.connect(config={"temp_directory": f"{places.days}.tmp"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        parts = [_attach(connection, kind, path) for kind, path in found]
        # The newest names of sites are the ledger's, so it comes first.
        path = ",".join(place for kind in (_LEDGER, _TODAY, _DAYS) for place in kind.search_path)
        connection.execute(f"SET search_path = '{path}'")
        _tell_ages(connection, parts)
        _allow_hours(connection)
        # Read-only is each file alone: without this, COPY and EXPORT would write others, and read_csv would read them.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield Reading(connection=connection, parts=parts)


_OLD_HOURS = f"{_DAYS.name}.{HOURS_FILES}"
"""Is there if the views of hours of the published copy read files beside it."""


def _allow_hours(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the views of hours read their files, where old hours are in files, and nobody anything else."""
    if has_table(connection, _OLD_HOURS):
        files = connection.execute(f"SELECT path FROM {_OLD_HOURS}").fetchall()
        # Both the name as the views write it and the file that is found under it are asked for.
        allowed = dict.fromkeys(name for (path,) in files for name in (path, pattern_of(path)))
        connection.execute(f"SET allowed_paths = [{', '.join(map(literal, allowed))}]")


def _attach(connection: duckdb.DuckDBPyConnection, kind: _Kind, path: Path) -> Part:
    """A file as a catalog, or empty tables in its place."""
    newest, trouble = None, ""
    try:
        if not path.exists():
            raise FileNotFoundError(path)
        connection.execute(f"ATTACH {literal(str(path))} AS {kind.name} (READ_ONLY)")
        connection.execute(f"USE {kind.name}")
        # Old hours are in files of their own; where one of them is lost, only what asks for it fails.
        query = (
            _LAST_HOUR.format(RECENT) if kind is _DAYS and has_table(connection, _OLD_HOURS) else kind.newest
        )
        newest = (connection.execute(query).fetchone() or (None,))[0]
    except (duckdb.Error, OSError) as error:
        trouble = why_unreadable(path, error)
        connection.execute("USE memory")
        connection.execute(f"DETACH DATABASE IF EXISTS {kind.name}")
        _stand_in(connection, kind)
    return Part(schemas=kind.schemas, views=tuple(kind.views), path=path, as_of=newest, trouble=trouble)


def _stand_in(connection: duckdb.DuckDBPyConnection, kind: _Kind) -> None:
    connection.execute(f"ATTACH ':memory:' AS {kind.name}")
    connection.execute(f"USE {kind.name}")
    for table in kind.tables:
        create_table(connection, table)
    if kind.with_names:
        create_site_names(connection)
    create_views(connection, kind.views)


def _tell_ages(connection: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> None:
    connection.execute(
        "CREATE TEMP TABLE freshness (schemas VARCHAR[], file VARCHAR, as_of TIMESTAMPTZ, trouble VARCHAR)"
    )
    rows = ((part.schemas, part.path.name, part.as_of, part.trouble) for part in parts)
    values = ", ".join(f"({', '.join(map(quoted, row))})" for row in rows)
    connection.execute(f"INSERT INTO freshness VALUES {values}")
