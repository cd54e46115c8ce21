"""The messages that would have been sent are those that the ledger puts into its outbox for the same evaluations."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.replay import Replaying
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import PlannedSilence
from mist_pipeline.alerts.notify.would_be import WouldBeMessages
from mist_pipeline_tests.support.alerts.histories import START, correlation, finding, live

SITES = ["s1", "s2", "s3"]
EVERY = [finding(site, "connect") for site in SITES]
STORM = [live(0, EVERY[0]), live(1, *EVERY, correlation(SITES)), *(live(hour) for hour in range(2, 40))]
RISE = [
    live(0, finding(severity="warning")),
    live(1, finding(severity="critical")),
    *(live(hour) for hour in range(2, 30)),
    live(31, finding()),
    *(live(hour) for hour in range(32, 60)),
]


def told_by_the_ledger(
    steps: list[EvaluationInput], rules: NotificationRules, path: Path
) -> list[tuple[Any, ...]]:
    told = []
    with Ledger(path) as ledger:
        for step in steps:
            sent = ledger.record_evaluation(step, rules, now=step.as_of).notifications
            told += [(step.as_of, one.sink, one.reason, one.sequence, one.severity) for one in sent]
    return told


@pytest.mark.slow
@pytest.mark.parametrize(
    "route",
    [
        {},
        {"min_severity": "critical"},
        {"group_wait_minutes": 90, "group_interval_minutes": 120},
        {"repeat_after_hours": 3, "tells_partial_recovery": True},
        {
            "quiet_hours": [{"begins": "22:00", "until": "06:00", "zone": "Europe/Berlin"}],
            "quiet_below": "critical",
        },
        {"match": 'site_id="s2"'},
    ],
    ids=lambda route: next(iter(route), "plain"),
)
@pytest.mark.parametrize("steps", [STORM, RISE], ids=["storm", "rise"])
def test_they_are_those_of_the_ledger(
    steps: list[EvaluationInput], route: dict[str, Any], tmp_path: Path
) -> None:
    routes = [Route.model_validate({"name": "all", "sinks": ("mail", "chat"), **route})]
    works = PlannedSilence.model_validate(
        {"name": "works", "match": 'site_id="s3"', "starts_at": START, "ends_at": START + timedelta(hours=6)}
    ).silence()
    rules = NotificationRules(routes=routes, windows=[works])
    messages, life, told = WouldBeMessages(routes, silences=[works]), Replaying(), []
    for step, happened in life.take(steps):
        told += [
            (step.as_of, one.sink, one.reason, one.sequence, one.severity)
            for one in messages.after(life.state, happened, step.as_of)
        ]
    assert told == told_by_the_ledger(steps, rules, tmp_path / "ledger.db")
    assert told or route.get("match") or route.get("min_severity")
