"""What polls of today have read: each file of answers and each snapshot is taken apart once.

Every poll adds answers about the same hours, and what counts of a day is chosen among all of them: without this, the last of a day's hundred
polls would take apart what all others have. So what counts is kept beside the raw files, in numbers as they were read, with the files
that it was made of and a digest of the code; of another poll only its own files are read. Where anything does not fit, because a
file is gone or the code is another, everything is read again. Not here: what counts (`frames`, `hourly`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.collect.fetch.organisation import organisation_frame
from mist_pipeline.collect.fetch.records import Lane, kind_of
from mist_pipeline.collect.history.dimensions import connected, last_of_hours
from mist_pipeline.collect.history.frames import Wanted, counting_answers
from mist_pipeline.collect.history.hourly import DetailFrames, chosen_answers, detail_frames
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.storage import durable

_LANE: Lane = "live"
_ABOUT = "about"
_MUST_AGREE = ("code", "zone")


def answers_read_once(store: RawStore, wanted: Wanted, code: str) -> pl.DataFrame:
    """What counts of the organisation's answers of these days' polls, as ``counting_answers`` gives it.

    Args:
        store: Raw files.
        wanted: Days and zone.
        code: Digest of the code that reads answers.

    Raises:
        RawDamagedError: A raw file that was not read before is missing or unreadable.
        UnexpectedShape: A raw document is not what its endpoint promises.
    """
    kind = kind_of("organisation", _LANE)
    there = store.promised(kind, wanted.days, every_generation=True)
    kept = _Kept.read(store, kind, ("read",), _about(code, wanted.zone, wanted.days), there)
    if kept.frames and kept.files == there:
        return counting_answers(kept.frames[0], wanted)
    read = store.read(kind, wanted.days, every_generation=True, without=frozenset(kept.files))
    fresh = organisation_frame(record for record, _ in read)
    counting = counting_answers(pl.concat([*kept.frames, fresh]), wanted)
    replace(kept, frames=(counting,), files=there).write()
    return counting


def detail_read_once(store: RawStore, wanted: Wanted, code: str) -> DetailFrames:
    """What counts of the detail answers of these days' polls, for hours alone: of buckets those that are chosen, nothing of impacts.

    Args:
        store: Raw files.
        wanted: Days and zone.
        code: Digest of the code that reads answers.

    Raises:
        RawDamagedError: A raw file that was not read before is missing or unreadable.
    """
    kind = kind_of("detail", _LANE)
    there = store.promised(kind, wanted.days, every_generation=True)
    names = ("read-answers", "read-buckets", "read-classifiers")
    kept = _Kept.read(store, kind, names, _about(code, wanted.zone, wanted.days), there)
    days = pl.Series(sorted(set(wanted.days)), dtype=pl.Date).implode()
    known = [frame.filter(pl.col("day").is_in(days)) for frame in kept.frames]
    newest = kept.frames[0].select(pl.col("record").max()).item() if kept.frames else None
    first = 0 if newest is None else newest + 1
    read = store.read(kind, wanted.days, every_generation=True, without=frozenset(kept.files))
    fresh = detail_frames(read, wanted.day_spans(), wanted.zone, first=first)
    if known:
        # Of files that were read, records come before those of all later ones: as if all were read at once.
        parts = zip(known, (fresh.answers, fresh.buckets, fresh.classifiers), strict=True)
        answers, buckets, classifiers = (pl.concat(pair) for pair in parts)
        fresh = DetailFrames(answers, buckets, classifiers, fresh.impacts)
    chosen = chosen_answers(fresh)

    def counting(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(chosen, on=["record", "day", "slot"], how="semi", nulls_equal=True)

    found = DetailFrames(
        fresh.answers, counting(fresh.buckets), counting(fresh.classifiers), fresh.impacts.clear()
    )
    if kept.files != there:
        replace(kept, frames=(found.answers, found.buckets, found.classifiers), files=there).write()
    return found


def connected_read_once(store: RawStore, days: Sequence[date], zone: ZoneInfo, code: str) -> pl.DataFrame:
    """What ``connected_by_hour`` gives; each snapshot that is the last of its hour is read once.

    Args:
        store: Raw files.
        days: Days wanted.
        zone: The organisation's time zone.
        code: Digest of the code that reads snapshots.

    Raises:
        RawDamagedError: A snapshot that was not read before is missing or unreadable.
    """
    hours = last_of_hours(store, days, zone)
    there = {instant.isoformat(): snapshot.path for instant, _, snapshot in hours}
    kept = _Kept.read(store, "stats_sites", ("read",), {"code": code, "zone": zone.key}, None)
    still = {hour for hour, path in kept.files.items() if there.get(hour) == path}
    fresh = connected(store, [of for of in hours if of[0].isoformat() not in still])
    known = [
        frame.filter(pl.col("hour").is_in([of[0] for of in hours if of[0].isoformat() in still]))
        for frame in kept.frames
    ]
    found = pl.concat([*known, fresh]).sort("hour", "site_id")
    if kept.files != there:
        replace(kept, frames=(found,), files=there).write()
    return found


def _about(code: str, zone: ZoneInfo, days: Iterable[date]) -> dict[str, Any]:
    return {"code": code, "zone": zone.key, "days": [day.isoformat() for day in sorted(set(days))]}


@dataclass(frozen=True)
class _Kept:
    """What was kept of a kind.

    Attributes:
        places: Where each frame is.
        about: What it depends on.
        frames: What was kept; none where it is of no use.
        files: The files that it was made of; none where it is of no use.
    """

    places: tuple[Path, ...]
    about: Mapping[str, Any]
    frames: tuple[pl.DataFrame, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        store: RawStore,
        kind: str,
        names: Sequence[str],
        about: Mapping[str, Any],
        there: Mapping[str, str] | None,
    ) -> "_Kept":
        """What is kept, if it is of the same code and zone, and of files that are all there and say nothing of other days.

        ``there``: the files of the days in ``about``; None: whatever is there.
        """
        places = tuple(store.root / kind / "unfinished" / f"{name}.parquet" for name in names)
        nothing = cls(places, about)
        try:
            said = [json.loads(pl.read_parquet_metadata(path)[_ABOUT]) for path in places]
            files = dict(said[0]["files"])
            if any(one != said[0] for one in said) or any(
                said[0][name] != about[name] for name in _MUST_AGREE
            ):
                return nothing
            if there is not None:
                kept_days, days = (set(map(date.fromisoformat, one["days"])) for one in (said[0], about))
                # What was read was read for the days of then: of one that is new since, its files must say nothing.
                also = store.promised(kind, days - kept_days, every_generation=True)
                gone = store.promised(kind, kept_days - days, every_generation=True)
                if not files.items() <= {**there, **gone}.items() or files.keys() & also.keys():
                    return nothing
                files = {path: sha256 for path, sha256 in files.items() if path in there}
            return cls(places, about, tuple(map(pl.read_parquet, places)), files)
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RawDamagedError,
            pl.exceptions.PolarsError,
        ):
            return nothing

    def write(self) -> None:
        """Keep the frames with the files that they were made of."""
        said = {_ABOUT: json.dumps({**self.about, "files": dict(self.files)})}
        for path, frame in zip(self.places, self.frames, strict=True):
            content = BytesIO()
            frame.write_parquet(content, metadata=said)
            durable.write_atomically(path, [content.getvalue()])
