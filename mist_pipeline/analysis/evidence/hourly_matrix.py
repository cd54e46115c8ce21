"""Hourly frames as dense arrays, one line per series, one column per hour.

Here: the way from ``history.*`` frames into NumPy, the order of series and hours. Not here: what is normal
(`expectation`), how surprising something is (`tails`), the loop over blocks (`model`), local time (``stats.local_time``).

One reading of one site, 09:00 on the first day of the epoch, in a matrix of series × 24 hours:

>>> hour = pl.Series("hour", [9 * 3_600_000_000]).cast(pl.Datetime("us", "UTC"))
>>> reading = {"site_id": "a", "metric": "coverage", "state": "ok", "score_pct": 90.0}
>>> minutes = {"total_user_minutes": 600.0, "degraded_user_minutes": 60.0}
>>> of_site = {"site_id": "a", "num_clients": 10, "num_aps": 4, "num_aps_connected": 4}
>>> matrix = hourly_matrix(
...     pl.DataFrame({"hour": hour, **reading, **minutes}),
...     pl.DataFrame({"hour": hour, "site_id": "a", "metric": "coverage", "classifier": "weak-signal", **minutes}),
...     pl.DataFrame({"hour": hour, **of_site}),
...     first_hour=0, end_hour=24,
...     known_series=pl.DataFrame(schema=dict.fromkeys(SERIES_KEY, pl.String)), known_sites=[],
... )
>>> matrix.observed.shape, matrix.observed[:, 9], matrix.series["classifier"].to_list()
((2, 24), array([60., 60.], dtype=float32), ['', 'weak-signal'])
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from mist_pipeline.analysis.stats.arrays import Flags, Ints, Singles
from mist_pipeline.analysis.stats.local_time import hour_numbers
from mist_pipeline.analysis.stats.sample_size import MINUTES_PER_CLIENT

SERIES_KEY = ["site_id", "metric", "classifier"]
BLOCK = 24
"""Hours of one block. Blocks are UTC days, counted from the epoch, whatever the history's first hour."""


@dataclass(frozen=True)
class HourlyMatrix:
    """All series of some sites over some hours.

    Attributes:
        series: ``site_id``, ``metric``, ``classifier``, sorted by them; row i is line i of the arrays.
        site_ids: Sorted ids of all sites, of those without any series too.
        site_of: For every series the position of its site.
        first_hour: Hours since the epoch of column 0; a multiple of 24.
        observed: Degraded user-minutes, series × hours; 0 where there is no reading.
        exposure: Total user-minutes, series × hours; 0 where there is no reading or there were no users.
        estimated: Whether the exposure was estimated from the number of clients, series × hours.
        clients: Connected clients, sites × hours; NaN where not known.
        alive: Connected share of the access points, sites × hours; NaN where not known.
        is_missing: Requested, and the cloud had nothing for any metric, sites × hours.
        is_asked: At least one metric was requested, sites × hours.
    """

    series: pl.DataFrame
    site_ids: list[str]
    site_of: Ints
    first_hour: int
    observed: Singles
    exposure: Singles
    estimated: Flags
    clients: Singles
    alive: Singles
    is_missing: Flags
    is_asked: Flags

    @property
    def hours(self) -> int:
        """How many hours the arrays cover."""
        return int(self.observed.shape[1])

    @cached_property
    def has_estimates(self) -> bool:
        """Whether any exposure was estimated at all."""
        return bool(self.estimated.any())


