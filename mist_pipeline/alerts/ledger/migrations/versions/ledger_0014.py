"""Alerts know how bad their worst two hours were, and what became much worse; sinks know of which."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the columns: of what is open, the worst two hours count from the next evaluation on."""
    op.add_column("alerts", sa.Column("levels", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("alerts", sa.Column("worse_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("alerts", sa.Column("worse_metric", sa.Text(), nullable=True))
    op.add_column("alerts", sa.Column("worse_from_pct", sa.Float(), nullable=True))
    op.add_column("alerts", sa.Column("worse_to_pct", sa.Float(), nullable=True))
    op.add_column("told", sa.Column("worse_at", sa.DateTime(timezone=True), nullable=True))
