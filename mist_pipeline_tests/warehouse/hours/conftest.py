"""A warehouse with two months of hours, for every test of old hours."""

import shutil
from pathlib import Path

import pytest

from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.warehouse.old_hours import filled_with_hours


@pytest.fixture(scope="session")
def with_hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that each test gets a copy of."""
    path = tmp_path_factory.mktemp("hours") / "warehouse.duckdb"
    filled_with_hours(Warehouse(path))
    return path


@pytest.fixture
def filled(with_hours: Path, warehouse_file: Warehouse, tmp_path: Path) -> Warehouse:
    shutil.copyfile(with_hours, tmp_path / "warehouse.duckdb")
    return warehouse_file
