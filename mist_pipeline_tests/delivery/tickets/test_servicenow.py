"""What only ServiceNow does: ignored queries, closed records, states that people number anew, and never a hand on others' records."""

from collections.abc import Iterator
from typing import Any

import pytest

from mist_pipeline.delivery.message import Reason
from mist_pipeline.delivery.sink import Refused
from mist_pipeline.delivery.tickets.policy import TicketStatus
from mist_pipeline_tests.support.delivery.messages import incident, message, resolved
from mist_pipeline_tests.support.delivery.ticket_systems import (
    ServiceNowUnderTest,
    accepted,
    lose,
    notify,
    servicenow_config,
)
from mist_pipeline_tests.support.fakes.fake_http import Reply, json_reply
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow

pytestmark = pytest.mark.slow

LOST = Reply(behaviour="reset")


@pytest.fixture
def system() -> Iterator[ServiceNowUnderTest]:
    with FakeServiceNow() as fake:
        yield ServiceNowUnderTest(fake)


def record(system: ServiceNowUnderTest) -> dict[str, str]:
    """The one record that there is."""
    return system.fake.records[system.only()]


# What a record holds


@pytest.mark.parametrize("version", ["", "v1", "v2"])
def test_an_empty_result_is_understood_though_it_looks_different_in_v1(
    system: ServiceNowUnderTest, version: str
) -> None:
    outcome = notify(system.sink(version=version), incident(), "first", 1)
    assert outcome.reference["number"] == "INC0000001"
    assert system.id_in(outcome) == system.only()


def test_another_404_is_a_wrong_address(system: ServiceNowUnderTest) -> None:
    system.fail(system.search, Reply(404, b'{"error": {"message": "no such path"}}'))
    outcome = system.sink().send(message())
    assert isinstance(outcome, Refused)
    assert "check base_url, version and table" in outcome.error


def test_the_priority_is_left_to_the_instance_and_further_fields_are_texts(
    system: ServiceNowUnderTest,
) -> None:
    notify(system.sink(fields={"u_auto": True, "u_code": 7, "u_text": "x"}), incident(), "first", 1)
    sent = system.fake.asked(*system.create)[0].document()
    assert "priority" not in sent
    assert [sent[name] for name in ("u_auto", "u_code", "u_text")] == ["true", "7", "x"]


def test_a_recovered_incident_is_resolved_with_code_and_notes(system: ServiceNowUnderTest) -> None:
    to = system.sink(close_code="Solved (Permanently)")
    first = notify(to, incident(), "first", 1)
    notify(to, resolved(incident()), "all_resolved", 2, first)
    assert record(system)["state"] == "6"
    assert record(system)["close_code"] == "Solved (Permanently)"
    assert "Recovered by itself" in record(system)["close_notes"]


def test_an_instance_may_number_its_states_anew(system: ServiceNowUnderTest) -> None:
    to = system.sink(states={"new": "1", "resolved": "3", "closed": "6"})
    first = notify(to, incident(), "first", 1)
    notify(to, resolved(incident()), "all_resolved", 2, first)
    assert record(system)["state"] == "3"


def test_a_refusal_by_data_policy_is_quoted_in_the_instances_words(system: ServiceNowUnderTest) -> None:
    to = system.sink(close_code="")
    first = notify(to, incident(), "first", 1)
    outcome = to.send(message(resolved(incident()), "all_resolved", 2, reference=first.reference))
    assert isinstance(outcome, Refused)
    assert "Data Policy Exception" in outcome.error


@pytest.mark.parametrize("changes", [{"table": "incident/../sys_user"}, {"version": "v9"}])
def test_a_configuration_that_cannot_work_is_an_error_before_anything_is_sent(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match="|".join(changes)):
        servicenow_config("https://snow.example.com", **changes)


# What is not kept


@pytest.mark.parametrize("where", ["missing_fields", "denied_fields"])
def test_a_table_without_the_field_that_finds_a_record_gets_one_closed_record_and_a_refusal_that_names_it(
    system: ServiceNowUnderTest, where: str
) -> None:
    getattr(system.fake, where).add("correlation_id")
    to = system.sink()
    outcomes = [
        to.send(message(incident(), "first", 1)),
        to.send(message(incident(2), "more_sites", 2)),
        to.send(message(incident(3, incident_id="another", fingerprint="of another cause"), "first", 3)),
    ]
    for outcome in outcomes:
        assert isinstance(outcome, Refused)
        assert "correlation_id" in outcome.error
        assert "INC0000001" in outcome.error
    assert record(system)["state"] == "6"
    assert "correlation_id" in record(system)["short_description"]
    assert "let the account write" in record(system)["close_notes"]
    (concern,) = [each for each in to.examine() if "says" in each.found]
    assert concern.is_hindrance
    assert "INC0000001" in concern.found


