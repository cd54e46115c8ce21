"""Answers of the read model written down by hand."""

from datetime import datetime, timedelta

from mist_pipeline.overview.model import IncidentNow, Now, OrganisationNow, PipelineNow, Source
from mist_pipeline_tests.support.overview.organisations import AT

POLL = timedelta(minutes=15)


def incident(severity: str) -> IncidentNow:
    return IncidentNow(
        incident_id="1", severity=severity, state="open", progress="going on", began_at=AT, opened_at=AT, last_bad_at=None, resolved_at=None,
        where="Bonn", what="is bad", site_ids=("s",), family="coverage", acknowledged_by="", withheld="", num_alerts=1,
    )  # fmt: skip


def now(*severities: str, polled: datetime = AT, has_ledger: bool = True, critical_sites: int = 0) -> Now:
    return Now(
        at=AT,
        live=Source(name="live", as_of=polled, stale_after=2 * POLL),
        days=Source(name="days", as_of=AT),
        ledger=Source(name="ledger", as_of=AT if has_ledger else None),
        organisation=OrganisationNow(counts={"CRITICAL": critical_sites, "HEALTHY": 9}),
        pipeline=PipelineNow(),
        incidents=[incident(one) for one in severities],
    )
