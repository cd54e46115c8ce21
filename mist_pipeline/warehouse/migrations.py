"""Forward migrations: a new warehouse is made from the table definitions, an old one is brought up to them.

The version is a number in ``warehouse_version``. A warehouse of a later version than this program is refused, since
an older program could damage it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from mist_pipeline.tables import TABLES
from mist_pipeline.tables.schema import Table, quote
from mist_pipeline.warehouse.catalogue import has_table
from mist_pipeline.warehouse.copies.marks import forget_marks, prepare_marks
from mist_pipeline.warehouse.hours.files import prepare_list
from mist_pipeline.warehouse.owner import prepare_pin


@dataclass(frozen=True)
class Migration:
    """What brings a warehouse of version − 1 to this version.

    Attributes:
        version: Afterwards.
        reason: For people.
        statements: SQL.
        sorted_tables: Tables whose rows are written again in their `Table.stored_order`, where they are there.
    """

    version: int
    reason: str
    statements: tuple[str, ...] = ()
    sorted_tables: tuple[Table, ...] = ()


_EVIDENCE_TABLE = """
    CREATE TABLE IF NOT EXISTS state.evidence (
        day DATE, part VARCHAR, site_id VARCHAR, metric VARCHAR, classifier VARCHAR, numbers DOUBLE[]
    )
    """
_EVIDENCE_HEAD = """
    CREATE TEMP TABLE evidence_head AS
    SELECT day, numbers[1] AS next_hour, numbers[2:] AS windows, len(numbers) - 1 AS n
    FROM state.evidence WHERE part = 'head'
    """
_EVIDENCE_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("head", "version", "[2.0]"),
    ("head", "next_hour", "[next_hour]"),
    ("head", "windows", "windows"),
    ("series", "series.fast_degraded", "numbers[1:48]"),
    ("series", "series.fast_exposure", "numbers[49:96]"),
    ("series", "series.slow_degraded", "numbers[97:144]"),
    ("series", "series.slow_exposure", "numbers[145:192]"),
    ("series", "series.days", "numbers[193:193]"),
    ("series", "series.spread", "numbers[194:195]"),
    ("series", "series.spread_weight", "numbers[196:197]"),
    ("series", "series.held_days", "numbers[198:198]"),
    ("pool", "pool.moments", "numbers[1:5 * n]"),
    ("pool", "pool.spread", "numbers[5 * n + 1:5 * n + 2]"),
    ("pool", "pool.spread_weight", "numbers[5 * n + 3:5 * n + 4]"),
    ("tail", "tail.counts", "numbers"),
    ("load", "site.clients", "numbers[1:168]"),
    ("load", "site.weight", "numbers[169:336]"),
    ("load", "site.days", "numbers[337:337]"),
    ("load", "site.spread", "numbers[338:338]"),
    ("load", "site.spread_weight", "numbers[339:339]"),
    ("load", "site.asked", "numbers[340:340]"),
    ("load", "site.silent", "numbers[341:341]"),
    ("loads", "all_sites.moments", "numbers[1:5 * n]"),
    ("loads", "all_sites.counts", "numbers[5 * n + 1:197 * n]"),
    ("loads", "all_sites.typical", "numbers[197 * n + 1:197 * n + 2]"),
)
"""Part of version 1, field, and where in the part's numbers the field stood; ``n`` is the number of windows."""

_EPISODE_FIELDS = (
    "up", "since", "began", "last_bad", "drop", "lost", "exposed", "tail_lost", "tail_exposed", "is_on", "is_strong",
    "is_accepted",
)  # fmt: skip

MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        2,
        "state.evidence: a row for each named field instead of numbers by position",
        (
            "CREATE SCHEMA IF NOT EXISTS state",
            # A warehouse from before there was a state has nothing to convert.
            _EVIDENCE_TABLE,
            _EVIDENCE_HEAD,
            "CREATE TEMP TABLE evidence_fields AS "
            + " UNION ALL ".join(
                f"SELECT day, '{field}' AS part, site_id, metric, classifier, {numbers} AS numbers "
                f"FROM state.evidence JOIN evidence_head USING (day) WHERE part = '{part}'"
                for part, field, numbers in _EVIDENCE_FIELDS
            ),
            "DELETE FROM state.evidence",
            "INSERT INTO state.evidence BY NAME SELECT * FROM evidence_fields",
            "DROP TABLE evidence_head",
            "DROP TABLE evidence_fields",
        ),
    ),
    Migration(
        3,
        "state.evidence: episodes of excess begin anew",
        (
            *(
                f"INSERT INTO state.evidence (day, part, site_id, metric, classifier, numbers) "
                f"SELECT day, 'episode.{field}', site_id, metric, classifier, [0.0, 0.0] "
                "FROM state.evidence WHERE part = 'series.days'"
                for field in _EPISODE_FIELDS
            ),
            "UPDATE state.evidence SET numbers = [3.0] WHERE part = 'version'",
        ),
    ),
    Migration(
        4,
        "state.evidence: episodes know their recent excess, at first that of the whole episode",
        (
            *(
                "INSERT INTO state.evidence (day, part, site_id, metric, classifier, numbers) "
                f"SELECT day, 'episode.recent_{what}', site_id, metric, classifier, numbers "
                f"FROM state.evidence WHERE part = 'episode.{what}'"
                for what in ("lost", "exposed")
            ),
            "DELETE FROM state.evidence WHERE part = 'episode.exposed'",
            "UPDATE state.evidence SET numbers = [4.0] WHERE part = 'version'",
        ),
    ),
    Migration(
        5,
        "state.evidence: every series has a tail of its own, at first that of its pool",
        (
            *(
                "INSERT INTO state.evidence (day, part, site_id, metric, classifier, numbers) "
                f"SELECT day, 'series.{field}', site_id, metric, classifier, [0.0, 0.0] "
                "FROM state.evidence WHERE part = 'series.days'"
                for field in ("tail", "tail_weight")
            ),
            "UPDATE state.evidence SET numbers = [5.0] WHERE part = 'version'",
        ),
    ),
    Migration(
        6,
        "rows of a day are stored by site",
        sorted_tables=tuple(table for table in TABLES if table.partition and table.stored_order),
    ),
)
"""Changes that definitions alone cannot express (renames, conversions), oldest first. New tables and new columns need
no entry: they are added from the definitions."""

