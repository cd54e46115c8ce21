"""What people do: acknowledge and close incidents, by command or by ticket, and give feedback."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger, Ticket
from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live
from mist_pipeline_tests.support.alerts.ledgers import (
    EVIDENCE,
    MINUTE,
    PAGED,
    TELL,
    incident_id,
)


def test_acknowledging_is_an_event_of_incident_and_alerts_and_once_is_enough(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    events = ledger.acknowledge(incident_id(ledger), "ada", START + MINUTE)
    assert [(event.subject, event.kind) for event in events] == [
        ("incident", "acknowledged"),
        ("alert", "acknowledged"),
    ]
    assert ledger.acknowledge(incident_id(ledger), "bob", START + MINUTE) == []
    incident, (alert,), history = ledger.incident(incident_id(ledger))
    assert (incident.acknowledged_by, alert.acknowledged_by, alert.state) == ("ada", "ada", "acknowledged")
    assert len(history) == 6


def test_whoever_was_told_hears_that_somebody_has_taken_it(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    ledger.acknowledge(incident_id(ledger), "ada", START + MINUTE)
    assert [
        notification.reason for notification in ledger.notify(TELL, START + 2 * MINUTE).notifications
    ] == ["acknowledged"]
    assert ledger.notify(TELL, START + 3 * MINUTE).notifications == ()


def test_an_acknowledgement_that_is_taken_back_is_told_and_calls_people_anew(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ledger.acknowledge(incident_id(ledger), "ada", START + MINUTE)
    ledger.notify(PAGED, START + 2 * MINUTE)
    assert ledger.escalate(PAGED, START + 20 * MINUTE) == []
    events = ledger.unacknowledge(incident_id(ledger), "ada", START + 30 * MINUTE)
    assert [(event.subject, event.kind) for event in events] == [
        ("incident", "unacknowledged"),
        ("alert", "unacknowledged"),
    ]
    incident, (alert,), _ = ledger.incident(incident_id(ledger))
    assert (incident.state, incident.acknowledged_by, incident.asks_since) == ("open", None, events[0].at)
    assert (alert.state, alert.acknowledged_by) == ("open", None)
    told = ledger.notify(PAGED, START + 30 * MINUTE).notifications
    assert [(one.sink, one.reason) for one in told] == [("mail", "unacknowledged")]
    assert ledger.notify(PAGED, START + 31 * MINUTE).notifications == ()
    assert [one.detail for one in ledger.escalate(PAGED, START + 45 * MINUTE)] == ["ada"]


@pytest.mark.parametrize("state", ["open", "resolved"])
def test_what_nobody_has_cannot_be_given_back(ledger: Ledger, state: str) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    if state == "resolved":
        ledger.resolve(incident_id(ledger), "ada", START + MINUTE)
    assert ledger.unacknowledge(incident_id(ledger), "ada", START + HOUR) == []
    with pytest.raises(NoSuchSubjectError):
        ledger.unacknowledge("nothing", "ada", START + HOUR)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "is_by_person", "is_taken"),
    [("open", True, False), ("acknowledged", True, True), ("closed", True, True), ("closed", False, False)],
)
def test_a_ticket_that_a_person_takes_or_closes_acknowledges_the_incident(
    ledger: Ledger, state: Any, is_by_person: bool, is_taken: bool
) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    name = incident_id(ledger)
    ticket = Ticket(
        sink="jira", incident_id=name, ticket="NET-1", state=state, who="Ada", is_by_person=is_by_person
    )
    ledger.record_ticket(ticket, START + MINUTE)
    assert (ledger.incident(name)[0].acknowledged_by == "Ada") is is_taken
    assert (ledger.escalate(PAGED, START + HOUR) == []) is is_taken
    assert ledger.record_ticket(ticket, START + HOUR) == []
    assert ledger.frames()["tickets"]["ticket"].to_list() == ["NET-1"]


@pytest.mark.slow
@pytest.mark.parametrize("says_when", [True, False])
def test_a_hand_that_lay_on_a_ticket_before_it_grew_worse_does_not_take_it_again(
    ledger: Ledger, says_when: bool
) -> None:
    def read(acted: timedelta, who: str, at: timedelta) -> bool:
        ticket = Ticket(
            sink="jira",
            incident_id=name,
            ticket="NET-1",
            state="acknowledged",
            who=who,
            is_by_person=True,
            acted_at=START + acted if says_when else None,
        )
        return bool(ledger.record_ticket(ticket, START + at))

    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    name = incident_id(ledger)
    assert read(MINUTE, "Ada", 2 * MINUTE)
    ledger.record_evaluation(live(1, finding(severity="critical")), PAGED)
    assert not read(MINUTE, "Ada", HOUR + MINUTE)
    assert [notification.detail for notification in ledger.escalate(PAGED, START + HOUR + 15 * MINUTE)] == [
        "ada"
    ]
    assert read(HOUR + 16 * MINUTE, "Bob", HOUR + 17 * MINUTE)
    assert ledger.escalate(PAGED, START + 3 * HOUR) == []


def test_a_hand_on_the_ticket_of_an_earlier_incident_does_not_take_the_one_that_goes_on_with_it(
    ledger: Ledger,
) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), PAGED)
    ticket = Ticket(
        sink="jira",
        incident_id=incident_id(ledger),
        ticket="NET-1",
        state="acknowledged",
        who="Ada",
        is_by_person=True,
        acted_at=START - MINUTE,
    )
    assert ledger.record_ticket(ticket, START + MINUTE) == []
    assert ledger.record_ticket(replace(ticket, acted_at=START + MINUTE), START + 2 * MINUTE)


def test_closing_by_hand_ends_the_incident_and_is_told(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    name = incident_id(ledger)
    assert [event.kind for event in ledger.resolve(name, "ada", START + MINUTE)] == ["resolved", "resolved"]
    assert ledger.resolve(name, "ada", START + MINUTE) == []
    assert [
        notification.reason for notification in ledger.notify(TELL, START + 2 * MINUTE).notifications
    ] == ["all_resolved"]


@pytest.mark.parametrize("verb", ["acknowledge", "resolve"])
def test_an_unknown_incident_is_named(ledger: Ledger, verb: str) -> None:
    with pytest.raises(NoSuchSubjectError, match="'i42'"):
        getattr(ledger, verb)("i42", "ada", START)
    with pytest.raises(NoSuchSubjectError, match="'i42'"):
        ledger.incident("i42")


def test_feedback_needs_something_that_exists(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    ledger.add_feedback("right", "ada", START, incident_id=incident_id(ledger), comment="Thanks")
    assert ledger.frames()["feedback"]["verdict"].to_list() == ["right"]
    with pytest.raises(NoSuchSubjectError, match="a42"):
        ledger.add_feedback("right", "ada", START, alert_id="a42")
