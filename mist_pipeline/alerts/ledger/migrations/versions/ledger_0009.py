"""Feedback in the words of the scorecard, and how people closed tickets."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_RENAMED = {"useful": "right", "false_alarm": "wrong"}


def upgrade() -> None:
    """Rename verdicts; nothing is known of how earlier tickets were closed."""
    feedback = sa.table("feedback", sa.column("verdict", sa.Text()))
    for old, new in _RENAMED.items():
        op.execute(feedback.update().where(feedback.c.verdict == old).values(verdict=new))
    with op.batch_alter_table("tickets") as table:
        table.add_column(sa.Column("resolution", sa.Text(), server_default="", nullable=False))
