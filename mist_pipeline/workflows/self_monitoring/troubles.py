"""Everything that is wrong, from all that is known."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

import polars as pl

from mist_pipeline.workflows.self_monitoring.checks import check_troubles
from mist_pipeline.workflows.self_monitoring.facts import FailedJob, PipelineFacts
from mist_pipeline.workflows.self_monitoring.jobs import (
    NOBODY_TOLD,
    OFTEN,
    WATCH,
    is_untold,
    job_troubles,
)
from mist_pipeline.workflows.self_monitoring.machines import machine_troubles
from mist_pipeline.workflows.self_monitoring.service import ServiceFacts, service_troubles
from mist_pipeline.workflows.self_monitoring.trouble import Trouble, findings


def all_troubles(
    facts: PipelineFacts, service: ServiceFacts, now: datetime, poll_every: timedelta, zone: tzinfo
) -> list[Trouble]:
    """What is wrong with the pipeline, each subject once: of a morning that failed and is missing, why it failed.

    Args:
        facts: What Dagster's instance says of runs and checks.
        service: What is known of the work.
        now: The instant of the evaluation.
        poll_every: How often a poll is due.
        zone: Of the organisation.
    """
    found: Sequence[Trouble] = [
        *job_troubles(facts, now, poll_every),
        *check_troubles(facts.checks),
        *service_troubles(service, now, zone),
        *machine_troubles(service.machines, service.expected_machines),
    ]
    return list({one.subject: one for one in reversed(found)}.values())


def troubles(
    facts: PipelineFacts, service: ServiceFacts, now: datetime, poll_every: timedelta, zone: tzinfo
) -> pl.DataFrame:
    """The same as rows of ``live.findings``, sorted by fingerprint."""
    return findings(all_troubles(facts, service, now, poll_every, zone), now)


def stalled(
    facts: PipelineFacts, service: ServiceFacts, now: datetime, poll_every: timedelta, zone: tzinfo
) -> list[Trouble]:
    """What keeps people from being told, or from being told the truth: for somebody outside, whom this reaches all the same.

    Late work, clocks that are off, a full disk, and failing jobs that tell; not every job that fails, which people are told.
    What waits is late also right after a start: nobody was told meanwhile, and a service that dies and starts every few minutes tells nobody.
    """
    found = [
        *service_troubles(service, now, zone, is_start_spared=False),
        *(one for one in job_troubles(facts, now, poll_every) if _tells(one)),
        *(_untold(each) for each in facts.jobs if is_untold(each)),
    ]
    if not service.is_served:
        sentence = "All schedules and sensors are switched off: is `mist-pipeline daemon` running?"
        found.append(Trouble("switched_off", "critical", sentence, {}))
    return list({one.subject: one for one in found}.values())


def _tells(trouble: Trouble) -> bool:
    """Whether it is about a job without which nobody is told, and lasts."""
    return trouble.evidence.get("job") in {*OFTEN, WATCH} and trouble.severity != "warning"


def _untold(failed: FailedJob) -> Trouble:
    return Trouble(failed.job, "critical", f"{NOBODY_TOLD} ({failed.job}).", {})
