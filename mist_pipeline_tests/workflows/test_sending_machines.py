"""Each of several machines sends what is due, and whoever takes over evaluates what the one before had kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.machines.lease import Lease
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger, unevaluated_since
from mist_pipeline.workflows.notifying import sending
from mist_pipeline.workflows.notifying.sending import Sender
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.workflows.messages_waiting import configured, waits

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def active(ledger: Ledger, machine: str, at: datetime) -> None:
    assert Lease(ledger.engine, machine, f"{machine}:1:boot-1", lambda: at).claim()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return configured(tmp_path, "chat")


def test_what_is_due_is_sent_wherever_the_sender_runs(settings: Settings) -> None:
    waits(settings, chat=None)
    with open_ledger(settings) as ledger:
        active(ledger, "other", datetime.now(UTC))
        Sender(settings, "this").look(ledger)
        assert not ledger.waiting_messages()
    assert list((settings.data / "chat").rglob("*.txt"))


def test_a_step_of_an_escalation_is_taken_without_dagster(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[datetime] = []
    monkeypatch.setattr(sending, "escalate", lambda _settings, now: taken.append(now))
    with open_ledger(settings) as ledger:
        Sender(settings, "this", lambda: NOON).look(ledger)
        assert not taken
        monkeypatch.setattr(ledger, "is_due", lambda now: now == NOON)
        Sender(settings, "this", lambda: NOON).look(ledger)
    assert taken == [NOON]


@pytest.mark.parametrize(
    ("who", "since", "is_evaluated"),
    [
        ("this", timedelta(minutes=1), True),
        ("other", timedelta(minutes=1), False),
        ("this", timedelta(minutes=-5), False),
    ],
    ids=["taken over from another", "the other is active", "kept in its own term: its own run evaluates it"],
)
def test_what_another_kept_is_evaluated_by_whoever_took_over(
    settings: Settings, who: str, since: timedelta, is_evaluated: bool
) -> None:
    kept_evaluations(settings).keep(live(0, finding()))
    with open_ledger(settings) as ledger:
        active(ledger, who, datetime.now(UTC) + since)
        sender = Sender(settings, "this")
        sender.look(ledger)
        assert (unevaluated_since(settings, ledger) is None) == is_evaluated
