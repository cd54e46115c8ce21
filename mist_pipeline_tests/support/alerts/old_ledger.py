"""A ledger as version 0002 left it (`make_old_ledger` made it): as a file, or copied into PostgreSQL.

Not here: what is expected of it (``alerts/ledger/test_migration``).
"""

import sqlite3
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import mist_pipeline.alerts.ledger
from mist_pipeline.alerts.ledger.database import open_engine, reading, writing

_FOLDER = Path(__file__).parents[2] / "alerts" / "ledger" / "old"
MADE = _FOLDER / "ledger_0002.sql"
EXPORTED = _FOLDER / "export_0002.json"

_NUMBERS = count(1)


def unpack(path: Path) -> Path:
    """The old ledger as an SQLite file."""
    connection = sqlite3.connect(path)
    connection.executescript(MADE.read_text(encoding="utf-8"))
    connection.close()
    return path


def make_in(address: str, path: Path) -> str:
    """Copy an old ledger into PostgreSQL.

    Args:
        address: A PostgreSQL database.
        path: The ledger as an SQLite file.

    Returns:
        The address of the copy, which has a schema of its own.
    """
    schema = f"old_{next(_NUMBERS)}"
    plain = open_engine(address)
    with writing(plain) as connection:
        connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
    plain.dispose()
    copied = f"{address}&options=-csearch_path%3D{schema}"
    source, target = open_engine(path), open_engine(copied)
    config = Config()
    migrations = Path(mist_pipeline.alerts.ledger.__file__).parent / "migrations"
    config.set_main_option("script_location", str(migrations))
    with reading(source) as old, writing(target) as new:
        config.attributes["connection"] = new
        command.upgrade(config, "0002")
        theirs, ours = sa.MetaData(), sa.MetaData()
        theirs.reflect(old)
        ours.reflect(new)
        for name, table in ours.tables.items():
            if name != "alembic_version":
                _copy(old, theirs.tables[name], new, table)
    source.dispose()
    target.dispose()
    return copied


def _copy(old: sa.Connection, source: sa.Table, new: sa.Connection, target: sa.Table) -> None:
    for row in old.execute(sa.select(source)).mappings():
        # SQLite has instants without a zone; None would be a JSON null.
        values = {
            key: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
            for key, value in row.items()
            if value is not None
        }
        new.execute(sa.insert(target).values(values))
    for column in target.primary_key:
        if column.autoincrement is True or (column.server_default is not None):
            new.execute(
                sa.text(
                    f"SELECT setval(pg_get_serial_sequence('{target.name}', '{column.name}'), "
                    f"(SELECT max({column.name}) FROM {target.name}))"
                )
            )
