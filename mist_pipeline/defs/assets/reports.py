"""published/* and report/*: the analysts' copy, and the page of the day made from it.

Here: keys and metadata. Not here: what the page is made of (``workflows.report.page``), publishing (``warehouse.publish``).
"""

from datetime import timedelta
from typing import Any

import dagster as dg

from mist_pipeline.defs.metadata.pictures import sites_by_status
from mist_pipeline.defs.metadata.versions import code_version
from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import BACKFILL, DATA_ENGINEERING, NETWORK_OPERATIONS, days_of
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history, scorecard
from mist_pipeline.warehouse.publish import publish
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.self_monitoring.service import REPORT_BY_HOUR
from mist_pipeline.workflows.shared_publishing import send

READ_AT, TO_BE_READ = f"0 {REPORT_BY_HOUR} * * *", timedelta(hours=REPORT_BY_HOUR)
"""When people read the page of yesterday, and how long before that it may have been written."""

PUBLISHED = ("published", "mist")
REPORT = ("report", "daily_report")
"""Layer and name of the two assets."""


def report_assets(scope: Scope, daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Every asset of this layer."""

    @dg.asset(
        key=scope.asset(*PUBLISHED),
        deps=[scope.key(table) for table in (*history.TABLES, *analysis.TABLES, *scorecard.TABLES)],
        partitions_def=daily,
        backfill_policy=BACKFILL,
        group_name="published",
        owners=[DATA_ENGINEERING],
        kinds={"duckdb"},
        tags=scope.tags,
        code_version=code_version("published"),
        pool=scope.name("published"),
        description="The analysts' copy of the warehouse, with views; replaced atomically, so that nobody waits.",
    )
    def published(
        settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[Any]:
        path = publish(warehouse, settings.published_path)
        send(settings, path)
        return dg.MaterializeResult(
            metadata={"path": dg.MetadataValue.path(path), "bytes": path.stat().st_size}
        )

    @dg.asset(
        key=scope.asset(*REPORT),
        deps=[scope.asset(*PUBLISHED)],
        partitions_def=daily,
        backfill_policy=BACKFILL,
        group_name="report",
        owners=[NETWORK_OPERATIONS],
        kinds={"html"},
        tags=scope.tags,
        code_version=code_version("report"),
        freshness_policy=dg.FreshnessPolicy.cron(
            READ_AT, lower_bound_delta=TO_BE_READ, timezone=daily.timezone
        ),
        description="The morning page: text summary, JSON dashboard and one HTML page, of the run's newest day.",
    )
    def daily_report(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        cloud: dg.ResourceParam[Cloud],
        run: RunOptions,
    ) -> dg.MaterializeResult[Any]:
        # All of analysis comes with it, which whoever only asks for the name of the report needs not.
        from mist_pipeline import report
        from mist_pipeline.workflows.report.page import report_data

        data = report_data(settings, cloud, days_of(context)[-1], run.instant)
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
