"""Sizes of incidents: who is hit, user-hours lost, and why what is not known is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table; nothing is known of the size of earlier incidents."""
    op.create_table(
        "impacts",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("as_of", _INSTANT, nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("num_sites", sa.Integer(), nullable=False),
        sa.Column("num_sites_asked", sa.Integer(), nullable=False),
        sa.Column("window_start", _INSTANT, nullable=False),
        sa.Column("window_end", _INSTANT, nullable=False),
        sa.Column("num_users", sa.Integer(), nullable=True),
        sa.Column("total_users", sa.Integer(), nullable=True),
        sa.Column("num_aps", sa.Integer(), nullable=True),
        sa.Column("total_aps", sa.Integer(), nullable=True),
        sa.Column("num_switches", sa.Integer(), nullable=True),
        sa.Column("num_gateways", sa.Integer(), nullable=True),
        sa.Column("lost_user_minutes", sa.Float(), nullable=True),
        sa.Column("devices", sa.JSON(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("clients", sa.JSON(), nullable=False),
        sa.Column("unknown", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "as_of", "site_id", "metric", name="pk_impacts"),
    )
