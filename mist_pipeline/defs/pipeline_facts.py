"""What Dagster's instance says about the pipeline now: its jobs, its checks, the schedule of polls.

Here: questions to the instance, answered as plain facts. Not here: what follows from them (``workflows.self_monitoring``,
pure), the sensor that notices a change (`sensors`), what a job does (`jobs`), what a check checks (`checks`).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl

# Which states of a check are a result: Dagster says it in no public place, and asks its storage with these itself.
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as RESULTS,
)

from mist_pipeline.http_client.secrets import NONE_KNOWN, Secrets
from mist_pipeline.settings import Settings, SettingsError
from mist_pipeline.workflows.organisation_pin import OtherOrganisationError
from mist_pipeline.workflows.self_monitoring import (
    NO_REASON,
    POLL,
    POLL_SCHEDULE,
    RUNS_READ,
    CheckFacts,
    JobFacts,
    PipelineFacts,
    one_line,
    troubles,
)

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
"""How a run says something about its job. A cancelled one does not: a person wanted it to end."""


_WRAPPED = ("dagster._core.errors.", "Exceeded max_retries of ")
"""How an error begins that Dagster puts around what an asset raised; ``dagster.Failure`` it leaves as it is."""

_SETTINGS_ERRORS = frozenset({SettingsError.__name__, OtherOrganisationError.__name__})
"""Errors that last until somebody changes the settings, as Dagster keeps them: by name."""

_MODULE = re.compile(r"^(?:\w+\.)+(?=\w+(?::|$))")
"""Where an exception's class is defined, which the traceback module writes before its name."""


def read_facts(
    instance: dg.DagsterInstance,
    watched: Sequence[str],
    check_keys: Sequence[dg.AssetCheckKey],
    secrets: Secrets = NONE_KNOWN,
) -> PipelineFacts:
    """What the instance says now; a few queries that an index answers.

    Args:
        instance: Dagster's instance.
        watched: Names of jobs; one that never ran has no facts.
        check_keys: Checks that there are: one that was removed would keep its last result for ever.
        secrets: Taken out of what libraries and checks said.
    """
    jobs = {name: facts for name in watched if (facts := _job_facts(instance, name, secrets)) is not None}
    poll = jobs.get(POLL) or _job_facts(instance, POLL, secrets)
    return PipelineFacts(
        jobs=tuple(jobs.values()),
        checks=tuple(_check_facts(instance, check_keys, secrets)),
        last_poll=poll.succeeded_at if poll else None,
        polls_on_since=_polls_on_since(instance),
    )


def _job_facts(instance: dg.DagsterInstance, job: str, secrets: Secrets) -> JobFacts | None:
    """A job as its newest finished runs show it, by their end: the newest counts."""
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
    reason, is_settings = ("", False) if run.is_success else _reason(instance, run.run_id, secrets)
    return JobFacts(
        job=job,
        run_id=run.run_id,
        is_failed=not run.is_success,
        ended_at=at,
        reason=reason,
        is_settings=is_settings,
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


def _reason(instance: dg.DagsterInstance, run_id: str, secrets: Secrets) -> tuple[str, bool]:
    """What went wrong first: a step, or, where none failed, the run as a whole; and whether the settings are to blame."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    records = instance.get_records_for_run(run_id, of_type=kinds, limit=1).records
    event = records[0].event_log_entry.dagster_event if records else None
    if event is None:
        return NO_REASON, False
    where = f"{event.step_key}: " if event.is_step_failure else ""
    # A run that somebody ended from outside has no error, just his words.
    error = getattr(event.event_specific_data, "error", None)
    if error is None:
        return one_line(f"{where}{event.message or NO_REASON}", secrets), False
    while error.cause and error.message.startswith(_WRAPPED):
        error = error.cause
    causes = [error]
    while causes[-1].cause:
        causes.append(causes[-1].cause)
    is_settings = any(one.cls_name in _SETTINGS_ERRORS for one in causes)
    return one_line(f"{where}{_MODULE.sub('', error.message)}", secrets), is_settings


def _check_facts(
    instance: dg.DagsterInstance, check_keys: Sequence[dg.AssetCheckKey], secrets: Secrets
) -> Iterator[CheckFacts]:
    """What each check last came to.

    A check that a run has planned, that the run never reached or that crashed (then its run failed, which is reported) has
    come to no result: its last result holds until there is another, so nothing ends because a run begins.
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
            description=one_line(result.description or "", secrets),
        )


def _polls_on_since(instance: dg.DagsterInstance) -> datetime | None:
    """When somebody turned the schedule of polls on; None while it is off."""
    if instance.schedule_storage is None:  # an ephemeral instance has no clock
        return None
    starts = [
        getattr(state.instigator_data, "start_timestamp", None) or 0.0
        for state in instance.all_instigator_state()
        if state.name == POLL_SCHEDULE and state.status.value == "RUNNING"
    ]
    return datetime.fromtimestamp(max(starts), UTC) if starts else None


def troubles_now(
    instance: dg.DagsterInstance,
    settings: Settings,
    watched: Sequence[str],
    check_keys: Sequence[dg.AssetCheckKey],
    now: datetime,
) -> pl.DataFrame:
    """What is wrong now: the same for the sensor that notices it and for the job that reports it."""
    poll_every = timedelta(minutes=settings.monitoring.interval_minutes)
    return troubles(read_facts(instance, watched, check_keys, settings.known_secrets()), now, poll_every)
