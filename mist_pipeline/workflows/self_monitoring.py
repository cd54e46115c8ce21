"""What is wrong with the pipeline itself, as findings: failed jobs, failed checks, polls that stopped, sinks that fail.

Here: facts as values, and the pure rules over them. A state and not a stream of events: whoever asks late, twice or after a
crash gets the same answer, and nothing is lost with an event. Not here: where the facts come from (``defs.pipeline_facts``,
the ledger), when people are notified (``alerts``, to which these findings are an evaluation of source ``pipeline``),
findings about sites (``analysis.findings``).

>>> failed = JobFacts(job="daily", run_id="1", is_failed=True, ended_at=datetime(2026, 3, 1, 3), reason="disk full", failures=1)
>>> found = troubles(PipelineFacts(jobs=(failed,)), datetime(2026, 3, 1, 4), timedelta(minutes=15))
>>> found.select("family", "severity", "summary").row(0)
('pipeline:daily', 'critical', 'Job daily failed: disk full')
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal

import polars as pl

from mist_pipeline.alerts.ledger.reader import Unreached
from mist_pipeline.alerts.ledger.sink_health import FailingSink
from mist_pipeline.alerts.lifecycle.observations import PIPELINE
from mist_pipeline.alerts.notify.plan import RECIPIENTS, failing_sink_family
from mist_pipeline.analysis.findings.findings import fingerprint
from mist_pipeline.domain.severity import Severity, rank, worst
from mist_pipeline.http_client.secrets import NONE_KNOWN, Secrets
from mist_pipeline.tables import live
from mist_pipeline.workflows.layers import LAYERS

WATCHED = (
    "daily", "collect", "analyse", "report", "search", "snapshots", "live", "retention", "copies", "read_back",
)  # fmt: skip
"""Jobs whose failure is reported. ``evaluate`` is none of them: it makes the report, and cannot report its own failure."""

POLL_SCHEDULE = "every_few_minutes"


DAILY, POLL = "daily", "live"

CHECKS, POLLS, SETTINGS = "checks", "looks", "settings"
"""Subjects beside the jobs."""

MISSED_POLLS, LEAST_PATIENCE = 3, timedelta(minutes=45)
"""Polls have stopped after so many missed ones, and not before so long: a backfill may hold the warehouse for a while."""

SEVERITIES: Mapping[str, Severity] = {DAILY: "critical", **dict.fromkeys(LAYERS, "major")}
"""How bad the failure of a job is: without ``daily`` nobody gets yesterday's findings; others are a warning."""


LASTING_POLLS = 3
"""So many failed polls in a row are no hiccup of the cloud any more."""


RUNS_READ = 10
"""Newest finished runs of a job that are read; failures in a row are counted up to it."""


MOST_CHECKS = 20
"""Failed checks that evidence lists; one damaged raw file may fail a hundred."""


LONGEST_REASON = 300


NO_REASON = "no reason was given"


_STEP = re.compile(r"^[\w.\[\]-]+: (?:\w+: )?")
"""How a reason begins: the step that failed, and the kind of its error."""

_SECRETS = (
    # Everything behind the header's name, since schemes are many: a line, a dictionary, pairs of bytes.
    re.compile(r"""(?i)(authorization["']?\s*(?:[:=]|,(?=\s*b?["']))\s*(?:b?["'])?)[^"'\r\n]*"""),
    re.compile(r"(?i)(\b(?:bearer|token|basic)\s+)(?=\S*\d)[\w.~+/=-]{16,}"),
    re.compile(r"(://)[^\s/]+(?=@)"),
)
"""What looks like a secret. Our own messages never hold one; those of libraries may."""


