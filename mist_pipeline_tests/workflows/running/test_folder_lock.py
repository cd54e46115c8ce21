"""One daemon or UI works on a data folder; the second one is told who has it, and a dead one holds nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mist_pipeline.workflows.running.folder_lock import FILE, FolderInUseError, holder, lock_file, take_folder
from mist_pipeline.workflows.running.foreign import is_foreign

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
ADDRESS = "http://127.0.0.1:3000"
COMMAND = "mist-pipeline daemon"


@contextmanager
def another(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that keeps a folder which this one took, as Dagster's daemon does with that of the command line."""
    lock = take_folder(folder, COMMAND, ADDRESS, NOW)
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock.descriptor]
    )
    os.close(lock.descriptor)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_second_daemon_is_told_who_has_the_folder_since_when_and_where(tmp_path: Path) -> None:
    lock = take_folder(tmp_path, COMMAND, ADDRESS, NOW)
    with pytest.raises(FolderInUseError) as refused:
        take_folder(tmp_path, "mist-pipeline ui", "http://127.0.0.1:3001", NOW)
    lock.release()
    told = str(refused.value)
    for fact in (
        str(tmp_path),
        COMMAND,
        f"process {os.getpid()} on {socket.gethostname()}",
        "since 2026-03-01 08:00 UTC",
        f"UI at {ADDRESS}",
    ):
        assert fact in told


def test_a_folder_that_was_freed_is_taken_by_the_next(tmp_path: Path) -> None:
    take_folder(tmp_path, COMMAND, ADDRESS, NOW).release()
    assert holder(tmp_path) is None
    lock = take_folder(tmp_path, COMMAND, ADDRESS, NOW)
    assert holder(tmp_path) is not None
    lock.release()


def test_a_killed_daemon_holds_nothing(tmp_path: Path) -> None:
    with another(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        left = holder(tmp_path)
        assert left is not None
        assert left.command == COMMAND
        take_folder(tmp_path, COMMAND, ADDRESS, NOW).release()


def test_what_a_killed_daemon_has_started_still_holds_the_folder_and_is_named(tmp_path: Path) -> None:
    with another(tmp_path) as process:
        facts = json.loads((tmp_path / FILE).read_text())
        gone = 2**22 + 1  # no machine counts so far
        (tmp_path / FILE).write_text(json.dumps({**facts, "pid": gone}))
        with pytest.raises(FolderInUseError, match=rf"was killed, but .* kill {process.pid}$"):
            take_folder(tmp_path, COMMAND, ADDRESS, NOW)


def test_a_holder_on_another_host_is_named_with_it(tmp_path: Path) -> None:
    with another(tmp_path):
        facts = json.loads((tmp_path / FILE).read_text())
        (tmp_path / FILE).write_text(json.dumps({**facts, "host": "noc-2"}))
        with pytest.raises(FolderInUseError, match=r"on noc-2, since .* end it there"):
            take_folder(tmp_path, COMMAND, ADDRESS, NOW)


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[]", '{"command": 7}', "{" * 5000, '{"command": "\\u001b[2J", "host": "<script>"}'],
    ids=["empty", "not JSON", "a list", "half", "nested", "hostile"],
)
def test_a_damaged_lock_file_refuses_and_frees_as_any_other(tmp_path: Path, text: str) -> None:
    with another(tmp_path):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(FolderInUseError, match="in use by a daemon or UI that is just starting"):
            take_folder(tmp_path, COMMAND, ADDRESS, NOW)
    take_folder(tmp_path, COMMAND, ADDRESS, NOW).release()


@pytest.mark.parametrize("machines", [1, 2])
def test_a_new_folder_with_nothing_but_a_lock_is_ours(machines: int, tmp_path: Path) -> None:
    lock = take_folder(tmp_path, COMMAND, ADDRESS, NOW, file=lock_file(machines))
    lock.release()
    assert list(tmp_path.iterdir()), "that of one of several machines has its name"
    assert not is_foreign(tmp_path)
