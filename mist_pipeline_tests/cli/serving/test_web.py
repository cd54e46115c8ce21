"""``web``: who may come in is decided before anything is served, and what stands at its one port."""

import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from mist_pipeline.cli.serving.door import door
from mist_pipeline.guard.rules import Asked
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.settings.web import Web
from mist_pipeline.web.app import Beside
from mist_pipeline_tests.support.cli.calls import Call
from mist_pipeline_tests.support.guard.asgi import Recorder, ask

TOKEN = {"MIST_PIPELINE_WEB_TOKEN": "a token that nobody guesses"}


@pytest.mark.parametrize(
    ("web", "host", "variables", "said"),
    [
        ({}, "0.0.0.0", {}, "for this machine alone"),
        ({}, "192.0.2.1", {}, "web.proxies"),
        ({"access": "token"}, "127.0.0.1", {}, "MIST_PIPELINE_WEB_TOKEN is not set"),
        ({"access": "token"}, "127.0.0.1", {"MIST_PIPELINE_WEB_TOKEN": "hunter2"}, "fewer than 16"),
    ],
)
def test_what_would_let_strangers_in_is_refused_with_the_way_out(
    web: dict[str, object], host: str, variables: dict[str, str], said: str
) -> None:
    settings = Settings(web=Web(**web))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=said) as refused:
        door(settings, host, [], "anna", variables, has_webhooks=False)
    assert "hunter2" not in str(refused.value)


def test_where_webhooks_come_from_outside_the_console_is_not_open_to_everybody() -> None:
    assert door(Settings(), "127.0.0.1", [], "anna", {}, has_webhooks=True).access is None
    settings = Settings(web=Web(access="token"))
    assert door(settings, "127.0.0.1", [], "anna", TOKEN, has_webhooks=True).access is not None


def test_links_lead_to_a_name_that_is_answered() -> None:
    settings = Settings(web=Web(access="token", console_url="https://mist.example.com/"))
    way = door(settings, "0.0.0.0", [], "anna", TOKEN, has_webhooks=False)
    asked = Asked("GET", "/", "", {"host": ["mist.example.com"]})
    assert way.rules.refusal(asked) is None
    assert way.access is not None
    assert way.access.is_encrypted


def test_webhooks_pass_the_console_by_and_nothing_else_does() -> None:
    hooks, console = Recorder(), Recorder()
    both = Beside({"/pagerduty": hooks, "/mist": hooks}, console)
    for target in ("/pagerduty", "/mist", "/pagerduty/x", "/", "/PagerDuty"):
        ask(both, "POST", target, [("host", "a")])
    assert hooks.reached == ["POST /pagerduty", "POST /mist"]
    assert len(console.reached) == 3
    closed = ask(Beside({"/pagerduty": hooks}, None), "GET", "/", [("host", "a")])
    assert (closed.status, "web.access" in closed.body) == (403, True)


def test_a_port_that_is_taken_names_the_options(call: Call) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = call("web", "--port", str(taken.getsockname()[1]))
    assert ended.code == 2
    assert "--web-port" in ended.text
    assert "in use" in ended.text


@pytest.mark.parametrize("command", ["web", "daemon"])
def test_the_configuration_is_refused_before_anything_runs(command: str, call: Call) -> None:
    ended = call(command, MIST_PIPELINE__WEB__ACCESS="token")
    assert ended.code == 2
    assert "MIST_PIPELINE_WEB_TOKEN is not set" in ended.text


@pytest.mark.slow
def test_the_command_serves_until_it_is_interrupted_also_while_somebody_looks(folder: Path) -> None:
    command = [sys.executable, "-m", "mist_pipeline.cli", "web", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        giving_up = threading.Timer(60, process.kill)
        giving_up.start()
        try:
            assert process.stdout
            address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert address
            page = requests.get(address[0], timeout=20)
            assert (page.status_code, "No site is known yet" in page.text) == (200, True)
            assert requests.post(f"{address[0]}/pagerduty", json={}, timeout=20).status_code in {
                403,
                404,
                405,
                415,
            }
            with requests.get(f"{address[0]}/live", stream=True, timeout=20) as looking:
                assert next(looking.iter_lines()) == b"retry: 2000"
                process.send_signal(signal.SIGINT)
                said = process.communicate(timeout=30)[1]
        finally:
            giving_up.cancel()
            process.kill()
    assert "Traceback" not in said
    assert process.returncode == 130
