"""The load of devices: more is worse, and the roadmap's own example."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.settings import load_settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.analyse_day import utilisation_rows

FIRST = date(2026, 3, 1)


def rows_of(folder: Path, *loads: float | None) -> pl.DataFrame:
    days = [FIRST + timedelta(days=offset) for offset in range(len(loads))]
    settings = load_settings(environment={"MIST_PIPELINE_DATA": str(folder)})
    warehouse = Warehouse(settings.warehouse_path)
    absent = dict.fromkeys(history.DEVICES.column_names)
    devices = [
        {**absent, "day": day, "device_id": "switch", "site_id": "site", "cpu_pct": load}
        for day, load in zip(days, loads, strict=True)
    ]
    warehouse.replace_days(
        history.DEVICES, pl.DataFrame(devices, schema=history.DEVICES.polars_schema()), days
    )
    return analysis.UTILISATION.conform(utilisation_rows(warehouse, settings, days)).sort("day")


@pytest.mark.slow
def test_75_percent_yesterday_and_79_today_is_trending_upward(tmp_path: Path) -> None:
    row = rows_of(tmp_path, *(60.0 + offset for offset in range(8)), 75.0, 79.0).row(-1, named=True)
    assert row["sentence"] == "75 % yesterday, 79 % today, trending upward"
    assert (row["indicator"], row["is_degrading"], row["change_pct"], row["measure"]) == (
        "↑",
        True,
        4.0,
        "cpu",
    )


@pytest.mark.slow
def test_a_falling_load_is_an_improvement(tmp_path: Path) -> None:
    row = rows_of(tmp_path, *(60.0 + offset for offset in range(8)), 79.0, 70.0).row(-1, named=True)
    assert (row["indicator"], row["is_degrading"]) == ("↓", False)
    assert row["sentence"].endswith("trending downward")


def test_devices_that_tell_no_load_have_no_rows(tmp_path: Path) -> None:
    assert rows_of(tmp_path, None, None).is_empty()
