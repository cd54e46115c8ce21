"""Kept looks: the same step comes back, nothing is lost when somebody dies, nothing is evaluated twice."""

import errno
import os
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mist_pipeline.alerts.ledger.evaluation_store import MOST_TRIES, EvaluationStore
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.pending import evaluate_pending, pending_evaluations
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.support.alerts.histories import HOUR, START, daily, finding, findings, live, reading

TELL = NotificationRules(routes=[Route(name="all", sinks=("mail",))])
NONE = findings()
MINUTE = HOUR / 60


@pytest.fixture
def kept(tmp_path: Path) -> EvaluationStore:
    return EvaluationStore(FolderStore(tmp_path / "evaluations"))


def full() -> EvaluationInput:
    return live(
        0,
        finding(),
        readings=reading("ok"),
        support=findings([finding()]).select("site_id", "family"),
        causes=pl.DataFrame({"scope": ["site"], "site_ids": [["a", "b"]]}),
        site_count=7,
    )


@pytest.mark.parametrize("step", [full(), live(0.25), daily(3, finding(), covers_from=START)])
def test_a_step_comes_back_as_it_was_kept(kept: EvaluationStore, step: EvaluationInput) -> None:
    (name,) = [kept.keep(step)]
    back = kept.load(name)
    assert (back.as_of, back.source, back.covers_from, back.site_count) == (
        step.as_of,
        step.source,
        step.covers_from,
        step.site_count,
    )
    for frame in ("findings", "readings", "support", "causes"):
        ours, theirs = getattr(step, frame), getattr(back, frame)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert_frame_equal(ours, theirs)


def test_a_look_that_is_kept_again_stays_as_it_was(kept: EvaluationStore) -> None:
    first = kept.keep(live(0, finding()))
    assert kept.keep(live(0)) == first
    assert kept.load(first).findings.height == 1


def test_what_was_interrupted_while_it_was_written_is_no_look(kept: EvaluationStore, tmp_path: Path) -> None:
    name = kept.keep(live(0))
    place = next((tmp_path / "evaluations").glob("*/*"))
    place.rename(place.with_name(f".{place.name}.123.unfinished"))
    assert kept.names() == []
    assert kept.keep(live(0)) == name


def test_names_come_in_order_of_time_and_from_an_instant_on(kept: EvaluationStore) -> None:
    for hour in (30.0, 0.25, 2.0):
        kept.keep(live(hour))
    assert [name.as_of - START for name in kept.names()] == [HOUR / 4, 2 * HOUR, 30 * HOUR]
    assert [name.as_of - START for name in kept.names(START + 2 * HOUR)] == [2 * HOUR, 30 * HOUR]


def test_whole_days_are_removed_once_they_are_old(kept: EvaluationStore) -> None:
    for hour in (0, 1, 24, 48):
        kept.keep(live(hour))
    assert kept.remove_before(START + 47 * HOUR) == 2
    assert [name.as_of - START for name in kept.names()] == [24 * HOUR, 48 * HOUR]


def test_every_look_that_waits_is_evaluated_once_and_in_order(ledger: Ledger, kept: EvaluationStore) -> None:
    for hour in range(3):
        kept.keep(live(hour, finding()))
    taken = evaluate_pending(ledger, kept, TELL, START + 3 * HOUR)
    assert [name.as_of - START for name in taken.names] == [0 * HOUR, HOUR, 2 * HOUR]
    assert [notification.reason for notification in taken.recorded.notifications] == ["first"]
    assert pending_evaluations(ledger, kept) == []
    again = evaluate_pending(ledger, kept, TELL, START + 3 * HOUR)
    assert (again.names, again.events, again.recorded.notifications) == ((), (), ())


def test_who_died_between_two_looks_goes_on_with_the_second(ledger: Ledger, kept: EvaluationStore) -> None:
    first = kept.keep(live(0, finding()))
    kept.keep(live(1, finding()))
    ledger.record_evaluation(kept.load(first), origin=first.text)
    taken = evaluate_pending(ledger, kept, TELL, START + HOUR)
    assert [name.as_of for name in taken.names] == [START + HOUR]


def test_who_dies_before_it_is_decided_who_is_told_has_not_evaluated_either(
    ledger: Ledger, kept: EvaluationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody would be woken for what is evaluated, and the decision would wait for the next look.
    name = kept.keep(live(0, finding()))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "_notify", dies)
        with pytest.raises(KeyboardInterrupt):
            evaluate_pending(ledger, kept, TELL, START)
    assert pending_evaluations(ledger, kept) == [name]
    assert len(evaluate_pending(ledger, kept, TELL, START).recorded.notifications) == 1


def test_a_day_that_was_analysed_while_live_looks_went_on_is_evaluated_after_them(
    ledger: Ledger, kept: EvaluationStore
) -> None:
    kept.keep(live(3))
    evaluate_pending(ledger, kept, TELL, START + 3 * HOUR)
    late = kept.keep(daily(2.5, finding(), covers_from=START - 24 * HOUR))
    taken = evaluate_pending(ledger, kept, TELL, START + 3.1 * HOUR)
    assert taken.names == (late,)
    at = ledger.origins()[late.text]
    assert START + 3 * HOUR < at < START + 3 * HOUR + timedelta(seconds=1)
    assert ledger.lifecycle_state(at).alerts


