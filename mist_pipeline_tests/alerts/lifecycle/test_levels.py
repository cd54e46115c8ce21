"""An alert that goes on becomes much worse where two hours are far above the worst two hours since it opened."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState, evaluate
from mist_pipeline.alerts.lifecycle.grouping import acknowledge_incident
from mist_pipeline.alerts.lifecycle.lifecycle import acknowledge
from mist_pipeline.alerts.lifecycle.model import Alert, Event, Worse
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.projection import fold_alerts
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    at_level,
    daily,
    episodes,
    excess,
    kinds,
    levels,
    live,
    only_alert,
    only_incident,
    run,
)

EACH_HOUR = Policy(max_gap=timedelta(days=9))
"""Hours between these evaluations are of no interest here."""


def after(*steps: EvaluationInput) -> tuple[Alert, list[Event]]:
    state, events = run(steps, EACH_HOUR)
    return only_alert(state), events


def told(events: Sequence[Event]) -> list[tuple[object, object]]:
    return [(one.detail["from_pct"], one.detail["to_pct"]) for one in events if one.kind == "much_worse"]


@pytest.mark.parametrize(
    ("levels_pct", "now", "expected"),
    [
        ([18.0], at_level(60, 61.4), [(18.0, 61.4)]),
        ([18.0], at_level(60, 37.0), [(18.0, 37.0)]),
        ([18.0], at_level(60, 36.9), []),
        ([3.0], at_level(60, 14.4), []),
        ([18.0], at_level(60, 61.4, is_notable=False), []),
        ([18.0], at_level(40, 61.4), []),
        ([18.0, 45.0, 12.0], at_level(60, 61.4), []),
        ([18.0], at_level(60, 61.4, metric="capacity"), []),
        ([18.0], at_level(60, 61.4, family="connect"), []),
        ([18.0], at_level(60, float("nan")), []),
        ([], at_level(60, 61.4), []),
    ],
    ids=[
        "far above", "just far enough", "not quite", "few points", "not notable by itself", "within two days", "as bad before",
        "never seen of this service level", "another family", "not a number", "nothing known before",
    ],
)  # fmt: skip
def test_two_hours_far_above_the_worst_before_are_much_worse(
    levels_pct: list[float], now: EvaluationInput, expected: list[tuple[float, float]]
) -> None:
    before = [at_level(6 + number, level) for number, level in enumerate(levels_pct)]
    _, events = after(*(before or [replace(at_level(6, 0.0), levels=None)]), now)
    assert told(events) == expected


def test_it_is_told_with_its_instant_and_what_it_grew_from() -> None:
    alert, _ = after(at_level(6, 18.04), at_level(60, 61.44))
    assert alert.worse == Worse(alert.alert_id, START + 60 * HOUR, "coverage", 18.0, 61.4)
    assert alert.levels == {"coverage/": 61.4}
    assert after(at_level(6, 18.0))[0].worse is None


def test_the_worst_of_several_is_told() -> None:
    both = at_level(60, 50.0)
    both = replace(
        both, levels=levels({"level_pct": 50.0}, {"metric": "capacity", "family": "radio", "level_pct": 70.0})
    )
    first = replace(
        at_level(6, 0), levels=levels({"level_pct": 18.0}, {"metric": "capacity", "level_pct": 20.0})
    )
    alert, events = after(first, both)
    assert told(events) == [(20.0, 70.0)]
    assert alert.worse_metric == "capacity"
    assert alert.levels == {"coverage/": 50.0, "capacity/": 70.0}


def test_what_blames_another_classifier_does_not_count() -> None:
    of = {"classifier": "interference"}
    first, now = (
        at_level(6, 18.0, classifier="weak-signal"),
        at_level(60, 20.0, classifier="weak-signal"),
    )
    other = replace(first, levels=levels({**of, "level_pct": 10.0}), as_of=START + 7 * HOUR)
    worse = replace(now, levels=levels({**of, "level_pct": 80.0}), as_of=START + 61 * HOUR)
    alert, events = after(first, other, now, worse)
    assert told(events) == []
    assert alert.levels == {"coverage/weak-signal": 20.0}


def test_hours_that_only_rise_are_remembered_and_told_once() -> None:
    alert, events = after(at_level(6, 18.0), *(at_level(60 + hour, 30.0 + hour) for hour in range(6)))
    assert kinds(events) == ["pending", "opened", *["peaked"] * 7]
    assert alert.levels == {"coverage/": 35.0}


def test_a_rise_of_the_severity_says_it_already() -> None:
    milder = replace(
        at_level(6, 18.0),
        findings=live(6, excess(0, 5, severity="warning")).findings,
    )
    alert, events = after(milder, at_level(7, 18.0), at_level(60, 61.0))
    assert kinds(events).count("severity_rose") == 1
    assert told(events) == [(18.0, 61.0)]
    late = replace(milder, as_of=START + 59 * HOUR)
    alert, events = after(milder, late, at_level(60, 61.0))
    assert kinds(events).count("severity_rose") == 1
    assert told(events) == []
    assert alert.levels == {"coverage/": 61.0}


def test_what_was_taken_asks_for_a_person_anew() -> None:
    state, _ = run([at_level(6, 18.0)], EACH_HOUR)
    alert, incident = only_alert(state), only_incident(state)
    taken = [
        *acknowledge(alert, "ada", START + 7 * HOUR),
        *acknowledge_incident(incident, state.alerts, "ada", START + 7 * HOUR),
    ]
    state = state.after(taken)
    state, quiet = run([at_level(58, 18.0)], EACH_HOUR, state)
    assert only_incident(state).state == "acknowledged", quiet
    state, events = run([at_level(60, 61.0)], EACH_HOUR, state)
    assert kinds(events, "incident") == ["worsened"]
    assert events[-1].detail == {"severity": "critical", "is_much_worse": True}
    assert (only_alert(state).state, only_incident(state).state) == ("open", "open")
    assert only_incident(state).asks_since == START + 60 * HOUR


def test_what_is_back_begins_anew() -> None:
    over = live(70, episodes=episodes({"began": 0, "last": 60, "recovery": 1.0}))
    again = live(
        73,
        excess(72, 72, severity="critical"),
        episodes=episodes({"began": 72, "last": 72}),
        levels=levels({"level_pct": 25.0}),
    )
    alert, events = after(at_level(6, 18.0), at_level(60, 61.0), over, again)
    assert kinds(events)[-3:] == ["pending", "reopened", "peaked"]
    assert (alert.levels, alert.worse) == ({"coverage/": 25.0}, None)
    later = live(
        125,
        excess(72, 124, severity="critical"),
        episodes=episodes({"began": 72, "last": 124}),
        levels=levels({"level_pct": 60.0}),
    )
    alert, events = after(at_level(6, 18.0), at_level(60, 61.0), over, again, later)
    assert told(events) == [(18.0, 61.0), (25.0, 60.0)]


def test_an_alert_of_before_levels_were_known_begins_with_the_next_hour() -> None:
    """As one of an earlier version: nothing known of its levels, and open for days."""
    _, events = after(replace(at_level(6, 0.0), levels=None), at_level(60, 18.0), at_level(61, 61.0))
    assert told(events) == [(18.0, 61.0)]


def test_days_say_nothing_of_hours() -> None:
    day = daily(
        60,
        excess(0, 59, severity="critical"),
        episodes=episodes({"began": 0, "last": 59}),
        levels=levels({"level_pct": 80.0}),
    )
    _, events = after(at_level(6, 18.0), day)
    assert told(events) == []


def test_while_it_recovers_or_nobody_can_look_nothing_is_much_worse() -> None:
    easing = live(
        60, episodes=episodes({"began": 0, "last": 58, "recovery": 0.75}), levels=levels({"level_pct": 61.0})
    )
    _, events = after(at_level(6, 18.0), easing)
    assert told(events) == []


@st.composite
def courses(draw: st.DrawFn) -> list[EvaluationInput]:
    hours = sorted(draw(st.sets(st.integers(6, 120), min_size=2, max_size=8)))
    known = draw(st.lists(st.floats(0, 100), min_size=len(hours), max_size=len(hours)))
    notable = draw(st.lists(st.booleans(), min_size=len(hours), max_size=len(hours)))
    return [
        at_level(hour, level, is_notable=told)
        for hour, level, told in zip(hours, known, notable, strict=True)
    ]


@settings(max_examples=30, deadline=None)
@given(courses())
def test_no_level_is_told_twice_and_none_falls_while_it_is_open(steps: list[EvaluationInput]) -> None:
    state, heard, before = LifecycleState(), 0.0, dict[str, float]()
    every: list[Event] = []
    for step in steps:
        state, events = evaluate(state, step, EACH_HOUR)
        every += events
        alert = only_alert(state)
        assert alert.is_active
        assert all(alert.levels[name] >= level for name, level in before.items())
        for _from, to in told(events):
            assert isinstance(to, float)
            assert to > 1.5 * heard
            heard = to
        before = dict(alert.levels)
    assert fold_alerts(every) == state.alerts
    assert list(replay(steps, EACH_HOUR).events) == every
