"""A run is a fork of a process that has loaded the project, or, where none waits, an interpreter of its own."""

import json
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from mist_pipeline.cli.code_location.forks import Location
from mist_pipeline.cli.code_location.launching import launch
from mist_pipeline.cli.code_location.runs import IS_POSSIBLE
from mist_pipeline.cli.code_location.server import CodeServer, code_server
from mist_pipeline.cli.dagster_home import environment, instance
from mist_pipeline.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not IS_POSSIBLE, reason="of a later Python")]


def test_a_run_is_a_fork_that_computes_and_ends_as_any_process_and_a_fresh_one_where_nobody_forks(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "mist_pipeline_tests.support.cli.forked_runs", str(tmp_path)]
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600).stdout)
    ends, killed, fresh, refused = (said[name] for name in ("ends", "killed", "fresh", "refused"))
    for one in (ends, killed, fresh, refused):
        assert one["variable"] == "yes"
        # They are made of the configuration as it is when the run begins.
        assert not one["definitions"]
        assert one["computed"] == [7, 200_000, 10, 300.0]
        assert one["was alive"]
    assert [one["parent"] for one in (ends, killed)] == [said["waits"], said["waits"]]
    assert [one["parent"] for one in (fresh, refused)] == [said["asks"], said["asks"]]
    assert [one["ended with"] for one in (ends, killed, fresh, refused)] == [3, -9, 3, 3]
    # Who forks may be killed, or end where the machine gives no further process: what he forked goes on and is not called failed.
    outlives = said["outlives"]
    assert outlives["went on"]
    assert outlives["code meanwhile"] is None
    assert outlives["ended with"] == 255
    # Who waits ends once nobody is left who may ask.
    assert said["ended with"] == 0


def ended(opened: dg.DagsterInstance, server: CodeServer, organisation: str, seconds: float = 240) -> str:
    """How a run of ``deliver`` of an organisation ended."""
    job = f"{organisation}__deliver"
    assert not launch(str(server.workspace), [(organisation, job)])
    (run,) = opened.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
    with WorkspaceProcessContext(opened, WorkspaceFileTarget([str(server.workspace)])) as loaded:
        opened.launch_run(run.run_id, loaded.create_request_context())
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = opened.get_run_by_id(run.run_id)
        assert found is not None
        if found.is_finished:
            return f"{found.job_name}: {found.status.value}"
        time.sleep(0.1)
    return "goes on"


def test_runs_of_each_organisation_are_forks_of_one_process_and_begin_also_where_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIST_PIPELINE_DATA", raising=False)
    (tmp_path / "config" / "organisations").mkdir(parents=True)
    locations = [Location(key, key) for key in ("acme", "globex")]
    for one in locations:
        (tmp_path / "config" / "organisations" / f"{one.name}.yaml").write_text("{}", encoding="utf-8")
    settings = load_settings(environment={"MIST_PIPELINE_ORG": "acme"})
    env = environment(settings)
    monkeypatch.setenv("DAGSTER_HOME", env["DAGSTER_HOME"])
    with instance(settings) as opened, code_server(env, dict.fromkeys(locations, ())) as server:
        place = server.workspace.parent / "runs"
        until = time.monotonic() + 240
        while not place.exists():
            assert time.monotonic() < until
            time.sleep(0.1)
        (waits,) = (
            one
            for one in psutil.Process(server.process.pid).children()
            if any(each.laddr == str(place) for each in one.net_connections("unix"))
        )
        for one in locations:
            before = sum(waits.cpu_times()[2:4])
            assert ended(opened, server, one.name) == f"{one.name}__deliver: SUCCESS"
            while sum(waits.cpu_times()[2:4]) == before:  # until it has noticed that the run is over
                assert time.monotonic() < until + 240, "the run was not a fork of it"
                time.sleep(0.1)
        waits.kill()
        waits.wait()
        assert ended(opened, server, "globex") == "globex__deliver: SUCCESS"
        assert server.process.poll() is None
