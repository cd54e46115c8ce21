"""Tables of the ledger, for SQLite and PostgreSQL alike.

Columns, keys and indexes; the migrations make them, and a test holds the two together. Events are the truth: rows are only
ever added. ``alerts`` and ``incidents`` are the projection of the events, ``told`` is what each sink was last notified of;
all are written in the transaction that writes the events. Not here: reading and writing (`queries`, `ledger`, `outbox`),
and what analysts see of them (`export`).
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An instant in UTC: TIMESTAMPTZ in PostgreSQL, text without zone in SQLite; always with zone in Python."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database.

        Raises:
            ValueError: The instant has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the ledger stores instants with a zone, not {value}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *, null: bool = False, **more: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null, **more)


def _number(name: str, *, default: str | None = None, **more: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=default, **more)


def _instant(name: str, *, null: bool = False, **more: Any) -> sa.Column[datetime]:
    return sa.Column(name, Instant, nullable=null, **more)


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=False)


def _id(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=True)


EVALUATIONS = sa.Table(
    "evaluations",
    METADATA,
    _instant("as_of", primary_key=True),
    _text("source"),
    _number("events"),
    _text("origin", null=True),
    sa.UniqueConstraint("origin"),
)

EVENTS = sa.Table(
    "events",
    METADATA,
    _id("event_id"),
    _text("subject"),
    _text("subject_id"),
    _number("number"),
    _instant("at", index=True),
    _text("kind"),
    _json("detail"),
    sa.UniqueConstraint("subject", "subject_id", "number"),
)

ALERTS = sa.Table(
    "alerts",
    METADATA,
    _text("alert_id", primary_key=True),
    _text("incident_id", null=True, index=True),
    _text("fingerprint", index=True),
    _text("site_id", index=True),
    _text("family"),
    _text("metric"),
    _text("kind"),
    _json("kinds"),
    _text("summary"),
    _text("evidence"),
    _text("classifier"),
    _text("state", index=True),
    _text("severity"),
    _text("highest"),
    _number("version"),
    _instant("pending_since"),
    _text("condition"),
    _instant("since"),
    sa.Column("counted", sa.Float, nullable=False),
    _instant("valid_until"),
    _text("source"),
    _json("recovery_pct"),
    _instant("quiet_since", null=True),
    _instant("rising_since", null=True),
    _text("rising_to", null=True),
    _instant("easing_since", null=True),
    _text("easing_to", null=True),
    _instant("opened_at", null=True),
    _instant("acknowledged_at", null=True),
    _text("acknowledged_by", null=True),
    _instant("resolved_at", null=True, index=True),
    _text("resolution", null=True),
    _number("reopenings"),
    _instant("began_at", null=True),
    _instant("last_bad_at", null=True),
    sa.Column("series", sa.JSON, nullable=False, server_default="[]"),
    _instant("began_before", null=True),
    _instant("ended_before", null=True),
    sa.Column("series_before", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("is_past", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("problem", server_default=""),
    sa.Column("levels", sa.JSON, nullable=False, server_default="{}"),
    _instant("worse_at", null=True),
    _text("worse_metric", null=True),
    sa.Column("worse_from_pct", sa.Float, nullable=True),
    sa.Column("worse_to_pct", sa.Float, nullable=True),
)

INCIDENTS = sa.Table(
    "incidents",
    METADATA,
    _text("incident_id", primary_key=True),
    _text("fingerprint", index=True),
    _text("scope"),
    _text("family"),
    _text("cause"),
    _text("attribute"),
    _text("value"),
    _text("state", index=True),
    _json("alert_ids"),
    _instant("opened_at"),
    _instant("last_joined_at"),
    _instant("asks_since"),
    _number("version"),
    _text("merged_into", null=True),
    _instant("acknowledged_at", null=True),
    _text("acknowledged_by", null=True),
    _text("acknowledged_severity", null=True),
    _instant("resolved_at", null=True),
    _instant("began_at", null=True),
    _instant("last_bad_at", null=True),
    _text("withheld_reason", null=True),
    _text("withheld_detail", null=True),
    _instant("withheld_until", null=True),
)

IMPACTS = sa.Table(
    "impacts",
    METADATA,
    _text("incident_id", primary_key=True),
    _instant("as_of", primary_key=True),
    _text("site_id", primary_key=True),
    _text("metric", primary_key=True),
    _text("occasion"),
    _text("severity"),
    _number("num_sites"),
    _number("num_sites_asked"),
    _instant("window_start"),
    _instant("window_end"),
    sa.Column("num_users", sa.Integer, nullable=True),
    sa.Column("total_users", sa.Integer, nullable=True),
    sa.Column("num_aps", sa.Integer, nullable=True),
    sa.Column("total_aps", sa.Integer, nullable=True),
    sa.Column("num_switches", sa.Integer, nullable=True),
    sa.Column("num_gateways", sa.Integer, nullable=True),
    sa.Column("lost_user_minutes", sa.Float, nullable=True),
    _json("devices"),
    _json("parts"),
    _json("clients"),
    _text("unknown"),
)

DELIVERIES = sa.Table(
    "deliveries",
    METADATA,
    _id("delivery_id"),
    _text("sink"),
    _text("incident_id", index=True),
    _text("reason"),
    _number("sequence"),
    _text("state"),
    _json("payload"),
    _instant("created_at"),
    _instant("due_at"),
    _number("attempts", default="0"),
    _text("last_error", server_default=""),
    _instant("sent_at", null=True),
    _text("leased_by", null=True),
    _instant("leased_until", null=True),
    _text("kind", server_default="incident"),
    _text("withdrawn_reason", null=True),
    _instant("held_until", null=True),
    sa.UniqueConstraint("sink", "incident_id", "reason", "sequence"),
    sa.Index("ix_deliveries_state_due_at", "state", "due_at"),
)

LAST_NOTIFICATIONS = sa.Table(
    "told",
    METADATA,
    _text("sink", primary_key=True),
    _text("incident_id", primary_key=True),
    _instant("at"),
    _number("sequence"),
    _text("severity"),
    _json("site_ids"),
    sa.Column("is_over", sa.Boolean, nullable=False),
    sa.Column("is_acknowledged", sa.Boolean, nullable=False),
    _instant("worse_at", null=True),
)

THREADS = sa.Table(
    "threads",
    METADATA,
    _text("sink", primary_key=True),
    _text("incident_id", primary_key=True),
    _json("reference"),
    _instant("updated_at"),
)

HELD = sa.Table(
    "held",
    METADATA,
    _text("sink", primary_key=True),
    _text("incident_id", primary_key=True),
)

ESCALATIONS = sa.Table(
    "escalations",
    METADATA,
    _text("incident_id", primary_key=True),
    _text("policy", primary_key=True),
    _instant("begun_at", primary_key=True),
    _number("number", primary_key=True, autoincrement=False),
    _instant("due_at"),
    _instant("expires_at"),
    _text("stops_when"),
    _text("sink"),
    _text("target"),
    _text("state"),
    _text("stop_reason", null=True),
    _text("stopped_by", null=True),
    sa.Index("ix_escalations_state_due_at", "state", "due_at"),
)

TICKETS = sa.Table(
    "tickets",
    METADATA,
    _text("sink", primary_key=True),
    _text("incident_id", primary_key=True),
    _text("ticket"),
    _text("url"),
    _text("state"),
    _text("who"),
    _instant("read_at"),
    _text("resolution", server_default=""),
)

PAGES = sa.Table(
    "pages",
    METADATA,
    _text("page", primary_key=True),
    _text("incident_id", primary_key=True, index=True),
    _text("state"),
    _text("who"),
    _instant("acted_at", null=True),
    _instant("changed_at", null=True),
)

HEARD = sa.Table(
    "heard",
    METADATA,
    _text("sink", primary_key=True),
    _text("event_id", primary_key=True),
    _instant("heard_at", index=True),
)
"""Events of pagers that were taken, so that nobody can send them again; forgotten once they are too old to be taken."""

PUSHES = sa.Table(
    "pushes",
    METADATA,
    _text("push_key", primary_key=True),
    _text("topic"),
    _text("kind"),
    _text("site_id"),
    _text("device"),
    _instant("happened_at"),
    _instant("received_at", index=True),
    _json("document"),
    sa.Index("ix_pushes_topic_happened_at", "topic", "happened_at"),
)
"""Events that the cloud pushed (`pushes`)."""

PUSH_COUNTS = sa.Table(
    "push_counts",
    METADATA,
    _text("topic", primary_key=True),
    _text("outcome", primary_key=True),
    _number("number"),
    _instant("last_at"),
)
"""How many events, or messages that are none, came; what people are shown of the webhook."""

SILENCES = sa.Table(
    "silences",
    METADATA,
    _text("silence_id", primary_key=True),
    _text("matchers"),
    _instant("starts_at"),
    _instant("ends_at", null=True),
    sa.Column("window", sa.JSON(none_as_null=True), nullable=True),
    _text("created_by"),
    _text("comment"),
)

FEEDBACK = sa.Table(
    "feedback",
    METADATA,
    _id("feedback_id"),
    _text("alert_id", null=True, index=True),
    _text("incident_id", null=True, index=True),
    _text("verdict"),
    _text("by"),
    _instant("at"),
    _text("comment"),
)

MACHINES = sa.Table(
    "machines",
    METADATA,
    _text("machine", primary_key=True),
    _text("process"),
    _instant("since"),
    _instant("seen_at"),
)
"""Machines on which a daemon runs, active or ready to take over (`machines`)."""

LEASES = sa.Table(
    "leases",
    METADATA,
    _text("lease", primary_key=True),
    _number("term"),
    _text("machine"),
    _text("process"),
    _instant("since"),
    _instant("valid_until"),
)
"""Who is the active one of several machines, and until when (`machines`)."""
