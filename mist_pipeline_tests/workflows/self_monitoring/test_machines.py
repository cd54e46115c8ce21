"""A machine that is missing is told after some minutes, by the one that is left."""

from datetime import UTC, datetime, timedelta

import pytest

from mist_pipeline.alerts.machines.lease import HERE, Machine, Machines
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE
from mist_pipeline.workflows.doctor.running import Running, running
from mist_pipeline.workflows.self_monitoring.facts import PipelineFacts
from mist_pipeline.workflows.self_monitoring.machines import PATIENCE, machine_troubles
from mist_pipeline.workflows.self_monitoring.service import ServiceFacts
from mist_pipeline.workflows.self_monitoring.troubles import all_troubles, stalled

NOW = datetime(2026, 3, 28, 10, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def crew(since: timedelta = HOUR, **ages: timedelta) -> Machines:
    """Machine → how long ago it was seen; the first is active."""
    every = tuple(Machine(name, NOW - HOUR, NOW - age, is_here=age < HERE) for name, age in ages.items())
    return Machines(NOW, next(iter(ages)), NOW - since, 3, every)


@pytest.mark.parametrize(
    ("found", "expected", "said"),
    [
        (None, 1, ""),
        (crew(a=SECOND, b=SECOND), 2, ""),
        (crew(a=SECOND, b=PATIENCE - SECOND), 2, ""),
        (crew(a=SECOND, b=PATIENCE), 2, "1 of 2 machines are there: a is active"),
        (crew(a=SECOND), 2, "Nobody takes over if it dies"),
        (crew(since=PATIENCE - SECOND, a=SECOND), 2, ""),
        (crew(since=PATIENCE - SECOND, a=SECOND, b=HOUR), 2, ""),
        (crew(a=SECOND, b=HOUR, c=SECOND), 2, ""),
        (crew(a=SECOND, b=HOUR, c=SECOND), 3, "Fewer can take over than should"),
    ],
)
def test_a_missing_machine_is_trouble_after_some_minutes(
    found: Machines | None, expected: int, said: str
) -> None:
    troubles = list(machine_troubles(found, expected))
    assert [(one.subject, one.severity) for one in troubles] == ([("standby", "major")] if said else [])
    assert all(said in one.summary for one in troubles)


def test_people_are_told_of_it_and_the_heartbeat_goes_on() -> None:
    service = ServiceFacts(machines=crew(a=SECOND), expected_machines=2)
    given = (PipelineFacts(), service, NOW, HOUR, UTC)
    assert "standby" in {one.subject for one in all_troubles(*given)}
    assert "standby" not in {one.subject for one in stalled(*given)}


@pytest.mark.parametrize(
    ("found", "verdict"), [(crew(a=SECOND, b=SECOND), FINE), (crew(a=SECOND, b=HOUR), DOUBTFUL)]
)
def test_doctor_says_who_is_active(found: Machines, verdict: str) -> None:
    (check,) = (one for one in running(Running(machines=found)) if one.subject == "machines")
    assert (check.verdict, check.found.partition(" ")[0], bool(check.fix)) == (verdict, "a", verdict != FINE)
