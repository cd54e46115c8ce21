"""Upkeep of a shared warehouse: small files are merged, commits that nobody reads any more go, and with them their files.

Every write makes new files, and what it replaces stays readable as the lake was before. Each step is one commit of DuckLake under the lock of
writers (`lake`). Not here: when it is done (``workflows.retention``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import polars as pl

from mist_pipeline.domain.text import count
from mist_pipeline.tables.schema import literal
from mist_pipeline.warehouse.lake import Lake

_IN_USE = timedelta(days=1)
"""A file that no commit names any more may still be read, or belong to a commit to come, for as long as a run lasts."""


@dataclass(frozen=True)
class Upkeep:
    """What was done, or would be.

    Attributes:
        merged: Files that were merged.
        into: Files that they were merged into.
        expired: Commits that can no longer be read.
        removed: Files that no commit names.
        orphaned: Files of writers that were killed.
        is_refused: The store removes no files together, so that those stay.
    """

    merged: int = 0
    into: int = 0
    expired: int = 0
    removed: int = 0
    orphaned: int = 0
    is_refused: bool = False

    def lines(self) -> Iterator[str]:
        """For people; nothing where nothing is to be done."""
        if self.merged:
            yield f"merge {count(self.merged, 'file')} of the shared warehouse into {self.into}"
        if self.expired:
            yield f"forget {count(self.expired, 'snapshot')} of the shared warehouse"
        if self.removed:
            yield f"remove {count(self.removed, 'file')} that no snapshot of the shared warehouse has any more"
        if self.orphaned:
            yield f"remove {count(self.orphaned, 'file')} of writers of the shared warehouse that were killed"
        if self.is_refused:
            yield (
                "nothing of the shared warehouse: its store refuses to remove several files in one request (NotImplemented), so "
                "files that nobody reads stay and cost room (docs/scale.md)"
            )


def keep_up(lake: Lake, now: datetime, keep: timedelta, wait_seconds: float) -> Upkeep:
    """Merge, forget and remove what is due.

    Args:
        lake: The lake.
        now: The present.
        keep: For how long rows that were replaced stay readable.
        wait_seconds: How long to wait for writers, at each step.
    """
    with lake.maintaining(wait_seconds) as (connection, name):
        # Rows of tiny writes are kept in the catalogue until now.
        connection.execute(f"CALL ducklake_flush_inlined_data('{name}')")
    with lake.maintaining(wait_seconds) as (connection, name):
        connection.execute(f"CALL ducklake_rewrite_data_files('{name}')")
    with lake.maintaining(wait_seconds) as (connection, name):
        merges = _called(connection, f"ducklake_merge_adjacent_files('{name}')")
    with lake.maintaining(wait_seconds) as (connection, name):
        expired = _number(connection, _expire(name, now - keep))
        try:
            removed = _number(connection, _clean_up(name, now))
            orphaned = _number(connection, _orphans(name, now))
            is_refused = False
        except duckdb.Error as error:
            # What Google's store said for years; it costs room, and is no reason to fail what else retention does.
            if "NotImplemented" not in str(error):
                raise
            removed, orphaned, is_refused = 0, 0, True
    merged, into = (int(merges[column].sum()) for column in ("files_processed", "files_created"))
    return Upkeep(merged, into, expired, removed, orphaned, is_refused)


def due(lake: Lake, now: datetime, keep: timedelta, wait_seconds: float) -> Upkeep:
    """What `keep_up` would forget and remove; nothing is changed. What it would merge is not told by DuckLake.

    Raises:
        FileNotFoundError: The lake was not made yet.
    """
    with lake.maintaining(wait_seconds) as (connection, name):
        return Upkeep(
            expired=_number(connection, _expire(name, now - keep, "dry_run => true, ")),
            removed=_number(connection, _clean_up(name, now, "dry_run => true, ")),
            orphaned=_number(connection, _orphans(name, now, "dry_run => true, ")),
        )


def _expire(name: str, before: datetime, options: str = "") -> str:
    return f"ducklake_expire_snapshots('{name}', {options}older_than => {_instant(before)})"


def _clean_up(name: str, now: datetime, options: str = "") -> str:
    return f"ducklake_cleanup_old_files('{name}', {options}older_than => {_instant(now - _IN_USE)})"


def _orphans(name: str, now: datetime, options: str = "") -> str:
    return f"ducklake_delete_orphaned_files('{name}', {options}older_than => {_instant(now - _IN_USE)})"


def _number(connection: duckdb.DuckDBPyConnection, function: str) -> int:
    return _called(connection, function).height


def _called(connection: duckdb.DuckDBPyConnection, function: str) -> pl.DataFrame:
    # What is done within a SELECT is not committed.
    return connection.execute(f"CALL {function}").pl()


def _instant(instant: datetime) -> str:
    return f"TIMESTAMPTZ {literal(instant.isoformat())}"
