"""The live evaluation: an outage is found within its hours, and its site is a suspect afterwards."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.scenario import sudden_outage
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME, live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_hour import live_evaluation
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.collection.poll import suspected

DAYS = 24
HIT = 0
HOURLY = ("sle_hourly", "classifiers_hourly", "site_hourly")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> World:
    quiet = World(6, DAYS, 3, quiet=True, timezones=["UTC"])
    noon = quiet.midnight(quiet.first_day + timedelta(days=DAYS - 1)) + timedelta(hours=11)
    outage = sudden_outage([HIT], noon, 6.0, peak=0.9)
    return World(6, DAYS, 3, quiet=True, timezones=["UTC"], scenarios=[outage])


@pytest.fixture(scope="module")
def settings(world: World, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """History up to yesterday, evidence up to then, and today's hours as the live job keeps them."""
    data: Path = tmp_path_factory.mktemp("live")
    made = load_settings(environment={"MIST_PIPELINE_DATA": str(data)})
    warehouse = Warehouse(made.warehouse_path)
    days = [world.first_day + timedelta(days=offset) for offset in range(DAYS)]
    past, today = days[:-1], days[-1]
    history = world.history(past[0], past[-1])
    warehouse.replace_all({BY_NAME[f"history.{name}"]: frame for name, frame in history.items()}, past)
    store_evidence(warehouse, made, past)
    hours = world.history(today, today)
    warehouse.replace_tables({BY_NAME[f"live.{name}"]: hours[name] for name in HOURLY})
    return made


def serious(found: pl.DataFrame) -> set[str]:
    return set(
        found.filter(pl.col("severity").is_in(["critical", "major"]) & (pl.col("site_id") != ""))["site_id"]
    )


def test_an_outage_is_found_within_two_hours_and_its_site_is_a_suspect_afterwards(
    world: World, settings: Settings
) -> None:
    warehouse = Warehouse(settings.warehouse_path)
    site = world.sites()[HIT].site_id
    onset = world.scenarios[0].onset
    before = live_evaluation(warehouse, settings, onset).detected.findings
    after = live_evaluation(warehouse, settings, onset + timedelta(hours=2, minutes=5)).detected.findings
    assert site not in serious(before)
    told = after.filter((pl.col("site_id") == site) & (pl.col("kind") == "evidence"))
    assert told["family"].to_list() == ["connect"]
    assert told["severity"].to_list() == ["critical"]
    assert "dhcp" in json.loads(told["evidence"][0])["classifier"]
    warehouse.append(live.FINDINGS, after)
    looked = after["as_of"][0]
    assert suspected(warehouse, looked, 10)[0] == site
    assert site not in suspected(warehouse, looked, 10, {site})
    assert suspected(warehouse, looked, 0) == ()
    assert suspected(warehouse, None, 10) == ()


def test_a_live_evaluation_knows_nothing_of_later_hours(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    warehouse = Warehouse(shutil.copy(settings.warehouse_path, tmp_path / "warehouse.duckdb"))
    early = world.scenarios[0].onset + timedelta(hours=1, minutes=5)
    whole = live_evaluation(warehouse, settings, early).detected.findings
    late = warehouse.query("SELECT * FROM live.sle_hourly WHERE hour < ?", [early])
    seen = warehouse.query("SELECT * FROM live.site_hourly WHERE hour < ?", [early])
    blamed = warehouse.query("SELECT * FROM live.classifiers_hourly WHERE hour < ?", [early])
    warehouse.replace_tables({live.SLE_HOURLY: late, live.SITE_HOURLY: seen, live.CLASSIFIERS_HOURLY: blamed})
    assert live_evaluation(warehouse, settings, early).detected.findings.equals(whole)
