"""Sizes of incidents in the ledger: writing what was learnt, and the newest word on each incident.

Not here: what is learnt (``alerts.impacts``), and what analysts see of it (`export`): names of clients stay in the ledger.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mist_pipeline.alerts.impacts.model import HitClient, HitDevice, Impact
from mist_pipeline.alerts.ledger import queries
from mist_pipeline.alerts.ledger.mapping import Row
from mist_pipeline.alerts.ledger.tables import IMPACTS

_PLAIN = [item.name for item in fields(Impact) if item.name not in ("devices", "clients")]


def write(connection: Connection, impacts: Iterable[Impact]) -> None:
    """Keep sizes; one of the same incident, instant and place is replaced."""
    for impact in impacts:
        same = (column == getattr(impact, column.name) for column in IMPACTS.primary_key.columns)
        connection.execute(sa.delete(IMPACTS).where(*same))
        connection.execute(sa.insert(IMPACTS).values(_row(impact)))


def newest(connection: Connection, incident_ids: Iterable[str]) -> dict[str, list[Impact]]:
    """Incident → its newest size: the whole first, then by site and service level."""
    wanted = sorted(set(incident_ids))
    found: dict[str, list[Impact]] = {}
    for row in _newest_rows(connection, wanted):
        found.setdefault(row["incident_id"], []).append(_impact(row))
    return found


def _newest_rows(connection: Connection, incident_ids: Sequence[str]) -> list[Row]:
    own = IMPACTS.c
    rows: list[Row] = []
    for first in range(0, len(incident_ids), queries.CHUNK):
        mine = own.incident_id.in_(incident_ids[first : first + queries.CHUNK])
        last = sa.select(own.incident_id, sa.func.max(own.as_of).label("as_of")).where(mine)
        last_of_each = last.group_by(own.incident_id).subquery()
        is_last = (own.incident_id == last_of_each.c.incident_id) & (own.as_of == last_of_each.c.as_of)
        query = sa.select(IMPACTS).join(last_of_each, is_last)
        rows += queries.rows(connection, query.order_by(own.incident_id, own.site_id, own.metric))
    return rows


def _row(impact: Impact) -> dict[str, Any]:
    return {
        **{name: getattr(impact, name) for name in _PLAIN},
        "parts": {dimension: dict(shares) for dimension, shares in impact.parts.items()},
        "devices": [asdict(device) for device in impact.devices],
        "clients": [asdict(client) for client in impact.clients],
    }


def _impact(row: Row) -> Impact:
    return Impact(
        **{name: row[name] for name in _PLAIN},
        devices=tuple(HitDevice(**device) for device in row["devices"]),
        clients=tuple(HitClient(**client) for client in row["clients"]),
    )
