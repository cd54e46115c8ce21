"""The pipeline's own trouble as findings: jobs that failed, checks that failed, looks that stopped.

Here: what Dagster's instance says now (`read_facts`), what follows from it (`troubles`, pure), and the sensor that notices
a change. A state and not a stream of events: whoever asks late, twice or after a crash gets the same answer, and nothing
is lost with an event. Not here: when people are told (``alerts``, to which these findings are an evaluation of source
``pipeline``), what a job does (`jobs`), what a check looks at (`checks`), findings about sites (``analysis.findings``).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import dagster as dg
import polars as pl
from dagster._core.scheduler.instigation import ScheduleInstigatorData
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as RESULTS,
)
from dagster_shared.error import SerializableErrorInfo

from mist_pipeline.alerts.model import Severity, rank, worst
from mist_pipeline.alerts.signals import PIPELINE
from mist_pipeline.analysis.findings import fingerprint
from mist_pipeline.defs.jobs import LAYERS
from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.tables import live

DAILY, LOOK = "daily", "live"
LOOK_SCHEDULE = "every_few_minutes"

WATCHED = (
    "daily", "collect", "analyse", "report", "search", "snapshots", "live", "retention", "copies", "read_back",
)  # fmt: skip
"""Jobs whose failure is told. The job that tells is none of them: its failure could not be told by itself."""

CHECKS, LOOKS = "checks", "looks"
"""Subjects beside the jobs."""

SEVERITIES: Mapping[str, Severity] = {DAILY: "critical", **dict.fromkeys(LAYERS, "major")}
"""How bad the failure of a job is: without ``daily`` nobody gets yesterday's findings; others are a warning."""

LASTING_LOOKS = 3
"""So many failed looks in a row are no hiccup of the cloud any more."""

MISSED_LOOKS, LEAST_PATIENCE = 3, timedelta(minutes=45)
"""Looks have stopped after so many of them, and not before so long: a backfill may hold the warehouse for a while."""

RUNS_READ = 10
"""Newest finished runs of a job that are read; failures in a row are counted up to it."""

CHECKS_TOLD = 20
"""Failed checks that evidence lists; one damaged raw file may fail a hundred."""

LONGEST_REASON = 300
NO_REASON = "no reason was given"

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
"""How a run says something about its job. A cancelled one does not: a person wanted it to end."""

_SECRETS = (
    # Everything behind the header's name, since schemes are many: a line, a dictionary, pairs of bytes.
    re.compile(r"""(?i)(authorization["']?\s*(?:[:=]|,(?=\s*b?["']))\s*(?:b?["'])?)[^"'\r\n]*"""),
    re.compile(r"(?i)(\b(?:bearer|token|basic)\s+)(?=\S*\d)[\w.~+/=-]{16,}"),
    re.compile(r"(://)[^\s/]+(?=@)"),
)
"""What looks like a secret. House rule keeps them out of messages; messages of libraries know no house rule."""

_WRAPPED = "dagster._core.errors."
"""How an error begins that Dagster puts around what an asset raised; ``dagster.Failure`` it leaves as it is."""

_MODULE = re.compile(r"^(?:\w+\.)+(?=\w+(?::|$))")
"""Where an exception's class is defined, which the traceback module writes before its name."""


@dataclass(frozen=True, kw_only=True)
class JobFacts:
    """What is known of one job that has finished at least once.

    Attributes:
        job: Its name.
        run_id: Its newest finished run.
        is_failed: Whether that run failed.
        ended_at: When it ended.
        reason: Why it failed, in one line; '' if it did not.
        failures: Failed runs in a row, up to `RUNS_READ`.
        succeeded_at: When a run last succeeded; None if none ever did.
    """

    job: str
    run_id: str
    is_failed: bool
    ended_at: datetime
    reason: str = ""
    failures: int = 0
    succeeded_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CheckFacts:
    """What a check said when it last came to a result."""

    asset: str
    check: str
    is_passed: bool
    evaluated_at: datetime
    severity: Literal["WARN", "ERROR"] = "ERROR"
    is_blocking: bool = False
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class PipelineFacts:
    """What Dagster's instance says at one moment.

    Attributes:
        jobs: Of the watched jobs those that have finished once.
        checks: Those that have come to a result once.
        last_look: When a run of ``live`` last succeeded.
        looks_on_since: When its schedule was turned on; None: it is off.
    """

    jobs: tuple[JobFacts, ...] = ()
    checks: tuple[CheckFacts, ...] = ()
    last_look: datetime | None = None
    looks_on_since: datetime | None = None


@dataclass(frozen=True)
class _Trouble:
    subject: str
    severity: Severity
    summary: str
    evidence: Mapping[str, object]

    def row(self, now: datetime) -> dict[str, object]:
        return {
            "as_of": now,
            "site_id": "",
            "metric": "",
            "kind": PIPELINE,
            "severity": self.severity,
            "summary": self.summary,
            "evidence": json.dumps(self.evidence, ensure_ascii=False),
            "fingerprint": fingerprint(PIPELINE, "", "", self.subject),
            "family": f"{PIPELINE}:{self.subject}",
        }


