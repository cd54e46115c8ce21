"""Writing one fetch into the raw store: append answers, continue after a crash, commit all of it at once.

A fetch is written in a local folder of its own under ``raw/<kind>/unfinished``, one file per first day of a window; it is
continued by the machine that began it. The commit is written down first (``commit.json``) and then carried out, so that a
crash in its middle is made good by the next fetch. Of each day it takes the next number whose manifest nobody has put: of
two machines that fetch the same day at once both are kept whole, one after the other. Where the files end up and how they
are read is in ``collect.raw.store``.
"""

import fcntl
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from mist_pipeline.collect.raw.errors import RawBusyError, RawDamagedError
from mist_pipeline.collect.raw.format import (
    Header,
    Record,
    file_chunks,
    member,
    read_records,
    recover,
    sha256_of,
)
from mist_pipeline.collect.raw.manifest import STAMP, RawFile
from mist_pipeline.storage import durable
from mist_pipeline.storage.files import FileStore

_FORMAT = 1
_HASH = 8
"""Characters of its hash in the name of a file of answers: no two have one name, whoever writes them."""

_REUSE_FOR = timedelta(hours=24)


class Days(Protocol):
    """What is known of the days of a kind; ``RawStore`` knows it."""

    def next_number(self, kind: str, day: date) -> int:
        """The number after those of all generations of a day."""

    def counting(self, kind: str, day: date) -> Sequence[RawFile]:
        """The files that count for a day."""

    def is_committed(self, kind: str, day: date, fetched: Sequence[RawFile]) -> bool:
        """Whether a generation of a day names all of these files, be it the newest or not."""

    def put_manifest(self, kind: str, day: date, number: int, content: Mapping[str, Any]) -> bool:
        """Put the manifest of a generation; False where the number is another's."""


