"""What becomes of old files: report folders and raw months are packed, and removed only after reading back.

Layout of reports, below one folder:

```
history/YYYY-MM-DD/         the reports of one day, for keep_days days
archive/reports-YYYY-MM-DD.tar.gz   older days (collect.raw.archive), with an index beside
archive/weekly-YYYY-Www.txt         summary of a week, kept for good
```

Raw files of a calendar month go to ``raw/archive/raw-YYYY-MM.tar.gz`` once the whole month is old enough; the raw store
reads them there. Every step can be repeated: whatever a crash leaves is found and finished by the next run. What the
reports say is not known here; when retention runs is decided by ``defs``.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from mist_pipeline.collect.raw.archive import Archive
from mist_pipeline.collect.raw.errors import CollectError
from mist_pipeline.collect.raw.integrity import damaged
from mist_pipeline.collect.raw.manifest import SUFFIX
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.storage import durable
from mist_pipeline.storage.files import Entry, FileStore
from mist_pipeline.storage.folder import FolderStore

_POLLS = "live_"
"""How the kinds of raw files that polls keep begin."""

_SCORES = ("sle_org", "sle_detail")
_COLLECTED = (*_SCORES, "alarms", "changes")
"""Kinds of a collected day."""

_BLOCK = 4096
_LEAST_SAVED = 0.1
"""Share of the space that an archive has to save: packing and reading back a month takes longer than it is worth otherwise."""

SummaryOfWeek = Callable[[date, date], str]


class NotVerifiedError(CollectError):
    """What was packed does not read back as it was; nothing was removed for it."""


@dataclass(frozen=True)
class Rules:
    """How long things stay where they are.

    Attributes:
        keep_days: Report folders of so many days stay in ``history``, today's included.
        archive_after_days: Raw months are packed when their last day is older than this.
        auto_archive: False: nothing is moved or removed.
    """

    keep_days: int = 7
    archive_after_days: int = 30
    auto_archive: bool = True

    def __post_init__(self) -> None:
        if self.keep_days < 1 or self.archive_after_days < 1:
            raise ValueError("keep_days and archive_after_days are at least 1: today's files are in use")


@dataclass(frozen=True)
class Move:
    """Files that belong into one archive.

    Attributes:
        files: Where they are.
        archive: Where they go.
        prefix: ``raw`` or ``reports``.
        label: Month or day.
        paths: Their keys.
        num_bytes: Their size.
    """

    files: FileStore
    archive: Archive
    prefix: str
    label: str
    paths: tuple[str, ...]
    num_bytes: int


@dataclass(frozen=True)
class Superseded:
    """Answers of the polls of a day that was collected since: they are parts of it.

    Attributes:
        day: The day.
        paths: Below the raw store, manifests first: once they are gone, nobody looks for the others.
        num_bytes: Their size.
    """

    day: date
    paths: tuple[str, ...]
    num_bytes: int


@dataclass(frozen=True)
class RetentionPlan:
    """What retention does today.

    Attributes:
        moves: Archives to make, and files to remove afterwards.
        superseded: Answers of polls to remove, once their day is verified.
        weeks: First and last day of the weeks whose summary is not written yet.
        raw: The raw files.
        reports: Folder of the reports.
    """

    moves: tuple[Move, ...]
    superseded: tuple[Superseded, ...]
    weeks: tuple[tuple[date, date], ...]
    raw: RawStore
    reports: Path

    @property
    def num_files(self) -> int:
        """Files to move."""
        return sum(len(move.paths) for move in self.moves)

    def lines(self) -> list[str]:
        """What would be done, for people."""
        moved = [
            f"pack {len(move.paths)} files ({move.num_bytes:,} bytes) as {move.prefix}-{move.label}.tar.gz, "
            f"read them back, remove them from {move.files.address()}"
            for move in self.moves
        ]
        dropped = [
            f"remove {len(old.paths)} files ({old.num_bytes:,} bytes) of the polls of {old.day}, after reading that day"
            for old in self.superseded
        ]
        return moved + dropped + [f"write the summary of {start} to {end}" for start, end in self.weeks]


def plan_retention(raw: RawStore, reports: Path, rules: Rules, today: date) -> RetentionPlan:
    """What there is to do; reads folders, changes nothing (the dry run).

    Args:
        raw: The raw files.
        reports: Folder of the reports (``<data>/reports``).
        rules: How long things stay.
        today: Day of the organisation's zone.
    """
    moves: list[Move] = []
    superseded: tuple[Superseded, ...] = ()
    if rules.auto_archive:
        moves += _report_moves(reports, today - timedelta(days=rules.keep_days - 1))
        superseded = tuple(_superseded(raw, today - timedelta(days=1)))
        going = frozenset(path for old in superseded for path in old.paths)
        moves += _raw_moves(raw, today - timedelta(days=rules.archive_after_days), going)
    monday = today - timedelta(days=today.weekday())
    week = (monday - timedelta(days=7), monday - timedelta(days=1))
    weeks = () if _weekly(reports, week[0]).exists() else (week,)
    return RetentionPlan(tuple(moves), superseded, weeks, raw, reports)


def apply_retention(plan: RetentionPlan, summary_of_week: SummaryOfWeek) -> list[str]:
    """Carry out a plan.

    The summary comes first, while the week's reports are still where they were written.

    Args:
        plan: From ``plan_retention``.
        summary_of_week: Text for the first and last day of a week.

    Returns:
        Addresses of the files written.

    Raises:
        NotVerifiedError: A raw file is damaged, or a packed file does not read back as it was. It stays in its place.
        RawDamagedError: An archive cannot be read.
    """
    written: list[str] = []
    lost: dict[str, str] = {}
    for start, end in plan.weeks:
        path = _weekly(plan.reports, start)
        durable.write_atomically(path, [summary_of_week(start, end).encode()])
        written.append(str(path))
    for move in plan.moves:
        # An archive of what is damaged would read back as it is, and be called verified.
        broken = damaged(move.files, move.paths) if move.prefix == "raw" else {}
        lost.update(broken)
        written += _carry_out(replace(move, paths=tuple(path for path in move.paths if path not in broken)))
    for old in plan.superseded:
        # Only a day that can be read whole makes its parts superfluous.
        broken = {
            f"{kind}/day={old.day}": damage
            for kind in _COLLECTED
            if (damage := plan.raw.damage(kind, old.day))
        }
        lost.update(broken)
        if not broken:
            plan.raw.files.delete(old.paths)
    if lost:
        first, problem = next(iter(lost.items()))
        raise NotVerifiedError(
            f"{len(lost)} raw files are damaged and were left where they are; the first is {plan.raw.files.address(first)}: {problem}. "
            "Restore them from the backup, or remove them and fetch their days again while the cloud still has them. "
            f"Everything else was packed ({len(written)} files written); `mist-pipeline doctor --deep` names all."
        )
    return written


def _carry_out(move: Move) -> list[str]:
    archive = move.archive
    # What an interrupted run has packed already, and what reads back as it is, need not be packed again.
    safe = archive.verified(move.files, move.paths)
    missing = [path for path in move.paths if path not in safe]
    written = []
    if missing:
        written.append(archive.pack(move.label, move.files, missing))
        safe |= archive.verified(move.files, missing)
    if lost := sorted(set(move.paths) - safe):
        raise NotVerifiedError(
            f"{len(lost)} files of {move.prefix}-{move.label} do not read back as they are, the first is {lost[0]}; "
            f"nothing of it was removed from {move.files.address()}. Check the disk, then run retention again."
        )
    move.files.delete(move.paths)
    return written


def _report_moves(reports: Path, oldest_kept: date) -> Iterable[Move]:
    history = FolderStore(reports / "history")
    for name in history.folders():
        day = _day(name)
        if day is not None and day < oldest_kept and not (history.root / name).is_symlink():
            archived = reports / "archive"
            archive = Archive(FolderStore(archived), "reports", archived, level=6)
            yield from _move(history, archive, "reports", name, history.files(name, deep=True))


def _raw_moves(raw: RawStore, newest_packed: date, going: AbstractSet[str]) -> Iterable[Move]:
    by_month: dict[str, list[Entry]] = {}
    snapshots: dict[str, str] = {}
    for entry in raw.files.files(deep=True):
        kind, _, rest = entry.key.partition("/")
        day = None if kind == "archive" else _raw_day(rest)
        if day is None or entry.key in going:
            continue
        if rest.startswith("snapshots/"):
            snapshots[kind] = entry.key
        if _last_of_month(day) < newest_packed:
            by_month.setdefault(f"{day:%Y-%m}", []).append(entry)
    # The newest snapshot stays: it is how days without one of their own are described.
    stays = set(snapshots.values())
    for month, entries in sorted(by_month.items()):
        going_now = [entry for entry in entries if entry.key not in stays]
        if _pays(going_now):
            yield from _move(raw.files, raw.archive, "raw", month, going_now)


def _superseded(raw: RawStore, before: date) -> Iterable[Superseded]:
    """Answers of the polls of days that were collected: yesterday's may still be read, and a day never collected has no others."""
    by_day: dict[date, list[Entry]] = {}
    for kind in (kind for kind in raw.files.folders() if kind.startswith(_POLLS)):
        for entry in raw.files.files(kind, deep=True):
            day = _raw_day(entry.key.partition("/")[2])
            if day is not None and day < before and "/day=" in entry.key:
                by_day.setdefault(day, []).append(entry)
    for day, entries in sorted(by_day.items()):
        if any(raw.has(kind, day) for kind in _SCORES):
            ordered = sorted(entries, key=lambda entry: (not entry.key.endswith(SUFFIX), entry.key))
            paths = tuple(entry.key for entry in ordered)
            yield Superseded(day, paths, sum(entry.num_bytes for entry in entries))