@pytest.mark.slow
def test_after_a_pause_nobody_hears_of_what_is_over(ledger: Ledger, kept: EvaluationStore) -> None:
    down = finding(family="device", kind="site_down", severity="critical", metric="")
    steps = [live(hour, *([down] if hour < 2 else []), readings=reading("ok")) for hour in range(6)]
    for step in steps:
        kept.keep(step)
    taken = evaluate_pending(ledger, kept, TELL, START + 6 * HOUR)
    assert [event.kind for event in taken.events if event.subject == "incident"][-1] == "resolved"
    assert taken.recorded.notifications == ()


@pytest.mark.slow
def test_replaying_kept_looks_gives_the_events_of_the_ledger(ledger: Ledger, kept: EvaluationStore) -> None:
    for hour in range(40):
        rows = [finding()] if hour < 5 else []
        kept.keep(live(hour, *rows, readings=reading("ok"), site_count=3))
    kept.keep(daily(30.5, finding(family="connect"), covers_from=START))
    evaluate_pending(ledger, kept, NotificationRules(routes=[]), START + 41 * HOUR)
    again = replay(kept.load(name) for name in kept.names())
    lifecycle = [event for event in ledger.events() if event.kind != "withheld"]
    assert [(one.subject_id, one.kind, one.at) for one in again.events] == [
        (one.subject_id, one.kind, one.at) for one in lifecycle
    ]


def test_a_damaged_look_is_set_aside_and_later_ones_are_evaluated(
    ledger: Ledger, kept: EvaluationStore, tmp_path: Path
) -> None:
    kept.keep(live(0, finding()))
    damaged = kept.keep(live(1, finding()))
    kept.keep(live(2, finding()))
    (tmp_path / "evaluations" / "2026-03-02" / f"{damaged.text}.zip").write_bytes(b"")
    taken = evaluate_pending(ledger, kept, TELL, START + 2 * HOUR)
    assert [name.as_of - START for name in taken.names] == [0 * HOUR, 2 * HOUR]
    assert damaged.text in taken.unreadable[0]
    assert kept.set_aside_since(START) == [damaged.text]
    assert kept.set_aside_since(START + 24 * HOUR) == []
    assert len(kept.names()) == 2


def test_what_cannot_be_read_just_now_is_not_taken_for_damaged(
    ledger: Ledger, kept: EvaluationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = kept.keep(live(0, finding()))
    with monkeypatch.context() as busy:

        def read(_files: FolderStore, key: str) -> bytes:
            busy.undo()  # the next one reads
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), key)

        busy.setattr(FolderStore, "read", read)
        with pytest.raises(OSError, match="Too many open files"):
            evaluate_pending(ledger, kept, TELL, START)
    assert kept.names() == [whole]
    assert kept.set_aside_since(START) == []
    assert evaluate_pending(ledger, kept, TELL, START).names == (whole,)


def test_what_the_disk_does_not_give_is_left_out_after_some_minutes_and_told(
    ledger: Ledger, kept: EvaluationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, later = kept.keep(live(0, finding())), kept.keep(live(1, finding()))
    read = FolderStore.read

    def broken(files: FolderStore, key: str) -> bytes:
        if lost.text in key:
            raise OSError(errno.EIO, os.strerror(errno.EIO), key)
        return read(files, key)

    monkeypatch.setattr(FolderStore, "read", broken)
    tries = [START + HOUR + number * MINUTE for number in range(MOST_TRIES)]
    # However often it is tried within a minute: that is one moment.
    for now in (*[tries[0]] * 5, *tries[1:-1]):
        with pytest.raises(OSError, match="Input/output error"):
            evaluate_pending(ledger, kept, TELL, now)
        assert kept.names() == [lost, later]
        assert kept.set_aside_since(START) == []
    taken = evaluate_pending(ledger, kept, TELL, tries[-1])
    assert taken.names == (later,)
    assert "Input/output error" in taken.unreadable[0]
    assert kept.set_aside_since(START) == [lost.text], "which is a trouble of the pipeline"
    assert kept.names() == [later]
    assert (tmp_path / "evaluations" / "2026-03-02" / f"{lost.text}.zip").exists(), "for people to examine"


def test_a_disk_that_fails_for_a_minute_loses_no_sound_evaluation(
    ledger: Ledger, kept: EvaluationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = kept.keep(live(0, finding()))
    with monkeypatch.context() as away:

        def read(_files: FolderStore, key: str) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO), key)

        away.setattr(FolderStore, "read", read)
        for number in range(MOST_TRIES - 1):
            with pytest.raises(OSError, match="Input/output error"):
                evaluate_pending(ledger, kept, TELL, START + number * MINUTE)
    assert evaluate_pending(ledger, kept, TELL, START + MOST_TRIES * MINUTE).names == (sound,)
