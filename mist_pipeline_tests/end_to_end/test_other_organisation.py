"""A data folder of another organisation is refused by every job that asks, before anything is asked of its sites."""

import json
from collections import Counter

import pytest

from mist_pipeline.cli.execution import execute, execute_days
from mist_pipeline.simulator.cloud.server import Running
from mist_pipeline.warehouse.owner import owner_of
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.end_to_end.conftest import DAYS, NOW, Configured

pytestmark = pytest.mark.slow


def test_no_job_asks_about_sites_for_the_folder_of_another_organisation(
    configured: Configured, cloud: Running
) -> None:
    settings = configured()
    execute(settings, "snapshots", progress=silent, as_of=NOW)
    pin = settings.data / "organisation.json"
    ours = json.loads(pin.read_text())
    assert ours["id"] == cloud.org_id
    pin.write_text(json.dumps({**ours, "id": "another", "name": "Globex"}))
    before = Counter(cloud.requests.endpoints)
    outcomes = [
        execute(settings, "snapshots", progress=silent, as_of=NOW),
        *execute_days(settings, "collect", DAYS[:1], progress=silent, as_of=NOW),
        execute(settings, "live", progress=silent, as_of=NOW),
    ]
    for outcome in outcomes:
        assert any("belongs to Globex (another" in failure for failure in outcome.failures), outcome.job
        assert any(cloud.org_id in failure for failure in outcome.failures)
    asked = Counter(cloud.requests.endpoints) - before
    assert not {
        name for name in asked if "sites" in name or "sle" in name or "stats" in name or "alarms" in name
    }
    assert json.loads(pin.read_text())["id"] == "another"


def test_the_first_run_pins_folder_and_warehouse(configured: Configured, cloud: Running) -> None:
    settings = configured()
    execute(settings, "snapshots", progress=silent, as_of=NOW)
    execute_days(settings, "collect", DAYS[:1], progress=silent, as_of=NOW)
    with Warehouse(settings.warehouse_path).reading() as connection:
        owner = owner_of(connection)
    assert owner is not None
    assert owner.org_id == cloud.org_id
    (settings.data / "organisation.json").unlink()
    outcome = execute(settings, "snapshots", progress=silent, as_of=NOW)
    assert outcome.is_success, "the same organisation gets its file again"
    assert json.loads((settings.data / "organisation.json").read_text())["id"] == cloud.org_id
