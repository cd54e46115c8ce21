"""What keeps running: what would make the UI unsafe or unreachable is refused before anything starts."""

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
