"""What wakes ``evaluate``: nothing is lost between two ticks, and nothing is asked for twice."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from mist_pipeline.alerts.ledger.ledger import NotificationRules
from mist_pipeline.alerts.ledger.pending import evaluate_pending
from mist_pipeline.defs import sensors
from mist_pipeline.defs.resources import RUN, RunOptions, run_config
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.defs.sensors import LEFT_AFTER, degradation_sensor
from mist_pipeline.defs.table_io import BACKFILL
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import analysis
from mist_pipeline.tables import live as live_tables
from mist_pipeline.workflows.analysis.detect_day import BACKFILL_TAG
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger
from mist_pipeline_tests.support.alerts.histories import finding
from mist_pipeline_tests.support.alerts.histories import live as poll
from mist_pipeline_tests.support.defs.runs import (
    Ticks,
    job_named,
    looked,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_network")]

LIVE, DAY = "live/findings", "analysis/findings"
DAYS = dg.DailyPartitionsDefinition(start_date="2026-03-01", timezone="UTC")


@dg.asset(key=ALONE.key(analysis.FINDINGS), partitions_def=DAYS, backfill_policy=BACKFILL)
def day() -> None: ...


def analysed(
    instance: dg.DagsterInstance,
    first: str,
    last: str | None = None,
    tags: Mapping[str, str] | None = None,
    notify: bool | None = None,
) -> None:
    job = dg.define_asset_job("analyse", [day])
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
    definitions = dg.Definitions(assets=[day], jobs=[job], resources={RUN: RunOptions()})
    definitions.resolve_job_def("analyse").execute_in_process(
        instance=instance, tags={**span, **(tags or {})}, run_config=run_config(notify=notify)
    )


class Hand:
    """A clock that is set by hand, from the real time on."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environment={"MIST_PIPELINE_DATA": str(tmp_path)})


@pytest.fixture
def ticks(instance: dg.DagsterInstance, settings: Settings, clock: Hand) -> Ticks:
    return Ticks(instance, degradation_sensor(settings, job_named("evaluate"), clock))


def test_a_poll_whose_evaluation_was_killed_is_evaluated_though_no_poll_comes_behind_it(
    instance: dg.DagsterInstance, ticks: Ticks, settings: Settings, clock: Hand
) -> None:
    looked(instance)
    assert ticks.fires()
    kept_evaluations(settings).keep(poll(0, finding()))
    assert not ticks.fires()  # the run that was asked for takes it
    clock.now += LEFT_AFTER + timedelta(minutes=1)
    left = ticks.tick()
    assert isinstance(left, dg.RunRequest)
    assert left.run_key is None  # it may be asked for again
    killed = instance.create_run_for_job(job_named("evaluate"), status=dg.DagsterRunStatus.STARTED)
    assert not ticks.fires()
    instance.report_run_failed(killed)
    clock.now = datetime.now(UTC) + timedelta(minutes=1)
    assert not ticks.fires()
    clock.now += LEFT_AFTER
    assert ticks.fires()
    with open_ledger(settings) as ledger:
        evaluate_pending(ledger, kept_evaluations(settings), NotificationRules(routes=()), clock.now)
    assert not ticks.fires()


def test_without_findings_nothing_is_evaluated(ticks: Ticks) -> None:
    said = ticks.tick()
    assert isinstance(said, dg.SkipReason)
    assert said.skip_message == "No new findings."


def test_a_poll_and_a_day_are_each_evaluated_once(instance: dg.DagsterInstance, ticks: Ticks) -> None:
    looked(instance)
    first = ticks.tick()
    assert isinstance(first, dg.RunRequest)
    assert not ticks.fires()
    analysed(instance, "2026-03-02")
    second = ticks.tick()
    assert isinstance(second, dg.RunRequest)
    assert not ticks.fires()
    assert first.run_key != second.run_key


def test_what_was_found_while_the_sensor_was_off_is_evaluated_in_one_run(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    for _ in range(3):
        looked(instance)
    analysed(instance, "2026-03-02")
    assert ticks.fires()
    assert not ticks.fires()


def test_a_tick_that_is_repeated_asks_for_the_same_run(instance: dg.DagsterInstance, ticks: Ticks) -> None:
    looked(instance)
    first = ticks.tick()
    # The daemon died before it kept the cursor.
    ticks.cursor = None
    again = ticks.tick()
    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert first.run_key == again.run_key


@pytest.mark.parametrize(
    ("tags", "notify", "is_told"),
    [
        ({}, None, True),
        ({"dagster/schedule_name": "every_morning"}, None, True),
        ({BACKFILL_TAG: "abc"}, None, False),
        ({BACKFILL_TAG: "abc"}, True, True),
        ({BACKFILL_TAG: "abc"}, False, False),
        ({}, False, False),
        ({}, True, True),
    ],
)
def test_a_backfill_asks_for_nothing_unless_it_is_told_to(
    instance: dg.DagsterInstance, ticks: Ticks, tags: dict[str, str], notify: bool | None, is_told: bool
) -> None:
    analysed(instance, "2026-03-02", tags=tags, notify=notify)
    assert ticks.fires() == is_told
    assert not ticks.fires()


def test_a_day_behind_which_a_backfill_came_is_evaluated_all_the_same(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    looked(instance)
    assert ticks.fires()
    analysed(instance, "2026-03-05")
    analysed(instance, "2026-03-01", "2026-03-04", tags={BACKFILL_TAG: "abc"})
    assert ticks.fires()
    assert not ticks.fires()


def test_before_the_first_tick_too_a_backfill_hides_no_poll(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    analysed(instance, "2026-03-05")
    analysed(instance, "2026-03-01", "2026-03-04", tags={BACKFILL_TAG: "abc"})
    assert ticks.fires()


def test_many_days_at_once_are_one_run(instance: dg.DagsterInstance, ticks: Ticks) -> None:
    looked(instance)
    assert ticks.fires()
    analysed(instance, "2026-03-01", "2026-03-20")
    assert ticks.fires()
    assert not ticks.fires()


def test_more_events_than_one_tick_reads_are_read_by_the_next_ones(
    instance: dg.DagsterInstance, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "MOST_EVENTS", 4)
    analysed(instance, "2026-03-01")
    assert ticks.fires()
    analysed(instance, "2026-03-02", "2026-03-06", tags={BACKFILL_TAG: "abc"})
    analysed(instance, "2026-03-07")
    assert [ticks.fires() for _ in range(3)] == [False, True, False]


def test_events_without_a_run_are_evaluated(instance: dg.DagsterInstance, ticks: Ticks) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(ALONE.key(live_tables.FINDINGS)))
    assert ticks.fires()


def test_a_run_that_was_deleted_takes_no_wake_up_with_it(instance: dg.DagsterInstance, ticks: Ticks) -> None:
    looked(instance)
    assert ticks.fires()
    looked(instance)
    for run in instance.get_runs():
        instance.run_storage.delete_run(run.run_id)
    assert ticks.fires()
