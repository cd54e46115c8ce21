"""Which past incidents a morning report tells: all of whose alerts were over, each in one report."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from mist_pipeline.workflows.report.past_incidents import past_incidents, recorded_between

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.tables import alerts
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.alerts.histories import HOUR, START, daily, episodes, excess

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 22)
FROM = datetime(2026, 11, 22, tzinfo=UTC)
NOON = FROM + timedelta(hours=12)
TO = FROM + timedelta(days=1)
TELL = NotificationRules(routes=[Route(name="all", sinks=("mail",))])


def filled(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    absent = dict.fromkeys(table.column_names)
    return pl.DataFrame([{**absent, **row} for row in rows], schema=table.polars_schema())


def alert(incident: str | None, number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "alert_id": f"{incident}-{number}",
        "incident_id": incident,
        "site_id": f"s{number}",
        "summary": "Coverage was bad",
        "severity": "warning",
        "highest": "major",
        "pending_since": NOON,
        "opened_at": NOON,
        "began_at": NOON - 9 * HOUR,
        "last_bad_at": NOON - 5 * HOUR,
        "resolved_at": NOON,
        "state": "resolved",
        "is_past": True,
        **changes,
    }


def incident(name: str, **changes: Any) -> dict[str, Any]:
    usual = {"incident_id": name, "scope": "site", "cause": "Trouble", "state": "resolved", "opened_at": NOON}
    return {**usual, **changes}


def told(folder: Path, incidents: list[dict[str, Any]], rows: list[dict[str, Any]]) -> pl.DataFrame:
    warehouse = Warehouse(folder / "warehouse.duckdb")
    warehouse.replace_tables(
        {alerts.INCIDENTS: filled(alerts.INCIDENTS, incidents), alerts.ALERTS: filled(alerts.ALERTS, rows)}
    )
    found = past_incidents(warehouse, FROM, TO)
    assert found is not None
    return found


def test_a_past_incident_is_read_with_its_true_times_and_its_worst_severity(tmp_path: Path) -> None:
    shared = incident("b", scope="infrastructure", cause="DHCP")
    found = told(tmp_path, [incident("a"), shared], [alert("a"), alert("b"), alert("b", 1), alert(None)])
    assert found.group_by("incident_id").len().sort("incident_id").rows() == [("a", 1), ("b", 2)]
    row = found.filter(pl.col("incident_id") == "a").row(0, named=True)
    assert (row["began_at"], row["last_bad_at"]) == (NOON - 9 * HOUR, NOON - 5 * HOUR)
    assert (row["severity"], row["site_id"], row["cause"], row["summary"]) == (
        "major",
        "s0",
        "",
        "Coverage was bad",
    )
    assert set(found.filter(pl.col("incident_id") == "b")["cause"]) == {"DHCP"}


@pytest.mark.parametrize(
    ("incidents", "rows"),
    [
        pytest.param([], [], id="there is none"),
        pytest.param(
            [incident("a")], [alert("a"), alert("a", 1, is_past=False)], id="one was noticed in time"
        ),
        pytest.param([incident("a")], [alert("a", is_past=None)], id="not known of it"),
        pytest.param([incident("a", state="open")], [alert("a")], id="it came back"),
        pytest.param([incident("a", opened_at=FROM - timedelta(seconds=1))], [alert("a")], id="told before"),
        pytest.param([incident("a", opened_at=TO)], [alert("a")], id="of the next report"),
    ],
)
def test_what_is_none_is_not_told(
    tmp_path: Path, incidents: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    assert told(tmp_path, incidents, rows).is_empty()


@pytest.mark.slow
def test_what_a_ledger_has_recorded_is_told(tmp_path: Path) -> None:
    known = episodes({"began": 10, "last": 19, "recovery": 1.0})
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.record_evaluation(daily(30, excess(10, 19, recovery=1.0), episodes=known), TELL)
        frames = ledger.frames()
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.replace_tables({table: frames[table.name] for table in alerts.TABLES})
    published = Warehouse(publish(warehouse.path, tmp_path / "mist.duckdb"))
    found = past_incidents(published, START + 30 * HOUR, START + 31 * HOUR)
    assert found is not None
    assert found.select("site_id", "began_at", "last_bad_at").rows() == [
        ("s1", START + 10 * HOUR, START + 20 * HOUR)
    ]
    assert frames["deliveries"].is_empty(), "nobody is paged"


def test_times_that_are_not_known_are_those_of_the_record(tmp_path: Path) -> None:
    row = told(tmp_path, [incident("a")], [alert("a", began_at=None, last_bad_at=None)]).row(0, named=True)
    assert (row["began_at"], row["last_bad_at"]) == (NOON, NOON)


@pytest.mark.parametrize(
    "statements", ["SELECT 1", "CREATE SCHEMA alerts; CREATE TABLE alerts.alerts (site_id VARCHAR)"]
)
def test_a_copy_without_alerts_is_not_known(tmp_path: Path, statements: str) -> None:
    with duckdb.connect(str(tmp_path / "old.duckdb")) as connection:
        connection.execute(statements)
    assert past_incidents(Warehouse(tmp_path / "old.duckdb"), FROM, TO) is None


@pytest.mark.parametrize(
    ("folders", "first"),
    [
        ([], DAY),
        (["2026-11-21", "2026-11-22", "2026-11-23"], DAY),
        (["2026-11-17", "2026-11-18"], date(2026, 11, 19)),
        (["2026-11-99"], DAY),
        (["2026-02-30"], DAY),
    ],
)
def test_every_day_belongs_to_one_report(tmp_path: Path, folders: list[str], first: date) -> None:
    for name in folders:
        (tmp_path / "history" / name).mkdir(parents=True)
    start, end = recorded_between(tmp_path, DAY, BERLIN)
    assert start == datetime(first.year, first.month, first.day, tzinfo=BERLIN)
    assert end == datetime(2026, 11, 23, tzinfo=BERLIN)