def test_once_the_field_is_kept_tickets_are_created_again(system: ServiceNowUnderTest) -> None:
    system.fake.denied_fields = {"correlation_id"}
    to = system.sink()
    assert isinstance(to.send(message()), Refused)
    system.fake.denied_fields = set()
    first = notify(to, incident(), "first", 1)
    assert first.reference["number"] == "INC0000002"
    notify(to, incident(2), "more_sites", 2, first)
    assert len(system.fake.records) == 2
    assert to.examine() == []
    # The record of the failure is done with: a further creation writes nothing into it.
    before = len(system.fake.writes())
    notify(to, incident(1, incident_id="another", fingerprint="of another cause"), "first", 3)
    assert len(system.fake.writes()) == before + 1


def test_a_record_that_was_not_kept_whole_and_cannot_be_closed_is_named(system: ServiceNowUnderTest) -> None:
    system.fake.denied_fields = {"correlation_id"}
    outcome = system.sink(close_code="").send(message())
    assert isinstance(outcome, Refused)
    assert "INC0000001 was created and cannot be closed: " in outcome.error
    assert "Data Policy Exception" in outcome.error


def test_an_answer_that_shows_less_than_what_was_kept_is_read_again(system: ServiceNowUnderTest) -> None:
    body = {"result": {"sys_id": "c4ca4238a0b923820dcc509a6f75849b", "number": "INC0000001"}}
    system.fail(system.create, json_reply(body, 201), is_done=True)
    first = notify(system.sink(), incident(), "first", 1)
    assert system.id_in(first) == system.only()
    assert record(system)["state"] == "1"


@pytest.mark.parametrize(
    ("lost", "noted"),
    [
        ({"impact", "urgency"}, "did not keep: impact, urgency"),
        ({"correlation_display"}, "did not keep: correlation_display"),
        ({"assignment_group"}, "did not keep: assignment_group"),
    ],
    ids=("two fields", "correlation_display", "assignment_group"),
)
def test_what_else_is_not_kept_is_noted(system: ServiceNowUnderTest, lost: set[str], noted: str) -> None:
    system.fake.denied_fields = lost
    to = system.sink(fields={"assignment_group": "network"}, impact_urgency={"critical": ("1", "1")})
    first = notify(to, incident(), "first", 1)
    assert noted in first.note
    assert len(system.fake.records) == 1


def test_a_resolution_that_the_instance_does_not_carry_out_is_noted_and_is_not_taken_for_ours(
    system: ServiceNowUnderTest,
) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.fake.denied_fields = {"state"}
    last = notify(to, resolved(incident()), "all_resolved", 2, first)
    assert "did not keep: state" in last.note
    assert last.reference["state"] == "1"
    system.fake.as_person(system.only(), state="6", close_code="Done", close_notes="by hand")
    status = to.read_status(last.reference)
    assert isinstance(status, TicketStatus)
    assert status.is_by_person
    assert status.resolution == "Done"


@pytest.mark.parametrize("name", ["correlation_id", "correlation_display", "state"])
def test_a_field_that_this_account_cannot_see_is_named_before_there_is_a_ticket(
    system: ServiceNowUnderTest, name: str
) -> None:
    system.fake.add(short_description="theirs")
    assert system.sink().examine() == []
    system.fake.missing_fields = {name}
    (concern,) = system.sink().examine()
    assert f"does not show {name}" in concern.found
    assert system.fake.writes() == []


# Records of others


def test_an_ignored_query_that_answers_with_other_peoples_incidents_writes_nothing(
    system: ServiceNowUnderTest,
) -> None:
    theirs = system.fake.add(short_description="theirs", correlation_id="monitoring-7")
    before = dict(system.fake.records[theirs])
    system.fake.unknown_fields = {"correlation_id"}
    for outcome in (system.sink().send(message()), system.sink().recover(message(attempt=2))):
        assert isinstance(outcome, Refused)
        assert "ignored the query" in outcome.error
    assert system.fake.writes() == []
    assert system.fake.records == {theirs: before}