def troubles(facts: PipelineFacts, now: datetime, look_every: timedelta) -> pl.DataFrame:
    """What is wrong with the pipeline: rows of ``live.findings``, sorted by fingerprint.

    Args:
        facts: What the instance says.
        now: The instant of the evaluation.
        look_every: How often a look is due.
    """
    found = list(_failed_jobs({each.job: each for each in facts.jobs}))
    found += _failed_checks([each for each in facts.checks if not each.is_passed])
    if LOOK not in {trouble.subject for trouble in found}:
        found += _stopped_looks(facts, now, look_every)
    rows = [trouble.row(now) for trouble in found]
    return pl.DataFrame(rows, schema=live.FINDINGS.polars_schema(), orient="row").sort("fingerprint")


def _failed_jobs(jobs: Mapping[str, JobFacts]) -> Iterator[_Trouble]:
    for facts in jobs.values():
        if not facts.is_failed or _is_made_up_for(facts, jobs):
            continue
        is_lasting_look = facts.job == LOOK and facts.failures >= LASTING_LOOKS
        severity = "major" if is_lasting_look else SEVERITIES.get(facts.job, "warning")
        least = "at least " if facts.failures >= RUNS_READ else ""
        times = f" {least}{facts.failures} times in a row" if facts.failures > 1 else ""
        evidence = {
            "job": facts.job,
            "run_id": facts.run_id,
            "failed_at": facts.ended_at.isoformat(),
            "failures": facts.failures,
            "reason": facts.reason,
            "succeeded_at": _iso(facts.succeeded_at),
        }
        yield _Trouble(
            facts.job, severity, f"Job {facts.job} failed{times}: {facts.reason or NO_REASON}", evidence
        )


def _is_made_up_for(failed: JobFacts, jobs: Mapping[str, JobFacts]) -> bool:
    """Whether the same work succeeded since under another name.

    ``daily`` does what its parts do, and a backfill, which is how a failed morning is mended, runs the parts. Without
    this, a part that once failed by hand would be told for ever, since nobody needs to start it again.
    """
    if failed.job == DAILY:
        others: tuple[str, ...] = tuple(LAYERS)
    elif failed.job in LAYERS:
        others = (DAILY,)
    else:
        return False
    succeeded = [jobs[name].succeeded_at if name in jobs else None for name in others]
    return all(at is not None and at > failed.ended_at for at in succeeded)


def _failed_checks(failed: Sequence[CheckFacts]) -> Iterator[_Trouble]:
    """One trouble of all: what one table breaks, the checks of ten tables made from it tell."""
    if not failed:
        return
    worst_first = sorted(failed, key=lambda each: (-rank(_severity(each)), each.asset, each.check))
    first, others = worst_first[0], len(failed) - 1
    because = f": {first.description}" if first.description else ""
    also = f" ({others} other {'check' if others == 1 else 'checks'} failed, too)" if others else ""
    told = [
        {
            "asset": each.asset,
            "check": each.check,
            "severity": _severity(each),
            "failed_at": each.evaluated_at.isoformat(),
            "description": each.description,
        }
        for each in worst_first[:CHECKS_TOLD]
    ]
    yield _Trouble(
        CHECKS,
        worst(map(_severity, failed)),
        f"Check {first.check} of {first.asset} failed{also}{because}",
        {"failed": len(failed), "checks": told},
    )


def _severity(failed: CheckFacts) -> Severity:
    return "major" if failed.severity == "ERROR" or failed.is_blocking else "warning"


def _stopped_looks(facts: PipelineFacts, now: datetime, look_every: timedelta) -> Iterator[_Trouble]:
    if facts.looks_on_since is None:
        return
    # A schedule that was turned on again after a week has its first look before it.
    waiting_since = max(facts.looks_on_since, facts.last_look or facts.looks_on_since)
    if now - waiting_since <= max(MISSED_LOOKS * look_every, LEAST_PATIENCE):
        return
    since = f"for {_roughly(now - facts.last_look)}" if facts.last_look else "since looks were turned on"
    minutes = round(look_every / timedelta(minutes=1))
    evidence = {
        "last_look": _iso(facts.last_look),
        "looks_on_since": facts.looks_on_since.isoformat(),
        "look_every_minutes": minutes,
    }
    due = "every minute" if minutes == 1 else f"every {minutes} minutes"
    yield _Trouble(LOOKS, "major", f"No look has succeeded {since}; one is due {due}.", evidence)


def _roughly(span: timedelta) -> str:
    minutes = int(span / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


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


def one_line(text: str) -> str:
    """A text of somebody else as one line of at most `LONGEST_REASON` characters, without what looks like a secret."""
    for secret in _SECRETS:
        text = secret.sub(r"\1…", text)
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


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
