"""The bound of the detection benchmark: what can be known of a trouble two hours after real harm."""

from datetime import UTC, datetime

import numpy as np
import pytest

from benchmarks.bench_bound import allowed_line, bound, over
from mist_pipeline.simulator import World
from mist_pipeline.simulator.world import scenario

ONSET = datetime(2026, 2, 24, 10, tzinfo=UTC)


def test_windows_at_the_beginning_are_shorter() -> None:
    assert over(np.array([[1.0, 2.0, 3.0, 4.0]]), 3).tolist() == [[1.0, 3.0, 6.0, 9.0]]


def test_the_line_is_crossed_as_often_as_false_alarms_are_allowed() -> None:
    noise = np.zeros((10, 10 * 168))  # a hundred site-weeks: two alarms
    noise[[0, 3, 7], [100, 500, 900]] = 5.0, 9.0, 7.0
    noise[3, 505] = 8.0  # the same alarm as five hours before
    assert allowed_line(noise) == pytest.approx(5.0, abs=1e-6)


@pytest.mark.slow
def test_an_outage_is_known_at_once_and_what_harms_nobody_does_not_count() -> None:
    loud = scenario.sudden_outage([0], ONSET, 6, family="connect", peak=0.9)
    faint = scenario.sudden_outage([1], ONSET, 30, family="radio", peak=0.002)
    quiet, troubled = (World(2, 25, 1, quiet=True, scenarios=some) for some in ((), (loud, faint)))
    assert bound(troubled, quiet).rows() == [("sudden_outage", True, True, True, True)]
