"""Everything that is wrong, from all that is known."""

from datetime import datetime, timedelta

import polars as pl

from mist_pipeline.workflows.self_monitoring.checks import check_troubles
from mist_pipeline.workflows.self_monitoring.facts import PipelineFacts
from mist_pipeline.workflows.self_monitoring.jobs import job_troubles
from mist_pipeline.workflows.self_monitoring.trouble import findings


def troubles(facts: PipelineFacts, now: datetime, poll_every: timedelta) -> pl.DataFrame:
    """What is wrong with the pipeline: rows of ``live.findings``, sorted by fingerprint.

    Args:
        facts: What the instance says.
        now: The instant of the evaluation.
        poll_every: How often a poll is due.
    """
    return findings(job_troubles(facts, now, poll_every) + check_troubles(facts.checks), now)
