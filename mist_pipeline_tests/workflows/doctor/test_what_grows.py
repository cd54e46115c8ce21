"""What is written every few minutes for ever is bounded: old findings of polls and states of detection are removed."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.analysis.baselines.hourly import HourlyBaselineRules
from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.settings.model import LEAST_HOURLY_DAYS
from mist_pipeline.tables import history, live, state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.hours.files import label_of
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_hour import FIRST_LOOK_BACK
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.retention import age_hours, archive, forget, planned
from mist_pipeline.workflows.what_grows import what_grows
from mist_pipeline_tests.support.defs.rows import frame, row

NOW = datetime(2026, 12, 1, 4, 30, tzinfo=UTC)
DAYS = {"MIST_PIPELINE__MONITORING__KEEP_FINDINGS_DAYS": "7", "MIST_PIPELINE__HISTORY__KEEP_STATE_DAYS": "90"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path), **DAYS})


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    return Warehouse(settings.warehouse_path)


def finds(warehouse: Warehouse, *instants: datetime) -> None:
    warehouse.append(
        live.FINDINGS, frame(*(row(live.FINDINGS, as_of=at) for at in instants), table=live.FINDINGS)
    )


def knows(warehouse: Warehouse, table: Table, *days: date) -> None:
    warehouse.replace_days(table, frame(*(row(table, day=day) for day in days), table=table), days)


def kept(warehouse: Warehouse, table: Table, column: str) -> list[date | datetime]:
    return warehouse.query(f"SELECT DISTINCT {column} FROM {table.full_name} ORDER BY 1")[column].to_list()


def test_findings_of_polls_stay_as_long_as_is_set(settings: Settings, warehouse: Warehouse) -> None:
    young, old = NOW - timedelta(days=7), NOW - timedelta(days=7, minutes=1)
    finds(warehouse, old, young, NOW)
    assert forget(warehouse, settings, NOW)["live.findings"] == 1
    assert kept(warehouse, live.FINDINGS, "as_of") == [young, NOW]


def test_states_stay_as_long_as_is_set_and_the_newest_whatever_its_age(
    settings: Settings, warehouse: Warehouse
) -> None:
    first = NOW.date() - timedelta(days=90)
    for table in (state.EVIDENCE, state.DAY_SHAPES):
        knows(warehouse, table, first - timedelta(days=1), first)
    assert forget(warehouse, settings, NOW) == {
        "live.findings": 0,
        "state.evidence": 1,
        "state.day_shapes": 1,
    }
    assert kept(warehouse, state.EVIDENCE, "day") == kept(warehouse, state.DAY_SHAPES, "day") == [first]
    # A service that was off for a year goes on from where it was.
    much_later = NOW + timedelta(days=365)
    assert forget(warehouse, settings, much_later)["state.evidence"] == 0
    assert kept(warehouse, state.EVIDENCE, "day") == [first]


def test_week_after_week_there_are_no_more_rows(settings: Settings, warehouse: Warehouse) -> None:
    heights = []
    for week in range(5):
        night = NOW + timedelta(weeks=week)
        finds(warehouse, *(night - timedelta(days=back) for back in range(7)))
        forget(warehouse, settings, night)
        heights.append(len(kept(warehouse, live.FINDINGS, "as_of")))
    # The instant a week ago is one of the last week's.
    assert heights == [7, 8, 8, 8, 8]


def test_hours_stay_in_the_warehouse_as_long_as_is_set_and_whole_months_go(
    settings: Settings, warehouse: Warehouse
) -> None:
    first = NOW.date() - timedelta(days=settings.history.keep_hourly_days)
    days = [date(2026, 7, 31), date(2026, 8, 1), first, NOW.date()]
    knows(warehouse, history.SLE_HOURLY, *days)
    dry = planned(settings, NOW.date())
    assert "move 1 rows of history.sle_hourly, 2026-07 into a file" in dry
    assert list(map(label_of, age_hours(warehouse, settings, NOW.date()))) == ["sle_hourly-2026-07"]
    assert kept(warehouse, history.SLE_HOURLY, "day") == days
    assert age_hours(warehouse, settings, NOW.date()) == []


@pytest.mark.parametrize(("days", "is_enough"), [("61", False), ("62", True)])
def test_polls_never_need_hours_of_files(tmp_path: Path, days: str, *, is_enough: bool) -> None:
    environment = {"MIST_PIPELINE_DATA": str(tmp_path), "MIST_PIPELINE__HISTORY__KEEP_HOURLY_DAYS": days}
    if is_enough:
        assert load_settings(environment=environment).history.keep_hourly_days == int(days)
        return
    with pytest.raises(SettingsError, match="61 is less than 62: polls read hours of up to 60 days"):
        load_settings(environment=environment)


def test_what_is_least_is_what_polls_look_back() -> None:
    looked = max(FIRST_LOOK_BACK, timedelta(weeks=HourlyBaselineRules().weeks))
    assert timedelta(days=LEAST_HOURLY_DAYS) >= looked + timedelta(days=2)


def test_a_dry_run_says_of_everything_its_size_its_rule_and_what_would_go(
    settings: Settings, warehouse: Warehouse, tmp_path: Path
) -> None:
    finds(warehouse, NOW - timedelta(days=8))
    knows(warehouse, history.SITE_HOURLY, date(2026, 1, 5))
    evaluation = tmp_path / "evaluations" / "2026-10-01" / "20261001T000000.000000Z-live"
    evaluation.mkdir(parents=True)
    (evaluation / "step.json").write_text("{}", encoding="utf-8")
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / ".mist.duckdb.999999999").write_bytes(b"x" * 5)
    with open_ledger(settings):
        pass
    files = sorted((path, path.stat().st_size) for path in tmp_path.rglob("*"))
    found = {one.what: one for one in what_grows(settings, NOW)}
    assert {what: one.going for what, one in found.items() if one.going} == {
        "evaluations/": "remove 1 evaluation",
        "warehouse.duckdb: hours": "move 1 rows into files",
        "warehouse.duckdb: live.findings": "remove 1 rows",
        "leftovers": "remove 1 file or folder",
    }
    assert {"raw/", "raw/live_*", "reports/", "published/", "hours/", "ledger"} <= set(found)
    assert found["evaluations/"].num_bytes == 2
    assert found["leftovers"].num_bytes == 5
    assert found["warehouse.duckdb"].num_bytes == settings.warehouse_path.stat().st_size
    assert sorted((path, path.stat().st_size) for path in tmp_path.rglob("*")) == files


def test_rules_name_keys_that_there_are(settings: Settings, warehouse: Warehouse) -> None:
    warehouse.prepare()
    rules = " ".join(one.rule for one in what_grows(settings, NOW))
    named = set(re.findall(r"\((\w+)\.(\w+)\)", rules))
    assert len(named) >= 6
    for section, key in named:
        assert str(getattr(getattr(settings, section), key)) in rules


def test_the_nightly_retention_does_it(settings: Settings, warehouse: Warehouse) -> None:
    finds(warehouse, NOW - timedelta(days=8))
    assert archive(settings, warehouse, NOW).removed_rows["live.findings"] == 1
