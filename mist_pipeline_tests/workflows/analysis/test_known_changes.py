"""Changes that detection knows: stored days, today's, nobody's name unless it is wanted, and none in a warehouse without the table."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from mist_pipeline.tables import history, live
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.changes import known_changes

TODAY = date(2026, 3, 3)
YESTERDAY = TODAY - timedelta(days=1)


def frame(table: Table, **columns: Any) -> pl.DataFrame:
    row = {
        "change_id": "c", "changed_at": datetime(2026, 3, 2, 9, tzinfo=UTC), "kind": "wlan", "admin": "Jo", "state": "ok", **columns,
    }  # fmt: skip
    return pl.DataFrame([row], schema=table.polars_schema())


def test_todays_changes_are_those_of_polls_until_the_day_is_stored(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.replace_days(history.CHANGES, frame(history.CHANGES, day=YESTERDAY), [YESTERDAY])
    polled = [frame(live.CHANGES, day=day, change_id=f"p{day.day}") for day in (YESTERDAY, TODAY)]
    warehouse.replace_tables({live.CHANGES: pl.concat(polled)})

    def ids(*, with_today: bool) -> list[str]:
        return sorted(known_changes(warehouse, YESTERDAY, TODAY, with_today=with_today)["change_id"])

    assert ids(with_today=False) == ["c"]
    assert ids(with_today=True) == ["c", "p2", "p3"]
    day = {"day": YESTERDAY, "site_id": "s", "metric": "coverage", "state": "ok"}
    stored = pl.DataFrame([day], schema=history.SLE_DAILY.polars_schema())
    warehouse.replace_days(history.SLE_DAILY, stored, [YESTERDAY])
    assert ids(with_today=True) == ["c", "p3"]


def test_a_person_is_left_out_unless_wanted_also_where_the_row_has_the_name(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.replace_days(history.CHANGES, frame(history.CHANGES, day=YESTERDAY), [YESTERDAY])
    assert [
        known_changes(warehouse, YESTERDAY, TODAY, with_admins=wanted)["admin"][0] for wanted in (False, True)
    ] == [None, "Jo"]


def test_a_warehouse_of_before_knows_no_changes(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.prepare()
    with warehouse.writing() as connection:
        connection.execute("DROP TABLE history.changes")
    found = known_changes(warehouse, YESTERDAY, TODAY, with_today=True)
    assert (found.height, found.schema) == (0, history.CHANGES.empty().schema)
