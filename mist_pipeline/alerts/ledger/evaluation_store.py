"""The inputs of evaluations, kept as files by the runs that poll, and read by the run that evaluates and by replays.

Polling and evaluating are two runs. The first writes its `EvaluationInput` here, the second takes what it has not taken
yet, so that nothing is lost if either dies. Not here: evaluating (`pending`).

Layout: ``<day>/<instant>-<source>/`` with ``step.json`` and a Parquet file a frame; a folder appears whole or not at all.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import polars as pl

from mist_pipeline.alerts.lifecycle.model import Source
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput

_INSTANT = "%Y%m%dT%H%M%S.%fZ"
_BROKEN = ".broken-"
_FUTURE = ".future-"
_FRAMES = ("findings", "readings", "support", "episodes", "causes")
_SOURCES: tuple[Source, ...] = get_args(Source)


class UnreadableEvaluationError(Exception):
    """A kept evaluation is damaged; says which and how."""


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
    """A folder of kept evaluations.

    Args:
        folder: Made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, evaluation: EvaluationInput) -> EvaluationName:
        """Write an evaluation; one of the same instant and source stays as it is, since it may have been evaluated."""
        name = EvaluationName(evaluation.as_of, evaluation.source)
        place = self._place(name)
        if place.exists():
            return name
        fresh = place.with_name(f".{place.name}.{os.getpid()}.unfinished")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        covers_from = None if evaluation.covers_from is None else evaluation.covers_from.isoformat()
        facts = {
            "as_of": evaluation.as_of.isoformat(),
            "source": evaluation.source,
            "covers_from": covers_from,
            "site_count": evaluation.site_count,
            "removed_sites": sorted(evaluation.removed_sites),
            "only": None if evaluation.only is None else sorted(evaluation.only),
        }
        (fresh / "step.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        for frame in _FRAMES:
            content: pl.DataFrame | None = getattr(evaluation, frame)
            if content is not None:
                content.write_parquet(fresh / f"{frame}.parquet")
        _flush(fresh)
        try:
            fresh.rename(place)
        except OSError:
            # Somebody else was first.
            shutil.rmtree(fresh, ignore_errors=True)
            if not place.exists():
                raise
        return name

    def names(self, since: datetime | None = None) -> list[EvaluationName]:
        """What is kept, in order of time; from an instant on, if one is given."""
        found: list[EvaluationName] = []
        for day in sorted(self._folder.glob("????-??-??")):
            if since is not None and day.name < since.astimezone(UTC).date().isoformat():
                continue
            found += [name for path in day.iterdir() if (name := _name_of(path.name)) is not None]
        return sorted(name for name in found if since is None or name.as_of >= since)

    def load(self, name: EvaluationName) -> EvaluationInput:
        """The evaluation of a name.

        Raises:
            UnreadableEvaluationError: Nothing of this name is kept, or what is kept is damaged.
        """
        try:
            return self._read(self._place(name))
        except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
            raise UnreadableEvaluationError(f"{name.text}: {type(error).__name__}: {error}") from error

    def kept_at(self, name: EvaluationName) -> datetime | None:
        """When a kept evaluation was written, whatever instant it is of; None if it is gone."""
        try:
            return datetime.fromtimestamp(self._place(name).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def set_aside(self, name: EvaluationName) -> None:
        """Keep a damaged evaluation out of the way, for people to examine."""
        place = self._place(name)
        place.rename(place.with_name(f"{_BROKEN}{place.name}"))

    def set_aside_since(self, instant: datetime) -> list[str]:
        """Damaged evaluations of the days from an instant on."""
        return self._marked(_BROKEN, instant)

    def postpone(self, name: EvaluationName, now: datetime) -> None:
        """Keep an evaluation of a time that has not come out of the way, below the day on which that was seen."""
        place = self._place(name)
        day = self._folder / now.astimezone(UTC).date().isoformat()
        day.mkdir(exist_ok=True)
        place.rename(day / f"{_FUTURE}{place.name}")

    def postponed_since(self, instant: datetime) -> list[str]:
        """Evaluations of times that had not come, as seen on the days from an instant on."""
        return self._marked(_FUTURE, instant)

    def _marked(self, mark: str, instant: datetime) -> list[str]:
        first = instant.astimezone(UTC).date().isoformat()
        found = self._folder.glob(f"????-??-??/{mark}*")
        return sorted(path.name.removeprefix(mark) for path in found if path.parent.name >= first)

    def _read(self, place: Path) -> EvaluationInput:
        facts = json.loads((place / "step.json").read_text(encoding="utf-8"))
        frames = {
            frame: pl.read_parquet(path) for frame in _FRAMES if (path := place / f"{frame}.parquet").exists()
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
            causes=frames.get("causes"),
        )

    def remove_before(self, instant: datetime) -> int:
        """Remove whole days that ended before an instant; how many evaluations went."""
        gone = 0
        for day in list(self._days()):
            if day + timedelta(days=1) <= instant:
                place = self._folder / day.date().isoformat()
                gone += sum(_name_of(path.name) is not None for path in place.iterdir())
                shutil.rmtree(place)
        return gone

    def _days(self) -> Iterator[datetime]:
        for path in sorted(self._folder.glob("????-??-??")):
            yield datetime.fromisoformat(path.name).replace(tzinfo=UTC)

    def _place(self, name: EvaluationName) -> Path:
        return self._folder / name.as_of.astimezone(UTC).date().isoformat() / name.text


def _flush(folder: Path) -> None:
    """Everything of a folder onto the disk, before its name says that it is whole."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _name_of(text: str) -> EvaluationName | None:
    """The name of a folder; None for what is not finished or not ours."""
    instant, _, source = text.partition("-")
    for known in _SOURCES:
        if source == known:
            try:
                return EvaluationName(datetime.strptime(instant, _INSTANT).replace(tzinfo=UTC), known)
            except ValueError:
                return None
    return None
