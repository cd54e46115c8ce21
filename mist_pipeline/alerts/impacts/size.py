"""How large an incident is: user-minutes below the service level beyond expectation, by the evidence behind its alerts.

A user-hour is lost when one user spends an hour below the service level that the site's own history does not explain. The
evidence of a series adds up observed minus expected degraded user-minutes from the first to the last bad hour of an episode.
Episodes that follow one another are added up; of those at the same time, and of two families at one site, the largest counts,
since the users are mostly the same people. Sites are added up.

>>> from datetime import UTC, datetime
>>> ten = datetime(2026, 3, 2, 10, tzinfo=UTC)
>>> row = {"site_id": "a", "family": "radio", "began_at": ten, "last_bad_at": ten}
>>> known = pl.DataFrame([{**row, "lost_user_minutes": 90.0}, {**row, "family": "connect", "lost_user_minutes": 150.0}])
>>> alerts = pl.DataFrame({"incident_id": "i", "site_id": "a", "family": ["radio", "connect"], "began_at": ten, "ended_at": ten})
>>> lost(alerts, known).row(0)
('i', 150.0, 1)
"""

from datetime import datetime

import polars as pl

_INSTANT = pl.Datetime("us", "UTC")

EPISODES: dict[str, pl.DataType | type[pl.DataType]] = {
    "site_id": pl.String,
    "family": pl.String,
    "began_at": _INSTANT,
    "last_bad_at": _INSTANT,
    "lost_user_minutes": pl.Float64,
}
_KEY = ["site_id", "family", "began_at"]


def episodes(evidence: pl.DataFrame) -> pl.DataFrame:
    """The newest word on each episode.

    Args:
        evidence: What evidence says of the episodes of its series, hour by hour (``evidence.gates.episodes``).

    Returns:
        Columns of `EPISODES`; of several series of a family that began together the one that lost most.
    """
    known = evidence.drop_nulls(["began_at", "last_bad_at", "lost_user_minutes"])
    newest = known.sort("hour", "lost_user_minutes").unique(_KEY, keep="last", maintain_order=True)
    return newest.select(pl.col(name).cast(kind) for name, kind in EPISODES.items()).sort(_KEY)


def merged(known: pl.DataFrame, fresh: pl.DataFrame, since: datetime) -> pl.DataFrame:
    """Episodes that were known and fresh ones, the fresh word where there are two; without those that ended before an instant."""
    both = pl.concat([known, fresh]).unique(_KEY, keep="last", maintain_order=True)
    return both.filter(pl.col("last_bad_at") >= since).sort(_KEY)


def lost(alerts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """User-minutes lost by incident.

    Args:
        alerts: incident_id, site_id, family, began_at, ended_at.
        known: Episodes (`EPISODES`).

    Returns:
        incident_id, lost_user_minutes, num_sites (whose loss is known); no row where no loss is known.
    """
    own = alerts.join(known, on=["site_id", "family"], suffix="_of_episode").filter(
        pl.col("began_at_of_episode") <= pl.col("ended_at"), pl.col("last_bad_at") >= pl.col("began_at")
    )
    alert = ["incident_id", "site_id", "family"]
    ended_before = pl.col("last_bad_at").cum_max().shift().over(alert)
    apart = (pl.col("began_at_of_episode") > ended_before).fill_null(value=True)
    by_episode = (
        own.sort(*alert, "began_at_of_episode", "last_bad_at")
        .with_columns(follows=apart.cum_sum().over(alert))
        .group_by(*alert, "follows")
        .agg(pl.col("lost_user_minutes").max().clip(0.0))
    )
    by_family = by_episode.group_by(alert).agg(pl.col("lost_user_minutes").sum())
    by_site = by_family.group_by("incident_id", "site_id").agg(pl.col("lost_user_minutes").max())
    return (
        by_site.group_by("incident_id")
        .agg(pl.col("lost_user_minutes").sum(), num_sites=pl.len())
        .sort("incident_id")
    )
