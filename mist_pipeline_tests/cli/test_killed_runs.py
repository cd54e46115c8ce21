"""A killed run leaves nothing behind that a later one would wait for, and a living one is left alone."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import psutil
import pytest

from mist_pipeline.cli.dagster_home import instance
from mist_pipeline.cli.execution import PROCESS_TAG, bury_the_dead, execute
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.progress import silent

pytestmark = pytest.mark.slow

POOL = "evidence"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})


def started(opened: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    """A run that is under way and holds the place of the warehouse's writer."""

    @dg.job
    def work() -> None: ...

    run = opened.create_run_for_job(work, tags=tags, status=dg.DagsterRunStatus.STARTED)
    opened.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    opened.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "step")
    return run


def status(opened: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    known = opened.get_run_by_id(run.run_id)
    assert known is not None
    return known.status


def free_places(opened: dg.DagsterInstance) -> int:
    info = opened.event_log_storage.get_concurrency_info(POOL)
    return info.slot_count - info.active_slot_count


def tag_of(process: psutil.Process) -> str:
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.2f}"


@pytest.fixture
def killed() -> str:
    """The tag of a process that was killed and is gone."""
    process = psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    tag = tag_of(process)
    process.kill()
    process.wait()
    process.stdin.close()
    return tag


def test_the_run_of_a_killed_process_is_ended_and_its_place_is_free(settings: Settings, killed: str) -> None:
    with instance(settings) as opened:
        run = started(opened, **{PROCESS_TAG: killed})
        assert free_places(opened) == 0
        assert bury_the_dead(opened) == [run.run_id]
        assert status(opened, run) == dg.DagsterRunStatus.FAILURE
        assert free_places(opened) == 1
        assert bury_the_dead(opened) == []


def test_a_killed_process_that_nobody_waited_for_is_dead(settings: Settings) -> None:
    process = psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        tag = tag_of(process)
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with instance(settings) as opened:
            run = started(opened, **{PROCESS_TAG: tag})
            assert bury_the_dead(opened) == [run.run_id]
    finally:
        process.wait()
        process.stdin.close()


def test_the_run_of_a_living_process_keeps_its_place(settings: Settings) -> None:
    with instance(settings) as opened:
        run = started(opened, **{PROCESS_TAG: tag_of(psutil.Process())})
        assert bury_the_dead(opened) == []
        assert status(opened, run) == dg.DagsterRunStatus.STARTED
        assert free_places(opened) == 0


def test_another_process_with_the_number_of_a_dead_one_is_another(settings: Settings) -> None:
    host, number, _ = tag_of(psutil.Process()).rsplit(":", 2)
    with instance(settings) as opened:
        run = started(opened, **{PROCESS_TAG: f"{host}:{number}:1.00"})
        assert bury_the_dead(opened) == [run.run_id]


@pytest.mark.parametrize(
    "tags",
    [{}, {PROCESS_TAG: "another-host:1:1.00"}, {PROCESS_TAG: "nonsense"}],
    ids=["of the UI", "of another host", "of nobody"],
)
def test_runs_that_others_watch_are_left_to_them(tags: dict[str, str], settings: Settings) -> None:
    with instance(settings) as opened:
        run = started(opened, **tags)
        assert bury_the_dead(opened) == []
        assert status(opened, run) == dg.DagsterRunStatus.STARTED


def test_a_run_of_the_command_line_names_its_process(settings: Settings) -> None:
    assert execute(settings, "retention", progress=silent).is_success
    with instance(settings) as opened:
        (run,) = opened.get_runs()
    assert run.tags[PROCESS_TAG] == tag_of(psutil.Process())
