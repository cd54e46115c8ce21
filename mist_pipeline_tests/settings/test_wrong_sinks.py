"""Sinks that are configured wrongly: every mistake is an error with file, key and remedy, and never quotes a secret."""

import re
from pathlib import Path

import pytest
import yaml

from mist_pipeline.delivery.discovery import sink_configs
from mist_pipeline_tests.support.settings.configurations import (
    SECRETS,
    SINK,
    SINKS,
    complaint,
    load,
    missetting,
    one_sink,
)

WRONG = {
    "no host": (one_sink(mail="host: GONE"), f"{SINK}.host: is missing: Mail server."),
    "empty host": (one_sink(mail="host: ''"), f"{SINK}: mail: give the server's host"),
    "no recipients": (one_sink(mail="recipients: GONE"), f"{SINK}.recipients: is missing: Addresses in To."),
    "nobody among recipients": (
        one_sink(mail="recipients: []"),
        f"{SINK}: mail: give at least one recipient",
    ),
    "recipients as a text": (
        one_sink(mail="recipients: a@example.com"),
        f"{SINK}.recipients: expected a list: [one, another]",
    ),
    "bad recipient": (
        one_sink(mail="recipients: [noc@example.com, noc]"),
        f"{SINK}: mail: recipient 'noc': not a mail address",
    ),
    "bad sender": (
        one_sink(mail="sender: Mist <a@b.de>"),
        f"{SINK}: mail: sender 'Mist <a@b.de>': not a mail",
    ),
    "password without user": (
        one_sink(mail="password_from: SMTP_PASSWORD"),
        f"{SINK}: mail: username and password belong together",
    ),
    "user without password": (one_sink(mail="username: mist"), "username and password belong together"),
    "password in the open": (one_sink(relay="security: none"), "use security starttls or tls"),
    "no such port": (
        one_sink(mail="port: 70000"),
        f"{SINK}: mail: give the server's host and a port between",
    ),
    "unknown security": (
        one_sink(mail="security: ssl"),
        f"{SINK}.security: Input should be 'starttls', 'tls' or 'none'",
    ),
    "no certificates there": (
        one_sink(mail="ca_file: /nowhere/ca.pem"),
        f"{SINK}: mail: there is no file of certificates at /nowhere/ca.pem",
    ),
    "no token": (one_sink(slack="token_from: GONE"), f"{SINK}.token_from: is missing: Variable with the bot"),
    "no channel": (one_sink(slack="channel: GONE"), f"{SINK}.channel: is missing: Id (C…), or name with #."),
    "no such channel": (one_sink(slack="channel: network"), "'network' is no Slack channel: give its id"),
    "no bot token": (
        one_sink(slack="token_from: SMTP_PASSWORD"),
        f"{SINK}: slack bot of x: a bot token is xoxb-",
    ),
    "no address of a webhook": (one_sink(slack_webhook="url_from: GONE"), f"{SINK}.url_from: is missing:"),
    "secret that is no address": (
        one_sink(slack_webhook="url_from: SLACK_TOKEN"),
        f"{SINK}: slack webhook of x: give a whole URL",
    ),
    "no routing key": (one_sink(pagerduty="routing_key_from: GONE"), f"{SINK}.routing_key_from: is missing:"),
    "routing key with a hyphen": (
        one_sink(pagerduty="routing_key_from: JIRA_TOKEN"),
        f"{SINK}: pagerduty of x: a routing key is letters and digits only",
    ),
    "another routing key with a hyphen": (
        one_sink(pagerduty="others_from: {east: JIRA_TOKEN}"),
        f"{SINK}: pagerduty of x, east: a routing key is letters",
    ),
    "no key of the signature": (one_sink(webhook="key_from: GONE"), f"{SINK}.key_from: is missing:"),
    "key too short": (
        one_sink(webhook="key_from: SHORT"),
        f"{SINK}: webhook of x: the key must have at least",
    ),
    "webhook without https": (
        one_sink(webhook="url_from: IN_THE_OPEN"),
        f"{SINK}: webhook of x: must be https",
    ),
    "no address of Jira": (one_sink(jira="base_url: GONE"), f"{SINK}.base_url: is missing: Address of the"),
    "Jira without https": (
        one_sink(jira="base_url: http://jira.example.com"),
        f"{SINK}: jira: base_url: must be https",
    ),
    "Jira's address with a password": (
        one_sink(jira="base_url: https://u:s3cret@jira.example.com"),
        "must not hold credentials",
    ),
    "no project": (one_sink(jira="project: GONE"), f"{SINK}.project: is missing: Key of the project."),
    "no such project": (one_sink(jira="project: NET-1"), f"{SINK}: jira: 'NET-1' is no project key"),
    "Jira Cloud without user": (
        one_sink(jira="user: GONE"),
        f"{SINK}.user: is missing: Jira Cloud takes an API token together with its mail address",
    ),
    "no priority of that name": (
        one_sink(jira="priorities: {high: 1}"),
        f"{SINK}.priorities.high: Input should be 'info', 'warning', 'major' or 'critical'",
    ),
    "label with a space": (one_sink(jira="labels: [a b]"), f"{SINK}: jira: 'a b' is no label"),
    "no address of ServiceNow": (one_sink(servicenow="base_url: GONE"), f"{SINK}.base_url: is missing:"),
    "ServiceNow without https": (
        one_sink(servicenow="base_url: http://example.service-now.com"),
        f"{SINK}: servicenow: base_url: must be https",
    ),
    "no such state": (
        one_sink(servicenow="states: {done: 3}"),
        f"{SINK}.states.done: Input should be 'new', 'in_progress'",
    ),
    "no such table": (one_sink(servicenow="table: Incident"), f"{SINK}: servicenow: 'Incident' is no table"),
    "templates that are not there": (
        one_sink(jira="templates: /nowhere/words"),
        f"{SINK}.templates: /nowhere/words is no folder; create it or leave the setting out",
    ),
    "address that Apprise does not know": (
        one_sink(apprise="url_from: SLACK_TOKEN"),
        f"{SINK}: apprise of x: Apprise knows no such address",
    ),
    "secret instead of a variable": (
        one_sink(slack="token_from: xoxb-s3cret"),
        f"{SINK}.token_from: is no name of a variable",
    ),
    "password instead of a variable": (
        one_sink(relay="password_from: s3cret"),
        f"{SINK}.password_from: is no name of a variable",
    ),
    "secret in the file": (
        one_sink(mail="password: s3cret"),
        missetting("notifications.sinks.x.password", "password_from"),
    ),
    "misspelt key": (
        one_sink(mail="prot: 25"),
        missetting("notifications.sinks.x.prot", "port"),
    ),
    "key of another type": (
        one_sink(file="zzz: 1"),
        "there is no setting 'notifications.sinks.x.zzz'; there are folder, type",
    ),
    "misspelt type": (
        one_sink(mail="type: mial"),
        f"{SINK}.type: 'mial' is no type of sink, did you mean 'mail'? there are "
        + ", ".join(config.type_name() for config in sink_configs()),
    ),
    "type like no other": (
        one_sink(mail="type: fax"),
        f"{SINK}.type: 'fax' is no type of sink; there are mail,",
    ),
    "no type": (one_sink(mail="type: GONE"), f"{SINK}.type: is missing: which kind of sink it is"),
    "a text as a sink": (
        "notifications: {sinks: {x: mail}}",
        f"{SINK}: expected keys with values: {{key: value}}",
    ),
    "a list of sinks": ("notifications: {sinks: [mail]}", "config.yaml: notifications.sinks: expected names"),
}


