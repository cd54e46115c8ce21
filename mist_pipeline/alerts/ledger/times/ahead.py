"""Whether the ledger knows of times that have not come yet: a clock was ahead when they were written, or stands back now.

Not here: what is done about them (`set_back`), who refuses such an instant before it is written (``workflows.running.instants``,
``ledger.pending``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mist_pipeline.alerts.ledger import tables

TOLERANCE = timedelta(minutes=5)
"""Clocks of machines that are kept right differ by less."""

LONGEST_LEASE = timedelta(minutes=15)
"""Longer than any worker leases a message."""

OPEN = tables.DELIVERIES.c.state.in_(["pending", "sending", "failed", "partly", "unknown"])
"""Messages that may still be sent."""

_SIGNS = (
    tables.EVALUATIONS.c.as_of,
    tables.EVENTS.c.at,
    tables.DELIVERIES.c.created_at,
    tables.DELIVERIES.c.sent_at,
    tables.LAST_NOTIFICATIONS.c.at,
    tables.ESCALATIONS.c.begun_at,
)
"""What is looked at to see whether a clock was wrong."""


@dataclass(frozen=True)
class Ahead:
    """Instants in the ledger that have not come yet.

    Attributes:
        rows: How many.
        newest: The latest of them.
    """

    rows: int
    newest: datetime


def ahead(connection: Connection, now: datetime) -> Ahead | None:
    """What the ledger says of times that have not come yet; None where its times are right."""
    limit = now + TOLERANCE
    found: list[tuple[int, datetime | None]] = [
        _count(connection, column, column > limit) for column in _SIGNS
    ]
    leased = tables.DELIVERIES.c.leased_until
    found.append(_count(connection, leased, (leased > now + LONGEST_LEASE) & OPEN))
    newest = [latest for _, latest in found if latest is not None]
    return Ahead(sum(rows for rows, _ in found), max(newest)) if newest else None


def _count(
    connection: Connection, column: sa.Column[datetime], where: sa.ColumnElement[bool]
) -> tuple[int, datetime | None]:
    rows, latest = connection.execute(
        sa.select(sa.func.count(), sa.func.max(column)).where(where).select_from(column.table)
    ).one()
    return rows, latest
