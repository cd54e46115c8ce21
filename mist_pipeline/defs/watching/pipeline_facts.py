"""What Dagster's instance says about the pipeline now: its jobs, its checks, the schedule of polls.

Here: questions to the instance, answered as plain facts. Not here: what follows from them (``workflows.self_monitoring``,
pure), the sensor that notices a change (`sensors`), what a job does (`jobs`), what a check checks (`checks`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import sqlalchemy as sa

# Which states of a check are a result: Dagster says it in no public place, and asks its storage with these itself.
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as RESULTS,
)
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

# Dagster's public way to results asks for one check after another: a hundred queries after every poll.
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from mist_pipeline.defs.checks.days import days_of_result
from mist_pipeline.defs.scope import Scope
from mist_pipeline.http_client.secrets import NONE_KNOWN, Secrets
from mist_pipeline.settings import SettingsError
from mist_pipeline.workflows.organisation_pin import OtherOrganisationError
from mist_pipeline.workflows.self_monitoring.by_day import Attempt, OpenFailure, open_failures
from mist_pipeline.workflows.self_monitoring.facts import FailedCheck, FailedJob, PipelineFacts
from mist_pipeline.workflows.self_monitoring.jobs import (
    BY_DAY,
    NO_REASON,
    POLL,
    POLL_SCHEDULE,
    RUNS_READ,
    WATCH,
    is_made_up_for,
    relatives,
)
from mist_pipeline.workflows.self_monitoring.trouble import one_line

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
"""How a run says something about its job. A cancelled one does not: a person wanted it to end."""

FAILED_CHECK = AssetCheckExecutionRecordStatus.FAILED

FAILURES_READ, SUCCESSES_READ = 500, 500
"""Newest failures that are read of each job, and results of jobs and checks that may have made them good. A morning that is
tried again for hours fails many times."""

WATCH_STEP = "watch_pipeline"
"""The step of ``watch`` that records."""

_WRAPPED = ("dagster._core.errors.", "Exceeded max_retries of ")
"""How an error begins that Dagster puts around what an asset raised; ``dagster.Failure`` it leaves as it is."""

_SETTINGS_ERRORS = frozenset({SettingsError.__name__, OtherOrganisationError.__name__})
"""Errors that last until somebody changes the settings, as Dagster keeps them: by name."""

_MODULE = re.compile(r"^(?:\w+\.)+(?=\w+(?::|$))")
"""Where an exception's class is defined, which the traceback module writes before its name."""


class CheckReader:
    """Failed checks, read again only after a run has begun or ended: there are a hundred checks, and one is asked by itself.

    Args:
        keys: Checks that there are: one that was removed would keep its last result for ever.
    """

    def __init__(self, keys: Sequence[dg.AssetCheckKey]) -> None:
        self._keys = tuple(keys)
        self._read_at: tuple[str, datetime] | None = None
        self._found: tuple[FailedCheck, ...] = ()

    def failed(
        self, instance: dg.DagsterInstance, scope: Scope, secrets: Secrets, since: datetime | None
    ) -> tuple[FailedCheck, ...]:
        """Checks that failed for days for which they did not pass since."""
        records = instance.get_run_records(limit=1, order_by="update_timestamp")
        newest = (records[0].dagster_run.run_id, records[0].update_timestamp) if records else None
        if newest is None or newest != self._read_at:
            self._found = tuple(_failed_checks(instance, scope, self._keys, secrets, since))
            self._read_at = newest
        return self._found


def read_facts(
    instance: dg.DagsterInstance,
    scope: Scope,
    watched: Sequence[str],
    checks: CheckReader,
    secrets: Secrets = NONE_KNOWN,
    since: datetime | None = None,
) -> PipelineFacts:
    """What the instance says now; a few queries that an index answers.

    Args:
        instance: Dagster's instance.
        scope: Whose runs and checks are meant.
        watched: Names of jobs; one that never ran has no facts.
        checks: Reads the checks.
        secrets: Taken out of what libraries and checks said.
        since: What failed before it for some days is not told any more; None: everything is.
    """
    failures = [
        each
        for job in watched
        for each in (
            _of_days(instance, scope, job, since) if job in BY_DAY else _newest(instance, scope, job)
        )
    ]
    return PipelineFacts(
        jobs=tuple(_failed_job(instance, scope, each, secrets) for each in failures),
        checks=checks.failed(instance, scope, secrets, since),
        last_poll=_last_success(instance, scope, POLL),
        polls_on_since=_polls_on_since(instance, scope),
    )


