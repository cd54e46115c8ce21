"""Escalations in the ledger: due over restarts, fired once, cancelled when somebody takes the incident."""

from datetime import timedelta

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.outcome import Accepted
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live
from mist_pipeline_tests.support.alerts.ledgers import (
    EVIDENCE,
    MINUTE,
    PAGED,
    incident_id,
    outbox_rows,
    silence,
)


@pytest.mark.slow
def test_an_escalation_calls_the_next_person_until_somebody_reacts(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    assert ledger.escalate(PAGED, START + 14 * MINUTE) == []
    (first,) = ledger.escalate(PAGED, START + 15 * MINUTE)
    assert (first.sink, first.detail, first.reason) == ("pager", "ada", "escalation")
    assert ledger.escalate(PAGED, START + 16 * MINUTE) == []
    (second,) = ledger.escalate(PAGED, START + 31 * MINUTE)
    assert (second.detail, second.sequence) == ("bob", 2)


def test_acknowledging_cancels_what_is_pending_and_withdraws_what_is_not_sent(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.escalate(PAGED, START + 15 * MINUTE)
    ledger.acknowledge(incident_id(ledger), "ada", START + 16 * MINUTE)
    assert outbox_rows(ledger) == [("mail", "first", "pending"), ("pager", "escalation", "dead")]
    assert ledger.escalate(PAGED, START + 31 * MINUTE) == []
    ledger.record_evaluation(live(1, EVIDENCE), PAGED)
    assert ledger.escalate(PAGED, START + 3 * HOUR) == []


def test_an_escalation_survives_a_restart_and_is_caught_up(address: str) -> None:
    with Ledger(address) as before:
        before.record_evaluation(live(0, EVIDENCE), PAGED)
    with Ledger(address) as after:
        called = after.escalate(PAGED, START + 2 * HOUR)
    assert [notification.detail for notification in called] == ["ada", "bob"]


def test_an_escalation_never_calls_later_than_its_expiry(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    assert ledger.escalate(PAGED, START + timedelta(days=90)) == []
    assert set(ledger.frames()["escalations"]["because"]) == {"expired"}


def test_recovery_ends_the_escalation(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.resolve(incident_id(ledger), "ada", START + MINUTE)
    assert ledger.escalate(PAGED, START + HOUR) == []


@pytest.mark.slow
def test_recovery_by_itself_ends_the_escalation_as_well(ledger: Ledger) -> None:
    slow = EscalationPolicy(steps=(EscalationStep(after_minutes=1200, sink="pager", to="ada"),))
    telling = NotificationRules(routes=PAGED.routes, escalations={"duty": slow})
    for step in [live(0, EVIDENCE), *(live(hour) for hour in range(1, 14))]:
        ledger.record_evaluation(step, telling)
    assert ledger.escalate(telling, START + 21 * HOUR) == []
    assert set(ledger.frames()["escalations"]["because"]) == {"resolved"}


def test_a_rise_after_the_acknowledgement_calls_anew(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.acknowledge(incident_id(ledger), "ada", START + MINUTE)
    worse = ledger.record_evaluation(live(1, finding(severity="critical")), PAGED)
    assert [notification.reason for notification in worse.notifications] == ["severity_rise"]
    assert [notification.detail for notification in ledger.escalate(PAGED, START + HOUR + 15 * MINUTE)] == [
        "ada"
    ]


def test_a_silenced_incident_calls_nobody_until_the_silence_ends(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.add_silence(silence("site_id=s1", hours=1))
    assert ledger.escalate(PAGED, START + 20 * MINUTE) == []
    assert len(ledger.escalate(PAGED, START + 61 * MINUTE)) == 2


@pytest.mark.slow
def test_by_policy_only_the_end_stops_an_escalation_and_repetitions_call_once(ledger: Ledger) -> None:
    policy = EscalationPolicy(
        steps=(EscalationStep(after_minutes=10, sink="pager", to="ada"),),
        stops_when="resolved",
        repeats=3,
        repeat_every_minutes=30,
    )
    telling = NotificationRules(routes=PAGED.routes, escalations={"duty": policy})
    ledger.record_evaluation(live(0, EVIDENCE), telling)
    ledger.acknowledge(incident_id(ledger), "ada", START + MINUTE)
    assert len(ledger.escalate(telling, START + 10 * MINUTE)) == 1
    assert len(ledger.escalate(telling, START + 3 * HOUR)) == 1
    assert sorted(ledger.frames()["escalations"]["state"]) == ["cancelled", "cancelled", "fired", "fired"]
    ledger.resolve(incident_id(ledger), "ada", START + 4 * HOUR)
    assert ledger.escalate(telling, START + 5 * HOUR) == []


def told_to_the_pager(ledger: Ledger) -> list[str]:
    return [reason for sink, reason, _ in outbox_rows(ledger) if sink == "pager"]


def test_whom_an_escalation_called_hears_that_somebody_took_it_and_that_it_is_over(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.escalate(PAGED, START + 15 * MINUTE)
    Outbox(ledger.engine).work({"pager": lambda _: Accepted()}, "w", lambda: START + 15 * MINUTE)
    ledger.acknowledge(incident_id(ledger), "ada", START + 20 * MINUTE)
    ledger.notify(PAGED, START + 20 * MINUTE)
    assert told_to_the_pager(ledger) == ["escalation", "acknowledged"]
    ledger.resolve(incident_id(ledger), "ada", START + HOUR)
    ledger.notify(PAGED, START + HOUR)
    assert told_to_the_pager(ledger) == ["escalation", "acknowledged", "all_resolved"]


def test_whom_an_escalation_called_does_not_hear_of_every_change(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.escalate(PAGED, START + 15 * MINUTE)
    ledger.record_evaluation(live(1, finding(severity="critical")), PAGED)
    assert told_to_the_pager(ledger) == ["escalation"]


def test_who_was_not_called_after_all_hears_nothing(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.escalate(PAGED, START + 15 * MINUTE)
    ledger.acknowledge(incident_id(ledger), "ada", START + 16 * MINUTE)
    ledger.notify(PAGED, START + 16 * MINUTE)
    assert outbox_rows(ledger)[1:] == [("pager", "escalation", "dead"), ("mail", "acknowledged", "pending")]


def test_a_step_that_is_silenced_wakes_nobody_every_moment(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.add_silence(silence('family="radio"', hours=1))
    assert ledger.is_due(START + 15 * MINUTE)
    assert ledger.escalate(PAGED, START + 15 * MINUTE) == []
    assert not ledger.is_due(START + 16 * MINUTE)
    assert [one.detail for one in ledger.escalate(PAGED, START + 61 * MINUTE)] == ["ada", "bob"]
