"""What becomes much worse is told once, as a rise is: at once, past an acknowledgement, not through a silence; and a replay agrees."""

from datetime import timedelta
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationStore
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules, Recorded
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.replay import Replaying
from mist_pipeline.alerts.notify.decision import NOTIFYING
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.would_be import WouldBeMessages
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    at_level,
    episodes,
    excess,
    levels,
    live,
)
from mist_pipeline_tests.support.alerts.ledgers import MINUTE, PAGED, TELL, incident_id, outbox_rows, silence

PATIENT = Policy(max_gap=timedelta(days=9))
"""Hours between these evaluations are of no interest here."""
SURGE = at_level(60, 61.9)


@pytest.fixture
def creeping(ledger: Ledger) -> Ledger:
    """With an incident that has been critical at a level for two days and more, of which people know."""
    ledger.policy = PATIENT
    ledger.record_evaluation(at_level(6, 18.4), PAGED)
    return ledger


def told(recorded: Recorded) -> list[tuple[str, str, str]]:
    return [(one.sink, one.reason, one.detail) for one in recorded.notifications]


def test_it_is_told_at_once_and_never_again(creeping: Ledger) -> None:
    assert told(creeping.record_evaluation(SURGE, PAGED)) == [("mail", "much_worse", "18 % → 61 %")]
    for hour, level in ((61, 61.9), (62, 60.0), (63, 70.0)):
        assert told(creeping.record_evaluation(at_level(hour, level), PAGED)) == []
    assert told(creeping.notify(PAGED, START + 64 * HOUR)) == []


def test_the_row_keeps_what_was_true_when_it_was_decided(creeping: Ledger) -> None:
    (row,) = creeping.record_evaluation(SURGE, PAGED).notifications
    assert row.payload()["worse"] == {
        "alert_id": next(iter(creeping.lifecycle_state(START + 60 * HOUR).alerts)),
        "at": (START + 60 * HOUR).isoformat(),
        "metric": "coverage",
        "from_pct": 18.4,
        "to_pct": 61.9,
    }


def test_it_is_told_although_the_decision_comes_later_than_another_message(creeping: Ledger) -> None:
    """Polling and evaluating are two runs: between the two, a person may have asked for a decision."""
    creeping.notify(PAGED, START + 60 * HOUR + 3 * MINUTE)
    late = creeping.record_evaluation(SURGE, PAGED, now=START + 60 * HOUR + 5 * MINUTE)
    assert told(late) == [("mail", "much_worse", "18 % → 61 %")]


def test_who_has_taken_it_has_it_no_longer_and_people_are_called_anew(creeping: Ledger) -> None:
    creeping.acknowledge(incident_id(creeping), "ada", START + 7 * HOUR)
    assert creeping.escalate(PAGED, START + 8 * HOUR) == []
    assert [one.reason for one in creeping.record_evaluation(SURGE, PAGED).notifications] == ["much_worse"]
    state = creeping.lifecycle_state(START + 60 * HOUR)
    assert {one.state for one in (*state.incidents.values(), *state.alerts.values())} == {"open"}
    called = creeping.escalate(PAGED, START + 60 * HOUR + 15 * MINUTE)
    assert [one.detail for one in called] == ["ada"]
    assert told(creeping.record_evaluation(at_level(61, 61.9), PAGED)) == []


def test_a_silence_holds_it_back_and_its_end_tells_it(creeping: Ledger) -> None:
    kept = creeping.add_silence(silence("site_id=s1", hours=90))
    assert told(creeping.record_evaluation(SURGE, PAGED)) == []
    creeping.end_silence(kept.silence_id, START + 61 * HOUR)
    assert told(creeping.notify(PAGED, START + 61 * HOUR)) == [("mail", "much_worse", "18 % → 61 %")]


def test_a_sink_that_hears_of_it_for_the_first_time_hears_of_it_once(creeping: Ledger) -> None:
    creeping.record_evaluation(SURGE, PAGED)
    more = NotificationRules(routes=[also_to("chat"), *PAGED.routes], escalations=PAGED.escalations)
    assert told(creeping.notify(more, START + 61 * HOUR)) == [("chat", "first", "")]
    assert told(creeping.notify(more, START + 62 * HOUR)) == []


def test_a_clock_that_was_ahead_does_not_keep_the_next_one_from_being_told(creeping: Ledger) -> None:
    creeping.record_evaluation(at_level(500, 40.0), PAGED)
    creeping.set_back_clock(START + 60 * HOUR)
    assert told(creeping.notify(PAGED, START + 61 * HOUR)) == [], "it was told"
    surge = creeping.record_evaluation(at_level(62, 75.0), PAGED)
    assert told(surge) == [("mail", "much_worse", "40 % → 75 %")]


def test_of_several_alerts_the_worst_is_told_once(ledger: Ledger) -> None:
    ledger.policy = PATIENT

    def both(hour: int, first: float, second: float) -> Recorded:
        rows = [("s1", "coverage", "radio", first), ("s1", "roaming", "roaming", second)]
        seen = [(metric, family) for _, metric, family, _ in rows]
        return ledger.record_evaluation(
            live(
                hour,
                *(
                    excess(number, hour - 1, severity="critical", metric=metric, family=family)
                    for number, (metric, family) in enumerate(seen)
                ),
                episodes=episodes(
                    *(
                        {"began": number, "last": hour - 1, "metric": metric, "family": family}
                        for number, (metric, family) in enumerate(seen)
                    )
                ),
                levels=levels(
                    *(
                        {"metric": metric, "family": family, "level_pct": level}
                        for _, metric, family, level in rows
                    )
                ),
            ),
            TELL,
        )

    both(6, 18.0, 20.0)
    recorded = both(60, 61.0, 80.0)
    assert [event.kind for event in recorded.events] == ["much_worse", "much_worse"]
    assert told(recorded) == [("mail", "much_worse", "20 % → 80 %")]
    assert told(both(61, 61.0, 80.0)) == []


def test_a_replay_of_what_was_kept_gives_the_same_events_and_messages(
    creeping: Ledger, tmp_path: Path
) -> None:
    steps = [
        at_level(6, 18.4),
        at_level(59, 19.0),
        SURGE,
        at_level(61, 40.0),
        live(70, episodes=episodes({"began": 0, "last": 60, "recovery": 1.0})),
    ]
    store = EvaluationStore(FolderStore(tmp_path))
    for step in steps:
        store.keep(step)
    loaded = [store.load(name) for name in store.names()]
    assert [one.as_of for one in loaded] == [one.as_of for one in steps]
    recorded = [creeping.record_evaluation(step, PAGED) for step in steps[1:]]
    replaying, messages = Replaying(PATIENT), WouldBeMessages(PAGED.routes)
    said = [
        (one.sink, one.reason, one.detail)
        for step, events in replaying.take(loaded)
        for one in messages.after(replaying.state, events, step.as_of)
    ]
    assert list(replaying.events) == [event for event in creeping.events() if event.kind != "withheld"]
    assert said == [("mail", "first", ""), *(one for each in recorded for one in told(each))]
    assert [reason for _, reason, _ in said] == ["first", "much_worse", "all_resolved"]
    assert "much_worse" in NOTIFYING
    assert [reason for _, reason, _ in outbox_rows(creeping)] == ["first", "much_worse", "all_resolved"]


def also_to(sink: str) -> Route:
    return PAGED.routes[0].model_copy(update={"name": sink, "sinks": (sink,), "goes_on": True})
