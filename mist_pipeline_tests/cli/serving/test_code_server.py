"""One process has loaded the project for the daemon and the UI, and loads it again when its configuration changes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import psutil
import pytest
import yaml

# The client of Dagster's code servers has no public name, nor has what its daemon holds of them.
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.server import wait_for_grpc_server

from mist_pipeline.cli.code_location import server as server_module
from mist_pipeline.cli.code_location import watching
from mist_pipeline.cli.code_location.files import CODE_LOCATION, DAGSTER_YAML
from mist_pipeline.cli.code_location.forks import Location, keep_forked
from mist_pipeline.cli.code_location.launching import launch
from mist_pipeline.cli.code_location.server import (
    CodeServer,
    CodeServerError,
    code_server,
    place_of_sockets,
    sweep,
    workspace_of,
)
from mist_pipeline.cli.dagster_home import environment, instance
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
        return id_of(server.socket(ONE))

    with code_server(environment(settings), {ONE: [configuration]}) as server:
        folder = server.workspace.parent
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


ONE = Location(CODE_LOCATION)


def id_of(socket: Path) -> str:
    return DagsterGrpcClient(socket=str(socket)).get_server_id()


@pytest.mark.slow
def test_each_organisation_is_served_from_what_is_loaded_once_and_again_where_its_server_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIST_PIPELINE_DATA", raising=False)
    (tmp_path / "config" / "organisations").mkdir(parents=True)
    for key, zone in (("acme", "Europe/Berlin"), ("globex", "Asia/Tokyo")):
        content = f"organisation: {{timezone: {zone}}}"
        (tmp_path / "config" / "organisations" / f"{key}.yaml").write_text(content, encoding="utf-8")
    settings = load_settings(environment={"MIST_PIPELINE_ORG": "acme"})
    locations = [Location(key, key) for key in ("acme", "globex")]
    with instance(settings):
        env = environment(settings)
    with ExitStack() as stack:
        server = stack.enter_context(code_server(env, dict.fromkeys(locations, ())))
        zones = {one.name: zone_of(server, one) for one in locations}
        assert zones == {
            "acme": ("acme__every_morning", "Europe/Berlin"),
            "globex": ("globex__every_morning", "Asia/Tokyo"),
        }
        monkeypatch.setenv("DAGSTER_HOME", env["DAGSTER_HOME"])
        wanted = [("acme", "acme__live"), ("initech", "initech__live"), ("globex", "globex__live")]
        (failed,) = launch(str(server.workspace), wanted)
        assert failed.startswith("initech__live of initech was not started: ")
        with instance(settings) as opened:
            queued = opened.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
        assert sorted(run.job_name for run in queued) == ["acme__live", "globex__live"]
        ids = {one: id_of(server.socket(one)) for one in locations}
        daemons = stack.enter_context(loaded_by_a_daemon(server))
        assert loaded_again(daemons) == []
        forks, address = psutil.Process(server.process.pid).children(), server.socket(locations[0])
        # Both, and the one that forks for runs.
        assert len(forks) == 3
        (victim,) = (fork for fork in forks if listens(fork, address))
        victim.kill()
        while listens(victim, address):
            pass
        wait_for_grpc_server(server.process, DagsterGrpcClient(socket=str(address)), [])
        assert id_of(address) != ids[locations[0]]
        assert id_of(server.socket(locations[1])) == ids[locations[1]]
        assert loaded_again(daemons) == ["acme"]
        assert loaded_again(daemons) == []


@contextmanager
def loaded_by_a_daemon(server: CodeServer) -> Iterator[WorkspaceProcessContext]:
    """The code locations as Dagster's daemon holds them, without the threads that watch them."""
    with (
        dg.instance_for_test() as opened,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(WorkspaceProcessContext, "_start_watch_thread", lambda *_: None)
        with WorkspaceProcessContext(opened, WorkspaceFileTarget([str(server.workspace)])) as context:
            yield context


def loaded_again(context: WorkspaceProcessContext) -> list[str]:
    """What a daemon loads that looks whether there is something new."""
    before = context.get_current_workspace().code_location_entries
    watching.refresh(context)
    after = context.get_current_workspace().code_location_entries
    return [name for name in after if after[name] is not before[name]]


def zone_of(server: CodeServer, location: Location) -> tuple[str, str | None]:
    """Name and zone of the schedule of mornings, as Dagster's processes are told them."""
    origin = GrpcServerCodeLocationOrigin(
        host="localhost", socket=str(server.socket(location)), location_name=location.name
    )
    with dg.instance_for_test() as opened, origin.create_location(opened) as loaded:
        (repository,) = loaded.get_repositories().values()
        found = next(one for one in repository.get_schedules() if one.name.endswith("every_morning"))
        return found.name, found.execution_timezone


def listens(fork: psutil.Process, address: Path) -> bool:
    try:
        return any(one.laddr == str(address) for one in fork.net_connections("unix"))
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def test_a_fork_that_ends_is_made_again_but_not_at_once_and_people_are_told() -> None:
    forked: list[str] = []
    said: list[str] = []
    clock = SteppingTime(seconds=0.0)
    ends = iter([(0, 0), (2, 9), (0, 0), *[(0, 0)] * 50])

    def fork(name: str) -> int:
        forked.append(name)
        return len(forked)

    def wait(seconds: float) -> None:
        clock.sleep_on(seconds)
        if len(forked) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_forked(
            ["acme", "globex"],
            fork,
            clock=lambda: clock.now,
            wait=wait,
            reap=lambda: next(ends),
            say=lambda _, sentence: said.append(sentence),
            serves=lambda _: True,
            at_once=2,
        )
    assert forked == ["acme", "globex", "globex"]
    assert clock.now >= 10
    assert said == ["! The code server of globex ended with -9; it is started again."]


def test_a_machine_that_has_no_room_for_one_more_fork_keeps_those_that_live_and_is_asked_again() -> None:
    said: list[str] = []
    clock = SteppingTime(seconds=0.0)
    asked: list[tuple[str, float]] = []

    def fork(name: str) -> int:
        asked.append((name, clock.now))
        if name == "globex" and clock.now < 5:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return len(asked)

    def wait(seconds: float) -> None:
        clock.sleep_on(seconds)
        if clock.now > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_forked(
            ["acme", "globex"],
            fork,
            clock=lambda: clock.now,
            wait=wait,
            reap=lambda: (0, 0),
            say=lambda _, sentence: said.append(sentence),
            serves=lambda _: True,
            at_once=2,
        )
    assert [name for name, _ in asked] == ["acme", "globex", "globex"]
    assert asked[-1][1] >= 10
    assert said == [
        "! The code server of globex cannot be started, which is tried again: [Errno 11] Resource temporarily unavailable"
    ]


def test_a_few_load_at_a_time_and_one_that_takes_long_holds_up_no_other() -> None:
    clock = SteppingTime(seconds=0.0)
    begun: dict[str, float] = {}

    def fork(name: str) -> int:
        begun[name] = clock.now
        return len(begun)

    def wait(seconds: float) -> None:
        clock.sleep_on(seconds)
        if clock.now > 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_forked(
            ["hangs", *"abcd"],
            fork,
            clock=lambda: clock.now,
            wait=wait,
            reap=lambda: (0, 0),
            say=lambda *_: None,
            # Each takes ten seconds, and one never serves.
            serves=lambda name: name != "hangs" and clock.now - begun[name] >= 10,
            at_once=2,
        )
    assert list(begun) == ["hangs", *"abcd"]
    assert [round(begun[name]) for name in begun] == [0, 0, 10, 20, 30]


def test_dagster_is_led_to_one_code_location_for_each_organisation() -> None:
    document = yaml.safe_load(
        workspace_of([Location("acme", "acme"), Location("globex", "globex")], "/home/dagster")
    )
    folder = place_of_sockets("/home/dagster")
    assert document == {
        "load_from": [
            {"grpc_server": {"socket": f"{folder}/{key}.sock", "location_name": key}}
            for key in ("acme", "globex")
        ]
    }
    assert folder != place_of_sockets("/home/other")
    assert len(f"{folder}/{'a' * 20}.sock") < 100


@pytest.mark.slow
def test_a_code_server_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(CodeServerError, match="ended with"),
        code_server({"PATH": os.environ["PATH"], "PYTHONPATH": str(broken(tmp_path))}, {ONE: ()}),
    ):
        pass


