"""What the cloud pushed: kept once, counted, and forgotten after some days.

A message is kept in a transaction of its own, before the cloud is told that it arrived. It waits for no evaluation in
PostgreSQL, where rows of other tables are none of its business; SQLite has one writer.

Not here: what a message is (``push.message``), and what follows from it (``workflows.pushing``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from mist_pipeline.alerts.ledger.database import migrate, open_engine, reading
from mist_pipeline.alerts.ledger.tables import PUSH_COUNTS, PUSHES
from mist_pipeline.alerts.pushed.event import PushedEvent

DEVICE_TOPICS = ("device-updowns", "device-events")
"""Both tell of lost devices; an organisation may have either."""

AUDIT_TOPIC = "audits"
"""Tells what people change."""

KEPT, REPEATED = "kept", "known already"
"""Outcomes of events; others are named by whoever counts them."""

_INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""Dialect → its INSERT, which can leave out or change rows that are there."""


@dataclass(frozen=True, slots=True)
class PushCount:
    """How many events of a topic had one outcome, and when the last one came."""

    topic: str
    outcome: str
    number: int
    last_at: datetime


class PushStore:
    """The pushes of one ledger, for a process that goes on: it keeps its connections. Safe to use from several threads.

    Args:
        url: Path of an SQLite file, or a database URL.

    Raises:
        LedgerUnavailableError: It cannot be opened, or is of a later version.
    """

    def __init__(self, url: Any) -> None:
        self._engine = open_engine(url)
        migrate(self._engine)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

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
        """
        rows = [_row(one, at) for one in {one.key: one for one in pushes}.values()]
        with self._engine.begin() as connection:
            new: Counter[str] = Counter()
            if rows:
                insert = _insert(connection, PUSHES).on_conflict_do_nothing().returning(PUSHES.c.topic)
                new.update(connection.execute(insert, rows).scalars())
            numbers = Counter(dict(counted))
            for topic, number in Counter(one.topic for one in pushes).items():
                numbers[topic, KEPT] += new[topic]
                numbers[topic, REPEATED] += number - new[topic]
            _count(connection, numbers, at)
        return new.total()


def device_events(engine: Engine, since: datetime) -> list[tuple[str, str, str, datetime]]:
    """What was pushed of devices that were lost, came back or restarted from an instant on: site, device, type, when."""
    columns = (PUSHES.c.site_id, PUSHES.c.device, PUSHES.c.kind, PUSHES.c.happened_at)
    is_one = PUSHES.c.kind.like("%CONNECTED") | PUSHES.c.kind.like("%_RESTARTED")
    query = sa.select(*columns).where(
        PUSHES.c.topic.in_(DEVICE_TOPICS), PUSHES.c.happened_at >= since, PUSHES.c.device != "", is_one
    )
    with reading(engine) as connection:
        return [(row.site_id, row.device, row.kind, row.happened_at) for row in connection.execute(query)]


def audit_entries(engine: Engine, since: datetime) -> list[Mapping[str, Any]]:
    """Entries of the audit log that were pushed, from an instant on."""
    query = sa.select(PUSHES.c.document).where(PUSHES.c.topic == AUDIT_TOPIC, PUSHES.c.happened_at >= since)
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def push_counts(engine: Engine) -> list[PushCount]:
    """What came so far, by topic and outcome."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(PUSH_COUNTS).order_by(PUSH_COUNTS.c.topic, PUSH_COUNTS.c.outcome))
        return [PushCount(**row) for row in rows.mappings()]


def forget_pushes(engine: Engine, before: datetime) -> int:
    """Remove what came before an instant; how many events went."""
    with engine.begin() as connection:
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
    # In one order everywhere, so that two messages at once do not wait for each other's rows for ever.
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
