"""A clock that was wrong silences nobody: neither one that was ahead, by hours or by a year, nor one that stands back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationStore
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.ledger.pending import PendingResult, evaluate_pending, postpone_future
from mist_pipeline.alerts.ledger.times.ahead import TOLERANCE
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.notify.outcome import Accepted, Retry
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.support.alerts.histories import HOUR, START, daily, finding, live
from mist_pipeline_tests.support.alerts.ledgers import EVIDENCE, MINUTE, PAGED, TELL, outbox_rows

JUMPS = pytest.mark.parametrize("jump", [3, 365 * 24], ids=["hours ahead", "a year ahead"])
OTHER = finding("s2")


@pytest.fixture
def kept(tmp_path: Path) -> EvaluationStore:
    return EvaluationStore(FolderStore(tmp_path / "evaluations"))


def job(
    ledger: Ledger, kept: EvaluationStore, now: datetime, rules: NotificationRules = TELL
) -> PendingResult:
    """What the job of alerts does."""
    if ledger.ahead(now):
        ledger.set_back_clock(now)
    postpone_future(ledger, kept, now)
    return evaluate_pending(ledger, kept, rules, now)


def look(
    ledger: Ledger, kept: EvaluationStore, evaluation: EvaluationInput, rules: NotificationRules = TELL
) -> PendingResult:
    """A poll, and the job right behind it by the same clock."""
    kept.keep(evaluation)
    return job(ledger, kept, evaluation.as_of, rules)


@JUMPS
def test_trouble_after_a_clock_was_ahead_is_told_at_once(
    ledger: Ledger, kept: EvaluationStore, jump: int
) -> None:
    look(ledger, kept, live(0, EVIDENCE))
    look(ledger, kept, live(jump, EVIDENCE))
    result = look(ledger, kept, live(0.25, EVIDENCE, OTHER))
    assert [(one.sink, one.site_ids) for one in result.recorded.notifications] == [("mail", ("s2",))]
    assert result.recorded.notifications[0].reason == "first"
    assert Outbox(ledger.engine).is_waiting(START + HOUR / 4)
    assert ledger.ahead(START + HOUR / 4) is None


@pytest.mark.slow
@JUMPS
def test_a_recovery_after_a_clock_was_ahead_takes_as_long_as_ever(
    ledger: Ledger, kept: EvaluationStore, jump: int
) -> None:
    look(ledger, kept, live(jump, EVIDENCE))
    quiet = [look(ledger, kept, live(hour)) for hour in range(1, 15)]
    (ended,) = [
        hour
        for hour, one in enumerate(quiet, start=1)
        for event in one.events
        if (event.subject, event.kind) == ("alert", "resolved")
    ]
    assert ended == 13, "twelve quiet hours after the first look by a right clock"


@pytest.mark.slow
@JUMPS
def test_an_escalation_that_began_ahead_calls_in_time(
    ledger: Ledger, kept: EvaluationStore, jump: int
) -> None:
    look(ledger, kept, live(jump, EVIDENCE), PAGED)
    now = START + HOUR
    look(ledger, kept, live(1, EVIDENCE), PAGED)
    assert ledger.escalate(PAGED, now + 14 * MINUTE) == []
    assert [one.detail for one in ledger.escalate(PAGED, now + 15 * MINUTE)] == ["ada"]
    assert [one.detail for one in ledger.escalate(PAGED, now + 30 * MINUTE)] == ["bob"]


def put_off(outbox: Outbox, future: datetime) -> None:
    (row,) = outbox.lease("worker", future)
    outbox.settle(row, Retry("busy"), future)


def hold(outbox: Outbox, future: datetime) -> None:
    (row,) = outbox.lease("worker", future)
    outbox.settle(row, Retry("busy", 7200.0), future)


def die(outbox: Outbox, future: datetime) -> None:
    outbox.lease("worker", future)


@pytest.mark.slow
@JUMPS
@pytest.mark.parametrize("happen", [put_off, hold, die])
def test_a_message_that_was_tried_while_the_clock_was_ahead_is_sent_now(
    ledger: Ledger, kept: EvaluationStore, jump: int, happen: Callable[[Outbox, datetime], None]
) -> None:
    look(ledger, kept, live(0, EVIDENCE))
    outbox = Outbox(ledger.engine)
    happen(outbox, START + jump * HOUR)
    now = START + HOUR
    assert not outbox.is_waiting(now)
    look(ledger, kept, live(jump))
    job(ledger, kept, now)
    assert outbox.is_waiting(now)
    (row,) = outbox.lease("another", now)
    assert outbox.settle(row, Accepted({}), now) == "sent"


def test_a_lease_of_a_time_that_has_not_come_is_a_sign_by_itself(ledger: Ledger) -> None:
    ledger.record_evaluation(live(0, EVIDENCE), TELL)
    die(Outbox(ledger.engine), START + 3 * HOUR)
    assert ledger.ahead(START + MINUTE) is not None
    ledger.set_back_clock(START + MINUTE)
    assert ledger.ahead(START + MINUTE) is None
    assert Outbox(ledger.engine).is_waiting(START + MINUTE)


def test_a_clock_that_stands_back_silences_nobody(ledger: Ledger, kept: EvaluationStore) -> None:
    look(ledger, kept, live(10, EVIDENCE))
    back = look(ledger, kept, live(7, EVIDENCE, OTHER))
    assert [one.site_ids for one in back.recorded.notifications] == [("s2",)]
    right = look(ledger, kept, live(10.5, EVIDENCE, OTHER, finding("s3")))
    assert [one.site_ids for one in right.recorded.notifications] == [("s3",)]


def test_what_was_kept_of_a_time_that_has_not_come_is_set_aside_and_known(
    ledger: Ledger, kept: EvaluationStore
) -> None:
    look(ledger, kept, live(0, EVIDENCE))
    future = kept.keep(live(24 * 365, OTHER))
    kept.keep(live(1, EVIDENCE))
    result = job(ledger, kept, START + HOUR)
    assert [name.as_of for name in result.names] == [START + HOUR]
    assert kept.postponed_since(START) == [future.text]
    assert kept.postponed_since(START + 48 * HOUR) == []
    assert future not in kept.names()


def test_a_moment_ahead_is_no_wrong_clock(ledger: Ledger, kept: EvaluationStore) -> None:
    kept.keep(live(0, EVIDENCE))
    result = job(ledger, kept, START - TOLERANCE)
    assert len(result.names) == 1
    assert ledger.ahead(START - TOLERANCE) is None
    assert ledger.ahead(START - TOLERANCE - timedelta(seconds=1)) is not None


def test_a_ledger_whose_times_are_right_is_left_as_it_is(ledger: Ledger, kept: EvaluationStore) -> None:
    look(ledger, kept, live(0, EVIDENCE, finding("s2", severity="warning")), PAGED)
    look(ledger, kept, daily(3, finding("s4"), covers_from=START - 24 * HOUR), PAGED)
    now = START + 3 * HOUR
    assert ledger.ahead(now) is None
    before = {name: frame.rows() for name, frame in ledger.frames().items()}
    ledger.set_back_clock(now)
    assert {name: frame.rows() for name, frame in ledger.frames().items()} == before
    assert outbox_rows(ledger)


def test_steps_that_expired_by_a_wrong_clock_are_called(ledger: Ledger, kept: EvaluationStore) -> None:
    look(ledger, kept, live(0, EVIDENCE), PAGED)
    assert ledger.escalate(PAGED, START + 365 * 24 * HOUR) == []
    kept.keep(live(365 * 24))
    look(ledger, kept, live(365 * 24, EVIDENCE), PAGED)
    job(ledger, kept, START + 16 * MINUTE, PAGED)
    assert [one.detail for one in ledger.escalate(PAGED, START + 16 * MINUTE)] == ["ada"]


@pytest.mark.slow
@JUMPS
def test_an_incident_that_asked_twice_while_the_clock_was_ahead_keeps_both_escalations(
    ledger: Ledger, kept: EvaluationStore, jump: int
) -> None:
    look(ledger, kept, live(jump, EVIDENCE), PAGED)
    name = next(iter(ledger.lifecycle_state(START + jump * HOUR).incidents))
    ledger.acknowledge(name, "ada", START + jump * HOUR + MINUTE)
    look(ledger, kept, live(jump + 1, finding(severity="critical")), PAGED)
    job(ledger, kept, START + HOUR, PAGED)
    called = [one.detail for one in ledger.escalate(PAGED, START + HOUR + 16 * MINUTE)]
    assert called == ["ada"]
