"""Queries inside a transaction that the caller holds: state out of the database, and changed state back.

Not here: transactions (`ledger`, `reader`), escalations (`escalations`), the outbox once rows are in it (`outbox`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mist_pipeline.alerts.ledger.mapping import (
    Row,
    alert_of,
    alert_row,
    event_row,
    incident_of,
    incident_row,
    last_notification_of,
    silence_of,
)
from mist_pipeline.alerts.ledger.tables import (
    ALERTS,
    DELIVERIES,
    EVALUATIONS,
    EVENTS,
    HELD,
    INCIDENTS,
    LAST_NOTIFICATIONS,
    SILENCES,
)
from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState
from mist_pipeline.alerts.lifecycle.model import Event, Source
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.notify.decision import LastNotification
from mist_pipeline.alerts.notify.plan import Notification, NotificationKey
from mist_pipeline.alerts.notify.silences import Silence

CHUNK = 500
"""Values in one IN list."""

_TICK = timedelta(milliseconds=1)


def rows(connection: Connection, query: sa.Select[Any]) -> list[Row]:
    """All rows of a query by column name."""
    found = connection.execute(query)
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]


def one(connection: Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> Row | None:
    """The row of a key, if it is there."""
    return next(iter(rows(connection, sa.select(table).where(where))), None)


def rows_in(connection: Connection, column: sa.Column[Any], values: Iterable[str]) -> list[Row]:
    """Rows of a column's table where it has one of these values."""
    wanted = sorted(set(values))
    return [
        row
        for first in range(0, len(wanted), CHUNK)
        for row in rows(connection, sa.select(column.table).where(column.in_(wanted[first : first + CHUNK])))
    ]


def last_evaluation(
    connection: Connection, beside: Iterable[Source] = ("pipeline", "push")
) -> datetime | None:
    """Instant of the newest evaluation of all sites; those of the pipeline itself and of pushes do not count."""
    evaluated = sa.select(sa.func.max(EVALUATIONS.c.as_of)).where(EVALUATIONS.c.source.not_in(list(beside)))
    newest: datetime | None = connection.execute(evaluated).scalar()
    return newest


def is_evaluated(connection: Connection, as_of: datetime) -> bool:
    """Whether this very instant was evaluated."""
    return one(connection, EVALUATIONS, EVALUATIONS.c.as_of == as_of) is not None


def is_recorded(connection: Connection, origin: str) -> bool:
    """Whether this kept evaluation is recorded."""
    return one(connection, EVALUATIONS, EVALUATIONS.c.origin == origin) is not None


def first_free_instant(connection: Connection, as_of: datetime, source: Source) -> datetime:
    """An instant, or the first free one after the newest evaluation of any site, where that is later."""
    newest = last_evaluation(connection, beside=["pipeline"])
    at = as_of
    if source != "pipeline" and newest is not None:
        at = max(at, newest + _TICK)
    while is_evaluated(connection, at):
        at += _TICK
    return at


def lifecycle_state(
    connection: Connection, policy: Policy, now: datetime, also: Iterable[str] = ()
) -> LifecycleState:
    """What goes on, what may come back, and these incidents with all of their alerts."""
    memory = now - max(policy.max_reopen, policy.max_daily_gap)
    going = sa.select(ALERTS).where(
        ALERTS.c.state.in_(["pending", "open", "acknowledged"])
        | ((ALERTS.c.state == "resolved") & (ALERTS.c.resolved_at >= memory))
    )
    alerts = {row["alert_id"]: row for row in rows(connection, going)}
    active = sa.select(INCIDENTS).where(INCIDENTS.c.state.in_(["open", "acknowledged"]))
    found = {row["incident_id"]: row for row in rows(connection, active)}
    homes = {row["incident_id"] for row in alerts.values() if row["incident_id"]}
    more = (homes | set(also)) - found.keys()
    found |= {row["incident_id"]: row for row in rows_in(connection, INCIDENTS.c.incident_id, more)}
    children = {name for row in found.values() for name in row["alert_ids"]} - alerts.keys()
    alerts |= {row["alert_id"]: row for row in rows_in(connection, ALERTS.c.alert_id, children)}
    return LifecycleState(
        last_evaluation(connection),
        {name: alert_of(alerts[name]) for name in sorted(alerts)},
        {name: incident_of(found[name]) for name in sorted(found)},
    )


def write(connection: Connection, before: LifecycleState, events: list[Event]) -> None:
    """Events, and what alerts and incidents are after them."""
    if not events:
        return
    connection.execute(sa.insert(EVENTS), [event_row(event) for event in events])
    after = before.after(events)
    home = {name: one.incident_id for one in after.incidents.values() for name in one.alert_ids}
    incidents = {event.subject_id for event in events if event.subject == "incident"}
    alerts = {event.subject_id for event in events if event.subject == "alert"}
    alerts |= {name for key in incidents for name in after.incidents[key].alert_ids if name in after.alerts}
    _replace(
        connection,
        ALERTS.c.alert_id,
        {name: alert_row(after.alerts[name], home.get(name)) for name in alerts},
    )
    _replace(
        connection,
        INCIDENTS.c.incident_id,
        {name: incident_row(after.incidents[name]) for name in incidents},
    )


