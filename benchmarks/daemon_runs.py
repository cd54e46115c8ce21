"""Runs as the daemon starts them: forks of a process that has loaded the project, whose time and memory are their own.

Here: a code server of an organisation, a run that it starts, and what that run took. Not here: the same jobs as a command runs them
(`growing`), and what is compared and printed (`bench_growth`, `bench_runs`).
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import dagster as dg
import psutil
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from benchmarks.growing import LAST, RunningCloud, Step, calls_so_far, own_variables, settings_of, when_of
from mist_pipeline.cli.code_location.files import CODE_LOCATION
from mist_pipeline.cli.code_location.forks import Location
from mist_pipeline.cli.code_location.runs import place_of
from mist_pipeline.cli.code_location.server import CodeServer, code_server
from mist_pipeline.cli.dagster_home import environment, instance
from mist_pipeline.defs.resources import run_config
from mist_pipeline.settings import Settings

WITHIN_SECONDS = 3600.0
_LOOK_SECONDS = 0.1
_KIB = 1024


@dataclass(frozen=True)
class RunsOfDaemon:
    """An organisation whose runs are started by a code server.

    Attributes:
        settings: Of the organisation.
        opened: Its instance of Dagster.
        server: Its code server.
        cloud: What its runs ask.
    """

    settings: Settings
    opened: dg.DagsterInstance
    server: CodeServer
    cloud: RunningCloud

    @property
    def forks(self) -> Path:
        """Where forks are asked for; where nobody answers there, a run begins in a fresh interpreter."""
        return place_of(self.server.workspace.parent)

    def run(self, step: str) -> Step:
        """Start a run, and wait until it has ended: from its launch to its end, with all processes that it started.

        Args:
            step: A job, or ``first_live``.

        Raises:
            RuntimeError: It failed.
        """
        calls, cloud, used = calls_so_far(self.settings), self.cloud.cpu(), self._used()
        were = {one.pid for one in self._processes()}
        peaks: dict[int, int] = {}

        def is_over() -> bool:
            peaks.update(
                (one.pid, max(peaks.get(one.pid, 0), _peak(one.pid)))
                for one in self._processes()
                if one.pid not in were
            )
            ended = self.opened.get_run_by_id(run.run_id)
            return ended is not None and ended.is_finished

        with WorkspaceProcessContext(
            self.opened, WorkspaceFileTarget([str(self.server.workspace)])
        ) as loaded:
            request = loaded.create_request_context()
            run = self._made(request, step)
            begun = time.perf_counter()
            self.opened.launch_run(run.run_id, request)
            wait_until(is_over)
            seconds = time.perf_counter() - begun
        ended = self.opened.get_run_by_id(run.run_id)
        if ended is None or ended.status != dg.DagsterRunStatus.SUCCESS:
            raise RuntimeError(f"{step} did not succeed: {ended and ended.status}")
        # Whoever started the process has to notice that it is gone.
        wait_until(lambda: self._used() > used)
        steps, events = self.opened.get_run_step_stats(run.run_id), self.opened.all_logs(run.run_id)
        said = {
            one.step_key: one.end_time - one.start_time for one in steps if one.end_time and one.start_time
        }
        return Step(
            seconds,
            self._used() - used,
            max(peaks.values(), default=0),
            {
                **said,
                "calls": calls_so_far(self.settings) - calls,
                "steps": len(steps),
                "events": len(events),
            },
            self.cloud.cpu() - cloud,
        )

    def _made(self, request: WorkspaceRequestContext, step: str) -> dg.DagsterRun:
        from dagster._cli.job import _create_run  # what `dagster job launch` is made of has no public name

        job, is_of_a_day = {"first_live": "live"}.get(step, step), step in ("collect", "daily")
        code = request.get_code_location(CODE_LOCATION)
        (repository,) = code.get_repositories().values()
        made: dg.DagsterRun = _create_run(
            instance=self.opened,
            code_location=code,
            remote_repo=repository,
            remote_job=repository.get_full_job(job),
            run_config=run_config(when_of(step), notify=False if is_of_a_day else None),
            tags={"dagster/partition": LAST.isoformat()} if is_of_a_day else None,
            op_selection=None,
            run_id=None,
        )
        return made

    def _processes(self) -> list[psutil.Process]:
        return psutil.Process(self.server.process.pid).children(recursive=True)

    def _used(self) -> float:
        """Seconds of processor of all processes that ended below those that start runs."""
        used = [one.cpu_times() for one in psutil.Process(self.server.process.pid).children()]
        return float(sum(one.children_user + one.children_system for one in used))


@contextmanager
def runs_of_daemon(folder: Path, asked: RunningCloud) -> Iterator[RunsOfDaemon]:
    """A code server of the organisation in a folder, and whoever forks for its runs, until the block ends."""
    settings = settings_of(folder)
    with (
        mock.patch.dict(os.environ, {**own_variables(folder), **asked.variables}),
        instance(settings) as opened,
    ):
        env = environment(settings)
        os.environ["DAGSTER_HOME"] = env["DAGSTER_HOME"]
        with code_server({**os.environ, **env}, {Location(CODE_LOCATION): ()}) as server:
            found = RunsOfDaemon(settings, opened, server, asked)
            wait_until(found.forks.exists)
            yield found


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: It was not, for too long.
    """
    last = time.monotonic() + WITHIN_SECONDS
    while not is_so():
        if time.monotonic() > last:
            raise TimeoutError(f"nothing happened for {WITHIN_SECONDS:.0f} seconds")
        time.sleep(_LOOK_SECONDS)


def _peak(process: int) -> int:
    """The most bytes that a process has had, which the kernel keeps; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * _KIB for line in lines if line.startswith("VmHWM:")), 0)
