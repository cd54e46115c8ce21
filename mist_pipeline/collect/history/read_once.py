"""The organisation's answers of today's polls, each file of which is read once.

Every poll adds answers about the same hours, and what counts of a day is chosen among all of them: without this, the last of a day's hundred
polls would take apart what all others have. So what counts is kept beside the raw files, in numbers as they were read, with the files
that it was made of and a digest of the code; of another poll only its own files are read. Where anything does not fit, because a
file is gone, a day is new or the code is another, everything is read again. Not here: what counts (`frames`).
"""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from mist_pipeline.collect.fetch.fetcher import Lane, kind_of
from mist_pipeline.collect.fetch.organisation import organisation_frame
from mist_pipeline.collect.history.frames import Wanted, counting_answers
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.storage import durable

_LANE: Lane = "live"
_NAME = "read.parquet"
_ABOUT = "about"


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
    path = store.root / kind / "unfinished" / _NAME
    about = {"code": code, "zone": wanted.zone.key, "days": [day.isoformat() for day in sorted(wanted.days)]}
    kept, known = _kept(path, about, there)
    if kept is not None and known == there:
        return counting_answers(kept, wanted)
    read = store.read(kind, wanted.days, every_generation=True, without=frozenset(known))
    fresh = organisation_frame(record for record, _ in read)
    counting = counting_answers(fresh if kept is None else pl.concat([kept, fresh]), wanted)
    content = BytesIO()
    counting.write_parquet(content, metadata={_ABOUT: json.dumps({**about, "files": there})})
    durable.write_atomically(path, [content.getvalue()])
    return counting


def _kept(
    path: Path, about: Mapping[str, Any], there: Mapping[str, str]
) -> tuple[pl.DataFrame | None, dict[str, str]]:
    """What was kept, and the files that it was made of; None and no file where it is of no use."""
    try:
        said = json.loads(pl.read_parquet_metadata(path)[_ABOUT])
        files, days = dict(said["files"]), set(said["days"])
        is_of_use = (
            all(said[name] == about[name] for name in ("code", "zone"))
            and days >= set(about["days"])
            and files.items() <= there.items()
        )
        return (pl.read_parquet(path), files) if is_of_use else (None, {})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError):
        return None, {}
