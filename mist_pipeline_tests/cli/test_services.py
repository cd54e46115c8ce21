"""What keeps running: what would make the UI unsafe or unreachable is refused before anything starts."""

import subprocess
import sys

import pytest

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