@dataclass(frozen=True, kw_only=True)
class JobFacts:
    """What is known of one job that has finished at least once.

    Attributes:
        job: Its name.
        run_id: Its newest finished run.
        is_failed: Whether that run failed.
        ended_at: When it ended.
        reason: Why it failed, in one line; '' if it did not.
        is_settings: It failed because of wrong settings: nothing heals until somebody changes them.
        failures: Failed runs in a row, up to `RUNS_READ`.
        succeeded_at: When a run last succeeded; None if none ever did.
    """

    job: str
    run_id: str
    is_failed: bool
    ended_at: datetime
    reason: str = ""
    is_settings: bool = False
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
        last_poll: When a run of ``live`` last succeeded.
        polls_on_since: When its schedule was turned on; None: it is off.
    """

    jobs: tuple[JobFacts, ...] = ()
    checks: tuple[CheckFacts, ...] = ()
    last_poll: datetime | None = None
    polls_on_since: datetime | None = None


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


def troubles(facts: PipelineFacts, now: datetime, poll_every: timedelta) -> pl.DataFrame:
    """What is wrong with the pipeline: rows of ``live.findings``, sorted by fingerprint.

    Args:
        facts: What the instance says.
        now: The instant of the evaluation.
        poll_every: How often a poll is due.
    """
    stopped = _stopped_polls(facts, now, poll_every)
    jobs = {each.job: each for each in facts.jobs}
    failed = [each for each in facts.jobs if each.is_failed and not _is_made_up_for(each, jobs)]
    found = list(_failed_jobs([each for each in failed if not each.is_settings], stopped))
    found += _wrong_settings([each for each in failed if each.is_settings])
    found += _failed_checks([each for each in facts.checks if not each.is_passed])
    # Failed polls say it themselves: one trouble, as bad as either.
    if stopped is not None and POLL not in {each.job for each in failed}:
        found.append(stopped)
    return _findings(found, now)


def _wrong_settings(failed: Sequence[JobFacts]) -> Iterator[_Trouble]:
    """One trouble of all jobs that the settings stop: a missing token fails polls, snapshots and mornings alike."""
    if not failed:
        return
    worst_first = sorted(failed, key=lambda each: (-rank(_severity_of(each.job)), each.job))
    first, names = worst_first[0], [each.job for each in sorted(failed, key=lambda each: each.job)]
    listed = ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1]
    why = _STEP.sub("", first.reason) or NO_REASON
    evidence = {"jobs": names, "run_id": first.run_id, "failed_at": first.ended_at.isoformat(), "reason": why}
    yield _Trouble(
        SETTINGS,
        _severity_of(first.job),
        f"{'Jobs' if names[1:] else 'Job'} {listed} cannot run: {why}",
        evidence,
    )


def _severity_of(job: str) -> Severity:
    return SEVERITIES.get(job, "warning")


def _failed_jobs(failed: Sequence[JobFacts], stopped: _Trouble | None) -> Iterator[_Trouble]:
    for facts in failed:
        is_blind = facts.job == POLL and stopped is not None
        is_lasting = is_blind or (facts.job == POLL and facts.failures >= LASTING_POLLS)
        severity = "major" if is_lasting else _severity_of(facts.job)
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
        summary = f"Job {facts.job} failed{times}: {facts.reason or NO_REASON}"
        if is_blind and stopped is not None:
            summary = f"{stopped.summary} {summary}"
            evidence |= stopped.evidence
        yield _Trouble(facts.job, severity, summary, evidence)


def _is_made_up_for(failed: JobFacts, jobs: Mapping[str, JobFacts]) -> bool:
    """Whether the same work succeeded since under another name.

    ``daily`` does what its parts do, and a backfill, which is how a failed morning is made good, runs the parts. Without
    this, a part that once failed by hand would be reported for ever, since nobody needs to start it again.
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
    """One trouble of all: a broken table fails the checks of ten tables made from it."""
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
        for each in worst_first[:MOST_CHECKS]
    ]
    yield _Trouble(
        CHECKS,
        worst(map(_severity, failed)),
        f"Check {first.check} of {first.asset} failed{also}{because}",
        {"failed": len(failed), "checks": told},
    )


def _severity(failed: CheckFacts) -> Severity:
    return "major" if failed.severity == "ERROR" or failed.is_blocking else "warning"


def _stopped_polls(facts: PipelineFacts, now: datetime, poll_every: timedelta) -> _Trouble | None:
    if facts.polls_on_since is None:
        return None
    # A schedule that was turned on again after a week has its first poll before it.
    waiting_since = max(facts.polls_on_since, facts.last_poll or facts.polls_on_since)
    if now - waiting_since <= max(MISSED_POLLS * poll_every, LEAST_PATIENCE):
        return None
    since = f"for {_roughly(now - facts.last_poll)}" if facts.last_poll else "since polls were turned on"
    minutes = round(poll_every / timedelta(minutes=1))
    evidence = {
        "last_look": _iso(facts.last_poll),
        "looks_on_since": facts.polls_on_since.isoformat(),
        "look_every_minutes": minutes,
    }
    due = "every minute" if minutes == 1 else f"every {minutes} minutes"
    return _Trouble(POLLS, "major", f"No poll has succeeded {since}; one is due {due}.", evidence)


