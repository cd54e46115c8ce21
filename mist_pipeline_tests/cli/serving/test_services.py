"""What keeps running: what would make the UI unsafe or unreachable is refused before anything starts."""

import subprocess
import sys

import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError

from mist_pipeline.cli.serving.turning_on import NothingTurnedOnError, in_several_attempts
from mist_pipeline_tests.support.cli.calls import Call

SERVICES = [("daemon",), ("ui",)]


@pytest.mark.parametrize("command", SERVICES, ids=lambda command: command[0])
def test_every_address_without_a_name_is_refused(command: tuple[str, ...], call: Call) -> None:
    ended = call(*command, "--host", "0.0.0.0")
    assert ended.code == 2
    assert "--allowed-host" in ended.text
    assert "noc.example.com" in ended.text


@pytest.mark.parametrize("command", SERVICES, ids=lambda command: command[0])
def test_a_token_that_can_be_guessed_is_refused_and_not_printed(command: tuple[str, ...], call: Call) -> None:
    ended = call(*command, MIST_PIPELINE_UI_TOKEN="hunter2")
    assert ended.code == 2
    assert "MIST_PIPELINE_UI_TOKEN has fewer than 16 characters" in ended.text.replace("│ ", "")
    assert "hunter2" not in ended.text


@pytest.mark.parametrize("command", SERVICES, ids=lambda command: command[0])
def test_a_name_that_is_none_is_named(command: tuple[str, ...], call: Call) -> None:
    ended = call(*command, "--allowed-host", "https://noc.example.com/")
    assert ended.code == 2
    assert "is no name of a host" in ended.text.replace("│ ", "")


@pytest.mark.slow
def test_a_simulated_cloud_ends_when_whoever_started_it_is_gone() -> None:
    command = [sys.executable, "-m", "mist_pipeline.cli", "simulate", "--port", "0", "--sites", "1"]
    with subprocess.Popen(
        [*command, "--days", "1", "--with-parent"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as cloud:
        assert cloud.stdin is not None
        assert cloud.stdout is not None
        assert b"answers at" in cloud.stdout.readline()
        cloud.stdin.close()  # as the operating system does when it kills
        try:
            assert cloud.wait(timeout=30) == 0
        finally:
            cloud.kill()


def turned_on(failures: int) -> list[str]:
    """Turns schedules and sensors on, where so many attempts fail; what was done."""
    done: list[str] = []

    def work() -> None:
        done.append("asked")
        if len(done) <= failures:
            raise DagsterUserCodeUnreachableError("no [answer] in time\nand a stack trace")

    in_several_attempts(work, wait=lambda _seconds: done.append("waited"))
    return done


def test_schedules_that_a_busy_machine_does_not_turn_on_at_once_are_turned_on_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert turned_on(failures=0) == ["asked"]
    assert turned_on(failures=1) == ["asked", "waited", "asked"]
    assert "once more: no [answer] in time" in " ".join(capsys.readouterr().err.split())


def test_a_daemon_whose_schedules_stay_off_ends_instead_of_doing_nothing() -> None:
    with pytest.raises(
        NothingTurnedOnError, match=r"every schedule and sensor, without which .*: no \[answer\] in time"
    ):
        turned_on(failures=9)
