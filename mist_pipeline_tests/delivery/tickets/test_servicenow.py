"""One ServiceNow record per incident, and never a hand on other people's."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from pysnc import ServiceNowClient
from pysnc.exceptions import AuthenticationException, RoleException
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from mist_pipeline.delivery.message import IncidentView, Reason
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.client import Basic, Bearer
from mist_pipeline.delivery.tickets.policy import TicketPolicy, TicketStatus
from mist_pipeline.delivery.tickets.servicenow.api import ServiceNowConfig, States
from mist_pipeline.delivery.tickets.servicenow.sink import ServiceNowSink
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits
from mist_pipeline_tests.support.delivery.messages import HOSTILE, alert, incident, message, resolved, site
from mist_pipeline_tests.support.delivery.retry_table import RETRY_TABLE, check_answer, check_nobody_there
from mist_pipeline_tests.support.delivery.ticket_life import LIFE, BadLuck, bad_luck, live
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow

PASSWORD = "a-password-that-nobody-may-see"
TABLE = "/table/incident$"
PATIENT = HttpLimits(read_seconds=30)
IMPATIENT = HttpLimits(read_seconds=1)


def limits_for(behaviour: str) -> HttpLimits:
    """Short ones only for a receiver that says nothing: this machine may be busy."""
    return IMPATIENT if behaviour == "silence" else PATIENT


def config(fake: FakeHttp, **changes: Any) -> ServiceNowConfig:
    return replace(ServiceNowConfig(fake.url, Basic("mist", Secret(PASSWORD))), **changes)


def sink(fake: FakeServiceNow, limits: HttpLimits = PATIENT, **changes: Any) -> ServiceNowSink:
    return ServiceNowSink(config(fake, **changes), clock=fake.clock, pause=lambda _: None, limits=limits)


def accepted(outcome: Outcome) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def tell(
    to: ServiceNowSink, about: IncidentView, reason: Reason, sequence: int, before: Accepted | None = None
) -> Accepted:
    reference = before.reference if before else {}
    return accepted(to.send(message(about, reason, sequence, reference=reference)))


@pytest.fixture
def fake() -> Iterator[FakeServiceNow]:
    with FakeServiceNow() as server:
        yield server


def only(fake: FakeServiceNow) -> dict[str, str]:
    """The one record that there is."""
    (record,) = fake.records.values()
    return record


def notes(fake: FakeServiceNow) -> list[str]:
    return fake.notes[only(fake)["sys_id"]]


# The life of a record


@pytest.mark.parametrize("version", ["", "v1", "v2"])
def test_an_incident_becomes_a_record_though_an_empty_result_looks_different_in_v1(
    fake: FakeServiceNow, version: Any
) -> None:
    outcome = tell(sink(fake, version=version), incident(), "first", 1)
    record = only(fake)
    assert outcome.reference["sys_id"] == record["sys_id"]
    assert outcome.reference["number"] == "INC0000001"
    assert record["short_description"] == "CRITICAL: Coverage is critical at Store 1"
    for words in (
        "Act now",
        "All of them run firmware",
        "Coverage 61.2",
        "Raise the minimum",
        "reports.example.com",
    ):
        assert words in record["description"]


@pytest.mark.parametrize(
    ("severity", "words", "impact", "urgency", "priority"),
    [
        ("critical", "Act now", "1", "1", "1"),
        ("major", "Act today", "2", "1", "2"),
        ("warning", "Plan it", "2", "2", "3"),
        ("info", "nothing has to", "3", "3", "5"),
    ],
)
def test_impact_and_urgency_come_from_the_severity_and_the_instance_derives_the_priority(
    fake: FakeServiceNow, severity: Any, words: str, impact: str, urgency: str, priority: str
) -> None:
    tell(sink(fake), incident(severity=severity), "first", 1)
    record = only(fake)
    assert words in record["description"]
    assert (record["impact"], record["urgency"], record["priority"]) == (impact, urgency, priority)
    assert "priority" not in fake.told("POST")[0].document()


def test_a_change_is_a_work_note_and_a_rise_changes_impact_and_urgency(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(severity="warning"), "first", 1)
    told = tell(to, incident(3, severity="critical"), "severity_rise", 2, first)
    assert only(fake)["priority"] == "1"
    assert "It has become worse" in notes(fake)[0]
    assert "Store 3" in notes(fake)[0]
    only(fake)["urgency"] = "3"
    tell(to, incident(4, severity="critical"), "more_sites", 3, told)
    assert only(fake)["urgency"] == "3"


def test_a_reminder_is_a_note_and_changes_nothing_else(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.as_person(first.reference["sys_id"], state="6", close_code="x", close_notes="y")
    tell(to, incident(), "repeat_due", 2, first)
    assert "still going on" in notes(fake)[0]
    assert only(fake)["state"] == "6"


def test_a_recovered_incident_is_resolved_with_code_and_notes(fake: FakeServiceNow) -> None:
    to = sink(fake, close_code="Solved (Permanently)")
    first = tell(to, incident(), "first", 1)
    tell(to, resolved(incident()), "all_resolved", 2, first)
    record = only(fake)
    assert record["state"] == "6"
    assert record["close_code"] == "Solved (Permanently)"
    assert "Recovered by itself" in record["close_notes"]


def test_by_policy_a_recovery_is_a_note_only(fake: FakeServiceNow) -> None:
    to = sink(fake, policy=TicketPolicy(on_resolve="comment"))
    first = tell(to, incident(), "first", 1)
    tell(to, resolved(incident()), "all_resolved", 2, first)
    assert only(fake)["state"] == "1"
    assert "All of it has recovered" in notes(fake)[0]
    fake.clock.advance(days=30)
    # The next incident of the cause carries the open record on.
    back = tell(to, incident(incident_id="later"), "first", 1)
    assert back.reference["sys_id"] == only(fake)["sys_id"]
    assert accepted(to.recover(message(incident(incident_id="later"), attempt=2))).reference == back.reference


def test_an_instance_may_number_its_states_anew(fake: FakeServiceNow) -> None:
    to = sink(fake, states=States(new="1", resolved="3", closed="6"))
    first = tell(to, incident(), "first", 1)
    tell(to, resolved(incident()), "all_resolved", 2, first)
    assert only(fake)["state"] == "3"


def test_an_incident_over_before_it_could_be_told_still_gets_its_record_resolved_at_once(
    fake: FakeServiceNow,
) -> None:
    assert sink(fake).name == "servicenow"
    tell(sink(fake), resolved(incident()), "first", 1)
    assert only(fake)["state"] == "6"


def test_a_recovery_without_a_record_makes_none(fake: FakeServiceNow) -> None:
    tell(sink(fake), resolved(incident()), "all_resolved", 2)
    assert fake.records == {}


# The complaints


def test_an_empty_correlation_id_is_refused_before_anything_is_asked(fake: FakeServiceNow) -> None:
    fake.add(short_description="theirs")
    for nameless in (incident(fingerprint=""), incident(incident_id=" ")):
        assert isinstance(sink(fake).send(message(nameless)), Refused)
        assert isinstance(sink(fake).recover(message(nameless)), Refused)
    assert isinstance(sink(fake).read_status({"sys_id": only(fake)["sys_id"], "cause": ""}), Refused)
    assert fake.requests == []


def test_an_ignored_query_that_answers_with_other_peoples_incidents_writes_nothing(
    fake: FakeServiceNow,
) -> None:
    theirs = fake.add(short_description="theirs", correlation_id="monitoring-7")
    before = dict(fake.records[theirs])
    fake.unknown_fields = {"correlation_id"}
    for outcome in (sink(fake).send(message()), sink(fake).recover(message(attempt=2))):
        assert isinstance(outcome, Refused)
        assert "ignored the query" in outcome.error
    assert fake.writes() == []
    assert fake.records == {theirs: before}


def test_a_stored_sys_id_of_somebody_elses_record_is_not_written_to(fake: FakeServiceNow) -> None:
    theirs = fake.add(short_description="theirs", correlation_id="monitoring-7")
    told = message(incident(2), "more_sites", 2, reference={"sys_id": theirs, "number": "INC0000001"})
    outcome = accepted(sink(fake).send(told))
    assert outcome.reference["sys_id"] != theirs
    assert fake.notes[theirs] == []
    reference = {"sys_id": theirs, "cause": "mist-cause-x"}
    assert isinstance(sink(fake).read_status(reference), Refused)


@pytest.mark.parametrize("state", ["7", "8"])
@pytest.mark.parametrize("incident_id", ["1a2b3c4d5e6f7a8b", "another-incident-of-the-cause"])
def test_a_closed_record_is_never_updated_but_gets_a_linked_successor(
    fake: FakeServiceNow, state: str, incident_id: str
) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    old = first.reference["sys_id"]
    fake.as_person(old, state=state)
    before = dict(fake.records[old])
    is_same = incident_id == incident().incident_id
    reason: Reason = "reopened" if is_same else "first"
    back = tell(to, incident(incident_id=incident_id), reason, 2, first if is_same else None)
    new = fake.records[back.reference["sys_id"]]
    assert back.reference["sys_id"] != old
    assert new["parent_incident"] == old
    assert "INC0000001" in new["description"]
    assert fake.records[old] == before
    assert fake.told("PATCH", old) == []


def test_a_mere_reminder_about_a_closed_record_writes_nothing(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.as_person(first.reference["sys_id"], state="7")
    outcome = tell(to, incident(), "repeat_due", 2, first)
    assert "not written to" in outcome.note
    assert outcome.reference == first.reference
    assert len(fake.writes()) == 1


@pytest.mark.parametrize("incident_id", ["1a2b3c4d5e6f7a8b", "another-incident-of-the-cause"])
@pytest.mark.parametrize(("hours", "records"), [(23, 1), (25, 2)])
def test_a_re_fire_reopens_a_resolved_record_inside_the_window_and_opens_a_linked_one_outside(
    fake: FakeServiceNow, incident_id: str, hours: int, records: int
) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    done = tell(to, resolved(incident()), "all_resolved", 2, first)
    fake.clock.advance(hours=hours)
    is_same = incident_id == incident().incident_id
    reason: Reason = "reopened" if is_same else "first"
    back = tell(to, incident(incident_id=incident_id), reason, 3, done if is_same else None)
    assert len(fake.records) == records
    assert fake.active() == [back.reference["sys_id"]]
    if records == 2:
        assert fake.records[back.reference["sys_id"]]["parent_incident"] == first.reference["sys_id"]
        assert fake.records[first.reference["sys_id"]]["state"] == "6"


def test_two_workers_open_one_record() -> None:
    with FakeServiceNow() as fake:
        fake.meeting = ("POST", TABLE, threading.Barrier(2))
        outcomes: list[Outcome] = []
        workers = [
            threading.Thread(target=lambda: outcomes.append(sink(fake).send(message()))) for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        oldest, younger = fake.records
        assert {accepted(outcome).reference["sys_id"] for outcome in outcomes} == {oldest}
        assert fake.active() == [oldest]
        assert fake.records[younger]["close_code"] == "Duplicate"
        assert "INC0000001" in fake.records[younger]["close_notes"]


@pytest.mark.parametrize("behaviour", ["reset", "silence", "truncate"])
def test_a_create_that_timed_out_after_it_was_committed_is_adopted(
    fake: FakeServiceNow, behaviour: Any
) -> None:
    fake.fail("POST", TABLE, Reply(201, b"{", behaviour=behaviour), is_done=True)
    assert isinstance(sink(fake, limits_for(behaviour)).send(message()), Unknown)
    assert accepted(sink(fake).recover(message(attempt=2))).reference["number"] == "INC0000001"
    assert len(fake.told("POST")) == 1
    assert notes(fake) == []


def test_a_create_that_never_arrived_is_done_once_a_search_would_show_it(fake: FakeServiceNow) -> None:
    fake.fail("POST", TABLE, Reply(behaviour="reset"))
    to = sink(fake)
    assert isinstance(to.send(message()), Unknown)
    assert isinstance(to.recover(message(attempt=2)), Unknown)
    fake.clock.advance(minutes=11)
    accepted(to.recover(message(attempt=5)))
    assert len(fake.records) == 1


@pytest.mark.parametrize("reply", [Reply(503), Reply(429), Reply(behaviour="reset")])
def test_a_recovery_that_cannot_find_out_stays_unknown_and_is_never_sent_as_if_it_were_new(
    fake: FakeServiceNow, reply: Reply
) -> None:
    fake.lose_answer("POST", TABLE)
    to = sink(fake)
    assert isinstance(to.send(message()), Unknown)
    fake.fail("GET", TABLE, reply)
    assert isinstance(to.recover(message(attempt=5)), Unknown)
    assert len(fake.records) == 1


def test_a_lookup_adopts_the_oldest_and_closes_the_extras(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    extra = fake.add(**{name: only(fake)[name] for name in ("correlation_id", "short_description")})
    assert accepted(to.recover(message(attempt=2))).reference["sys_id"] == first.reference["sys_id"]
    assert fake.active() == [first.reference["sys_id"]]
    assert fake.records[extra]["state"] == "6"


# Repetitions


def test_a_note_whose_answer_was_lost_is_not_written_twice(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.lose_answer("PATCH", "/incident/")
    again = message(incident(2), "more_sites", 2, reference=first.reference)
    assert isinstance(to.send(again), Unknown)
    accepted(to.recover(replace(again, attempt=2)))
    assert len(notes(fake)) == 1


def test_a_note_that_did_not_arrive_is_written_by_the_recovery(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.fail("PATCH", "/incident/", Reply(behaviour="reset"))
    again = message(incident(2), "more_sites", 2, reference=first.reference)
    assert isinstance(to.send(again), Unknown)
    accepted(to.recover(replace(again, attempt=2)))
    assert len(notes(fake)) == 1


def test_what_fails_after_the_creation_does_not_hide_the_record(fake: FakeServiceNow) -> None:
    fake.fail("PATCH", "/incident/", Reply(503))
    outcome = tell(sink(fake), resolved(incident()), "first", 1)
    assert outcome.reference["sys_id"] == only(fake)["sys_id"]
    assert "503" in outcome.note
    told = message(resolved(incident()), "all_resolved", 2, reference=outcome.reference)
    accepted(sink(fake).send(told))
    assert only(fake)["state"] == "6"


@settings(max_examples=25)
@given(luck=bad_luck)
def test_whatever_fails_and_whenever_a_worker_dies_there_is_one_record_and_every_telling_once(
    luck: BadLuck,
) -> None:
    with FakeServiceNow() as fake:
        reference = live(fake, sink(fake, policy=TicketPolicy(lookups=1)), luck)
        assert reference["sys_id"] == only(fake)["sys_id"]
        assert only(fake)["state"] == "6"
        told = [re.findall(r"mist-delivery-\w+", note) for note in notes(fake)]
        assert [len(marks) for marks in told] == [1] * (len(LIFE) - 1)
        assert len({marks[0] for marks in told}) == len(told)


# Limits and strangers


def test_a_storm_stays_within_what_the_instance_would_cut_silently(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(300), "first", 1)
    tell(to, incident(300), "more_sites", 2, first)
    description = only(fake)["description"]
    assert len(description) <= 4000
    # Nothing was cut silently: the last line is there.
    assert "follows the incident here. mist-delivery-" in description
    assert "Store 150" in description
    assert len(notes(fake)[0]) <= 4000


def test_more_words_than_fit_are_cut_at_a_line(fake: FakeServiceNow) -> None:
    tell(sink(fake), incident(remediation=("word " * 120,) * 20), "first", 1)
    description = only(fake)["description"]
    assert len(description) <= 4000
    assert description.endswith("… (shortened)")


def test_a_name_typed_by_a_stranger_cannot_switch_on_html_in_a_note(fake: FakeServiceNow) -> None:
    name = f"{HOSTILE} [code]<b>x</b>[/code] [ CODE ]"
    hostile = replace(incident(title=name, cause=name), alerts=(alert(site(1, name), summaries=(name,)),))
    to = sink(fake)
    first = tell(to, hostile, "first", 1)
    tell(to, hostile, "more_sites", 2, first)
    assert "\n" not in only(fake)["short_description"]
    assert "\u202e" not in only(fake)["description"] + notes(fake)[0]
    assert "[code" not in notes(fake)[0]
    assert "[/code" not in notes(fake)[0]
    assert "[ CODE" not in notes(fake)[0]


# Answers


@pytest.mark.parametrize(("reply", "expected"), RETRY_TABLE)
def test_a_question_that_fails_is_judged_like_at_every_sink(reply: Reply, expected: type) -> None:
    # Asking again does no harm, so a lost answer is no riddle.
    check_answer(
        FakeServiceNow,
        lambda server: ServiceNowSink(config(server), limits=limits_for(reply.behaviour)),
        reply,
        Retry if expected is Unknown else expected,
    )


@pytest.mark.parametrize(("reply", "expected"), RETRY_TABLE)
def test_a_creation_that_fails_is_unknown_wherever_it_may_have_happened(
    fake: FakeServiceNow, reply: Reply, expected: type
) -> None:
    is_late = (
        reply.behaviour == "answer" and reply.status >= 500 and reply.status != 503 and expected is Retry
    )
    fake.fail("POST", TABLE, reply)
    outcome = sink(fake, limits_for(reply.behaviour)).send(message())
    assert isinstance(outcome, Unknown if is_late else expected), outcome
    assert len(fake.told("POST")) == 1


def test_no_connection_is_a_retry_because_nothing_can_have_arrived() -> None:
    with FakeHttp() as gone:
        pass
    check_nobody_there(lambda _: ServiceNowSink(config(gone), limits=PATIENT))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_pause_asked_for_is_handed_on(fake: FakeServiceNow, method: str) -> None:
    fake.fail(method, TABLE, Reply(429, b"{}", {"Retry-After": "37"}))
    outcome = sink(fake).send(message())
    assert isinstance(outcome, Retry)
    assert outcome.after_seconds == 37


def test_a_sleeping_instance_is_no_empty_result(fake: FakeServiceNow) -> None:
    fake.fail("GET", TABLE, Reply(200, b"<html>Your instance is hibernating</html>"))
    outcome = sink(fake).send(message())
    assert isinstance(outcome, Retry)
    assert "sleeping instance" in outcome.error
    fake.fail("POST", TABLE, Reply(200, b"<html>Your instance is hibernating</html>"))
    assert isinstance(sink(fake).send(message()), Unknown)
    fake.fail("POST", TABLE, Reply(201, b"{}"))
    assert isinstance(sink(fake).send(message()), Unknown)


def test_a_refusal_by_data_policy_is_told_in_the_instances_words(fake: FakeServiceNow) -> None:
    to = sink(fake, close_code="")
    first = tell(to, incident(), "first", 1)
    outcome = to.send(message(resolved(incident()), "all_resolved", 2, reference=first.reference))
    assert isinstance(outcome, Refused)
    assert "Data Policy Exception" in outcome.error


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (Basic("mist", Secret(PASSWORD)), "Basic bWlzdDphLXBhc3N3b3JkLXRoYXQtbm9ib2R5LW1heS1zZWU="),
        (Bearer(Secret(PASSWORD)), f"Bearer {PASSWORD}"),
    ],
)
def test_a_password_is_sent_but_never_shown(status: int, credentials: Any, header: str) -> None:
    with FakeServiceNow(authorization=header) as fake:
        to = sink(fake, credentials=credentials)
        tell(to, incident(), "first", 1)
        fake.fail("GET", TABLE, Reply(status, f"no {PASSWORD}".encode()))
        outcome = to.send(message())
        assert isinstance(outcome, Retry | Refused)
        assert PASSWORD not in outcome.error + repr(to) + repr(vars(to)) + repr(credentials)


@pytest.mark.parametrize(
    "changes",
    [
        {"table": "incident/../sys_user"},
        {"version": "v9"},
        {"base_url": "http://snow.example.com"},
        {"base_url": "snow"},
    ],
)
def test_a_configuration_that_cannot_work_is_an_error_before_anything_is_sent(
    fake: FakeServiceNow, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="servicenow"):
        ServiceNowSink(config(fake, **changes))


# People


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
def test_a_persons_hand_is_read_back(
    fake: FakeServiceNow, hand: dict[str, str], expected: tuple[str, bool, str]
) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.clock.advance(minutes=1)
    fake.as_person(first.reference["sys_id"], **hand)
    status = to.read_status(first.reference)
    assert isinstance(status, TicketStatus)
    assert (status.state, status.is_by_person, status.who) == expected
    assert status.acknowledges == expected[1]
    # The record says when it ended, but not when it was taken.
    is_dated = hand.get("state") in ("6", "7")
    assert status.at == (fake.clock() if is_dated else None)


def test_what_this_program_did_itself_is_nobodys_hand(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    done = tell(to, resolved(incident()), "all_resolved", 2, first)
    assert to.read_status(done.reference) == TicketStatus("closed", at=fake.clock())
    only(fake)["assigned_to"] = "u-anna"
    back = tell(to, incident(), "reopened", 3, done)
    # Anna's hand of last time does not count: the record waits for somebody anew.
    assert to.read_status(back.reference) == TicketStatus("open")


def test_a_resolve_whose_answer_was_lost_is_still_this_programs_own(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.lose_answer("PATCH", "/incident/")
    again = message(resolved(incident()), "all_resolved", 2, reference=first.reference)
    assert isinstance(to.send(again), Unknown)
    done = accepted(to.recover(replace(again, attempt=2)))
    assert to.read_status(done.reference) == TicketStatus("closed", at=fake.clock())
    fake.lose_answer("PATCH", "/incident/")
    again = message(incident(), "reopened", 3, reference=done.reference)
    assert isinstance(to.send(again), Unknown)
    back = accepted(to.recover(replace(again, attempt=2)))
    assert to.read_status(back.reference) == TicketStatus("open")


def test_a_recovery_does_not_make_a_persons_closing_ours(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.as_person(
        first.reference["sys_id"], state="6", close_code="x", close_notes="y", assigned_to="u-anna"
    )
    done = tell(to, resolved(incident()), "all_resolved", 2, first)
    status = to.read_status(done.reference)
    assert isinstance(status, TicketStatus)
    assert (status.state, status.who) == ("closed", "Anna Ops")
    back = tell(to, incident(), "reopened", 3, done)
    assert to.read_status(back.reference) == TicketStatus("open")


def test_extras_that_could_not_be_closed_at_once_are_closed_at_the_next_telling(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    extra = fake.add(correlation_id=only(fake)["correlation_id"])
    fake.fail("PATCH", extra, Reply(503))
    told = tell(to, incident(2), "more_sites", 2, first)
    assert "503" in told.note
    assert len(fake.active()) == 2
    tell(to, incident(3), "more_sites", 3, told)
    assert fake.active() == [first.reference["sys_id"]]


def test_a_reminder_of_a_new_incident_does_not_hide_in_the_closed_record_of_its_predecessor(
    fake: FakeServiceNow,
) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    tell(to, resolved(incident()), "all_resolved", 2, first)
    told = tell(to, incident(incident_id="later"), "repeat_due", 1)
    assert fake.active() == [told.reference["sys_id"]]


def test_a_record_that_cannot_be_read_is_no_open_one(fake: FakeServiceNow) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.fail("GET", "/incident/", Reply(503))
    assert isinstance(to.read_status(first.reference), Retry)
    fake.fail("GET", "/incident/", Reply(401))
    assert isinstance(to.read_status(first.reference), Refused)
    fake.records.clear()
    assert isinstance(to.read_status(first.reference), Refused)


# The fake itself, driven by somebody else's client


class _Plain(HTTPAdapter):
    """That library insists on https; on this machine it is spoken in the clear."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        request.url = str(request.url).replace("https://", "http://", 1)
        return super().send(request, *args, **options)


