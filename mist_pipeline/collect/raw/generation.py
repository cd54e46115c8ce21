"""Writing one fetch into the raw store: append answers, continue after a crash, commit all of it at once.

A fetch is written in a folder of its own under ``raw/<kind>/unfinished``, one file per first day of a window. The
commit is written down first (``commit.json``) and then carried out, so that a crash in its middle is made good by the
next fetch. Where the files end up and how they are read is in ``collect.raw.store``.
"""

import fcntl
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from mist_pipeline.collect.raw import durable
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
from mist_pipeline.collect.raw.manifest import SUFFIX, RawFile

_FORMAT = 1
_REUSE_FOR = timedelta(hours=24)


class Generation:
    """A fetch being written; ``RawStore.generation`` makes it.

    Args:
        root: The raw store.
        kind: Raw kind.
        as_of: Instant of the run.
        folder: Its unfinished folder, held by this process.
        next_name: Name of the next generation of these days.
        earlier: Files of a day that go on counting beside the new ones.
    """

    def __init__(
        self,
        root: Path,
        kind: str,
        as_of: datetime,
        folder: Path,
        next_name: Callable[[set[date]], str],
        earlier: Callable[[date], Sequence[RawFile]],
    ) -> None:
        self.kind = kind
        self.as_of = as_of
        self._root = root
        self._folder = folder
        self._next_name = next_name
        self._earlier = earlier
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
        name = self._next_name(set().union(*days_of_part.values()))
        parts, of_day = [], defaultdict[str, list[str]](list)
        for first, days in sorted(days_of_part.items()):
            part = self._part(first)
            durable.sync_file(part)
            target = f"{self.kind}/day={first.isoformat()}/{name}.jsonl.gz"
            kept = RawFile(target, sha256_of(file_chunks(part)), part.stat().st_size)
            parts.append({"source": part.name, **kept.to_json()})
            for day in days:
                of_day[day.isoformat()].append(target)
        intent = {
            "format": _FORMAT,
            "kind": self.kind,
            "generation": name,
            "as_of": self.as_of.isoformat(),
            "parts": parts,
            "days": of_day,
            "earlier": {
                day: [file.to_json() for file in self._earlier(date.fromisoformat(day))] for day in of_day
            },
            "notes": dict(notes),
        }
        durable.write_atomically(self._folder / "commit.json", [json.dumps(intent, sort_keys=True).encode()])
        finish_commit(self._root, self._folder)
        return sorted(set().union(*days_of_part.values()))

    def _part(self, first_day: date) -> Path:
        return self._folder / f"{first_day.isoformat()}.jsonl.gz"


def finish_commit(root: Path, folder: Path) -> None:
    """Carry out the commit that is written in an unfinished folder; every step can be repeated after a crash."""
    intent = json.loads((folder / "commit.json").read_bytes())
    for part in intent["parts"]:
        source, target = folder / part["source"], root / part["path"]
        if source.exists():
            durable.move(source, target)
        elif not target.exists():
            raise RawDamagedError(f"{source} is lost before its commit. Remove {folder} and fetch again.")
    promised = {part["path"]: RawFile.from_json(part).to_json() for part in intent["parts"]}
    for day, paths in sorted(intent["days"].items()):
        manifest = {
            **{name: intent[name] for name in ("format", "kind", "generation", "as_of", "notes")},
            "day": day,
            "files": [*intent.get("earlier", {}).get(day, []), *(promised[path] for path in paths)],
        }
        path = root / intent["kind"] / f"day={day}" / f"{intent['generation']}{SUFFIX}"
        durable.write_atomically(path, [json.dumps(manifest, sort_keys=True, indent=1).encode()])
    shutil.rmtree(folder)


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
