"""Whoever keeps its connections to Dagster's files has fewer of them and stores the same; of a run nothing stays open."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.execution.api import execute_run
from dagster._grpc.impl import get_external_sensor_execution

from mist_pipeline.defs.dagster_history import prune
from mist_pipeline.defs.runs.connections import instance_of, kept_connections
from mist_pipeline.defs.runs.executor import in_process
from mist_pipeline.defs.scope import ALONE

DAILY = dg.DailyPartitionsDefinition(start_date="2026-03-01", timezone="UTC")
LATER = datetime.now(UTC) + timedelta(days=1)


@dg.asset(partitions_def=DAILY)
def upper(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"day": context.partition_key})


@dg.asset(partitions_def=DAILY, deps=[upper])
def lower() -> None: ...


@dg.asset_check(asset=upper)
def fine() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


JOB = dg.Definitions(
    assets=[upper, lower],
    asset_checks=[fine],
    jobs=[dg.define_asset_job("both")],
    executor=in_process,
).resolve_job_def("both")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance with SQLite files."""
    with dg.instance_for_test() as opened:
        yield opened


@contextmanager
def opened_connections() -> Iterator[list[object]]:
    """Connections of SQLAlchemy that are opened meanwhile."""
    opened: list[object] = []

    def count(connection: object, _: object) -> None:
        opened.append(connection)

    sa.event.listen(sa.pool.Pool, "connect", count)
    try:
        yield opened
    finally:
        sa.event.remove(sa.pool.Pool, "connect", count)


def told(instance: dg.DagsterInstance, run_id: str) -> list[tuple[str | None, str | None]]:
    """What happened in a run, in order."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id)]
    return [(event.event_type_value, event.step_key) for event in events if event]


def executed(instance: dg.DagsterInstance, day: str) -> dg.JobExecutionResult:
    """A run with our executor."""
    run = instance.create_run_for_job(JOB, tags={"dagster/partition": day})
    return execute_run(InMemoryJob(JOB), run, instance)


def test_a_run_opens_few_connections_and_stores_what_it_stored_before(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, opened_connections() as many:
        patch.setattr("mist_pipeline.defs.runs.executor.kept_connections", lambda _: nullcontext())
        before = executed(instance, "2026-03-01")
    with opened_connections() as few, kept_connections(instance):
        run = executed(instance, "2026-03-02")
    assert run.success
    assert before.success
    assert len(few) < 16 < 60 < len(many)
    assert told(instance, run.run_id) == told(instance, before.run_id)
    assert instance.get_materialized_partitions(dg.AssetKey("upper")) == {"2026-03-01", "2026-03-02"}
    fines = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey("upper"), "fine"), limit=4
    )
    # Dagster writes a planned one and, since checks have no partition here, another one when it is done.
    said = {(one.run_id, one.status.value) for one in fines}
    assert said == {(each.run_id, how) for each in (run, before) for how in ("PLANNED", "SUCCEEDED")}


def test_others_see_at_once_what_a_run_stores(instance: dg.DagsterInstance) -> None:
    root = Path(instance.root_directory)
    with kept_connections(instance), dg.DagsterInstance.from_config(str(root)) as other:
        instance.report_runless_asset_event(dg.AssetMaterialization("of_now"))
        assert other.get_latest_materialization_event(dg.AssetKey("of_now")) is not None
        other.report_runless_asset_event(dg.AssetMaterialization("of_others"))
        assert instance.get_latest_materialization_event(dg.AssetKey("of_others")) is not None


@dg.sensor(job=JOB)
def looks(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    seen = instance_of(context)
    seen.get_runs()
    seen.all_instigator_state()
    return dg.SkipReason(
        f"{id(seen)} {seen.get_latest_materialization_event(dg.AssetKey('of_others')) is not None}"
    )


LOOKING = dg.Definitions(sensors=[looks], jobs=[JOB]).get_repository_def()


def tick(instance: dg.DagsterInstance) -> tuple[str, str]:
    """Which instance a tick in a code server has, and whether it sees what others stored."""
    ref = instance.get_ref()
    said = get_external_sensor_execution(LOOKING, None, ref, "looks", None, None, None, None, None)  # type: ignore[arg-type]
    assert isinstance(said, SensorExecutionData)
    number, _, is_seen = str(said.skip_message).partition(" ")
    return number, is_seen


def test_ticks_of_a_code_server_have_one_instance_which_sees_what_others_store(
    instance: dg.DagsterInstance,
) -> None:
    first = tick(instance)
    assert first[1] == "False"
    instance.report_runless_asset_event(dg.AssetMaterialization("of_others"))
    assert tick(instance) == (first[0], "True")
    with opened_connections() as opened:
        assert [tick(instance) for _ in range(3)] == [(first[0], "True")] * 3
    assert opened == []
    with dg.instance_for_test() as other:
        assert tick(other)[1] == "False", "of another Dagster home"
    assert tick(instance)[1] == "True"


def test_schedules_and_sensors_keep_their_connection_too(instance: dg.DagsterInstance) -> None:
    with kept_connections(instance):
        instance.all_instigator_state()
        with opened_connections() as opened:
            for _ in range(3):
                instance.all_instigator_state()
        assert opened == []
    assert "connect" not in vars(instance.schedule_storage)


def test_nothing_is_open_behind_it(instance: dg.DagsterInstance) -> None:
    files = Path(instance.root_directory) / "history"
    with suppress(ZeroDivisionError), kept_connections(instance):
        run = JOB.execute_in_process(instance=instance, partition_key="2026-03-01")
        assert list(files.rglob("*.db-wal"))
        raise ZeroDivisionError
    assert list(files.rglob("*.db-wal")) == []
    assert "_connect" not in vars(instance.event_log_storage)
    assert "connect" not in vars(instance.run_storage)
    assert told(instance, run.run_id)


def test_a_block_inside_another_takes_its_connections(instance: dg.DagsterInstance) -> None:
    with kept_connections(instance):
        instance.get_runs()
        with opened_connections() as opened, kept_connections(instance):
            instance.get_runs()
        assert opened == []
        assert "_connect" in vars(instance.event_log_storage)


def test_runs_that_are_pruned_meanwhile_leave_no_file(instance: dg.DagsterInstance) -> None:
    runs = [
        JOB.execute_in_process(instance=instance, partition_key=f"2026-03-0{day}").run_id for day in (1, 2)
    ]
    with kept_connections(instance):
        for run_id in runs:
            assert told(instance, run_id)
        prune(instance, ALONE, LATER)
    assert [path for run_id in runs for path in Path(instance.root_directory).rglob(f"*{run_id}*.db*")] == []


def test_an_instance_in_memory_is_left_alone() -> None:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        storage = ephemeral.event_log_storage
        with kept_connections(ephemeral):
            assert "_connect" not in vars(storage)
            assert JOB.execute_in_process(instance=ephemeral, partition_key="2026-03-01").success
