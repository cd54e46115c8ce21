"""Half a day is asked for again the next morning, over HTTP, and the day is whole afterwards."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.settings import load_settings
from mist_pipeline.simulator.cloud.server import Running
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.collection.fetch import fetch_days, take_snapshot
from mist_pipeline.workflows.collection.history import dimension_frames, write_service_levels
from mist_pipeline.workflows.collection.late_hours import ask_for_late_hours, lacking_hours
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.end_to_end.conftest import DAYS, NOW, variables

pytestmark = pytest.mark.slow

YESTERDAY: date = DAYS[-1]
LOST = """
UPDATE history.sle_hourly
SET state = 'missing', score_pct = NULL, total_user_minutes = NULL, degraded_user_minutes = NULL
WHERE day = $day AND metric IN ('capacity', 'coverage') AND extract(hour FROM hour) >= 12
"""
COVERED = """
UPDATE history.sle_daily d SET hours_covered = (
    SELECT count(total_user_minutes) FROM history.sle_hourly h
    WHERE h.day = d.day AND h.site_id = d.site_id AND h.metric = d.metric
) WHERE day = $day AND hours_covered IS NOT NULL
"""


def test_hours_that_came_late_are_fetched_and_make_the_day_whole(cloud: Running, tmp_path: Path) -> None:
    settings = load_settings(environment=variables(cloud, tmp_path / "data"))
    warehouse, store = Warehouse(settings.warehouse_path), RawStore(settings.data / "raw")
    asked = Cloud(settings)
    take_snapshot("sites", asked, store, NOW)
    fetch_days(settings, asked, store, [YESTERDAY], NOW, lambda _done, _total: None)
    warehouse.replace_all(dimension_frames(store, settings, [YESTERDAY]), [YESTERDAY])
    write_service_levels(warehouse, store, settings, [YESTERDAY], silent)

    def readings() -> pl.DataFrame:
        return warehouse.read_days(history.SLE_DAILY, YESTERDAY, YESTERDAY).sort("site_id", "metric")

    before = readings()
    with warehouse.writing() as connection:
        connection.execute(LOST, {"day": YESTERDAY})
        connection.execute(COVERED, {"day": YESTERDAY})
    assert lacking_hours(warehouse, YESTERDAY, YESTERDAY).height > 50
    found = ask_for_late_hours(settings, asked, store, warehouse, NOW)
    assert found.brought is not None
    assert found.brought.useful == found.brought.asked > 0
    manifest = store.newest("sle_detail", YESTERDAY)
    assert manifest is not None
    assert (manifest.generation[:6], len(manifest.files)) == ("000002", 2)
    write_service_levels(warehouse, store, settings, [YESTERDAY], silent)
    assert readings().equals(before)
    left = lacking_hours(warehouse, YESTERDAY - timedelta(days=2), YESTERDAY)
    assert left.height < 10
