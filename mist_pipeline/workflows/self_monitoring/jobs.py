"""Jobs that failed, and polls that have stopped.

>>> from datetime import UTC
>>> from mist_pipeline.workflows.self_monitoring.by_day import Attempt, OpenFailure
>>> run = Attempt(subject="daily", run_id="1", at=datetime(2026, 3, 2, 3, tzinfo=UTC), is_good=False)
>>> failed = FailedJob(failure=OpenFailure(subject="daily", newest=run, first=run, span="2026-03-01", days=(date(2026, 3, 1),)), reason="disk full")
>>> (one,) = job_troubles(PipelineFacts(jobs=(failed,)), datetime(2026, 3, 2, 4, tzinfo=UTC), timedelta(minutes=15))
>>> one.subject, one.severity, one.summary
('daily@2026-03-01', 'critical', 'Job daily failed for 2026-03-01: disk full')
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from mist_pipeline.domain.severity import Severity, rank
from mist_pipeline.workflows.layers import LAYERS
from mist_pipeline.workflows.self_monitoring.by_day import Attempt, told_days
from mist_pipeline.workflows.self_monitoring.facts import FailedJob, PipelineFacts, iso_days
from mist_pipeline.workflows.self_monitoring.trouble import Trouble, iso, roughly

DAILY, POLL, SEARCH, RENEW = "daily", "live", "search", "renew"

WATCHED = (
    DAILY, "collect", "analyse", "report", RENEW, "late_hours", SEARCH, "snapshots", POLL, "retention", "copies",
    "read_back", "evaluate", "deliver", "escalate",
)  # fmt: skip
"""Jobs whose failure is reported. ``watch`` is none of them: it makes the report, and cannot report its own failure."""

WATCH = "watch"
"""The job that reports; whether it fails is asked by the dead man's switch."""

BY_DAY = (DAILY, *LAYERS, RENEW, SEARCH)
"""Jobs whose runs are about days: only the same days make a failed one good."""

POLL_SCHEDULE = "every_few_minutes"

SETTINGS = "settings"
"""A subject beside the jobs."""

MISSED_POLLS, LEAST_PATIENCE = 3, timedelta(minutes=45)
"""Polls have stopped after so many missed ones, and not before so long: a backfill may hold the warehouse for a while."""

SEVERITIES: Mapping[str, Severity] = {DAILY: "critical", WATCH: "major", **dict.fromkeys(LAYERS, "major")}
"""How bad the failure of a job is: without ``daily`` nobody gets yesterday's findings; others are a warning."""

OFTEN = frozenset({POLL, "evaluate", "deliver", "escalate"})
LASTING_FAILURES = 3
"""So many failures in a row of a job that runs often are no hiccup any more."""

RUNS_READ = 10
"""Newest finished runs of a job without days that are read; failures in a row are counted up to it."""

NO_REASON = "no reason was given"

NOBODY_TOLD = "No sink accepts messages, so nobody is told of anything"
"""How a run says that it could tell nobody."""

_STEP = re.compile(r"^[\w.\[\]-]+: (?:\w+: )?")
"""How a reason begins: the step that failed, and the kind of its error."""


def relatives(job: str) -> tuple[str, ...]:
    """Jobs that may make good what a job failed to do: ``daily`` does what its parts do, and they what it does."""
    if job == DAILY:
        return tuple(LAYERS)
    return (DAILY,) if job in LAYERS or job == RENEW else ()


def is_made_up_for(
    job: str, successes: Mapping[str, Sequence[Attempt]], day: date | None, failed_at: datetime
) -> bool:
    """Whether the same work for the same day succeeded since under another name.

    A backfill, which is how a failed morning is made good, runs the parts of ``daily`` one after another, and writes the page
    of its last day only: a later page stands for an earlier one then.

    Args:
        job: The job that failed.
        successes: Job → successful runs of its relatives.
        day: The day; None if the failure named none.
        failed_at: When it failed.
    """

    def succeeded(name: str, *, is_later_day_enough: bool) -> bool:
        return any(
            run.at > failed_at
            and (
                run.says(day)
                or (is_later_day_enough and day is not None and any(day <= one for one in run.days or ()))
            )
            for run in successes.get(name, ())
        )

    others = relatives(job)
    return bool(others) and all(
        succeeded(name, is_later_day_enough=job == DAILY and name == "report") for name in others
    )


