"""What is known of whether there was trouble, and whether alerts were right: one row a statement, with its source and weight.

Here: making rows of ``scorecard.truths`` of what people said, how tickets were closed, planned windows, scores and the cloud's own
alarms. Not here: reading those (``workflows.scorecard``), what follows for the quality of alerts (`alert_quality`).

>>> from datetime import UTC, datetime
>>> said = pl.DataFrame({
...     "feedback_id": [1], "alert_id": ["a1"], "incident_id": [None], "verdict": ["wrong"], "by": ["ada"],
...     "at": [datetime(2026, 3, 2, 9, tzinfo=UTC)], "comment": ["the building is closed"],
... }, schema_overrides={"incident_id": pl.String})
>>> from_feedback(said).select("source", "verdict", "weight", "said_by").row(0)
('feedback', 'wrong', 1.0, 'ada')
"""

from datetime import date, datetime, timedelta

import polars as pl

from mist_pipeline.tables.scorecard import TRUTHS

WEIGHTS = {
    "feedback": 1.0,
    "ticket": 0.9,
    "maintenance": 0.8,
    "sustained_critical": 0.6,
    "marvis": 0.4,
    "mist_alarm": 0.3,
}
"""How much a source counts: a person who looked at this alert most; an alarm of the cloud, which names no service level, least."""

SUSTAINED_DAYS = 2
"""Days running for which a service level is critical before that counts as trouble by itself."""


def from_feedback(feedback: pl.DataFrame) -> pl.DataFrame:
    """Truths that people told: rows of ``alerts.feedback``."""
    return _rows(
        feedback.select(
            source=pl.lit("feedback"),
            truth_id=pl.col("feedback_id").cast(pl.String),
            verdict="verdict",
            alert_id="alert_id",
            incident_id="incident_id",
            said_by="by",
            said_at="at",
            comment="comment",
        )
    )


def from_tickets(tickets: pl.DataFrame) -> pl.DataFrame:
    """Truths in how people closed tickets.

    Args:
        tickets: ``alerts.tickets`` with ``verdict``, what the configuration says of the resolution; null says nothing.
    """
    return _rows(
        tickets.filter((pl.col("state") == "closed") & pl.col("verdict").is_not_null()).select(
            source=pl.lit("ticket"),
            truth_id=pl.format("{}/{}", "sink", "incident_id"),
            verdict="verdict",
            incident_id="incident_id",
            said_by=pl.when(pl.col("who") != "").then("who").otherwise("sink"),
            said_at="read_at",
            comment=pl.format("{}: {}", "ticket", "resolution"),
        )
    )


def from_maintenance(covered: pl.DataFrame) -> pl.DataFrame:
    """Alerts that opened in a planned window.

    Args:
        covered: alert_id, site_id, family, opened_at, window (its name).
    """
    return _rows(
        covered.select(
            source=pl.lit("maintenance"),
            truth_id="alert_id",
            verdict=pl.lit("planned"),
            site_id="site_id",
            family="family",
            alert_id="alert_id",
            said_by="window",
            said_at="opened_at",
        )
    )


def from_scores(
    sle_daily: pl.DataFrame, families: pl.DataFrame, day: date, begins: datetime, ends: datetime
) -> pl.DataFrame:
    """Service levels that are critical on a day for the second day running, and were not on the day before these.

    Args:
        sle_daily: ``history.sle_daily`` of the day and the two before it.
        families: metric, family; those of one family are one trouble of the site.
        day: The day.
        begins: Begin of the day before it.
        ends: End of the day.
    """
    critical = sle_daily.filter(pl.col("severity") == "critical").join(families, on="metric")
    on = {
        back: critical.filter(pl.col("day") == day - timedelta(days=back))
        .select("site_id", "family")
        .unique()
        for back in range(SUSTAINED_DAYS + 1)
    }
    key = ["site_id", "family"]
    begun = on[0].join(on[1], on=key, how="semi").join(on[2], on=key, how="anti")
    return _rows(
        begun.select(
            source=pl.lit("sustained_critical"),
            truth_id=pl.format("{}/{}", "site_id", "family"),
            verdict=pl.lit("trouble"),
            site_id="site_id",
            family="family",
            began_at=pl.lit(begins),
            ended_at=pl.lit(ends),
            said_at=pl.lit(ends),
        )
    )


def from_alarms(alarms: pl.DataFrame) -> pl.DataFrame:
    """Critical alarms that the cloud raised, those of Marvis by themselves: rows of ``history.alarms``."""
    is_marvis = pl.col("alarm_group") == "marvis"
    return _rows(
        alarms.filter((pl.col("severity") == "critical") & pl.col("site_id").is_not_null()).select(
            source=pl.when(is_marvis).then(pl.lit("marvis")).otherwise(pl.lit("mist_alarm")),
            truth_id="alarm_id",
            verdict=pl.lit("trouble"),
            site_id="site_id",
            family=pl.lit(""),
            began_at="raised_at",
            ended_at=pl.coalesce("resolved_at", "last_seen", "raised_at"),
            said_by=pl.lit("Mist"),
            said_at="raised_at",
            comment="type",
        )
    )


def _rows(found: pl.DataFrame) -> pl.DataFrame:
    """Rows of the table but their day, with the weight of their source; what is not said is null, texts empty."""
    schema = {name: kind for name, kind in TRUTHS.polars_schema().items() if name != "day"}
    texts = ("said_by", "comment")
    return (
        found.with_columns(
            *(
                pl.lit(None, schema[name]).alias(name)
                for name in schema
                if name not in (*found.columns, "weight")
            ),
            weight=pl.col("source").replace_strict(WEIGHTS, return_dtype=pl.Float64),
        )
        .select(pl.col(name).cast(kind) for name, kind in schema.items())
        .with_columns(pl.col(*texts).fill_null(""))
    )


def dated(found: pl.DataFrame, zone: str, first: date, last: date) -> pl.DataFrame:
    """``scorecard.truths`` of some days: each on the day of the organisation on which it was known, sorted by key.

    Args:
        found: Rows of the functions above.
        zone: Name of the organisation's time zone.
        first: First day.
        last: Last day.
    """
    known = pl.col("said_at") - pl.duration(microseconds=1)
    day = pl.when(pl.col("source") == "sustained_critical").then(known).otherwise("said_at")
    rows = found.with_columns(day=day.dt.convert_time_zone(zone).dt.date())
    return TRUTHS.conform(
        rows.filter(pl.col("day").is_between(first, last)).unique(TRUTHS.key, maintain_order=True)
    ).sort(*TRUTHS.key)
