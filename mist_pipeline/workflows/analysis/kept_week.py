"""The week before today as evidence needs it, kept between polls: nothing of it changes between two mornings, and reading it is most of the work.

It is kept in a file as arrays, with a digest of all that it was made of: of the marks of the days that were read (``warehouse.copies.marks``), of the
state, and of the code. Where any of these is another, or the file cannot be read, it is made again from the warehouse; nothing depends on it. Of
a shared warehouse, which has no marks, and of days that were written without one, it is made anew by every poll. Here: reading and keeping it.
Not here: what it is (``analysis.evidence.past_week``), evidence of today (`detect_hour`).
"""

import io
import json
import logging
import zipfile
import zlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mist_pipeline.analysis.evidence.model import LOOK_BACK, PastWeek, past_week_of
from mist_pipeline.storage import durable
from mist_pipeline.tables import state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.copies.marks import as_written
from mist_pipeline.warehouse.place import WarehouseFile
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.evidence_walk import EVIDENCE_COLUMNS, end_of, read_state, state_day
from mist_pipeline.workflows.code_digest import code_digest

log = logging.getLogger(__name__)

ReadHours = Callable[[Table, datetime, datetime], pl.DataFrame]
"""Rows of an hourly table from one instant to before another, as ``compact`` gives them."""

_CODE = ("analysis/evidence", "analysis/stats", "workflows/analysis")
"""Rooms that decide over the arrays."""

_MADE_OF = "made_of"
_CHUNK = 1 << 20


def week_before(warehouse: Warehouse, file: Path, until: datetime, read: ReadHours) -> PastWeek | None:
    """The newest stored state that ends at or before an instant, with the hours before its end.

    Args:
        warehouse: Where both are.
        file: Where they are kept as arrays.
        until: The instant.
        read: Reads hours of history, and of today where there is no history yet.

    Returns:
        None where no state is stored.
    """
    with warehouse.reading():
        day = state_day(warehouse, until)
        if day is None:
            return None
        ends = end_of(day)
        begins = ends - timedelta(hours=LOOK_BACK)
        made_of = _made_of(warehouse, day, begins, ends)
        kept = _kept(file, made_of) if made_of else None
        if kept is not None:
            return kept
        known = read_state(warehouse, day)
        scores, causes, clients = (read(of, begins, ends) for of in EVIDENCE_COLUMNS)
    week = past_week_of(scores, causes, clients, known)
    if made_of:
        _keep(file, week, made_of)
    return week


def _made_of(warehouse: Warehouse, day: date, begins: datetime, ends: datetime) -> str | None:
    """What the week would be made of now; None where nobody can say whether it is still the same."""
    if not isinstance(warehouse.place, WarehouseFile):
        return None
    # Days of any zone that may hold these hours.
    first, last = (begins - timedelta(days=1)).date(), (ends + timedelta(days=1)).date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    with warehouse.reading() as connection:
        of_hours = [as_written(connection, table, days) for table in EVIDENCE_COLUMNS]
        of_state = as_written(connection, state.EVIDENCE, [day])
        is_history = not any(
            warehouse.query(_STILL_LIVE.format(name=table.name), {"begins": begins, "ends": ends}).item()
            for table in EVIDENCE_COLUMNS
        )
    if not is_history or of_state is None or any(found is None for found in of_hours):
        return None
    summary = json.dumps([code_digest(*_CODE), begins.isoformat(), of_state, of_hours])
    return blake2b(summary.encode(), digest_size=16).hexdigest()


_STILL_LIVE = """
SELECT count(*) FROM live.{name}
WHERE hour >= $begins AND hour < $ends AND day NOT IN (SELECT DISTINCT day FROM history.sle_daily)
"""
"""Hours that each poll may change."""


def _kept(file: Path, made_of: str) -> PastWeek | None:
    """What is kept, None where it is of no use."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if arrays[_MADE_OF].tobytes().decode() != made_of:
                return None
            return PastWeek.from_arrays({name: arrays[name] for name in arrays.files})
    except FileNotFoundError:
        return None
    except _DAMAGE as error:
        log.warning("What was kept for evidence in %s cannot be read and is made again: %s", file, error)
        return None


_DAMAGE = (
    OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def _keep(file: Path, week: PastWeek, made_of: str) -> None:
    content = io.BytesIO()
    arrays: dict[str, Any] = {_MADE_OF: np.frombuffer(made_of.encode(), np.uint8), **week.arrays()}
    np.savez(content, **arrays)
    content.seek(0)
    try:
        durable.write_atomically(file, iter(lambda: content.read(_CHUNK), b""))
    except OSError as error:
        log.warning("The next poll reads the week again, it cannot be kept in %s: %s", file, error)
