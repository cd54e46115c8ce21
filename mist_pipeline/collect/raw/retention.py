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

from mist_pipeline.collect.raw import durable
from mist_pipeline.collect.raw.archive import Archive
from mist_pipeline.collect.raw.errors import CollectError
from mist_pipeline.collect.raw.integrity import damaged
from mist_pipeline.collect.raw.manifest import SUFFIX
from mist_pipeline.collect.raw.store import RawStore

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
        root: Where they are.
        prefix: ``raw`` or ``reports``.
        label: Month or day.
        paths: Below the root.
        num_bytes: Their size.
    """

    root: Path
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
        raw: Folder of the raw files.
        reports: Folder of the reports.
    """

    moves: tuple[Move, ...]
    superseded: tuple[Superseded, ...]
    weeks: tuple[tuple[date, date], ...]
    raw: Path
    reports: Path

    @property
    def num_files(self) -> int:
        """Files to move."""
        return sum(len(move.paths) for move in self.moves)

    def lines(self) -> list[str]:
        """What would be done, for people."""
        moved = [
            f"pack {len(move.paths)} files ({move.num_bytes:,} bytes) as {move.prefix}-{move.label}.tar.gz, "
            f"read them back, remove them from {move.root}"
            for move in self.moves
        ]
        dropped = [
            f"remove {len(old.paths)} files ({old.num_bytes:,} bytes) of the polls of {old.day}, after reading that day"
            for old in self.superseded
        ]
        return moved + dropped + [f"write the summary of {start} to {end}" for start, end in self.weeks]


def plan_retention(raw: Path, reports: Path, rules: Rules, today: date) -> RetentionPlan:
    """What there is to do; reads folders, changes nothing (the dry run).

    Args:
        raw: Folder of the raw files (``<data>/raw``).
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


def apply_retention(plan: RetentionPlan, summary_of_week: SummaryOfWeek) -> list[Path]:
    """Carry out a plan.

    The summary comes first, while the week's reports are still where they were written.

    Args:
        plan: From ``plan_retention``.
        summary_of_week: Text for the first and last day of a week.

    Returns:
        The files written.

    Raises:
        NotVerifiedError: A raw file is damaged, or a packed file does not read back as it was. It stays in its place.
        RawDamagedError: An archive cannot be read.
    """
    written: list[Path] = []
    lost: dict[str, str] = {}
    for start, end in plan.weeks:
        path = _weekly(plan.reports, start)
        durable.write_atomically(path, [summary_of_week(start, end).encode()])
        written.append(path)
    for move in plan.moves:
        # An archive of what is damaged would read back as it is, and be called verified.
        broken = damaged(move.root, move.paths) if move.prefix == "raw" else {}
        lost.update(broken)
        written += _carry_out(replace(move, paths=tuple(path for path in move.paths if path not in broken)))
    store = RawStore(plan.raw)
    for old in plan.superseded:
        # Only a day that can be read whole makes its parts superfluous.
        broken = {
            f"{kind}/day={old.day}": damage for kind in _COLLECTED if (damage := store.damage(kind, old.day))
        }
        lost.update(broken)
        if not broken:
            for name in old.paths:
                (plan.raw / name).unlink(missing_ok=True)
            _remove_empty_folders(plan.raw, old.paths)
    if lost:
        first, problem = next(iter(lost.items()))
        raise NotVerifiedError(
            f"{len(lost)} raw files are damaged and were left where they are; the first is {plan.raw / first}: {problem}. "
            "Restore them from the backup, or remove them and fetch their days again while the cloud still has them. "
            f"Everything else was packed ({len(written)} files written); `mist-pipeline doctor --deep` names all."
        )
    return written


def _carry_out(move: Move) -> list[Path]:
    archive = _archive_of(move.root, move.prefix)
    # What an interrupted run has packed already, and what reads back as it is, need not be packed again.
    safe = archive.verified(move.root, move.paths)
    missing = [path for path in move.paths if path not in safe]
    written = []
    if missing:
        written.append(archive.pack(move.label, move.root, missing))
        safe |= archive.verified(move.root, missing)
    if lost := sorted(set(move.paths) - safe):
        raise NotVerifiedError(
            f"{len(lost)} files of {move.prefix}-{move.label} do not read back as they are, the first is {lost[0]}; "
            f"nothing of it was removed from {move.root}. Check the disk, then run retention again."
        )
    for path in move.paths:
        (move.root / path).unlink()
    _remove_empty_folders(move.root, move.paths)
    return written


def _report_moves(reports: Path, oldest_kept: date) -> Iterable[Move]:
    history = reports / "history"
    for folder in sorted(history.glob("????-??-??")):
        day = _day(folder.name)
        if day is not None and day < oldest_kept and not folder.is_symlink():
            yield from _move(history, "reports", folder.name, sorted(folder.rglob("*")))


def _raw_moves(raw: Path, newest_packed: date, going: AbstractSet[str]) -> Iterable[Move]:
    by_month: dict[str, list[Path]] = {}
    for kind in sorted(folder for folder in raw.glob("*") if folder.is_dir() and folder.name != "archive"):
        for path in sorted(kind.rglob("*")):
            day = _raw_day(path.relative_to(kind))
            if day is None or path.relative_to(raw).as_posix() in going:
                continue
            if path.is_file() and _last_of_month(day) < newest_packed:
                by_month.setdefault(f"{day:%Y-%m}", []).append(path)
        # The newest snapshot stays: it is how days without one of their own are described.
        snapshots = sorted((kind / "snapshots").glob("[0-9]*.jsonl.gz"))
        for files in by_month.values():
            if snapshots and snapshots[-1] in files:
                files.remove(snapshots[-1])
    for month, paths in sorted(by_month.items()):
        if _pays(paths):
            yield from _move(raw, "raw", month, paths)


def _superseded(raw: Path, before: date) -> Iterable[Superseded]:
    """Answers of the polls of days that were collected: yesterday's may still be read, and a day never collected has no others."""
    store = RawStore(raw)
    by_day: dict[date, list[Path]] = {}
    for folder in sorted(raw.glob(f"{_POLLS}*/day=*")):
        day = _day(folder.name.removeprefix("day="))
        if day is not None and day < before and any(store.has(kind, day) for kind in _SCORES):
            by_day.setdefault(day, []).extend(path for path in folder.iterdir() if path.is_file())
    for day, files in sorted(by_day.items()):
        ordered = sorted(files, key=lambda path: (not path.name.endswith(SUFFIX), path))
        paths = tuple(path.relative_to(raw).as_posix() for path in ordered)
        yield Superseded(day, paths, sum(path.stat().st_size for path in files))


