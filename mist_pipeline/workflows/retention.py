"""Retention: old reports, raw files and hours into archives, after a summary of every week; what is too old of the rest is removed.

Here: which rules the settings mean, and the week's text from the warehouse. Not here: how files are archived
(``collect.raw.retention``), the words of the summary (``report.document.weekly``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mist_pipeline.alerts.ledger.times.folding import Folded, fold
from mist_pipeline.analysis.scores.status import site_status
from mist_pipeline.collect.raw.retention import RetentionPlan, Rules, apply_retention, plan_retention
from mist_pipeline.report.document.weekly import weekly_text
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history, live, state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.hours.aged import Month, age, old_months, remove_old_files
from mist_pipeline.warehouse.place import WarehouseFile
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger
from mist_pipeline.workflows.shared_files import raw_store
from mist_pipeline.workflows.warehouse_access import warehouse_of, warehouse_place


@dataclass(frozen=True)
class Archived:
    """What a run of retention did.

    Attributes:
        steps: What there was to do, for people.
        moved_files: Files that are in archives now.
        removed_evaluations: Kept evaluations that were too old.
        removed_rows: Table → rows that were too old.
        written: Names of archives and summaries.
    """

    steps: Sequence[str]
    moved_files: int
    removed_evaluations: int
    removed_rows: Mapping[str, int]
    written: Sequence[str]


def planned(settings: Settings, today: date) -> list[str]:
    """What retention would do today, for people."""
    return [
        *retention_plan(settings, today).lines(),
        *(f"move {month} into a file" for month in old_hours(settings, today)),
    ]


def old_hours(settings: Settings, today: date) -> list[Month]:
    """The months of hours that are too old for the warehouse."""
    place = warehouse_place(settings)
    if not isinstance(place, WarehouseFile) or not place.exists():
        return []  # a lake has no table in which old hours would be in the way
    with Warehouse(place).reading() as connection:
        return old_months(connection, today - timedelta(days=settings.history.keep_hourly_days))


def age_hours(warehouse: Warehouse, settings: Settings, today: date) -> list[str]:
    """Move hours that are too old into files, each month of a table in a transaction of its own; names of the files."""
    if not isinstance(warehouse.place, WarehouseFile):
        return []
    path = warehouse.place.path
    warehouse.prepare()
    made = []
    for month in old_hours(settings, today):
        with warehouse.writing() as connection:
            made.append(age(connection, path, month).name)
    with warehouse.writing() as connection:
        remove_old_files(connection, path, settings.published_path)
    return made


def archive(settings: Settings, warehouse: Warehouse, instant: datetime) -> Archived:
    """Archive what is old enough at an instant.

    Archives are read back before anything is removed, so a crash loses nothing.
    """
    warehouse.prepare()
    plan = retention_plan(settings, instant.astimezone(settings.organisation.zone).date())
    steps = plan.lines()
    removed = kept_evaluations(settings).remove_before(instant - timedelta(days=settings.alerts.keep_days))
    rows = forget(warehouse, settings, instant)
    written = apply_retention(plan, lambda *week: summary_of_week(warehouse, settings, *week))
    return Archived(steps, plan.num_files, removed, rows, [address.rpartition("/")[2] for address in written])


def forget(warehouse: Warehouse, settings: Settings, instant: datetime) -> dict[str, int]:
    """Remove findings of polls and states of detection that are too old at an instant, but never the newest state.

    Days of history and its analysis are kept for good, hours in files (`age_hours`). Space in the file is used again by later rows.

    Returns:
        Table → rows that were removed.
    """
    removed = {}
    with warehouse.writing() as connection:
        for table, (condition, bound) in _too_old(settings, instant).items():
            statement = f"DELETE FROM {table.full_name} WHERE {condition}"  # noqa: S608 - our own names
            deleted = connection.execute(statement, {"old": bound}).fetchone()
            removed[table.full_name] = int(deleted[0]) if deleted else 0
    return removed


def old_rows(settings: Settings, instant: datetime) -> dict[str, int]:
    """What `forget` would remove: table → rows; changes nothing."""
    warehouse = warehouse_of(settings)
    if not warehouse.place.exists():
        return {}
    with warehouse.reading():
        return {
            table.full_name: warehouse.query(
                f"SELECT count(*) FROM {table.full_name} WHERE {condition}",  # noqa: S608 - our own names
                {"old": bound},
            ).item()
            for table, (condition, bound) in _too_old(settings, instant).items()
        }


def _too_old(settings: Settings, instant: datetime) -> dict[Table, tuple[str, datetime | date]]:
    """Tables of which rows go, with which and the value of ``$old``."""
    since = instant - timedelta(days=settings.monitoring.keep_findings_days)
    first = instant.date() - timedelta(days=settings.history.keep_state_days)
    return {
        live.FINDINGS: ("as_of < $old", since),
        # What comes next continues from the newest.
        state.EVIDENCE: ("day < $old AND day < (SELECT max(day) FROM state.evidence)", first),
        state.DAY_SHAPES: ("day < $old", first),
    }


def fold_events(settings: Settings, now: datetime) -> Folded:
    """Fold the events of what is long over."""
    with open_ledger(settings) as ledger:
        return fold(ledger.engine, now - timedelta(days=settings.alerts.keep_events_days), now)


def retention_plan(settings: Settings, today: date) -> RetentionPlan:
    """What is to be packed and written."""
    kept = settings.history
    rules = Rules(kept.keep_days, kept.archive_after_days, kept.auto_archive)
    return plan_retention(raw_store(settings), settings.reports_path, rules, today)


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
