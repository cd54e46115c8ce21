"""Other mistakes of the sections `alerts` and `notifications`, and which file or variable an error names."""

from pathlib import Path

import pytest

from mist_pipeline.settings import SettingsError, load_settings
from mist_pipeline_tests.support.settings.configurations import (
    SECRETS,
    SINKS,
    complaint,
    missetting,
    route,
    with_sinks,
)

WRONG = {
    "unknown kind of finding": (
        "alerts: {raises: {treshold: critical}}",
        "config.yaml: alerts.raises.treshold: is no kind of finding; did you mean 'threshold'?",
    ),
    "key of links without a console": (
        "web: {link_key_from: SHORT}",
        "config.yaml: web: link_key_from needs web.console_url",
    ),
    "key of links that is not set": (
        "web: {link_key_from: GONE, console_url: 'https://mist.example.com'}",
        "config.yaml: web.link_key_from: the variable GONE is not set, or empty; put the secret there",
    ),
    "key of links that can be guessed": (
        "web: {link_key_from: SHORT, console_url: 'https://mist.example.com'}",
        "config.yaml: web.link_key_from: the variable SHORT holds fewer than 16 characters",
    ),
    "unknown severity of a kind": (
        "alerts: {raises: {threshold: high}}",
        "config.yaml: alerts.raises.threshold: Input should be 'info', 'warning', 'major', 'critical' or 'never'",
    ),
    "days that are none": ("alerts: {keep_days: 1}", "config.yaml: alerts.keep_days: "),
    "ledger of another database": (
        "alerts: {ledger: 'mysql://host/ledger'}",
        "config.yaml: alerts.ledger: is no database; write a path or postgresql://user@host/name",
    ),
    "ledger that is no address": ("alerts: {ledger: 'postgresql://[bad'}", "alerts.ledger: is no database"),
    "password of the ledger": (
        "alerts: {ledger: 'postgresql://u:s3cret@host/ledger'}",
        "config.yaml: alerts.ledger holds a password. Secrets come from the environment",
    ),
    "password of the ledger as an option": (
        "alerts: {ledger: 'postgresql://u@host/ledger?password=s3cret'}",
        "config.yaml: alerts.ledger holds a password. Secrets come from the environment",
    ),
    "reports without https": (
        "notifications: {reports_url: reports.example.com}",
        "config.yaml: notifications.reports_url: must be a whole web address",
    ),
    "console with a password": (
        "notifications: {dagster_url: 'https://u:s3cret@dagster.example.com'}",
        "config.yaml: notifications.dagster_url: must be a whole web address without user and password",
    ),
    "misspelt key": (
        "notifications: {rotues: []}",
        missetting("notifications.rotues", "routes"),
    ),
    "secrets in the file": (
        "secrets: {A: s3cret}",
        "config.yaml: `secrets` is no key of the file. Sinks name",
    ),
    "no remediation there": (
        "notifications: {remediation: /nowhere/own.yaml}",
        "config.yaml: notifications.remediation: /nowhere/own.yaml: cannot be read",
    ),
    "a key twice": (
        "notifications:\n  routes: []\n  sinks: {}\n  routes: []",
        "config.yaml, line 4, column 3: 'routes' stands there twice",
    ),
    "no YAML": ("notifications: [s3cret", "config.yaml, line 1, column 23: this is no YAML"),
    "a secret as an unknown alias": (
        "notifications: *s3cret",
        "config.yaml, line 1, column 16: this is no YAML",
    ),
    "a section that is none": ("notifications: [a]", "config.yaml: notifications: expected keys with values"),
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


def test_what_does_not_go_together_names_all_who_say_it(tmp_path: Path) -> None:
    name = "MIST_PIPELINE__NOTIFICATIONS__SINKS__X__USERNAME"
    told = complaint(f"notifications: {{sinks: {{x: {SINKS['mail']}}}}}", tmp_path, {name: "mist"})
    assert told.startswith(f"config.yaml and {name}: notifications.sinks.x: mail: username and password")
    routes = "MIST_PIPELINE__NOTIFICATIONS__ROUTES"
    told = complaint(with_sinks(""), tmp_path, {**SECRETS, routes: "[{name: a, sinks: [chta]}]"})
    assert told.startswith(f"{routes}: notifications.routes[0].sinks[0]: 'chta' is not configured")


def test_a_bad_table_of_steps_is_named_with_the_place_in_it(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("metrics: {covrage: {steps: [Look.]}}", encoding="utf-8")
    told = complaint(with_sinks(f"remediation: {own}"), tmp_path)
    assert told == (
        "config.yaml: notifications.remediation: own.yaml: metrics.covrage: no known metric; did you mean coverage?"
    )


def test_a_variable_replaces_what_the_file_says_and_its_errors_name_it(tmp_path: Path) -> None:
    name = "MIST_PIPELINE__NOTIFICATIONS__ROUTES"
    told = complaint(
        route("goes_on: true"), tmp_path, {**SECRETS, name: "[{name: a, sinks: [chat], goes_no: 1}]"}
    )
    assert told.startswith(f"{name}: there is no setting 'notifications.routes[0].goes_no'; did you mean")
    told = complaint(route("goes_on: true"), tmp_path, {**SECRETS, name: "[{name: a, sinks: "})
    assert told == f"{name}: notifications.routes: expected a list: [one, another]"


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"config\.yaml: cannot be read as a text in UTF-8"):
        load_settings(path, {})