class Generation:
    """A fetch being written; ``RawStore.generation`` makes it.

    Args:
        files: Where it is committed to.
        days: What is there already.
        kind: Raw kind.
        as_of: Instant of the run.
        folder: Its unfinished folder, held by this process.
        adds: What counts for a day goes on counting beside the new answers.
    """

    def __init__(
        self, files: FileStore, days: Days, kind: str, as_of: datetime, folder: Path, *, adds: bool = False
    ) -> None:
        self.kind = kind
        self.as_of = as_of
        self._files = files
        self._days = days
        self._folder = folder
        self._adds = adds
        self._done: dict[str, Header] = {}
        for part in folder.glob("*.jsonl.gz"):
            for key, header in recover(part).items():
                if timedelta(0) <= as_of - header.as_of <= _REUSE_FOR:
                    self._done[key] = header

    def header(self, key: str) -> Header | None:
        """The header of a request's last page if it has been answered, here or in an attempt interrupted recently."""
        return self._done.get(key)

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the requests that are here."""
        return frozenset(self._done)

    def write(self, records: Sequence[Record]) -> None:
        """Append all pages of one request; a crash loses the whole request or nothing of it."""
        header = records[-1].header
        with self._part(header.days[0]).open("ab") as file:
            file.write(member(records))
        self._done[header.key] = header

    def records(self) -> Iterator[Record]:
        """What has been written so far."""
        for part in sorted(self._folder.glob("*.jsonl.gz")):
            yield from (
                record for record in read_records(file_chunks(part)) if record.header.key in self._done
            )

    def commit(self, keys: Iterable[str], notes: Mapping[str, Any]) -> list[date]:
        """Make this the newest generation of every day that the requests cover.

        Args:
            keys: The requests that belong to it; all of them must have been written.
            notes: Kept in the manifests.

        Returns:
            The days committed.

        Raises:
            ValueError: A request has not been written.
        """
        wanted = frozenset(keys)
        if lost := sorted(wanted - self.keys):
            raise ValueError(f"{len(lost)} requests were never written, the first is {lost[0]}")
        days_of_part: dict[date, set[date]] = defaultdict(set)
        for key in wanted:
            covered = self._done[key].days
            days_of_part[covered[0]].update(covered)
        parts, of_day = [], defaultdict[str, list[str]](list)
        for first, days in sorted(days_of_part.items()):
            part = self._part(first)
            durable.sync_file(part)
            sha256 = sha256_of(file_chunks(part))
            target = f"{self.kind}/day={first.isoformat()}/{_stamp(self.as_of)}-{sha256[:_HASH]}.jsonl.gz"
            kept = RawFile(target, sha256, part.stat().st_size)
            parts.append({"source": part.name, **kept.to_json()})
            for day in days:
                of_day[day.isoformat()].append(target)
        intent = {
            "format": _FORMAT,
            "kind": self.kind,
            "as_of": self.as_of.isoformat(),
            "adds": self._adds,
            "parts": parts,
            "days": of_day,
            "notes": dict(notes),
        }
        durable.write_atomically(self._folder / "commit.json", [json.dumps(intent, sort_keys=True).encode()])
        finish_commit(self._files, self._days, self._folder)
        return sorted(set().union(*days_of_part.values()))

    def _part(self, first_day: date) -> Path:
        return self._folder / f"{first_day.isoformat()}.jsonl.gz"


def finish_commit(files: FileStore, days: Days, folder: Path, *, is_resumed: bool = False) -> None:
    """Carry out the commit that is written in an unfinished folder; every step can be repeated after a crash.

    Args:
        files: Where to.
        days: What is there already.
        folder: The unfinished folder.
        is_resumed: Somebody began with it, so that days may be committed already.
    """
    intent = json.loads((folder / "commit.json").read_bytes())
    for part in intent["parts"]:
        source = folder / part["source"]
        if source.exists():
            if not files.put_if_absent(part["path"], source):
                raise RawDamagedError(
                    f"{files.address(part['path'])} is there and is not what was fetched. Remove it, then fetch again."
                )
        elif files.stat(part["path"]) is None:
            raise RawDamagedError(f"{source} is lost before its commit. Remove {folder} and fetch again.")
    promised = {part["path"]: RawFile.from_json(part) for part in intent["parts"]}
    for name, paths in sorted(intent["days"].items()):
        day, fetched = date.fromisoformat(name), [promised[path] for path in paths]
        if not (is_resumed and days.is_committed(intent["kind"], day, fetched)):
            _commit_day(days, intent, day, fetched)
    shutil.rmtree(folder)


def _commit_day(days: Days, intent: Mapping[str, Any], day: date, fetched: Sequence[RawFile]) -> None:
    """Put the manifest of a day under the next number, or the one after it where another machine was first."""
    # An intent of an earlier version holds the files themselves.
    adds = intent.get("adds", any(intent.get("earlier", {}).values()))
    is_put = False
    while not is_put:
        # The number first: whatever is committed after it was seen takes it, and what counts is looked up again.
        number = days.next_number(intent["kind"], day)
        earlier = days.counting(intent["kind"], day) if adds else ()
        manifest = {
            **{name: intent[name] for name in ("format", "kind", "as_of", "notes")},
            "generation": f"{number:06d}-{_stamp(datetime.fromisoformat(intent['as_of']))}",
            "day": day.isoformat(),
            "files": [file.to_json() for file in (*earlier, *fetched)],
        }
        is_put = days.put_manifest(intent["kind"], day, number, manifest)


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime(STAMP)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the folder is there inside, and its lock is gone afterwards."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock")
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise RawBusyError(
                f"another process is fetching the same days ({lock}); wait for it to end, then start again"
            ) from error
        # The holder before us may have removed the file between our open and our lock: then no other process sees ours.
        if lock.exists() and lock.stat().st_ino == os.fstat(descriptor).st_ino:
            break
        os.close(descriptor)
    try:
        folder.mkdir(exist_ok=True)
        yield
    finally:
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
        lock.unlink()
        os.close(descriptor)
