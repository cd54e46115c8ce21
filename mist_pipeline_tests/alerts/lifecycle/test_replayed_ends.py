"""A simulated organisation is replayed hour by hour: what was told ends with its trouble, and is told once."""

from datetime import timedelta

import pytest

from benchmarks.bench_sensitivity import Hours
from benchmarks.detection_score import Result, scored
from mist_pipeline.alerts.lifecycle.observations import FAMILIES
from mist_pipeline.alerts.lifecycle.projection import fold_alerts, fold_incidents
from mist_pipeline.alerts.lifecycle.replay import Replay, replay
from mist_pipeline.analysis.detection import DetectionRules
from mist_pipeline.analysis.evidence.gates import STRICTNESS, NotableOptions
from mist_pipeline.analysis.findings.series_rules import FindingRules
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.simulator import World
from mist_pipeline.simulator.world import messy_scenario, scenario

SITES, DAYS = 6, 34
RULES = DetectionRules(
    findings=FindingRules(families=FAMILIES, titles={one.name: one.title for one in CATALOGUE.values()}),
    gates=NotableOptions(strictness=STRICTNESS["normal"]),
)


@pytest.fixture(scope="module")
def world() -> World:
    """A quiet organisation with five troubles, each at a site of its own; the last is over four days before the end."""
    quiet = World(SITES, DAYS, 3, quiet=True, timezones=["UTC"])
    day = [quiet.midnight(quiet.first_day + timedelta(days=number)) for number in range(DAYS)]
    scenarios = [
        scenario.sudden_outage([0], day[22] + timedelta(hours=9), 6, family="connect"),
        scenario.dhcp_failure([1], day[23] + timedelta(hours=10), 5, sitegroup_id="g"),
        scenario.slow_degradation(2, day[20], 9.0),
        messy_scenario.radar(3, day[24] + timedelta(hours=8), 3.0),
        scenario.device_loss([4], day[25] + timedelta(hours=8), 9),
    ]
    return World(SITES, DAYS, 3, quiet=True, timezones=["UTC"], scenarios=scenarios)


@pytest.fixture(scope="module")
def told(world: World) -> Replay:
    return replay(Hours.of(world).evaluations(RULES))


@pytest.fixture(scope="module")
def result(world: World, told: Replay) -> Result:
    return scored(world, told.alerts, told.event_frame())


def test_all_incidents_of_a_replay_end(told: Replay) -> None:
    alerts, incidents = fold_alerts(told.events), fold_incidents(told.events)
    assert incidents
    assert {incident.state for incident in incidents.values()} <= {"resolved", "merged"}
    assert not any(alert.is_active for alert in alerts.values())


def test_every_trouble_is_told_and_is_over_soon_after_its_end(result: Result) -> None:
    assert result.truths["kind"].n_unique() == len(result.truths) == 5
    assert result.truths["hit_at"].null_count() == 0
    assert result.truths["is_never_resolved"].to_list() == [False] * 5
    assert result.alerts["hours_to_resolve"].drop_nulls().max() <= 30  # type: ignore[operator]
    assert not result.alerts["is_after_end"].any()


def test_bursts_of_days_are_told_as_one_trouble(world: World, told: Replay) -> None:
    radar = world.sites()[3].site_id
    of_radio = [
        one for one in fold_alerts(told.events).values() if (one.site_id, one.family) == (radar, "radio")
    ]
    assert [one.reopenings > 0 for one in of_radio] == [True], "quiet nights lie between"