def _newest(instance: dg.DagsterInstance, scope: Scope, job: str) -> list[OpenFailure]:
    """A job without days: its newest finished runs, by their end. The first of a long row is asked for by itself."""
    found = open_failures(_attempts(instance, scope, scope.runs(job, statuses=FINISHED), RUNS_READ))
    return [
        replace(each, first=_first_in_row(instance, scope, each)) if each.failures >= RUNS_READ else each
        for each in found
    ]


def _first_in_row(instance: dg.DagsterInstance, scope: Scope, failure: OpenFailure) -> Attempt:
    """The oldest failed run of the job since one succeeded."""
    runs = scope.runs(
        failure.subject,
        statuses=[dg.DagsterRunStatus.FAILURE],
        updated_after=_last_success(instance, scope, failure.subject),
    )
    return next(_attempts(instance, scope, runs, 1, is_oldest_first=True), failure.first)


def _of_days(
    instance: dg.DagsterInstance, scope: Scope, job: str, since: datetime | None
) -> list[OpenFailure]:
    """A job of days: its failed runs, and what succeeded behind them. Costs one query where nothing failed."""
    failed = list(
        _attempts(
            instance,
            scope,
            scope.runs(job, statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since),
            FAILURES_READ,
        )
    )
    if not failed:
        return []
    first = min(each.at for each in failed)

    def successes(name: str) -> list[Attempt]:
        wanted = scope.runs(name, statuses=[dg.DagsterRunStatus.SUCCESS], updated_after=first)
        return list(_attempts(instance, scope, wanted, SUCCESSES_READ))

    others = {name: successes(name) for name in relatives(job)}
    return open_failures([*failed, *successes(job)], lambda day, at: is_made_up_for(job, others, day, at))


def _attempts(
    instance: dg.DagsterInstance,
    scope: Scope,
    runs: dg.RunsFilter,
    most: int,
    *,
    is_oldest_first: bool = False,
) -> Iterator[Attempt]:
    """The newest of these runs, or the oldest, each with the instant of its end and the days that it was about."""
    for record in instance.get_run_records(runs, limit=most, ascending=is_oldest_first):
        run, end = record.dagster_run, record.end_time
        at = record.update_timestamp.astimezone(UTC) if end is None else datetime.fromtimestamp(end, UTC)
        job = scope.plain(run.job_name) or run.job_name
        yield Attempt(
            subject=job,
            run_id=run.run_id,
            at=at,
            is_good=run.is_success,
            days=_days_of(run.tags) if job in BY_DAY else None,
        )


def _days_of(tags: Mapping[str, str]) -> frozenset[date] | None:
    """The days of a run; None where it names none, or none that can be read."""
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or tags.get("dagster/partition")
    try:
        start, end = date.fromisoformat(first or ""), date.fromisoformat(last or "")
    except ValueError:
        return None
    return frozenset(start + timedelta(days=number) for number in range((end - start).days + 1)) or None


def _last_success(instance: dg.DagsterInstance, scope: Scope, job: str) -> datetime | None:
    wanted = scope.runs(job, statuses=[dg.DagsterRunStatus.SUCCESS])
    return max((each.at for each in _attempts(instance, scope, wanted, RUNS_READ)), default=None)


def _failed_job(
    instance: dg.DagsterInstance, scope: Scope, failure: OpenFailure, secrets: Secrets
) -> FailedJob:
    reason, is_settings = _reason(instance, scope, failure.newest.run_id, secrets)
    began_otherwise = is_settings and not _reason(instance, scope, failure.first.run_id, secrets)[1]
    return FailedJob(failure=failure, reason=reason, is_settings=is_settings, began_otherwise=began_otherwise)


