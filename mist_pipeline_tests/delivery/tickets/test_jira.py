"""One Jira issue per incident, whatever times out, lags, races or is typed by strangers."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jira import JIRA, JIRAError

from mist_pipeline.delivery.message import IncidentView, Reason
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.client import Basic, Bearer
from mist_pipeline.delivery.tickets.jira.api import JiraConfig
from mist_pipeline.delivery.tickets.jira.markup import TEXT_LIMIT, adf, adf_fits, clip, length, plain, wiki
from mist_pipeline.delivery.tickets.jira.sink import JiraSink
from mist_pipeline.delivery.tickets.policy import DUPLICATE_LABEL, TicketPolicy, TicketStatus
from mist_pipeline.delivery.tickets.ticket_text import Ticket, TicketTemplates
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits
from mist_pipeline_tests.support.delivery.messages import HOSTILE, alert, incident, message, resolved, site
from mist_pipeline_tests.support.delivery.retry_table import RETRY_TABLE, check_answer, check_nobody_there
from mist_pipeline_tests.support.delivery.ticket_life import LIFE, BadLuck, bad_luck, live
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply, Seen
from mist_pipeline_tests.support.fakes.fake_jira import (
    ANNA,
    DEAD_END,
    ROBOT,
    STRICT,
    US,
    FakeJira,
    Way,
    Workflow,
    is_adf,
)

TOKEN = "a-token-that-nobody-may-see"
both_kinds = pytest.mark.parametrize("kind", ["cloud", "datacenter"])
PATIENT = HttpLimits(read_seconds=30)
IMPATIENT = HttpLimits(read_seconds=1)


def limits_for(behaviour: str) -> HttpLimits:
    """Short ones only for a receiver that says nothing: this machine may be busy."""
    return IMPATIENT if behaviour == "silence" else PATIENT


def config(fake: FakeHttp, kind: Literal["cloud", "datacenter"] = "cloud", **changes: Any) -> JiraConfig:
    credentials = Basic("bot@example.com", Secret(TOKEN)) if kind == "cloud" else Bearer(Secret(TOKEN))
    return replace(JiraConfig(fake.url, "OPS", credentials, kind), **changes)


def sink(fake: FakeJira, limits: HttpLimits = PATIENT, **changes: Any) -> JiraSink:
    return JiraSink(config(fake, fake.kind, **changes), clock=fake.clock, pause=lambda _: None, limits=limits)


def accepted(outcome: Outcome) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def tell(
    to: JiraSink, about: IncidentView, reason: Reason, sequence: int, before: Accepted | None = None
) -> Accepted:
    reference = before.reference if before else {}
    return accepted(to.send(message(about, reason, sequence, reference=reference)))


@pytest.fixture
def fake() -> Iterator[FakeJira]:
    with FakeJira() as server:
        yield server


# The life of a ticket


@both_kinds
def test_an_incident_becomes_a_ticket_with_its_words(kind: Literal["cloud", "datacenter"]) -> None:
    with FakeJira(kind) as fake:
        outcome = tell(sink(fake), incident(), "first", 1)
        fields = fake.issues["OPS-1"]["fields"]
        text = json.dumps(fields["description"])
        assert sink(fake).name == "jira"
        assert outcome.reference["key"] == "OPS-1"
        assert outcome.reference["url"] == f"{fake.url}/browse/OPS-1"
        assert fields["summary"] == "CRITICAL: Coverage is critical at Store 1"
        for words in (
            "Act now",
            "All of them run firmware",
            "Coverage 61.2",
            "Raise the minimum",
            "reports.example.com",
        ):
            assert words in text
        assert isinstance(fields["description"], dict if kind == "cloud" else str)
        assert all(" " not in label for label in fields["labels"])


@pytest.mark.parametrize(
    ("severity", "words", "priority"),
    [
        ("critical", "Act now", "1"),
        ("major", "Act today", "2"),
        ("warning", "Plan it", "3"),
        ("info", "nothing has to", "4"),
    ],
)
def test_each_severity_has_its_own_words_and_priority(
    fake: FakeJira, severity: Any, words: str, priority: str
) -> None:
    tell(sink(fake), incident(severity=severity), "first", 1)
    assert words in json.dumps(fake.issues["OPS-1"]["fields"]["description"])
    assert fake.priority("OPS-1") == priority


@both_kinds
def test_a_change_is_a_comment_on_the_same_ticket(kind: Literal["cloud", "datacenter"]) -> None:
    with FakeJira(kind) as fake:
        to = sink(fake)
        first = tell(to, incident(), "first", 1)
        tell(to, incident(3), "more_sites", 2, first)
        assert list(fake.issues) == ["OPS-1"]
        assert len(fake.comments("OPS-1")) == 1
        assert "More sites are hit" in fake.comments("OPS-1")[0]
        assert "Store 3" in fake.comments("OPS-1")[0]


def test_the_priority_follows_the_severity_but_not_over_a_persons_choice(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(severity="warning"), "first", 1)
    risen = tell(to, incident(severity="critical"), "severity_rise", 2, first)
    assert fake.priority("OPS-1") == "1"
    fake.issues["OPS-1"]["priority"] = "4"
    tell(to, incident(severity="critical"), "more_sites", 3, risen)
    assert fake.priority("OPS-1") == "4"


def test_a_recovered_incident_closes_its_ticket(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    tell(to, resolved(incident()), "all_resolved", 2, first)
    assert fake.category("OPS-1") == "done"
    assert "All of it has recovered" in fake.comments("OPS-1")[0]


def test_by_policy_a_recovery_is_a_comment_only(fake: FakeJira) -> None:
    to = sink(fake, policy=TicketPolicy(on_resolve="comment"))
    first = tell(to, incident(), "first", 1)
    tell(to, resolved(incident()), "all_resolved", 2, first)
    assert fake.category("OPS-1") == "new"
    assert "All of it has recovered" in fake.comments("OPS-1")[0]


def test_transitions_are_chosen_by_category_and_never_by_their_translated_names() -> None:
    with FakeJira(workflow=STRICT) as fake:
        to = sink(fake)
        first = tell(to, incident(), "first", 1)
        done = tell(to, resolved(incident()), "all_resolved", 2, first)
        # There was no direct way, and the way there demanded a resolution.
        assert fake.category("OPS-1") == "done"
        assert fake.told("POST", "transitions")[-1].document()["fields"] == {"resolution": {"id": "7"}}
        tell(to, incident(), "reopened", 3, done)
        assert fake.category("OPS-1") == "indeterminate"


def test_a_workflow_without_a_way_leaves_the_ticket_open_and_says_so() -> None:
    with FakeJira(workflow=DEAD_END) as fake:
        to = sink(fake)
        first = tell(to, incident(), "first", 1)
        outcome = tell(to, resolved(incident()), "all_resolved", 2, first)
        assert fake.category("OPS-1") == "new"
        assert "left open" in outcome.note


def test_a_ticket_that_cannot_be_reopened_hears_of_the_return_and_the_note_says_why() -> None:
    with FakeJira(workflow=DEAD_END) as fake:
        to = sink(fake)
        first = tell(to, incident(), "first", 1)
        fake.set_status("OPS-1", "30")
        outcome = tell(to, incident(), "reopened", 2, first)
        assert "reopens" in outcome.note
        assert len(fake.comments("OPS-1")) == 1


def test_a_workflow_that_leads_nowhere_is_not_followed_for_ever() -> None:
    work = {str(number): (f"Stufe {number}", "indeterminate") for number in range(20, 40)}
    steps = {str(number): [Way("1", "Weiter", str(number + 1))] for number in range(20, 39)}
    maze = Workflow({"10": ("Neu", "new"), **work}, {"10": [Way("1", "Los", "20")], **steps, "39": []}, "10")
    with FakeJira(workflow=maze) as fake:
        outcome = tell(sink(fake), resolved(incident()), "first", 1)
        assert "left open" in outcome.note
        assert len(fake.told("POST", "/transitions$")) == 4


def test_an_incident_over_before_it_could_be_told_still_gets_its_ticket_closed_at_once(
    fake: FakeJira,
) -> None:
    tell(sink(fake), resolved(incident()), "first", 1)
    assert fake.category("OPS-1") == "done"


def test_a_recovery_without_a_ticket_makes_none(fake: FakeJira) -> None:
    outcome = tell(sink(fake), resolved(incident()), "all_resolved", 2)
    assert fake.issues == {}
    assert "before it had a ticket" in outcome.note


def test_a_project_without_priorities_still_gets_its_comments(fake: FakeJira) -> None:
    fake.has_priority = False
    without = sink(fake, priorities={})
    first = tell(without, incident(severity="major"), "first", 1)
    tell(without, incident(severity="critical"), "severity_rise", 2, first)
    # Even where the configuration still believes in priorities; but what may heal is tried again.
    fake.fail("PUT", "/OPS-1$", Reply(503))
    told = message(incident(severity="critical"), "severity_rise", 3, reference=first.reference)
    assert isinstance(sink(fake).send(told), Retry)
    outcome = accepted(sink(fake).send(replace(told, attempt=2)))
    assert "priority" in outcome.note
    assert len(fake.comments("OPS-1")) == 2
    assert outcome.reference["key"] == "OPS-1"


def test_a_field_that_jira_refuses_is_named_in_the_error(fake: FakeJira) -> None:
    fake.has_priority = False
    outcome = sink(fake).send(message())
    assert isinstance(outcome, Refused)
    assert "priority" in outcome.error


# The complaints


def test_two_workers_open_one_ticket() -> None:
    with FakeJira() as fake:
        fake.meeting = ("POST", "/issue$", threading.Barrier(2))
        outcomes: list[Outcome] = []
        workers = [
            threading.Thread(target=lambda: outcomes.append(sink(fake).send(message()))) for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        # Both created one at the same moment; the younger gave way.
        assert len(fake.told("POST", "/issue$")) == 2
        assert {accepted(outcome).reference["key"] for outcome in outcomes} == {"OPS-1"}
        assert fake.open_keys() == ["OPS-1"]
        assert DUPLICATE_LABEL in fake.issues["OPS-2"]["fields"]["labels"]
        assert ("Duplicate", "OPS-2", "OPS-1") in fake.links


def test_two_workers_whose_searches_lag_leave_one_ticket_after_the_next_telling(fake: FakeJira) -> None:
    fake.lag = timedelta(minutes=2)
    first = tell(sink(fake), incident(), "first", 1)
    tell(sink(fake), incident(), "first", 1)
    assert fake.open_keys() == ["OPS-1", "OPS-2"]
    fake.clock.advance(minutes=5)
    tell(sink(fake), incident(2), "more_sites", 2, first)
    assert fake.open_keys() == ["OPS-1"]
    assert len(fake.issues) == 2


@pytest.mark.parametrize("behaviour", ["reset", "silence", "truncate"])
def test_a_create_that_timed_out_after_it_was_committed_is_adopted(fake: FakeJira, behaviour: Any) -> None:
    fake.lag = timedelta(minutes=2)
    fake.fail("POST", "/issue$", Reply(201, b"{", behaviour=behaviour), is_done=True)
    assert isinstance(sink(fake, limits_for(behaviour)).send(message()), Unknown)
    to = sink(fake)
    again = message(attempt=2)
    assert isinstance(to.recover(again), Unknown)
    fake.clock.advance(minutes=3)
    assert accepted(to.recover(again)).reference["key"] == "OPS-1"
    assert len(fake.told("POST", "/issue$")) == 1
    assert fake.comments("OPS-1") == []


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_gateway_that_gave_up_waiting_may_have_created_it(fake: FakeJira, status: int) -> None:
    fake.fail("POST", "/issue$", Reply(status, b"<html>Bad gateway</html>"), is_done=True)
    assert isinstance(sink(fake).send(message()), Unknown)
    assert accepted(sink(fake).recover(message(attempt=2))).reference["key"] == "OPS-1"
    assert len(fake.issues) == 1


def test_a_create_that_never_arrived_is_done_once_a_search_would_show_it(fake: FakeJira) -> None:
    fake.fail("POST", "/issue$", Reply(behaviour="reset"))
    to = sink(fake)
    assert isinstance(to.send(message()), Unknown)
    fake.clock.advance(minutes=5)
    assert isinstance(to.recover(message(attempt=5)), Unknown)
    fake.clock.advance(minutes=6)
    accepted(to.recover(message(attempt=6)))
    assert list(fake.issues) == ["OPS-1"]


def test_a_telling_that_had_waited_for_hours_is_not_created_anew_right_after_its_first_attempt(
    fake: FakeJira,
) -> None:
    fake.lag = timedelta(minutes=2)
    fake.clock.advance(hours=5)
    fake.lose_answer("POST", "/issue$")
    to = sink(fake)
    assert isinstance(to.send(message()), Unknown)
    assert isinstance(to.recover(message(attempt=2)), Unknown)
    fake.clock.advance(minutes=3)
    accepted(to.recover(message(attempt=5)))
    assert len(fake.issues) == 1


def test_a_create_whose_worker_died_late_is_not_done_again_before_a_search_would_show_it(
    fake: FakeJira,
) -> None:
    # The crash test found two tickets: the system had refused for a while, the worker died while it created at last, and
    # the attempt after that took the age of the telling for that of the creation.
    fake.lag = timedelta(minutes=4)
    to = sink(fake)
    fake.clock.advance(minutes=30)
    accepted(to.send(message(attempt=6)))
    died = fake.clock() + timedelta(minutes=2)
    fake.clock.advance(minutes=2)
    again = message(attempt=7, unsure_since=died)
    assert to.recover(again) == Unknown(ANY, is_older=True)
    fake.clock.advance(minutes=3)
    assert accepted(to.recover(replace(again, attempt=8))).reference["key"] == "OPS-1"
    assert len(fake.issues) == 1


@pytest.mark.parametrize("reply", [Reply(503), Reply(429), Reply(behaviour="reset")])
def test_a_recovery_that_cannot_find_out_stays_unknown_and_is_never_sent_as_if_it_were_new(
    fake: FakeJira, reply: Reply
) -> None:
    fake.lose_answer("POST", "/issue$")
    to = sink(fake)
    assert isinstance(to.send(message()), Unknown)
    fake.fail("POST", "/search", reply)
    assert isinstance(to.recover(message(attempt=2)), Unknown)
    assert len(fake.issues) == 1


def test_a_recovery_searches_a_bounded_number_of_times_and_pauses_between(fake: FakeJira) -> None:
    pauses: list[float] = []
    policy = TicketPolicy(lookups=3, lookup_pause_seconds=0.5)
    to = JiraSink(config(fake, policy=policy), clock=fake.clock, pause=pauses.append, limits=PATIENT)
    assert isinstance(to.recover(message(attempt=2)), Unknown)
    assert len(fake.told("POST", "/search/jql")) == 3
    assert pauses == [0.5, 0.5]


def test_a_stored_key_wins_over_a_search_that_lags(fake: FakeJira) -> None:
    fake.lag = timedelta(hours=1)
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    tell(to, incident(2), "more_sites", 2, first)
    tell(to, resolved(incident()), "all_resolved", 3, first)
    assert list(fake.issues) == ["OPS-1"]
    assert fake.category("OPS-1") == "done"


@pytest.mark.parametrize("incident_id", ["1a2b3c4d5e6f7a8b", "another-incident-of-the-cause"])
def test_a_re_fire_soon_after_resolve_reopens_the_ticket(fake: FakeJira, incident_id: str) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    done = tell(to, resolved(incident()), "all_resolved", 2, first)
    fake.clock.advance(hours=23)
    is_same = incident_id == incident().incident_id
    reason: Reason = "reopened" if is_same else "first"
    back = tell(to, incident(incident_id=incident_id), reason, 3, done if is_same else None)
    assert fake.open_keys() == ["OPS-1"]
    assert list(fake.issues) == ["OPS-1"]
    # The new incident finds its ticket from now on.
    assert back.reference["key"] == "OPS-1"
    fake.clock.advance(hours=1)
    again = message(incident(incident_id=incident_id), reason, 3, attempt=2)
    assert accepted(to.recover(again)).reference["key"] == "OPS-1"
    assert len(fake.comments("OPS-1")) == 2


@pytest.mark.parametrize("incident_id", ["1a2b3c4d5e6f7a8b", "another-incident-of-the-cause"])
def test_a_re_fire_after_the_window_opens_a_new_ticket_linked_to_the_old_one(
    fake: FakeJira, incident_id: str
) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    done = tell(to, resolved(incident()), "all_resolved", 2, first)
    fake.clock.advance(hours=25)
    is_same = incident_id == incident().incident_id
    reason: Reason = "reopened" if is_same else "first"
    back = tell(to, incident(incident_id=incident_id), reason, 3, done if is_same else None)
    assert back.reference["key"] == "OPS-2"
    assert fake.open_keys() == ["OPS-2"]
    assert ("Relates", "OPS-2", "OPS-1") in fake.links
    assert "OPS-1" in json.dumps(fake.issues["OPS-2"]["fields"]["description"])
    # The old one is left alone, now and later.
    assert len(fake.comments("OPS-1")) == 1
    tell(to, incident(2, incident_id=incident_id), "more_sites", 4, back)
    assert fake.category("OPS-1") == "done"
    assert DUPLICATE_LABEL not in fake.issues["OPS-1"]["fields"]["labels"]


def test_a_new_ticket_after_the_window_that_timed_out_is_not_opened_twice(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    done = tell(to, resolved(incident()), "all_resolved", 2, first)
    fake.clock.advance(hours=25)
    fake.lose_answer("POST", "/issue$")
    again = message(incident(), "reopened", 3, reference=done.reference)
    assert isinstance(to.send(again), Unknown)
    assert accepted(to.recover(replace(again, attempt=2))).reference["key"] == "OPS-2"
    assert len(fake.issues) == 2


def test_an_open_ticket_of_the_cause_is_carried_on_by_its_next_incident(fake: FakeJira) -> None:
    to = sink(fake, policy=TicketPolicy(on_resolve="comment"))
    first = tell(to, incident(), "first", 1)
    tell(to, resolved(incident()), "all_resolved", 2, first)
    fake.clock.advance(days=30)
    back = tell(to, incident(incident_id="later"), "first", 1)
    assert back.reference["key"] == "OPS-1"
    assert list(fake.issues) == ["OPS-1"]


def test_a_ticket_closed_by_a_person_is_not_reopened_by_a_mere_reminder(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.set_status("OPS-1", "30")
    told = tell(to, incident(), "repeat_due", 2, first)
    assert fake.category("OPS-1") == "done"
    tell(to, incident(), "severity_rise", 3, told)
    assert fake.category("OPS-1") == "new"


def test_a_reminder_of_a_new_incident_does_not_hide_in_the_closed_ticket_of_its_predecessor(
    fake: FakeJira,
) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    tell(to, resolved(incident()), "all_resolved", 2, first)
    told = tell(to, incident(incident_id="later"), "repeat_due", 1)
    assert fake.open_keys() == [told.reference["key"]] == ["OPS-2"]


@pytest.mark.parametrize("field", ["fingerprint", "incident_id"])
def test_an_incident_without_a_name_is_refused_before_anything_is_asked(fake: FakeJira, field: str) -> None:
    nameless = incident(**{field: " "})
    assert isinstance(sink(fake).send(message(nameless)), Refused)
    assert isinstance(sink(fake).recover(message(nameless)), Refused)
    assert fake.requests == []


def test_a_recipient_is_refused_because_tickets_have_none(fake: FakeJira) -> None:
    assert isinstance(sink(fake).send(message(recipient="anna")), Refused)
    assert fake.requests == []


def test_a_search_that_answers_with_the_issues_of_others_gets_none_of_them_written_to(fake: FakeJira) -> None:
    tell(sink(fake), incident(fingerprint="somebody else's", incident_id="theirs"), "first", 1)
    handle = fake.handle

    def answer(seen: Seen) -> Reply:
        if "search" in seen.path:
            seen = replace(seen, body=json.dumps({**seen.document(), "jql": 'project = "OPS"'}).encode())
        return handle(seen)

    fake.handle = answer  # type: ignore[method-assign]
    told = tell(sink(fake), incident(), "first", 1)
    tell(sink(fake), incident(2), "more_sites", 2, told)
    assert told.reference["key"] == "OPS-2"
    assert fake.comments("OPS-1") == []
    assert fake.open_keys() == ["OPS-1", "OPS-2"]


# Repetitions


def test_a_comment_whose_answer_was_lost_is_not_written_twice(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.lose_answer("POST", "/comment$")
    again = message(incident(2), "more_sites", 2, reference=first.reference)
    assert isinstance(to.send(again), Unknown)
    accepted(to.recover(replace(again, attempt=2)))
    assert len(fake.comments("OPS-1")) == 1


def test_a_comment_that_did_not_arrive_is_written_by_the_recovery(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.fail("POST", "/comment$", Reply(behaviour="reset"))
    again = message(incident(2), "more_sites", 2, reference=first.reference)
    assert isinstance(to.send(again), Unknown)
    accepted(to.recover(replace(again, attempt=2)))
    assert len(fake.comments("OPS-1")) == 1


def test_a_resolve_that_failed_half_way_is_finished_later(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.fail("POST", "/transitions$", Reply(503))
    again = message(resolved(incident()), "all_resolved", 2, reference=first.reference)
    assert isinstance(to.send(again), Retry)
    accepted(to.send(replace(again, attempt=2)))
    assert fake.category("OPS-1") == "done"
    assert len(fake.comments("OPS-1")) == 1


def test_what_fails_after_the_creation_does_not_hide_the_key(fake: FakeJira) -> None:
    to = sink(fake)
    done = tell(to, resolved(incident()), "first", 1)
    fake.clock.advance(days=2)
    fake.fail("POST", "/issueLink$", Reply(503))
    fake.fail("GET", "/OPS-2$", Reply(504))
    outcome = tell(to, incident(), "reopened", 2, done)
    assert outcome.reference["key"] == "OPS-2"
    assert "503" in outcome.note
    assert "504" in outcome.note


def test_a_ticket_that_was_deleted_is_replaced_once_and_then_complained_about(fake: FakeJira) -> None:
    to = sink(fake)
    fake.lag = timedelta(days=1)
    first = tell(to, incident(), "first", 1)
    fake.issues["OPS-1"]["key"] = "gone"
    fake.issues["gone"] = fake.issues.pop("OPS-1")
    second = tell(to, incident(2), "more_sites", 2, first)
    assert second.reference["key"] == "OPS-2"
    assert second.reference["replaced"] == "OPS-1"
    del fake.issues["OPS-2"]
    outcome = to.send(message(incident(3), "more_sites", 3, reference=second.reference))
    assert isinstance(outcome, Refused)
    assert "Browse permission" in outcome.error


@both_kinds
def test_a_search_over_many_pages_finds_the_ticket(kind: Literal["cloud", "datacenter"]) -> None:
    with FakeJira(kind) as fake:
        fake.page_size = 2
        to = sink(fake)
        for number in range(5):
            tell(to, incident(incident_id=f"earlier-{number}"), "first", 1)
            for key in fake.open_keys():
                fake.set_status(key, "30")
            fake.clock.advance(days=2)
        told = tell(to, incident(incident_id="earlier-4"), "repeat_due", 2)
        assert told.reference["key"] == "OPS-5"
        assert len(fake.issues) == 5


@settings(max_examples=25)
@given(luck=bad_luck)
def test_whatever_fails_and_whenever_a_worker_dies_there_is_one_ticket_and_every_telling_once(
    luck: BadLuck,
) -> None:
    with FakeJira(workflow=STRICT) as fake:
        fake.lag = luck.lag
        to = sink(fake, policy=TicketPolicy(lookups=1))
        reference = live(fake, to, luck)
        assert list(fake.issues) == ["OPS-1"]
        assert reference["key"] == "OPS-1"
        assert fake.category("OPS-1") == "done"
        told = [re.findall(r"mist-delivery-\w+", comment) for comment in fake.comments("OPS-1")]
        assert [len(marks) for marks in told] == [1] * (len(LIFE) - 1)
        assert len({marks[0] for marks in told}) == len(told)


# Limits and strangers


@both_kinds
def test_a_storm_lists_all_its_children_within_the_limits(kind: Literal["cloud", "datacenter"]) -> None:
    with FakeJira(kind) as fake:
        to = sink(fake)
        first = tell(to, incident(300), "first", 1)
        tell(to, incident(300), "more_sites", 2, first)
        description = json.dumps(fake.issues["OPS-1"]["fields"]["description"])
        assert all(f"Store {number}" in description for number in range(1, 301))
        assert all(f"Store {number}" in fake.comments("OPS-1")[0] for number in range(1, 301))


@both_kinds
def test_what_does_not_fit_is_counted(kind: Literal["cloud", "datacenter"]) -> None:
    with FakeJira(kind) as fake:
        huge = replace(incident(), alerts=tuple(alert(site(n, f"{n:04d} " + "界" * 55)) for n in range(1500)))
        tell(sink(fake), huge, "first", 1)
        description = json.dumps(fake.issues["OPS-1"]["fields"]["description"], ensure_ascii=False)
        assert "0000 界" in description
        assert "… and 1," in description


def test_more_words_than_fit_are_cut_at_a_line(fake: FakeJira, tmp_path: Path) -> None:
    (tmp_path / "ticket_critical.txt.j2").write_text("Own: {{ headline }}\n" + "Words words words\n" * 3000)
    to = JiraSink(config(fake), templates=TicketTemplates(tmp_path), clock=fake.clock, limits=PATIENT)
    first = tell(to, incident(), "first", 1)
    fields = fake.issues["OPS-1"]["fields"]
    assert fields["summary"] == "Own: CRITICAL: Coverage is critical at Store 1"
    assert json.dumps(fields["description"], ensure_ascii=False).endswith('… (shortened)"}]}]}')
    # What the folder lacks is the house's.
    tell(to, incident(2), "more_sites", 2, first)
    assert "More sites are hit" in fake.comments("OPS-1")[0]


def test_a_folder_of_templates_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        TicketTemplates(tmp_path / "nowhere")


@both_kinds
def test_a_name_typed_by_a_stranger_stays_a_name(kind: Literal["cloud", "datacenter"]) -> None:
    name = f"{HOSTILE} {{html}}x{{html}} [~admin] !http://x/y.png! h1. big"
    hostile = incident(title=name, cause=name)
    hostile = replace(hostile, alerts=(alert(site(1, name), summaries=(name,)),))
    with FakeJira(kind) as fake:
        to = sink(fake)
        first = tell(to, hostile, "first", 1)
        tell(to, hostile, "more_sites", 2, first)
        fields = fake.issues["OPS-1"]["fields"]
        assert "\n" not in fields["summary"]
        assert "\u202e" not in json.dumps(fields, ensure_ascii=False)
        if kind == "datacenter":
            for text in (fields["description"], fake.issues["OPS-1"]["comments"][0]["body"]):
                assert "{html}" not in text.replace("\\{html\\}", "")
                assert "[~admin]" not in text.replace("\\[\\~admin\\]", "")
                assert "!http" not in text.replace("\\!http", "")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "https://user:pw@example.com/"])
def test_only_web_addresses_become_links(fake: FakeJira, url: str) -> None:
    tell(sink(fake), incident(report_url=url), "first", 1)
    assert url not in json.dumps(fake.issues["OPS-1"]["fields"]["description"])


def test_a_text_node_is_never_empty_and_a_line_is_one_paragraph_line() -> None:
    document = adf("# Head\n\none\ntwo\n- a\n- b\nsee \x02label\x1fhttps://example.com/\x03 after")
    assert [block["type"] for block in document["content"]] == [
        "heading",
        "paragraph",
        "bulletList",
        "paragraph",
    ]  # type: ignore[union-attr,call-overload,index]
    assert '"text": ""' not in json.dumps(document)
    assert length("𝔘") == 2
    assert TEXT_LIMIT == 32_767


def test_a_title_longer_than_a_summary_may_be_is_clipped(fake: FakeJira) -> None:
    tell(sink(fake), incident(title="𝔘" * 400), "first", 1)
    summary = fake.issues["OPS-1"]["fields"]["summary"]
    assert summary.endswith("…")
    assert length(summary) <= 255


@given(
    names=st.lists(st.text(max_size=80), max_size=5), title=st.text(max_size=300), url=st.text(max_size=40)
)
def test_whatever_strangers_type_becomes_a_document_that_jira_takes(
    names: list[str], title: str, url: str
) -> None:
    def told(names: list[str], title: str) -> tuple[Ticket, str]:
        sites = [replace(site(number, name), url=url) for number, name in enumerate(names)]
        about = incident(title=title, alerts=tuple(alert(where, summaries=(where.name,)) for where in sites))
        templates = TicketTemplates()
        comment = templates.comment(message(about, "more_sites", 2), adf_fits)
        return templates.ticket(message(about), adf_fits), comment

    ticket, comment = told(names, title)
    harmless_ticket, harmless_comment = told(["Store"] * len(names), "Trouble")
    for text, harmless in ((ticket.body, harmless_ticket.body), (comment, harmless_comment)):
        assert is_adf(json.loads(json.dumps(adf(text))))
        assert adf_fits(text)
        assert not re.search(r"(?<!\\)[{\[]", re.sub(r"https?://\S+", "", wiki(text)))
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", plain(text))
        # Nobody's name adds a line.
        assert text.count("\n") == harmless.count("\n")
    assert len(ticket.summary.splitlines()) == 1
    assert length(clip(ticket.summary, 255)) <= 255


# Answers


def test_a_created_issue_that_the_answer_does_not_name_is_unknown(fake: FakeJira) -> None:
    fake.fail("POST", "/issue$", Reply(201, b'{"id": "1"}'), is_done=True)
    to = sink(fake)
    assert isinstance(to.send(message()), Unknown)
    assert accepted(to.recover(message(attempt=2))).reference["key"] == "OPS-1"


def test_an_issue_without_what_every_issue_has_is_refused(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.fail("GET", "/OPS-1$", Reply(200, b'{"key": "OPS-1", "id": "x", "fields": []}'))
    outcome = to.send(message(incident(2), "more_sites", 2, reference=first.reference))
    assert isinstance(outcome, Refused)
    assert "status category" in outcome.error


def test_a_history_with_odd_entries_is_read_all_the_same(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.set_status("OPS-1", "20")
    fake.issues["OPS-1"]["history"] += [
        {"items": [{}]},
        {"author": None, "created": "yesterday", "items": None},
    ]
    status = to.read_status(first.reference)
    assert isinstance(status, TicketStatus)
    assert status.who == "Anna Ops"


@pytest.mark.parametrize(("reply", "expected"), RETRY_TABLE)
def test_a_question_that_fails_is_judged_like_at_every_sink(reply: Reply, expected: type) -> None:
    # Asking again does no harm, so a lost answer is no riddle.
    check_answer(
        FakeJira,
        lambda server: JiraSink(config(server), limits=limits_for(reply.behaviour)),
        reply,
        Retry if expected is Unknown else expected,
    )


@pytest.mark.parametrize(("reply", "expected"), RETRY_TABLE)
def test_a_creation_that_fails_is_unknown_wherever_it_may_have_happened(
    fake: FakeJira, reply: Reply, expected: type
) -> None:
    is_late = (
        reply.behaviour == "answer" and reply.status >= 500 and reply.status != 503 and expected is Retry
    )
    fake.fail("POST", "/issue$", reply)
    outcome = sink(fake, limits_for(reply.behaviour)).send(message())
    assert isinstance(outcome, Unknown if is_late else expected), outcome
    assert len(fake.told("POST", "/issue$")) == 1


def test_no_connection_is_a_retry_because_nothing_can_have_arrived() -> None:
    with FakeHttp() as gone:
        pass
    check_nobody_there(lambda _: JiraSink(config(gone), limits=PATIENT))


@pytest.mark.parametrize("path", ["/search/jql$", "/issue$"])
def test_a_pause_asked_for_is_handed_on(fake: FakeJira, path: str) -> None:
    fake.fail("POST", path, Reply(429, b"{}", {"Retry-After": "37"}))
    outcome = sink(fake).send(message())
    assert isinstance(outcome, Retry)
    assert outcome.after_seconds == 37


def test_an_answer_that_is_no_json_is_no_empty_result(fake: FakeJira) -> None:
    fake.fail("POST", "/search", Reply(200, b"<html>Log in</html>"))
    outcome = sink(fake).send(message())
    assert isinstance(outcome, Retry)
    assert "login page" in outcome.error
    assert fake.issues == {}
    fake.fail("POST", "/issue$", Reply(200, b"<html>Log in</html>"))
    assert isinstance(sink(fake).send(message()), Unknown)


@both_kinds
@pytest.mark.parametrize("status", [400, 500])
def test_a_token_is_sent_but_never_shown(kind: Literal["cloud", "datacenter"], status: int) -> None:
    expected = (
        "Basic Ym90QGV4YW1wbGUuY29tOmEtdG9rZW4tdGhhdC1ub2JvZHktbWF5LXNlZQ=="
        if kind == "cloud"
        else f"Bearer {TOKEN}"
    )
    with FakeJira(kind, authorization=expected) as fake:
        to = sink(fake)
        tell(to, incident(), "first", 1)
        fake.fail("POST", "/search", Reply(status, f"no {TOKEN}".encode()))
        outcome = to.send(message())
        assert isinstance(outcome, Retry | Refused)
        assert TOKEN not in outcome.error + repr(to) + repr(vars(to)) + repr(config(fake, kind))


@pytest.mark.parametrize(
    "changes",
    [
        {"project": 'OPS" OR project = X'},
        {"labels": ("two words",)},
        {"deployment": "server"},
        {"base_url": "http://jira.example.com"},
        {"base_url": "https://user:pw@jira.example.com"},
    ],
)
def test_a_configuration_that_cannot_work_is_an_error_before_anything_is_sent(
    fake: FakeJira, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="jira"):
        JiraSink(config(fake, **changes))


@pytest.mark.parametrize("changes", [{"on_resolve": "maybe"}, {"lookups": 0}])
def test_a_policy_that_makes_no_sense_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="|".join(changes)):
        TicketPolicy(**changes)


# People


@both_kinds
@pytest.mark.parametrize(
    ("hands", "expected"),
    [
        ([], ("open", False, "")),
        ([("assign", ANNA, ANNA)], ("acknowledged", True, "Anna Ops")),
        ([("assign", ANNA, ANNA), ("assign", None, ANNA)], ("open", False, "")),
        ([("status", "20", ANNA)], ("acknowledged", True, "Anna Ops")),
        ([("status", "20", ANNA), ("status", "10", ANNA)], ("open", False, "")),
        ([("status", "30", ANNA)], ("closed", True, "Anna Ops")),
        ([("status", "30", US)], ("closed", False, "")),
        ([("status", "30", ANNA), ("status", "10", US)], ("open", False, "")),
        ([("status", "20", US)], ("open", False, "")),
    ],
)
def test_a_persons_hand_is_read_back(
    kind: Literal["cloud", "datacenter"], hands: list[tuple[str, Any, Any]], expected: tuple[str, bool, str]
) -> None:
    with FakeJira(kind) as fake:
        to = sink(fake)
        first = tell(to, incident(), "first", 1)
        for what, value, by in hands:
            fake.clock.advance(minutes=1)
            (fake.assign if what == "assign" else fake.set_status)("OPS-1", value, by)
        status = to.read_status(first.reference)
        assert isinstance(status, TicketStatus)
        assert (status.state, status.is_by_person, status.who) == expected
        assert status.acknowledges == expected[1]
        if expected[1]:
            assert status.at == fake.clock()


def test_an_automation_is_nobodys_hand(fake: FakeJira) -> None:
    to = sink(fake)
    first = tell(to, incident(), "first", 1)
    fake.set_status("OPS-1", "30", ROBOT)
    assert to.read_status(first.reference) == TicketStatus("closed", at=fake.clock())


def test_a_ticket_that_cannot_be_read_is_no_open_one(fake: FakeJira) -> None:
    to = sink(fake)
    assert isinstance(to.read_status({}), Refused)
    assert isinstance(to.read_status({"key": "OPS-99"}), Refused)
    fake.fail("GET", "/OPS-1$", Reply(503))
    assert isinstance(to.read_status({"key": "OPS-1"}), Retry)
    fake.fail("GET", "/OPS-1$", Reply(401))
    assert isinstance(to.read_status({"key": "OPS-1"}), Refused)


# The fake itself, driven by somebody else's client


@both_kinds
def test_the_fake_is_a_jira_to_the_jira_library(kind: Literal["cloud", "datacenter"]) -> None:
    with FakeJira(kind, workflow=STRICT) as fake:
        options = {"rest_api_version": "3" if kind == "cloud" else "2"}
        client = JIRA(fake.url, options=options, token_auth=TOKEN, max_retries=0)
        body: Any = adf("words") if kind == "cloud" else "words"
        fields = {
            "project": {"key": "OPS"},
            "issuetype": {"name": "Task"},
            "summary": "s",
            "description": body,
            "labels": ["l"],
        }
        issue = client.create_issue(fields=fields)
        assert issue.key == "OPS-1"
        assert issue.fields.status.statusCategory.key == "new"
        assert [found.key for found in client.search_issues('project = "OPS" AND labels = "l"')] == ["OPS-1"]
        client.add_comment(issue, body)
        assert len(client.comments(issue)) == 1
        client.transition_issue(issue, "21")
        with pytest.raises(JIRAError, match="erforderlich"):
            client.transition_issue(issue, "31")
        client.transition_issue(issue, "31", fields={"resolution": {"id": "7"}})
        assert client.issue("OPS-1").fields.status.statusCategory.key == "done"
        with pytest.raises(JIRAError, match="CONTENT_LIMIT_EXCEEDED"):
            client.add_comment(issue, adf("x" * 40_000) if kind == "cloud" else "x" * 40_000)  # type: ignore[arg-type]
        fake.lag = timedelta(minutes=1)
        client.create_issue(fields=fields)
        assert len(client.search_issues('project = "OPS" AND labels = "l"')) == 0
        fake.clock.advance(minutes=2)
        assert len(client.search_issues('project = "OPS" AND labels = "l"')) == 2
