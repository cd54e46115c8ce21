"""Secrets: no representation and no error shows one, wherever it was put."""

from pathlib import Path

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
