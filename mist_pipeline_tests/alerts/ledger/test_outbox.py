"""The outbox: leased by several workers, in order, at least once and as rarely twice as can be."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox, Patience
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.outcome import (
    Accepted,
    Delivery,
    Outcome,
    Partly,
    RecipientAnswer,
    Refused,
    Retry,
    Unknown,
)
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live

pytestmark = pytest.mark.slow

MINUTE = timedelta(minutes=1)
RULES = NotificationRules(routes=[Route(name="all", sinks=("mail",))])
PATIENCE = Patience(lease=2 * MINUTE, first_pause=MINUTE, longest_pause=10 * MINUTE, max_attempts=4)


class Script:
    """A sink that answers from a list and remembers what it was asked."""

    def __init__(self, name: str, *answers: Outcome, looked_up: Outcome | None = None) -> None:
        self.name = name
        self.answers = list(answers)
        self.looked_up = looked_up or Accepted({"id": "found"})
        self.sent: list[Delivery] = []
        self.asked: list[Delivery] = []

    def __call__(self, delivery: Delivery) -> Outcome:
        if delivery.state == "unknown":
            self.asked.append(delivery)
            return self.looked_up
        self.sent.append(delivery)
        return self.answers.pop(0) if self.answers else Accepted({"id": f"{self.name}-{len(self.sent)}"})


def told(ledger: Ledger, *sinks: str, sites: int = 1) -> Outbox:
    telling = NotificationRules(routes=[Route(name="all", sinks=sinks or ("mail",))])
    rows = [finding(f"s{number}") for number in range(sites)]
    ledger.record_evaluation(live(0, *rows), telling)
    return Outbox(ledger.engine, PATIENCE)


def work(outbox: Outbox, sinks: Mapping[str, Script], worker: str, now: datetime) -> list[str]:
    done = outbox.work(sinks, worker, lambda: now)
    return [f"{one.delivery.sink}: {one.state or 'lease lost'}" for one in done]


def states(ledger: Ledger) -> dict[str, str]:
    frame = ledger.frames()["deliveries"]
    return dict(frame.select("reason", "state").iter_rows())


def test_a_row_is_sent_once_and_remembers_how_the_other_side_calls_it(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail")
    assert outbox.is_waiting(START)
    assert work(outbox, {"mail": mail}, "w1", START) == ["mail: sent"]
    assert work(outbox, {"mail": mail}, "w1", START + HOUR) == []
    assert not outbox.is_waiting(START + HOUR)
    row = ledger.frames()["deliveries"].row(0, named=True)
    assert (row["state"], row["attempts"], row["sent_at"]) == ("sent", 1, START)
    (name,) = ledger.lifecycle_state(START).incidents
    assert ledger.references(["mail"]) == [("mail", name, {"id": "mail-1"})]
    assert ledger.references(["jira"]) == []
    payload = mail.sent[0].payload
    assert (payload["severity"], payload["site_ids"], payload["is_over"]) == ("major", ["s0"], False)


def test_two_workers_never_hold_the_same_row(ledger: Ledger) -> None:
    outbox = told(ledger, sites=8)
    first = outbox.lease("w1", START, limit=5)
    second = outbox.lease("w2", START, limit=5)
    assert (len(first), len(second)) == (5, 3)
    assert not {row.delivery_id for row in first} & {row.delivery_id for row in second}


def test_workers_that_race_in_threads_send_every_row_exactly_once(ledger: Ledger) -> None:
    outbox, sent, lock = told(ledger, sites=9), list[int](), threading.Lock()

    def work(name: str) -> None:
        while rows := outbox.lease(name, START, limit=2):
            with lock:
                sent.extend(row.delivery_id for row in rows)
            for row in rows:
                outbox.settle(row, Accepted(), START)

    workers = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(sent) == sorted(set(sent))
    assert len(sent) == 9


def test_what_may_heal_is_tried_again_with_growing_pauses_and_then_given_up(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", *[Retry("503")] * 9)
    now, tries = START, []
    for minute in range(60):
        now = START + minute * MINUTE
        if work(outbox, {"mail": mail}, "w1", now):
            tries.append(minute)
    assert tries == [0, 1, 3, 7]
    row = ledger.frames()["deliveries"].row(0, named=True)
    assert (row["state"], row["last_error"]) == ("dead", "given up: 503")


def test_the_other_side_s_retry_after_is_honoured(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", Retry("429", 1800))
    work(outbox, {"mail": mail}, "w1", START)
    assert work(outbox, {"mail": mail}, "w1", START + 29 * MINUTE) == []
    assert work(outbox, {"mail": mail}, "w1", START + 30 * MINUTE) == ["mail: sent"]


def test_a_pause_that_is_asked_for_holds_the_sink_for_every_process_and_every_row(ledger: Ledger) -> None:
    outbox, mail, chat = (
        told(ledger, "mail", "chat", sites=5),
        Script("mail", Retry("429", 1800)),
        Script("chat"),
    )
    first = outbox.work({"mail": mail}, "w1", lambda: START, limit=1)
    assert [one.state for one in first] == ["failed"]
    late = START + 29 * MINUTE
    with Ledger(ledger.engine.url.render_as_string(hide_password=False)) as elsewhere:
        other = Outbox(elsewhere.engine, PATIENCE)
        assert work(other, {"mail": mail}, "w2", late) == []
        assert not other.is_waiting(late, ["mail"])
        assert other.held_until("mail", late) == START + 30 * MINUTE
        assert other.held_until("chat", late) is None
    assert work(outbox, {"chat": chat}, "w1", late) == ["chat: sent"] * 5
    assert len(mail.sent) == 1
    assert work(outbox, {"mail": mail}, "w1", START + 30 * MINUTE) == ["mail: sent"] * 5
    assert outbox.held_until("mail", START + 30 * MINUTE) is None


@pytest.mark.parametrize(
    "answer", [Unknown("503", after_seconds=1800), Accepted(after_seconds=1800), Retry("503", 1800)]
)
def test_a_pause_holds_the_sink_whatever_became_of_the_row(ledger: Ledger, answer: Outcome) -> None:
    outbox, mail = told(ledger, sites=3), Script("mail", answer)
    outbox.work({"mail": mail}, "w1", lambda: START, limit=1)
    assert work(outbox, {"mail": mail}, "w1", START + 29 * MINUTE) == []
    assert len(work(outbox, {"mail": mail}, "w1", START + 30 * MINUTE)) >= 2


def test_after_a_pause_critical_incidents_go_first_with_all_that_they_wait_behind(ledger: Ledger) -> None:
    outbox, mail = told(ledger, sites=3), Script("mail", Retry("429", 60))
    outbox.work({"mail": mail}, "w1", lambda: START, limit=1)
    telling = NotificationRules(routes=[Route(name="all", sinks=("mail",))])
    worse = [finding(f"s{number}", severity="critical" if number == 2 else "major") for number in range(3)]
    ledger.record_evaluation(live(1, *worse), telling)
    work(outbox, {"mail": mail}, "w1", START + HOUR)
    order = [(delivery.payload["site_ids"], delivery.reason) for delivery in mail.sent[1:]]
    assert order[0] == (["s2"], "first")
    assert sorted(order[1:]) == [(["s0"], "first"), (["s1"], "first")]
    work(outbox, {"mail": mail}, "w1", START + HOUR)
    assert mail.sent[-1].reason == "severity_rise"


def test_the_end_of_a_critical_incident_is_not_urgent(ledger: Ledger) -> None:
    telling = NotificationRules(routes=[Route(name="all", sinks=("mail",))])
    ledger.record_evaluation(live(0, finding("s1"), finding("s2", severity="critical")), telling)
    outbox, mail = Outbox(ledger.engine, PATIENCE), Script("mail")
    work(outbox, {"mail": mail}, "w1", START)
    for incident, alerts in ledger.incidents(["open"]):
        if alerts[0].severity == "critical":
            ledger.resolve(incident.incident_id, "ada", START + MINUTE)
    ledger.notify(telling, START + MINUTE)
    ledger.record_evaluation(live(1, finding("s1"), finding("s3", severity="critical")), telling)
    work(outbox, {"mail": mail}, "w1", START + HOUR)
    assert [delivery.reason for delivery in mail.sent[2:]] == ["first", "all_resolved"]


def test_who_asks_for_pauses_all_day_is_asked_until_the_message_is_too_old(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", *[Retry("429", 1)] * 2000)
    for hours in range(24):
        assert work(outbox, {"mail": mail}, "w1", START + hours * HOUR) == ["mail: failed"]
    assert work(outbox, {"mail": mail}, "w1", START + 24 * HOUR) == ["mail: dead"]


def test_a_pause_of_our_own_is_never_much_longer_than_the_one_that_is_asked_for(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", *[Retry("429", 1)] * 9)
    tries = [minute for minute in range(9) if work(outbox, {"mail": mail}, "w1", START + minute * MINUTE)]
    assert tries == [0, 1, 3, 5, 7]


def test_what_is_refused_is_not_tried_again_until_a_person_asks(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", Refused("400: no such channel"))
    assert work(outbox, {"mail": mail}, "w1", START) == ["mail: dead"]
    assert work(outbox, {"mail": mail}, "w1", START + 20 * HOUR) == []
    assert outbox.requeue(mail.sent[0].delivery_id, START + 30 * HOUR)
    assert work(outbox, {"mail": mail}, "w1", START + 30 * HOUR) == ["mail: sent"]
    assert not outbox.requeue(mail.sent[0].delivery_id, START)


def test_a_create_that_timed_out_is_looked_up_and_never_sent_blindly_again(ledger: Ledger) -> None:
    outbox, jira = told(ledger, "jira"), Script("jira", Unknown("timeout after the request"))
    assert work(outbox, {"jira": jira}, "w1", START) == ["jira: unknown"]
    assert work(outbox, {"jira": jira}, "w1", START + MINUTE) == ["jira: sent"]
    assert (len(jira.sent), len(jira.asked)) == (1, 1)
    assert ledger.frames()["threads"]["reference"].to_list() == ['{"id": "found"}']


def test_a_look_up_that_finds_nothing_sends_again(ledger: Ledger) -> None:
    outbox = told(ledger, "jira")
    jira = Script("jira", Unknown("timeout"), looked_up=Retry("not there"))
    work(outbox, {"jira": jira}, "w1", START)
    assert work(outbox, {"jira": jira}, "w1", START + MINUTE) == ["jira: failed"]
    assert work(outbox, {"jira": jira}, "w1", START + 10 * MINUTE) == ["jira: sent"]


def test_a_worker_that_dies_while_sending_leaves_an_unknown_row(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail")
    (lost,) = outbox.lease("w1", START)
    assert work(outbox, {"mail": mail}, "w2", START + MINUTE) == []
    assert outbox.is_waiting(START + 2 * MINUTE)
    assert work(outbox, {"mail": mail}, "w2", START + 2 * MINUTE) == ["mail: sent"]
    assert (len(mail.sent), len(mail.asked)) == (0, 1)
    assert outbox.settle(lost, Accepted({"id": "late"}), START + 3 * MINUTE) is None
    assert ledger.frames()["threads"]["reference"].to_list() == ['{"id": "found"}']


def test_one_sink_failing_never_holds_up_another(ledger: Ledger) -> None:
    outbox = told(ledger, "mail", "slack")
    sinks = {"mail": Script("mail", Retry("down")), "slack": Script("slack")}
    assert work(outbox, sinks, "w1", START) == ["mail: failed", "slack: sent"]


def test_news_of_an_incident_waits_for_what_was_told_before(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", Retry("down"))
    (name,) = ledger.lifecycle_state(START).incidents
    work(outbox, {"mail": mail}, "w1", START)
    ledger.acknowledge(name, "ada", START)
    ledger.notify(RULES, START)
    assert work(outbox, {"mail": mail}, "w1", START + MINUTE / 2) == []
    assert work(outbox, {"mail": mail}, "w1", START + MINUTE) == ["mail: sent"]
    assert work(outbox, {"mail": mail}, "w1", START + MINUTE) == ["mail: sent"]
    assert [one.reason for one in mail.sent] == ["first", "first", "acknowledged"]
    assert [one.reference for one in mail.sent] == [{}, {}, {"id": "mail-2"}]


def test_rows_for_a_sink_that_nobody_serves_stay(ledger: Ledger) -> None:
    outbox = told(ledger, "pager")
    assert work(outbox, {"mail": Script("mail")}, "w1", START) == []
    assert states(ledger) == {"first": "pending"}


def test_news_older_than_a_day_is_dropped(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", Retry("down"))
    assert work(outbox, {"mail": mail}, "w1", START + 25 * HOUR) == ["mail: dead"]


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 1), (1, 1), (2, 2), (4, 8), (5, 10), (5000, 10)])
def test_pauses_double_up_to_a_limit(attempts: int, minutes: int) -> None:
    assert PATIENCE.pause(attempts) == minutes * MINUTE


def test_a_row_that_another_worker_took_over_is_not_held_any_more(ledger: Ledger) -> None:
    outbox = told(ledger)
    (row,) = outbox.lease("w1", START)
    assert outbox.holds(row)
    outbox.lease("w2", START + 3 * MINUTE)
    assert not outbox.holds(row)


def test_what_was_sent_while_it_was_withdrawn_is_known_to_be_sent(ledger: Ledger) -> None:
    outbox = told(ledger)
    (row,) = outbox.lease("w1", START)
    with ledger.engine.begin() as connection:
        connection.execute(sa.update(tables.DELIVERIES).values(state="dead", withdrawn_reason="acknowledged"))
    assert not outbox.holds(row)
    assert outbox.settle(row, Retry("503"), START) is None
    assert outbox.settle(row, Accepted(), START) == "sent"


def called(ledger: Ledger) -> tuple[Outbox, str]:
    """A call that is due, and its incident."""
    telling = NotificationRules(
        routes=[Route(name="all", sinks=("mail",), escalation="duty")],
        escalations={"duty": EscalationPolicy(steps=(EscalationStep(after_minutes=1, sink="pager"),))},
    )
    ledger.record_evaluation(live(0, finding()), telling)
    ledger.escalate(telling, START + MINUTE)
    (name,) = ledger.lifecycle_state(START).incidents
    return Outbox(ledger.engine, PATIENCE), name


@pytest.mark.parametrize("answer", [Retry("503"), Refused("not needed any more")])
def test_a_call_that_is_withdrawn_under_way_and_fails_is_over(ledger: Ledger, answer: Outcome) -> None:
    outbox, name = called(ledger)
    (row,) = outbox.lease("w1", START + MINUTE, sinks=["pager"])
    ledger.acknowledge(name, "ada", START + MINUTE)
    assert not outbox.holds(row)
    assert outbox.settle(row, answer, START + MINUTE) is None
    assert states(ledger)["escalation"] == "dead"
    assert ledger.failing_sinks(START + HOUR, timedelta(0)) == ledger.given_up() == []


def test_a_call_that_is_withdrawn_while_its_sender_is_dead_is_looked_up_and_not_sent(ledger: Ledger) -> None:
    outbox, name = called(ledger)
    outbox.lease("dead worker", START + MINUTE, sinks=["pager"])
    ledger.acknowledge(name, "ada", START + MINUTE)
    (row,) = outbox.lease("w2", START + 4 * MINUTE, sinks=["pager"])
    assert row.state == "unknown"
    assert not outbox.holds(row)
    assert outbox.settle(row, Unknown("no answer"), START + 4 * MINUTE) == "unknown"
    assert outbox.settle(row, Accepted({"open_keys": "k"}), START + 4 * MINUTE) is None
    (again,) = outbox.lease("w2", START + 9 * MINUTE, sinks=["pager"])
    assert outbox.settle(again, Accepted({"open_keys": "k"}), START + 9 * MINUTE) == "sent"
    assert ledger.references(["pager"]) == [("pager", name, {"open_keys": "k"})]


def test_what_was_withdrawn_is_sent_if_a_person_asks_for_it(ledger: Ledger) -> None:
    outbox, name = called(ledger)
    ledger.acknowledge(name, "ada", START + MINUTE)
    assert outbox.requeue(2, START + HOUR)
    (row,) = outbox.lease("w1", START + HOUR, sinks=["pager"])
    assert outbox.holds(row)


def test_a_row_behind_one_that_is_not_due_yet_wakes_nobody(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", Retry("down"))
    work(outbox, {"mail": mail}, "w1", START)
    (name,) = ledger.lifecycle_state(START).incidents
    ledger.resolve(name, "ada", START)
    ledger.notify(NotificationRules(routes=[Route(name="all", sinks=("mail",))]), START)
    assert not outbox.is_waiting(START)
    assert outbox.is_waiting(START + MINUTE)


def test_until_when_an_attempt_may_have_arrived_is_known_to_the_next_one(ledger: Ledger) -> None:
    outbox = told(ledger)
    (first,) = outbox.lease("dead worker", START)
    assert first.unsure_since is None
    (second,) = outbox.lease("w1", START + 3 * MINUTE)
    assert second.unsure_since == START + PATIENCE.lease
    # This one only looked, and found nothing out.
    outbox.settle(second, Unknown("search lags", is_older=True), START + 3 * MINUTE)
    (third,) = outbox.lease("w1", START + 30 * MINUTE)
    assert third.unsure_since == START + PATIENCE.lease
    # This one sent something, whose answer was lost.
    outbox.settle(third, Unknown("no answer"), START + 30 * MINUTE)
    (fourth,) = outbox.lease("w1", START + 2 * HOUR)
    assert fourth.unsure_since == START + 30 * MINUTE
    assert outbox.settle(fourth, Retry("503"), START + 2 * HOUR) == "dead"
    assert outbox.requeue(fourth.delivery_id, START + 3 * HOUR)
    (anew,) = outbox.lease("w1", START + 3 * HOUR)
    assert (anew.state, anew.unsure_since) == ("sending", None)


def ended(ledger: Ledger, at: datetime) -> None:
    """Somebody says that it is over, and the sinks are to hear it."""
    (name,) = ledger.lifecycle_state(START).incidents
    ledger.resolve(name, "ada", at)
    ledger.notify(RULES, at)


@pytest.mark.parametrize("answers", [[], [Retry("503")], [Retry("503"), Retry("503")]])
def test_what_was_over_before_it_could_be_sent_is_one_first_message(
    ledger: Ledger, answers: list[Outcome]
) -> None:
    outbox, mail = told(ledger), Script("mail", *answers)
    for attempt in range(len(answers)):
        work(outbox, {"mail": mail}, "w1", START + 2 * attempt * MINUTE)
    ended(ledger, START + HOUR)
    assert work(outbox, {"mail": mail}, "w1", START + 2 * HOUR) == ["mail: sent"]
    assert work(outbox, {"mail": mail}, "w1", START + 3 * HOUR) == []
    last = mail.sent[-1]
    assert (last.reason, last.payload["is_over"], last.payload["severity"]) == ("first", True, "major")
    rows = ledger.frames()["deliveries"].sort("delivery_id")
    assert list(rows.select("reason", "state").iter_rows()) == [("first", "dead"), ("first", "sent")]
    # Nobody has to do anything about the one that was left out.
    assert ledger.failing_sinks(START + 2 * HOUR, timedelta(0)) == ledger.given_up() == []


def test_news_that_could_not_be_sent_before_the_end_is_left_out_and_the_end_stays_an_end(
    ledger: Ledger,
) -> None:
    outbox, mail = told(ledger), Script("mail")
    work(outbox, {"mail": mail}, "w1", START)
    worse = [finding("s0", severity="critical")]
    ledger.record_evaluation(live(1, *worse), RULES)
    mail.answers = [Retry("503")]
    work(outbox, {"mail": mail}, "w1", START + HOUR)
    ended(ledger, START + 2 * HOUR)
    assert work(outbox, {"mail": mail}, "w1", START + 2 * HOUR) == ["mail: sent"]
    assert [row.reason for row in mail.sent] == ["first", "severity_rise", "all_resolved"]
    assert work(outbox, {"mail": mail}, "w1", START + 3 * HOUR) == []


def test_a_first_message_that_may_have_arrived_is_looked_up_before_the_end_is_sent(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", Unknown("no answer"))
    work(outbox, {"mail": mail}, "w1", START)
    ended(ledger, START + HOUR)
    for hour in (2, 3):
        work(outbox, {"mail": mail}, "w1", START + hour * HOUR)
    assert [row.reason for row in mail.asked] == ["first"]
    assert [row.reason for row in mail.sent] == ["first", "all_resolved"]


def test_an_end_withdraws_nothing_of_other_sinks_or_incidents(ledger: Ledger) -> None:
    outbox = told(ledger, "mail", "chat", sites=2)
    mail, chat = Script("mail", Retry("503"), Retry("503")), Script("chat")
    work(outbox, {"mail": mail, "chat": chat}, "w1", START)
    name = min(ledger.lifecycle_state(START).incidents)
    ledger.resolve(name, "ada", START + HOUR)
    ledger.notify(NotificationRules(routes=[Route(name="all", sinks=("mail", "chat"))]), START + HOUR)
    work(outbox, {"mail": mail, "chat": chat}, "w1", START + 2 * HOUR)
    assert [(row.reason, row.payload["is_over"]) for row in chat.sent] == [("first", False)] * 2 + [
        ("all_resolved", True)
    ]
    sent = {(row.incident_id == name, row.reason, row.payload["is_over"]) for row in mail.sent[2:]}
    assert sent == {(True, "first", True), (False, "first", False)}


ANSWERS = {
    "a": RecipientAnswer("accepted"),
    "b": RecipientAnswer("later", "450 4.2.1"),
    "c": RecipientAnswer("refused", "550"),
}


def test_what_some_recipients_have_is_tried_again_for_the_others_and_holds_up_nothing(ledger: Ledger) -> None:
    outbox = told(ledger)
    mail = Script(
        "mail",
        Partly("b later", ANSWERS, {"id": "thread"}),
        Accepted({"id": "thread"}),
        Retry("no connection"),
    )
    assert work(outbox, {"mail": mail}, "w1", START) == ["mail: partly"]
    acknowledged(ledger, START)
    assert work(outbox, {"mail": mail}, "w1", START) == ["mail: sent"]
    assert mail.sent[1].reference == {"id": "thread"}
    assert mail.sent[1].served == frozenset()
    assert work(outbox, {"mail": mail}, "w1", START + MINUTE) == ["mail: partly"]
    assert work(outbox, {"mail": mail}, "w1", START + 5 * MINUTE) == ["mail: sent"]
    assert mail.sent[-1].served == {"a", "c"}


def test_a_worker_killed_during_the_retry_leaves_who_has_it_known(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", Partly("b later", ANSWERS, {"id": "thread"}))
    work(outbox, {"mail": mail}, "w1", START)
    (killed,) = outbox.lease("w2", START + MINUTE)
    assert killed.state == "sending"
    assert work(outbox, {"mail": mail}, "w3", START + 4 * MINUTE) == ["mail: sent"]
    (asked,) = mail.asked
    assert asked.served == {"a", "c"}


def test_a_retry_for_the_rest_and_a_later_message_are_not_under_way_together(ledger: Ledger) -> None:
    outbox, mail = told(ledger), Script("mail", Partly("b later", ANSWERS, {"id": "thread"}))
    work(outbox, {"mail": mail}, "w1", START)
    acknowledged(ledger, START)
    (follower,) = outbox.lease("w1", START, limit=1)
    assert outbox.lease("w2", START + MINUTE) == []
    outbox.settle(follower, Accepted({"id": "thread"}), START + MINUTE)
    assert len(outbox.lease("w2", START + MINUTE)) == 1


def test_the_rest_is_given_up_like_any_message_and_can_be_asked_for_again(ledger: Ledger) -> None:
    outbox = told(ledger)
    mail = Script("mail", *[Partly("b later", ANSWERS, {"id": "thread"})] * 4)
    for number in range(4):
        work(outbox, {"mail": mail}, "w1", START + number * HOUR)
    (dead,) = ledger.given_up()
    assert dead.last_error == "given up: b later"
    assert outbox.requeue(dead.delivery_id, START + 5 * HOUR)
    assert work(outbox, {"mail": mail}, "w1", START + 5 * HOUR) == ["mail: sent"]
    assert mail.sent[-1].served == {"a", "c"}


def test_who_was_not_reached_is_known_until_a_message_reaches_him(ledger: Ledger) -> None:
    outbox = told(ledger)
    mail = Script("mail", Partly("b later", ANSWERS, {"id": "thread"}))
    work(outbox, {"mail": mail}, "w1", START)
    assert [(one.recipient, one.said, one.is_final) for one in ledger.unreached()] == [
        ("b", "450 4.2.1", False),
        ("c", "550", True),
    ]
    mail.answers = [Accepted(answers={"b": RecipientAnswer("accepted")})]
    work(outbox, {"mail": mail}, "w1", START + MINUTE)
    assert [one.recipient for one in ledger.unreached()] == ["c"]
    ledger.send_test(["mail"], "info", START + HOUR)
    mail.answers = [
        Accepted(answers={"b": RecipientAnswer("refused", "550"), "c": RecipientAnswer("accepted")})
    ]
    work(outbox, {"mail": mail}, "w1", START + HOUR)
    assert ledger.unreached() == []


def acknowledged(ledger: Ledger, at: datetime) -> None:
    """Somebody takes the incident, which the sinks are notified of."""
    (name,) = ledger.lifecycle_state(at).incidents
    ledger.acknowledge(name, "ada", at)
    ledger.notify(NotificationRules(routes=[Route(name="all", sinks=("mail",))]), at)
