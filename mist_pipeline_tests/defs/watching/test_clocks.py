"""Schedules and sensors as Dagster keeps them."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

# What Dagster keeps of schedules and sensors has no public name.
from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType, TickData, TickStatus
from dagster._utils.error import SerializableErrorInfo

from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.defs.watching.clocks import expected_clocks, read_clocks
from mist_pipeline.settings import load_settings
from mist_pipeline_tests.support.defs.runs import turn

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 28, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAME = "every_few_minutes"


def tick(instance: dg.DagsterInstance, at: datetime, status: TickStatus, message: str = "") -> None:
    (state,) = instance.all_instigator_state()
    error = SerializableErrorInfo(message, [], "ValueError") if message else None
    instance.create_tick(
        TickData(
            instigator_origin_id=state.instigator_origin_id,
            instigator_name=state.name,
            instigator_type=InstigatorType.SCHEDULE,
            status=status,
            timestamp=at.timestamp(),
            selector_id=state.selector_id,
            error=error,
        )
    )


def test_every_schedule_and_sensor_is_expected_and_no_other() -> None:
    settings = load_settings(environment={})
    repository = build_defs(settings).get_repository_def()
    named = {each.name for each in (*repository.schedule_defs, *repository.sensor_defs)}
    expected = expected_clocks(settings)
    assert set(expected) == named
    assert expected["every_night"] == timedelta(hours=25), "the day on which summer time ends"
    for sensor in repository.sensor_defs:
        assert expected[sensor.name] == timedelta(seconds=sensor.minimum_interval_seconds or 0)


def test_an_instance_without_clocks_has_none(instance: dg.DagsterInstance) -> None:
    assert read_clocks(instance, ALONE, {NAME: MINUTE}) == ()


def test_a_clock_says_whether_it_is_on_when_it_ticked_and_whether_its_ticks_fail(
    scheduled: dg.DagsterInstance,
) -> None:
    (never,) = read_clocks(scheduled, ALONE, {NAME: MINUTE})
    assert (never.is_on, never.last_tick, never.failures) == (False, None, 0)
    turn(scheduled, InstigatorStatus.RUNNING, NOW, NAME)
    (fresh,) = read_clocks(scheduled, ALONE, {NAME: MINUTE})
    assert (fresh.is_on, fresh.on_since, fresh.last_tick) == (True, NOW, None)
    tick(scheduled, NOW + MINUTE, TickStatus.SKIPPED)
    tick(scheduled, NOW + 2 * MINUTE, TickStatus.FAILURE, "the ledger is locked")
    tick(scheduled, NOW + 3 * MINUTE, TickStatus.FAILURE, "token abcdef0123456789secret\nis wrong")
    (failing,) = read_clocks(scheduled, ALONE, {NAME: MINUTE})
    assert (failing.last_tick, failing.failures) == (NOW + 3 * MINUTE, 2)
    assert failing.error == "token … is wrong"
    tick(scheduled, NOW + timedelta(hours=3), TickStatus.SKIPPED)
    tick(scheduled, NOW + 4 * MINUTE, TickStatus.SKIPPED)
    (behind_a_wrong_clock,) = read_clocks(scheduled, ALONE, {NAME: MINUTE})
    assert behind_a_wrong_clock.last_tick == NOW + 4 * MINUTE
    turn(scheduled, InstigatorStatus.STOPPED, NOW, NAME)
    (off,) = read_clocks(scheduled, ALONE, {NAME: MINUTE})
    assert not off.is_on
