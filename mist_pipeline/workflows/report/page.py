"""The page of a day: what it is made of, read from the published copy and the ledger.

Not here: what the page says and how it looks (``report``), publishing (``warehouse.publish``).
"""

from datetime import date, datetime
from typing import TYPE_CHECKING

from mist_pipeline.analysis.scores.status import site_status
from mist_pipeline.domain.text import count
from mist_pipeline.overview.past.graded import scorecard
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.days import back
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.present.overview import overview
from mist_pipeline.workflows.report.ledger import next_steps, told_between

if TYPE_CHECKING:
    from mist_pipeline.report import ReportData

REPORT_DAYS = 30
"""Days of history on the page."""


def report_data(settings: Settings, cloud: Cloud, day: date, instant: datetime) -> "ReportData":
    """What the report of a day is made of, read from one published copy and the ledger.

    Args:
        settings: Of this installation.
        cloud: For links to sites.
        day: The day reported on.
        instant: As of when it is made.
    """
    published = Warehouse(settings.published_path)
    with published.reading():
        return _read(published, settings, cloud, day, instant)


def _read(
    published: Warehouse, settings: Settings, cloud: Cloud, day: date, instant: datetime
) -> "ReportData":
    from mist_pipeline.report import Links, ReportData, ReportSettings

    start = back([day], REPORT_DAYS - 1)
    readings = published.read_days(history.SLE_DAILY, start, day)
    sites = published.read_days(history.SITES, start, day)
    between = told_between(settings.reports_path, day, instant, settings.organisation.zone)
    morning = overview(settings).morning(*between, instant)
    metrics = [metric.name for metric in settings.metrics]
    return ReportData(
        day=day,
        as_of=instant,
        organisation=settings.organisation.name or cloud.organisation.name or "Mist organisation",
        sites=sites,
        sle_daily=readings,
        classifiers_daily=published.read_days(history.CLASSIFIERS_DAILY, day, day),
        site_status=site_status(readings, metrics, sites),
        trends=published.read_days(analysis.TRENDS, back([day], 6), day),
        sle_hourly=published.read_days(history.SLE_HOURLY, day, day),
        baselines=published.read_days(analysis.BASELINES, day, day),
        deviations=published.read_days(analysis.DEVIATIONS, day, day),
        forecasts=published.read_days(analysis.FORECASTS, day, day),
        risks=published.read_days(analysis.RISKS, day, day),
        anomalies=published.read_days(analysis.ANOMALIES, day, day),
        health_scores=published.read_days(analysis.HEALTH_SCORES, start, day),
        incidents=published.read_days(analysis.INCIDENTS, day, day),
        findings=published.read_days(analysis.FINDINGS, day, day),
        changes=published.read_days(history.CHANGES, start, day),
        ledger=morning,
        scorecard=_graded(published, settings, day),
        next_steps=next_steps(settings, morning),
        zone=settings.organisation.zone,
        links=Links(
            manage_url=cloud.people_url,
            org_id=cloud.organisation.id or None,
            dagster_url=settings.notifications.dagster_url,
            console_url=settings.web.console_url,
        ),
        settings=ReportSettings(
            bands=rules.default_bands(settings),
            bands_by_metric=rules.bands_by_metric(settings),
            pre_warning=settings.pre_warning_lines,
            forecast_days=settings.thresholds.forecast_days,
            history_days=REPORT_DAYS,
        ),
    )


def _graded(published: Warehouse, settings: Settings, day: date) -> list[str]:
    """What the morning says of earlier warnings and alerts, and whether there is something to consider."""
    with published.reading() as connection:
        found = scorecard(connection, settings.thresholds.forecast_days, day)
    if found is None:
        return []
    told = [line.text for line in found.lines if line.name in ("warnings", "precision") and line.n]
    if found.proposals:
        told.append(f"{count(len(found.proposals), 'proposal')}: mist-pipeline scorecard.")
    return told
