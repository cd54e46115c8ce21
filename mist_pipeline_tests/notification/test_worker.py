"""The worker: every sink by itself, every row once and in its order, and a defect of ours hurts nobody else's row."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

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
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.http_client.secrets import Secret, Secrets
from mist_pipeline.notification.builder import compose
from mist_pipeline.notification.message_context import Subject, Surroundings
from mist_pipeline.notification.worker import MOST_FAILURES, SinksFailedError, Worker
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live

pytestmark = pytest.mark.slow

MINUTE = timedelta(minutes=1)
PATIENCE = Patience(lease=2 * MINUTE, first_pause=MINUTE, longest_pause=10 * MINUTE, max_attempts=4)


class Recorder:
    """A sink that remembers what it was given, and answers what it is told to."""

    def __init__(
        self,
        name: str,
        *answers: Outcome | Exception,
        found: Outcome | Exception | None = None,
        before: Callable[[Message], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.sent: list[Message] = []
        self.looked_up: list[Message] = []
        self._answers = list(answers)
        self._found = found or Accepted({"id": "found"})
        self._before = before

    def problem_with(self, recipient: str) -> str | None:
        return None

    def send(self, message: Message) -> Outcome:
        self._before(message)
        self.sent.append(message)
        return self._answered(self._answers.pop(0) if self._answers else Accepted({"id": self.name}))

    def recover(self, message: Message) -> Outcome:
        self.looked_up.append(message)
        return self._answered(self._found)

    @staticmethod
    def _answered(answer: Outcome | Exception) -> Outcome:
        if isinstance(answer, Exception):
            raise answer
        return answer


class Office:
    """A ledger, and workers that send from it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.outbox = Outbox(ledger.engine, PATIENCE)
        self.now = START

    def tells(self, *sinks: str, sites: int = 1, hour: float = 0) -> None:
        """Trouble at some sites, told to these sinks."""
        rows = [finding(f"s{number}", severity="critical") for number in range(sites)]
        telling = NotificationRules(routes=[Route(name="all", sinks=sinks, group_interval_minutes=0)])
        self.ledger.record_evaluation(live(hour, *rows), telling)
        self.now = START + hour * HOUR

    def message(self, delivery: Delivery) -> Message:
        incident, alerts, _ = self.ledger.incident(delivery.incident_id)
        return compose(delivery, {incident.incident_id: Subject(incident, tuple(alerts))}, Surroundings())

    def worker(
        self,
        *sinks: Sink,
        name: str = "w1",
        prepare: Callable[[Delivery], Message] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Worker:
        by_name = {sink.name: sink for sink in sinks}
        return Worker(self.outbox, by_name, prepare or self.message, clock or (lambda: self.now), name)

    def states(self) -> list[tuple[str, str]]:
        frame = self.ledger.frames()["deliveries"].sort("delivery_id")
        return list(frame.select("sink", "state").iter_rows())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of the current version, to copy."""
    path = tmp_path_factory.mktemp("ledger") / "empty.db"
    Ledger(path).close()
    return path


@pytest.fixture
def office(empty: Path, tmp_path: Path) -> Iterator[Office]:
    with Ledger(shutil.copy(empty, tmp_path / "ledger.db")) as ledger:
        yield Office(ledger)


def incidents_of(messages: Sequence[Message]) -> list[str]:
    return [message.incident.incident_id for message in messages]


def test_every_sink_gets_what_is_due_for_it_and_the_report_is_in_order(office: Office) -> None:
    office.tells("chat", "mail", sites=2)
    chat, mail = Recorder("chat"), Recorder("mail")
    done = office.worker(mail, chat).run()
    assert [(one.delivery.sink, one.state) for one in done] == [("chat", "sent")] * 2 + [("mail", "sent")] * 2
    numbers = [one.delivery.delivery_id for one in done]
    assert numbers == sorted(numbers[:2]) + sorted(numbers[2:])
    assert len(chat.sent) == len(mail.sent) == 2
    assert office.worker(mail, chat).run() == []


def test_only_the_sinks_that_are_named_are_served_and_rows_of_unknown_ones_wait(office: Office) -> None:
    office.tells("chat", "mail", "gone")
    chat, mail = Recorder("chat"), Recorder("mail")
    office.worker(chat, mail).run(["mail", "gone"])
    assert office.states() == [("chat", "pending"), ("mail", "sent"), ("gone", "pending")]
    assert office.worker(chat, mail).run([]) == []
    assert Worker(office.outbox, {}, office.message).run() == []


def test_a_sink_that_hangs_holds_up_no_other(office: Office) -> None:
    office.tells("slow", "quick", sites=2)
    is_quick_done = threading.Event()
    slow = Recorder("slow", before=lambda _: office_waits(is_quick_done))
    quick = Recorder("quick", before=lambda _: is_quick_done.set() if len(quick.sent) == 1 else None)
    done = office.worker(slow, quick).run()
    assert {one.state for one in done} == {"sent"}
    assert len(done) == 4


def office_waits(for_it: threading.Event) -> None:
    # Were the sinks served one after another, this would never be set.
    assert for_it.wait(30)


@pytest.mark.parametrize("broken", [RuntimeError("boom"), KeyError("boom"), AssertionError()])
def test_a_sink_that_raises_is_told_and_its_row_is_looked_up_before_it_is_sent_again(
    office: Office, broken: Exception
) -> None:
    office.tells("mad", "mail")
    mad, mail = Recorder("mad", broken), Recorder("mail")
    with pytest.raises(SinksFailedError, match=rf"mad: {type(broken).__name__}") as caught:
        office.worker(mad, mail).run()
    assert caught.value.__cause__ is broken
    assert [(one.delivery.sink, one.state) for one in caught.value.done] == [
        ("mad", "unknown"),
        ("mail", "sent"),
    ]
    office.now += 2 * MINUTE
    assert [one.state for one in office.worker(mad, mail).run()] == ["sent"]
    assert (len(mad.sent), len(mad.looked_up)) == (1, 1)


def test_what_breaks_one_row_of_a_sink_leaves_the_others_alone(office: Office) -> None:
    office.tells("mail", sites=3)
    mail = Recorder("mail", ValueError("one only"))
    with pytest.raises(SinksFailedError):
        office.worker(mail).run()
    assert [state for _, state in office.states()] == ["unknown", "sent", "sent"]


def test_a_message_that_cannot_be_made_is_tried_again_and_given_up_and_its_text_says_no_more_than_its_kind(
    office: Office,
) -> None:
    office.tells("mail", "chat")
    mail, chat = Recorder("mail"), Recorder("chat")

    def defective(delivery: Delivery) -> Message:
        if delivery.sink == "mail":
            raise LookupError("token=very-secret")
        return office.message(delivery)

    seen = []
    for _ in range(PATIENCE.max_attempts):
        with pytest.raises(SinksFailedError, match="mail: LookupError") as caught:
            office.worker(mail, chat, prepare=defective).run()
        seen += [(one.delivery.sink, one.state) for one in caught.value.done]
        office.now += HOUR
    assert seen == [("chat", "sent"), *[("mail", "failed")] * 3, ("mail", "dead")]
    assert mail.sent == []
    rows = office.ledger.frames()["deliveries"]
    error = rows.filter(sink="mail")["last_error"].item()
    assert "LookupError" in error
    assert "secret" not in error
    assert office.worker(mail, chat).run() == []


def test_a_row_of_unknown_fate_whose_message_cannot_be_made_is_not_sent_as_if_it_were_new(
    office: Office,
) -> None:
    office.tells("mail")
    mail = Recorder("mail", Unknown("timeout"))
    office.worker(mail).run()
    office.now += HOUR

    def defective(_: Delivery) -> Message:
        raise LookupError

    with pytest.raises(SinksFailedError):
        office.worker(mail, prepare=defective).run()
    assert office.states() == [("mail", "unknown")]
    office.now += HOUR
    office.worker(mail).run()
    assert (len(mail.sent), len(mail.looked_up)) == (1, 1)
    assert office.states() == [("mail", "sent")]


def test_a_lookup_that_raises_leaves_the_row_unknown(office: Office) -> None:
    office.tells("mail")
    mail = Recorder("mail", Unknown("timeout"), found=RuntimeError("boom"))
    office.worker(mail).run()
    office.now += HOUR
    with pytest.raises(SinksFailedError):
        office.worker(mail).run()
    assert office.states() == [("mail", "unknown")]


def test_a_row_of_a_worker_that_died_is_looked_up_once_its_lease_is_over(office: Office) -> None:
    office.tells("mail")
    assert len(office.outbox.lease("dead worker", START)) == 1
    mail = Recorder("mail")
    assert office.worker(mail).run() == []
    office.now += 2 * MINUTE
    assert [one.state for one in office.worker(mail).run()] == ["sent"]
    assert (len(mail.sent), len(mail.looked_up)) == (0, 1)


def test_a_step_that_nobody_needs_any_more_is_not_sent_though_it_was_leased(office: Office) -> None:
    steps = (EscalationStep(after_minutes=15, sink="pager", to="ada"),)
    telling = NotificationRules(
        routes=[Route(name="all", sinks=("chat",), escalation="duty")],
        escalations={"duty": EscalationPolicy(steps=steps)},
    )
    office.ledger.record_evaluation(live(0, finding()), telling)
    office.ledger.escalate(telling, START + HOUR)
    office.now = START + HOUR

    def taken_meanwhile(delivery: Delivery) -> Message:
        made = office.message(delivery)
        if delivery.reason == "escalation":
            office.ledger.acknowledge(delivery.incident_id, "ada", office.now)
        return made

    chat, pager = Recorder("chat"), Recorder("pager")
    done = office.worker(chat, pager, prepare=taken_meanwhile).run()
    assert {one.delivery.sink: one.state for one in done} == {"chat": "sent", "pager": None}
    assert pager.sent == []
    assert dict(office.states()) == {"chat": "sent", "pager": "dead"}
    assert office.ledger.failing_sinks(office.now, timedelta(0)) == []


class Pager(Recorder):
    """One that rings until it is told to stop."""

    def reclaim(self, message: Message) -> Accepted:
        return Accepted({"key": message.incident.incident_id})


@pytest.mark.parametrize(("pager", "state"), [(Recorder("pager"), "dead"), (Pager("pager"), "sent")])
def test_a_call_that_may_ring_and_nobody_needs_is_not_made_again_but_can_be_stopped(
    office: Office, pager: Recorder, state: str
) -> None:
    steps = (EscalationStep(after_minutes=15, sink="pager", to="ada"),)
    telling = NotificationRules(
        routes=[Route(name="all", sinks=("chat",), escalation="duty")],
        escalations={"duty": EscalationPolicy(steps=steps)},
    )
    office.ledger.record_evaluation(live(0, finding()), telling)
    (called,) = office.ledger.escalate(telling, START + HOUR)
    office.outbox.lease("dead worker", START + HOUR, sinks=["pager"])
    office.ledger.acknowledge(called.incident_id, "ada", START + HOUR)
    office.now = START + 2 * HOUR
    office.worker(pager).run()
    assert (pager.sent, pager.looked_up) == ([], [])
    assert dict(office.states())["pager"] == state
    known = office.ledger.references(["pager"])
    assert known == ([("pager", called.incident_id, {"key": called.incident_id})] if state == "sent" else [])


def test_a_row_that_another_worker_has_by_now_is_left_to_it(office: Office) -> None:
    office.tells("mail")

    def slow(delivery: Delivery) -> Message:
        # It takes so long to make the message that the lease runs out and another worker looks the row up.
        later = office.now + PATIENCE.lease
        assert len(office.outbox.lease("other", later)) == 1
        return office.message(delivery)

    mail = Recorder("mail")
    (done,) = office.worker(mail, prepare=slow).run()
    assert (done.state, mail.sent) == (None, [])


def test_a_pause_that_another_process_heard_of_meanwhile_is_kept(office: Office) -> None:
    office.tells("mail", sites=2)

    def slow(delivery: Delivery) -> Message:
        # While the message is made, the other row is sent by another worker, and the receiver asks for a pause.
        office.outbox.work({"mail": lambda _row: Retry("429", 1800)}, "other", lambda: office.now, limit=1)
        return office.message(delivery)

    mail = Recorder("mail")
    (done,) = office.worker(mail, prepare=slow).run()
    assert isinstance(done.outcome, Retry)
    assert "mail wants nothing before" in done.outcome.error
    assert mail.sent == []
    office.now += timedelta(minutes=29)
    assert office.worker(mail).run() == []
    office.now += timedelta(minutes=1)
    office.worker(mail).run()
    assert len(mail.sent) == 2


def test_many_workers_never_send_one_row_twice(office: Office) -> None:
    sites = 9  # from ten on it is a storm, and one incident
    office.tells("chat", "mail", sites=sites)
    chat, mail = Recorder("chat"), Recorder("mail")
    # Of one name, since two runs of one process have one: it is the row that must not be had twice.
    workers = [office.worker(chat, mail, name=f"w{number % 2}") for number in range(3)]
    threads = [threading.Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for sink in (chat, mail):
        told = incidents_of(sink.sent)
        assert len(told) == len(set(told)) == sites
        assert sink.looked_up == []
    assert set(office.states()) == {("chat", "sent"), ("mail", "sent")}


def test_what_is_told_of_one_incident_arrives_in_its_order_and_a_stuck_one_holds_up_no_other(
    office: Office,
) -> None:
    office.tells("mail", sites=2)
    first, second = sorted(office.ledger.lifecycle_state(START).incidents)
    worse = [finding("s0", severity="critical"), finding("s1", severity="critical")]
    for name in (first, second):
        office.ledger.acknowledge(name, "ada", START + MINUTE)
    office.ledger.record_evaluation(
        live(0.25, *worse), NotificationRules(routes=[Route(name="all", sinks=("mail",))])
    )
    office.now = START + HOUR / 4
    mail = Recorder("mail", Retry("503"))
    office.worker(mail).run()
    stuck = mail.sent[0].incident.incident_id
    other = second if stuck == first else first
    assert incidents_of(mail.sent) == [stuck, other, other]
    office.now += 2 * MINUTE
    office.worker(mail).run()
    told = [
        (message.reason, message.sequence) for message in mail.sent if message.incident.incident_id == stuck
    ]
    assert told == [("first", 1), ("first", 1), ("acknowledged", 2)]
    assert [message.attempt for message in mail.sent[-2:]] == [2, 1]


def test_what_a_sink_calls_an_incident_is_given_to_it_with_the_next_message(office: Office) -> None:
    office.tells("mail")
    (name,) = office.ledger.lifecycle_state(START).incidents
    office.ledger.acknowledge(name, "ada", START)
    office.ledger.notify(NotificationRules(routes=[Route(name="all", sinks=("mail",))]), START)
    mail = Recorder("mail", Accepted({"thread": "17"}))
    office.worker(mail).run()
    assert [dict(message.reference) for message in mail.sent] == [{}, {"thread": "17"}]


@pytest.mark.parametrize("answer", [Retry("503"), Unknown("timeout")])
def test_a_sink_that_does_not_answer_is_left_alone_for_this_time_and_the_next_run_begins_behind_it(
    office: Office, answer: Outcome
) -> None:
    office.tells("mail", "chat", sites=8)
    mail, chat = Recorder("mail", *[answer] * MOST_FAILURES), Recorder("chat")
    done = office.worker(mail, chat).run()
    assert len(mail.sent) == MOST_FAILURES
    assert [one.state for one in done if one.delivery.sink == "chat"] == ["sent"] * 8
    office.worker(mail, chat).run()
    assert len(mail.sent) == 8
    assert len(set(incidents_of(mail.sent))) == 8
    office.now += HOUR
    office.worker(mail, chat).run()
    assert set(office.states()) == {("mail", "sent"), ("chat", "sent")}


def test_failures_between_answers_do_not_add_up(office: Office) -> None:
    office.tells("mail", sites=8)
    answers: list[Outcome] = [
        *(Retry("503"), Retry("503"), Refused("no")),
        *(Retry("503"), Retry("503"), Accepted()),
    ]
    mail = Recorder("mail", *answers)
    office.worker(mail).run()
    assert len(mail.sent) == 8


def test_a_worker_takes_no_further_rows_when_its_time_is_over(office: Office) -> None:
    office.tells("mail", sites=5)

    def takes_its_time(_: Message) -> None:
        office.now += 1.5 * MINUTE

    mail = Recorder("mail", before=takes_its_time)
    assert len(office.worker(mail).run()) == 3
    assert len(office.worker(mail).run()) == 2


def test_a_ledger_that_breaks_is_told_with_what_was_sent_before(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.tells("mail", sites=2)
    lease, leased = Outbox.lease, list[str]()

    def once(self: Outbox, worker: str, now: datetime, **more: object) -> list[Delivery]:
        leased.append(worker)
        if len(leased) > 1:
            raise OSError("disk full")
        return lease(self, worker, now, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Outbox, "lease", once)
    with pytest.raises(SinksFailedError, match="mail: OSError: disk full") as caught:
        office.worker(Recorder("mail")).run()
    assert [one.state for one in caught.value.done] == ["sent"]


def test_a_worker_bears_the_name_of_the_process_that_made_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 4711)
    made = Worker(office.outbox, {}, office.message)
    monkeypatch.setattr(os, "getpid", lambda: 4712)
    forked = Worker(office.outbox, {}, office.message)
    assert made.name.endswith(":4711")
    assert forked.name.endswith(":4712")
    assert replace(made, name="mine").name == "mine"


@pytest.mark.parametrize("outcome", [Retry, Unknown, Refused, lambda text: Accepted(note=text)])
def test_a_secret_that_a_sink_lets_through_is_neither_kept_nor_handed_on(
    office: Office, outcome: Callable[[str], Outcome]
) -> None:
    office.tells("chat")
    said = outcome("500: Authorization: Basic bWU6czNjcmV0LW9mLWppcmE= is wrong")
    worker = replace(office.worker(Recorder("chat", said)), secrets=Secrets([Secret("s3cret-of-jira")]))
    worker.run()
    kept = str(office.ledger.frames()["deliveries"].to_dicts())
    assert "500: Authorization: Basic *** is wrong" in kept or not hasattr(said, "error")
    assert "bWU6" not in kept


def test_a_secret_in_what_is_said_of_one_recipient_is_not_kept(office: Office) -> None:
    office.tells("chat")
    answers = {
        "a@example.com": RecipientAnswer("later", "450 s3cret-of-jira"),
        "b@example.com": RecipientAnswer("accepted"),
    }
    worker = replace(
        office.worker(Recorder("chat", Partly("450 s3cret-of-jira", answers))),
        secrets=Secrets([Secret("s3cret-of-jira")]),
    )
    (done,) = worker.run()
    assert "s3cret" not in repr(done.outcome)
    assert "s3cret" not in str({name: frame.to_dicts() for name, frame in office.ledger.frames().items()})


def test_a_defect_is_told_without_secrets(office: Office) -> None:
    office.tells("chat")
    broken = Recorder("chat", ValueError("cannot use s3cret-of-jira"))
    worker = replace(office.worker(broken), secrets=Secrets([Secret("s3cret-of-jira")]))
    with pytest.raises(SinksFailedError, match=r"chat: ValueError: cannot use \*\*\*$"):
        worker.run()
