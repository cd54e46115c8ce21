"""From hours of a simulated cloud to a message: an outage on top of trouble that goes on is told, although nothing can be more severe."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.bench_sensitivity import Hours
from benchmarks.detection_score import scored
from mist_pipeline.alerts.lifecycle.observations import FAMILIES
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.replay import Replaying, replay
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.would_be import WouldBeMessages
from mist_pipeline.analysis.detection import DetectionRules
from mist_pipeline.analysis.findings.series_rules import FindingRules
from mist_pipeline.simulator import World
from mist_pipeline.simulator.world import scenario

BEGAN = datetime(2026, 3, 3, 8, tzinfo=UTC)
SURGED = datetime(2026, 3, 9, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
LASTING = scenario.sudden_outage([0], BEGAN, 9 * 24, family="connect", peak=0.35)
EAGER = Policy(worse_share=1.2, worse_pct=5.0)
"""A third of all user-minutes is nearly half of them in the worst hours of a small site; twice of that is more than there are."""
SURGE = scenario.sudden_outage([0], SURGED, 6, family="connect", peak=0.9)


@pytest.mark.slow
def test_an_outage_on_top_of_lasting_trouble_is_told_once_and_counts_as_heard_of() -> None:
    hours = Hours.of(World(3, 60, 1, quiet=True, scenarios=(LASTING, SURGE)))
    site = hours.world.sites()[0].site_id
    rules = DetectionRules(findings=FindingRules(families=FAMILIES))
    evaluations = list(hours.evaluations(rules))
    replaying, messages = Replaying(EAGER), WouldBeMessages([Route(name="all", sinks=("mail",))])
    said = [
        (step.as_of, one.reason, one.severity, one.worse)
        for step, events in replaying.take(evaluations)
        for one in messages.after(replaying.state, events, step.as_of)
        if one.site_ids == (site,)
    ]
    (surge,) = [(at, severity, worse) for at, reason, severity, worse in said if reason == "much_worse"]
    at, severity, worse = surge
    assert SURGED < at <= SURGED + 3 * HOUR
    assert severity == "critical"
    assert worse is not None
    assert worse.to_pct >= 1.2 * worse.from_pct + 5
    assert "severity_rise" not in [reason for when, reason, *_ in said if SURGED <= when <= SURGED + 6 * HOUR]
    again = replay(evaluations, EAGER)
    assert list(again.events) == replaying.events
    truths = scored(hours.world, again.alerts, again.event_frame()).truths
    inside = truths.filter(truths["onset"] >= SURGED)
    assert inside["is_heard_of"].to_list() == [True]
    assert inside["heard_at"].to_list() == [at]