def pysnc_client(fake: FakeServiceNow, password: str) -> ServiceNowClient:
    session = Session()
    session.auth = ("mist", password)
    session.mount("https://", _Plain())
    return ServiceNowClient(fake.url.replace("http://", "https://"), session, auto_retry=False)


def test_the_fake_is_an_instance_to_the_pysnc_library() -> None:
    with FakeServiceNow(authorization="Basic bWlzdDpwYXNz") as fake:
        client = pysnc_client(fake, "pass")
        record = client.GlideRecord("incident")
        record.initialize()
        record.short_description = "words"
        record.correlation_id = "ours"
        sys_id = record.insert()
        assert sys_id in fake.records
        other = fake.add(short_description="theirs", correlation_id="theirs")

        found = client.GlideRecord("incident")
        found.add_query("correlation_id", "ours")
        found.query()
        assert [row.sys_id for row in found] == [sys_id]

        ignored = client.GlideRecord("incident")
        ignored.add_query("corelation_id", "ours")
        ignored.query()
        assert {row.sys_id for row in ignored} == {sys_id, other}

        one = client.GlideRecord("incident")
        assert one.get(sys_id)
        assert one.get_display_value("state") == "Neu"
        one.state = "6"
        with pytest.raises(RoleException, match="Data Policy"):
            one.update()
        assert fake.records[sys_id]["state"] == "1"
        one.close_code, one.close_notes = "Solution provided", "done"
        one.update()
        assert fake.records[sys_id]["state"] == "6"
        fake.records[sys_id]["state"] = "7"
        assert one.get(sys_id)
        one.short_description = "too late"
        with pytest.raises(RoleException):
            one.update()
        assert fake.records[sys_id]["short_description"] == "words"

        stranger = pysnc_client(fake, "wrong").GlideRecord("incident")
        with pytest.raises(AuthenticationException):
            stranger.query()
