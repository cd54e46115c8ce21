"""Retention: old reports and raw files into archives, after a summary of every week; old evaluations are removed.

Here: which rules the settings mean, and the week's text from the warehouse. Not here: how files are archived
(``collect.raw.retention``), the words of the summary (``report.document.weekly``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mist_pipeline.analysis.scores.status import site_status
from mist_pipeline.collect.raw.retention import RetentionPlan, Rules, apply_retention, plan_retention
from mist_pipeline.report.document.weekly import weekly_text
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.ledger_access import kept_evaluations


@dataclass(frozen=True)
class Archived:
    """What a run of retention did.

    Attributes:
        steps: What there was to do, for people.
        moved_files: Files that are in archives now.
        removed_evaluations: Kept evaluations that were too old.
        written: Names of archives and summaries.
    """

    steps: Sequence[str]
    moved_files: int
    removed_evaluations: int
    written: Sequence[str]


def planned(settings: Settings, today: date) -> list[str]:
    """What retention would do today, for people."""
    return _plan(settings, today).lines()


def archive(settings: Settings, warehouse: Warehouse, instant: datetime) -> Archived:
    """Archive what is old enough at an instant.

    Archives are read back before anything is removed, so a crash loses nothing.
    """
    warehouse.prepare()
    plan = _plan(settings, instant.astimezone(settings.organisation.zone).date())
    steps = plan.lines()
    removed = kept_evaluations(settings).remove_before(instant - timedelta(days=settings.alerts.keep_days))
    written = apply_retention(plan, lambda start, end: summary_of_week(warehouse, settings, start, end))
    return Archived(steps, plan.num_files, removed, [path.name for path in written])


def _plan(settings: Settings, today: date) -> RetentionPlan:
    kept = settings.history
    rules = Rules(kept.keep_days, kept.archive_after_days, kept.auto_archive)
    return plan_retention(settings.data / "raw", settings.reports_path, rules, today)


def summary_of_week(warehouse: Warehouse, settings: Settings, start: date, end: date) -> str:
    """The text that stays when the week's pages are archived."""
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
