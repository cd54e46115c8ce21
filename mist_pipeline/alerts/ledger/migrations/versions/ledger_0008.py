"""Events of pagers that were taken, so that one that is sent again is known."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table; what was heard before is too old to be taken again."""
    op.create_table(
        "heard",
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sink", "event_id", name="pk_heard"),
    )
    op.create_index("ix_heard_heard_at", "heard", ["heard_at"])
