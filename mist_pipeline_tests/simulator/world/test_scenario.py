"""What each kind of scenario does over time, and what the truth says of it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mist_pipeline.simulator import World
from mist_pipeline.simulator.world import scenario
from mist_pipeline.simulator.world.opening_hours import hour_of

ONSET = datetime(2026, 2, 10, 8, tzinfo=UTC)


def _course(case: scenario.Scenario, *after_hours: float) -> list[float]:
    return case.course(np.array([hour_of(case.onset) + hours for hours in after_hours])).tolist()


def test_a_slow_degradation_grows_evenly_and_is_over_at_its_end() -> None:
    case = scenario.slow_degradation(0, ONSET, 10)
    assert _course(case, -1, 0, 120, 240, 243) == pytest.approx([0.0, 0.0, 0.5, 1.0, 0.0])


def test_an_accelerating_one_is_late_and_steep() -> None:
    case = scenario.slow_degradation(0, ONSET, 10, accelerating=True)
    assert _course(case, 120, 192, 239.9) == pytest.approx([0.125, 0.512, 1.0], abs=0.01)


def test_flapping_alternates_and_an_outage_does_not() -> None:
    assert _course(scenario.flapping(0, ONSET, 24), 0.5, 2.5, 3.5, 5.5, 6.5, 24.5) == [1, 1, 0, 0, 1, 0]
    assert _course(scenario.sudden_outage([0], ONSET, 3), -0.5, 0.5, 2.5, 3.5) == [0, 1, 1, 0]


def test_a_scenario_without_sites_or_time_is_refused() -> None:
    with pytest.raises(ValueError, match="not after its onset"):
        scenario.site_offline([0], ONSET, 0)
    with pytest.raises(ValueError, match="hits no site"):
        scenario.site_offline([], ONSET, 1)


def test_critical_time_is_where_the_expected_score_crosses_seventy() -> None:
    world = World(
        3, 30, 1, quiet=True, scenarios=[scenario.slow_degradation(0, ONSET, 10, "coverage", peak=0.6)]
    )
    (incident,) = world.truth
    base = world.model.base[0, 1]
    crossing = (1.0 - 0.7 / (1.0 - base)) / 0.6 * 240
    assert incident.critical_at is not None
    assert (incident.critical_at - ONSET) / timedelta(hours=1) == pytest.approx(crossing, abs=1.0)
    assert incident.metrics == ("capacity", "coverage", "throughput")


@pytest.mark.parametrize(
    "case",
    [
        scenario.level_shift(0, ONSET, ONSET + timedelta(days=9), "coverage"),
        scenario.blip(0, ONSET, "capacity"),
        scenario.rollout([0], ONSET, ONSET + timedelta(days=9), model="AP45", firmware="1"),
        scenario.closing_day([0], ONSET),
        scenario.busy_day([0], ONSET),
    ],
)
def test_decoys_are_marked_and_never_critical(case: scenario.Scenario) -> None:
    (incident,) = World(2, 30, 1, quiet=True, scenarios=[case]).truth
    assert incident.is_decoy
    assert incident.critical_at is None


def test_an_outage_is_critical_from_its_onset() -> None:
    world = World(2, 30, 1, quiet=True, scenarios=[scenario.sudden_outage([0], ONSET, 4)])
    assert world.truth[0].critical_at == ONSET
    assert not world.truth[0].is_decoy


def test_dead_access_points_move_their_own_availability() -> None:
    world = World(2, 30, 1, quiet=True, scenarios=[scenario.device_loss([0], ONSET, 6, share=0.6)])
    assert "ap-availability" in world.truth[0].metrics
    assert world.truth[0].critical_at == ONSET
