"""What a resolved alert was about, while it is pending again."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns; an end that was forgotten is not later than the instant at which it was told."""
    with op.batch_alter_table("alerts") as table:
        table.add_column(sa.Column("began_before", _INSTANT, nullable=True))
        table.add_column(sa.Column("ended_before", _INSTANT, nullable=True))
        table.add_column(sa.Column("series_before", sa.JSON(), nullable=False, server_default="[]"))
    alerts = sa.table(
        "alerts",
        sa.column("state", sa.Text()),
        *(
            sa.column(name, _INSTANT)
            for name in ("began_at", "began_before", "ended_before", "last_bad_at", "resolved_at")
        ),
    )
    connection = op.get_bind()
    is_again = (alerts.c.state == "pending") & alerts.c.resolved_at.is_not(None)
    connection.execute(
        sa.update(alerts)
        .where(is_again)
        .values(began_before=alerts.c.began_at, ended_before=alerts.c.resolved_at)
    )
    is_forgotten = (alerts.c.state == "resolved") & alerts.c.last_bad_at.is_(None)
    connection.execute(sa.update(alerts).where(is_forgotten).values(last_bad_at=alerts.c.resolved_at))
