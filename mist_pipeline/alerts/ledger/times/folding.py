"""Folding: of what is long over, the events of how it was watched are replaced by how many they were.

What people and analysts ask of an old incident stays: the incident, its alerts, when it opened, grew worse, came back, was acknowledged and
by whom, and was over, messages, tickets, feedback. Not here: after how long (``workflows.retention``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mist_pipeline.alerts.ledger.database import reading, writing
from mist_pipeline.alerts.ledger.tables import ALERTS, EVENTS, INCIDENTS
from mist_pipeline.alerts.lifecycle.model import FOLDED, WATCHED


@dataclass(frozen=True)
class Folded:
    """What was folded, or would be.

    Attributes:
        subjects: Incidents and alerts.
        events: Their events that went.
    """

    subjects: int
    events: int


def would_fold(engine: Engine, before: datetime) -> Folded:
    """What `fold` would do; changes nothing."""
    with reading(engine) as connection:
        return _counted(_going(connection, before))


def fold(engine: Engine, before: datetime, now: datetime) -> Folded:
    """Fold what was over before an instant, in one transaction. What was folded once is not folded again.

    Args:
        engine: Of the ledger.
        before: Incidents, and alerts of no incident, that were over earlier.
        now: When this is.
    """
    with writing(engine) as connection:
        going = _going(connection, before)
        if going:
            connection.execute(sa.delete(EVENTS).where(_is_going(before)))
            connection.execute(sa.insert(EVENTS), [_fold_of(row, now) for row in going])
        return _counted(going)


def _fold_of(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "subject": row["subject"],
        "subject_id": row["subject_id"],
        # That of the last one that went: numbers stay unique, and what is kept keeps its own.
        "number": row["last"],
        "at": now,
        "kind": FOLDED,
        "detail": {"events": row["events"]},
    }


def _going(connection: Connection, before: datetime) -> list[Mapping[str, Any]]:
    """Of everything with events that go: how many, and the number of the last."""
    event = EVENTS.c
    query = (
        sa.select(
            event.subject,
            event.subject_id,
            sa.func.count().label("events"),
            sa.func.max(event.number).label("last"),
        )
        .where(_is_going(before))
        .group_by(event.subject, event.subject_id)
        .order_by(event.subject, event.subject_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _is_going(before: datetime) -> sa.ColumnElement[bool]:
    """Events of watching, of what is over."""
    event, incident, alert = EVENTS.c, INCIDENTS.c, ALERTS.c
    ended = sa.select(incident.incident_id).where(incident.state == "resolved", incident.resolved_at < before)
    # One that was merged into another is over with the last of its alerts, which are the other's, and so on.
    chain = ended.cte("ended", recursive=True)
    into = sa.select(incident.incident_id).where(
        incident.state == "merged", incident.merged_into == chain.c.incident_id
    )
    over = sa.select(chain.union(into).c.incident_id)
    of_over = alert.incident_id.in_(over)
    # What was over before anybody was to be told: its last sight is its end.
    lapsed = sa.and_(alert.incident_id.is_(None), alert.state == "lapsed", alert.valid_until < before)
    alerts = sa.select(alert.alert_id).where(
        sa.or_(sa.and_(of_over, alert.state.in_(["resolved", "lapsed"])), lapsed)
    )
    return event.kind.in_(WATCHED) & sa.or_(
        sa.and_(event.subject == "incident", event.subject_id.in_(over)),
        sa.and_(event.subject == "alert", event.subject_id.in_(alerts)),
    )


def _counted(going: list[Mapping[str, Any]]) -> Folded:
    return Folded(len(going), sum(int(row["events"]) for row in going))