def _replace(connection: Connection, key: sa.Column[Any], new: Mapping[str, dict[str, Any]]) -> None:
    names = sorted(new)
    for first in range(0, len(names), CHUNK):
        chunk = names[first : first + CHUNK]
        connection.execute(sa.delete(key.table).where(key.in_(chunk)))
        connection.execute(sa.insert(key.table), [new[name] for name in chunk])


def silences(connection: Connection, now: datetime | None) -> list[Silence]:
    """Silences that are not over at an instant, or all, by name."""
    query = sa.select(SILENCES).order_by(SILENCES.c.silence_id)
    if now is not None:
        query = query.where(SILENCES.c.ends_at.is_(None) | (SILENCES.c.ends_at > now))
    return [silence_of(row) for row in rows(connection, query)]


def last_notifications(
    connection: Connection, incident_ids: Iterable[str]
) -> dict[NotificationKey, LastNotification]:
    """The last notification of each sink about these incidents."""
    return {
        (row["sink"], row["incident_id"]): last_notification_of(row)
        for row in rows_in(connection, LAST_NOTIFICATIONS.c.incident_id, incident_ids)
    }


def awaiting_end(connection: Connection) -> list[str]:
    """Incidents of which some sink was not notified that they are over."""
    query = (
        sa.select(LAST_NOTIFICATIONS.c.incident_id).where(LAST_NOTIFICATIONS.c.is_over.is_(False)).distinct()
    )
    return list(connection.execute(query).scalars())


def held(connection: Connection) -> list[NotificationKey]:
    """What quiet hours hold back."""
    return [(row["sink"], row["incident_id"]) for row in rows(connection, sa.select(HELD))]


def write_held(connection: Connection, now_held: Iterable[NotificationKey]) -> None:
    """What quiet hours hold back now."""
    connection.execute(sa.delete(HELD))
    kept = [{"sink": sink, "incident_id": name} for sink, name in sorted(now_held)]
    if kept:
        connection.execute(sa.insert(HELD), kept)


def write_notifications(connection: Connection, notifications: Iterable[Notification], now: datetime) -> None:
    """Rows of the outbox, and the last notification of each sink with them."""
    messages = list(notifications)
    write_deliveries(connection, messages, now)
    single = [one for message in messages for one in (*message.covers, *message.counted) or (message,)]
    for notification in single:
        mine = (LAST_NOTIFICATIONS.c.sink == notification.sink) & (
            LAST_NOTIFICATIONS.c.incident_id == notification.incident_id
        )
        connection.execute(sa.delete(LAST_NOTIFICATIONS).where(mine))
    if single:
        connection.execute(
            sa.insert(LAST_NOTIFICATIONS),
            [_last_notification_row(notification, now) for notification in single],
        )


def write_escalated(connection: Connection, notifications: Iterable[Notification], now: datetime) -> None:
    """A sink that is called counts as notified: it is notified of the acknowledgement and of the end as well.

    Its number of notifications is not that of calls, which have their own (``sequence`` of an escalation).
    """
    for notification in notifications:
        mine = (LAST_NOTIFICATIONS.c.sink == notification.sink) & (
            LAST_NOTIFICATIONS.c.incident_id == notification.incident_id
        )
        before = one(connection, LAST_NOTIFICATIONS, mine)
        connection.execute(sa.delete(LAST_NOTIFICATIONS).where(mine))
        heard = [notification.worse_at, None if before is None else before["worse_at"]]
        row = {
            **_last_notification_row(notification, now),
            "sequence": before["sequence"] if before else 0,
            "worse_at": max((at for at in heard if at is not None), default=None),
        }
        connection.execute(sa.insert(LAST_NOTIFICATIONS).values(row))


def write_deliveries(connection: Connection, notifications: Iterable[Notification], now: datetime) -> None:
    """Rows of the outbox."""
    waiting = [_delivery_row(notification, now) for notification in notifications]
    if waiting:
        connection.execute(sa.insert(DELIVERIES), waiting)


def _delivery_row(notification: Notification, now: datetime) -> dict[str, Any]:
    """A notification as a row of the outbox."""
    return {
        "sink": notification.sink,
        "incident_id": notification.incident_id,
        "kind": notification.kind,
        "reason": notification.reason,
        "sequence": notification.sequence,
        "state": "pending",
        "payload": notification.payload(),
        "created_at": now,
        "due_at": now,
    }


def _last_notification_row(notification: Notification, now: datetime) -> dict[str, Any]:
    return {
        "sink": notification.sink,
        "incident_id": notification.incident_id,
        "at": now,
        "sequence": notification.sequence,
        "severity": notification.severity,
        "site_ids": list(notification.site_ids),
        "is_over": notification.is_over,
        "is_acknowledged": notification.is_acknowledged,
        "worse_at": notification.worse_at,
    }
