"""New warehouses and ledgers are copies of one that was made by the real code, once for each process.

Making one takes a tenth of a second: 545 statements of DDL, or the migrations of the ledger; Dagster reads all its migrations
to stamp a storage that it has just made. What is copied is an empty file, or a stamp, so tests share nothing; a path at which something exists is left alone. Tests of creation and migration call
``migrate`` or another process and get no copy.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest


@contextmanager
def copied(folder: Path) -> Iterator[None]:
    """While this holds, new files are copies; ``folder`` keeps what is copied."""
    with pytest.MonkeyPatch.context() as patch:
        # Whoever runs only tests that need neither should not wait for their imports.
        if store := sys.modules.get("mist_pipeline.warehouse.store"):
            patch.setattr(store, "connect", _connecting(store.connect, folder / "empty.duckdb"))
        if ledger := sys.modules.get("mist_pipeline.alerts.ledger.ledger"):
            patch.setattr(ledger, "open_engine", _opening(ledger.open_engine, folder / "empty.db"))
        if "dagster" in sys.modules:
            from dagster._core.storage import sql

            patch.setattr(sql, "stamp", _stamping(sql.stamp))
        yield


def _connecting(connect: Callable[..., Any], template: Path) -> Callable[..., Any]:
    from mist_pipeline.warehouse.migrations import migrate

    @cache
    def made() -> Path:
        with connect(template, read_only=False) as connection:
            migrate(connection)
        return template

    def connecting(path: Path, *, read_only: bool, **options: Any) -> Any:
        if not read_only and not path.exists():
            _copy(made(), path)
        return connect(path, read_only=read_only, **options)

    return connecting


def _opening(open_engine: Callable[..., Any], template: Path) -> Callable[..., Any]:
    from mist_pipeline.alerts.ledger.database import migrate

    @cache
    def made() -> Path:
        engine = open_engine(template)
        migrate(engine)
        engine.dispose()
        return template

    def opening(url: str | Path) -> Any:
        if "://" not in str(url) and not Path(url).exists():
            _copy(made(), Path(url))
        return open_engine(url)

    return opening


def _stamping(stamp: Callable[..., None]) -> Callable[..., None]:
    from sqlalchemy import text

    known: dict[tuple[str, str], str] = {}

    def stamping(config: Any, revision: str) -> None:
        connection, wanted = (
            config.attributes["connection"],
            (config.get_main_option("script_location"), revision),
        )
        if wanted not in known:
            stamp(config, revision)
            known[wanted] = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
            return
        # On PostgreSQL the storages of one instance share the table; each stamps it anew.
        column = "version_num VARCHAR(32) NOT NULL PRIMARY KEY"
        connection.execute(text(f"CREATE TABLE IF NOT EXISTS alembic_version ({column})"))
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": known[wanted]})

    return stamping


def _copy(template: Path, path: Path) -> None:
    """Whole or not at all, and never over a file that another thread has just made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{uuid4().hex}")
    shutil.copyfile(template, aside)
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