@pytest.mark.parametrize(("text", "expected"), list(WRONG.values()), ids=list(WRONG))
def test_a_mistake_is_reported_with_file_and_key_and_how_to_fix_it(
    text: str, expected: str, tmp_path: Path
) -> None:
    environment = {**SECRETS, "SHORT": "s3cret", "IN_THE_OPEN": "http://example.com/s3cret"}
    told = complaint(text, tmp_path, environment)
    assert expected in told
    assert all(line.startswith("config.yaml") for line in told.splitlines())
    assert "s3cret" not in told


@pytest.mark.parametrize(
    "name", ["", " ", "..", "../x", "pi<script>", "a b", "-x", "x\n", "Küche", "a/b", "a\x1b[0m"]
)
def test_a_sinks_name_that_would_need_escaping_is_refused(name: str, tmp_path: Path) -> None:
    text = yaml.safe_dump({"notifications": {"sinks": {"good": {"type": "file"}, name: {"type": "file"}}}})
    assert complaint(text, tmp_path) == (
        f"config.yaml: notifications.sinks: {name!r} is no name: use letters A–Z, digits, '_', '.' and '-', "
        "and begin with a letter, a digit or '_'"
    )


def test_a_secret_that_was_pasted_as_the_name_of_a_sink_is_not_quoted(tmp_path: Path) -> None:
    told = complaint("notifications: {sinks: {'https://example.com/s3cret': {type: file}}}", tmp_path)
    assert told.startswith("config.yaml: notifications.sinks: name 1 is no name: use letters")