def test_a_stored_sys_id_of_somebody_elses_record_is_not_written_to(system: ServiceNowUnderTest) -> None:
    theirs = system.fake.add(short_description="theirs", correlation_id="monitoring-7")
    reference = {"sys_id": theirs, "number": "INC0000001"}
    outcome = accepted(system.sink().send(message(incident(2), "more_sites", 2, reference=reference)))
    assert system.id_in(outcome) != theirs
    assert system.comments(theirs) == []
    assert isinstance(system.sink().read_status({"sys_id": theirs, "cause": "mist-cause-x"}), Refused)
    assert isinstance(system.sink().read_status({"sys_id": theirs, "cause": ""}), Refused)


# Closed records


@pytest.mark.parametrize("state", ["7", "8"])
@pytest.mark.parametrize("incident_id", [incident().incident_id, "another-incident-of-the-cause"])
def test_a_closed_record_is_never_updated_but_gets_a_linked_successor(
    system: ServiceNowUnderTest, state: str, incident_id: str
) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    old = system.id_in(first)
    system.fake.as_person(old, state=state)
    before = dict(system.fake.records[old])
    is_same = incident_id == incident().incident_id
    reason: Reason = "reopened" if is_same else "first"
    back = notify(to, incident(incident_id=incident_id), reason, 2, first if is_same else None)
    new = system.id_in(back)
    assert new != old
    assert system.is_linked(new, old)
    assert "INC0000001" in system.description(new)
    assert system.fake.records[old] == before
    assert system.fake.asked("PATCH", old) == []


def test_a_mere_reminder_about_a_closed_record_writes_nothing(system: ServiceNowUnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.fake.as_person(system.id_in(first), state="7")
    outcome = notify(to, incident(), "repeat_due", 2, first)
    assert "not written to" in outcome.note
    assert outcome.reference == first.reference
    assert len(system.fake.writes()) == 1


# What people did


@pytest.mark.parametrize(
    ("hand", "expected"),
    [
        ({}, ("open", False, "")),
        ({"assigned_to": "u-anna"}, ("acknowledged", True, "Anna Ops")),
        ({"state": "2"}, ("acknowledged", True, "anna")),
        ({"state": "3", "assigned_to": "u-anna"}, ("acknowledged", True, "Anna Ops")),
        ({"state": "6", "close_code": "x", "close_notes": "y"}, ("closed", True, "Anna Ops")),
        ({"state": "7"}, ("closed", True, "Anna Ops")),
        ({"state": "8"}, ("closed", True, "anna")),
        ({"impact": "3"}, ("open", False, "")),
    ],
)
def test_what_a_person_did_is_read_from_state_and_assignee(
    system: ServiceNowUnderTest, hand: dict[str, str], expected: tuple[str, bool, str]
) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.fake.clock.advance(minutes=1)
    system.fake.as_person(system.only(), **hand)
    status = to.read_status(first.reference)
    assert isinstance(status, TicketStatus)
    assert (status.state, status.is_by_person, status.who) == expected
    assert status.acknowledges == expected[1]
    # The record says when it ended, but not when it was taken.
    is_dated = hand.get("state") in ("6", "7")
    assert status.at == (system.fake.clock() if is_dated else None)


def test_an_assignee_of_last_time_does_not_count_after_a_reopening(system: ServiceNowUnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    done = notify(to, resolved(incident()), "all_resolved", 2, first)
    record(system)["assigned_to"] = "u-anna"
    back = notify(to, incident(), "reopened", 3, done)
    assert to.read_status(back.reference) == TicketStatus("open")


def test_a_resolve_whose_answer_was_lost_is_still_this_programs_own(system: ServiceNowUnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.fail(system.close, LOST, is_done=True)
    done = lose(to, message(resolved(incident()), "all_resolved", 2, reference=first.reference))
    assert to.read_status(done.reference) == TicketStatus("closed", at=system.fake.clock())
    system.fail(system.close, LOST, is_done=True)
    back = lose(to, message(incident(), "reopened", 3, reference=done.reference))
    assert to.read_status(back.reference) == TicketStatus("open")


def test_a_recovery_does_not_make_a_persons_closing_ours(system: ServiceNowUnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.fake.as_person(system.only(), state="6", close_code="x", close_notes="y", assigned_to="u-anna")
    done = notify(to, resolved(incident()), "all_resolved", 2, first)
    status = to.read_status(done.reference)
    assert isinstance(status, TicketStatus)
    assert (status.state, status.who) == ("closed", "Anna Ops")
    back = notify(to, incident(), "reopened", 3, done)
    assert to.read_status(back.reference) == TicketStatus("open")
