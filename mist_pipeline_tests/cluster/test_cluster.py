"""A worker is killed in the middle of a step, on machines that share nothing but PostgreSQL, the store and the scheduler: the same rows."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.settings import load_settings
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline_tests.cluster.job import awaited, ran, start
from mist_pipeline_tests.cluster.scene import (
    OF_THE_RUN,
    begun_steps,
    cluster,
    kill_in_the_middle,
)
from mist_pipeline_tests.failover.database import shared_database
from mist_pipeline_tests.failover.harness import free_port, object_store
from mist_pipeline_tests.support.postgresql import server_folder
from mist_pipeline_tests.support.warehouse.contents import contents, differing

pytestmark = pytest.mark.slow

START = date(2026, 3, 27)
DAYS = (START, START + timedelta(days=1))
NOW = datetime(2026, 3, 29, 9, 25, tzinfo=UTC)
SLOW_STEPS = {"history_service_levels", "anomalies", "evidence", "baselines", "forecasts", "deviations"}


@pytest.fixture
def cloud() -> Iterator[Running]:
    with serve(World(4, 3, seed=11, start=START), clock=Clock(NOW)) as running:
        yield running


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"),
    reason="NOT TESTED: network namespaces need root and iproute2",
)
@pytest.mark.skipif(server_folder() is None, reason="PostgreSQL NOT TESTED: no initdb on this machine")
def test_a_worker_that_is_killed_in_the_middle_changes_no_row(
    cloud: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = {
        "MIST_BASE_URL": cloud.base_url,
        "MIST_ORG_ID": cloud.org_id,
        "MIST_API_TOKEN": cloud.token,
        "MIST_PIPELINE__HISTORY__START": START.isoformat(),
    }
    base = {name: value for name, value in os.environ.items() if not name.startswith(("MIST_", "DAGSTER_"))}
    alone = {**base, **pipeline, "MIST_PIPELINE_DATA": str(tmp_path / "alone")}
    log = tmp_path / "jobs.log"
    assert ran(alone, "daily", NOW, DAYS, log).failures == ()
    folder = tmp_path / "cluster"
    folder.mkdir()
    with (
        shared_database(free_port()) as database,
        object_store() as objects,
        cluster(folder, database, objects, pipeline, port=free_port()) as found,
    ):
        environment = found.environment
        run = start(environment, "daily", NOW, DAYS, log)
        hit = kill_in_the_middle(found, SLOW_STEPS, goes_on=lambda: run.poll() is None)
        assert awaited(run, log).failures == ()
        with found.instance() as opened:
            steps = {step: (hosts, has_ended) for step, hosts, has_ended in begun_steps(opened, hit.run_id)}
            storage = opened.event_log_storage
            taken = [
                key
                for key in storage.get_concurrency_keys()
                if storage.get_concurrency_info(key).active_slot_count
            ]
        for name in (name for name in environment if name.startswith("AWS_")):
            monkeypatch.setenv(name, environment[name])
        wanted, rows = (contents(load_settings(environment=one)) for one in (alone, environment))
    hosts, has_ended = steps[hit.step]
    assert has_ended
    assert hosts[0] == hit.machine
    assert hosts[-1] != hit.machine, "the other machine made it"
    assert taken == []
    assert differing(wanted, rows) == []
    assert wanted["history.sle_hourly"].height > 0
    assert wanted["analysis.forecasts"].height > 0
    for machine in found.machines:
        kept = {path.name for path in (folder / machine.name / "data").rglob("*") if path.is_file()}
        assert not any(name.endswith((".duckdb", ".db", ".json", ".gz")) for name in kept), kept
    assert {"raw_answers", "published__mist", "report__daily_report"}.isdisjoint(steps)
    assert (folder / OF_THE_RUN / "data" / "reports").exists()
