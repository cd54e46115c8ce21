"""An empty warehouse for each test."""

from pathlib import Path

import pytest

from mist_pipeline.warehouse.store import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb", wait_seconds=0.2)
