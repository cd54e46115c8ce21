"""Steps of runs about days on the workers of a Dask cluster; all else in the process of the run.

``dagster-dask`` is not used: its executor starts steps whose inputs failed, so that a check which blocks blocks nothing; it tries no step again,
whatever its policy; and two runs of a job at the same time get each other's results, since its tasks are named by job and step alone. Here Dagster's
own book of a run (``ActiveExecution``) decides what may begin, and Dask runs it. Not here: a step by itself (`step`).
"""

import os
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.events import EngineEventData
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)
from dagster._serdes import deserialize_value, serialize_value
from dagster_shared.error import SerializableErrorInfo

from mist_pipeline.analysis.stats.cluster import ClusterError, connected
from mist_pipeline.defs.runs.step import StepRequest, events_of_step, execute_on_worker, request_of
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.running.likeness import chosen_organisation, facts

OF_THIS_MACHINE = {"raw", "alerts", "published", "report"}
"""Groups whose steps stay in the process of the run: they count calls and keep what is unfinished, or write files, on its machine."""

ABOUT_DAYS = {PARTITION_NAME_TAG, ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG}

LOOK_SECONDS = 0.1
WORKERS_SECONDS = 10.0
"""Between two looks whether the cluster has workers."""
NOBODY_SECONDS = 600.0
"""A cluster may be without workers for so long, as while it is updated, before a run gives up."""


NEEDS_POSTGRESQL = "set it to PostgreSQL in dagster.yaml of DAGSTER_HOME, the same for every worker (docs/scale.md#steps-on-a-dask-cluster)"


class NoWorkersError(RuntimeError):
    """The cluster has no workers."""


class ClusterExecutor(dg.Executor):
    """Runs about days go to a cluster; others, which are short, are executed as without one.

    Args:
        here: Executes runs in this process.
        settings: Of the organisation.
    """

    def __init__(self, here: dg.Executor, settings: Settings) -> None:
        self._here = here
        self._settings = settings

    @property
    def retries(self) -> RetryMode:
        """How steps are tried again."""
        return self._here.retries

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Execute a run.

        Raises:
            Failure: Workers would not see Dagster's storage.
            ClusterError: The scheduler does not answer.
            NoWorkersError: It has no workers, for too long.
            DagsterExecutionInterruptedError: Somebody ended the run.
        """
        if not ABOUT_DAYS & set(plan_context.dagster_run.tags):
            yield from self._here.execute(plan_context, execution_plan)
            return
        refuse_own_storage(plan_context.instance)
        address = str(self._settings.compute.scheduler)
        yield dg.DagsterEvent.engine_event(
            plan_context,
            f"Executing steps on the Dask cluster at {address}",
            EngineEventData.in_process(os.getpid(), execution_plan.step_keys_to_execute),
        )
        with ExitStack() as stack:
            client = stack.enter_context(connected(address))
            run = plan_context.dagster_run
            pools = stack.enter_context(InstanceConcurrencyContext(plan_context.instance, run))
            active = stack.enter_context(
                ActiveExecution(
                    execution_plan,
                    retry_mode=self.retries,
                    instance_concurrency_context=pools,
                    step_dependency_config=self.step_dependency_config,
                )
            )
            yield from _Steps(plan_context, self, active, client, self._settings).events()


def is_seen_by_workers(instance: dg.DagsterInstance) -> bool:
    """Whether workers on other machines can reach Dagster's storage."""
    return "dagster_postgres" in type(instance.run_storage).__module__


def refuse_own_storage(instance: dg.DagsterInstance) -> None:
    """Refuse storage of Dagster that workers on other machines cannot reach.

    Raises:
        Failure: Says what to set.
    """
    if not is_seen_by_workers(instance):
        begin = "compute.engine is dask, and Dagster's own storage is on this machine"
        raise dg.Failure(f"{begin}: {NEEDS_POSTGRESQL}", allow_retries=False)


