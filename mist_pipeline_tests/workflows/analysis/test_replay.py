"""Past weeks again: kept evaluations as they were, closed hours where none was kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.ledger import NotificationRules
from mist_pipeline.alerts.ledger.pending import evaluate_pending
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.scenario import sudden_outage
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME, analysis
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_hour import live_evaluation
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.analysis.replay import (
    HOUR,
    KeptEvaluations,
    evaluation_inputs,
    kept_of_days,
    span,
)
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger

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
    """History with evidence; live evaluations of the last day from 10:05 on, every half an hour, are kept and evaluated."""
    data: Path = tmp_path_factory.mktemp("replay")
    made = load_settings(environment={"MIST_PIPELINE_DATA": str(data)})
    warehouse = Warehouse(made.warehouse_path)
    days = [world.first_day + timedelta(days=offset) for offset in range(DAYS)]
    history = world.history(days[0], days[-1])
    warehouse.replace_all({BY_NAME[f"history.{name}"]: frame for name, frame in history.items()}, days)
    store_evidence(warehouse, made, days[:-1])
    kept = kept_evaluations(made)
    morning = datetime.combine(days[-1], datetime.min.time(), UTC) + timedelta(hours=10, minutes=5)
    for quarter in range(0, 20, 2):
        instant = morning + quarter * timedelta(minutes=15)
        kept.keep(live_evaluation(warehouse, made, instant).evaluation_input())
    store_evidence(warehouse, made, days[-1:])
    with open_ledger(made) as ledger:
        evaluate_pending(ledger, kept, NotificationRules(routes=[]), morning + timedelta(hours=5))
    return made


def test_kept_evaluations_are_replayed_to_the_events_that_the_ledger_has(
    world: World, settings: Settings
) -> None:
    day = world.first_day + timedelta(days=DAYS - 1)
    warehouse, kept = Warehouse(settings.warehouse_path), kept_of_days(settings, day, day)
    newest = max(kept.at.values())
    inputs = evaluation_inputs(warehouse, settings, day, day, kept)
    again = replay(one for one in inputs if one.as_of <= newest)
    with open_ledger(settings) as ledger:
        ours = [event for event in ledger.events() if event.kind != "withheld"]
    assert len(ours) > 3
    assert [(one.subject_id, one.at, one.kind) for one in again.events] == [
        (one.subject_id, one.at, one.kind) for one in ours
    ]


def test_closed_hours_fill_what_was_not_kept(world: World, settings: Settings) -> None:
    day = world.first_day + timedelta(days=DAYS - 1)
    begin, _ = span(settings, day, day)
    kept = kept_of_days(settings, day, day)
    found = list(evaluation_inputs(Warehouse(settings.warehouse_path), settings, day, day, kept))
    assert [one.as_of for one in found] == sorted(one.as_of for one in found)
    closed = {(one.as_of - begin) / HOUR for one in found if one.as_of.minute == 0}
    assert closed == {*map(float, range(1, 10)), *map(float, range(15, 25))}
    assert sum(one.as_of.minute != 0 for one in found) == 10


def test_without_kept_evaluations_every_hour_is_evaluated_anew(world: World, settings: Settings) -> None:
    day = world.first_day + timedelta(days=DAYS - 1)
    found = list(evaluation_inputs(Warehouse(settings.warehouse_path), settings, day, day))
    assert len(found) == 24
    assert {one.site_count for one in found} == {6}


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
    again = KeptEvaluations.between(kept, {name.text: late}, *span(made, day.date(), day.date()))
    assert [one.as_of for one in again.evaluation_inputs()] == [late]
    at_its_end = EvaluationInput(
        as_of=day + timedelta(hours=24), source="daily", findings=none, covers_from=day
    )
    assert again.covers(at_its_end)
    assert not again.covers(EvaluationInput(as_of=day, source="daily", findings=none))
