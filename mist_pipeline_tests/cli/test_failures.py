"""What a user, a disk or a terminal can cause is a line with a way out, never a traceback."""

import errno
import importlib
import io
import os
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from sqlalchemy.exc import OperationalError

from mist_pipeline.cli.console import Bar, errors, speak_any_encoding
from mist_pipeline.cli.failures import KNOWN, STOPPED, line_of
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.mist.errors import Unauthorized
from mist_pipeline.settings import SettingsError
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline.workflows.progress import ASKING
from mist_pipeline.workflows.running.folder_lock import take_folder
from mist_pipeline_tests.support.cli.calls import Call
from mist_pipeline_tests.support.cli.runs_in_memory import runs_in_memory

FULL = OSError(errno.ENOSPC, "No space left on device", "/data/x")
NOT_THERE = sqlite3.OperationalError("no such table: alerts")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SettingsError("history.start is wrong"), 2, "history.start is wrong"),
        (Unauthorized("the token was refused"), 1, "the token was refused"),
        (KeyboardInterrupt(), STOPPED, "nothing is half written"),
        (FULL, 1, "/data/x: the disk is full: free some space"),
        (OSError(errno.EROFS, "Read-only file system", "/data/x"), 1, "it is read-only"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), 1, "/data/x: this account may not"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/data/x"), 1, "/data/x: Is a directory."),
        (FileNotFoundError("Nothing is published yet; `mist-pipeline run` publishes."), 1, "run` publishes."),
        (duckdb.IOException("IO Error: No space left on device"), 1, "the disk is full"),
        (duckdb.TransactionException("TransactionContext Error: Failed to commit: … No space left on device"), 1, "the disk is full"),
        (duckdb.IOException("IO Error: Corrupt database file\nmore"), 1, "Corrupt database file `mist-"),
        (sqlite3.OperationalError("database or disk is full"), 1, "the disk is full"),
        (pl.exceptions.ComputeError("parquet: No space left on device (os error 28)"), 1, "the disk is full"),
        (OperationalError("INSERT", {}, sqlite3.OperationalError("attempt to write a readonly database")), 1, "read-only"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)  # fmt: skip
def test_what_the_world_can_cause_is_a_line(error: BaseException, code: int, said: str) -> None:
    line = line_of(error)
    assert line is not None
    assert line.code == code
    assert said in line.text
    assert "\n" not in line.text


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), KeyError("x"), OSError(errno.EINVAL, "Invalid argument"), NOT_THERE, OperationalError("SELECT", {}, NOT_THERE), duckdb.BinderException("x"), duckdb.TransactionException("x")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_a_defect_keeps_its_traceback(error: BaseException) -> None:
    assert line_of(error) is None


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_kind_of_error_that_is_named_exists(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), kind), Exception)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "iso8859-15"])
def test_a_terminal_that_lacks_a_sign_gets_one_that_it_has(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stderr", stream)
    speak_any_encoding()
    errors.print("2026-03-01 … 02 → Łódź ✓ 東")
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding).startswith("2026-03-01 ... 02 -> ")  # type: ignore[attr-defined]
    assert stream.buffer.getvalue().rstrip().endswith(b"+ ?")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--day"),
        ("backfill", "--from"),
        ("backfill", "--from", "2026-03-01", "--to"),
        ("report", "--day"),
        ("replay", "--to", "2026-03-01", "--export", "x", "--from"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("day", ["1.3.2026", "20260301", "2026-02-30", "0001-01-01", "tomorrow", ""])
def test_what_is_no_day_is_refused_with_one(command: tuple[str, ...], day: str, call: Call) -> None:
    ended = call(*command, day)
    assert ended.code == 2
    assert f"{day!r} is no day; write 2026-03-01, or yesterday" in ended.text.replace("│ ", "")


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--as-of"),
        ("backfill", "--from", "2026-03-01", "--as-of"),
        ("watch", "--as-of"),
        ("web", "--as-of"),
        ("simulate", "--now"),
        ("alerts", "--as-of"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    ("moment", "said"),
    [("now", "is no instant; write 2026-11-30T06:00"), ("9999-12-31T23:59-12:00", "is not between the years")],
)  # fmt: skip
def test_what_is_no_instant_is_refused_with_one(
    command: tuple[str, ...], moment: str, said: str, call: Call
) -> None:
    ended = call(*command, moment, *(["list"] if command[0] == "alerts" else []))
    assert ended.code == 2
    assert said in ended.text.replace("│ ", "")


def test_a_zone_that_is_a_clock_is_answered_with_a_place(call: Call) -> None:
    ended = call("report", MIST_PIPELINE__ORGANISATION__TIMEZONE="CEST")
    assert ended.code == 2
    assert "use 'Europe/Berlin'" in ended.text


def test_a_replay_of_days_to_come_is_refused(call: Call) -> None:
    later = datetime.now(UTC).date() + timedelta(days=2)
    ended = call("replay", "--from", "2026-03-01", "--to", str(later), "--export", "x")
    assert ended.code == 2
    assert f"--to {later} has not come yet; today is" in ended.text


@pytest.mark.parametrize(
    "command",
    [
        ("alerts", "list"),
        ("alerts", "show", "3f"),
        ("alerts", "silences"),
        ("report",),
        ("sql", "SELECT 1"),
        ("watch", "--once"),
        ("run", "--mode", "report"),
        ("retention", "--dry-run"),
        ("replay", "--from", "2026-03-01", "--to", "2026-03-01", "--export", "x"),
    ],
    ids=" ".join,
)
def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is(
    command: tuple[str, ...], call: Call, folder: Path
) -> None:
    foreign = folder / "holidays"
    (foreign / "2025").mkdir(parents=True)
    (foreign / "2025").chmod(0o755)
    ended = call(*command, MIST_PIPELINE_DATA=str(foreign))
    assert ended.code == 2
    assert f"{foreign} is no data folder" in ended.text
    assert [path.name for path in foreign.rglob("*")] == ["2025"]
    assert (foreign / "2025").stat().st_mode & 0o777 == 0o755


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody has."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield str(held.getsockname()[1])


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("simulate", "--sites", "1", "--days", "1"), "--port"),
        (("ui",), "--port"),
        (("web",), "--port"),
        (("daemon",), "--port"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else part,
)
def test_a_port_that_is_taken_names_the_option_and_another_port(
    command: tuple[str, ...], option: str, call: Call, taken: str
) -> None:
    ended = call(*command, option, taken)
    assert ended.code == 2
    said = ended.text.replace("│ ", "")
    assert f"port {taken} of 127.0.0.1 is in use; choose another one: {option} {int(taken) + 1}" in said


