"""What the cloud pushed: kept once, counted, and forgotten after some days.

What arrives is durable before the cloud is told that it arrived, and it must not wait meanwhile. SQLite has one writer at a time, and an
evaluation of thousands of sites writes for seconds: so beside a ledger that is a file, pushes have a file of their own. In PostgreSQL their
tables are in the database of the ledger, where rows of other tables are none of their business.

Messages that arrive while one is being written share the next transaction (group commit), so that a storm costs the disk as many waits as
there are transactions and not as there are messages.

Not here: what a message is (``push.message``), and what follows from it (``workflows.pushing``).
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, make_url

from mist_pipeline.alerts.ledger.database import (
    LedgerUnavailableError,
    migrate,
    open_engine,
    reading,
    writing,
)
from mist_pipeline.alerts.ledger.tables import METADATA, PUSH_COUNTS, PUSHES
from mist_pipeline.alerts.pushed.event import PushedEvent

DEVICE_TOPICS = ("device-updowns", "device-events")
"""Both tell of lost devices; an organisation may have either."""

AUDIT_TOPIC = "audits"
"""Tells what people change."""

KEPT, REPEATED = "kept", "known already"
"""Outcomes of events; others are named by whoever counts them."""

FILE = "pushes.db"
"""Beside a ledger that is a file."""

MOST_TOGETHER = 10_000
"""Events that messages in one transaction may have together, so that none waits for long."""

_INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""Dialect → its INSERT, which can leave out or change rows that are there."""


@dataclass(frozen=True, slots=True)
class PushCount:
    """How many events of a topic had one outcome, and when the last one came."""

    topic: str
    outcome: str
    number: int
    last_at: datetime


def _unwritten() -> Exception:
    return LedgerUnavailableError("the transaction that was to keep it did not come to its end")


@dataclass(slots=True)
class _Waiting:
    """A message that waits to be written, and what became of it."""

    pushes: Sequence[PushedEvent]
    counted: Mapping[tuple[str, str], int]
    at: datetime
    new: int = 0
    error: Exception | None = field(default_factory=_unwritten)
    is_done: bool = False


def place_of(ledger: str | Path) -> str | Path:
    """Where the pushes beside a ledger are: the file beside it, or the same database.

    >>> place_of(Path("data/ledger.db")).as_posix()
    'data/pushes.db'
    >>> place_of("postgresql://mist@db/alerts")
    'postgresql://mist@db/alerts'
    """
    if isinstance(ledger, str) and "://" in ledger:
        url = make_url(ledger)
        if url.get_backend_name() != "sqlite" or not url.database:
            return ledger
        return Path(url.database).with_name(FILE)
    return Path(ledger).with_name(FILE)


