"""What is the same for every test of a process is worked out once: new files, and what databases are asked.

**New warehouses and ledgers** are copies of one that was made by the real code. Making one takes a tenth of a second: 545 statements
of DDL, or the migrations of the ledger. What is copied is an empty file, so tests share nothing; a path at which something exists is
left alone. Tests of creation and migration call ``migrate`` or another process and get no copy.

**Statements** are compiled to SQL once, not once for each of the thousand databases that the tests open. Migrations are read from
their folder once. Of a file Dagster opens a new engine for every statement; here it gets the one that it had, which keeps no connection.
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

_STATEMENTS = 3000
"""How many compiled statements are kept; all tests together know fewer."""


@contextmanager
def made_once(folder: Path) -> Iterator[None]:
    """While this holds; ``folder`` keeps what new files are copied from."""
    with pytest.MonkeyPatch.context() as patch:
        # Whoever runs only tests that need neither should not wait for their imports.
        if place := sys.modules.get("mist_pipeline.warehouse.place"):
            file = place.WarehouseFile
            patch.setattr(file, "writing", _writing(file.writing, folder / "empty.duckdb"))
        if ledger := sys.modules.get("mist_pipeline.alerts.ledger.ledger"):
            patch.setattr(ledger, "open_engine", _opening(ledger.open_engine, folder / "empty.db"))
        if "sqlalchemy" in sys.modules:
            _compile_once(patch)
        if "dagster" in sys.modules:
            _open_once(patch)
        yield


def _writing(writing: Callable[..., Any], template: Path) -> Callable[..., Any]:
    from mist_pipeline.warehouse.connection import connect
    from mist_pipeline.warehouse.migrations import migrate

    @cache
    def made() -> Path:
        with connect(template, read_only=False) as connection:
            migrate(connection)
        return template

    def from_template(file: Any, wait_seconds: float) -> Any:
        if not file.path.exists():
            _copy(made(), file.path)
        return writing(file, wait_seconds)

    return from_template


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


def _compile_once(patch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import Engine
    from sqlalchemy.util import LRUCache

    class Compiled(LRUCache[Any, Any]):
        """SQL by statement and kind of database, instead of by database."""

        def get(self, key: Any, default: Any = None) -> Any:
            return super().get(_of_kind(key), default)

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(_of_kind(key), value)

    compiled = Compiled(_STATEMENTS)
    # What an engine sets as its own is not taken.
    shared = property(lambda _engine: compiled, lambda _engine, _own: None)
    patch.setattr(Engine, "_compiled_cache", shared, raising=False)


def _of_kind(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return type(dialect), *statement


def _open_once(patch: pytest.MonkeyPatch) -> None:
    from alembic.script import ScriptDirectory
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from dagster._core.storage.runs.sqlite import sqlite_run_storage
    from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

    for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        patch.setattr(module, "create_engine", _remembered(module.create_engine))
    from_config = ScriptDirectory.from_config
    read: dict[str | None, ScriptDirectory] = {}

    def once(config: Any) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in read:
            read[place] = from_config(config)
        return read[place]

    patch.setattr(ScriptDirectory, "from_config", once)


def _remembered(create_engine: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[str, Any] = {}

    def creating(url: str, **options: Any) -> Any:
        if url not in known:
            known[url] = create_engine(url, **options)
        return known[url]

    return creating


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
