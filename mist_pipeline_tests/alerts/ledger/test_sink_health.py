"""Sinks that fail: told after minutes, from what the outbox holds, and over when they accept again."""

from datetime import timedelta

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.ledger.sink_health import FailingSink
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.notify.outcome import Accepted, Delivery, Outcome, Refused, Retry, Unknown
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline_tests.support.alerts.histories import START, finding, findings, live
from mist_pipeline_tests.support.alerts.ledgers import MINUTE, incident_id

PATIENCE = 10 * MINUTE
BOTH = NotificationRules(routes=[Route(name="all", sinks=("chat", "mail"))])


def told(ledger: Ledger, *sites: str, minute: float = 0) -> None:
    rows = [finding(site) for site in sites or ("s1",)]
    ledger.record_evaluation(live(minute / 60, *rows), BOTH)


def send(ledger: Ledger, minute: float, **answers: Outcome) -> None:
    """Every sink is served once around and answers the same to all."""

    def answered(delivery: Delivery) -> Outcome:
        return answers.get(delivery.sink, Accepted())

    outbox = Outbox(ledger.engine)
    outbox.work({"chat": answered, "mail": answered}, "w", lambda: START + minute * MINUTE)


def failing(ledger: Ledger, minute: float, **more: bool) -> list[FailingSink]:
    return ledger.failing_sinks(START + minute * MINUTE, PATIENCE, **more)


@pytest.mark.parametrize("answer", [Retry("503"), Unknown("timed out"), Retry("429", 3600)])
def test_a_sink_fails_once_a_message_waits_for_longer_than_patience_lasts(
    ledger: Ledger, answer: Outcome
) -> None:
    told(ledger)
    send(ledger, 0, chat=answer)
    assert failing(ledger, 9.9) == []
    (one,) = failing(ledger, 10)
    assert one == FailingSink(sink="chat", since=START, error=answer.error, waiting=1)  # type: ignore[union-attr]
    send(ledger, 61)
    assert failing(ledger, 62) == []


def test_many_messages_of_one_sink_are_one_trouble_that_counts_them(ledger: Ledger) -> None:
    told(ledger, "s1", "s2", "s3")
    send(ledger, 0, chat=Retry("503"), mail=Retry("421"))
    assert [(one.sink, one.waiting) for one in failing(ledger, 11)] == [("chat", 3), ("mail", 3)]


def test_one_message_that_is_stuck_while_others_arrive_is_told_as_that(ledger: Ledger) -> None:
    told(ledger, "s1", "s2")

    def answered(delivery: Delivery) -> Outcome:
        is_stuck = delivery.payload["site_ids"] == ["s1"]
        return Retry("the message could not be made") if is_stuck else Accepted()

    Outbox(ledger.engine).work({"chat": answered}, "w", lambda: START + MINUTE)
    send(ledger, 1, chat=Retry("503"))
    (one,) = failing(ledger, 12)
    assert (one.since, one.waiting, one.accepts_others) == (START, 1, True)


def test_a_refused_message_is_told_at_once_until_another_is_accepted(ledger: Ledger) -> None:
    told(ledger)
    send(ledger, 0, chat=Refused("404: no such channel"))
    (one,) = failing(ledger, 0)
    assert one == FailingSink(sink="chat", since=START, error="404: no such channel")
    told(ledger, "s1", "s2", minute=5)
    send(ledger, 5)
    assert failing(ledger, 6) == []


def test_what_was_decided_just_before_everything_stopped_has_its_run_first(ledger: Ledger) -> None:
    told(ledger)
    assert failing(ledger, 180) == []
    assert [(one.sink, one.error) for one in failing(ledger, 180, untried=True)] == [
        ("chat", ""),
        ("mail", ""),
    ]
    # A later evaluation had a run that should have sent it.
    ledger.record_evaluation(
        EvaluationInput(as_of=START + 20 * MINUTE, source="pipeline", findings=findings()), BOTH
    )
    assert [one.sink for one in failing(ledger, 180)] == ["chat", "mail"]


def test_tests_and_what_is_withdrawn_are_no_trouble(ledger: Ledger) -> None:
    ledger.send_test(["chat"], "info", START)
    send(ledger, 0, chat=Refused("404"))
    ledger.send_test(["mail"], "info", START)
    send(ledger, 1, mail=Retry("503"))
    assert failing(ledger, 60, untried=True) == []


def test_an_empty_ledger_has_no_sink_that_fails(ledger: Ledger) -> None:
    assert failing(ledger, 0, untried=True) == []
    told(ledger)
    send(ledger, 0)
    ledger.resolve(incident_id(ledger), "ada", START + timedelta(hours=1))
    assert failing(ledger, 60, untried=True) == []