def _pays(files: Sequence[Entry]) -> bool:
    """Whether an archive is enough smaller than its files.

    Raw files are compressed already, and hardly get smaller by it (2.6 %, measured on 3,000 sites): what an archive saves is the rest of the
    last block of each file, and on an object store a request for each of them. Large files stay where they are.
    """
    sizes = [entry.num_bytes for entry in files]
    blocks = sum(-(-size // _BLOCK) * _BLOCK for size in sizes)
    return sum(sizes) <= (1 - _LEAST_SAVED) * blocks


def _move(
    files: FileStore, archive: Archive, prefix: str, label: str, entries: Sequence[Entry]
) -> Iterable[Move]:
    if entries:
        names = tuple(entry.key for entry in entries)
        yield Move(files, archive, prefix, label, names, sum(entry.num_bytes for entry in entries))


def _raw_day(path: str) -> date | None:
    """The day that a raw file of a kind is about (``day=…``) or was asked on (``snapshots``), else None."""
    folder, _, name = path.partition("/")
    if folder.startswith("day=") and name:
        return _day(folder.removeprefix("day="))
    if folder == "snapshots" and len(name) >= 8 and name[:8].isdigit():
        return _day(f"{name[:4]}-{name[4:6]}-{name[6:8]}")
    return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _weekly(reports: Path, monday: date) -> Path:
    year, week, _ = monday.isocalendar()
    return reports / "archive" / f"weekly-{year}-W{week:02d}.txt"
