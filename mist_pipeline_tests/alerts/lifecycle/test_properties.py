"""Random histories: what holds whatever happens."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState, evaluate
from mist_pipeline.alerts.lifecycle.lifecycle import acknowledge
from mist_pipeline.alerts.lifecycle.model import Event, alert_fingerprint
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.policy import Policy, Rule
from mist_pipeline.alerts.lifecycle.projection import fold_alerts, fold_incidents
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline.alerts.notify.decision import NOTIFYING, LastNotification, visible_incidents
from mist_pipeline.alerts.notify.matchers import parse_matchers
from mist_pipeline.alerts.notify.plan import OVER, Notification, plan
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    correlation,
    daily,
    finding,
    findings,
    live,
    readings,
)

few = settings(max_examples=30)
SITES = ("s1", "s2", "s3")
METRIC = {"radio": "coverage", "connect": "time-to-connect", "device": ""}

rows = st.builds(
    lambda site, family, kind, severity: finding(site, family, kind, severity, METRIC[family]),
    st.sampled_from(SITES),
    st.sampled_from(list(METRIC)),
    st.sampled_from(["evidence", "threshold", "site_down", "baseline", "pre_warning", "mist_alarm"]),
    st.sampled_from(["info", "warning", "major", "critical"]),
)
shared = st.builds(
    correlation, st.lists(st.sampled_from(SITES), min_size=1, unique=True), st.sampled_from(list(METRIC))
)
stopped = st.just(finding("", "collector", "collector", "critical", ""))
answers = st.none() | st.builds(
    readings,
    st.lists(
        st.tuples(
            st.sampled_from(SITES),
            st.sampled_from(["coverage", "time-to-connect"]),
            st.sampled_from(["ok", "no_users", "missing"]),
            st.just(80.0),
        ),
        max_size=4,
    ),
)
happening = st.tuples(
    st.integers(1, 40), st.booleans(), st.lists(rows | shared | stopped, max_size=6), answers, st.lists(rows, max_size=2)
)  # fmt: skip
quick = Policy(
    rules={
        **Policy().rules,
        "evidence": Rule("warning", other_hold=HOUR, quiet=2 * HOUR),
        "site_down": Rule("warning", quiet=HOUR / 2),
    },
    max_gap=6 * HOUR,
    storm_sites=3,
    expire_after=timedelta(days=2),
)


@st.composite
def histories(draw: st.DrawFn) -> list[EvaluationInput]:
    """Evaluations at irregular times: a quarter of an hour to ten hours apart."""
    steps, hour = [], 0.0
    for quarters, is_live, found, answered, weak in draw(st.lists(happening, min_size=1, max_size=14)):
        hour += quarters / 4
        make = live if is_live else daily
        steps.append(
            make(
                hour,
                *found,
                readings=answered,
                support=findings(weak).select("site_id", "family"),
                site_count=3,
            )
        )
    return steps


def walk(steps: Sequence[EvaluationInput]) -> list[tuple[LifecycleState, list[Event]]]:
    state, walked = LifecycleState(), []
    for step in steps:
        state, events = evaluate(state, step, quick)
        walked.append((state, events))
    return walked


@pytest.mark.slow
@few
@given(histories())
def test_never_two_open_alerts_of_one_fingerprint(steps: list[EvaluationInput]) -> None:
    for state, _ in walk(steps):
        active = [alert.fingerprint for alert in state.alerts.values() if alert.is_active]
        assert len(active) == len(set(active))


@pytest.mark.slow
@few
@given(histories())
def test_resolved_comes_after_opened_and_every_alert_is_named_by_its_problem(
    steps: list[EvaluationInput],
) -> None:
    alerts = fold_alerts(event for _, events in walk(steps) for event in events)
    for alert in alerts.values():
        assert alert.fingerprint == alert_fingerprint(alert.site_id, alert.family)
        if alert.resolved_at is not None:
            assert alert.opened_at is not None
            assert alert.opened_at <= alert.resolved_at
        if alert.is_active:
            assert alert.opened_at is not None
            assert alert.resolved_at is None


@pytest.mark.slow
@few
@given(histories())
def test_replaying_a_history_gives_the_same_events(steps: list[EvaluationInput]) -> None:
    events = [event for _, happened in walk(steps) for event in happened]
    assert list(replay(steps, quick).events) == events


@pytest.mark.slow
@few
@given(histories(), st.integers(0, 24))
def test_state_is_the_fold_of_the_events_wherever_they_are_cut(
    steps: list[EvaluationInput], cut: int
) -> None:
    walked = walk(steps)
    events = [event for _, happened in walked for event in happened]
    alerts, incidents = fold_alerts(events[:cut]), fold_incidents(events[:cut])
    alerts, incidents = fold_alerts(events[cut:], alerts), fold_incidents(events[cut:], incidents)
    last = walked[-1][0]
    assert {name: alerts[name] for name in last.alerts} == last.alerts
    assert {name: incidents[name] for name in last.incidents} == last.incidents


@pytest.mark.slow
@few
@given(histories())
def test_every_open_alert_is_in_exactly_one_incident_that_is_going_on(steps: list[EvaluationInput]) -> None:
    for state, _ in walk(steps):
        homes = [alert_id for one in state.incidents.values() if one.is_active for alert_id in one.alert_ids]
        assert len(homes) == len(set(homes))
        assert {alert.alert_id for alert in state.alerts.values() if alert.is_active} <= set(homes)
        for incident in state.incidents.values():
            is_alive = any(
                state.alerts[name].is_active for name in incident.alert_ids if name in state.alerts
            )
            assert incident.is_active == is_alive


@pytest.mark.slow
@few
@given(histories())
def test_nothing_recovers_where_nobody_could_look(steps: list[EvaluationInput]) -> None:
    dark = [
        step if number == 0 else live(step_hours(step), readings=readings([]))
        for number, step in enumerate(steps)
    ]
    events = [event for _, happened in walk(dark) for event in happened]
    for alert in fold_alerts(events).values():
        assert alert.resolution != "recovered" or alert.family == "collector"


def step_hours(step: EvaluationInput) -> float:
    return (step.as_of - START) / HOUR


@pytest.mark.slow
@few
@given(histories(), st.booleans(), st.integers(0, 50))
def test_every_open_incident_is_told_or_withheld_by_name_and_no_message_is_without_a_reason(
    steps: list[EvaluationInput], is_silenced: bool, acknowledged_at: int
) -> None:
    routes = [
        Route(name="bad", sinks=("pager",), min_severity="critical", goes_on=True),
        Route(name="all", sinks=("mail",), group_wait_minutes=30),
    ]
    silences = [
        Silence(
            silence_id="works",
            matchers=parse_matchers("site_id=s1"),
            starts_at=START + 5 * HOUR,
            ends_at=START + 50 * HOUR,
        )
    ] * is_silenced
    told: dict[tuple[str, str], LastNotification] = {}
    notifications: list[Notification] = []
    for number, (state, _) in enumerate(walk(steps)):
        now = steps[number].as_of
        if number == acknowledged_at:
            for alert in state.alerts.values():
                assert all(event.kind == "acknowledged" for event in acknowledge(alert, "ada", now))
        said = plan(visible_incidents(state, silences, {}, now).values(), told, routes, now)
        notifications += said.notifications
        for notification in said.notifications:
            told[notification.sink, notification.incident_id] = LastNotification(
                at=now,
                sequence=notification.sequence,
                severity=notification.severity,
                site_ids=frozenset(notification.site_ids),
                is_over=notification.is_over,
            )
        heard = {name for _, name in told}
        for incident in state.incidents.values():
            assert not incident.is_active or incident.incident_id in heard | said.withheld.keys()
    assert all(notification.reason in NOTIFYING for notification in notifications)
    keys = [(one.sink, one.incident_id, one.sequence) for one in notifications]
    assert len(keys) == len(set(keys))
    for sink, incident_id in told:
        story = [one for one in notifications if (one.sink, one.incident_id) == (sink, incident_id)]
        assert story[0].reason == "first"
        for before, after in pairwise(story):
            assert (before.reason in OVER) == (after.reason == "reopened")
