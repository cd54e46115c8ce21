"""Secrets: no representation and no error shows one, wherever it was put."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mist_pipeline.settings import SettingsError
from mist_pipeline_tests.support.settings.configurations import SECRETS, SINK, SINKS, complaint, load


def all_sinks() -> str:
    return f"notifications: {{sinks: {{{', '.join(f'{name}: {keys}' for name, keys in SINKS.items())}}}}}"


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    configured = load(all_sinks(), tmp_path)
    sinks = configured.sinks()
    inside = [repr(vars(sink)) for sink in sinks.values()]
    shown = f"{configured!r} {configured} {configured.model_dump()} {configured.model_dump_json()} {sinks} {inside}"
    assert "s3cret" not in shown


MARK = "Zq9Xw7Kj"


@pytest.mark.slow
@given(secret=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@pytest.mark.parametrize("kind", [kind for kind, keys in SINKS.items() if "_from" in keys])
def test_no_error_quotes_a_secret_whatever_it_is(kind: str, secret: str, tmp_path: Path) -> None:
    text = f"notifications: {{sinks: {{x: {SINKS[kind]}}}}}"
    # Marked by what is in no error by chance.
    for value in (f"{MARK}{secret}", f"https://example.com/{MARK}{secret}", f"xoxb-{MARK}{secret}"):
        try:
            configured = load(text, tmp_path, dict.fromkeys(SECRETS, value))
        except SettingsError as error:
            shown = str(error)
        else:
            shown = f"{configured!r} {configured.sinks()!r}"
        assert MARK not in shown


@given(
    secret=st.from_regex(r"[a-z0-9][A-Za-z0-9_/+.-]{11,30}", fullmatch=True),
    key=st.sampled_from(["token_from", "url_from", "password_from", "routing_key_from", "key_from"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
def test_a_secret_in_place_of_its_variable_is_not_quoted(secret: str, key: str, tmp_path: Path) -> None:
    for sink in map(yaml.safe_load, SINKS.values()):
        if key in sink:
            told = complaint(
                yaml.safe_dump({"notifications": {"sinks": {"x": {**sink, key: secret}}}}), tmp_path
            )
            assert told.startswith(f"{SINK}.{key}: is no name of a variable")
            assert secret not in told


@pytest.mark.parametrize(
    "secret", ["xoxb-123456789012-AbCdEf", "9f86d081884c7d659a2f", "https://hooks.example.com/T0/B1"]
)
@pytest.mark.parametrize(
    "text",
    [
        "mist: {'SECRET': x}",
        "'SECRET': {a: b}",
        "notifications: {sinks: {x: {type: file, 'SECRET': 1}}}",
        "notifications: {sinks: {x: {type: 'SECRET'}}}",
        "mist: {'SECRET': 1, 'SECRET': 2}",
        "mist: {api_token: 'SECRET'}",
    ],
)
def test_a_secret_that_was_pasted_as_a_key_or_into_a_wrong_key_is_not_quoted(
    text: str, secret: str, tmp_path: Path
) -> None:
    told = complaint(text.replace("SECRET", secret), tmp_path)
    assert secret not in told
    assert secret[:8] not in told
    assert "config.yaml" in told


def test_the_ledgers_password_may_come_from_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    address = "postgresql://mist:s3cret@db.example.com/ledger"
    configured = load("", tmp_path, {"MIST_PIPELINE__ALERTS__LEDGER": address})
    assert configured.ledger == address
    assert (
        "s3cret"
        not in f"{configured!r} {configured} {configured.model_dump()} {configured.model_dump_json()}"
    )
    wrong = complaint("", tmp_path, {"MIST_PIPELINE__ALERTS__LEDGER": "oracle://mist:s3cret@db/ledger"})
    assert wrong.startswith("MIST_PIPELINE__ALERTS__LEDGER: alerts.ledger: is no database")
    assert "s3cret" not in wrong


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_secret_read_from_a_file_loses_its_line_end_whoever_uses_it(end: str, tmp_path: Path) -> None:
    given = {name: f"{value}{end}" for name, value in SECRETS.items()} | {"MIST_API_TOKEN": f"t0ken{end}"}
    configured = load(all_sinks(), tmp_path, given)
    assert {name: value.get_secret_value() for name, value in configured.secrets.items()} == SECRETS
    assert [token.get_secret_value() for token in configured.tokens] == ["t0ken"]


@pytest.mark.parametrize("odd", ["\n", "\t", "\x00", "\x1b", "\ufeff", "\u200b"])
@pytest.mark.parametrize("kind", [kind for kind, keys in SINKS.items() if "_from" in keys])
def test_a_secret_with_a_control_character_is_refused_by_key_and_variable(
    kind: str, odd: str, tmp_path: Path
) -> None:
    text = f"notifications: {{sinks: {{x: {SINKS[kind]}}}}}"
    told = complaint(text, tmp_path, {name: f"{value}{odd}{value}" for name, value in SECRETS.items()})
    named = {variable for variable in SECRETS if variable in SINKS[kind]}
    assert len(told.splitlines()) == len(named)
    assert all(
        f"the variable {variable} holds a control or invisible character" in told for variable in named
    )
    assert all(line.startswith(f"{SINK}.") for line in told.splitlines())
    assert "s3cret" not in told


def test_a_token_with_a_control_character_is_refused_by_its_variable(tmp_path: Path) -> None:
    told = complaint("", tmp_path, {"MIST_API_TOKEN": "good-s3cret, bad-s3\tcret"})
    assert told.startswith("the variable MIST_API_TOKEN holds a control or invisible character (U+0009)")
    assert "s3" not in told


def test_every_secret_of_a_configuration_is_known_to_the_net_under_all_errors(tmp_path: Path) -> None:
    address = "postgresql://mist:db%2Fs3cret@db.example.com/ledger"
    configured = load(
        all_sinks(),
        tmp_path,
        {**SECRETS, "MIST_API_TOKEN": "t0ken-s3cret", "MIST_PIPELINE__ALERTS__LEDGER": address},
    )
    said = [*SECRETS.values(), "t0ken-s3cret", address, "db/s3cret"]
    said += [value.rpartition("/")[2] for value in SECRETS.values()]
    said += [quote(value, safe="") for value in said] + [
        base64.b64encode(f"u:{value}".encode()).decode() for value in said
    ]
    known = configured.known_secrets()
    for value in said:
        assert known.hide(f"refused: {value}.") == "refused: ***.", value
    assert known.hide("ledger.db at db.example.com is down") == "ledger.db at db.example.com is down"
