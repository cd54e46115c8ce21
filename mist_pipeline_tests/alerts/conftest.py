"""The ledger on SQLite always, and on PostgreSQL where a server can be started on this machine."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.tables import METADATA
from mist_pipeline_tests.support.postgresql import postgresql_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Address of an empty database."""
    with postgresql_server() as address:
        yield address


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of the current version, to copy."""
    path = tmp_path_factory.mktemp("ledger") / "template.db"
    Ledger(path).close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty ledger."""
    if request.param == "sqlite":
        copied = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "ledger.db")
        return str(copied)
    url: str = request.getfixturevalue("postgresql")
    with Ledger(url) as emptied, emptied.engine.begin() as connection:
        names = ", ".join(METADATA.tables)
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
    return url


@pytest.fixture
def ledger(address: str) -> Iterator[Ledger]:
    with Ledger(address) as opened:
        yield opened
