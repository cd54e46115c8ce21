"""A warehouse with two months of hours, for every test of old hours."""

import pytest

from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.warehouse.old_hours import filled_with_hours


@pytest.fixture
def filled(warehouse_file: Warehouse) -> Warehouse:
    return filled_with_hours(warehouse_file)
