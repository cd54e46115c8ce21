"""The inputs of evaluations, kept as files by the runs that poll, and read by the run that evaluates and by replays.

Polling and evaluating are two runs, on one machine or on two. The first writes its `EvaluationInput` here, the second takes what
it has not taken yet, so that nothing is lost if either dies. Not here: evaluating (`pending`).

Layout: ``<day>/<instant>-<source>.zip`` with ``step.json`` and a Parquet file a frame; of two that keep the same evaluation the first
has it. Earlier versions kept a folder of that name with the same files, which is read as well.
"""

import errno
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import polars as pl

from mist_pipeline.alerts.lifecycle.model import Source
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.storage.files import Entry, FileStore

_INSTANT = "%Y%m%dT%H%M%S.%fZ"
_KEPT = ".zip"
_FACTS = "step.json"
_BROKEN = "broken-"
_FUTURE = "future-"
_TRIED = "tried-"
_MINUTE = "%Y%m%dT%H%MZ"
_FRAMES = ("findings", "readings", "support", "episodes", "levels", "causes")
_KNOWN: Mapping[str, Source] = {source: source for source in get_args(Source)}
_NAME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)/(?P<instant>\d{8}T\d{6}\.\d{6}Z)-(?P<source>[a-z]+)(?:\.zip|/step\.json)",
    re.ASCII,
)
"""Keys of evaluations; Python reads the instant thirty times as fast as with a format of its own."""


MOST_TRIES = 3
"""Different minutes in which the disk did not give an evaluation, until it is left out."""

_LOST = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENODATA, errno.EILSEQ})
"""What systems say of a file whose content the disk does not give. A network that is away says it too, for a while."""


class UnreadableEvaluationError(Exception):
    """A kept evaluation is damaged; says which and how."""


def is_lost(error: OSError) -> bool:
    """Whether the file itself may be what cannot be read, and not the machine that is short of something.

    >>> is_lost(OSError(errno.EIO, "Input/output error")), is_lost(OSError(errno.EMFILE, "Too many open files"))
    (True, False)
    """
    return error.errno in _LOST


@dataclass(frozen=True, slots=True, order=True)
class EvaluationName:
    """One kept evaluation.

    Attributes:
        as_of: Its instant.
        source: Its kind.
    """

    as_of: datetime
    source: Source

    @property
    def text(self) -> str:
        """As the folder is called, and as the ledger remembers it."""
        return f"{self.as_of.astimezone(UTC).strftime(_INSTANT)}-{self.source}"


