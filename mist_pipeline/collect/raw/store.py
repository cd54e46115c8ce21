"""The raw store: what the cloud answered, immutable, as received, found again by kind and day.

```
raw/<kind>/day=2026-01-05/<as_of>-<hash>.jsonl.gz   answers whose first day this is (collect.raw.format)
raw/<kind>/day=2026-01-05/000001.manifest.json      commit marker: which files cover this day
raw/<kind>/snapshots/<as_of>.jsonl.gz               kinds that are about now only
raw/<kind>/unfinished/<hash>/                       a fetch that is under way or was interrupted: always a local folder
raw/live_sle_org/unfinished/read.parquet            what was read of today's polls (collect.history.read_once)
raw/archive/raw-2026-01.tar.gz                      months that retention has packed (collect.raw.archive)
```

All but what is unfinished lies in a store of files, which is the same folder unless several machines share one (``storage.files``).
A fetch writes a new *generation*. It exists for a day from the moment its manifest does, and the highest number counts;
a crash therefore leaves either the whole fetch of a (kind, day) or the one before. Who puts the manifest of a number first has
it, on one machine and on several. A window of several days lies with its first day, and the manifests of the others point there.
Earlier versions wrote ``000001-<as_of>`` before both suffixes; they are read as well. Names hold numbers, dates and hashes only, never an id or a
name from the cloud. What to fetch is decided in ``collect.fetch``, what it means in
``collect.history``.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mist_pipeline.collect.raw.archive import Archive
from mist_pipeline.collect.raw.errors import RawBusyError, RawDamagedError
from mist_pipeline.collect.raw.format import Record, member, read_records
from mist_pipeline.collect.raw.generation import Generation, exclusive, finish_commit
from mist_pipeline.collect.raw.manifest import STAMP, SUFFIX, Manifest, RawFile, read_manifest
from mist_pipeline.storage.files import FileStore
from mist_pipeline.storage.folder import FolderStore

_KIND = re.compile(r"[a-z][a-z0-9_]{0,40}")
_DAY = "day="
_PACKED = "archive"
_ANSWERS = ".jsonl.gz"
_DIGITS = "0123456789"


@dataclass(frozen=True)
class Snapshot:
    """One answer of a "now only" kind.

    Attributes:
        path: Below the store.
        as_of: The instant of the run that asked.
        is_substituted: It is later than the instant it stands in for.
    """

    path: str
    as_of: datetime
    is_substituted: bool


@dataclass(frozen=True)
class Written:
    """A file that was written: where it is, and its size."""

    address: str
    num_bytes: int


class RawStore:
    """Raw files.

    Args:
        root: A local folder (``<data>/raw``): of what is unfinished, and of all else where no other store is given.
        files: Where all else is.
    """

    def __init__(self, root: Path, files: FileStore | None = None) -> None:
        self.root = root
        self.files = files or FolderStore(root)
        self.archive = Archive(self.files.within(_PACKED), "raw", root / _PACKED)

    @contextmanager
    def generation(
        self, kind: str, days: Iterable[date], as_of: datetime, *, adds: bool = False
    ) -> Iterator[Generation]:
        """Write answers about these days; nothing of it is visible to readers before ``Generation.commit``.

        Answers of an interrupted attempt for the same kind and days, at most a day old, are taken over.

        Args:
            kind: What is fetched.
            days: Days that may be covered.
            as_of: Instant of the run.
            adds: What counts for a day goes on counting beside the new answers, which are about a part of it.

        Raises:
            RawBusyError: Another process is at it.
        """
        _check_kind(kind)
        _check_instant(as_of)
        self._finish_interrupted(kind)
        name = ",".join(day.isoformat() for day in sorted(set(days))) + (",adds" if adds else "")
        folder = self.root / kind / "unfinished" / hashlib.sha256(name.encode()).hexdigest()[:16]
        with exclusive(folder):
            yield Generation(self.files, self, kind, as_of, folder, adds=adds)

    def kept(self, kind: str, days: Iterable[date], as_of: datetime) -> int:
        """Answered requests of an interrupted attempt that the next one for the same kind and days takes over.

        Raises:
            RawBusyError: Another process is at it.
        """
        with self.generation(kind, days, as_of) as generation:
            headers = map(generation.header, generation.keys)
            return sum(header is not None and header.outcome != "unanswered" for header in headers)

    def newest(self, kind: str, day: date) -> Manifest | None:
        """The generation of this day that counts, or None where it was never fetched.

        Raises:
            RawDamagedError: Its manifest cannot be read.
        """
        generations = self._manifests(kind, day)
        return self._read_manifest(generations[-1], day) if generations else None

    def has(self, kind: str, day: date) -> bool:
        """Whether the day was ever fetched, whatever became of its files."""
        return bool(self._manifests(kind, day))

    def latest(self, kind: str) -> Manifest | None:
        """The newest generation of the last day that was fetched and is not packed, or None; damaged ones are left out."""
        days = (_day_of(name) for name in reversed(self.files.folders(_check_kind(kind))))
        for day in (day for day in days if day is not None):
            try:
                manifest = self.newest(kind, day)
            except RawDamagedError:
                continue
            if manifest is not None:
                return manifest
        return None

    def damage(self, kind: str, day: date) -> str:
        """What is wrong with the files that count for a day, '' where they are as promised; reads all of them."""
        try:
            for path, chunks in self._open(self._promised(kind, [day])):
                with self._named(path, [day]):
                    for _ in read_records(chunks):
                        pass
        except RawDamagedError as error:
            return str(error)
        return ""

    def promised(self, kind: str, days: Iterable[date], *, every_generation: bool = False) -> dict[str, str]:
        """Path → SHA-256 of every file that `read` would read.

        Raises:
            RawDamagedError: A manifest cannot be read.
        """
        promised = self._promised(kind, days, every_generation=every_generation)
        return {path: counted.file.sha256 for path, counted in promised.items()}

    def read(
        self,
        kind: str,
        days: Iterable[date],
        *,
        every_generation: bool = False,
        without: Collection[str] = (),
    ) -> Iterator[tuple[Record, frozenset[date]]]:
        """Every record that covers these days, with the days (of those wanted) for which it counts.

        Each file is read once. A record of a window of seven days counts only for those of its days that have not been
        fetched again since.

        Args:
            kind: What was fetched.
            days: Days wanted.
            every_generation: Not only the newest generation: for the live job, whose fetches hold a few hours each.
            without: Paths of files that are not read.

        Raises:
            RawDamagedError: A manifest cannot be read, or a file is missing, unreadable or not what its manifest promises.
                The last is known only when the file has passed: what is made of it may be kept only at the end.
        """
        all_promised = self._promised(kind, days, every_generation=every_generation)
        promised = {path: counted for path, counted in all_promised.items() if path not in without}
        for path, chunks in self._open(promised):
            counted = frozenset(promised[path].days)
            with self._named(path, counted):
                for record in read_records(chunks):
                    if days_of_record := counted.intersection(record.header.days):
                        yield record, days_of_record

    def write_snapshot(self, kind: str, records: Sequence[Record], as_of: datetime) -> Written:
        """Keep one answer of a "now only" kind under the instant of its run."""
        _check_kind(kind)
        _check_instant(as_of)
        path, content = f"{kind}/snapshots/{_stamp(as_of)}{_ANSWERS}", member(records)
        self.files.replace(path, content)
        return Written(self.files.address(path), len(content))

    def snapshot_for(self, kind: str, until: datetime) -> Snapshot | None:
        """The newest snapshot up to an instant, else the earliest later one, marked as substituted; None without any."""
        _check_instant(until)
        stamps = self._snapshot_stamps(kind)
        earlier = [stamp for stamp in stamps if stamp <= _stamp(until)]
        if stamps:
            return _snapshot(kind, earlier[-1] if earlier else stamps[0], is_substituted=not earlier)
        return None

    def snapshots(self, kind: str, start: datetime, end: datetime) -> list[Snapshot]:
        """The snapshots taken in a span (end exclusive), oldest first."""
        stamps = self._snapshot_stamps(kind)
        return [
            _snapshot(kind, stamp, is_substituted=False)
            for stamp in stamps
            if _stamp(start) <= stamp < _stamp(end)
        ]

    def read_snapshot(self, snapshot: Snapshot) -> list[Record]:
        """The pages of a snapshot.

        Raises:
            RawDamagedError: The file is missing, empty or unreadable.
        """
        try:
            records = [
                record for _, chunks in self._open({snapshot.path: None}) for record in read_records(chunks)
            ]
        except RawDamagedError as error:
            raise self._lost_snapshot(snapshot, str(error)) from error
        if not records:
            raise self._lost_snapshot(snapshot, "is empty")
        return records

    def _lost_snapshot(self, snapshot: Snapshot, problem: str) -> RawDamagedError:
        return RawDamagedError(
            f"{self.files.address(snapshot.path)}: {problem}. Restore it from the backup, or remove it: "
            "another snapshot stands in for it."
        )

    def _promised(
        self, kind: str, days: Iterable[date], *, every_generation: bool = False
    ) -> dict[str, "_Counted"]:
        """Path → its promise and the days for which it counts."""
        counted: dict[str, _Counted] = {}
        for day in sorted(set(days)):
            manifests = self._manifests(kind, day)
            for found in manifests if every_generation else manifests[-1:]:
                for file in self._read_manifest(found, day).files:
                    counted.setdefault(file.path, _Counted(file, set())).days.add(day)
        return counted

    def _read_manifest(self, found: tuple[str, Mapping[str, Any] | None], day: date) -> Manifest:
        path, packed = found
        with self._named(path, [day]):
            try:
                manifest = read_manifest(self.files.read(path) if packed is None else packed)
            except OSError as error:
                raise RawDamagedError(f"cannot be read ({error.strerror})") from error
            if manifest.day != day or manifest.kind != path.partition("/")[0]:
                raise RawDamagedError("is the manifest of another day or kind")
            return manifest

    @contextmanager
    def _named(self, path: str, days: Iterable[date]) -> Iterator[None]:
        """Names the file in what is wrong with it, and what to do."""
        try:
            yield
        except RawDamagedError as error:
            raise self._complaint(path, error, days) from error

    def _complaint(self, path: str, error: RawDamagedError, days: Iterable[date]) -> RawDamagedError:
        wanted = sorted(days)
        which = f"{wanted[0]}" if len(wanted) == 1 else f"{wanted[0]} to {wanted[-1]}"
        return RawDamagedError(
            f"{self.files.address(path)}: {error}. Fetch these days again ({which}) while the cloud still has them, or restore "
            "the file from the backup; rows that are there already were kept."
        )

    def _manifests(self, kind: str, day: date) -> list[tuple[str, Mapping[str, Any] | None]]:
        """Path of every manifest of a day, the newest last, and its content where it is packed and not in its folder."""
        folder = f"{_check_kind(kind)}/{_DAY}{day.isoformat()}"
        found: dict[str, Mapping[str, Any] | None] = {
            name: content
            for name, content in self.archive.manifests().items()
            if name.startswith(folder + "/")
        }
        for entry in self.files.files(folder):
            if _is_manifest(entry.name):
                found[entry.key] = None
        return sorted(found.items(), key=lambda one: one[0])

    def _snapshot_stamps(self, kind: str) -> list[str]:
        folder = f"{_check_kind(kind)}/snapshots/"
        names = {entry.name for entry in self.files.files(folder.rstrip("/"))}
        names |= {path.removeprefix(folder) for path in self.archive.paths() if path.startswith(folder)}
        return sorted(
            name.removesuffix(_ANSWERS) for name in names if name[0] in _DIGITS and name.endswith(_ANSWERS)
        )

    def _open(self, promised: Mapping[str, "_Counted | None"]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The bytes of files, compared with their promise where there is one."""
        archived = []
        for path in sorted(promised):
            try:
                chunks = self.files.open(path)
            except (FileNotFoundError, IsADirectoryError):
                archived.append(path)
            else:
                yield path, _checked(promised[path], chunks)
        if archived:
            for path, chunks in self.archive.read(archived):
                yield path, _checked(promised[path], chunks)

    def next_number(self, kind: str, day: date) -> int:
        """The number after those of all generations of a day."""
        # By their names: a manifest that cannot be read has used its number, too.
        names = [path.rpartition("/")[2] for path, _ in self._manifests(kind, day)]
        return 1 + max((int(name[: len(name) - len(name.lstrip(_DIGITS))]) for name in names), default=0)

    def counting(self, kind: str, day: date) -> tuple[RawFile, ...]:
        """The files that count for a day; none where it was never fetched."""
        newest = self.newest(kind, day)
        return newest.files if newest else ()

    def is_committed(self, kind: str, day: date, fetched: Sequence[RawFile]) -> bool:
        """Whether a generation of a day names all of these files; one that cannot be read names none."""
        for found in self._manifests(kind, day):
            try:
                named = self._read_manifest(found, day).files
            except RawDamagedError:
                continue
            if set(fetched) <= set(named):
                return True
        return False

    def put_manifest(self, kind: str, day: date, number: int, content: Mapping[str, Any]) -> bool:
        """Put the manifest of a generation; False where the number is another's."""
        key = f"{kind}/{_DAY}{day.isoformat()}/{number:06d}{SUFFIX}"
        return self.files.put_if_absent(key, json.dumps(content, sort_keys=True, indent=1).encode())

    def _finish_interrupted(self, kind: str) -> None:
        for intent in sorted((self.root / kind / "unfinished").glob("*/commit.json")):
            try:
                with exclusive(intent.parent):
                    if intent.exists():
                        finish_commit(self.files, self, intent.parent, is_resumed=True)
            except RawBusyError:
                continue
            except (ValueError, KeyError, TypeError, RecursionError):
                # Nobody can say what it wanted to commit; its answers are asked for again, and other days go on.
                intent.unlink()


@dataclass(frozen=True)
class _Counted:
    """A file with the days for which it counts."""

    file: RawFile
    days: set[date]


def _checked(counted: _Counted | None, chunks: Iterable[bytes]) -> Iterator[bytes]:
    return iter(chunks) if counted is None else counted.file.checked(chunks)


def _is_manifest(name: str) -> bool:
    return name[0] in _DIGITS and name.endswith(SUFFIX)


def _day_of(folder: str) -> date | None:
    try:
        return date.fromisoformat(folder.removeprefix(_DAY)) if folder.startswith(_DAY) else None
    except ValueError:
        return None


def _check_kind(kind: str) -> str:
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} cannot be a kind of raw file: lower-case letters, digits and '_' only")
    return kind


def _check_instant(instant: datetime) -> None:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime(STAMP)


def _snapshot(kind: str, stamp: str, *, is_substituted: bool) -> Snapshot:
    as_of = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    return Snapshot(f"{kind}/snapshots/{stamp}.jsonl.gz", as_of, is_substituted)
