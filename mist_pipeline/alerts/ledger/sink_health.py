"""Which sinks fail: those that refuse their newest message, and those whose messages wait for longer than patience lasts.

Read from the outbox alone, so that whoever asks, late or twice, gets the same answer, and it ends by itself when a sink
accepts again. Not here: what people are told about it (``workflows``), and sending (`outbox`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mist_pipeline.alerts.ledger import queries
from mist_pipeline.alerts.ledger.outbox import OPEN_STATES
from mist_pipeline.alerts.ledger.tables import DELIVERIES, EVALUATIONS


@dataclass(frozen=True, kw_only=True)
class FailingSink:
    """A sink that does not accept what it is sent.

    Attributes:
        sink: Its name.
        since: Since when the oldest message waits, or when the refused one was decided.
        error: Why, as the sink last said; '' where nothing was tried.
        waiting: Messages that are not sent yet; 0 where the newest was given up.
        accepts_others: Whether it accepted another message since.
    """

    sink: str
    since: datetime
    error: str
    waiting: int = 0
    accepts_others: bool = False


@dataclass(frozen=True, kw_only=True)
class LastResult:
    """What became of the newest message of a sink that is settled, tests included.

    Attributes:
        sink: Its name.
        is_accepted: Whether it was accepted.
        at: When it was, or when it was decided.
        error: Why it was not.
    """

    sink: str
    is_accepted: bool
    at: datetime
    error: str


def last_results(connection: Connection) -> dict[str, LastResult]:
    """Sink → its last result; nothing of a sink that was never sent anything."""
    rows = DELIVERIES.c
    is_settled = rows.state.in_(["sent", "dead"]) & rows.withdrawn_reason.is_(None)
    newest = sa.select(sa.func.max(rows.delivery_id)).where(is_settled).group_by(rows.sink)
    found = queries.rows(connection, sa.select(DELIVERIES).where(rows.delivery_id.in_(newest)))
    return {
        row["sink"]: LastResult(
            sink=row["sink"],
            is_accepted=row["state"] == "sent",
            at=row["sent_at"] or row["created_at"],
            error=row["last_error"],
        )
        for row in found
    }


def failing_sinks(
    connection: Connection, now: datetime, patience: timedelta, *, untried: bool = False
) -> list[FailingSink]:
    """Sinks that fail, by name.

    Args:
        connection: In any transaction.
        now: The instant.
        patience: A message may wait so long.
        untried: Whether messages count, too, that no run has had the time to try: those that were decided by the last
            evaluation before everything stopped, and wait for the next one.
    """
    found = {one.sink: one for one in _refusing(connection)}
    found |= {one.sink: one for one in _waiting(connection, now, patience, untried=untried)}
    return [found[name] for name in sorted(found)]


def _refusing(connection: Connection) -> list[FailingSink]:
    rows = DELIVERIES.c
    is_settled = rows.state.in_(["sent", "dead"]) & (rows.kind != "test") & rows.withdrawn_reason.is_(None)
    newest = sa.select(sa.func.max(rows.delivery_id)).where(is_settled).group_by(rows.sink)
    query = sa.select(DELIVERIES).where(rows.delivery_id.in_(newest) & (rows.state == "dead"))
    return [
        FailingSink(sink=row["sink"], since=row["created_at"], error=row["last_error"])
        for row in queries.rows(connection, query)
    ]


def _waiting(
    connection: Connection, now: datetime, patience: timedelta, *, untried: bool
) -> list[FailingSink]:
    rows = DELIVERIES.c
    is_open = rows.state.in_(OPEN_STATES) & (rows.kind != "test") & rows.withdrawn_reason.is_(None)
    is_late = is_open & (rows.created_at <= now - patience)
    if not untried:
        newest: datetime | None = connection.execute(sa.select(sa.func.max(EVALUATIONS.c.as_of))).scalar()
        was_tried = rows.attempts > 0
        is_late &= was_tried if newest is None else was_tried | (rows.created_at < newest)
    late = sa.select(rows.sink, sa.func.min(rows.created_at))
    found = []
    for sink, since in connection.execute(late.where(is_late).group_by(rows.sink)).all():
        mine = rows.sink == sink
        said = sa.select(rows.last_error).where(is_open & mine & (rows.last_error != ""))
        waiting = connection.execute(sa.select(sa.func.count()).where(is_open & mine)).scalar()
        accepted = sa.select(rows.delivery_id).where(mine & (rows.state == "sent") & (rows.sent_at > since))
        found.append(
            FailingSink(
                sink=sink,
                since=since,
                error=connection.execute(said.order_by(rows.delivery_id).limit(1)).scalar() or "",
                waiting=int(waiting or 0),
                accepts_others=connection.execute(accepted.limit(1)).first() is not None,
            )
        )
    return found