def _reason(instance: dg.DagsterInstance, scope: Scope, run_id: str, secrets: Secrets) -> tuple[str, bool]:
    """What went wrong first: a step, or, where none failed, the run as a whole; and whether the settings are to blame."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    records = instance.get_records_for_run(run_id, of_type=kinds, limit=1).records
    event = records[0].event_log_entry.dagster_event if records else None
    if event is None:
        return NO_REASON, False
    step = event.step_key or ""
    # Steps of some assets are named by their key.
    where = f"{scope.plain(step) or step}: " if event.is_step_failure else ""
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


def failed_report(instance: dg.DagsterInstance, scope: Scope) -> Attempt | None:
    """The newest run that should have reported the pipeline's own trouble, if it could not record it.

    One that recorded it and could tell nobody has lost nothing: what waits is sent again.
    """
    for failure in _newest(instance, scope, WATCH):
        reason, _ = _reason(instance, scope, failure.newest.run_id, NONE_KNOWN)
        if reason.startswith(f"{WATCH_STEP}: "):
            return failure.newest
    return None


def _failed_checks(
    instance: dg.DagsterInstance,
    scope: Scope,
    check_keys: Sequence[dg.AssetCheckKey],
    secrets: Secrets,
    since: datetime | None,
) -> Iterator[FailedCheck]:
    """Checks that failed for days for which they did not pass since.

    A check that a run has planned, that the run never reached or that crashed (then its run failed, which is reported) has
    come to no result: its last result holds until there is another, so nothing ends because a run begins.
    """
    storage = instance.event_log_storage
    for check in _ever_failed(instance, check_keys):
        failed = storage.get_asset_check_execution_history(check, limit=1, status={FAILED_CHECK})
        if not failed or (since is not None and failed[0].create_timestamp < since.timestamp()):
            continue
        results = storage.get_asset_check_execution_history(check, limit=SUCCESSES_READ, status=RESULTS)
        evaluations = {record.run_id: record.evaluation for record in results}
        attempts = [each for each in map(_attempt_of, results) if each is not None]
        recent = [each for each in attempts if each.is_good or since is None or each.at >= since]
        for failure in open_failures(recent):
            said = evaluations[failure.newest.run_id]
            if said is not None:
                yield FailedCheck(
                    failure=failure,
                    asset=scope.plain_asset(check.asset_key),
                    check=check.name,
                    severity="WARN" if said.severity == dg.AssetCheckSeverity.WARN else "ERROR",
                    is_blocking=bool(said.blocking),
                    description=one_line(said.description or "", secrets),
                )


def _ever_failed(instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]) -> list[dg.AssetCheckKey]:
    """Those of the checks of which a failed result is kept, in their order; all where the storage is not a database."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return list(checks)
    columns = AssetCheckExecutionsTable.c
    wanted = sa.select(columns.asset_key, columns.check_name).distinct()
    with storage.index_connection() as connection:
        rows = connection.execute(wanted.where(columns.execution_status == FAILED_CHECK.value))
        failed = {(asset_key, name) for asset_key, name in rows}
    return [check for check in checks if (check.asset_key.to_string(), check.name) in failed]


def _attempt_of(record: AssetCheckExecutionRecord) -> Attempt | None:
    """A result of a check; None of one that cannot be read."""
    result = record.evaluation
    if result is None:
        return None
    span, failed = days_of_result(result.metadata)
    days = None
    if span is not None:
        days = frozenset(span[0] + timedelta(days=number) for number in range((span[1] - span[0]).days + 1))
    at = record.event.timestamp if record.event else record.create_timestamp
    return Attempt(
        subject=record.key.name,
        run_id=record.run_id,
        at=datetime.fromtimestamp(at, UTC),
        is_good=result.passed,
        days=days,
        bad_days=frozenset(failed),
    )


def _polls_on_since(instance: dg.DagsterInstance, scope: Scope) -> datetime | None:
    """When somebody turned the schedule of polls on; None while it is off."""
    if instance.schedule_storage is None:  # an ephemeral instance has no clock
        return None
    starts = [
        getattr(state.instigator_data, "start_timestamp", None) or 0.0
        for state in instance.all_instigator_state()
        if state.name == scope.name(POLL_SCHEDULE) and state.status.value == "RUNNING"
    ]
    return datetime.fromtimestamp(max(starts), UTC) if starts else None