def hourly_matrix(
    sle_hourly: pl.DataFrame,
    classifiers_hourly: pl.DataFrame,
    site_hourly: pl.DataFrame,
    *,
    first_hour: int,
    end_hour: int,
    known_series: pl.DataFrame,
    known_sites: list[str],
) -> HourlyMatrix:
    """Dense arrays of everything between two hours.

    Where ``total_user_minutes`` is null but there is a score (the organisation endpoint gives scores only), exposure is
    60 minutes for each client of that hour and the reading counts as estimated. Readings whose state is not ``ok``
    contribute nothing: missing is never zero and never healthy.

    Args:
        sle_hourly: As ``history.sle_hourly``.
        classifiers_hourly: As ``history.classifiers_hourly``.
        site_hourly: As ``history.site_hourly``.
        first_hour: First hour since the epoch, a multiple of 24.
        end_hour: The hour after the last.
        known_series: Series (``site_id``, ``metric``, ``classifier``) that must have a line even without readings.
        known_sites: Sites that must have a line even without readings.
    """
    within = (hour_numbers() >= first_hour) & (hour_numbers() < end_hour)
    at = (hour_numbers() - first_hour).alias("at")
    clients = site_hourly.filter(within).select(
        "site_id", at, "num_clients", "num_aps", "num_aps_connected", hour="hour"
    )
    readings = sle_hourly.filter(within).select(
        "site_id",
        "metric",
        at,
        "state",
        "score_pct",
        "total_user_minutes",
        "degraded_user_minutes",
        hour="hour",
    )
    totals = _totals(readings, clients)
    parts = (
        classifiers_hourly.filter(within)
        .select("site_id", "metric", "classifier", at, "degraded_user_minutes", "total_user_minutes")
        .filter(pl.col("classifier") != "")
        .drop_nulls(["degraded_user_minutes", "total_user_minutes"])
    )
    keys = pl.concat(
        [
            known_series.select(SERIES_KEY),
            totals.select("site_id", "metric", classifier=pl.lit("")).unique(),
            parts.select(SERIES_KEY).unique(),
        ]
    )
    series = keys.unique().sort(SERIES_KEY)
    named = pl.Series(known_sites, dtype=pl.String)
    site_ids = (
        pl.concat([named, series["site_id"], clients["site_id"], readings["site_id"]])
        .unique()
        .sort()
        .to_list()
    )
    lines, hours = series.height, end_hour - first_hour
    observed = np.zeros((lines, hours), np.float32)
    exposure = np.zeros((lines, hours), np.float32)
    estimated = np.zeros((lines, hours), np.bool_)
    numbered = series.with_row_index("line")
    whole = totals.join(
        numbered.filter(pl.col("classifier") == "").select("line", "site_id", "metric"),
        on=["site_id", "metric"],
    )
    for frame in (whole, parts.join(numbered, on=SERIES_KEY)):
        line, column = frame["line"].to_numpy(), frame["at"].to_numpy()
        total = frame["total_user_minutes"].to_numpy()
        exposure[line, column] = total
        observed[line, column] = np.clip(frame["degraded_user_minutes"].to_numpy(), 0.0, total)
    estimated[whole["line"].to_numpy(), whole["at"].to_numpy()] = whole["is_estimated"].to_numpy()
    site_number = {site: i for i, site in enumerate(site_ids)}
    site_of = np.fromiter((site_number[site] for site in series["site_id"]), np.int64, lines)
    connected, alive = _devices(clients, site_ids, hours)
    is_missing, is_asked = _answers(readings, site_ids, hours)
    return HourlyMatrix(
        series=series,
        site_ids=site_ids,
        site_of=site_of,
        first_hour=first_hour,
        observed=observed,
        exposure=exposure,
        estimated=estimated,
        clients=connected,
        alive=alive,
        is_missing=is_missing,
        is_asked=is_asked,
    )


def _totals(readings: pl.DataFrame, clients: pl.DataFrame) -> pl.DataFrame:
    """Whole-metric readings with user-minutes, estimated from the clients where only a score is known."""
    estimate = MINUTES_PER_CLIENT * pl.col("num_clients")
    return (
        readings.filter(pl.col("state") == "ok")
        .join(
            clients.select("site_id", "at", "num_clients").unique(["site_id", "at"]),
            on=["site_id", "at"],
            how="left",
        )
        .with_columns(is_estimated=pl.col("total_user_minutes").is_null())
        .with_columns(total_user_minutes=pl.col("total_user_minutes").fill_null(estimate))
        .with_columns(
            degraded_user_minutes=pl.col("degraded_user_minutes").fill_null(
                pl.col("total_user_minutes") * (1.0 - pl.col("score_pct") / 100.0)
            )
        )
        .drop_nulls(["total_user_minutes", "degraded_user_minutes"])
        .filter(pl.col("total_user_minutes") > 0)
        .select("site_id", "metric", "at", "total_user_minutes", "degraded_user_minutes", "is_estimated")
    )


def _numbered(site_ids: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"site_id": site_ids}, schema={"site_id": pl.String}).with_row_index("line")


def _devices(seen: pl.DataFrame, site_ids: list[str], hours: int) -> tuple[Singles, Singles]:
    """Clients and the connected share of access points, sites × hours; NaN where not known."""
    placed = seen.join(_numbered(site_ids), on="site_id")
    share = pl.when(pl.col("num_aps") > 0).then(pl.col("num_aps_connected") / pl.col("num_aps"))
    line, column = placed["line"].to_numpy(), placed["at"].to_numpy()
    connected = np.full((len(site_ids), hours), np.nan, np.float32)
    alive = np.full((len(site_ids), hours), np.nan, np.float32)
    connected[line, column] = placed["num_clients"].cast(pl.Float32).to_numpy()
    alive[line, column] = placed.select(share.cast(pl.Float32)).to_series().to_numpy()
    return connected, alive


def _answers(readings: pl.DataFrame, site_ids: list[str], hours: int) -> tuple[Flags, Flags]:
    """Where the cloud had nothing for any metric, and where anything was requested, sites × hours."""
    answers = (
        readings.filter(pl.col("state") != "not_supported")
        .group_by("site_id", "at")
        .agg(is_missing=(pl.col("state") == "missing").all())
        .join(_numbered(site_ids), on="site_id")
    )
    is_missing, is_asked = (np.zeros((len(site_ids), hours), np.bool_) for _ in range(2))
    line, column = answers["line"].to_numpy(), answers["at"].to_numpy()
    is_asked[line, column] = True
    is_missing[line, column] = answers["is_missing"].to_numpy()
    return is_missing, is_asked
