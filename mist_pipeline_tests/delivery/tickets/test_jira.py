"""What only Jira does: searches that lag, workflows, labels of others, and a history that says what people did."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest

from mist_pipeline.delivery.sink import Concern, Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.policy import TicketStatus
from mist_pipeline_tests.support.delivery.messages import incident, message, resolved
from mist_pipeline_tests.support.delivery.ticket_systems import JiraUnderTest, accepted, jira_config, notify
from mist_pipeline_tests.support.fakes.fake_http import Reply, Seen
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.jira_workflows import (
    ANNA,
    COMMENT,
    DEAD_END,
    RESOLUTION,
    ROBOT,
    STRICT,
    US,
    VERSIONS,
    Way,
    Workflow,
)

pytestmark = pytest.mark.slow

both_kinds = pytest.mark.parametrize("system", ["cloud", "datacenter"], indirect=True)
LOST = Reply(behaviour="reset")


@pytest.fixture
def system(request: pytest.FixtureRequest) -> Iterator[JiraUnderTest]:
    with FakeJira(getattr(request, "param", "cloud")) as fake:
        yield JiraUnderTest(fake)


# What an issue holds


@both_kinds
def test_a_description_has_the_format_of_its_dialect_and_labels_have_no_spaces(system: JiraUnderTest) -> None:
    notify(system.sink(labels=("wifi",)), incident(), "first", 1)
    fields = system.fake.issues["OPS-1"]["fields"]
    assert isinstance(fields["description"], dict if system.fake.kind == "cloud" else str)
    assert "wifi" in fields["labels"]
    assert all(" " not in label for label in fields["labels"])


def test_a_project_without_priorities_still_gets_its_comments(system: JiraUnderTest) -> None:
    system.fake.has_priority = False
    without = system.sink(priorities={})
    first = notify(without, incident(severity="major"), "first", 1)
    notify(without, incident(severity="critical"), "severity_rise", 2, first)
    # Even where the configuration still believes in priorities; but what may heal is tried again.
    system.fake.fail("PUT", "/OPS-1$", Reply(503))
    sent = message(incident(severity="critical"), "severity_rise", 3, reference=first.reference)
    assert isinstance(system.sink().send(sent), Retry)
    outcome = accepted(system.sink().send(replace(sent, attempt=2)))
    assert "priority" in outcome.note
    assert len(system.comments("OPS-1")) == 2
    assert outcome.reference["key"] == "OPS-1"


def test_a_field_that_jira_refuses_is_named_in_the_error(system: JiraUnderTest) -> None:
    system.fake.screen.remove("labels")
    outcome = system.sink().send(message())
    assert isinstance(outcome, Refused)
    assert "labels" in outcome.error
    assert "not on the appropriate screen" in outcome.error
    assert system.ids == []


@both_kinds
def test_a_project_without_a_priority_gets_its_ticket_without_one(system: JiraUnderTest) -> None:
    system.fake.has_priority = False
    to = system.sink()
    first = notify(to, incident(severity="major"), "first", 1)
    assert "created without a priority" in first.note
    assert "not on the appropriate screen" in first.note
    worse = notify(to, incident(severity="critical"), "severity_rise", 2, first)
    notify(to, resolved(incident()), "all_resolved", 3, worse)
    assert system.ids == ["OPS-1"]
    assert system.open_ids() == []


def test_a_priority_that_the_project_does_not_have_is_left_out_and_any_other_mistake_is_not(
    system: JiraUnderTest,
) -> None:
    to = system.sink(priorities={"critical": "99"})
    assert "ungültig" in notify(to, incident(), "first", 1).note
    system.fake.demanded = {"customfield_1": "Standort"}
    outcome = to.send(message(incident(incident_id="another", fingerprint="of another cause"), "first", 2))
    assert isinstance(outcome, Refused)
    assert "Standort ist erforderlich" in outcome.error
    assert len(system.ids) == 1


@both_kinds
def test_labels_that_are_not_kept_give_one_closed_issue_and_a_refusal_that_names_them(
    system: JiraUnderTest,
) -> None:
    system.fake.drops_labels = True
    to = system.sink()
    outcomes = [
        to.send(message(incident(), "first", 1)),
        to.send(message(incident(2), "more_sites", 2)),
        to.send(message(incident(1, incident_id="another", fingerprint="of another cause"), "first", 3)),
    ]
    for outcome in outcomes:
        assert isinstance(outcome, Refused)
        assert "labels" in outcome.error
        assert "OPS-1" in outcome.error
    assert system.ids == ["OPS-1"]
    assert system.is_done("OPS-1")
    assert "does not keep the labels" in system.summary("OPS-1")
    (concern,) = to.examine()
    assert concern.is_hindrance
    assert "OPS-1 says" in concern.found
    # Once they are kept, tickets are created again.
    system.fake.drops_labels = False
    first = notify(to, incident(), "first", 1)
    assert first.reference["key"] == "OPS-2"
    assert "mist-cause" not in str(system.fake.issues["OPS-1"]["fields"]["labels"])
    assert to.examine() == []


def test_labels_that_come_late_are_no_failure(system: JiraUnderTest) -> None:
    # An issue may be created by a rule that writes its fields afterwards: then adding them once more is enough.
    system.fake.drops_labels = True
    original = system.fake._edit

    def edit(issue: dict[str, Any], body: dict[str, Any]) -> Reply:
        system.fake.drops_labels = False
        return original(issue, body)

    system.fake._edit = edit  # type: ignore[method-assign]
    assert notify(system.sink(), incident(), "first", 1).reference["key"] == "OPS-1"
    assert not system.is_done("OPS-1")


def test_an_issue_whose_labels_cannot_be_read_right_away_is_kept(system: JiraUnderTest) -> None:
    system.fake.fail("GET", "/issue/OPS-1$", Reply(503))
    first = notify(system.sink(), incident(), "first", 1)
    assert first.reference["key"] == "OPS-1"
    assert "503" in first.note


# What is asked before there is a ticket


def told(concerns: list[Concern]) -> list[tuple[str, bool]]:
    return [(concern.found, concern.is_hindrance) for concern in concerns]


@both_kinds
def test_a_project_that_fits_raises_no_concern_and_nothing_is_written(system: JiraUnderTest) -> None:
    assert system.sink().examine() == []
    assert system.fake.writes() == []


@both_kinds
def test_what_does_not_fit_is_told_before_there_is_a_ticket(system: JiraUnderTest) -> None:
    system.fake.has_priority = False
    system.fake.screen.remove("labels")
    system.fake.demanded = {"customfield_1": "Standort"}
    found = told(system.sink(fields={"customfield_9": "x"}).examine())
    assert found == [
        ("Jira: Task in OPS has no customfield_9 when it is created", True),
        ("Jira: Task in OPS has no labels when it is created", True),
        ("Jira: Task in OPS demands Standort", True),
        ("Jira: Task in OPS has no priority when it is created; tickets get none", False),
    ]
    # What is configured so raises no concern.
    system.fake.screen.append("labels")
    assert system.sink(fields={"customfield_1": "x"}, priorities={}).examine() == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"issue_type": "Incident"}, "OPS has no issue type 'Incident'; there are: Task, Störung"),
        ({"priorities": {"critical": "Höchste", "info": "P9"}}, "has no priority 'P9'"),
        ({"project": "GONE"}, "404"),
    ],
    ids=["issue type", "priority", "project"],
)
def test_names_that_jira_does_not_know_are_told_before_there_is_a_ticket(
    system: JiraUnderTest, changes: dict[str, Any], text: str
) -> None:
    (concern,) = system.sink(**changes).examine()
    assert text in concern.found
    assert concern.fix


def test_an_issue_without_what_every_issue_has_is_refused(system: JiraUnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.fake.fail("GET", "/OPS-1$", Reply(200, b'{"key": "OPS-1", "id": "x", "fields": []}'))
    outcome = to.send(message(incident(2), "more_sites", 2, reference=first.reference))
    assert isinstance(outcome, Refused)
    assert "status category" in outcome.error


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"project": 'OPS" OR project = X'}, "jira: .* is no project key"),
        ({"labels": ("two words",)}, "jira: 'two words' is no label"),
        ({"labels": ("",)}, "jira: '' is no label"),
        ({"deployment": "server"}, "deployment"),
        ({"user": ""}, "mail address"),
    ],
)
def test_a_configuration_that_cannot_work_is_an_error_before_anything_is_sent(
    changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        jira_config("https://jira.example.com", **changes)


# Workflows


def test_transitions_are_chosen_by_category_and_never_by_their_translated_names(
    system: JiraUnderTest,
) -> None:
    system.fake.workflow = STRICT
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    done = notify(to, resolved(incident()), "all_resolved", 2, first)
    # There was no direct way, and the way there demanded a resolution.
    assert system.fake.category("OPS-1") == "done"
    assert system.fake.asked(*system.close)[-1].document()["fields"] == {"resolution": {"id": "7"}}
    notify(to, incident(), "reopened", 3, done)
    assert system.fake.category("OPS-1") == "indeterminate"


@both_kinds
def test_what_a_transition_demands_is_sent_as_its_operations_allow(system: JiraUnderTest) -> None:
    demanding = {"resolution": RESOLUTION, "comment": COMMENT, "fixVersions": VERSIONS}
    closed = Way("31", "Schließen", "30", demanding)
    ways = {"10": [closed], "20": [closed], "30": [Way("41", "Öffnen", "10")]}
    system.fake.workflow = replace(STRICT, ways=ways)
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    notify(to, resolved(incident()), "all_resolved", 2, first)
    assert system.is_done("OPS-1")
    sent = system.fake.asked("POST", "/transitions$")[-1].document()
    assert sent["fields"] == {"resolution": {"id": "7"}, "fixVersions": [{"id": "10100"}]}
    assert [list(change) for change in sent["update"]["comment"]] == [["add"]]


def test_a_transition_that_is_not_available_is_not_taken(system: JiraUnderTest) -> None:
    ways = {
        "10": [Way("11", "Fertig", "30", is_available=False), Way("31", "Fertig", "30")],
        "20": [],
        "30": [],
    }
    system.fake.workflow = replace(STRICT, ways=ways)
    to = system.sink()
    notify(to, resolved(incident()), "all_resolved", 2, notify(to, incident(), "first", 1))
    assert system.is_done("OPS-1")


def test_a_workflow_without_a_way_leaves_the_ticket_open_and_says_so(system: JiraUnderTest) -> None:
    system.fake.workflow = DEAD_END
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    outcome = notify(to, resolved(incident()), "all_resolved", 2, first)
    assert system.fake.category("OPS-1") == "new"
    assert "left open" in outcome.note


def test_a_ticket_that_cannot_be_reopened_hears_of_the_return_and_the_note_says_why(
    system: JiraUnderTest,
) -> None:
    system.fake.workflow = DEAD_END
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.person_closes("OPS-1")
    outcome = notify(to, incident(), "reopened", 2, first)
    assert "reopens" in outcome.note
    assert len(system.comments("OPS-1")) == 1


def test_a_workflow_that_leads_nowhere_is_not_followed_for_ever(system: JiraUnderTest) -> None:
    work = {str(number): (f"Stufe {number}", "indeterminate") for number in range(20, 40)}
    steps = {str(number): [Way("1", "Weiter", str(number + 1))] for number in range(20, 39)}
    ways = {"10": [Way("1", "Los", "20")], **steps, "39": []}
    system.fake.workflow = Workflow({"10": ("Neu", "new"), **work}, ways, "10")
    outcome = notify(system.sink(), resolved(incident()), "first", 1)
    assert "left open" in outcome.note
    assert system.count(system.close) == 4


def test_what_fails_after_the_creation_of_a_successor_does_not_hide_its_key(system: JiraUnderTest) -> None:
    to = system.sink()
    done = notify(to, resolved(incident()), "first", 1)
    system.fake.clock.advance(days=2)
    system.fake.fail("POST", "/issueLink$", Reply(503))
    system.fake.fail("GET", "/OPS-2$", Reply(504))
    outcome = notify(to, incident(), "reopened", 2, done)
    assert outcome.reference["key"] == "OPS-2"
    assert "503" in outcome.note
    assert "504" in outcome.note


# Searches


def test_two_workers_whose_searches_lag_leave_one_ticket_after_the_next_message(
    system: JiraUnderTest,
) -> None:
    system.fake.lag = timedelta(minutes=2)
    first = notify(system.sink(), incident(), "first", 1)
    notify(system.sink(), incident(), "first", 1)
    assert system.open_ids() == ["OPS-1", "OPS-2"]
    system.fake.clock.advance(minutes=5)
    notify(system.sink(), incident(2), "more_sites", 2, first)
    assert system.open_ids() == ["OPS-1"]
    assert len(system.ids) == 2


def test_a_creation_that_timed_out_is_adopted_once_the_search_shows_it(system: JiraUnderTest) -> None:
    system.fake.lag = timedelta(minutes=2)
    system.fail(system.create, LOST, is_done=True)
    to = system.sink()
    assert isinstance(to.send(message()), Unknown)
    assert isinstance(to.recover(message(attempt=2)), Unknown)
    system.fake.clock.advance(minutes=3)
    assert accepted(to.recover(message(attempt=2))).reference["key"] == "OPS-1"
    assert system.count(system.create) == 1
    assert system.comments("OPS-1") == []


def test_a_message_that_had_waited_for_hours_is_not_created_anew_right_after_its_first_attempt(
    system: JiraUnderTest,
) -> None:
    system.fake.lag = timedelta(minutes=2)
    system.fake.clock.advance(hours=5)
    system.fail(system.create, LOST, is_done=True)
    to = system.sink()
    assert isinstance(to.send(message()), Unknown)
    assert isinstance(to.recover(message(attempt=2)), Unknown)
    system.fake.clock.advance(minutes=3)
    accepted(to.recover(message(attempt=5)))
    assert len(system.ids) == 1


def test_a_creation_whose_worker_died_late_is_not_done_again_before_a_search_would_show_it(
    system: JiraUnderTest,
) -> None:
    # The crash test found two tickets: the system had refused for a while, the worker died while it created at last, and
    # the attempt after that took the age of the message for that of the creation.
    system.fake.lag = timedelta(minutes=4)
    to = system.sink()
    system.fake.clock.advance(minutes=30)
    accepted(to.send(message(attempt=6)))
    died = system.fake.clock() + timedelta(minutes=2)
    system.fake.clock.advance(minutes=2)
    again = message(attempt=7, unsure_since=died)
    assert to.recover(again) == Unknown(ANY, is_older=True)
    system.fake.clock.advance(minutes=3)
    assert accepted(to.recover(replace(again, attempt=8))).reference["key"] == "OPS-1"
    assert len(system.ids) == 1


def test_a_stored_key_wins_over_a_search_that_lags(system: JiraUnderTest) -> None:
    system.fake.lag = timedelta(hours=1)
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    notify(to, incident(2), "more_sites", 2, first)
    notify(to, resolved(incident()), "all_resolved", 3, first)
    assert system.ids == ["OPS-1"]
    assert system.is_done("OPS-1")


def test_a_search_that_answers_with_the_issues_of_others_gets_none_of_them_written_to(
    system: JiraUnderTest,
) -> None:
    notify(system.sink(), incident(fingerprint="somebody else's", incident_id="theirs"), "first", 1)
    handle = system.fake.handle

    def answer(seen: Seen) -> Reply:
        if "search" in seen.path:
            seen = replace(seen, body=json.dumps({**seen.document(), "jql": 'project = "OPS"'}).encode())
        return handle(seen)

    system.fake.handle = answer  # type: ignore[method-assign]
    first = notify(system.sink(), incident(), "first", 1)
    notify(system.sink(), incident(2), "more_sites", 2, first)
    assert first.reference["key"] == "OPS-2"
    assert system.comments("OPS-1") == []
    assert system.open_ids() == ["OPS-1", "OPS-2"]


@both_kinds
def test_a_search_over_many_pages_finds_the_ticket(system: JiraUnderTest) -> None:
    system.fake.page_size = 2
    to = system.sink()
    for number in range(5):
        notify(to, incident(incident_id=f"earlier-{number}"), "first", 1)
        for key in system.open_ids():
            system.person_closes(key)
        system.fake.clock.advance(days=2)
    reminded = notify(to, incident(incident_id="earlier-4"), "repeat_due", 2)
    assert reminded.reference["key"] == "OPS-5"
    assert len(system.ids) == 5


# What people did


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
        ([("status", "30", ROBOT)], ("closed", False, "")),
        ([("status", "30", ANNA), ("status", "10", US)], ("open", False, "")),
        ([("status", "20", US)], ("open", False, "")),
    ],
)
def test_what_a_person_did_last_is_read_from_the_history(
    system: JiraUnderTest, hands: list[tuple[str, Any, Any]], expected: tuple[str, bool, str]
) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    for what, value, by in hands:
        system.fake.clock.advance(minutes=1)
        (system.fake.assign if what == "assign" else system.fake.set_status)("OPS-1", value, by)
    status = to.read_status(first.reference)
    assert isinstance(status, TicketStatus)
    assert (status.state, status.is_by_person, status.who) == expected
    assert status.acknowledges == expected[1]
    assert status.at == (None if expected[0] == "open" else system.fake.clock())


def test_a_history_with_odd_entries_is_read_all_the_same(system: JiraUnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.person_takes("OPS-1")
    system.fake.issues["OPS-1"]["history"] += [
        {"items": [{}]},
        {"author": None, "created": "yesterday", "items": None},
    ]
    status = to.read_status(first.reference)
    assert isinstance(status, TicketStatus)
    assert status.who == "Anna Ops"
