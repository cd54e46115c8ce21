"""Running jobs in this process, on this data folder's Dagster instance, so that the UI shows them like any other."""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, cast

from mist_pipeline.cli.code_location.files import CODE_LOCATION, MODULE
from mist_pipeline.cli.dagster_home import instance
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.layers import DAYS_A_RUN
from mist_pipeline.workflows.progress import AS_OF_TAG, NOTIFY_TAG, Progress
from mist_pipeline.workflows.running.processes import this_process

if TYPE_CHECKING:
    from dagster import DagsterInstance, JobDefinition, JobExecutionResult


ONLY_CRITICAL_LOGS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster's events go to its event log; on the terminal only the progress bar speaks."""


@dataclass(frozen=True)
class Outcome:
    """How one run ended, as people want to hear it.

    Attributes:
        job: Name of the job.
        days: ``2026-01-01 … 2026-02-14``, one day, or empty.
        seconds: Wall-clock duration.
        rows: Rows written.
        warnings: Checks that failed without stopping the run.
        failures: Steps and blocking checks that failed, with the reason.
        left_out: What was wanted of the cloud and not asked, and why.
        wait_hours: How long all of it would have waited for calls.
    """

    job: str
    days: str
    seconds: float
    rows: int
    warnings: tuple[str, ...]
    failures: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    wait_hours: float = 0.0

    @property
    def is_success(self) -> bool:
        """Nothing failed."""
        return not self.failures


def execute_days(
    settings: Settings,
    job: str,
    days: Sequence[date],
    *,
    progress: Progress,
    as_of: datetime | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """Run a partitioned job over days that follow one another, in as few runs as memory allows; stops at a failure."""
    outcomes: list[Outcome] = []
    for at in range(0, len(days), DAYS_A_RUN):
        piece = days[at : at + DAYS_A_RUN]
        span = {
            "dagster/asset_partition_range_start": piece[0].isoformat(),
            "dagster/asset_partition_range_end": piece[-1].isoformat(),
        }
        label = piece[0].isoformat() if len(piece) == 1 else f"{piece[0]} … {piece[-1]}"
        # A long backfill is cut into several runs, and only the last of them ends with its last day.
        is_last = at + DAYS_A_RUN >= len(days)
        wanted = {**(tags or {}), **({} if is_last else {NOTIFY_TAG: "false"}), **span}
        outcomes.append(execute(settings, job, progress=progress, as_of=as_of, tags=wanted, days=label))
        if not outcomes[-1].is_success:
            break
    return outcomes


def execute(
    settings: Settings,
    job: str,
    *,
    progress: Progress,
    as_of: datetime | None = None,
    tags: Mapping[str, str] | None = None,
    days: str = "",
) -> Outcome:
    """Run a job to its end in this process."""
    from mist_pipeline.definitions import build_defs
    from mist_pipeline.defs.runs.dead import PROCESS_TAG, bury_the_dead
    from mist_pipeline.defs.runs.limits import UNLIMITED
    from mist_pipeline.defs.runs.waiting import attentive_waits

    begun = time.monotonic()
    ours = {PROCESS_TAG: this_process(), **UNLIMITED}
    instant = {AS_OF_TAG: as_of.isoformat()} if as_of else {}
    with _quiet(), attentive_waits(), instance(settings) as opened:
        bury_the_dead(opened)
        definitions = build_defs(settings, resources={"progress": progress}, retry=None)
        result = _run(opened, definitions.resolve_job_def(job), {**(tags or {}), **instant, **ours})
    left_out, wait_hours = _left_out(result)
    return Outcome(
        job=job,
        days=days,
        seconds=time.monotonic() - begun,
        rows=_rows(result),
        warnings=tuple(_failed_checks(result)),
        failures=tuple(_failures(result)),
        left_out=left_out,
        wait_hours=wait_hours,
    )


def _run(opened: "DagsterInstance", job: "JobDefinition", tags: Mapping[str, str]) -> "JobExecutionResult":
    """Run a job to its end as a run of the code location that the UI shows.

    ``execute_in_process`` would create a run of no location, which is on no timeline and cannot be executed again.
    """
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run
    from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    module = LoadableTargetOrigin(module_name=MODULE)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(module, CODE_LOCATION)
    run = opened.create_run_for_job(
        job,
        run_config=ONLY_CRITICAL_LOGS,
        tags={**job.run_tags, **tags},
        remote_job_origin=RemoteRepositoryOrigin(location, "__repository__").get_job_origin(job.name),
    )
    return execute_run(InMemoryJob(job), run, opened)


def _rows(result: "JobExecutionResult") -> int:
    # Of a partition that was made twice, by a repeated step, the last count is the right one.
    counts: dict[tuple[str, str | None], int] = {}
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        if count := materialization.metadata.get("dagster/row_count"):
            name = materialization.asset_key.to_user_string()
            counts[name, materialization.partition] = int(str(count.value))
    return sum(counts.values())


def _left_out(result: "JobExecutionResult") -> tuple[tuple[str, ...], float]:
    """What the plans of this run left out though it was wanted, and the hours of waiting that it would have cost."""
    lines: dict[str, None] = {}
    wait_hours = 0.0
    for event in result.get_asset_materialization_events():
        facts = event.step_materialization_data.materialization.metadata
        wanted = facts.get("detail_asked")
        if wanted is not None and wanted.value != "off":
            lines |= dict.fromkeys(map(str, cast("list[str]", facts["left_out"].value)))
            wait_hours = max(wait_hours, float(str(facts["wait_hours_in_full"].value)))
    return tuple(lines), wait_hours if lines else 0.0


def _failed_checks(result: "JobExecutionResult") -> Iterator[str]:
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            name = f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
            yield f"{name}: {evaluation.description or 'failed'}"


def _failures(result: "JobExecutionResult") -> Iterator[str]:
    for event in (event for event in result.all_events if event.is_step_failure):
        error = event.step_failure_data.error
        cause = error.cause if error and error.cause else error
        text = cause.message.strip() if cause else "no reason given"
        yield f"{event.step_key}: {text}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Dagster's warnings about interfaces that it still calls beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def days_without(settings: Settings, job: str, days: Sequence[date]) -> list[date]:
    """Those of the days for which an asset of the job was never materialised."""
    from mist_pipeline.definitions import build_defs

    with _quiet(), instance(settings) as opened:
        definitions = build_defs(settings)
        graph = definitions.resolve_job_def(job).asset_layer.asset_graph
        wanted = {day.isoformat() for day in days}
        complete = set(wanted)
        for node in graph.asset_nodes:
            if node.partitions_def is not None and node.is_executable:
                complete &= opened.get_materialized_partitions(node.key)
    return [day for day in days if day.isoformat() not in complete]
