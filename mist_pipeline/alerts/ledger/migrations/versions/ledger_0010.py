"""Events that the cloud pushed, and how many of which kind came."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; nothing was pushed before."""
    op.create_table(
        "pushes",
        sa.Column("push_key", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("happened_at", _INSTANT, nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("push_key", name="pk_pushes"),
    )
    op.create_index("ix_pushes_received_at", "pushes", ["received_at"])
    op.create_index("ix_pushes_topic_happened_at", "pushes", ["topic", "happened_at"])
    op.create_table(
        "push_counts",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("last_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("topic", "outcome", name="pk_push_counts"),
    )
