"""The present state of every service level: the newest reading, its severity, and since when it is so.

Here: `live.status`. Not here: what the readings of the hour mean against the past (``evidence``, ``baselines.hourly``).

>>> from datetime import UTC
>>> from mist_pipeline.tables.live import STATUS
>>> hour = datetime(2026, 3, 2, 9, tzinfo=UTC)
>>> reading = {"hour": [hour], "site_id": "a"}
>>> sle = pl.DataFrame({**reading, "metric": "coverage", "score_pct": 65.0, "total_user_minutes": 900.0, "state": "ok"})
>>> seen = live_status(STATUS.empty(), sle, pl.DataFrame({**reading, "num_clients": [20]}), hour)
>>> seen.select("site_id", "severity", "num_clients").row(0)
('a', 'critical', 20)
"""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from mist_pipeline.analysis.scores.bands import Bands, UserGate, severity

KEY = ("site_id", "metric")


def live_status(
    previous: pl.DataFrame,
    sle_hourly: pl.DataFrame,
    site_hourly: pl.DataFrame,
    as_of: datetime,
    *,
    bands: Bands | None = None,
    by_metric: Mapping[str, Bands] | None = None,
    gate: UserGate | None = None,
) -> pl.DataFrame:
    """The newest reading of every site and metric.

    Args:
        previous: ``live.status`` of the last poll; empty at the first.
        sle_hourly: hour, site_id, metric, score_pct, total_user_minutes, state of today so far.
        site_hourly: hour, site_id, num_clients of the same hours.
        as_of: The instant of this poll.
        bands: Severity bands of every metric without its own.
        by_metric: Severity bands of single metrics.
        gate: Users that an hour needs to have a severity; 5 users whatever their minutes by default.

    Returns:
        site_id, metric, as_of, score_pct, num_clients, severity, state, changed_since: the instant of the first poll
        that saw this state and severity. A site and metric without any reading today keeps its row of the last poll:
        silence is no change for the better.
    """
    clients = site_hourly.select("hour", "site_id", "num_clients")
    newest = (
        sle_hourly.sort("hour")
        .group_by(KEY, maintain_order=True)
        .last()
        .join(clients, on=["hour", "site_id"], how="left")
        .with_columns(num_users=pl.col("num_clients"))
    )
    is_enough = (pl.col("state") == "ok") & (
        gate or UserGate(min_user_minutes=0, window_minutes=60)
    ).is_open()
    seen = newest.select(
        *KEY,
        pl.lit(as_of, pl.Datetime("us", "UTC")).alias("as_of"),
        "score_pct",
        "num_clients",
        pl.when(is_enough).then(severity(pl.col("score_pct"), bands or Bands(), by_metric)).alias("severity"),
        "state",
    )
    before = previous.select(*KEY, old_severity="severity", old_state="state", old_since="changed_since")
    is_same = pl.col("severity").eq_missing(pl.col("old_severity")) & pl.col("state").eq_missing(
        pl.col("old_state")
    )
    current = seen.join(before, on=KEY, how="left").select(
        *seen.columns,
        pl.when(is_same & pl.col("old_since").is_not_null())
        .then(pl.col("old_since"))
        .otherwise(pl.col("as_of"))
        .alias("changed_since"),
    )
    silent = previous.join(seen, on=KEY, how="anti").select(current.columns)
    return pl.concat([current, silent]).sort(KEY)
