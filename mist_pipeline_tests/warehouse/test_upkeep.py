"""Small files of a lake are merged, and what nobody reads any more goes after its time, and not before."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.tables import history
from mist_pipeline.warehouse.lake import Lake
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.warehouse.upkeep import Upkeep, due, keep_up
from mist_pipeline_tests.support.warehouse.rows import FIRST, readings

pytestmark = pytest.mark.slow

KEPT = timedelta(days=3)


def files(lake: Lake) -> set[Path]:
    return set((Path(lake.files) / "history/sle_daily").rglob("*.parquet"))


def test_rows_stay_while_files_are_merged_and_the_old_ones_go_when_nobody_can_read_them(
    shared: Warehouse,
) -> None:
    lake = shared.place
    assert isinstance(lake, Lake)
    # Three days of a month, one of them twice, and one of the next month; and a write too small for a file.
    days = [FIRST + timedelta(days=number) for number in (-2, -1, 0, 0, 10)]
    for number, day in enumerate(days):
        shared.replace_days(history.SLE_DAILY, readings(day, *[float(number)] * 50), [day])
    tiny = [FIRST - timedelta(days=3)]
    shared.replace_days(history.SLE_DAILY, readings(tiny[0], 99.0), tiny)
    before = shared.query("FROM history.sle_daily ORDER BY ALL")
    now = datetime.now(UTC)
    written = files(lake)
    assert keep_up(lake, now, KEPT, 20) == Upkeep(merged=4, into=1)
    assert shared.query("FROM history.sle_daily ORDER BY ALL").equals(before)
    assert before["score_pct"].unique().sort().to_list() == [0.0, 1.0, 3.0, 4.0, 99.0]
    assert written <= files(lake)  # somebody may be reading

    later = now + KEPT + timedelta(hours=1)
    planned = due(lake, later, KEPT, 20)
    assert (planned.expired > 5, planned.removed) == (True, 4)
    done = keep_up(lake, later, KEPT, 20)
    assert (done.expired, done.removed, done.orphaned) == (planned.expired, 5, 0)
    assert shared.query("FROM history.sle_daily ORDER BY ALL").equals(before)
    assert len(files(lake)) == 2


def test_files_of_a_writer_that_was_killed_go_after_a_day(shared: Warehouse, tmp_path: Path) -> None:
    lake = shared.place
    assert isinstance(lake, Lake)
    shared.replace_days(history.SLE_DAILY, readings(FIRST, *[1.0] * 50), [FIRST])
    left = next(iter(files(lake))).with_name("left.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(left)
    now = datetime.now(UTC)
    assert list(due(lake, now, KEPT, 20).lines()) == []
    os.utime(left, (now.timestamp() - 90_000,) * 2)
    assert list(due(lake, now, KEPT, 20).lines()) == [
        "remove 1 file of writers of the shared warehouse that were killed"
    ]
    assert left.exists()
    assert keep_up(lake, now, KEPT, 20).orphaned == 1
    assert not left.exists()
    assert shared.query("SELECT count(*) FROM history.sle_daily").item() == 50