def test_a_daemon_starts_though_somebody_has_the_port_of_its_console(
    call: Call, folder: Path, taken: str
) -> None:
    lock = take_folder(folder / "data", "mist-pipeline ui", "http://127.0.0.1:3001", datetime.now(UTC))
    ended = call("daemon", "--port", "0", "--web-port", taken)
    lock.release()
    said = ended.text
    assert f"The console does not start: port {taken} of 127.0.0.1 is in use" in said
    assert f"--web-port {int(taken) + 1}" in said
    assert "is in use by `mist-pipeline ui`" in said, "it went on to take the folder"
    assert ended.code == 1


def test_what_is_left_of_a_daemon_is_named_and_not_its_port(call: Call, folder: Path, taken: str) -> None:
    lock = take_folder(
        folder / "data", "mist-pipeline daemon", f"http://127.0.0.1:{taken}", datetime.now(UTC)
    )
    ended = call("daemon", "--port", taken, "--web-port", "0")
    lock.release()
    assert ended.code == 1
    assert "is in use by `mist-pipeline daemon`" in ended.text
    assert "choose another one" not in ended.text


def test_a_console_at_an_address_of_another_machine_is_refused(call: Call) -> None:
    access = {
        "MIST_PIPELINE__WEB__ACCESS": "token",
        "MIST_PIPELINE_WEB_TOKEN": "correct-horse-battery-staple",
    }
    named = ("--web-host", "192.0.2.1", "--allowed-host", "noc.example.com")
    ended = call("daemon", "--port", "0", *named, **access)
    assert ended.code == 2
    assert "192.0.2.1 is no address of this machine" in ended.text.replace("│ ", "")


@pytest.mark.parametrize("command", ["simulate", "ui", "web", "daemon"])
def test_a_port_beyond_the_last_is_refused(command: str, call: Call) -> None:
    assert call(command, "--port", "99999").code == 2


@pytest.mark.parametrize("content", [b"no database" * 900, None], ids=["damaged", "another database"])
def test_a_published_file_that_cannot_be_read_is_named_beside_the_answer(
    content: bytes | None, call: Call, folder: Path
) -> None:
    place = folder / "data/published/mist.duckdb"
    place.parent.mkdir()
    if content is None:
        duckdb.connect(str(place)).close()
    else:
        place.write_bytes(content)
    ended = call("sql", "FROM worst_sites")
    assert (ended.code, "mist.duckdb cannot be read" in ended.err) == (0, True)


def test_ctrl_c_ends_any_command_with_a_line(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("mist_pipeline.settings.load_settings", interrupted)
    ended = call("report")
    assert (ended.code, ended.out) == (STOPPED, "")
    assert ended.err == "Stopped: nothing is half written, and what was finished stays.\n"


@pytest.mark.slow
def test_ctrl_c_says_how_many_calls_are_kept_and_they_are(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = date(2026, 3, 29)
    as_of = "2026-03-30T09:25:00"
    command = ("backfill", "--from", "2026-03-28", "--to", str(last), "--mode", "monitor", "--as-of", as_of)
    advance = Bar.__call__

    def interrupted(bar: Bar, step: str, done: int, total: int) -> None:
        advance(bar, step, done, total)
        if step == ASKING and done == 40:
            os.kill(os.getpid(), signal.SIGINT)

    now = datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    world = World(2, 3, seed=3, start=date(2026, 3, 28))
    with serve(world, clock=Clock(now)) as cloud, runs_in_memory():
        where = {"MIST_BASE_URL": cloud.base_url, "MIST_API_TOKEN": cloud.token}
        with monkeypatch.context() as patch:
            patch.setattr(Bar, "__call__", interrupted)
            stopped = call(*command, **where)
        assert stopped.code == STOPPED
        found = re.search(r"Stopped: the same command continues; (\d+) of (\d+) calls are kept", stopped.text)
        assert found is not None, stopped.text
        assert call(*command, **where).code == 0
    store = RawStore(folder / "data/raw")
    notes = [store.newest(kind, last) for kind in ("alarms", "sle_org", "sle_detail")]
    assert max(one.notes["requests_reused"] for one in notes if one is not None) == int(found[1]) > 0
