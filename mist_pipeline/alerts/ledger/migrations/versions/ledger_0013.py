"""What the cloud pushed is beside a ledger that is a file, and not in it any more."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Remove events that an earlier version kept in the file: nobody reads or forgets them there; polls make them good."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for name in ("pushes", "push_counts"):
            connection.execute(sa.delete(sa.table(name)))