class PushStore:
    """The pushes beside one ledger. Safe to use from several threads and processes; it keeps its connections.

    Args:
        ledger: Path of the ledger's SQLite file, or its database URL.

    Raises:
        LedgerUnavailableError: It cannot be opened, or is of a later version.
    """

    def __init__(self, ledger: str | Path) -> None:
        self._engine = open_engine(place_of(ledger))
        self._waiting: deque[_Waiting] = deque()
        self._writing = Lock()
        if self._engine.dialect.name == "sqlite":
            with writing(self._engine) as connection:
                METADATA.create_all(connection, tables=[PUSHES, PUSH_COUNTS])
        else:
            migrate(self._engine)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def keep(
        self, pushes: Sequence[PushedEvent], counted: Mapping[tuple[str, str], int], at: datetime
    ) -> int:
        """Keep what is not known yet, and count, in one transaction; durable when it returns.

        Args:
            pushes: Events.
            counted: Topic and outcome of what is not kept → how many.
            at: When they came.

        Returns:
            How many were new.

        Raises:
            sqlalchemy.exc.DatabaseError: They are not kept.
            LedgerUnavailableError: The same, where the database does not answer.
        """
        mine = _Waiting(pushes, counted, at)
        self._waiting.append(mine)
        with self._writing:
            # Whoever wrote before this one may have taken it along.
            while not mine.is_done:
                self._write_waiting()
        if mine.error is not None:
            raise mine.error
        return mine.new

    def _write_waiting(self) -> None:
        group = [self._waiting.popleft()]
        number = len(group[0].pushes)
        while self._waiting and number + len(self._waiting[0].pushes) <= MOST_TOGETHER:
            group.append(self._waiting.popleft())
            number += len(group[-1].pushes)
        try:
            self._try(group)
            if len(group) > 1 and group[0].error is not None:
                # What one of them is to blame for is not the others' failure.
                for one in group:
                    self._try([one])
        finally:
            for one in group:
                one.is_done = True

    def _try(self, group: Sequence[_Waiting]) -> None:
        error: Exception | None = None
        try:
            self._write(group)
        except (sa.exc.DatabaseError, LedgerUnavailableError, OSError) as failed:
            error = failed
        for one in group:
            one.error = error

    def _write(self, group: Sequence[_Waiting]) -> None:
        """Write messages in one transaction."""
        first = {push.key: (push, one) for one in reversed(group) for push in one.pushes}
        # In one order everywhere, so that two processes that are told the same do not wait for each other's rows for ever.
        rows = [_row(push, one.at) for _, (push, one) in sorted(first.items(), key=lambda item: item[0])]
        with self._engine.begin() as connection:
            new: set[str] = set()
            if rows:
                insert = _insert(connection, PUSHES).on_conflict_do_nothing().returning(PUSHES.c.push_key)
                new.update(connection.execute(insert, rows).scalars())
            numbers: Counter[tuple[str, str]] = Counter()
            for one in group:
                numbers.update(one.counted)
                numbers.update((push.topic, REPEATED) for push in one.pushes)
            for key in new:
                topic = first[key][0].topic
                numbers[topic, KEPT] += 1
                numbers[topic, REPEATED] -= 1
            _count(connection, numbers, max(one.at for one in group))
        for key in new:
            first[key][1].new += 1

    def device_events(self, since: datetime) -> list[tuple[str, str, str, datetime]]:
        """What was pushed of devices that were lost, came back or restarted from an instant on: site, device, type, when."""
        columns = (PUSHES.c.site_id, PUSHES.c.device, PUSHES.c.kind, PUSHES.c.happened_at)
        is_one = PUSHES.c.kind.like("%CONNECTED") | PUSHES.c.kind.like("%_RESTARTED")
        query = sa.select(*columns).where(
            PUSHES.c.topic.in_(DEVICE_TOPICS), PUSHES.c.happened_at >= since, PUSHES.c.device != "", is_one
        )
        with reading(self._engine) as connection:
            return [(row.site_id, row.device, row.kind, row.happened_at) for row in connection.execute(query)]

    def audit_entries(self, since: datetime) -> list[Mapping[str, Any]]:
        """Entries of the audit log that were pushed, from an instant on."""
        query = sa.select(PUSHES.c.document).where(
            PUSHES.c.topic == AUDIT_TOPIC, PUSHES.c.happened_at >= since
        )
        with reading(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def counts(self) -> list[PushCount]:
        """What came so far, by topic and outcome."""
        query = sa.select(PUSH_COUNTS).order_by(PUSH_COUNTS.c.topic, PUSH_COUNTS.c.outcome)
        with reading(self._engine) as connection:
            return [PushCount(**row) for row in connection.execute(query).mappings()]

    def forget(self, before: datetime) -> int:
        """Remove what came before an instant; how many events went."""
        with self._engine.begin() as connection:
            return connection.execute(sa.delete(PUSHES).where(PUSHES.c.received_at < before)).rowcount


def _row(push: PushedEvent, at: datetime) -> dict[str, Any]:
    return {
        "push_key": push.key,
        "topic": push.topic,
        "kind": push.kind,
        "site_id": push.site_id,
        "device": push.device,
        "happened_at": push.happened_at,
        "received_at": at,
        "document": dict(push.document),
    }


def _count(connection: Connection, numbers: Mapping[tuple[str, str], int], at: datetime) -> None:
    # In one order everywhere, as the events.
    for (topic, outcome), number in sorted(numbers.items()):
        if number:
            insert = _insert(connection, PUSH_COUNTS).values(
                topic=topic, outcome=outcome, number=number, last_at=at
            )
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["topic", "outcome"],
                    set_={"number": PUSH_COUNTS.c.number + number, "last_at": insert.excluded.last_at},
                )
            )


def _insert(connection: Connection, table: sa.Table) -> Any:
    return _INSERT[connection.dialect.name](table)