class EvaluationStore:
    """Kept evaluations.

    Args:
        files: Where they are.
    """

    def __init__(self, files: FileStore) -> None:
        self._files = files

    def keep(self, evaluation: EvaluationInput) -> EvaluationName:
        """Write an evaluation; one of the same instant and source stays as it is, since it may have been evaluated."""
        name = EvaluationName(evaluation.as_of, evaluation.source)
        covers_from = None if evaluation.covers_from is None else evaluation.covers_from.isoformat()
        facts = {
            "as_of": evaluation.as_of.isoformat(),
            "source": evaluation.source,
            "covers_from": covers_from,
            "site_count": evaluation.site_count,
            "removed_sites": sorted(evaluation.removed_sites),
            "only": None if evaluation.only is None else sorted(evaluation.only),
        }
        files = {_FACTS: json.dumps(facts, indent=1).encode() + b"\n"}
        for frame in _FRAMES:
            content: pl.DataFrame | None = getattr(evaluation, frame)
            if content is not None:
                written = io.BytesIO()
                content.write_parquet(written)
                files[f"{frame}.parquet"] = written.getvalue()
        if self._files.stat(f"{_folder(name)}/{_FACTS}") is None:
            self._files.put_if_absent(_key(name), _packed(files))
        return name

    def names(self, since: datetime | None = None) -> list[EvaluationName]:
        """What is kept and not left out, in order of time; from an instant on, if one is given."""
        if since is None:
            keys = [entry.key for entry in self._files.files(deep=True)]
        else:
            first = since.astimezone(UTC).date()
            keys = [entry.key for day in self._days() if day >= first for entry in self._of(day)]
        found = {name for key in keys if (name := _name_of(key)) is not None}
        out = {text for key in keys if (text := _marked_by(_BROKEN, key))}
        return sorted(
            name for name in found if (since is None or name.as_of >= since) and name.text not in out
        )

    def load(self, name: EvaluationName) -> EvaluationInput:
        """The evaluation of a name.

        Raises:
            UnreadableEvaluationError: Nothing of this name is kept, or what is kept is damaged.
            OSError: It cannot be read now (too many open files, a network that is away), which says nothing of it.
            StoreError: The same, of a store.
        """
        try:
            content = self._content(name)
        except FileNotFoundError as error:
            raise UnreadableEvaluationError(f"{name.text}: it is gone") from error
        try:
            return _evaluation(_unpacked(content))
        except (
            ValueError,
            KeyError,
            TypeError,
            zlib.error,
            zipfile.BadZipFile,
            pl.exceptions.PolarsError,
        ) as error:
            raise UnreadableEvaluationError(f"{name.text}: {type(error).__name__}: {error}") from error

    def kept_at(self, name: EvaluationName) -> datetime | None:
        """When a kept evaluation was written, whatever instant it is of; None if it is gone."""
        for key in (_key(name), f"{_folder(name)}/{_FACTS}"):
            if (found := self._files.stat(key)) is not None:
                return datetime.fromtimestamp(found.modified, UTC)
        return None

    def set_aside(self, name: EvaluationName) -> None:
        """Keep a damaged evaluation out of the way, for people to examine."""
        self._rename(name, f"{_day_of(name)}/{_BROKEN}{name.text}{_KEPT}")

    def tried_in_vain(self, name: EvaluationName, now: datetime) -> int:
        """Write down that the disk did not give an evaluation; in how many different minutes that was so until now."""
        mark = f"{_day_of(name)}/{_TRIED}{name.text}"
        self._files.put_if_absent(f"{mark}-{now.astimezone(UTC).strftime(_MINUTE)}", b"")
        return sum(entry.key.startswith(f"{mark}-") for entry in self._of(name.as_of.astimezone(UTC).date()))

    def leave_out(self, name: EvaluationName) -> None:
        """Keep one that cannot be read, and so not moved, out of the way; it stays where it is, for people to examine."""
        self._files.put_if_absent(f"{_day_of(name)}/{_BROKEN}{name.text}{_KEPT}", b"")

    def set_aside_since(self, instant: datetime) -> list[str]:
        """Damaged evaluations of the days from an instant on."""
        return self._marked(_BROKEN, instant)

    def postpone(self, name: EvaluationName, now: datetime) -> None:
        """Keep an evaluation of a time that has not come out of the way, below the day on which that was seen."""
        self._rename(name, f"{now.astimezone(UTC).date().isoformat()}/{_FUTURE}{name.text}{_KEPT}")

    def postponed_since(self, instant: datetime) -> list[str]:
        """Evaluations of times that had not come, as seen on the days from an instant on."""
        return self._marked(_FUTURE, instant)

    def remove_before(self, instant: datetime) -> int:
        """Remove whole days that ended before an instant; how many evaluations went."""
        gone = self.number_before(instant)
        for day in self._ended_before(instant):
            self._files.clear(day.isoformat())
        return gone

    def number_before(self, instant: datetime) -> int:
        """How many evaluations `remove_before` would remove."""
        found = (_name_of(entry.key) for day in self._ended_before(instant) for entry in self._of(day))
        return len({name for name in found if name is not None})

    def _ended_before(self, instant: datetime) -> list[date]:
        last = (instant.astimezone(UTC) - timedelta(days=1)).date()
        return [day for day in self._days() if day <= last]

    def _rename(self, name: EvaluationName, key: str) -> None:
        """Put an evaluation under another key; another machine may have done it a moment ago."""
        try:
            content = self._content(name)
        except FileNotFoundError:
            return
        self._files.put_if_absent(key, content)
        self._files.delete([_key(name)])
        self._files.clear(_folder(name))

    def _content(self, name: EvaluationName) -> bytes:
        """An evaluation as it is kept.

        Raises:
            FileNotFoundError: Nothing of this name is kept.
        """
        try:
            return self._files.read(_key(name))
        except FileNotFoundError:
            parts = self._files.files(_folder(name))
            if not parts:
                raise
            return _packed({part.name: self._files.read(part.key) for part in parts})

    def _marked(self, mark: str, instant: datetime) -> list[str]:
        first = instant.astimezone(UTC).date()
        keys = [entry.key for day in self._days() if day >= first for entry in self._of(day)]
        return sorted(text for key in keys if (text := _marked_by(mark, key)))

    def _of(self, day: date) -> list[Entry]:
        return self._files.files(day.isoformat(), deep=True)

    def _days(self) -> Iterator[date]:
        for folder in self._files.folders():
            try:
                yield date.fromisoformat(folder)
            except ValueError:
                continue  # somebody else's


def _evaluation(files: Mapping[str, bytes]) -> EvaluationInput:
    facts = json.loads(files[_FACTS])
    frames = {
        frame: pl.read_parquet(io.BytesIO(content))
        for frame in _FRAMES
        if (content := files.get(f"{frame}.parquet")) is not None
    }
    return EvaluationInput(
        as_of=datetime.fromisoformat(facts["as_of"]),
        source=facts["source"],
        covers_from=datetime.fromisoformat(facts["covers_from"]) if facts["covers_from"] else None,
        site_count=facts["site_count"],
        removed_sites=frozenset(facts.get("removed_sites", ())),
        only=None
        if facts.get("only") is None
        else frozenset((site, family) for site, family in facts["only"]),
        findings=frames["findings"],
        readings=frames.get("readings"),
        support=frames.get("support"),
        episodes=frames.get("episodes"),
        levels=frames.get("levels"),
        causes=frames.get("causes"),
    )


def _packed(files: Mapping[str, bytes]) -> bytes:
    """Files as one; Parquet is compressed already."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as pack:
        for name, content in files.items():
            pack.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def _day_of(name: EvaluationName) -> str:
    return name.as_of.astimezone(UTC).date().isoformat()


def _folder(name: EvaluationName) -> str:
    """Where earlier versions kept it."""
    return f"{_day_of(name)}/{name.text}"


def _key(name: EvaluationName) -> str:
    return f"{_folder(name)}{_KEPT}"


def _marked_by(mark: str, key: str) -> str:
    """The name of an evaluation that a file marks; '' where it marks none."""
    name = key.rpartition("/")[2]
    return name.removeprefix(mark).removesuffix(_KEPT) if name.startswith(mark) else ""


def _name_of(key: str) -> EvaluationName | None:
    """The evaluation of a file; None for what is none of ours."""
    found = _NAME.fullmatch(key)
    if found is None:
        return None
    try:
        name = EvaluationName(datetime.fromisoformat(found["instant"]), _KNOWN[found["source"]])
    except (ValueError, KeyError):
        return None
    return name if name.as_of.date().isoformat() == found["day"] else None
