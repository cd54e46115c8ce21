"""Running jobs in this process, on this data folder's Dagster instance, so that the UI shows them like any other."""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, cast

from mist_pipeline.cli.code_location.files import MODULE, code_location
from mist_pipeline.cli.dagster_home import instance
from mist_pipeline.cli.failures import StoppedError, disk_trouble
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.layers import DAYS_A_RUN
from mist_pipeline.workflows.progress import ASKING, Progress
from mist_pipeline.workflows.running.processes import this_process

if TYPE_CHECKING:
    from dagster import DagsterInstance, JobDefinition, JobExecutionResult
    from dagster_shared.error import SerializableErrorInfo


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
    notify: bool | None = None,
) -> list[Outcome]:
    """Run a partitioned job over days that follow one another, in as few runs as memory allows; stops at a failure.

    Args:
        settings: The settings.
        job: Its name.
        days: The days.
        progress: Told how far each run is.
        as_of: The instant that the runs work as of; None: their beginning.
        notify: Whether people are notified of the last day; None: of yesterday alone.
    """
    outcomes: list[Outcome] = []
    for at in range(0, len(days), DAYS_A_RUN):
        piece = days[at : at + DAYS_A_RUN]
        span = {
            "dagster/asset_partition_range_start": piece[0].isoformat(),
            "dagster/asset_partition_range_end": piece[-1].isoformat(),
        }
        # A long backfill is cut into several runs, and only the last of them ends with its last day.
        is_last = at + DAYS_A_RUN >= len(days)
        asked = notify if is_last else False
        outcomes.append(
            execute(settings, job, progress=progress, as_of=as_of, notify=asked, tags=span, days=piece)
        )
        if not outcomes[-1].is_success:
            break
    return outcomes


def execute(
    settings: Settings,
    job: str,
    *,
    progress: Progress,
    as_of: datetime | None = None,
    notify: bool | None = None,
    tags: Mapping[str, str] | None = None,
    days: Sequence[date] = (),
) -> Outcome:
    """Run a job to its end in this process; arguments as of `execute_days`.

    Raises:
        StoppedError: Somebody pressed Ctrl-C.
    """
    from dagster import DagsterExecutionInterruptedError

    from mist_pipeline.definitions import build_defs
    from mist_pipeline.defs.resources import run_config
    from mist_pipeline.defs.runs.connections import kept_connections
    from mist_pipeline.defs.runs.dead import PROCESS_TAG, bury_the_dead
    from mist_pipeline.defs.runs.limits import UNLIMITED
    from mist_pipeline.defs.runs.waiting import attentive_waits
    from mist_pipeline.defs.scope import Scope

    begun = time.monotonic()
    counted = _Counted(progress)
    ours = {PROCESS_TAG: this_process(), **UNLIMITED}
    options = run_config(as_of, notify=notify)
    with _quiet(), attentive_waits(), instance(settings) as opened, kept_connections(opened):
        bury_the_dead(opened)
        definitions = build_defs(settings, resources={"progress": counted}, retry=None)
        try:
            made = definitions.resolve_job_def(Scope.of(settings).name(job))
            result = _run(opened, code_location(settings), made, options, {**(tags or {}), **ours})
        except DagsterExecutionInterruptedError:
            result = None
    if result is None or _is_interrupted(result):
        raise StoppedError(_what_is_kept(settings, days, as_of or datetime.now(UTC), counted))
    left_out, wait_hours = _left_out(result)
    return Outcome(
        job=job,
        days=_span(days),
        seconds=time.monotonic() - begun,
        rows=_rows(result),
        warnings=tuple(_failed_checks(result)),
        failures=tuple(_failures(result)),
        left_out=left_out,
        wait_hours=wait_hours,
    )


class _Counted:
    """Hands on how far a step is, and remembers it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.totals: dict[str, int] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        self.totals[step] = total
        self._progress(step, done, total)


def _span(days: Sequence[date]) -> str:
    if len(days) < 2:
        return "".join(map(str, days))
    return f"{days[0]} … {days[-1]}"


def _is_interrupted(result: "JobExecutionResult") -> bool:
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    errors += [event.job_failure_data.error for event in result.all_events if event.is_job_failure]
    return any(error is not None and error.cls_name == "DagsterExecutionInterruptedError" for error in errors)


def _what_is_kept(settings: Settings, days: Sequence[date], as_of: datetime, counted: _Counted) -> str:
    """What the same command need not ask again; counted where it will look, since what was under way is lost."""
    from mist_pipeline.workflows.collection.fetch import num_kept
    from mist_pipeline.workflows.shared_files import raw_store

    total = counted.totals.get(ASKING)
    kept = 0 if total is None else num_kept(raw_store(settings), days, as_of)
    if total is None or not kept:
        return "the same command continues; nothing is half written, and what was finished stays."
    return f"the same command continues; {kept:,} of {total:,} calls are kept."


def _run(
    opened: "DagsterInstance",
    location_name: str,
    job: "JobDefinition",
    options: Mapping[str, Any],
    tags: Mapping[str, str],
) -> "JobExecutionResult":
    """Run a job to its end as a run of the code location that the UI shows.

    ``execute_in_process`` would create a run of no location, which is on no timeline and cannot be executed again.
    """
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run
    from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    module = LoadableTargetOrigin(module_name=MODULE)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(module, location_name)
    run = opened.create_run_for_job(
        job,
        run_config={**ONLY_CRITICAL_LOGS, **options},
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
    steps = [event for event in result.all_events if event.is_step_failure]
    for event in steps:
        yield f"{event.step_key}: {_reason(event.step_failure_data.error)}"
    # Of a run that failed around its steps, as where a cluster does not answer.
    for event in result.all_events if not steps else ():
        if event.is_job_failure:
            yield f"{event.job_name}: {_reason(event.job_failure_data.error)}"


def _reason(error: "SerializableErrorInfo | None") -> str:
    cause = error.cause if error and error.cause else error
    text = cause.message.strip() if cause else "no reason given"
    if words := disk_trouble(text):
        text = f"{words} ({text.partition(chr(10))[0]})"
    return text


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Dagster's warnings about interfaces that it still calls beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def days_without(settings: Settings, job: str, days: Sequence[date]) -> list[date]:
    """Those of the days for which an asset of the job was never materialised."""
    from mist_pipeline.definitions import build_defs
    from mist_pipeline.defs.scope import Scope

    with _quiet(), instance(settings) as opened:
        definitions = build_defs(settings)
        graph = definitions.resolve_job_def(Scope.of(settings).name(job)).asset_layer.asset_graph
        wanted = {day.isoformat() for day in days}
        complete = set(wanted)
        for node in graph.asset_nodes:
            if node.partitions_def is not None and node.is_executable:
                complete &= opened.get_materialized_partitions(node.key)
    return [day for day in days if day.isoformat() not in complete]
