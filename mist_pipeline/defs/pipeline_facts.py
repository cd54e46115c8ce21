"""The pipeline's own trouble as findings: jobs that failed, checks that failed, looks that stopped.

Here: what Dagster's instance says now (`read_facts`), what follows from it (`troubles`, pure), and the sensor that notices
a change. A state and not a stream of events: whoever asks late, twice or after a crash gets the same answer, and nothing
is lost with an event. Not here: when people are told (``alerts``, to which these findings are an evaluation of source
``pipeline``), what a job does (`jobs`), what a check looks at (`checks`), findings about sites (``analysis.findings``).
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl
from dagster._core.scheduler.instigation import ScheduleInstigatorData
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as RESULTS,
)
from dagster_shared.error import SerializableErrorInfo

from mist_pipeline.settings import Settings
from mist_pipeline.workflows.self_monitoring import (
    _WRAPPED,
    LOOK,
    LOOK_SCHEDULE,
    NO_REASON,
    RUNS_READ,
    CheckFacts,
    JobFacts,
    PipelineFacts,
    one_line,
    troubles,
)

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
"""How a run says something about its job. A cancelled one does not: a person wanted it to end."""


_MODULE = re.compile(r"^(?:\w+\.)+(?=\w+(?::|$))")
"""Where an exception's class is defined, which the traceback module writes before its name."""


def read_facts(
    instance: dg.DagsterInstance, watched: Sequence[str], check_keys: Sequence[dg.AssetCheckKey]
) -> PipelineFacts:
    """What the instance says now; a few queries that an index answers.

    Args:
        instance: Dagster's instance.
        watched: Names of jobs; one that never ran has no facts.
        check_keys: Checks that there are: one that was removed would keep its last word for ever.
    """
    jobs = {name: facts for name in watched if (facts := _job_facts(instance, name)) is not None}
    look = jobs.get(LOOK) or _job_facts(instance, LOOK)
    return PipelineFacts(
        jobs=tuple(jobs.values()),
        checks=tuple(_check_facts(instance, check_keys)),
        last_look=look.succeeded_at if look else None,
        looks_on_since=_looks_on_since(instance),
    )


def _job_facts(instance: dg.DagsterInstance, job: str) -> JobFacts | None:
    """A job as its newest finished runs show it, by their end: the last word is what was heard last."""
    ended = sorted(
        _ends(instance, dg.RunsFilter(job_name=job, statuses=FINISHED), RUNS_READ),
        key=lambda end: end[0],
        reverse=True,
    )
    if not ended:
        return None
    at, run = ended[0]
    succeeded = [end for end, each in ended if each.is_success]
    if not succeeded:
        successes = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
        succeeded = [end for end, _ in _ends(instance, successes, 1)]
    return JobFacts(
        job=job,
        run_id=run.run_id,
        is_failed=not run.is_success,
        ended_at=at,
        reason="" if run.is_success else _reason(instance, run.run_id),
        failures=next((n for n, (_, each) in enumerate(ended) if each.is_success), len(ended)),
        succeeded_at=max(succeeded, default=None),
    )


def _ends(
    instance: dg.DagsterInstance, runs: dg.RunsFilter, most: int
) -> Iterator[tuple[datetime, dg.DagsterRun]]:
    """The newest of these runs, each with the instant of its end."""
    for record in instance.get_run_records(runs, limit=most):
        end = record.end_time
        at = record.update_timestamp.astimezone(UTC) if end is None else datetime.fromtimestamp(end, UTC)
        yield at, record.dagster_run


