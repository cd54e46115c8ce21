"""published/* and report/*: the analysts' copy, and the page of the day made from it."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from mist_pipeline.analysis.scores.status import site_status
from mist_pipeline.defs.assets.pictures import sites_by_status
from mist_pipeline.defs.resources import as_of
from mist_pipeline.defs.table_io import DATA_ENGINEERING, NETWORK_OPERATIONS, POOL, SINGLE_RUN, days_of, key
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.days import back
from mist_pipeline.workflows.cloud import Cloud

if TYPE_CHECKING:
    from mist_pipeline.report import ReportData

PUBLISHED = dg.AssetKey(["published", "mist"])
REPORT_DAYS = 30
"""Days of history on the page."""


def report_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Every asset of this layer."""

    @dg.asset(
        key=PUBLISHED,
        deps=[key(table) for table in (*history.TABLES, *analysis.TABLES)],
        partitions_def=daily,
        backfill_policy=SINGLE_RUN,
        group_name="published",
        owners=[DATA_ENGINEERING],
        kinds={"duckdb"},
        pool=POOL,
        description="The analysts' copy of the warehouse, with views; replaced atomically, so that nobody waits.",
    )
    def published(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
        path = publish(settings.warehouse_path, settings.published_path)
        return dg.MaterializeResult(
            metadata={"path": dg.MetadataValue.path(path), "bytes": path.stat().st_size}
        )

    @dg.asset(
        key=["report", "daily_report"],
        deps=[PUBLISHED],
        partitions_def=daily,
        backfill_policy=SINGLE_RUN,
        group_name="report",
        owners=[NETWORK_OPERATIONS],
        kinds={"html"},
        description="The morning page: text summary, JSON dashboard and one HTML page, of the run's newest day.",
    )
    def daily_report(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        cloud: dg.ResourceParam[Cloud],
    ) -> dg.MaterializeResult[Any]:
        from mist_pipeline import report

        data = report_data(settings, cloud, days_of(context)[-1], as_of(context))
        written = report.write(settings.reports_path, data)
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.path(written.html.resolve()),
                "latest": dg.MetadataValue.path(written.latest.resolve()),
                "sites by status": sites_by_status(data.site_status),
                "summary": dg.MetadataValue.md(f"```\n{written.text.read_text(encoding='utf-8')}\n```"),
            }
        )

    return [published, daily_report]


def report_data(settings: Settings, cloud: Cloud, day: date, instant: datetime) -> "ReportData":
    """What the report of a day is made of, read from the published copy."""
    from mist_pipeline.report import Links, ReportData, ReportSettings

    published = Warehouse(settings.published_path)
    start = back([day], REPORT_DAYS - 1)
    readings = published.read_days(history.SLE_DAILY, start, day)
    sites = published.read_days(history.SITES, start, day)
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
        links=Links(
            manage_url=cloud.people_url,
            org_id=cloud.organisation.id or None,
            dagster_url=settings.notifications.dagster_url,
        ),
        settings=ReportSettings(
            bands=rules.default_bands(settings),
            bands_by_metric=rules.bands_by_metric(settings),
            pre_warning=settings.pre_warning_lines,
            forecast_days=settings.thresholds.forecast_days,
            history_days=REPORT_DAYS,
        ),
    )
