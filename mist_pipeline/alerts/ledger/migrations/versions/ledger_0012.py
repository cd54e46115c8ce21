"""Several machines, of which one is active."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables; where one machine works alone, they stay empty."""
    op.create_table(
        "machines",
        sa.Column("machine", sa.Text(), primary_key=True),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("lease", sa.Text(), primary_key=True),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("valid_until", _INSTANT, nullable=False),
    )