def _pays(files: Sequence[Path]) -> bool:
    """Whether an archive is enough smaller than its files.

    Raw files are compressed already, and hardly get smaller by it (2.6 %, measured on 3,000 sites): what an archive saves is the rest of the
    last block of each file. Large files stay where they are.
    """
    sizes = [path.stat().st_size for path in files]
    blocks = sum(-(-size // _BLOCK) * _BLOCK for size in sizes)
    return sum(sizes) <= (1 - _LEAST_SAVED) * blocks


def _move(root: Path, prefix: str, label: str, paths: Iterable[Path]) -> Iterable[Move]:
    # Names with a dot in front are being written, or left over from a crash while they were.
    files = [path for path in paths if path.is_file() and not path.is_symlink() and path.name[0] != "."]
    if files:
        names = tuple(path.relative_to(root).as_posix() for path in files)
        yield Move(root, prefix, label, names, sum(path.stat().st_size for path in files))


def _archive_of(root: Path, prefix: str) -> Archive:
    folder = root / "archive" if prefix == "raw" else root.parent / "archive"
    return Archive(folder, prefix, level=1 if prefix == "raw" else 6)


def _raw_day(path: Path) -> date | None:
    """The day that a raw file is about (``day=…``) or was asked on (``snapshots``), else None."""
    folder = path.parts[0]
    if folder.startswith("day="):
        return _day(folder.removeprefix("day="))
    if folder == "snapshots" and len(path.name) >= 8 and path.name[:8].isdigit():
        return _day(f"{path.name[:4]}-{path.name[4:6]}-{path.name[6:8]}")
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


def _remove_empty_folders(root: Path, paths: Iterable[str]) -> None:
    folders = {parent for path in paths for parent in (root / path).parents if root in parent.parents}
    for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