@dataclass
class _Steps:
    """The steps of one run, from the first to the last."""

    context: PlanOrchestrationContext
    executor: dg.Executor
    active: ActiveExecution
    client: Any
    settings: Settings
    running: dict[str, Any] = field(default_factory=dict)
    """Step → what Dask promised of it."""

    def __post_init__(self) -> None:
        self._facts = facts(self.settings)
        self._job = self.context.job.get_definition()
        self._had_workers_at = self._looked_at = time.monotonic()

    def events(self) -> Iterator[dg.DagsterEvent]:
        """Everything that happens."""
        while not self.active.is_complete or self.running:
            if self.active.check_for_interrupts():
                self.active.mark_interrupted()
                self.client.cancel(list(self.running.values()), force=True)
                raise dg.DagsterExecutionInterruptedError("ended while workers had steps of it")
            ready = self.active.get_steps_to_execute()
            yield from self.active.concurrency_event_iterator(self.context)
            for step in ready:
                if not self._stays_here(step):
                    yield self._give(step)
            for step in filter(self._stays_here, ready):
                yield from self._execute(step)
            yield from self._arrived()
            yield from self.active.plan_events_iterator(self.context)
            if self.running:
                self._look_for_workers()
            if not ready:
                time.sleep(LOOK_SECONDS)

    def _stays_here(self, step: ExecutionStep) -> bool:
        made = self._job.asset_layer.get_assets_def_for_node(step.node_handle)
        return made is not None and not OF_THIS_MACHINE.isdisjoint(made.group_names_by_key.values())

    def _give(self, step: ExecutionStep) -> dg.DagsterEvent:
        """Give a step to the cluster."""
        run, state = self.context.dagster_run, self.active.get_known_state()
        request = StepRequest(
            chosen_organisation(self.settings),
            run.run_id,
            run.job_name,
            step.key,
            serialize_value(state),
            self._facts,
        )
        attempt = state.get_retry_state().get_attempt_count(step.key)
        self.running[step.key] = self.client.submit(
            execute_on_worker, request_of(request), key=f"{step.key}-{attempt}-{run.run_id}", pure=False
        )
        return dg.DagsterEvent.step_worker_starting(
            self.context.for_step(step), "Given to the cluster.", metadata={}
        )

    def _execute(self, step: ExecutionStep) -> Iterator[dg.DagsterEvent]:
        """Execute a step in this process."""
        context = self.context
        state = self.active.get_known_state()
        yield from self._entered(
            step.key, events_of_step(context.job, context.dagster_run, context.instance, step.key, state)
        )

    def _arrived(self) -> Iterator[dg.DagsterEvent]:
        """Events of steps that workers have finished, or that nobody could."""
        for key in [key for key, future in self.running.items() if future.done()]:
            future = self.running.pop(key)
            if future.status == "error":
                yield self._failed(key, future.exception())
            elif future.status == "finished":
                yield from self._entered(
                    key, (deserialize_value(text, dg.DagsterEvent) for text in future.result())
                )
            else:
                gone = ClusterError(
                    f"the scheduler {self.settings.compute.scheduler} gave the step up, or is gone; nothing is half written"
                )
                yield self._failed(key, gone)

    def _entered(self, key: str, events: Iterable[dg.DagsterEvent]) -> Iterator[dg.DagsterEvent]:
        """Events of a step, entered into the book of the run."""
        for event in events:
            yield event
            # Those of the process around the step are not its own.
            if event.step_key != key:
                continue
            self.active.handle_event(event)
            if event.is_resource_init_failure:
                error = event.engine_event_data.error
                yield self._failed(key, error or RuntimeError("a resource could not be made"))
        self.active.verify_complete(self.context, key)

    def _failed(self, key: str, error: BaseException | SerializableErrorInfo) -> dg.DagsterEvent:
        """The end of a step that no worker finished: refused, or killed with every worker that tried, or lost with the scheduler."""
        told = error if isinstance(error, SerializableErrorInfo) else _told(error)
        event = self.executor.log_failure_or_retry_event_after_error(
            self.context.for_step(self.active.get_step_by_key(key)), told, self.active.get_known_state()
        )
        self.active.handle_event(event)
        return event

    def _look_for_workers(self) -> None:
        """Give up where nobody is left to work.

        Raises:
            NoWorkersError: For too long.
        """
        now = time.monotonic()
        if now - self._looked_at < WORKERS_SECONDS:
            return
        self._looked_at = now
        if self.client.status != "running" or self.client.nthreads():
            self._had_workers_at = now
        elif now - self._had_workers_at > NOBODY_SECONDS:
            raise NoWorkersError(
                f"the cluster at {self.settings.compute.scheduler} has had no workers for {NOBODY_SECONDS / 60:.0f} minutes, "
                f"and {', '.join(self.running)} wait for one: start workers, then the run again"
            )


def _told(error: BaseException) -> SerializableErrorInfo:
    """An error as Dagster stores it, also one that was never raised here."""
    lines = traceback.format_exception_only(error)
    return SerializableErrorInfo(
        "".join(lines), traceback.format_tb(error.__traceback__), type(error).__name__
    )