def job_troubles(facts: PipelineFacts, now: datetime, poll_every: timedelta) -> list[Trouble]:
    """Failed jobs and stopped polls.

    Args:
        facts: What the instance says.
        now: The instant of the evaluation.
        poll_every: How often a poll is due.
    """
    stopped = _stopped_polls(facts, now, poll_every)
    found = [
        _failed(each, stopped)
        for each in facts.jobs
        if not is_untold(each) and (not each.is_settings or _was_told_before(each, facts, poll_every))
    ]
    found += _wrong_settings([each for each in facts.jobs if each.is_settings])
    # Failed polls say it themselves: one trouble, as bad as either. It has one name, so that nobody reads that polls have recovered
    # where the first of them begins to fail.
    if stopped is not None and POLL not in {each.job for each in facts.jobs}:
        found.append(stopped)
    return found


def _was_told_before(failed: FailedJob, facts: PipelineFacts, poll_every: timedelta) -> bool:
    """Whether the job was in trouble before the settings stopped it: it goes on, and nobody may read that it has recovered."""
    if failed.began_otherwise:
        return True
    stopped_from = _stopped_from(facts, poll_every) if failed.job == POLL else None
    return stopped_from is not None and failed.failure.first.at > stopped_from


def is_untold(failed: FailedJob) -> bool:
    """Whether a run failed because no sink accepted anything: told of each sink, to whom it can be told."""
    return NOBODY_TOLD in failed.reason


def _failed(facts: FailedJob, stopped: Trouble | None) -> Trouble:
    job, failure = facts.job, facts.failure
    is_blind = job == POLL and stopped is not None
    is_lasting = is_blind or (job in OFTEN and failure.failures >= LASTING_FAILURES)
    least = "at least " if failure.failures >= RUNS_READ else ""
    times = f" {least}{failure.failures} times in a row" if failure.failures > 1 else ""
    evidence = {
        "job": job,
        "run_id": failure.newest.run_id,
        "failed_at": failure.newest.at.isoformat(),
        "failures": failure.failures,
        "reason": facts.reason,
        "days": iso_days(failure.days),
    }
    summary = f"Job {job} failed{told_days(failure.days)}{times}: {facts.reason or NO_REASON}"
    if is_blind and stopped is not None:
        summary = f"{stopped.summary} {summary}"
        evidence |= stopped.evidence
    subject = f"{job}@{failure.span}" if failure.span else job
    return Trouble(subject, "major" if is_lasting else _severity_of(job), summary, evidence)


def _wrong_settings(failed: Sequence[FailedJob]) -> Iterator[Trouble]:
    """One trouble of all jobs that the settings stop: a missing token fails polls, snapshots and mornings alike."""
    if not failed:
        return
    worst_first = sorted(failed, key=lambda each: (-rank(_severity_of(each.job)), each.job))
    first, names = worst_first[0], sorted({each.job for each in failed})
    listed = ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1]
    why = _STEP.sub("", first.reason) or NO_REASON
    newest = first.failure.newest
    evidence = {"jobs": names, "run_id": newest.run_id, "failed_at": newest.at.isoformat(), "reason": why}
    yield Trouble(
        SETTINGS,
        _severity_of(first.job),
        f"{'Jobs' if names[1:] else 'Job'} {listed} cannot run: {why}",
        evidence,
    )


def _severity_of(job: str) -> Severity:
    return SEVERITIES.get(job, "warning")


def _stopped_from(facts: PipelineFacts, poll_every: timedelta) -> datetime | None:
    """From when on polls have stopped if none succeeds; None while their schedule is off."""
    if facts.polls_on_since is None:
        return None
    # A schedule that was turned on again after a week has its first poll before it.
    waiting_since = max(facts.polls_on_since, facts.last_poll or facts.polls_on_since)
    return waiting_since + max(MISSED_POLLS * poll_every, LEAST_PATIENCE)


def _stopped_polls(facts: PipelineFacts, now: datetime, poll_every: timedelta) -> Trouble | None:
    stopped_from = _stopped_from(facts, poll_every)
    if facts.polls_on_since is None or stopped_from is None or now <= stopped_from:
        return None
    since = f"for {roughly(now - facts.last_poll)}" if facts.last_poll else "since polls were turned on"
    minutes = round(poll_every / timedelta(minutes=1))
    evidence = {
        "last_look": iso(facts.last_poll),
        "looks_on_since": facts.polls_on_since.isoformat(),
        "look_every_minutes": minutes,
        "job": POLL,
    }
    due = "every minute" if minutes == 1 else f"every {minutes} minutes"
    return Trouble(POLL, "major", f"No poll has succeeded {since}; one is due {due}.", evidence)
