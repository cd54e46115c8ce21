"""Frames in, one document out: everything that a report shows, in the order in which it is shown."""

from mist_pipeline.domain.text import clean
from mist_pipeline.report.document.attention import needs_attention, notices
from mist_pipeline.report.document.causes import anomalies, candidate_causes, classifiers, far_from_usual
from mist_pipeline.report.document.forecast import at_risk, worsening
from mist_pipeline.report.document.formatting import stamp
from mist_pipeline.report.document.incidents import ledger, past_incidents
from mist_pipeline.report.document.model import SCHEMA, SCHEMA_VERSION, Dashboard
from mist_pipeline.report.document.sites import (
    shown_metrics,
    sites_worst_first,
    status_by_day,
    unknown_reasons,
)
from mist_pipeline.report.document.summary import comparison, summary_sentence, totals
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.queries.frames import last_days


def build_dashboard(data: ReportData) -> Dashboard:
    """The document of one day; a function of ``data`` alone.

    Returns:
        What docs/report.md describes: JSON values only, finite numbers only.
    """
    metrics = shown_metrics(data)
    sites = sites_worst_first(data, metrics)
    by_id = {site["site_id"]: site for site in sites}
    shared = candidate_causes(data, by_id)
    risks = at_risk(data, by_id)
    trends = worsening(data, by_id, risks)
    unusual = anomalies(data, by_id)
    sums = totals(data, sites, trends, risks, unusual, shared)
    compared = comparison(sites, data.site_status, data.day)
    incidents = ledger(data, by_id, shared)
    settings = data.settings
    return Dashboard(
        schema=SCHEMA,
        version=SCHEMA_VERSION,
        organisation=clean(data.organisation) or "Organisation without a name",
        day=data.day.isoformat(),
        as_of=stamp(data.as_of),
        headline=summary_sentence(sites, sums, compared, data.day, risks, shared, settings.forecast_days),
        comparison=compared,
        totals=sums,
        ledger=incidents,
        metrics=metrics,
        days=[day.isoformat() for day in last_days(data.day, settings.history_days)],
        notices=notices(data),
        attention=needs_attention(data, sites, shared, incidents["open"] if incidents else None),
        unknown=unknown_reasons(sites),
        past_incidents=past_incidents(data, by_id),
        incidents=shared,
        at_risk=risks,
        scorecard=list(data.scorecard),
        trends=trends,
        sites=sites,
        anomalies=unusual,
        far_from_usual=far_from_usual(data, by_id, unusual),
        classifiers=classifiers(data, by_id),
        status_by_day=status_by_day(data, set(by_id)),
        thresholds={metric: settings.thresholds_of(metric) for metric in metrics},
        links={
            "manage": data.links.manage_url,
            "dagster": data.links.dagster_url,
            "console": data.links.console_url,
        },
    )
