"""What Dagster keeps of runs that are long over: which of it may go, and removing it.

Runs about now (polls, messages, copies) go with all that is known of them. Of runs about days only the logs go: their
materialisations say which days were made, which the morning asks (`mornings`). Ticks of schedules and sensors go, and results of checks
but the newest of each. Not here: files of the pipeline itself (``workflows.retention``).
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dagster as dg

# Dagster has no public way to let go of ticks of every state, of the results of checks, and of the files of SQLite.
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from mist_pipeline.defs.scope import Scope

OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]

_PAGE = 500
_DAY_TAGS = ("dagster/partition", "dagster/asset_partition_range_start")


@dataclass(frozen=True)
class Pruned:
    """What goes, or would go.

    Attributes:
        runs: Runs about now, with their events.
        logs: Runs about days whose logs go.
        num_bytes: Size of the files that go.
    """

    runs: int
    logs: int
    num_bytes: int

    def __str__(self) -> str:
        return (
            f"remove {self.runs:,} old runs and the logs of {self.logs:,} runs about days from Dagster's home "
            f"({self.num_bytes:,} bytes of files), with old ticks and results of checks"
        )


def prune(
    instance: dg.DagsterInstance, scope: Scope, before: datetime, *, is_dry_run: bool = False
) -> Pruned:
    """Let go of what is known of an organisation's runs that were over before an instant.

    Args:
        instance: Dagster's instance.
        scope: Whose runs, ticks and results of checks may go.
        before: Runs created earlier that are over are old.
        is_dry_run: Only count.
    """
    runs = num_bytes = 0
    logs: set[str] = set()
    root = Path(instance.root_directory)
    old = _old_runs(instance, scope, before)
    for run_id, is_about_days in old:
        files = [path for path in _files(root, run_id) if path.exists()]
        if is_about_days:
            logs |= {run_id} if files else set()
        else:
            runs += 1
            if not is_dry_run:
                instance.delete_run(run_id)
        for path in files:
            num_bytes += _size(path)
            if not is_dry_run:
                _remove(path)
    about_days = [run_id for run_id, is_about_days in old if is_about_days]
    logs |= _purge_rows(instance, about_days, is_dry_run=is_dry_run)
    if not is_dry_run:
        _purge_ticks(instance, scope, before)
        _purge_checks(instance, scope, before)
    return Pruned(runs, len(logs), num_bytes)


def _old_runs(instance: dg.DagsterInstance, scope: Scope, before: datetime) -> list[tuple[str, bool]]:
    """Id, and whether it is about days, of every old run: all of them first, since what is removed is a page's begin."""
    wanted = dg.RunsFilter(statuses=OVER, created_before=before, tags=scope.tags)
    found: list[tuple[str, bool]] = []
    last = None
    while page := instance.get_runs(wanted, cursor=last, limit=_PAGE):
        last = page[-1].run_id
        # Without a key the filter finds everybody's.
        own = [run for run in page if scope.owns(run.tags)]
        found += [(run.run_id, any(tag in run.tags for tag in _DAY_TAGS)) for run in own]
    return found


def _files(root: Path, run_id: str) -> tuple[Path, ...]:
    """Where SQLite keeps the events of a run, and where its output is kept."""
    events = root / "history" / "runs"
    return (
        *(events / f"{run_id}.db{suffix}" for suffix in ("", "-wal", "-shm", "-journal")),
        root / "storage" / run_id,
    )


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.lstat().st_size for each in files if not each.is_dir())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _purge_rows(instance: dg.DagsterInstance, run_ids: list[str], *, is_dry_run: bool) -> set[str]:
    """Let go of logs of runs about days where they are rows of one table and no files (PostgreSQL); the runs that had some."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage) or not isinstance(storage, SqlEventLogStorage):
        return set()
    import sqlalchemy as sa

    table, had = SqlEventLogStorageTable, set()
    with storage.index_connection() as connection:
        for at in range(0, len(run_ids), _PAGE):
            # What has no asset says nothing of days.
            logs = table.c.run_id.in_(run_ids[at : at + _PAGE]) & table.c.asset_key.is_(None)
            had |= set(connection.execute(sa.select(table.c.run_id).where(logs).distinct()).scalars())
            if not is_dry_run:
                connection.execute(table.delete().where(logs))
    return had


def _purge_ticks(instance: dg.DagsterInstance, scope: Scope, before: datetime) -> None:
    if instance.schedule_storage is None:
        return
    for state in instance.all_instigator_state():
        if scope.plain(state.name) is not None:
            own = (state.instigator_origin_id, state.selector_id)
            instance.purge_ticks(*own, before.timestamp(), [*TickStatus])


def _purge_checks(instance: dg.DagsterInstance, scope: Scope, before: datetime) -> None:
    """Old results of checks, but for the newest of each check, which says how it stands."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    import sqlalchemy as sa

    table = AssetCheckExecutionsTable
    newest = sa.select(sa.func.max(table.c.id)).group_by(table.c.asset_key, table.c.check_name)
    with storage.index_connection() as connection:
        keys = connection.execute(sa.select(table.c.asset_key).distinct()).scalars().all()
        own = [
            key for key in keys if (asset := dg.AssetKey.from_db_string(key)) and scope.owns_asset(asset.path)
        ]
        old = table.delete().where(
            table.c.create_timestamp < before.replace(tzinfo=None),
            table.c.id.not_in(newest),
            table.c.asset_key.in_(own),
        )
        connection.execute(old)
