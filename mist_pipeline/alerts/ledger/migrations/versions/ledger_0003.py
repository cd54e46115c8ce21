"""States and reasons become columns: kinds of deliveries, withdrawals, ends of escalations, why incidents are withheld.

Version 0002 kept them in text: ``last_error`` began with ``not needed`` where a message was withdrawn, the id of a digest
with ``digest-`` and that of a test with ``test-``, ``withheld`` was ``reason: detail``, ``because`` a sentence. The rows
are converted here, once; nothing is lost, and what is exported for analysts stays as it was.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_INSTANT = sa.DateTime(timezone=True)
_NOT_NEEDED = "not needed"
_WAITS = ("not_yet", "quiet_hours")
_STOPS = {
    "": None,
    "acknowledged": "acknowledged",
    "resolved": "resolved",
    "merged": "merged",
    "expired": "expired",
    "overtaken by its repetition": "overtaken",
}


def upgrade() -> None:
    """Add the columns, fill them from the text, and drop the text that nobody needs any more."""
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("kind", sa.Text(), server_default="incident", nullable=False))
        table.add_column(sa.Column("withdrawn_reason", sa.Text(), nullable=True))
    with op.batch_alter_table("escalations") as table:
        table.add_column(sa.Column("stop_reason", sa.Text(), nullable=True))
        table.add_column(sa.Column("stopped_by", sa.Text(), nullable=True))
    with op.batch_alter_table("incidents") as table:
        table.add_column(sa.Column("withheld_reason", sa.Text(), nullable=True))
        table.add_column(sa.Column("withheld_detail", sa.Text(), nullable=True))
        table.add_column(sa.Column("withheld_until", _INSTANT, nullable=True))
    connection = op.get_bind()
    _convert_deliveries(connection)
    _convert_escalations(connection)
    _convert_incidents(connection)
    _convert_events(connection)
    with op.batch_alter_table("escalations") as table:
        table.drop_column("because")
    with op.batch_alter_table("incidents") as table:
        table.drop_column("withheld")


def _convert_deliveries(connection: sa.Connection) -> None:
    names = ("delivery_id", "reason", "kind", "state", "last_error", "withdrawn_reason")
    table = sa.table("deliveries", *map(sa.column, names))
    for kind in ("digest", "test"):
        connection.execute(sa.update(table).where(table.c.reason == kind).values(kind=kind))
    # A message that was sent all the same keeps its note, whatever that says.
    is_withdrawn = table.c.last_error.startswith(_NOT_NEEDED) & (table.c.reason == "escalation")
    is_withdrawn &= table.c.state != "sent"
    query = sa.select(table.c.delivery_id, table.c.last_error).where(is_withdrawn)
    for delivery_id, error in connection.execute(query).all():
        reason, _by = _stop(error.removeprefix(_NOT_NEEDED).removeprefix(": "))
        mine = sa.update(table).where(table.c.delivery_id == delivery_id)
        connection.execute(mine.values(withdrawn_reason=reason or "unspecified"))


def _convert_escalations(connection: sa.Connection) -> None:
    table = sa.table("escalations", *map(sa.column, ("because", "stop_reason", "stopped_by")))
    for because in connection.execute(sa.select(table.c.because).distinct()).scalars().all():
        reason, by = _stop(because)
        same = sa.update(table).where(table.c.because == because)
        connection.execute(same.values(stop_reason=reason, stopped_by=by))


def _convert_incidents(connection: sa.Connection) -> None:
    names = ("incident_id", "withheld", "withheld_reason", "withheld_detail")
    table = sa.table("incidents", *map(sa.column, names), sa.column("withheld_until", _INSTANT))
    query = sa.select(table.c.incident_id, table.c.withheld).where(table.c.withheld != "")
    for incident_id, withheld in connection.execute(query).all():
        reason, detail, until = _withheld(withheld)
        values = {
            "withheld_reason": reason,
            "withheld_detail": detail,
            "withheld_until": until if until is None else _bound(connection, until),
        }
        connection.execute(sa.update(table).where(table.c.incident_id == incident_id).values(values))


def _convert_events(connection: sa.Connection) -> None:
    names = ("event_id", "subject", "kind")
    table = sa.table("events", *map(sa.column, names), sa.column("detail", sa.JSON))
    query = sa.select(table.c.event_id, table.c.detail).where(
        (table.c.subject == "incident") & (table.c.kind == "withheld")
    )
    for event_id, old in connection.execute(query).all():
        reason, detail, until = _withheld(old["reason"])
        new: dict[str, Any] = {"reason": reason, "detail": detail, "until": until}
        connection.execute(sa.update(table).where(table.c.event_id == event_id).values(detail=new))


def _stop(because: str) -> tuple[str | None, str | None]:
    """Reason and person of ``acknowledged by ada``, ``expired``."""
    if because in _STOPS:
        return _STOPS[because], None
    for reason in ("acknowledged", "closed"):
        if because.startswith(f"{reason} by "):
            return reason, because.removeprefix(f"{reason} by ")
    return "unspecified", because


def _withheld(text: str) -> tuple[str | None, str | None, str | None]:
    """Reason, detail and instant of ``silenced_by: works``, ``not_yet: 2026-03-02T10:00:00+00:00``, ``no_route``."""
    reason, _, detail = text.partition(": ")
    if reason in _WAITS:
        return reason, None, detail
    return reason or None, detail or None, None


def _bound(connection: sa.Connection, instant: str) -> datetime:
    """An instant as the database stores it: SQLite keeps UTC without a zone."""
    utc = datetime.fromisoformat(instant).astimezone(UTC)
    return utc.replace(tzinfo=None) if connection.dialect.name == "sqlite" else utc
