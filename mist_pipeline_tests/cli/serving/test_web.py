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

from mist_pipeline.cli.serving.consoles import Way, several_consoles
from mist_pipeline.cli.serving.door import door, door_of_all
from mist_pipeline.cli.serving.served import configured
from mist_pipeline.guard.rules import Asked
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.settings.model import Organisation
from mist_pipeline.settings.web import Web
from mist_pipeline.web.app import Beside
from mist_pipeline_tests.support.cli.calls import Call
from mist_pipeline_tests.support.guard.asgi import Recorder, ask
from mist_pipeline_tests.support.overview.organisations import AT
from mist_pipeline_tests.support.web.consoles import Client

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


SECRETS = {"ACME_WEB": "the token of acme people", "GLOBEX_WEB": "the token of globex people"}


def of(key: str, **web: object) -> Settings:
    return Settings(organisation=Organisation(key=key), web=Web(**web))  # type: ignore[arg-type]


def test_several_organisations_have_one_door_and_an_entrance_each() -> None:
    served = [
        of(key, access="token", token_from=f"{key.upper()}_WEB") for key in ("acme", "globex", "initech")
    ]
    found = door_of_all(served, "127.0.0.1", [], "anna", SECRETS, has_webhooks=True)
    assert list(found.entrances) == ["acme", "globex"]
    assert "the console of initech is not served" in found.left_out[0]
    assert "INITECH_WEB is not set" in found.left_out[0]
    assert found.front.access is not None
    assert found.front.access.signing_in is not None
    for secret in SECRETS.values():
        assert found.front.access.signing_in.knows(None, f"Bearer {secret}")
    with pytest.raises(SettingsError, match="INITECH_WEB"):
        door_of_all(served[2:], "127.0.0.1", [], "anna", {}, has_webhooks=False)


def test_a_proxy_lets_everybody_to_the_list_and_each_organisation_whom_it_names() -> None:
    served = [
        of(key, access="proxy", proxies=("10.0.0.5",), users=users)
        for key, users in (("acme", ("anna",)), ("globex", ()))
    ]
    found = door_of_all(served, "0.0.0.0", ["noc.example.com"], "", {}, has_webhooks=False)
    assert found.front.access is not None
    assert found.front.access.is_user("bela")
    assert {key: one.is_user("bela") for key, one in found.entrances.items()} == {
        "acme": False,
        "globex": True,
    }


def test_where_webhooks_of_any_come_from_outside_no_console_is_open_to_everybody() -> None:
    served = [of("acme"), of("globex")]
    assert door_of_all(served, "127.0.0.1", [], "anna", {}, has_webhooks=True).front.access is None
    assert door_of_all(served, "127.0.0.1", [], "anna", {}, has_webhooks=False).front.access is not None
    with pytest.raises(SettingsError, match="for this machine alone"):
        door_of_all(served, "192.0.2.1", [], "anna", {}, has_webhooks=False)


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


def test_the_consoles_of_several_are_wired_from_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config/organisations").mkdir(parents=True)
    Path("config/config.yaml").write_text("web: {access: token}", encoding="utf-8")
    hook = "webhook secret of acme"
    for key in ("acme", "globex", "wrong"):
        own = "history: {keep_day: 9}" if key == "wrong" else f"web: {{token_from: {key.upper()}_WEB}}"
        Path(f"config/organisations/{key}.yaml").write_text(own, encoding="utf-8")
    for name, value in {**SECRETS, "MIST_PIPELINE_DATA": "data", "MIST_WEBHOOK_SECRET": hook}.items():
        monkeypatch.setenv(name, value)
    stand = several_consoles(*configured(), Way("127.0.0.1"))
    assert list(stand.webhooks) == ["/acme/mist", "/globex/mist"]
    assert len(stand.followers) == 2
    assert "wrong is not served" in stand.left_out[0]
    assert stand.app is not None
    client = Client(stand.app, headers={"authorization": f"Bearer {SECRETS['ACME_WEB']}"})
    assert client.get("/acme/").status == 200
    assert client.get("/globex/").status == 404
    still = several_consoles(*configured(), Way("127.0.0.1"), AT)
    assert (still.webhooks, still.followers) == ({}, [])
