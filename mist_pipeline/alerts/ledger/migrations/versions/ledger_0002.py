"""Evaluations remember which kept evaluation they were made of."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column and its constraint."""
    with op.batch_alter_table("evaluations") as table:
        table.add_column(sa.Column("origin", sa.Text(), nullable=True))
        table.create_unique_constraint(op.f("uq_evaluations_origin"), ["origin"])
