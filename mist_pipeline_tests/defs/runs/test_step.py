"""What a worker of a cluster refuses, and that a step ends with its run."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._serdes import deserialize_value, serialize_value

from mist_pipeline.defs.runs import step as module
from mist_pipeline.defs.runs.step import (
    StepRefusedError,
    StepRequest,
    ended_with_run,
    events_of_step,
    execute_on_worker,
    request_of,
)
from mist_pipeline.settings.organisations import ORGANISATION_VARIABLE
from mist_pipeline.workflows.running.likeness import facts, settings_of
from mist_pipeline_tests.support.settings.on_a_cluster import ON_A_CLUSTER

OVER = [dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE]


@dg.op
def say(context: dg.OpExecutionContext) -> None:
    context.log.info("said")


@dg.job(executor_def=dg.in_process_executor)
def work() -> None:
    say()


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance of a worker whose environment is that of a cluster."""
    for name, value in {**ON_A_CLUSTER, "MIST_PIPELINE_DATA": str(tmp_path / "data")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MIST_PIPELINE_CONFIG", raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr(module, "_loaded", {})
    module._instance.cache_clear()
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance
    module._instance.cache_clear()


def asked(run_id: str) -> StepRequest:
    state = serialize_value(KnownExecutionState())
    return StepRequest("", run_id, "search", "models", state, facts(settings_of("")))


def test_one_step_of_a_run_is_executed_and_tells_dagster(opened: dg.DagsterInstance) -> None:
    run = opened.create_run_for_job(work)
    events = list(events_of_step(InMemoryJob(work), run, opened, "say", KnownExecutionState()))
    kinds = [event.event_type_value for event in events]
    assert kinds[-1] == "STEP_SUCCESS"
    stored = [entry.user_message for entry in opened.all_logs(run.run_id)]
    assert "said" in stored


@pytest.mark.slow
def test_a_worker_executes_a_step_of_the_project_and_says_where(
    opened: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of("")
    definitions = module._module("").build_defs(settings)
    job = definitions.resolve_job_def("search")
    # Nobody answers at the address of the warehouse: the step fails, and says so as any step does.
    monkeypatch.setattr("mist_pipeline.definitions.RUN_WAITS_SECONDS", 0.1)
    run = opened.create_run_for_job(job, tags={"dagster/partition": "2026-03-01"})
    opened.report_engine_event("begins", run)
    events = [
        deserialize_value(text, dg.DagsterEvent) for text in execute_on_worker(request_of(asked(run.run_id)))
    ]
    kinds = [event.event_type_value for event in events if event.step_key == "models"]
    assert kinds[0] == "STEP_WORKER_STARTED"
    assert kinds[-1] == "STEP_FAILURE"
    assert str(os.getpid()) in str(events[0].message)


def test_a_worker_that_would_make_other_rows_refuses(
    opened: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = asked(opened.create_run_for_job(work).run_id)
    other = replace(wanted, facts={**wanted.facts, "polars": "0.1"})
    monkeypatch.setenv("MIST_PIPELINE__THRESHOLDS__DEVIATION_SIGMA", "7")
    with pytest.raises(StepRefusedError, match=r"another setting thresholds\.deviation_sigma") as refused:
        execute_on_worker(request_of(other))
    assert "instead of 0.1" in str(refused.value)


def test_a_worker_whose_configuration_is_wrong_refuses_and_says_what(
    opened: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = asked(opened.create_run_for_job(work).run_id)
    monkeypatch.setenv("MIST_PIPELINE__STORAGE__URL", "")
    with pytest.raises(StepRefusedError, match=r"cannot be used.*storage\.url"):
        execute_on_worker(request_of(wanted))


def test_a_worker_with_another_storage_of_dagster_refuses(opened: dg.DagsterInstance) -> None:
    with pytest.raises(StepRefusedError, match="does not know this run"):
        execute_on_worker(request_of(asked("00000000-0000-0000-0000-000000000000")))


def test_a_worker_without_a_home_of_dagster_refuses(
    opened: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    with pytest.raises(StepRefusedError, match="DAGSTER_HOME is not set"):
        execute_on_worker(request_of(asked(opened.create_run_for_job(work).run_id)))


@pytest.mark.parametrize("status", OVER, ids=lambda status: status.value)
def test_a_step_of_a_run_that_is_over_does_not_begin(
    status: dg.DagsterRunStatus, opened: dg.DagsterInstance
) -> None:
    run = opened.create_run_for_job(work, status=status)
    with pytest.raises(StepRefusedError, match="the run is over"):
        execute_on_worker(request_of(asked(run.run_id)))


def ended_and_slept(opened: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    with ended_with_run(opened, run.run_id, 0.01):
        opened.report_run_failed(run)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            time.sleep(0.01)


def test_a_step_is_interrupted_when_its_run_is_ended(opened: dg.DagsterInstance) -> None:
    run = opened.create_run_for_job(work, status=dg.DagsterRunStatus.STARTED)
    with pytest.raises(dg.DagsterExecutionInterruptedError):
        ended_and_slept(opened, run)


def test_a_step_that_ends_before_its_run_is_not_interrupted(opened: dg.DagsterInstance) -> None:
    run = opened.create_run_for_job(work, status=dg.DagsterRunStatus.STARTED)
    with ended_with_run(opened, run.run_id, 0.01):
        time.sleep(0.05)
    opened.report_run_failed(run)
    time.sleep(0.05)


def test_a_database_that_is_away_for_a_moment_interrupts_nobody(
    opened: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened.create_run_for_job(work, status=dg.DagsterRunStatus.STARTED)
    asks: list[str] = []

    def away(run_id: str) -> None:
        asks.append(run_id)
        raise OSError("no route to host")

    monkeypatch.setattr(opened, "get_run_by_id", away)
    with ended_with_run(opened, run.run_id, 0.01):
        deadline = time.monotonic() + 60
        while len(asks) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_loading_for_one_of_several_organisations_leaves_the_choice_of_the_process_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str | None] = []
    monkeypatch.setattr(
        module.importlib, "import_module", lambda _name: seen.append(os.environ.get(ORGANISATION_VARIABLE))
    )
    monkeypatch.delenv(ORGANISATION_VARIABLE, raising=False)
    module._module("acme")
    assert ORGANISATION_VARIABLE not in os.environ
    monkeypatch.setenv(ORGANISATION_VARIABLE, "other")
    module._module("acme")
    assert os.environ[ORGANISATION_VARIABLE] == "other"
    assert seen == ["acme", "acme"]
