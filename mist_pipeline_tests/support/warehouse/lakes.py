"""Shared warehouses for tests: a PostgreSQL database each, made from one whose tables are there already."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from mist_pipeline.warehouse import lake as rooms
from mist_pipeline.warehouse.lake import Lake
from mist_pipeline.warehouse.store import Warehouse

_NUMBERS = count(1)


def lake_at(server: str, database: str, folder: Path | str, scratch: Path) -> Lake:
    """A lake in a database of a server; ``folder`` is where its files are."""
    parts = urlsplit(server)
    return Lake(parts._replace(path=f"/{database}").geturl(), str(folder), "mist", scratch)


def forget(lake: Lake | None = None) -> None:
    """Close what this process has open of a lake, or of all."""
    for key in [key for key in rooms._ATTACHED if key[0] == os.getpid() and lake in {None, key[-1]}]:
        rooms._INSTANCES[os.getpid()].execute(f"DETACH {rooms._ATTACHED.pop(key)}")


class Lakes:
    """Makes lakes in a server that stays."""

    def __init__(self, server: str, folder: Path) -> None:
        self.server = server
        self._folder = folder
        self._template = ""

    def database(self, template: str = "template1") -> str:
        """The name of a new database."""
        import psycopg

        name = f"lake_{os.getpid()}_{next(_NUMBERS)}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    @contextmanager
    def made(self, folder: Path | str, scratch: Path) -> Iterator[Lake]:
        """An empty lake with all tables, for as long as the block lasts."""
        import psycopg

        if not self._template:
            self._template = self.database()
            lake = lake_at(self.server, self._template, self._folder, self._folder)
            Warehouse(lake).prepare()
            forget(lake)
        lake = lake_at(self.server, self.database(self._template), folder, scratch)
        with psycopg.connect(lake.catalogue) as connection:
            statement = "UPDATE mist.ducklake_metadata SET value = %s WHERE key = 'data_path'"
            connection.execute(statement, [lake.files])
        try:
            yield lake
        finally:
            forget(lake)
