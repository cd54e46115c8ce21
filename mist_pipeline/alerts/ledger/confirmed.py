"""Which alerts people have confirmed as real trouble, and when: so that their days are no part of what is usual.

Confirmed is what a person took (acknowledged) or called right, told too late or planned; the last word about an alert or its incident
counts: wrong, a duplicate or an acknowledgement taken back is none, and known trouble has become usual. Not here: what becomes of those days (``analysis.baselines.exclusions``).
"""

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mist_pipeline.alerts.ledger import tables
from mist_pipeline.alerts.ledger.database import reading
from mist_pipeline.alerts.ledger.queries import rows

SCHEMA = {
    "site_id": pl.String(),
    "family": pl.String(),
    "metric": pl.String(),
    "began_at": pl.Datetime("us", "UTC"),
    "ended_at": pl.Datetime("us", "UTC"),
    "confirmed_at": pl.Datetime("us", "UTC"),
}
_CONFIRMING = ("right", "too_late", "planned")
_TAKING = ("acknowledged", "unacknowledged")
_SAID = {"subject_id": pl.String(), "at": pl.Datetime("us", "UTC"), "is_real": pl.Boolean()}


def confirmed_alerts(engine: Engine) -> pl.DataFrame:
    """Confirmed alerts of sites.

    Returns:
        site_id, family, metric ('' for the whole site), began_at, ended_at (null while it goes on), confirmed_at: since
        when it has been confirmed without a break.
    """
    alert, event, feedback = tables.ALERTS.c, tables.EVENTS.c, tables.FEEDBACK.c
    with reading(engine) as connection:
        opened = rows(
            connection,
            sa.select(
                alert.alert_id,
                alert.incident_id,
                alert.site_id,
                alert.family,
                alert.metric,
                alert.began_at,
                alert.last_bad_at,
                alert.opened_at,
                alert.resolved_at,
            ).where(alert.opened_at.is_not(None), alert.site_id != ""),
        )
        taken = rows(
            connection, sa.select(event.subject_id, event.at, event.kind).where(event.kind.in_(_TAKING))
        )
        thought = rows(
            connection, sa.select(feedback.alert_id, feedback.incident_id, feedback.verdict, feedback.at)
        )
    said = pl.DataFrame(
        [
            *((row["subject_id"], row["at"], row["kind"] == "acknowledged") for row in taken),
            *(
                (row["alert_id"] or row["incident_id"], row["at"], row["verdict"] in _CONFIRMING)
                for row in thought
            ),
        ],
        schema=_SAID,
        orient="row",
    )
    known = pl.DataFrame(
        [
            (
                row["alert_id"],
                row["incident_id"],
                row["site_id"],
                row["family"],
                row["metric"],
                min(row["began_at"] or row["opened_at"], row["opened_at"]),
                None if row["resolved_at"] is None else row["last_bad_at"] or row["resolved_at"],
            )
            for row in opened
        ],
        schema={"alert_id": pl.String(), "incident_id": pl.String(), **dict(list(SCHEMA.items())[:-1])},
        orient="row",
    )
    heard = pl.concat(
        known.join(said, left_on=name, right_on="subject_id") for name in ("alert_id", "incident_id")
    ).sort("at")
    doubted = pl.col("at").filter(~pl.col("is_real")).max()
    return (
        heard.group_by("alert_id", maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in SCHEMA if name != "confirmed_at"),
            pl.col("is_real").last(),
            pl.col("at").filter((pl.col("at") > doubted).fill_null(value=True)).min().alias("confirmed_at"),
        )
        .filter("is_real")
        .select(*SCHEMA)
    )
