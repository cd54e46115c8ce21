"""Past weeks again: kept looks as they were, closed hours where nobody looked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.ledger import Telling
from mist_pipeline.alerts.ledger.pending import take
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.scenario import sudden_outage
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME, analysis
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_hour import live_evaluation
from mist_pipeline.workflows.analysis.evidence_walk import walk
from mist_pipeline.workflows.analysis.replay import HOUR, Looks, span, steps
from mist_pipeline.workflows.ledger_access import kept_evaluations, kept_looks, open_ledger

pytestmark = pytest.mark.slow

DAYS = 24
NOON = timedelta(hours=11)


@pytest.fixture(scope="module")
def world() -> World:
    quiet = World(6, DAYS, 3, quiet=True, timezones=["UTC"])
    begins = quiet.midnight(quiet.first_day + timedelta(days=DAYS - 1)) + NOON
    return World(
        6, DAYS, 3, quiet=True, timezones=["UTC"], scenarios=[sudden_outage([0], begins, 4.0, peak=0.9)]
    )


@pytest.fixture(scope="module")
def settings(world: World, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """History with evidence; the last day was looked at from 10:05 on, every quarter of an hour, and evaluated."""
    data: Path = tmp_path_factory.mktemp("replay")
    made = load_settings(environment={"MIST_PIPELINE_DATA": str(data)})
    warehouse = Warehouse(made.warehouse_path)
    days = [world.first_day + timedelta(days=offset) for offset in range(DAYS)]
    history = world.history(days[0], days[-1])
    warehouse.replace_all({BY_NAME[f"history.{name}"]: frame for name, frame in history.items()}, days)
    walk(warehouse, made, days[:-1])
    kept = kept_evaluations(made)
    morning = datetime.combine(days[-1], datetime.min.time(), UTC) + timedelta(hours=10, minutes=5)
    for quarter in range(0, 20, 2):
        instant = morning + quarter * timedelta(minutes=15)
        kept.keep(live_evaluation(warehouse, made, instant).step(instant))
    walk(warehouse, made, days[-1:])
    with open_ledger(made) as ledger:
        take(ledger, kept, Telling(routes=[]), morning + timedelta(hours=5))
    return made


def test_looks_are_replayed_to_the_events_that_the_ledger_has(world: World, settings: Settings) -> None:
    day = world.first_day + timedelta(days=DAYS - 1)
    warehouse, looks = Warehouse(settings.warehouse_path), kept_looks(settings, day, day)
    newest = max(looks.at.values())
    again = replay(step for step in steps(warehouse, settings, day, day, looks) if step.as_of <= newest)
    with open_ledger(settings) as ledger:
        ours = [event for event in ledger.events() if event.kind != "withheld"]
    assert len(ours) > 3
    assert [(one.subject_id, one.at, one.kind) for one in again.events] == [
        (one.subject_id, one.at, one.kind) for one in ours
    ]


def test_closed_hours_fill_what_nobody_looked_at(world: World, settings: Settings) -> None:
    day = world.first_day + timedelta(days=DAYS - 1)
    begin, _ = span(settings, day, day)
    looks = kept_looks(settings, day, day)
    found = list(steps(Warehouse(settings.warehouse_path), settings, day, day, looks))
    assert [step.as_of for step in found] == sorted(step.as_of for step in found)
    closed = {(step.as_of - begin) / HOUR for step in found if step.as_of.minute == 0}
    assert closed == {*map(float, range(1, 10)), *map(float, range(15, 25))}
    assert sum(step.as_of.minute != 0 for step in found) == 10


def test_without_looks_every_hour_is_judged_anew(world: World, settings: Settings) -> None:
    day = world.first_day + timedelta(days=DAYS - 1)
    found = list(steps(Warehouse(settings.warehouse_path), settings, day, day))
    assert len(found) == 24
    assert {step.site_count for step in found} == {6}


def test_a_day_that_was_evaluated_is_not_evaluated_again_at_its_end(tmp_path: Path) -> None:
    made = load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})
    day = datetime(2026, 3, 2, tzinfo=UTC)
    none = analysis.FINDINGS.empty()
    kept = kept_evaluations(made)
    morning = EvaluationInput(
        as_of=day + timedelta(hours=26), source="daily", findings=none, covers_from=day, site_count=1
    )
    name = kept.keep(morning)
    late = morning.as_of + timedelta(milliseconds=1)
    looks = Looks.between(kept, {name.text: late}, *span(made, day.date(), day.date()))
    assert [step.as_of for step in looks.steps()] == [late]
    at_its_end = EvaluationInput(
        as_of=day + timedelta(hours=24), source="daily", findings=none, covers_from=day
    )
    assert looks.covers(at_its_end)
    assert not looks.covers(EvaluationInput(as_of=day, source="daily", findings=none))
