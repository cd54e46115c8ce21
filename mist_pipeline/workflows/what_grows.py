"""What grows, how large it is, by which rule it is kept, and what retention would do to it now: the table of its dry run.

Not here: doing it (`retention`), Dagster's runs (``defs.dagster_history``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from mist_pipeline.alerts.ledger.times.folding import would_fold
from mist_pipeline.domain.text import count
from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.hours.files import hours_folder
from mist_pipeline.warehouse.place import WarehouseFile
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger
from mist_pipeline.workflows.pushing.receive import KEPT_FOR
from mist_pipeline.workflows.retention import old_hours, old_rows, retention_plan
from mist_pipeline.workflows.running.leftovers import find_leftovers
from mist_pipeline.workflows.warehouse_access import warehouse_place


@dataclass(frozen=True)
class Growing:
    """One thing that grows.

    Attributes:
        what: What it is, as it lies in the data folder.
        num_bytes: How large it is now; None where that cannot be told.
        rule: How long it is kept, with the key that says so.
        going: What retention would do now, '' for nothing.
    """

    what: str
    num_bytes: int | None
    rule: str
    going: str = ""


def what_grows(settings: Settings, now: datetime) -> list[Growing]:
    """Everything that the pipeline itself writes, by place; reads, changes nothing."""
    return [
        *_files(settings, now),
        *_warehouse(settings, now),
        *_ledger(settings, now),
        *_leftovers(settings, now),
    ]


def _files(settings: Settings, now: datetime) -> Iterator[Growing]:
    data, history = settings.data, settings.history
    plan = retention_plan(settings, _today(settings, now))
    packed = {
        prefix: sum(move.num_bytes for move in plan.moves if move.prefix == prefix)
        for prefix in ("raw", "reports")
    }
    polls = sum(old.num_bytes for old in plan.superseded)
    of_polls = size_of((data / "raw").glob("live_*"))
    rule = "" if history.auto_archive else ", but history.auto_archive is off"
    yield Growing(
        "raw/",
        size_of([data / "raw"]) - of_polls,
        f"for ever; packed after {history.archive_after_days} days (history.archive_after_days){rule}",
        f"pack {_mb(packed['raw'])}" if packed["raw"] else "",
    )
    yield Growing(
        "raw/live_*",
        of_polls,
        f"answers of polls: until their day was collected{rule}",
        f"remove {_mb(polls)}" if polls else "",
    )
    yield Growing(
        "reports/",
        size_of([settings.reports_path]),
        f"for ever; packed after {history.keep_days} days (history.keep_days){rule}",
        f"pack {_mb(packed['reports'])}" if packed["reports"] else "",
    )
    evaluations = kept_evaluations(settings).number_before(now - timedelta(days=settings.alerts.keep_days))
    yield Growing(
        "evaluations/",
        size_of([settings.evaluations_path]),
        f"{settings.alerts.keep_days} days (alerts.keep_days)",
        f"remove {count(evaluations, 'evaluation')}" if evaluations else "",
    )
    yield Growing(
        "published/",
        size_of([settings.published_path.parent]),
        "replaced by every morning, poll and evaluation",
    )


def _warehouse(settings: Settings, now: datetime) -> Iterator[Growing]:
    history, place = settings.history, warehouse_place(settings)
    rows = old_rows(settings, now)
    name = "warehouse of several machines"
    size = None
    if isinstance(place, WarehouseFile):
        name, size = place.path.name, size_of([place.path])
    yield Growing(name, size, "days of history and their analysis for ever")
    if isinstance(place, WarehouseFile):
        months = old_hours(settings, _today(settings, now))
        aged = f"move {sum(month.num_rows for month in months):,} rows into files" if months else ""
        yield Growing(
            f"{name}: hours", None, f"{history.keep_hourly_days} days (history.keep_hourly_days)", aged
        )
        yield Growing("hours/", size_of([hours_folder(place.path)]), "for ever, as Parquet")
    rules = {
        "live.findings": f"{settings.monitoring.keep_findings_days} days (monitoring.keep_findings_days)",
        "state.evidence": f"{history.keep_state_days} days (history.keep_state_days); the newest three and Mondays",
        "state.day_shapes": f"{history.keep_state_days} days (history.keep_state_days)",
    }
    for table, rule in rules.items():
        number = rows.get(table, 0)
        yield Growing(f"{name}: {table}", None, rule, f"remove {number:,} rows" if number else "")


def _ledger(settings: Settings, now: datetime) -> Iterator[Growing]:
    place = settings.ledger
    if isinstance(place, Path) and not place.exists():
        return
    with open_ledger(settings) as ledger:
        folding = would_fold(ledger.engine, now - timedelta(days=settings.alerts.keep_events_days))
    yield Growing(
        "ledger",
        size_of(place.parent.glob(f"{place.name}*")) if isinstance(place, Path) else None,
        f"for ever; how it was watched {settings.alerts.keep_events_days} days (alerts.keep_events_days); pushes {KEPT_FOR.days} days",
        f"fold {count(folding.events, 'event')}" if folding.events else "",
    )


def _leftovers(settings: Settings, now: datetime) -> Iterator[Growing]:
    found = find_leftovers(settings.data, now, is_shared=settings.monitoring.machines > 1)
    if found:
        size = sum(each.num_bytes for each in found)
        yield Growing(
            "leftovers",
            size,
            "none",
            f"remove {count(len(found), 'file or folder', 'files and folders')}",
        )


def _today(settings: Settings, now: datetime) -> date:
    return now.astimezone(settings.organisation.zone).date()


def size_of(places: Iterable[Path]) -> int:
    """Bytes of files, and of all files in folders; one that goes meanwhile has none."""
    total = 0
    for place in places:
        for file in place.rglob("*") if place.is_dir() else [place]:
            try:
                total += 0 if file.is_dir() else file.lstat().st_size
            except FileNotFoundError:
                continue
    return total


def _mb(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB"