def _roughly(span: timedelta) -> str:
    minutes = int(span / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def one_line(text: str, known: Secrets = NONE_KNOWN) -> str:
    """A text of somebody else as one line of at most `LONGEST_REASON` characters, without secrets and what looks like one."""
    text = known.hide(text)
    for secret in _SECRETS:
        text = secret.sub(r"\1…", text)
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def sink_troubles(failing: Iterable[FailingSink], zone: tzinfo, now: datetime) -> pl.DataFrame:
    """Sinks that do not accept what they are sent: one finding a sink, so that each is told to the others and ends alone.

    Args:
        failing: As `Ledger.failing_sinks` gives them.
        zone: For the time in the sentence.
        now: The instant of the evaluation.
    """
    found = [
        _Trouble(
            failing_sink_family(one.sink).removeprefix(f"{PIPELINE}:"),
            "major",
            sink_sentence(one, zone),
            {
                "sink": one.sink,
                "since": one.since.isoformat(),
                "error": one_line(one.error),
                "waiting": one.waiting,
            },
        )
        for one in failing
    ]
    return _findings(found, now)


def sink_sentence(failing: FailingSink, zone: tzinfo) -> str:
    """What is wrong with a sink, in one line.

    >>> from datetime import UTC
    >>> one = FailingSink(sink="chat", since=datetime(2026, 3, 1, 14, 5, tzinfo=UTC), error="Slack answered 403", waiting=2)
    >>> sink_sentence(one, UTC)
    'Sink chat has not accepted any message since 2026-03-01 14:05 UTC (2 are waiting): Slack answered 403'
    """
    since = f"{failing.since.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    why = one_line(failing.error) or "none was tried yet"
    are = "1 is" if failing.waiting == 1 else f"{failing.waiting} are"
    if not failing.waiting:
        return f"Sink {failing.sink} refused its newest message, of {since}: {why}"
    if failing.accepts_others:
        return f"Sink {failing.sink} accepts some messages, but not one of {since} ({are} waiting): {why}"
    return f"Sink {failing.sink} has not accepted any message since {since} ({are} waiting): {why}"


RECIPIENT_PATIENCE = timedelta(hours=1)
"""A recipient that a receiver refuses for now is reported after this: greylisting takes minutes."""

MOST_RECIPIENTS = 20
"""Recipients that evidence lists."""


def unreached_recipients(unreached: Sequence[Unreached], now: datetime) -> pl.DataFrame:
    """Recipients that do not get what others of their sink get, as one finding; none where all do.

    Args:
        unreached: As `Ledger.unreached` gives them.
        now: The instant of the evaluation.
    """
    lasting = [one for one in unreached if one.is_final or now - one.since >= RECIPIENT_PATIENCE]
    if not lasting:
        return live.FINDINGS.empty()
    told = [
        {"sink": one.sink, "recipient": one.recipient, "answer": one.said, "since": one.since.isoformat()}
        for one in lasting[:MOST_RECIPIENTS]
    ]
    first, others = lasting[0], len(lasting) - 1
    also = f", nor to {others} other {'recipient' if others == 1 else 'recipients'}" if others else ""
    summary = f"Messages of {first.sink} do not arrive at {first.recipient}{also}: {first.said}"
    evidence = {"recipients": told, "unreached": len(lasting)}
    return _findings([_Trouble(RECIPIENTS.removeprefix(f"{PIPELINE}:"), "major", summary, evidence)], now)


def unreadable_evaluations(names: Sequence[str], now: datetime) -> pl.DataFrame:
    """Kept evaluations that were damaged and set aside, as one finding; none where there are none."""
    if not names:
        return live.FINDINGS.empty()
    summary = f"{len(names)} kept evaluations are damaged and were not evaluated, the newest {names[-1]}."
    return _findings([_Trouble("evaluations", "warning", summary, {"looks": list(names)})], now)


def _findings(found: Sequence[_Trouble], now: datetime) -> pl.DataFrame:
    rows = [trouble.row(now) for trouble in found]
    return pl.DataFrame(rows, schema=live.FINDINGS.polars_schema(), orient="row").sort("fingerprint")
