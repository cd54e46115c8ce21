"""What a poll leaves unread changes nothing."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_hour import RecentHours, deviations_now
from mist_pipeline_tests.support.overview.organisations import full

NEWEST = datetime(2026, 4, 8, 14, tzinfo=UTC)
"""A week and a half after the clocks went forward in Europe."""
ZONES = {"a": "Europe/Berlin", "b": "Asia/Kolkata", "c": "Australia/Lord_Howe", "d": "America/New_York"}


def weeks_of_hours() -> pl.DataFrame:
    """Every hour of six weeks at four sites; the newest is bad."""
    hours = pl.datetime_range(NEWEST - timedelta(weeks=6), NEWEST, "1h", time_zone="UTC", eager=True)
    grid = (
        pl.DataFrame({"hour": hours})
        .join(pl.DataFrame({"site_id": list(ZONES)}), how="cross")
        .with_row_index("n")
    )
    is_newest = pl.col("hour") == NEWEST
    return full(
        history.SLE_HOURLY,
        grid.select(
            "hour",
            "site_id",
            day=pl.col("hour").dt.date(),
            metric=pl.lit("coverage"),
            score_pct=pl.when(is_newest).then(20.0).otherwise(90.0 + pl.col("n") * 7919 % 97 / 10),
            total_user_minutes=pl.lit(3000.0),
            state=pl.lit("ok"),
        ),
    )


def test_deviations_need_no_hours_but_those_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    rows = weeks_of_hours()
    days = rows["day"].unique().sort().to_list()
    warehouse.replace_days(history.SLE_HOURLY, rows, days)
    sites = full(
        history.SITES,
        pl.DataFrame(
            {"site_id": list(ZONES), "timezone": list(ZONES.values()), "day": [date(2026, 4, 8)] * 4}
        ),
    )
    hours = RecentHours(warehouse, NEWEST + timedelta(hours=1, minutes=5))
    found = deviations_now(hours, sites)
    assert hours.like_newest(5, timedelta(hours=3))["hour"].n_unique() == 5 * 7 + 1
    monkeypatch.setattr(
        RecentHours, "like_newest", lambda self, *_: self.read("sle_hourly", NEWEST - timedelta(weeks=6))
    )
    assert found.equals(deviations_now(hours, sites))
    assert found.height == len(ZONES)