@pytest.mark.parametrize("name", ["noc", "Ops-Files", "a.b_c-1", "0", "_x"])
def test_a_plain_name_of_a_sink_is_taken(name: str, tmp_path: Path) -> None:
    assert set(load(f"notifications: {{sinks: {{'{name}': {{type: file}}}}}}", tmp_path).sinks()) == {name}


@pytest.mark.parametrize("folder", ["''", "'  '", "null"])
def test_an_empty_folder_of_files_is_that_of_messages_in_the_data_folder(folder: str, tmp_path: Path) -> None:
    configured = load(one_sink(file=f"folder: {folder}"), tmp_path)
    assert configured.notifications.sinks["x"].sends_to == ("messages in the data folder",)


@pytest.mark.parametrize("kind", SINKS)
def test_every_missing_variable_is_named_with_the_key_that_names_it(kind: str, tmp_path: Path) -> None:
    text = f"notifications: {{sinks: {{x: {SINKS[kind]}}}}}"
    named = {variable for variable in SECRETS if variable in SINKS[kind]}
    if not named:
        assert set(load(text, tmp_path, {}).sinks()) == {"x"}
        return
    told = complaint(text, tmp_path, {})
    line = re.compile(rf"{re.escape(SINK)}\.\w+_from(\.\w+)?: the variable (\w+) is not set, or empty")
    found = [line.match(one) for one in told.splitlines()]
    assert {one[2] for one in found if one} == named
    assert len(found) == len(named)
    # An empty variable is one that somebody forgot to fill.
    assert complaint(text, tmp_path, dict.fromkeys(named, "")) == told


def test_a_missing_variable_of_a_sink_from_the_environment_names_that_variable(tmp_path: Path) -> None:
    name = "MIST_PIPELINE__NOTIFICATIONS__SINKS"
    told = complaint("", tmp_path, {name: f"{{x: {SINKS['slack']}}}"})
    assert told.startswith(f"{name}: notifications.sinks.x.token_from: the variable SLACK_TOKEN is not set")


def test_a_template_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "ticket_critical.txt.j2").write_text("Summary\n{% if %}\n", encoding="utf-8")
    for kind in ("jira", "servicenow"):
        told = complaint(one_sink(**{kind: f"templates: {tmp_path / 'words'}"}), tmp_path)
        assert told.startswith(f"{SINK}.templates: words/ticket_critical.txt.j2, line 2: ")


def test_a_missing_library_is_reported_with_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    told = complaint(one_sink(apprise="type: apprise"), tmp_path)
    assert told == f"{SINK}: needs the library Apprise: pip install 'mist-pipeline[apprise]'"


def test_a_sink_whose_module_is_no_python_is_named_with_its_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object) -> None:
        compile("sent = (\n", "sinks/file/sink.py", "exec")

    (kind,) = (one for one in sink_configs() if one.type_name() == "file")
    monkeypatch.setattr(kind, "build", build)
    told = complaint(one_sink(file="{}"), tmp_path)
    assert (
        f"{SINK}: its type cannot be used: sinks/file/sink.py, line 1: '(' was never closed; correct that line"
        in told
    )
