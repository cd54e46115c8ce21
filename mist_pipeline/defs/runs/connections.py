"""Connections to Dagster's SQLite files, which are kept: of a run for as long as it takes, of daemon and code servers for as long as they live.

Left to itself, Dagster opens an engine and a connection for every statement and closes both: each statement is compiled again, and SQLite, whose
last connection is closed, writes its log back and syncs it. A morning stores some thousand events, and fifty organisations look 360 times a
minute whether something is to be done. Where Dagster's storage is another one (PostgreSQL) nothing is changed: it has a pool.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from threading import Lock
from typing import Any

import dagster as dg
import sqlalchemy as sa

# Dagster has no public way to hand a connection to its storage.
from dagster._core.instance import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

Replacements = Mapping[str, Callable[..., Any]]
"""Name of a method of a storage → what is called instead."""


@contextmanager
def kept_connections(instance: dg.DagsterInstance) -> Iterator[None]:
    """Within the block, an instance keeps its connections to its SQLite files: of events the index, and the file of the newest run."""
    events = instance.event_log_storage
    with ExitStack() as stack:
        if isinstance(events, SqliteEventLogStorage) and "_connect" not in vars(events):
            shards = stack.enter_context(closing(_Shards(events)))
            stack.enter_context(
                _replaced(events, {"_connect": shards.connect, "has_table": shards.has_table})
            )
        for storage in (instance.run_storage, instance.schedule_storage):
            if isinstance(storage, SqliteRunStorage | SqliteScheduleStorage) and "connect" not in vars(
                storage
            ):
                file = stack.enter_context(closing(_OneFile(storage)))
                stack.enter_context(_replaced(storage, {"connect": file.connect}))
        yield


class _Kept:
    """The instance of the ticks of a code server, which would make another one for each."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ref: InstanceRef | None = None
        self._instance: dg.DagsterInstance | None = None
        self._open: list[AbstractContextManager[None]] = []

    def of(self, ref: InstanceRef) -> dg.DagsterInstance:
        """The instance that a reference leads to, with its connections."""
        with self._lock:
            if self._instance is None or self._ref != ref:
                self._instance, self._ref = dg.DagsterInstance.from_ref(ref), ref
                # Never closed: another tick may be using them.
                self._open.append(kept_connections(self._instance))
                self._open[-1].__enter__()
            return self._instance


_TICKS = _Kept()


def instance_of(context: dg.SensorEvaluationContext) -> dg.DagsterInstance:
    """The instance of a sensor's tick; in a code server the same for all ticks."""
    return context.instance if context.instance_ref is None else _TICKS.of(context.instance_ref)


@contextmanager
def _replaced(storage: object, methods: Replacements) -> Iterator[None]:
    for name, method in methods.items():
        setattr(storage, name, method)
    try:
        yield
    finally:
        for name in methods:
            delattr(storage, name)


class _Shards:
    """Events: one file an index, one file a run."""

    def __init__(self, storage: SqliteEventLogStorage) -> None:
        self._storage = storage
        self._open: Callable[[str], AbstractContextManager[sa.Connection]] = storage._connect  # noqa: SLF001
        self._has_table = storage.has_table
        self._tables: set[str] = set()
        self._lock = Lock()
        self._engines: dict[str, sa.Engine] = {}

    @contextmanager
    def connect(self, shard: str) -> Iterator[sa.Connection]:
        """A connection inside a transaction; one at a time, as in Dagster's own."""
        with self._lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> sa.Engine:
        if shard not in self._engines:
            # Dagster makes a file that is not there, and brings an old one up to date.
            with self._open(shard):
                pass
            if shard != INDEX_SHARD_NAME:
                # Whoever asks for many runs (retention) needs each once, and removes its file.
                for other in self._engines.keys() - {INDEX_SHARD_NAME}:
                    self._engines.pop(other).dispose()
            self._engines[shard] = _engine(self._storage.conn_string_for_shard(shard))
        return self._engines[shard]

    def has_table(self, name: str) -> bool:
        """Whether the index has a table; one that is there is not asked for again."""
        if name not in self._tables and self._has_table(name):
            self._tables.add(name)
        return name in self._tables

    def close(self) -> None:
        """Close all that are kept."""
        with self._lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


class _OneFile:
    """The one file of runs, or of schedules and sensors, which several threads may use at once."""

    def __init__(self, storage: SqliteRunStorage | SqliteScheduleStorage) -> None:
        self._engine = _engine(storage._conn_string)  # noqa: SLF001

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A connection inside a transaction."""
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all that are kept."""
        self._engine.dispose()


def _engine(address: str) -> sa.Engine:
    # A connection is one thread's at a time, not one thread's for ever.
    options = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    return sa.create_engine(address, connect_args=options)
