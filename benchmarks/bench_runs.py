"""What a run costs whatever it does: runs that a code server starts, in a fresh interpreter and as a fork of what is loaded already.

Run with ``.venv/bin/python -m benchmarks runs``; 24 sites, some minutes. One job: ``python -m benchmarks.bench_runs --jobs deliver``.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import dagster as dg
import psutil
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from benchmarks.bench_daily import DAYS
from benchmarks.growing import LAST, MORNING, POLL, cloud, settings_of, taken
from mist_pipeline.cli.code_location.files import CODE_LOCATION
from mist_pipeline.cli.code_location.forks import Location
from mist_pipeline.cli.code_location.runs import place_of
from mist_pipeline.cli.code_location.server import CodeServer, code_server
from mist_pipeline.cli.dagster_home import environment, instance
from mist_pipeline.defs.resources import run_config

JOBS = ("deliver", "evaluate", "live", "daily")
WITHIN_SECONDS = 1200.0


@dataclass(frozen=True)
class Cost:
    """What a run took.

    Attributes:
        seconds: By the clock, from its launch to its end.
        cpu: Seconds of processor of its process and of those that it started.
        steps: How many it had.
        events: How many events it stored.
    """

    seconds: float
    cpu: float
    steps: int
    events: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table: each job in both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=24)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mist-runs-") as name:
        folder = Path(name)
        taken("past", folder, given.sites)
        with cloud(folder, given.sites) as asked:
            taken("snapshots", folder, given.sites, asked)
            own = {
                "MIST_PIPELINE_DATA": str(folder),
                "MIST_PIPELINE__HISTORY__START": DAYS[0].isoformat(),
                "MIST_PIPELINE__ORGANISATION__TIMEZONE": "UTC",
                **asked.variables,
            }
            with mock.patch.dict(os.environ, own):
                print_costs(folder, given.sites, given.jobs)


def print_costs(folder: Path, sites: int, jobs: Sequence[str]) -> None:
    """Run each job in both ways, after a first time that is not counted, so that both find the same."""
    settings = settings_of(folder)
    print(f"{sites:,} sites{'':12} {'fresh interpreter':>26} {'fork':>26}")
    with instance(settings) as opened:
        env = environment(settings)
        os.environ["DAGSTER_HOME"] = env["DAGSTER_HOME"]
        location = Location(CODE_LOCATION)
        with code_server({**os.environ, **env}, {location: ()}) as server:
            place = place_of(server.workspace.parent)
            aside = place.with_name("aside")
            _wait(place.exists)
            for job in jobs:
                cost(opened, server, job)
                place.rename(aside)
                fresh = cost(opened, server, job)
                aside.rename(place)
                fork = cost(opened, server, job)
                told = f"{job} ({fork.steps} steps, {fork.events} events)"
                costs = "".join(f" {one.seconds:12.1f} s {one.cpu:7.1f} s CPU" for one in (fresh, fork))
                print(f"{told:<34}{costs}", flush=True)


def cost(opened: dg.DagsterInstance, server: CodeServer, job: str) -> Cost:
    """Start a run through the code server, and wait until it has ended.

    Raises:
        RuntimeError: It failed.
    """
    from dagster._cli.job import _create_run  # what `dagster job launch` is made of has no public name

    before = _used(server)
    with WorkspaceProcessContext(opened, WorkspaceFileTarget([str(server.workspace)])) as loaded:
        request = loaded.create_request_context()
        code = request.get_code_location(CODE_LOCATION)
        (repository,) = code.get_repositories().values()
        at = MORNING if job == "daily" else POLL
        run = _create_run(
            instance=opened,
            code_location=code,
            remote_repo=repository,
            remote_job=repository.get_full_job(job),
            run_config=run_config(at, notify=False) if job in ("daily", "live") else {},
            tags={"dagster/partition": LAST.isoformat()} if job == "daily" else None,
            op_selection=None,
            run_id=None,
        )
        begun = time.perf_counter()
        opened.launch_run(run.run_id, request)
        _wait(lambda: _is_over(opened, run.run_id))
        seconds = time.perf_counter() - begun
    ended = opened.get_run_by_id(run.run_id)
    if ended is None or ended.status != dg.DagsterRunStatus.SUCCESS:
        raise RuntimeError(f"{job} did not succeed: {ended and ended.status}")
    # Whoever started the process has to notice that it is gone.
    _wait(lambda: _used(server) > before)
    steps, events = opened.get_run_step_stats(run.run_id), opened.all_logs(run.run_id)
    return Cost(seconds, _used(server) - before, len(steps), len(events))


def _used(server: CodeServer) -> float:
    """Seconds of processor of all processes that ended below those that start runs."""
    used = [one.cpu_times() for one in psutil.Process(server.process.pid).children()]
    return float(sum(one.children_user + one.children_system for one in used))


def _is_over(opened: dg.DagsterInstance, run_id: str) -> bool:
    run = opened.get_run_by_id(run_id)
    return run is not None and run.is_finished


def _wait(until: Callable[[], bool]) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: It was not, for too long.
    """
    last = time.monotonic() + WITHIN_SECONDS
    while not until():
        if time.monotonic() > last:
            raise TimeoutError(f"nothing happened for {WITHIN_SECONDS:.0f} seconds")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
