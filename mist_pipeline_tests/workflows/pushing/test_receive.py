"""Webhooks of the cloud go into the ledger of these settings."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from mist_pipeline.settings import Settings, SettingsError, load_settings
from mist_pipeline.warehouse.owner import Owner
from mist_pipeline.workflows.ledger_access import open_pushes
from mist_pipeline.workflows.organisation_pin import pin
from mist_pipeline.workflows.pushing.changes import pushed_changes
from mist_pipeline.workflows.pushing.receive import KEPT_FOR, forget_old_pushes, receiving
from mist_pipeline_tests.support.pushes import CAPTURED, NOW, OLD_SECRET, ORG, SECRET, post, raw, updown


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environment = {"MIST_PIPELINE_DATA": str(tmp_path), "MIST_WEBHOOK_SECRET": f"{OLD_SECRET}, {SECRET}"}
    made = load_settings(environment=environment)
    pin(made, Owner(ORG, "Acme"))
    return made


def outcomes(settings: Settings) -> dict[tuple[str, str], int]:
    with open_pushes(settings) as pushes:
        return {(one.topic, one.outcome): one.number for one in pushes.counts()}


def kinds(settings: Settings) -> list[str]:
    with sqlite3.connect(settings.data / "pushes.db") as connection:
        return sorted(kind for (kind,) in connection.execute("SELECT kind FROM pushes"))


def test_every_captured_message_is_kept_and_what_nobody_reads_is_counted(settings: Settings) -> None:
    app = receiving(settings, lambda: NOW)
    assert app
    assert {post(app, raw(message)).body for message in CAPTURED.values()} == {"kept 1 of 1"}
    assert {post(app, raw(message)).body for message in CAPTURED.values()} == {"kept 0 of 1"}
    found = outcomes(settings)
    assert found["mxedge-events", "of no interest"] == 2
    assert {number for (_, outcome), number in found.items() if outcome in {"kept", "known already"}} == {1}
    assert len(kinds(settings)) == len(CAPTURED)


@pytest.mark.parametrize("is_wanted", [False, True])
def test_of_an_audit_the_next_poll_knows_what_was_changed_and_only_where_wanted_who(
    settings: Settings, *, is_wanted: bool
) -> None:
    privacy = settings.privacy.model_copy(update={"show_admins": is_wanted})
    chosen = settings.model_copy(update={"privacy": privacy})
    assert pushed_changes(chosen, NOW - timedelta(days=1)) == []
    app = receiving(chosen, lambda: NOW)
    assert app
    post(app, raw(CAPTURED["audit"]))
    [kept] = pushed_changes(chosen, NOW - timedelta(days=1))
    assert (kept["message"], kept.get("admin_name")) == (
        "Update Site Settings", "Jo Doe jo@example.com" if is_wanted else None,
    )  # fmt: skip
    assert "src_ip" not in kept
    assert pushed_changes(chosen, NOW + timedelta(hours=1)) == []


def test_what_is_too_old_of_the_future_or_of_somebody_else_is_not_kept(settings: Settings) -> None:
    app = receiving(settings, lambda: NOW)
    assert app
    hour = timedelta(hours=1)
    events = [
        updown("KEPT", "a" * 12, NOW - 23 * hour),
        updown("OLD", "a" * 12, NOW - 25 * hour),
        updown("FUTURE", "a" * 12, NOW + hour),
        updown("OTHER", "a" * 12, org_id="somebody-else"),
        {"type": "UNREADABLE"},
    ]
    assert post(app, raw({"topic": "device-events", "events": events})).body == "kept 1 of 4"
    assert kinds(settings) == ["KEPT"]
    assert {outcome: number for (_, outcome), number in outcomes(settings).items()} == {
        "kept": 1, "too old": 1, "of the future": 1, "of another organisation": 1, "unreadable": 1,
    }  # fmt: skip


def test_what_is_malformed_or_not_signed_is_counted(settings: Settings) -> None:
    app = receiving(settings, lambda: NOW)
    assert app
    assert post(app, b"{}").status == 400
    assert post(app, b"{}", secret="a secret of somebody else").status == 401
    assert outcomes(settings) == {("", "malformed"): 1, ("", "not signed"): 1}


def test_a_ledger_that_does_not_answer_is_no_reason_to_lose_a_message(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "pushes.db").write_bytes(b"no database" * 100)
    app = receiving(settings, lambda: NOW)
    assert app
    assert post(app, raw(CAPTURED["switch"])).status == 503
    (tmp_path / "pushes.db").unlink()
    assert post(app, raw(CAPTURED["switch"])).status == 200


def test_without_a_secret_nothing_is_received(tmp_path: Path) -> None:
    assert receiving(load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})) is None


def test_a_secret_that_can_be_guessed_is_refused_and_not_quoted() -> None:
    with pytest.raises(SettingsError, match="MIST_WEBHOOK_SECRET holds a secret of fewer than 16") as refused:
        load_settings(environment={"MIST_WEBHOOK_SECRET": f"{SECRET},hunter2"})
    assert "hunter2" not in str(refused.value)


def test_secrets_are_hidden_wherever_they_come_back(settings: Settings) -> None:
    assert settings.known_secrets().hide(f"X {SECRET} and {OLD_SECRET}") == "X *** and ***"
    assert SECRET not in repr(settings)


def test_events_are_forgotten_after_some_days(settings: Settings) -> None:
    app = receiving(settings, lambda: NOW)
    assert app
    post(app, raw(CAPTURED["switch"]))
    assert forget_old_pushes(settings, NOW + KEPT_FOR / 2) == 0
    assert forget_old_pushes(settings, NOW + 2 * KEPT_FOR) == 1