CURRENT_VERSION = 1 + len(MIGRATIONS)


class WarehouseVersionError(RuntimeError):
    """The warehouse does not fit this program."""


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring the warehouse to the current version, in one transaction.

    Raises:
        WarehouseVersionError: It is of a later version, or a column has another type than its definition.
    """
    connection.begin()
    try:
        _migrate(connection)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def version_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The version of this warehouse, or None if it is new."""
    if not has_table(connection, "main.warehouse_version"):
        return None
    row = connection.execute("SELECT max(version) FROM warehouse_version").fetchone()
    return int(row[0]) if row and row[0] is not None else None


def _migrate(connection: duckdb.DuckDBPyConnection) -> None:
    version = version_of(connection)
    prepare_marks(connection)
    if version is not None and version > CURRENT_VERSION:
        raise WarehouseVersionError(
            f"This warehouse has version {version}, this program knows {CURRENT_VERSION}. Update mist-pipeline."
        )
    if version is None:
        connection.execute(
            "CREATE TABLE warehouse_version (version INTEGER, reason VARCHAR, applied_at TIMESTAMPTZ)"
        )
        _stamp(connection, CURRENT_VERSION, "created")
    else:
        for migration in MIGRATIONS[version - 1 :]:
            for statement in migration.statements:
                connection.execute(statement)
            for table in migration.sorted_tables:
                _sort(connection, table)
            _stamp(connection, migration.version, migration.reason)
            forget_marks(connection)
    prepare_pin(connection)
    prepare_list(connection)
    _bring_to_definitions(connection)


def _sort(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Write the rows of a table again, in order. Its comments come back with `_bring_to_definitions`."""
    there = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name = $schema AND table_name = $name",
        {"schema": table.schema, "name": table.name},
    ).fetchall()
    order = ", ".join(quote(name) for name in table.stored_order if (name,) in there)
    if order:
        fresh = f"{table.schema}.{quote(f'{table.name} sorted')}"
        connection.execute(f"CREATE TABLE {fresh} AS SELECT * FROM {table.full_name} ORDER BY {order}")
        connection.execute(f"DROP TABLE {table.full_name}")
        connection.execute(f"ALTER TABLE {fresh} RENAME TO {quote(table.name)}")
        for statement in _by_month(table) if _is_lake(connection) else ():
            connection.execute(statement)


_HERE = "database_name = current_database() AND NOT internal"


def _is_lake(connection: duckdb.DuckDBPyConnection) -> bool:
    row = connection.execute(
        "SELECT type FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchone()
    return row == ("ducklake",)


def _by_month(table: Table) -> Iterator[str]:
    """In a lake the days of a month come together in files of their own: those of past months are merged once, and then left alone."""
    if table.partition:
        day = quote(table.partition)
        yield f"ALTER TABLE {table.full_name} SET PARTITIONED BY (year({day}), month({day}))"


def _stamp(connection: duckdb.DuckDBPyConnection, version: int, reason: str) -> None:
    connection.execute("INSERT INTO warehouse_version VALUES (?, ?, now())", [version, reason])


def _bring_to_definitions(connection: duckdb.DuckDBPyConnection) -> None:
    """Every process opens the warehouse to write, so only what differs is executed, and in one call."""
    is_lake = _is_lake(connection)
    comments: dict[str, str | None] = dict(
        connection.execute(
            f"SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() WHERE {_HERE}"
        ).fetchall()
    )
    columns: dict[str, dict[str, tuple[str, str | None]]] = {name: {} for name in comments}
    for table, column, kind, comment in connection.execute(
        f"SELECT schema_name || '.' || table_name, column_name, data_type, comment FROM duckdb_columns() WHERE {_HERE}"
    ).fetchall():
        columns.setdefault(table, {})[column] = (
            kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"),
            comment,
        )
    statements = [
        statement
        for table in TABLES
        for statement in (
            _differences(table, comments[table.full_name], columns[table.full_name])
            if table.full_name in comments
            else [*table.create_statements(), *(_by_month(table) if is_lake else ())]
        )
    ]
    if statements:
        connection.execute(";\n".join(statements))


def _differences(
    table: Table, comment: str | None, columns: Mapping[str, tuple[str, str | None]]
) -> Iterator[str]:
    """What brings a table that exists to its definition."""
    if comment != table.comment:
        yield table.comment_statement()
    for column in table.columns:
        kind, described = columns.get(column.name, (None, None))
        if kind is None:
            yield f"ALTER TABLE {table.full_name} ADD COLUMN {quote(column.name)} {column.type}"
        elif kind != column.type:
            raise WarehouseVersionError(
                f"{table.full_name}.{column.name} is {kind}, its definition says {column.type}: "
                "a migration is missing"
            )
        if described != column.description:
            yield table.comment_statement(column)
