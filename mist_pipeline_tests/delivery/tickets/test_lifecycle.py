"""One ticket per incident that follows it, in Jira and in ServiceNow alike."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from mist_pipeline.delivery.message import Reason
from mist_pipeline.delivery.sink import Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.policy import TicketPolicy, TicketStatus
from mist_pipeline_tests.support.delivery.messages import WORSE, incident, message, resolved
from mist_pipeline_tests.support.delivery.ticket_systems import (
    ServiceNowUnderTest,
    UnderTest,
    accepted,
    limits_for,
    lose,
    notify,
)
from mist_pipeline_tests.support.fakes.fake_http import Reply

pytestmark = pytest.mark.slow

every_dialect = pytest.mark.parametrize("system", ["jira", "jira datacenter", "servicenow"], indirect=True)
same_and_next = pytest.mark.parametrize("incident_id", [incident().incident_id, "next-of-the-cause"])
COMMENT_ONLY = TicketPolicy(on_resolve="comment")
LOST = Reply(behaviour="reset")


# Created, commented, resolved


@every_dialect
def test_an_incident_becomes_a_ticket_with_its_words(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    ticket = system.only()
    assert to.name == system.name
    assert system.id_in(first) == ticket
    assert first.reference["url"].startswith(system.fake.url)
    assert first.reference["url"].endswith(ticket)
    assert system.summary(ticket) == "CRITICAL: Coverage is critical at Store 1"
    for words in (
        "Act now",
        "All of them run firmware",
        "Coverage 61.2",
        "Raise the minimum",
        "reports.example.com",
    ):
        assert words in system.description(ticket)


@pytest.mark.parametrize(
    ("severity", "words"),
    [("critical", "Act now"), ("major", "Act today"), ("warning", "Plan it"), ("info", "nothing has to")],
)
def test_each_severity_has_its_own_words_and_priority(system: UnderTest, severity: Any, words: str) -> None:
    notify(system.sink(), incident(severity=severity), "first", 1)
    assert words in system.description(system.only())
    assert system.priority(system.only()) == system.priorities[severity]


@every_dialect
def test_a_change_is_a_comment_on_the_same_ticket(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    notify(to, incident(3), "more_sites", 2, first)
    [comment] = system.comments(system.only())
    assert "More sites are hit" in comment
    assert "Store 3" in comment


def test_the_priority_follows_the_severity_but_not_over_a_persons_choice(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(severity="warning"), "first", 1)
    risen = notify(to, incident(severity="critical"), "severity_rise", 2, first)
    assert "It has become worse" in system.comments(system.only())[0]
    assert system.priority(system.only()) == system.priorities["critical"]
    chosen = system.person_chooses_priority(system.only())
    notify(to, incident(severity="critical"), "more_sites", 3, risen)
    assert system.priority(system.only()) == chosen


@every_dialect
def test_that_it_is_much_worse_is_a_comment_and_opens_a_ticket_that_was_closed(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    over = notify(to, resolved(incident()), "all_resolved", 2, first)
    assert system.is_done(system.only())
    notify(to, incident(worse=WORSE), "much_worse", 3, over)
    assert not system.is_done(system.only())
    assert "grew from 18 % to 61 % of user-minutes degraded in the 2 h" in system.comments(system.only())[-1]


def test_a_recovered_incident_closes_its_ticket(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    notify(to, resolved(incident()), "all_resolved", 2, first)
    assert system.is_done(system.only())
    assert "All of it has recovered" in system.comments(system.only())[0]


def test_by_policy_a_recovery_is_a_comment_only_and_the_next_incident_continues_the_ticket(
    system: UnderTest,
) -> None:
    to = system.sink(policy=COMMENT_ONLY)
    first = notify(to, incident(), "first", 1)
    notify(to, resolved(incident()), "all_resolved", 2, first)
    assert not system.is_done(system.only())
    assert "All of it has recovered" in system.comments(system.only())[0]
    system.fake.clock.advance(days=30)
    back = notify(to, incident(incident_id="later"), "first", 1)
    assert system.id_in(back) == system.only()
    assert accepted(to.recover(message(incident(incident_id="later"), attempt=2))).reference == back.reference


def test_an_incident_over_before_its_first_message_still_gets_its_ticket_closed_at_once(
    system: UnderTest,
) -> None:
    notify(system.sink(), resolved(incident()), "first", 1)
    assert system.is_done(system.only())


def test_a_recovery_without_a_ticket_makes_none(system: UnderTest) -> None:
    outcome = notify(system.sink(), resolved(incident()), "all_resolved", 2)
    assert system.ids == []
    assert "before it had a ticket" in outcome.note


# Closed, and back again


@same_and_next
@pytest.mark.parametrize(("hours", "tickets"), [(23, 1), (25, 2)])
def test_a_return_reopens_the_ticket_inside_the_window_and_gets_a_linked_one_after_it(
    system: UnderTest, incident_id: str, hours: int, tickets: int
) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    done = notify(to, resolved(incident()), "all_resolved", 2, first)
    number = system.sink()._system.number_in(first.reference)
    system.fake.clock.advance(hours=hours)
    is_same = incident_id == incident().incident_id
    reason: Reason = "reopened" if is_same else "first"
    back = notify(to, incident(incident_id=incident_id), reason, 3, done if is_same else None)
    [*earlier, ticket] = system.ids
    assert len(system.ids) == tickets
    assert system.open_ids() == [ticket] == [system.id_in(back)]
    if tickets == 2:
        assert system.is_linked(ticket, earlier[0])
        assert number in system.description(ticket)
    # The next messages find it, by reference or not, and leave the earlier one alone.
    system.fake.clock.advance(hours=1)
    again = message(incident(incident_id=incident_id), reason, 3, attempt=2)
    assert system.id_in(accepted(to.recover(again))) == ticket
    notify(to, incident(2, incident_id=incident_id), "more_sites", 4, back)
    assert [len(system.comments(each)) for each in system.ids] == ([3] if tickets == 1 else [1, 1])
    assert system.open_ids() == [ticket]
    assert not any(system.is_duplicate(each) for each in earlier)


def test_a_successor_whose_creation_timed_out_is_not_created_twice(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    done = notify(to, resolved(incident()), "all_resolved", 2, first)
    system.fake.clock.advance(hours=25)
    system.fail(system.create, LOST, is_done=True)
    back = lose(to, message(incident(), "reopened", 3, reference=done.reference))
    assert system.id_in(back) == system.ids[1]
    assert len(system.ids) == 2


def test_a_ticket_closed_by_a_person_is_reopened_by_what_wants_a_person_and_not_by_a_reminder(
    system: UnderTest,
) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.person_closes(system.only())
    reminded = notify(to, incident(), "repeat_due", 2, first)
    assert "still going on" in system.comments(system.only())[0]
    assert system.is_done(system.only())
    notify(to, incident(), "severity_rise", 3, reminded)
    assert not system.is_done(system.only())


def test_a_reminder_of_a_new_incident_does_not_hide_in_the_closed_ticket_of_its_predecessor(
    system: UnderTest,
) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    notify(to, resolved(incident()), "all_resolved", 2, first)
    reminded = notify(to, incident(incident_id="later"), "repeat_due", 1)
    assert system.open_ids() == [system.id_in(reminded)] == [system.ids[1]]


def test_a_ticket_that_is_gone_is_replaced_once_and_then_complained_about(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.fake.hidden.add(system.ids[0])
    second = notify(to, incident(2), "more_sites", 2, first)
    assert system.id_in(second) == system.ids[1]
    system.fake.hidden.add(system.ids[1])
    outcome = to.send(message(incident(3), "more_sites", 3, reference=second.reference))
    assert isinstance(outcome, Refused)
    assert f"{second.reference['replaced']} before it" in outcome.error
    assert len(system.ids) == 2


def test_a_successor_is_no_replacement_of_a_lost_ticket(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    done = notify(to, resolved(incident()), "all_resolved", 2, first)
    system.fake.clock.advance(hours=25)
    assert "replaced" not in notify(to, incident(), "reopened", 3, done).reference


# One ticket, not two


def test_two_workers_create_one_ticket(system: UnderTest) -> None:
    system.fake.meeting = (*system.create, threading.Barrier(2))
    outcomes: list[Outcome] = []
    workers = [
        threading.Thread(target=lambda: outcomes.append(system.sink().send(message()))) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # Both created one at the same moment; the younger gave way.
    oldest, younger = system.ids
    assert {system.id_in(accepted(outcome)) for outcome in outcomes} == {oldest}
    assert system.open_ids() == [oldest]
    assert system.is_duplicate(younger)


def test_a_look_up_adopts_the_oldest_and_closes_the_others(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    twin = system.add_twin()
    assert system.id_in(accepted(to.recover(message(attempt=2)))) == system.id_in(first)
    assert system.open_ids() == [system.id_in(first)]
    assert system.is_duplicate(twin)


def test_duplicates_that_could_not_be_closed_at_once_are_closed_at_the_next_message(
    system: UnderTest,
) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    twin = system.add_twin()
    system.fake.fail("", f"{twin}(/transitions)?$", Reply(503))
    noted = notify(to, incident(2), "more_sites", 2, first)
    assert "503" in noted.note
    assert len(system.open_ids()) == 2
    notify(to, incident(3), "more_sites", 3, noted)
    assert system.open_ids() == [system.id_in(first)]


@pytest.mark.parametrize("behaviour", ["reset", "silence", "truncate"])
def test_a_creation_that_timed_out_after_it_was_committed_is_adopted(
    system: UnderTest, behaviour: Any
) -> None:
    reply = Reply(201, b"{", behaviour=behaviour)
    system.fail(system.create, reply, is_done=True)
    assert isinstance(system.sink(limits_for(reply)).send(message()), Unknown)
    adopted = accepted(system.sink().recover(message(attempt=2)))
    assert system.id_in(adopted) == system.only()
    assert system.count(system.create) == 1
    assert system.comments(system.only()) == []


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_gateway_that_gave_up_waiting_may_have_created_it(system: UnderTest, status: int) -> None:
    system.fail(system.create, Reply(status, b"<html>Bad gateway</html>"), is_done=True)
    assert system.id_in(lose(system.sink(), message())) == system.only()


def test_a_created_ticket_that_the_answer_does_not_name_is_unknown(system: UnderTest) -> None:
    system.fail(system.create, Reply(201, b'{"id": "1"}'), is_done=True)
    assert system.id_in(lose(system.sink(), message())) == system.only()


def test_a_creation_that_never_arrived_is_done_once_a_search_would_show_it(system: UnderTest) -> None:
    system.fail(system.create, LOST)
    to = system.sink()
    assert isinstance(to.send(message()), Unknown)
    assert isinstance(to.recover(message(attempt=2)), Unknown)
    system.fake.clock.advance(minutes=5)
    assert isinstance(to.recover(message(attempt=5)), Unknown)
    system.fake.clock.advance(minutes=6)
    accepted(to.recover(message(attempt=6)))
    assert len(system.ids) == 1


@pytest.mark.parametrize("reply", [Reply(503), Reply(429), LOST])
def test_a_recovery_that_cannot_find_out_stays_unknown_and_is_never_sent_as_if_it_were_new(
    system: UnderTest, reply: Reply
) -> None:
    system.fail(system.create, LOST, is_done=True)
    to = system.sink()
    assert isinstance(to.send(message()), Unknown)
    system.fail(system.search, reply)
    outcome = to.recover(message(attempt=5))
    assert isinstance(outcome, Unknown)
    assert outcome.is_older
    assert len(system.ids) == 1


def test_a_recovery_searches_a_bounded_number_of_times_and_pauses_between(system: UnderTest) -> None:
    pauses: list[float] = []
    to = system.sink(policy=TicketPolicy(lookups=3, lookup_pause_seconds=0.5), pause=pauses.append)
    assert isinstance(to.recover(message(attempt=2)), Unknown)
    assert system.count(system.search) == 3
    assert pauses == [0.5, 0.5]


@pytest.mark.parametrize(
    "refused",
    [
        message(incident(fingerprint=" ")),
        message(incident(fingerprint="")),
        message(incident(incident_id=" ")),
        message(recipient="anna"),
    ],
    ids=["blank cause", "no cause", "no incident", "a recipient"],
)
def test_what_no_ticket_can_be_made_of_is_refused_before_anything_is_asked(
    system: UnderTest, refused: Any
) -> None:
    assert isinstance(system.sink().send(refused), Refused)
    assert isinstance(system.sink().recover(refused), Refused)
    assert system.fake.requests == []


# Repetitions


@pytest.mark.parametrize("has_arrived", [True, False])
def test_a_comment_whose_answer_was_lost_is_there_once(system: UnderTest, has_arrived: bool) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.fail(system.comment, LOST, is_done=has_arrived)
    lose(to, message(incident(2), "more_sites", 2, reference=first.reference))
    assert len(system.comments(system.only())) == 1


def test_a_resolve_that_failed_half_way_is_finished_later(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    system.fail(system.close, Reply(503))
    again = message(resolved(incident()), "all_resolved", 2, reference=first.reference)
    assert isinstance(to.send(again), Retry)
    accepted(to.send(replace(again, attempt=2)))
    assert system.is_done(system.only())
    assert len(system.comments(system.only())) == 1


def test_what_fails_after_the_creation_does_not_hide_the_ticket(system: UnderTest) -> None:
    system.fail(system.close, Reply(503))
    outcome = notify(system.sink(), resolved(incident()), "first", 1)
    assert system.id_in(outcome) == system.only()
    assert "503" in outcome.note
    notify(system.sink(), resolved(incident()), "all_resolved", 2, outcome)
    assert system.is_done(system.only())


# What people did


def test_a_ticket_that_a_person_took_or_closed_is_in_that_persons_hands(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    assert to.read_status(first.reference) == TicketStatus("open")
    system.fake.clock.advance(minutes=1)
    system.person_takes(system.only())
    taken = to.read_status(first.reference)
    assert isinstance(taken, TicketStatus)
    assert (taken.state, taken.is_by_person, taken.who) == ("acknowledged", True, "Anna Ops")
    system.fake.clock.advance(minutes=1)
    system.person_closes(system.only())
    closed = to.read_status(first.reference)
    assert isinstance(closed, TicketStatus)
    assert closed.acknowledges
    # ServiceNow demands a resolution code; the people of the fake Jira give none.
    code = "x" if isinstance(system, ServiceNowUnderTest) else ""
    assert closed == TicketStatus(
        "closed", is_by_person=True, who="Anna Ops", at=system.fake.clock(), resolution=code
    )


def test_what_this_program_did_itself_is_nobodys_hand_and_a_reopened_ticket_waits_for_somebody_anew(
    system: UnderTest,
) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    done = notify(to, resolved(incident()), "all_resolved", 2, first)
    assert to.read_status(done.reference) == TicketStatus("closed", at=system.fake.clock())
    back = notify(to, incident(), "reopened", 3, done)
    assert to.read_status(back.reference) == TicketStatus("open")


def test_a_ticket_that_cannot_be_read_is_no_open_one(system: UnderTest) -> None:
    to = system.sink()
    first = notify(to, incident(), "first", 1)
    assert isinstance(to.read_status({}), Refused)
    system.fail(system.read, Reply(503))
    assert isinstance(to.read_status(first.reference), Retry)
    system.fail(system.read, Reply(401))
    assert isinstance(to.read_status(first.reference), Refused)
    system.fake.hidden.add(system.only())
    assert isinstance(to.read_status(first.reference), Refused)


@pytest.mark.parametrize("changes", [{"on_resolve": "maybe"}, {"lookups": 0}])
def test_a_policy_that_makes_no_sense_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="|".join(changes)):
        TicketPolicy(**changes)