def _reason(instance: dg.DagsterInstance, run_id: str) -> str:
    """What went wrong first: a step, or, where none failed, the run as a whole (killed, never started)."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    records = instance.get_records_for_run(run_id, of_type=kinds, limit=1).records
    event = records[0].event_log_entry.dagster_event if records else None
    if event is None:
        return NO_REASON
    where = f"{event.step_key}: " if event.is_step_failure else ""
    # A run that somebody ended from outside has no error, just his words.
    error: SerializableErrorInfo | None = getattr(event.event_specific_data, "error", None)
    if error is None:
        return one_line(f"{where}{event.message or NO_REASON}")
    while error.cause and error.message.startswith(_WRAPPED):
        error = error.cause
    return one_line(f"{where}{_MODULE.sub('', error.message)}")


def _check_facts(
    instance: dg.DagsterInstance, check_keys: Sequence[dg.AssetCheckKey]
) -> Iterator[CheckFacts]:
    """What each check last came to.

    A check that a run has planned, that the run never reached or that crashed (then its run failed, which is told) has come
    to no result: what it said before holds until it says something else, so nothing ends because a run begins.
    """
    storage = instance.event_log_storage
    newest = storage.get_latest_asset_check_execution_by_key(check_keys)
    for key in check_keys:
        record = newest.get(key)
        if record is not None and record.status not in RESULTS:
            with_result = storage.get_asset_check_execution_history(key, limit=1, status=RESULTS)
            record = with_result[0] if with_result else None
        result = record.evaluation if record else None
        if record is None or result is None:
            continue
        at = record.event.timestamp if record.event else record.create_timestamp
        yield CheckFacts(
            asset=key.asset_key.to_user_string(),
            check=key.name,
            is_passed=result.passed,
            evaluated_at=datetime.fromtimestamp(at, UTC),
            severity="WARN" if result.severity == dg.AssetCheckSeverity.WARN else "ERROR",
            is_blocking=bool(result.blocking),
            description=one_line(result.description or ""),
        )


def _looks_on_since(instance: dg.DagsterInstance) -> datetime | None:
    """When somebody turned the schedule of looks on; None while it is off."""
    if instance.schedule_storage is None:  # an ephemeral instance has no clock
        return None
    starts = [
        state.instigator_data.start_timestamp or 0.0
        for state in instance.all_instigator_state()
        if state.name == LOOK_SCHEDULE
        and state.status.value == "RUNNING"
        and isinstance(state.instigator_data, ScheduleInstigatorData)
    ]
    return datetime.fromtimestamp(max(starts), UTC) if starts else None


def troubles_now(
    instance: dg.DagsterInstance,
    settings: Settings,
    watched: Sequence[str],
    check_keys: Sequence[dg.AssetCheckKey],
    now: datetime,
) -> pl.DataFrame:
    """What is wrong now: the same for the sensor that notices it and for the job that tells it."""
    look_every = timedelta(minutes=settings.monitoring.interval_minutes)
    return troubles(read_facts(instance, watched, check_keys), now, look_every)


def known(found: pl.DataFrame) -> str:
    """The set of troubles as the sensor's cursor: fingerprints with their severities, numbers left out."""
    return json.dumps(sorted(found.select("fingerprint", "severity").rows()))


def pipeline_trouble_sensor(
    settings: Settings,
    watched: Sequence[str],
    check_keys: Sequence[dg.AssetCheckKey],
    job: dg.JobDefinition,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.SensorDefinition:
    """The sensor that starts a job when trouble begins, changes its severity or ends.

    Raises:
        ValueError: The job is watched: each of its failures would start it again.
    """
    if job.name in watched:
        raise ValueError(
            f"{job.name} tells of the others and cannot be watched itself: take it out of the watched jobs"
        )

    @dg.sensor(
        name="pipeline_trouble",
        job=job,
        minimum_interval_seconds=60,
        description="The pipeline's own trouble: failed jobs, failed checks, looks that have stopped.",
    )
    def pipeline_trouble(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        found = troubles_now(context.instance, settings, watched, check_keys, clock())
        now_known = known(found)
        if now_known == (context.cursor or known(found.clear())):
            return dg.SkipReason(f"Nothing new; troubles known: {found.height}.")
        context.update_cursor(now_known)
        # No run key: the same trouble may come back, and a key is remembered for ever.
        return dg.RunRequest()

    return pipeline_trouble
