"""A Dagster home that cannot be used: every command says which, what is wrong with it and what to do."""

import fcntl
import os
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from dagster import DagsterInstance
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

from mist_pipeline.cli.dagster_errors import DagsterHomeError, explained
from mist_pipeline.cli.dagster_home import LAUNCH_SECONDS, environment, instance
from mist_pipeline.settings import load_settings
from mist_pipeline_tests.support.cli.calls import Call
from mist_pipeline_tests.support.disks import simulate_disk
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp

pytestmark = pytest.mark.slow

RUNS, EVENTS, TICKS = "history/runs.db", "history/runs/index.db", "schedules/schedules.db"


@pytest.fixture
def home(folder: Path) -> Path:
    """A Dagster home that works."""
    with instance(load_settings(environment={})):
        return folder / "data" / "dagster"


def test_a_run_that_begins_slowly_on_a_busy_machine_is_given_time_by_all_who_wait_for_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_GRPC_TIMEOUT_SECONDS", raising=False)
    settings = load_settings(environment={})
    assert environment(settings)["DAGSTER_GRPC_TIMEOUT_SECONDS"] == str(LAUNCH_SECONDS)
    with instance(settings) as opened:
        assert opened.run_monitoring_start_timeout_seconds > LAUNCH_SECONDS
        assert opened.run_coordinator.dequeue_use_threads  # none that waits with it begins behind it
    monkeypatch.setenv("DAGSTER_GRPC_TIMEOUT_SECONDS", "900")
    assert environment(settings)["DAGSTER_GRPC_TIMEOUT_SECONDS"] == "900"


def test_commands_that_open_a_home_at_the_same_moment_do_so_one_after_the_other(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = DagsterInstance.from_config

    def is_free() -> bool:
        with (home / ".opening").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    free = []
    monkeypatch.setattr(
        DagsterInstance, "from_config", lambda *given: (free.append(is_free()), opening(*given))[1]
    )
    with instance(load_settings(environment={})):
        free.append(is_free())
    assert free == [False, True]


def test_a_damaged_database_is_a_failed_check_that_names_it(call: Call, home: Path) -> None:
    (home / EVENTS).write_bytes(b"no database" * 500)
    ended = call("doctor")
    assert ended.code == 1
    joined = ended.text.replace(" ", "")
    assert "✗Dagsterhome" in joined
    assert f"Dagster'sstorageisdamaged:{home / EVENTS}" in joined
    assert f"mv{home}{home}.damaged" in joined


def test_a_damaged_database_ends_a_command_with_one_error(call: Call, home: Path) -> None:
    (home / RUNS).write_bytes(b"no database" * 500)
    ended = call("retention")
    assert (ended.code, "Failed: Dagster's storage is damaged" in ended.text) == (1, True)


@pytest.mark.parametrize(
    ("system", "said", "words"),
    [
        ({"f_bavail": 0}, "disk I/O error", "is full: free some space"),
        ({"f_flag": os.ST_RDONLY}, "unable to open database file", "is read-only: mount it writable"),
    ],
)
def test_a_disk_that_cannot_be_written_is_said_to_be_so(
    system: dict[str, int], said: str, words: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_disk(monkeypatch, **system)
    failed = sqlite3.OperationalError(said)

    def runs(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT", {}, failed)

    monkeypatch.setattr(SqlRunStorage, "fetchall", runs)
    with pytest.raises(DagsterHomeError) as raised, instance(load_settings(environment={})) as opened:
        opened.get_runs()
    assert f"does not answer: {said}. The " in str(raised.value)
    assert words in str(raised.value)


def test_damage_behind_the_beginning_of_a_file_is_found_when_it_is_read(home: Path) -> None:
    file = home / RUNS
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with (
        pytest.raises(DagsterHomeError, match=f"damaged: {file}"),
        instance(load_settings(environment={})) as it,
    ):
        it.get_runs()


def test_storage_that_is_damaged_is_a_heartbeat_that_fails(call: Call, home: Path) -> None:
    (home / TICKS).write_bytes(b"no database" * 500)
    with FakeHttp() as receiver:
        ended = call(
            "heartbeat",
            MIST_PIPELINE__MONITORING__HEARTBEAT_URL=f"{receiver.url}/well",
            MIST_PIPELINE__MONITORING__HEARTBEAT_FAIL_URL=f"{receiver.url}/ill",
        )
        assert [seen.target for seen in receiver.requests] == ["/ill"]
    assert ended.code == 1
    assert "CRITICAL Dagster's storage is damaged" in ended.text


def test_a_home_that_is_named_and_not_there_is_never_fine(call: Call, folder: Path) -> None:
    nowhere = str(folder / "nowhere")
    checked = call("doctor", DAGSTER_HOME=nowhere)
    assert (checked.code, "✗ Dagster home" in checked.text) == (1, True)
    ended = call("retention", DAGSTER_HOME=nowhere)
    assert ended.code == 1
    assert f"DAGSTER_HOME is {nowhere}, which does not exist" in ended.text
    assert f"mkdir -p {nowhere} && cp" in ended.text
    assert not Path(nowhere).exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("storage: [\n", "it is no YAML in line 2"),
        ("storag: 1\n", 'Received unexpected config entry "storag" at the root. Correct it'),
        (
            "storage:\n  sqlite:\n    base_dir:\n      env: NOT_SET_ANYWHERE\n",
            "the environment has no variable NOT_SET_ANYWHERE",
        ),
    ],
)
def test_a_wrong_configuration_of_dagster_is_named(
    content: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text(content, encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(DagsterHomeError) as raised, instance(load_settings(environment={})):
        pass
    assert str(raised.value).startswith(f"{tmp_path}/dagster.yaml cannot be used: ")
    assert said in str(raised.value)


def test_an_error_of_another_database_is_not_said_to_be_dagsters(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(b"no database" * 500)
    engine = sa.create_engine(f"sqlite:///{file}")
    with pytest.raises(sa.exc.DatabaseError), explained(tmp_path), engine.connect() as connection:
        connection.execute(sa.text("SELECT * FROM sqlite_master"))
