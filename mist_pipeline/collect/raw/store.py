"""The raw store: what the cloud answered, immutable, as received, found again by kind and day.

```
raw/<kind>/day=2026-01-05/000001-<as_of>.jsonl.gz        answers whose first day this is (collect.raw.format)
raw/<kind>/day=2026-01-05/000001-<as_of>.manifest.json   commit marker: which files cover this day
raw/<kind>/snapshots/<as_of>.jsonl.gz                    kinds that are about now only
raw/<kind>/unfinished/<hash>/                            a fetch that is under way or was interrupted
raw/archive/raw-2026-01.tar.gz                           months that retention has packed (collect.raw.archive)
```

A fetch writes a new *generation*. It exists for a day from the moment its manifest does, and the highest number counts;
a crash therefore leaves either the whole fetch of a (kind, day) or the one before. A window of several days lies with
its first day, and the manifests of the others point there. Names hold numbers, dates and hashes only, never an id or a
name from the cloud. What to fetch is decided in ``collect.fetch``, what it means in
``collect.history``.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mist_pipeline.collect.raw import durable
from mist_pipeline.collect.raw.archive import Archive
from mist_pipeline.collect.raw.errors import RawBusyError, RawDamagedError
from mist_pipeline.collect.raw.format import Record, file_chunks, member, read_records
from mist_pipeline.collect.raw.generation import Generation, exclusive, finish_commit

_KIND = re.compile(r"[a-z][a-z0-9_]{0,40}")
_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True)
class Manifest:
    """The commit marker of one generation for one day.

    Attributes:
        files: Paths below the store of every file that covers the day.
        notes: What the plan said (``Plan.summary``).
    """

    kind: str
    day: date
    generation: str
    as_of: datetime
    files: tuple[str, ...]
    notes: Mapping[str, Any]


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


class RawStore:
    """Raw files below one folder (``<data>/raw``)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.archive = Archive(root / "archive", "raw")

    @contextmanager
    def generation(self, kind: str, days: Iterable[date], as_of: datetime) -> Iterator[Generation]:
        """Write answers about these days; nothing of it is visible to readers before ``Generation.commit``.

        Answers of an interrupted attempt for the same kind and days, at most a day old, are taken over.

        Raises:
            RawBusyError: Another process is at it.
        """
        _check_kind(kind)
        _check_instant(as_of)
        self._finish_interrupted(kind)
        name = ",".join(day.isoformat() for day in sorted(set(days)))
        folder = self.root / kind / "unfinished" / hashlib.sha256(name.encode()).hexdigest()[:16]
        with exclusive(folder):
            yield Generation(
                self.root, kind, as_of, folder, lambda touched: self._next_generation(kind, touched, as_of)
            )

    def newest(self, kind: str, day: date) -> Manifest | None:
        """The generation of this day that counts, or None where it was never fetched."""
        generations = self._manifests(kind, day)
        return generations[-1] if generations else None

    def latest(self, kind: str) -> Manifest | None:
        """The newest generation of the last day that was fetched and is not packed, or None."""
        folders = sorted((self.root / _check_kind(kind)).glob("day=????-??-??"), reverse=True)
        days = (date.fromisoformat(folder.name.removeprefix("day=")) for folder in folders)
        return next(filter(None, (self.newest(kind, day) for day in days)), None)

    def read(
        self, kind: str, days: Iterable[date], *, every_generation: bool = False
    ) -> Iterator[tuple[Record, frozenset[date]]]:
        """Every record that covers these days, with the days (of those wanted) for which it counts.

        Each file is read once. A record of a window of seven days counts only for those of its days that have not been
        fetched again since.

        Args:
            kind: What was fetched.
            days: Days wanted.
            every_generation: Not only the newest generation: for the live job, whose fetches hold a few hours each.

        Raises:
            RawDamagedError: A file is missing or unreadable.
        """
        counts_for: dict[str, set[date]] = defaultdict(set)
        for day in sorted(set(days)):
            generations = self._manifests(kind, day)
            for manifest in generations if every_generation else generations[-1:]:
                for path in manifest.files:
                    counts_for[path].add(day)
        for path, chunks in self._open(counts_for):
            counted = frozenset(counts_for[path])
            try:
                for record in read_records(chunks):
                    if days_of_record := counted.intersection(record.header.days):
                        yield record, days_of_record
            except RawDamagedError as error:
                raise RawDamagedError(f"{self.root / path}: {error}. Fetch these days again.") from error

    def write_snapshot(self, kind: str, records: Sequence[Record], as_of: datetime) -> Path:
        """Keep one answer of a "now only" kind under the instant of its run."""
        _check_kind(kind)
        _check_instant(as_of)
        path = self.root / kind / "snapshots" / f"{_stamp(as_of)}.jsonl.gz"
        durable.write_atomically(path, [member(records)])
        return path

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
            RawDamagedError: The file is missing or unreadable.
        """
        return [record for _, chunks in self._open([snapshot.path]) for record in read_records(chunks)]

    def _manifests(self, kind: str, day: date) -> list[Manifest]:
        folder = f"{_check_kind(kind)}/day={day.isoformat()}"
        found = {
            name: content
            for name, content in self.archive.manifests().items()
            if name.startswith(folder + "/")
        }
        for path in (self.root / folder).glob("[0-9]*.manifest.json"):
            found[f"{folder}/{path.name}"] = json.loads(path.read_bytes())
        return [_manifest(found[name]) for name in sorted(found)]

    def _snapshot_stamps(self, kind: str) -> list[str]:
        folder = f"{_check_kind(kind)}/snapshots/"
        names = {path.name for path in (self.root / folder).glob("[0-9]*.jsonl.gz")}
        names |= {path.removeprefix(folder) for path in self.archive.paths() if path.startswith(folder)}
        return sorted(name.removesuffix(".jsonl.gz") for name in names)

    def _open(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
        archived = []
        for path in sorted(paths):
            if (self.root / path).exists():
                yield path, file_chunks(self.root / path)
            else:
                archived.append(path)
        if archived:
            yield from self.archive.read(archived)

    def _next_generation(self, kind: str, days: Iterable[date], as_of: datetime) -> str:
        newest = [manifest.generation for day in days if (manifest := self.newest(kind, day))]
        number = 1 + max((int(name.split("-")[0]) for name in newest), default=0)
        return f"{number:06d}-{_stamp(as_of)}"

    def _finish_interrupted(self, kind: str) -> None:
        for intent in sorted((self.root / kind / "unfinished").glob("*/commit.json")):
            try:
                with exclusive(intent.parent):
                    if intent.exists():
                        finish_commit(self.root, intent.parent)
            except RawBusyError:
                continue


def _check_kind(kind: str) -> str:
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} cannot be a kind of raw file: lower-case letters, digits and '_' only")
    return kind


def _check_instant(instant: datetime) -> None:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime(_STAMP)


def _snapshot(kind: str, stamp: str, *, is_substituted: bool) -> Snapshot:
    as_of = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    return Snapshot(f"{kind}/snapshots/{stamp}.jsonl.gz", as_of, is_substituted)


def _manifest(content: Mapping[str, Any]) -> Manifest:
    return Manifest(
        kind=content["kind"],
        day=date.fromisoformat(content["day"]),
        generation=content["generation"],
        as_of=datetime.fromisoformat(content["as_of"]),
        files=tuple(file["path"] for file in content["files"]),
        notes=content["notes"],
    )
