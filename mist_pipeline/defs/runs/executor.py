"""The executor of every job: steps one after another in the run's process, which first says which process it is; or on a cluster (`cluster`).

It also refuses options of a run that nobody understands, before anything begins.
"""

from collections.abc import Iterator

import dagster as dg
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode

from mist_pipeline.defs.resources import refuse_wrong_options
from mist_pipeline.defs.runs.cluster import ClusterExecutor
from mist_pipeline.defs.runs.connections import kept_connections
from mist_pipeline.defs.runs.dead import PROCESS_TAG
from mist_pipeline.defs.runs.waiting import attentive_waits
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.running.processes import this_process
from mist_pipeline.workflows.running.term import end_with_term


class NamedProcessExecutor(dg.Executor):
    """Another executor, behind a tag of the run that names this process.

    Args:
        steps: What executes the steps.
    """

    def __init__(self, steps: dg.Executor) -> None:
        self._steps = steps

    @property
    def retries(self) -> RetryMode:
        """How steps are tried again."""
        return self._steps.retries

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Tag the run, then execute its steps.

        Raises:
            Failure: The options of the run are wrong.
        """
        end_with_term()
        plan_context.instance.add_run_tags(plan_context.run_id, {PROCESS_TAG: this_process()})
        refuse_wrong_options(plan_context.run_config)
        with attentive_waits(), kept_connections(plan_context.instance):
            yield from self._steps.execute(plan_context, execution_plan)


def _steps_here(context: dg.InitExecutorContext) -> dg.Executor:
    make = dg.in_process_executor.executor_creation_fn
    if make is None:
        raise ValueError("Dagster's in-process executor cannot be made")
    return make(context)


in_process = dg.ExecutorDefinition(
    name="in_process",
    config_schema=dg.in_process_executor.config_schema.as_field(),
    executor_creation_fn=lambda context: NamedProcessExecutor(_steps_here(context)),
    description="Steps one after another in the process of the run, whose name is a tag of the run.",
)
"""The executor without a cluster."""


def executor_of(settings: Settings) -> dg.ExecutorDefinition:
    """The executor of all jobs of an organisation, as ``compute.engine`` chooses it."""
    if settings.compute.engine != "dask":
        return in_process

    def make(context: dg.InitExecutorContext) -> dg.Executor:
        return NamedProcessExecutor(ClusterExecutor(_steps_here(context), settings))

    return dg.ExecutorDefinition(
        name="dask",
        config_schema=dg.in_process_executor.config_schema.as_field(),
        executor_creation_fn=make,
        description="Steps of runs about days on a Dask cluster, all others in the process of the run, whose name is a tag of the run.",
    )
