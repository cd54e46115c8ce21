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
from mist_pipeline.cli.alerts.arguments import Sites
from mist_pipeline.overview.timeline import timeline
from mist_pipeline_tests.support.facts.readers.incident_reader import Rows
from mist_pipeline_tests.support.facts.readers.timeline_reader import timeline_falsehoods

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
NAMES = {"s1": "Store <1>"}
CALLED = {"coverage": "Store <1> (Coverage)", "roaming": "Store <1> (Roaming)"}
BAD = {"coverage": ["major", "major", "critical", "critical"], "roaming": ["", "major", "major"]}
"""Metric → how bad each hour of its trouble is."""


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
