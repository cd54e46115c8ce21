"""Escalations in the ledger: due times kept over restarts, fired once, cancelled when somebody takes the incident.

Queries inside the caller's transaction. Acknowledging and firing are both writers, so one comes first: after an
acknowledgement no step fires, and what fired before it and was not sent yet is withdrawn. Not here: the rules
(``notify.escalation``), and transactions (`ledger`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mist_pipeline.alerts.ledger import queries
from mist_pipeline.alerts.ledger.mapping import Row
from mist_pipeline.alerts.ledger.tables import DELIVERIES, ESCALATIONS, LAST_NOTIFICATIONS
from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState
from mist_pipeline.alerts.lifecycle.model import IncidentState
from mist_pipeline.alerts.notify.decision import VisibleIncident
from mist_pipeline.alerts.notify.escalation import (
    Due,
    EscalationPolicy,
    StepState,
    Stop,
    calls_nobody,
    due_now,
    schedule,
)
from mist_pipeline.alerts.notify.plan import Notification, Plan

_ASK_AGAIN = timedelta(minutes=5)
"""How soon a step that is silenced is asked for again."""


def follow(
    connection: Connection,
    state: LifecycleState,
    planned: Plan,
    policies: Mapping[str, EscalationPolicy],
    now: datetime,
) -> None:
    """Begin escalations of incidents of which a sink was notified and that ask for a person; end those of incidents that are over.

    Raises:
        ValueError: A route names an escalation that does not exist.
    """
    for incident_id, names in planned.begun.items():
        incident = state.incidents[incident_id]
        for name in names:
            if name not in policies:
                raise ValueError(f"no escalation {name!r}; there are {', '.join(sorted(policies)) or 'none'}")
            if not calls_nobody(policies[name].stops_when, incident.state) and not _is_begun(
                connection, incident_id, name, incident.asks_since
            ):
                _begin(connection, incident_id, name, policies[name], now)
    waiting = sa.select(ESCALATIONS.c.incident_id).where(ESCALATIONS.c.state == "pending").distinct()
    for incident_id in connection.execute(waiting).scalars().all():
        known = state.incidents.get(incident_id)
        if known is not None and not known.is_active:
            cancel(connection, incident_id, _stop_of(known.state))


def called(connection: Connection, now: datetime) -> list[str]:
    """Incidents with a step that is due."""
    query = sa.select(ESCALATIONS.c.incident_id).where(
        (ESCALATIONS.c.state == "pending") & (ESCALATIONS.c.due_at <= now)
    )
    return list(connection.execute(query.distinct()).scalars())


def cancel(connection: Connection, incident_id: str, stop: Stop, stops_when: str | None = None) -> None:
    """Call nobody any more about an incident, by policies that stop then; what is not sent yet is withdrawn."""
    mine = (ESCALATIONS.c.incident_id == incident_id) & (ESCALATIONS.c.state != "cancelled")
    if stops_when is not None:
        mine &= ESCALATIONS.c.stops_when == stops_when
    stopped = queries.rows(connection, sa.select(ESCALATIONS).where(mine))
    if not stopped:
        return
    waiting = mine & (ESCALATIONS.c.state == "pending")
    connection.execute(sa.update(ESCALATIONS).where(waiting).values(state="cancelled", **_stop_row(stop)))
    calls = (DELIVERIES.c.incident_id == incident_id) & (DELIVERIES.c.reason == "escalation")
    calls &= DELIVERIES.c.sink.in_({row["sink"] for row in stopped})
    calls &= DELIVERIES.c.state.in_(["pending", "failed", "partly", "sending", "unknown"])
    # What may have arrived is not sent again, but what it is called there has to be found out: a page may ring.
    never_sent = DELIVERIES.c.state.in_(["pending", "failed"])
    connection.execute(
        sa.update(DELIVERIES)
        .where(calls)
        .values(
            state=sa.case(
                (never_sent, "dead"), (DELIVERIES.c.state == "partly", "sent"), else_=DELIVERIES.c.state
            ),
            withdrawn_reason=stop.reason,
            last_error=f"not needed: {stop}",
        )
    )
    _forget_uncalled(connection, incident_id, {row["sink"] for row in stopped})


def _forget_uncalled(connection: Connection, incident_id: str, sinks: set[str]) -> None:
    """A sink whose every call was withdrawn was notified of nothing, and need not be notified of the end."""
    mine = (DELIVERIES.c.incident_id == incident_id) & DELIVERIES.c.sink.in_(sinks)
    notified = sa.select(DELIVERIES.c.sink).where(mine & (DELIVERIES.c.state != "dead"))
    connection.execute(
        sa.delete(LAST_NOTIFICATIONS).where(
            (LAST_NOTIFICATIONS.c.incident_id == incident_id)
            & LAST_NOTIFICATIONS.c.sink.in_(sinks)
            & (LAST_NOTIFICATIONS.c.sequence == 0)
            & LAST_NOTIFICATIONS.c.sink.not_in(notified)
        )
    )


def fire(connection: Connection, seen: Mapping[str, VisibleIncident], now: datetime) -> list[Notification]:
    """Due steps into the outbox; those of silenced incidents wait, expired ones are cancelled.

    Args:
        connection: In a writing transaction.
        seen: What is visible of the incidents with due steps.
        now: The instant.
    """
    query = (
        sa.select(ESCALATIONS)
        .where(ESCALATIONS.c.state == "pending")
        .order_by(
            ESCALATIONS.c.incident_id, ESCALATIONS.c.policy, ESCALATIONS.c.begun_at, ESCALATIONS.c.number
        )
    )
    notifications: list[Notification] = []
    groups = groupby(
        queries.rows(connection, query), key=lambda row: (row["incident_id"], row["policy"], row["begun_at"])
    )
    for _key, members in groups:
        notifications += _fire_one(connection, list(members), seen, now)
    queries.write_deliveries(connection, notifications, now)
    queries.write_escalated(connection, notifications, now)
    return notifications


def _fire_one(
    connection: Connection, waiting: list[Row], seen: Mapping[str, VisibleIncident], now: datetime
) -> list[Notification]:
    """One escalation of one incident."""
    overdue = [row for row in waiting if row["due_at"] <= now]
    first = waiting[0]
    incident = seen.get(first["incident_id"])
    if not overdue or incident is None:
        return []
    if now > first["expires_at"]:
        _settle(connection, waiting, "cancelled", Stop("expired"))
        return []
    if calls_nobody(first["stops_when"], incident.state):
        _settle(connection, waiting, "cancelled", _stop_of(incident.state))
        return []
    if incident.silenced_by or incident.inhibited_by:
        _put_off(connection, overdue, now + _ASK_AGAIN)
        return []
    steps = {row["number"]: row for row in overdue}
    dues = due_now([_due(row) for row in overdue], now)
    fired = [steps.pop(due.number) for due in dues]
    _settle(connection, fired, "fired")
    _settle(connection, list(steps.values()), "cancelled", Stop("overtaken"))
    return [
        Notification(
            sink=due.sink,
            incident_id=incident.incident_id,
            reason="escalation",
            detail=due.target,
            sequence=_sequence(connection, due.sink, incident.incident_id) + place,
            route=first["policy"],
            severity=incident.severity,
            site_ids=tuple(sorted(incident.site_ids)),
            is_over=False,
            is_acknowledged=incident.state == "acknowledged",
            worse_at=None if incident.worse is None else incident.worse.at,
        )
        for place, due in enumerate(dues)
    ]


def _put_off(connection: Connection, steps: list[Row], until: datetime) -> None:
    """Steps of a silenced incident become due again later, so that they do not wake the sensor all the time."""
    for row in steps:
        connection.execute(sa.update(ESCALATIONS).where(_is(row)).values(due_at=until))


def _due(row: Row) -> Due:
    return Due(row["number"], row["due_at"], row["sink"], row["target"])


def _sequence(connection: Connection, sink: str, incident_id: str) -> int:
    """Number of the next escalation of an incident to a sink."""
    mine = (DELIVERIES.c.sink == sink) & (DELIVERIES.c.incident_id == incident_id)
    query = sa.select(sa.func.max(DELIVERIES.c.sequence)).where(mine & (DELIVERIES.c.reason == "escalation"))
    return int(connection.execute(query).scalar() or 0) + 1


def _is_begun(connection: Connection, incident_id: str, policy: str, since: datetime) -> bool:
    mine = (ESCALATIONS.c.incident_id == incident_id) & (ESCALATIONS.c.policy == policy)
    return queries.one(connection, ESCALATIONS, mine & (ESCALATIONS.c.begun_at >= since)) is not None


def _begin(
    connection: Connection, incident_id: str, name: str, policy: EscalationPolicy, now: datetime
) -> None:
    rows = [
        {
            "incident_id": incident_id,
            "policy": name,
            "begun_at": now,
            "number": due.number,
            "due_at": due.at,
            "expires_at": now + policy.expires_after,
            "stops_when": policy.stops_when,
            "sink": due.sink,
            "target": due.target,
            "state": "pending",
        }
        for due in schedule(policy, now)
    ]
    if rows:
        connection.execute(sa.insert(ESCALATIONS), rows)


def _settle(connection: Connection, steps: list[Row], outcome: StepState, stop: Stop | None = None) -> None:
    for row in steps:
        connection.execute(sa.update(ESCALATIONS).where(_is(row)).values(state=outcome, **_stop_row(stop)))


def _stop_row(stop: Stop | None) -> dict[str, str | None]:
    if stop is None:
        return {"stop_reason": None, "stopped_by": None}
    return {"stop_reason": stop.reason, "stopped_by": stop.by or None}


def _stop_of(state: IncidentState) -> Stop:
    """Why an incident in a state in which nobody is called any more calls nobody.

    Raises:
        ValueError: It is open.
    """
    if state == "open":
        raise ValueError("an open incident stops no escalation")
    return Stop(state)


def _is(row: Row) -> sa.ColumnElement[bool]:
    """The row of a step, by its key."""
    return sa.and_(*(column == row[column.name] for column in ESCALATIONS.primary_key.columns))
