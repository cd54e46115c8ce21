"""One process has loaded the project for the daemon and the UI, and loads it again when its configuration changes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

# The client of Dagster's code servers has no public name.
from dagster._grpc.client import DagsterGrpcClient

from mist_pipeline.cli.code_location import server as server_module
from mist_pipeline.cli.code_location.files import CODE_LOCATION, DAGSTER_YAML
from mist_pipeline.cli.code_location.server import (
    CodeServer,
    CodeServerEmptyError,
    CodeServerError,
    code_server,
    sweep,
)
from mist_pipeline.cli.dagster_home import environment
from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.running.processes import this_process


def change(configuration: Path, content: str, tick: int) -> None:
    configuration.write_text(content, encoding="utf-8")
    os.utime(configuration, (tick, tick))


@pytest.mark.slow
def test_the_project_is_loaded_again_only_when_its_configuration_has_changed_and_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIST_PIPELINE_DATA", str(tmp_path))
    configuration = tmp_path / "config.yaml"
    change(configuration, "monitoring: {interval_minutes: 20}", 1)
    settings = load_settings()

    def loaded(server: CodeServer) -> str:
        server.follow_configuration()
        return DagsterGrpcClient(socket=str(server.socket)).get_server_id()

    with code_server(environment(settings), CODE_LOCATION, configuration=settings.source) as server:
        folder = server.socket.parent
        assert folder.stat().st_mode & 0o077 == 0
        first = loaded(server)
        assert loaded(server) == first
        change(configuration, "monitoring: {interval: 20}", 2)
        assert loaded(server) == first
        assert "is not used before it is right" in " ".join(capsys.readouterr().err.split())
        change(configuration, "monitoring: {interval_minutes: 30}", 3)
        assert loaded(server) != first
    assert server.process.returncode is not None
    assert not folder.exists()


@pytest.mark.slow
def test_a_code_server_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(CodeServerError, match="ended with"),
        code_server({"PATH": os.environ["PATH"], "PYTHONPATH": str(broken(tmp_path))}, CODE_LOCATION),
    ):
        pass


def test_a_code_server_that_loads_for_minutes_is_waited_for_and_people_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([False, False, False, True])
    monkeypatch.setattr(server_module, "_answers", lambda _: next(answers))
    monkeypatch.setattr(server_module, "time", SteppingTime(seconds=300.0))
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as process:
        server_module._wait_for(tmp_path / "code.sock", process)
        assert process.stdin is not None
        process.stdin.close()
    assert capsys.readouterr().err.count("still loading") == 1


def test_a_code_server_whose_project_was_killed_is_noticed_and_one_that_reloads_is_given_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'input()']); print('ready', flush=True); input()"
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        server = CodeServer(process, tmp_path, tmp_path)
        monkeypatch.setattr(server_module, "time", SteppingTime(seconds=40.0))
        for _ in range(5):
            server.need_project()
        for child in psutil.Process(process.pid).children():
            child.kill()
            while child.status() != psutil.STATUS_ZOMBIE:
                pass
        server.need_project()
        server.need_project()
        with pytest.raises(CodeServerEmptyError):
            server.need_project()
        process.kill()


class SteppingTime:
    """A clock that goes on by so many seconds with every look, and waits for nobody."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._now = seconds, 0.0

    def monotonic(self) -> float:
        self._now += self._seconds
        return self._now

    def sleep(self, _: float) -> None:
        pass


def broken(folder: Path) -> Path:
    """A folder whose ``dagster`` ends at once."""
    (folder / "dagster.py").write_text("raise SystemExit(3)", encoding="utf-8")
    return folder


def test_folders_of_killed_owners_go_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive, (host, pid, _) = this_process(), this_process().split(":")
    owners = {
        "alive": alive,
        "killed": f"{host}:{pid}:before",
        "abroad": "another-host:1:1",
        "answers": f"{host}:{pid}:before",
    }
    for name, owner in owners.items():
        (tmp_path / f"mist-pipeline-{name}").mkdir()
        (tmp_path / f"mist-pipeline-{name}" / "owner").write_text(owner)
    (tmp_path / "mist-pipeline-of-somebody").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path / "mist-pipeline-answers")  # the path of a socket is short
        server.bind("code.sock")
        server.listen()
        monkeypatch.chdir(tmp_path)
        assert [folder.name for folder in sweep(Path())] == ["mist-pipeline-killed"]
    assert len(list(tmp_path.iterdir())) == 4


def test_dagsters_own_commands_find_the_limits_in_the_checkout() -> None:
    checkout = Path(__file__).parents[3]
    assert (checkout / "dagster.yaml").resolve() == DAGSTER_YAML
    assert (checkout / "workspace.yaml").resolve().parent == DAGSTER_YAML.parent
