"""Which steps a cluster gets, what may begin when, and what becomes of a run whose cluster is not what it should be."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._serdes import deserialize_value, serialize_value

from mist_pipeline.defs.runs import cluster as module
from mist_pipeline.defs.runs.cluster import refuse_own_storage
from mist_pipeline.defs.runs.executor import executor_of, in_process
from mist_pipeline.defs.runs.step import StepRefusedError, StepRequest, events_of_step
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline_tests.support.settings.on_a_cluster import ON_A_CLUSTER

DAY = {"dagster/partition": "2026-03-01"}
DAYS = dg.DailyPartitionsDefinition("2026-03-01", timezone="UTC")


@dataclass
class Promise:
    """What Dask promises of a step, kept at once."""

    events: list[str] | BaseException
    status: str = "finished"

    def done(self) -> bool:
        return self.status != "pending"

    def result(self) -> list[str]:
        assert isinstance(self.events, list)
        return self.events

    def exception(self) -> BaseException:
        assert isinstance(self.events, BaseException)
        return self.events


@dataclass
class Workers:
    """A cluster whose workers are this process.

    Attributes:
        job: Whose steps they execute.
        opened: Dagster's instance.
        given: Steps in the order in which they were given, and the keys of their tasks.
        fate: What becomes of a step instead of being executed.
        number: Of its workers.
    """

    job: dg.JobDefinition
    opened: dg.DagsterInstance
    given: dict[str, str] = field(default_factory=dict)
    fate: Callable[[str], Promise | None] = lambda _step: None
    number: int = 1
    canceled: list[Promise] = field(default_factory=list)
    status: str = "running"

    def submit(self, _function: object, request: str, *, key: str, pure: bool) -> Promise:
        wanted = StepRequest(**json.loads(request))
        assert not pure
        self.given[wanted.step] = key
        if (fate := self.fate(wanted.step)) is not None:
            return fate
        run = self.opened.get_run_by_id(wanted.run_id)
        assert run is not None
        state = deserialize_value(wanted.state, KnownExecutionState)
        events = events_of_step(InMemoryJob(self.job), run, self.opened, wanted.step, state)
        return Promise([serialize_value(event) for event in events])

    def nthreads(self) -> dict[str, int]:
        return {str(one): 1 for one in range(self.number)}

    def cancel(self, promises: list[Promise], *, force: bool) -> None:
        assert force
        self.canceled += promises


@pytest.fixture
def settings() -> Settings:
    return load_settings(environment=ON_A_CLUSTER)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def ran(
    settings: Settings, opened: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[dg.JobExecutionResult, Workers]]:
    """Executes a job of assets on workers."""

    def run(
        *assets: dg.AssetsDefinition, tags: dict[str, str] | None = None, **workers: Any
    ) -> tuple[dg.JobExecutionResult, Workers]:
        definitions = dg.Definitions(
            assets=assets, jobs=[dg.define_asset_job("work")], executor=executor_of(settings)
        )
        job = definitions.resolve_job_def("work")
        them = Workers(job, opened, **workers)

        @contextmanager
        def connected(address: str) -> Iterator[Workers]:
            assert address == settings.compute.scheduler
            yield them

        monkeypatch.setattr(module, "connected", connected)
        monkeypatch.setattr(module, "refuse_own_storage", lambda _instance: None)
        wanted = opened.create_run_for_job(job, tags=DAY if tags is None else tags)
        return execute_run(InMemoryJob(job), wanted, opened), them

    return run


def ended(result: dg.JobExecutionResult, kind: str) -> set[str]:
    return {str(event.step_key) for event in result.all_events if event.event_type_value == kind}


def made(name: str, does: Callable[[], None] = lambda: None, **more: Any) -> dg.AssetsDefinition:
    @dg.asset(name=name, partitions_def=DAYS, **more)
    def asset() -> None:
        does()

    return asset


def fails() -> None:
    raise ValueError("it is broken")


def test_the_engine_chooses_the_executor(settings: Settings) -> None:
    assert executor_of(load_settings(environment={})) is in_process
    assert executor_of(settings).name == "dask"


def test_steps_that_count_calls_or_write_files_of_the_machine_stay_in_the_process_of_the_run(
    ran: Callable[..., tuple[dg.JobExecutionResult, Workers]],
) -> None:
    groups = ("raw", "history", "analysis", "scorecard", "alerts", "published", "report")
    result, workers = ran(*(made(f"of_{group}", group_name=group) for group in groups))
    assert result.success
    assert set(workers.given) == {"of_history", "of_analysis", "of_scorecard"}
    assert ended(result, "STEP_SUCCESS") == {f"of_{group}" for group in groups}


def test_two_runs_of_a_job_share_no_task(ran: Callable[..., tuple[dg.JobExecutionResult, Workers]]) -> None:
    keys = {ran(made("one"))[1].given["one"] for _ in range(2)}
    assert len(keys) == 2


def test_a_run_that_is_about_no_day_asks_no_cluster(
    ran: Callable[..., tuple[dg.JobExecutionResult, Workers]],
) -> None:
    @dg.asset
    def now() -> None: ...

    result, workers = ran(now, tags={})
    assert result.success
    assert workers.given == {}


def test_nothing_begins_behind_a_step_or_a_check_that_failed(
    ran: Callable[..., tuple[dg.JobExecutionResult, Workers]],
) -> None:
    @dg.asset(
        partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("possible", asset="checked", blocking=True)]
    )
    def checked() -> Iterator[dg.MaterializeResult[Any]]:
        wrong = dg.AssetCheckResult(passed=False, check_name="possible")
        yield dg.MaterializeResult(check_results=[wrong])

    result, workers = ran(
        checked,
        made("broken", fails),
        made("behind_the_check", deps=["checked"]),
        made("behind_the_step", deps=["broken"]),
        made("farther_behind", deps=["behind_the_step"]),
        made("beside"),
    )
    assert not result.success
    assert set(workers.given) == {"checked", "broken", "beside"}
    assert ended(result, "STEP_SUCCESS") == {"beside"}
    assert ended(result, "STEP_FAILURE") == {"checked", "broken"}


def test_a_step_is_tried_again_as_its_policy_says(
    ran: Callable[..., tuple[dg.JobExecutionResult, Workers]],
) -> None:
    tries: list[int] = []

    def heals() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")

    result, _ = ran(
        made("heals", heals, retry_policy=dg.RetryPolicy(max_retries=2)), made("behind", deps=["heals"])
    )
    assert result.success
    assert len(tries) == 3
    assert ended(result, "STEP_SUCCESS") == {"heals", "behind"}


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        (
            Promise(StepRefusedError("the worker on w1 is not like the machine of the run"), "error"),
            "is not like",
        ),
        (Promise([], "cancelled"), "gave the step up, or is gone"),
    ],
    ids=["refused", "lost with the scheduler"],
)
def test_a_step_that_nobody_finished_fails_and_says_why(
    fate: Promise, said: str, ran: Callable[..., tuple[dg.JobExecutionResult, Workers]]
) -> None:
    result, workers = ran(made("one"), made("behind", deps=["one"]), fate=lambda _step: fate)
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.error is not None
    assert said in failure.step_failure_data.error.message
    assert set(workers.given) == {"one"}


def test_a_run_gives_up_where_nobody_is_left_to_work(
    ran: Callable[..., tuple[dg.JobExecutionResult, Workers]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORKERS_SECONDS", 0.01)
    monkeypatch.setattr(module, "NOBODY_SECONDS", 0.05)
    result, _ = ran(made("one"), fate=lambda _step: Promise([], "pending"), number=0)
    (failure,) = [event for event in result.all_events if event.is_job_failure]
    assert failure.job_failure_data.error is not None
    assert "has had no workers" in failure.job_failure_data.error.message


def test_whoever_ends_a_run_takes_its_steps_from_the_cluster(
    ran: Callable[..., tuple[dg.JobExecutionResult, Workers]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module.ActiveExecution, "check_for_interrupts", lambda active: active.has_in_flight_steps
    )
    waiting = Promise([], "pending")
    result, workers = ran(made("one"), fate=lambda _step: waiting)
    assert not result.success
    assert workers.canceled == [waiting]


def test_a_pool_is_taken_before_the_cluster_gets_the_step_and_free_behind_it(
    ran: Callable[..., tuple[dg.JobExecutionResult, Workers]], opened: dg.DagsterInstance
) -> None:
    storage = opened.event_log_storage
    storage.set_concurrency_slots("one", 1)
    seen: list[int] = []
    result, _ = ran(
        made("one", lambda: seen.append(storage.get_concurrency_info("one").active_slot_count), pool="one")
    )
    assert result.success
    assert seen == [1]
    assert storage.get_concurrency_info("one").active_slot_count == 0


def test_storage_of_dagster_on_this_machine_is_refused(opened: dg.DagsterInstance) -> None:
    with pytest.raises(dg.Failure, match="set it to PostgreSQL"):
        refuse_own_storage(opened)


def test_the_cluster_is_asked_only_where_its_workers_see_dagsters_storage(
    settings: Settings, opened: dg.DagsterInstance
) -> None:
    job = dg.Definitions(
        assets=[made("one")], jobs=[dg.define_asset_job("work")], executor=executor_of(settings)
    ).resolve_job_def("work")
    result = execute_run(InMemoryJob(job), opened.create_run_for_job(job, tags=DAY), opened)
    (failure,) = [event for event in result.all_events if event.is_job_failure]
    assert failure.job_failure_data.error is not None
    assert "Dagster's own storage is on this machine" in failure.job_failure_data.error.message
