"""Pages: what a pager calls an incident, and who has it there. Deliveries: until when a receiver wants to be left alone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table and the column; of earlier pages nothing is known."""
    op.create_table(
        "pages",
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("acted_at", _INSTANT, nullable=True),
        sa.Column("changed_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("page", "incident_id", name=op.f("pk_pages")),
    )
    op.create_index(op.f("ix_pages_incident_id"), "pages", ["incident_id"])
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("held_until", _INSTANT, nullable=True))
