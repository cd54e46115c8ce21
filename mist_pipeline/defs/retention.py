"""The retention job: an op, since it moves files and makes no table."""

from datetime import date, timedelta

import dagster as dg

from mist_pipeline.analysis.scores.status import site_status
from mist_pipeline.collect.raw.retention import Rules, apply_retention, plan_retention
from mist_pipeline.defs.resources import as_of
from mist_pipeline.report.document.weekly import weekly_text
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.ledger_access import kept_evaluations


def rules(settings: Settings) -> Rules:
    """How long things stay where they are."""
    kept = settings.history
    return Rules(kept.keep_days, kept.archive_after_days, kept.auto_archive)


def planned(settings: Settings, today: date) -> list[str]:
    """What retention would do today, for people."""
    return plan_retention(settings.data / "raw", settings.reports_path, rules(settings), today).lines()


def summary_of_week(warehouse: Warehouse, settings: Settings, start: date, end: date) -> str:
    """The text that stays when the week's pages are packed away."""
    readings = warehouse.read_days(history.SLE_DAILY, start, end)
    sites = warehouse.read_days(history.SITES, start, end)
    return weekly_text(
        start,
        end,
        sites=sites,
        site_status=site_status(readings, [metric.name for metric in settings.metrics], sites),
        sle_daily=readings,
        trends=warehouse.read_days(analysis.TRENDS, start, end),
    )


def retention_job() -> dg.JobDefinition:
    """Packs old reports and raw files, after writing last week's summary."""

    @dg.op(description="Archives are read back before anything is removed; a crash loses nothing.")
    def archive_what_is_old(
        context: dg.OpExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> None:
        today = as_of(context).astimezone(settings.organisation.zone).date()
        warehouse.prepare()
        plan = plan_retention(settings.data / "raw", settings.reports_path, rules(settings), today)
        context.log.info("To do: %s", plan.lines() or "nothing is old enough")
        oldest = as_of(context) - timedelta(days=settings.alerts.keep_days)
        looks = kept_evaluations(settings).remove_before(oldest)
        written = apply_retention(plan, lambda start, end: summary_of_week(warehouse, settings, start, end))
        context.add_output_metadata(
            {
                "moved_files": plan.num_files,
                "removed_looks": looks,
                "written": dg.MetadataValue.json([path.name for path in written]),
            }
        )

    @dg.job(
        name="retention",
        executor_def=dg.in_process_executor,
        description="Old reports and raw files into archives; a summary of every week.",
    )
    def retention() -> None:
        archive_what_is_old()

    return retention