def test_a_code_server_that_ends_at_first_is_not_waited_for(tmp_path: Path) -> None:
    ONE.ended(tmp_path).touch()
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        assert not server_module._waited_for(ONE, tmp_path, process)


def test_a_code_server_that_loads_for_minutes_is_waited_for_and_people_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([False, False, False, True])
    monkeypatch.setattr(server_module, "_answers", lambda _: next(answers))
    monkeypatch.setattr(server_module, "time", SteppingTime(seconds=300.0))
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as process:
        assert server_module._waited_for(ONE, tmp_path, process)
        assert process.stdin is not None
        process.stdin.close()
    assert capsys.readouterr().err.count("still loading") == 1


class SteppingTime:
    """A clock that goes on by so many seconds with every look, and waits for nobody."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._now = seconds, 0.0

    def monotonic(self) -> float:
        self._now += self._seconds
        return self._now

    def sleep(self, _: float) -> None:
        pass

    @property
    def now(self) -> float:
        return self._now

    def sleep_on(self, seconds: float) -> None:
        self._now += seconds


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
        server.bind("acme.sock")
        server.listen()
        monkeypatch.chdir(tmp_path)
        assert [folder.name for folder in sweep(Path())] == ["mist-pipeline-killed"]
    assert len(list(tmp_path.iterdir())) == 4


def test_dagsters_own_commands_find_the_limits_in_the_checkout() -> None:
    checkout = Path(__file__).parents[3]
    assert (checkout / "dagster.yaml").resolve() == DAGSTER_YAML
    assert (checkout / "workspace.yaml").resolve().parent == DAGSTER_YAML.parent
