"""Setting back what a wrong clock wrote down: what happened is set to now, and what is planned where nothing plans so far ahead.

Order stays: events have numbers. Not here: whether a clock was wrong (`ahead`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mist_pipeline.alerts.ledger import queries, tables
from mist_pipeline.alerts.ledger.outbox import GIVEN_UP, Patience
from mist_pipeline.alerts.ledger.times.ahead import LONGEST_LEASE, OPEN, TOLERANCE

_LONGEST_PAUSE = timedelta(minutes=45)
_LONGEST_VALIDITY = timedelta(hours=48)
"""Longer than anything is put off or kept valid here."""

_TICK = timedelta(milliseconds=1)

_HAPPENED: tuple[sa.Column[datetime], ...] = (
    tables.EVENTS.c.at,
    *(
        tables.ALERTS.c[name]
        for name in (
            "pending_since",
            "since",
            "quiet_since",
            "rising_since",
            "easing_since",
            "opened_at",
            "acknowledged_at",
            "resolved_at",
            "began_at",
            "last_bad_at",
            "began_before",
            "ended_before",
            "worse_at",
        )
    ),
    *(
        tables.INCIDENTS.c[name]
        for name in (
            "opened_at",
            "last_joined_at",
            "asks_since",
            "acknowledged_at",
            "resolved_at",
            "began_at",
            "last_bad_at",
        )
    ),
    tables.DELIVERIES.c.created_at,
    tables.DELIVERIES.c.sent_at,
    tables.LAST_NOTIFICATIONS.c.at,
    tables.LAST_NOTIFICATIONS.c.worse_at,
    tables.THREADS.c.updated_at,
    tables.TICKETS.c.read_at,
    tables.PAGES.c.acted_at,
    tables.PAGES.c.changed_at,
    tables.FEEDBACK.c.at,
)
"""When something happened, as was written then."""


def set_back(connection: Connection, now: datetime) -> None:
    """Set every instant that has not come yet to now, or to what it can be at most.

    Args:
        connection: In a writing transaction.
        now: The instant.
    """
    limit = now + TOLERANCE
    for column in _HAPPENED:
        _cap(connection, column, column > limit, now)
    for column, where in _planned(now):
        _cap(connection, column, where, now)
    _take_up_again(connection, now)
    _set_back_evaluations(connection, limit, now)
    _set_back_escalations(connection, limit, now)
    # What was learnt of an incident's size at such a time would keep it from being asked again.
    connection.execute(sa.delete(tables.IMPACTS).where(tables.IMPACTS.c.as_of > limit))


def _planned(now: datetime) -> Iterator[tuple[sa.Column[datetime], sa.ColumnElement[bool]]]:
    """Plans that nobody makes so far ahead."""
    mine = tables.DELIVERIES.c
    yield mine.due_at, OPEN & (mine.due_at > now + _LONGEST_PAUSE)
    yield mine.leased_until, OPEN & (mine.leased_until > now + LONGEST_LEASE)
    # A receiver that wants more time says so again.
    yield mine.held_until, mine.held_until > now + TOLERANCE
    # Decided again with the next evaluation: a silence or quiet hours that go on hold it again.
    yield tables.INCIDENTS.c.withheld_until, tables.INCIDENTS.c.withheld_until > now + TOLERANCE
    valid = tables.ALERTS.c.valid_until
    # What a poll finds is valid at its instant only.
    yield valid, (tables.ALERTS.c.source == "live") & (valid > now + TOLERANCE)
    yield valid, valid > now + _LONGEST_VALIDITY


def _cap(
    connection: Connection, column: sa.Column[datetime], where: sa.ColumnElement[bool], now: datetime
) -> None:
    connection.execute(sa.update(column.table).where(where).values({column.name: now}))


def _take_up_again(connection: Connection, now: datetime) -> None:
    """What was given up as too old by that clock, and is not."""
    rows = tables.DELIVERIES.c
    patience = Patience()
    too_early = (
        (rows.state == "dead")
        & rows.withdrawn_reason.is_(None)
        & rows.last_error.startswith(GIVEN_UP)
        & (rows.created_at > now - patience.expires_after)
        & (rows.attempts < patience.max_attempts)
    )
    connection.execute(sa.update(tables.DELIVERIES).where(too_early).values(state="failed", due_at=now))
    steps = tables.ESCALATIONS.c
    connection.execute(
        sa.update(tables.ESCALATIONS)
        .where((steps.state == "cancelled") & (steps.stop_reason == "expired") & (steps.expires_at > now))
        .values(state="pending", stop_reason=None)
    )


def _set_back_evaluations(connection: Connection, limit: datetime, now: datetime) -> None:
    """Before now, in their order. Their names are forgotten: they would be newer than all that are to come."""
    mine = tables.EVALUATIONS
    wrong = queries.rows(
        connection, sa.select(mine).where(mine.c.as_of > limit).order_by(mine.c.as_of.desc())
    )
    at = now
    for row in wrong:
        at -= _TICK
        while queries.is_evaluated(connection, at):
            at -= _TICK
        connection.execute(sa.update(mine).where(mine.c.as_of == row["as_of"]).values(as_of=at, origin=None))


def _set_back_escalations(connection: Connection, limit: datetime, now: datetime) -> None:
    """Escalations that began too late begin now, with the same times between their steps."""
    mine = tables.ESCALATIONS
    late = sa.select(mine).where(mine.c.begun_at > limit)
    begun: dict[tuple[str, str, datetime], datetime] = {}
    for row in queries.rows(connection, late.order_by(mine.c.begun_at.desc())):
        one = (row["incident_id"], row["policy"], row["begun_at"])
        # One incident may have asked twice: the later escalation stays the later one.
        others = sum(known[:2] == one[:2] for known in begun)
        at = begun.setdefault(one, now - others * _TICK)
        shift = row["begun_at"] - at
        key = sa.and_(*(column == row[column.name] for column in mine.primary_key.columns))
        connection.execute(
            sa.update(mine)
            .where(key)
            .values(begun_at=at, due_at=row["due_at"] - shift, expires_at=row["expires_at"] - shift)
        )
    # A silenced step that was put off meanwhile.
    waiting = (mine.c.state == "pending") & (mine.c.due_at > mine.c.expires_at)
    connection.execute(sa.update(mine).where(waiting & (mine.c.due_at > limit)).values(due_at=now))
