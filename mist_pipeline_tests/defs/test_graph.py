"""The graph that Dagster sees: no asset, job, schedule or check comes or goes by accident."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

# What Dagster keeps of runs, schedules and graphs can only be made or read with classes that have no public name.
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._utils.schedules import cron_string_iterator
from syrupy.assertion import SnapshotAssertion

from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.settings import load_settings
from mist_pipeline.tables import BY_NAME, PUBLIC_TABLES, analysis
from mist_pipeline.tables.lineage import COMPUTED
from mist_pipeline.tables.schema import Table
from mist_pipeline.workflows.layers import DAYS_A_RUN

HOUR = timedelta(hours=1)
EVERY_TABLE = pytest.mark.parametrize("table", PUBLIC_TABLES, ids=lambda table: table.full_name)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    """What is loaded without configuration, token or network."""
    return build_defs(load_settings(environment={}))


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> AssetGraph:
    return definitions.resolve_asset_graph()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


@pytest.mark.slow
def test_assets_with_their_groups_and_what_they_are_made_of(
    specs: dict[dg.AssetKey, dg.AssetSpec], snapshot: SnapshotAssertion
) -> None:
    assets = {
        spec.key.to_user_string(): {
            "group": spec.group_name,
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "partitions": type(spec.partitions_def).__name__ if spec.partitions_def else None,
        }
        for spec in specs.values()
    }
    assert assets == snapshot


def test_jobs_with_the_assets_that_they_make(
    definitions: dg.Definitions, snapshot: SnapshotAssertion
) -> None:
    repository = definitions.get_repository_def()
    jobs = {
        job.name: sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys)
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }
    assert jobs == snapshot


def test_jobs_of_ops_with_their_steps_and_what_each_waits_for(
    definitions: dg.Definitions, snapshot: SnapshotAssertion
) -> None:
    def upstream(job: dg.JobDefinition, node: str) -> list[str]:
        outputs = job.graph.dependency_structure.input_to_upstream_outputs_for_node(node)
        return sorted(output.node_name for found in outputs.values() for output in found)

    jobs = {
        job.name: {
            "load": job.tags.get("mist_pipeline/load"),
            "steps": {node.name: upstream(job, node.name) for node in job.graph.nodes},
        }
        for job in definitions.get_repository_def().get_all_jobs()
        if not job.name.startswith("__") and not job.asset_layer.selected_asset_keys
    }
    assert jobs == snapshot


def test_every_job_and_what_is_materialised_by_hand_runs_its_steps_one_after_another(
    definitions: dg.Definitions,
) -> None:
    jobs = definitions.get_repository_def().get_all_jobs()
    assert "__ASSET_JOB" in {job.name for job in jobs}
    assert {job.name: job.executor_def.name for job in jobs} == {job.name: "in_process" for job in jobs}


def test_whoever_tells_people_waits_for_nobody_else(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    woken = {target.job_name for sensor in repository.sensor_defs for target in sensor.targets}
    assert woken == {"evaluate", "deliver", "escalate", "read_back", "watch"}
    for name in woken:
        job = repository.get_job(name)
        # One run of each load at a time (dagster.yaml): a load of its own is a place of its own.
        assert job.tags["mist_pipeline/load"] == name
        assert not job.asset_layer.selected_asset_keys
        assert not any(node.definition.pools for node in job.graph.nodes)


def test_schedules_with_their_times_and_zones(
    definitions: dg.Definitions, snapshot: SnapshotAssertion
) -> None:
    repository = definitions.get_repository_def()
    schedules = {
        schedule.name: {
            "cron": schedule.cron_schedule,
            "zone": schedule.execution_timezone,
            "job": schedule.job_name,
            "on by itself": schedule.default_status == dg.DefaultScheduleStatus.RUNNING,
        }
        for schedule in repository.schedule_defs
    }
    assert schedules == snapshot


def test_sensors_with_the_jobs_that_they_start(
    definitions: dg.Definitions, snapshot: SnapshotAssertion
) -> None:
    sensors = {
        sensor.name: {
            "targets": sorted(target.job_name for target in sensor.targets),
            "every so many seconds": sensor.minimum_interval_seconds,
            "on by itself": sensor.default_status == dg.DefaultSensorStatus.RUNNING,
        }
        for sensor in definitions.get_repository_def().sensor_defs
    }
    assert sensors == snapshot


def test_checks_and_which_of_them_block(graph: AssetGraph, snapshot: SnapshotAssertion) -> None:
    checks = {
        check.to_user_string(): "blocks" if graph.get_check_spec(check).blocking else "warns"
        for check in graph.asset_check_keys
    }
    assert checks == snapshot


def test_every_schedule_keeps_the_organisations_time() -> None:
    environment = {"MIST_PIPELINE__ORGANISATION__TIMEZONE": "Asia/Kathmandu"}
    repository = build_defs(load_settings(environment=environment)).get_repository_def()
    zones = {schedule.name: schedule.execution_timezone for schedule in repository.schedule_defs}
    assert set(zones.values()) == {"Asia/Kathmandu"}, zones


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60])
def test_the_live_job_polls_as_often_as_configured(minutes: int) -> None:
    environment = {"MIST_PIPELINE__MONITORING__INTERVAL_MINUTES": str(minutes)}
    repository = build_defs(load_settings(environment=environment)).get_repository_def()
    schedule = repository.get_schedule_def("every_few_minutes")
    cron = schedule.cron_schedule
    assert isinstance(cron, str)
    ticks = cron_string_iterator(0.0, cron, "UTC")
    first, second = next(ticks), next(ticks)
    assert (second - first).total_seconds() == minutes * 60


def test_every_partitioned_asset_has_the_same_days(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    assert len({spec.partitions_def for spec in specs.values() if spec.partitions_def}) == 1


def test_a_backfill_is_cut_into_runs_that_fit_into_memory(
    graph: AssetGraph, specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    partitioned = [spec.key for spec in specs.values() if spec.partitions_def]
    policies = {graph.get(name).backfill_policy for name in partitioned}
    # One policy for all: assets with different ones are never made in one run.
    assert policies == {dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_A_RUN)}


def test_every_asset_says_what_it_is_and_whose(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    for spec in specs.values():
        name = spec.key.to_user_string()
        assert spec.description, name
        assert spec.owners, name
        assert spec.kinds, name
        assert spec.group_name not in (None, "default"), name


@EVERY_TABLE
def test_every_table_is_an_asset_with_its_columns(
    table: Table, specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    spec = specs[ALONE.key(table)]
    assert spec.group_name == table.schema
    assert spec.metadata["dagster/table_name"] == table.full_name
    schema = spec.metadata["dagster/column_schema"]
    assert [(column.name, column.type, column.description) for column in schema.columns] == [
        (column.name, column.type, column.description) for column in table.columns
    ]
    nullable = {column.name for column in schema.columns if column.constraints.nullable}
    assert nullable == set(table.column_names) - set(table.key)


@pytest.mark.parametrize("table", COMPUTED, ids=lambda table: table.full_name)
def test_what_a_column_is_made_of_is_there_and_an_input_of_its_asset(
    table: Table, specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    inputs = {dep.asset_key for dep in specs[ALONE.key(table)].deps}
    shown = specs[ALONE.key(table)].metadata["dagster/column_lineage"].deps_by_column
    assert set(COMPUTED[table]) <= set(shown) <= set(table.column_names)
    for sources in shown.values():
        for source in sources:
            assert source.asset_key in inputs
            assert source.column_name in BY_NAME[".".join(source.asset_key.path)].column_names


def test_what_an_asset_needs_of_its_own_earlier_days_is_declared(
    specs: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    own = {spec.key for spec in specs.values() if spec.key in {dep.asset_key for dep in spec.deps}}
    assert own == {ALONE.key(table) for table in (analysis.EVIDENCE, analysis.ANOMALIES, analysis.FORECASTS)}


def test_what_people_wait_for_has_a_time_by_which_it_must_be_there(
    specs: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    policies = {spec.key.to_user_string(): spec.freshness_policy for spec in specs.values()}
    (report, poll) = (policies.pop(name) for name in ("report/daily_report", "live/status"))
    assert set(policies.values()) == {None}
    assert (report.deadline_cron, report.timezone) == ("0 8 * * *", "UTC")
    assert (poll.warn_window.to_timedelta(), poll.fail_window.to_timedelta()) == (HOUR / 2, HOUR)


def test_every_asset_names_the_version_and_the_place_of_its_code(
    specs: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    for spec in specs.values():
        assert spec.code_version, spec.key
        (place,) = spec.metadata["dagster/code_references"].code_references
        assert "mist_pipeline/defs/assets" in place.file_path


@EVERY_TABLE
def test_every_table_has_both_checks_and_they_block(table: Table, graph: AssetGraph) -> None:
    blocking = {
        check.name
        for check in graph.get_check_keys_for_assets([ALONE.key(table)])
        if graph.get_check_spec(check).blocking
    }
    assert blocking >= {"keys_are_unique", "values_are_possible"}


@pytest.mark.slow
def test_dagster_itself_finds_the_definitions_valid(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-m", "mist_pipeline.definitions"]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path)},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Validation successful" in ended.stdout + ended.stderr
