"""Runs, checks, schedules and sensors as Dagster's instance knows them, made for tests."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

# The state of a schedule can only be made with classes that have no public name.
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from mist_pipeline.defs.scope import ALONE
from mist_pipeline.defs.watching.pipeline_facts import CheckReader, read_facts
from mist_pipeline.tables import live as live_tables
from mist_pipeline.workflows.self_monitoring.facts import PipelineFacts
from mist_pipeline.workflows.self_monitoring.jobs import WATCHED

KEY = dg.AssetKey(["history", "sle_daily"])


def broken() -> None:
    raise ValueError("the tower\n  fell")


def fine() -> None: ...


def job_that(name: str, does: Callable[[], None]) -> dg.JobDefinition:
    @dg.op(name="step")
    def step() -> None:
        does()

    @dg.job(name=name, executor_def=dg.in_process_executor)
    def made() -> None:
        step()

    return made


def run(instance: dg.DagsterInstance, name: str, does: Callable[[], None], **tags: str) -> str:
    ended = job_that(name, does).execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    return ended.run_id


def read(
    instance: dg.DagsterInstance, watched: Sequence[str] = WATCHED, keys: Sequence[dg.AssetCheckKey] = ()
) -> PipelineFacts:
    return read_facts(instance, ALONE, watched, CheckReader(keys))


Outcome = dg.AssetCheckResult | Exception
DAILY = dg.DailyPartitionsDefinition(start_date="2026-03-01", timezone="UTC")


def materialise(
    instance: dg.DagsterInstance,
    *outcomes: Outcome,
    does: Callable[[], None] = fine,
    blocking: bool = False,
    days: Mapping[str, str] | None = None,
) -> list[dg.AssetCheckKey]:
    """A run of ``daily`` over an asset with a check for each outcome; the keys of the checks."""
    partitions = DAILY if days else None

    @dg.asset(key=KEY, partitions_def=partitions, backfill_policy=dg.BackfillPolicy.single_run())
    def table() -> dg.MaterializeResult[Any]:
        does()
        return dg.MaterializeResult()

    def made(number: int, outcome: Outcome) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset=KEY, name=f"check_{number}", blocking=blocking)
        def checked() -> dg.AssetCheckResult:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return checked

    checks = [made(number, outcome) for number, outcome in enumerate(outcomes)]
    definitions = dg.Definitions(
        assets=[table],
        asset_checks=checks,
        jobs=[dg.define_asset_job("daily", executor_def=dg.in_process_executor)],
    )
    definitions.resolve_job_def("daily").execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags={f"dagster/{name}": value for name, value in (days or {}).items()},
    )
    return [key for each in checks for key in each.check_keys]


GOOD = dg.AssetCheckResult(passed=True)
BAD = dg.AssetCheckResult(passed=False, description="3 rows\nof score_pct")


def turn(instance: dg.DagsterInstance, status: InstigatorStatus, since: datetime, name: str) -> None:
    target = LoadableTargetOrigin(module_name="mist_pipeline.definitions")
    repository = RemoteRepositoryOrigin(InProcessCodeLocationOrigin(target), "__repository__")
    data = ScheduleInstigatorData("*/15 * * * *", since.timestamp())
    origin = RemoteInstigatorOrigin(repository, name)
    state = InstigatorState(origin, InstigatorType.SCHEDULE, status, data)
    known = instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
    (instance.update_instigator_state if known else instance.add_instigator_state)(state)


def job_named(name: str) -> dg.JobDefinition:
    @dg.op(name="step")
    def step() -> None:
        """Nothing happens."""

    @dg.job(name=name)
    def made() -> None:
        step()

    return made


class Ticks:
    """A sensor between its ticks: what Dagster keeps for it is the cursor."""

    def __init__(self, instance: dg.DagsterInstance, sensor: dg.SensorDefinition) -> None:
        self.instance = instance
        self.sensor = sensor
        self.cursor: str | None = None

    def tick(self) -> dg.RunRequest | dg.SkipReason:
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            said = self.sensor(context)
            self.cursor = context.cursor
        assert isinstance(said, dg.RunRequest | dg.SkipReason)
        return said

    def fires(self) -> bool:
        return isinstance(self.tick(), dg.RunRequest)


# What a cursor becomes


@dg.asset(key=ALONE.key(live_tables.FINDINGS))
def live_evaluation() -> None: ...


def looked(instance: dg.DagsterInstance, **tags: str) -> None:
    dg.materialize([live_evaluation], instance=instance, tags=tags)
