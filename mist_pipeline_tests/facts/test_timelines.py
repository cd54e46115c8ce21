"""What a timeline says happened is what the ledger has, and a wrong instant, severity or name is noticed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState, evaluate
from mist_pipeline.alerts.lifecycle.lifecycle import acknowledge
from mist_pipeline.alerts.lifecycle.model import Event
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.cli.alerts.arguments import Sites
from mist_pipeline.overview.timeline import timeline
from mist_pipeline_tests.support.alerts.histories import at_level, episodes, live, run
from mist_pipeline_tests.support.facts.readers.incident_reader import Rows
from mist_pipeline_tests.support.facts.readers.timeline_reader import timeline_falsehoods

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
NAMES = {"s1": "Store <1>"}
CALLED = {"coverage": "Store <1> (Coverage)", "roaming": "Store <1> (Roaming)"}
BAD = {"coverage": ["major", "major", "critical", "critical"], "roaming": ["", "major", "major"]}
"""Metric → how bad each hour of its trouble is."""


def grown() -> tuple[Rows, list[Event]]:
    """A trouble of weeks that became much worse after three days, and is over."""
    steps = [
        at_level(6, 18.0),
        at_level(66, 20.0),
        at_level(67, 61.9),
        live(70, episodes=episodes({"began": 0, "last": 66, "recovery": 1.0})),
    ]
    state, events = run(steps, Policy(max_gap=timedelta(days=9)))
    (incident,) = state.incidents.values()
    return Rows(incident, list(state.alerts.values()), steps[-1].as_of, None, NAMES), events


@pytest.mark.parametrize(
    ("changes", "noticed"),
    [
        ({}, ""),
        ({"worse_from_pct": 30.0}, "the tables have 30.0 to 61.9"),
        ({"worse_to_pct": 50.0}, "the tables have 20.0 to 50.0"),
        ({"worse_at": START}, "the tables have 2026-03-02 08:00"),
        ({"worse_metric": "roaming"}, "the tables have roaming"),
    ],
)
def test_how_much_worse_it_became_is_said_as_the_ledger_has_it(changes: dict[str, Any], noticed: str) -> None:
    rows, events = grown()
    lines = timeline(events, rows.alerts, Sites(NAMES, NAMES))
    assert sum("is much worse now" in words for _, words in lines) == 1
    assert not any("peaked" in words for _, words in lines)
    so = replace(rows, alerts=[replace(rows.alerts[0], **changes)])
    wrong = timeline_falsehoods(lines, so, {one.alert_id: CALLED[one.metric] for one in rows.alerts})
    assert any(noticed in one for one in wrong) if noticed else wrong == []


def story() -> tuple[Rows, list[Event]]:
    """Two troubles of a site, one worse after a while; somebody takes them; then both are good for a day."""
    state, events = LifecycleState(), list[Event]()
    for hour in range(40):
        rows = [
            {"site_id": "s1", "metric": metric, "kind": "evidence", "severity": of[hour], "family": metric,
             "summary": f"{metric} is bad.", "evidence": "{}"}
            for metric, of in BAD.items() if hour < len(of) and of[hour]
        ]  # fmt: skip
        schema = dict.fromkeys(
            ("site_id", "metric", "kind", "severity", "family", "summary", "evidence"), pl.String
        )
        evaluation = EvaluationInput(
            as_of=START + hour * HOUR, source="live", findings=pl.DataFrame(rows, schema=schema)
        )
        state, happened = evaluate(state, evaluation)
        events += happened
        if hour == 1:
            taken = [
                one
                for alert in state.alerts.values()
                for one in acknowledge(alert, "ada", START + 1.5 * HOUR)
            ]
            state, events = state.after(taken), events + taken
    incidents = {one.subject_id for one in events if one.subject == "incident"}
    assert len(incidents) == 1
    after = LifecycleState().after(events)
    return Rows(
        after.incidents[incidents.pop()], list(after.alerts.values()), START + 40 * HOUR, None, NAMES
    ), events


ROWS, EVENTS = story()


def falsehoods(rows: Rows) -> list[str]:
    lines = timeline(EVENTS, ROWS.alerts, Sites(NAMES, NAMES))
    return timeline_falsehoods(lines, rows, {one.alert_id: CALLED[one.metric] for one in ROWS.alerts})


def other(**changes: Any) -> Rows:
    """The rows with another first alert."""
    return replace(ROWS, alerts=[replace(ROWS.alerts[0], **changes), *ROWS.alerts[1:]])


def test_what_a_timeline_says_is_so() -> None:
    assert {one.resolution for one in ROWS.alerts} == {"recovered"}
    assert falsehoods(ROWS) == []


@pytest.mark.parametrize(
    ("rows", "noticed"),
    [
        (other(opened_at=START + HOUR), "the tables have opened at"),
        (other(severity="warning", highest="warning"), "the tables have warning at worst"),
        (other(resolved_at=START + 30 * HOUR), "the tables have recovered at"),
        (other(resolution="expired"), "the tables have expired"),
        (replace(ROWS, alerts=ROWS.alerts[1:]), "no checker for"),
        (replace(ROWS, incident=replace(ROWS.incident, opened_at=START + HOUR)), "the tables have 2026-03-02 09:00"),
        (replace(ROWS, incident=replace(ROWS.incident, resolved_at=START)), "the tables have 2026-03-02 08:00"),
    ],
)  # fmt: skip
def test_a_wrong_line_of_a_timeline_is_noticed(rows: Rows, noticed: str) -> None:
    wrong = falsehoods(rows)
    assert any(noticed in one for one in wrong), wrong
