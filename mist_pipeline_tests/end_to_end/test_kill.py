"""A backfill that is killed, whenever, and started again ends in the tables of one that was left alone."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dagster import DagsterEventType
from typer.testing import CliRunner

from mist_pipeline.cli.app import app
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline_tests.support.cli.runs_in_memory import runs_in_memory
from mist_pipeline_tests.support.end_to_end.tables import Contents, contents, differences

pytestmark = pytest.mark.slow

START = date(2026, 3, 28)
LAST = START + timedelta(days=1)
NOW = datetime(2026, 3, 30, 9, 25, tzinfo=UTC)
SITES = 2

WRITTEN_SHARE = 0.4
"""A run is killed when it has told Dagster of so much of what an undisturbed run tells; another while it asks the cloud."""

PATIENCE_SECONDS = 240.0
MATERIALISED = DagsterEventType.ASSET_MATERIALIZATION
COMMAND = [
    *("backfill", "--mode", "all", "--from", START.isoformat(), "--to", LAST.isoformat()),
    *("--as-of", NOW.strftime("%Y-%m-%dT%H:%M:%S")),
]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Running]:
    world = World(SITES, 6, seed=3, start=START, organisation_zone="Europe/Berlin")
    with serve(world, clock=Clock(NOW)) as running:
        yield running


class Backfill:
    """The command line's backfill of two days."""

    def __init__(self, cloud: Running, folder: Path) -> None:
        self.warehouse = folder / "warehouse.duckdb"
        self._cloud = cloud
        self._events = folder / "dagster" / "history" / "runs" / "index.db"
        self._environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
            "MIST_BASE_URL": cloud.base_url,
            "MIST_ORG_ID": cloud.org_id,
            "MIST_API_TOKEN": cloud.token,
            "MIST_PIPELINE_DATA": str(folder),
            "MIST_PIPELINE__HISTORY__START": START.isoformat(),
            "MIST_PIPELINE__ORGANISATION__TIMEZONE": "Europe/Berlin",
            "MIST_PIPELINE__COMPUTE__WORKERS": "1",
        }

    def start(self) -> "subprocess.Popen[str]":
        """A process group of its own, so that its workers die with it."""
        return subprocess.Popen(
            [sys.executable, "-m", "mist_pipeline.cli", *COMMAND],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run_here(self) -> int:
        """To its end in this process, where Dagster's record costs less; how many partitions Dagster was told of."""
        with pytest.MonkeyPatch.context() as patch, runs_in_memory() as instances:
            for name, value in self._environment.items():
                patch.setenv(name, value)
            ended = CliRunner().invoke(app, COMMAND)
            assert ended.exit_code == 0, ended.output[-3000:]
            (instance,) = instances.values()
            return sum(
                len(instance.get_records_for_run(run.run_id, of_type=MATERIALISED).records)
                for run in instance.get_runs()
            )

    def run_and_kill(self, progress: Callable[[], int], enough: int) -> None:
        """Killed as soon as it has made so much progress, counted from where it starts."""
        before = progress()
        process = self.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while progress() - before < enough:
            assert process.poll() is None, (
                f"ended before it could be killed: {process.communicate()[0][-3000:]}"
            )
            assert time.monotonic() < deadline, (
                f"{progress() - before} of {enough} after {PATIENCE_SECONDS} s"
            )
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it was still at work"

    def requests(self) -> int:
        """How often the cloud was asked, by anybody."""
        return self._cloud.requests.total

    def materialised(self) -> int:
        """How many partitions of assets Dagster was told of."""
        if not self._events.exists():
            return 0
        try:
            with closing(sqlite3.connect(f"file:{self._events}?mode=ro", uri=True)) as events:
                (count,) = events.execute(
                    "SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
                ).fetchone()
        except sqlite3.OperationalError:  # it is just being made
            return 0
        return int(count)

    def tables(self) -> Contents:
        """What it made of the cloud's answers."""
        return contents(self.warehouse, "history", "analysis")


def test_killed_at_any_moment_and_started_again_it_ends_in_the_same_tables(
    cloud: Running, tmp_path: Path
) -> None:
    undisturbed, disturbed = (
        Backfill(cloud, tmp_path / "undisturbed"),
        Backfill(cloud, tmp_path / "disturbed"),
    )
    written = undisturbed.run_here()
    requests = undisturbed.requests()
    assert requests > 50
    assert written > 50
    disturbed.run_and_kill(disturbed.requests, requests // 2)
    disturbed.run_and_kill(disturbed.materialised, int(WRITTEN_SHARE * written))
    disturbed.run_here()
    expected = undisturbed.tables()
    assert expected["history.sle_daily"].height == 2 * SITES * 8
    assert expected["analysis.trends"].height > 0
    assert differences(expected, disturbed.tables()) == []
