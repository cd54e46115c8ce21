"""An empty warehouse for each test, of each form."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.postgresql import postgresql_server
from mist_pipeline_tests.support.warehouse.lakes import Lakes


@pytest.fixture
def warehouse_file(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb", wait_seconds=0.2)


@pytest.fixture(scope="session")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lakes]:
    with postgresql_server() as server:
        yield Lakes(server, tmp_path_factory.mktemp("lakes"))


@pytest.fixture
def shared(lakes: Lakes, tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse that several machines share."""
    with lakes.made(tmp_path / "files", tmp_path / "scratch") as lake:
        yield Warehouse(lake, wait_seconds=20)


@pytest.fixture(params=["file", pytest.param("lake", marks=pytest.mark.slow)])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    made: Warehouse = request.getfixturevalue("warehouse_file" if request.param == "file" else "shared")
    return made
