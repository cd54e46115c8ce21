"""Alerts and incidents say when their trouble began and which hour was its last bad one.

An alert of before knew when its hold began and since when its readings were good; these are the best estimates there are.
An open alert that evidence raised is followed from now on by the excess that its finding named; without this it would have
no series to follow, and nothing that ends it.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_INSTANT = sa.DateTime(timezone=True)
_SLOW_FROM_HOURS = 48


def upgrade() -> None:
    """Add the columns and fill them from what is known."""
    with op.batch_alter_table("alerts") as table:
        table.add_column(sa.Column("began_at", _INSTANT, nullable=True))
        table.add_column(sa.Column("last_bad_at", _INSTANT, nullable=True))
        table.add_column(sa.Column("series", sa.JSON(), server_default="[]", nullable=False))
        table.add_column(sa.Column("is_past", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("problem", sa.Text(), server_default="", nullable=False))
    with op.batch_alter_table("incidents") as table:
        table.add_column(sa.Column("began_at", _INSTANT, nullable=True))
        table.add_column(sa.Column("last_bad_at", _INSTANT, nullable=True))
    connection = op.get_bind()
    instants = ("began_at", "last_bad_at", "pending_since", "quiet_since", "resolved_at", "opened_at")
    alerts = sa.table(
        "alerts",
        *map(sa.column, ("alert_id", "metric", "state", "evidence")),
        *(sa.column(name, _INSTANT) for name in instants),
        sa.column("series", sa.JSON()),
    )
    ended = sa.func.coalesce(alerts.c.quiet_since, alerts.c.resolved_at)
    connection.execute(sa.update(alerts).values(began_at=alerts.c.pending_since, last_bad_at=ended))
    incidents = sa.table("incidents", *(sa.column(name, _INSTANT) for name in instants))
    connection.execute(
        sa.update(incidents).values(began_at=incidents.c.opened_at, last_bad_at=incidents.c.resolved_at)
    )
    going = sa.select(alerts.c.alert_id, alerts.c.metric, alerts.c.evidence).where(
        alerts.c.state.in_(["open", "acknowledged"])
    )
    for alert_id, metric, evidence in connection.execute(going).all():
        if followed := _series(metric, evidence):
            mine = sa.update(alerts).where(alerts.c.alert_id == alert_id)
            connection.execute(mine.values(series=followed))


def _series(metric: str, evidence: str) -> list[dict[str, str | bool]]:
    """The series that a finding of evidence named; none of another kind."""
    try:
        known = json.loads(evidence)
    except ValueError:
        return []
    if not isinstance(known, dict) or not isinstance(known.get("window_hours"), int):
        return []
    is_slow = known["window_hours"] >= _SLOW_FROM_HOURS
    return [{"metric": metric, "classifier": str(known.get("classifier") or ""), "is_slow": is_slow}]
