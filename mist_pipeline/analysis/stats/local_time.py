"""Hours since the epoch, and the local hour of the week of each site.

Here: conversions for arrays of hours and the zone of each site. Not here: days in the organisation's zone (``collect``).

Monday 00:00 UTC is the second hour of the week in Berlin's winter (sites' zones × hours):

>>> monday = hour_number(datetime(2026, 3, 2, tzinfo=UTC))
>>> local = local_time({"a": "Europe/Berlin"}, ["a", "b"], monday, hours=3)
>>> local.hour_of_week[local.zone_of]
array([[1, 2, 3],
       [0, 1, 2]])
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from mist_pipeline.analysis.stats.arrays import Ints
from mist_pipeline.domain.time_zones import zone_names

_MICROSECONDS_PER_HOUR = 3_600_000_000


def hour_number(instant: datetime) -> int:
    """Hours since the epoch of an aware instant."""
    return int(instant.astimezone(UTC).timestamp() // 3600)


def hour_numbers(column: str = "hour") -> pl.Expr:
    """Hours since the epoch of a column of instants."""
    return pl.col(column).dt.convert_time_zone("UTC").dt.epoch("us").floordiv(_MICROSECONDS_PER_HOUR)


def hour_column(numbers: Ints) -> pl.Series:
    """Hours since the epoch as the ``hour`` column of the tables."""
    return pl.Series("hour", numbers * _MICROSECONDS_PER_HOUR, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))


def site_zones(sites: pl.DataFrame, site_ids: pl.Series) -> pl.DataFrame:
    """``site_id`` and ``zone`` of every site in ``site_ids``: a known IANA name, UTC where the site's is unknown.

    Args:
        sites: ``site_id``, ``timezone``; of several days (``day``) of a site the newest counts.
        site_ids: The sites, repeated or not.
    """
    newest = sites.sort("day") if "day" in sites.columns else sites
    is_known = pl.col("timezone").is_in(_readable(newest["timezone"].drop_nulls().unique()))
    zones = newest.group_by("site_id", maintain_order=True).agg(
        zone=pl.when(is_known).then(pl.col("timezone")).last()
    )
    return (
        pl.DataFrame({"site_id": site_ids.unique()})
        .join(zones, on="site_id", how="left")
        .with_columns(pl.col("zone").fill_null("UTC"))
    )


def _readable(names: Iterable[str]) -> list[str]:
    """Those that name a zone here and to Polars, which brings its own list and reads neither ``localtime`` nor brand-new zones."""
    epoch = pl.Series([datetime(1970, 1, 1, tzinfo=UTC)])
    found = []
    for name in zone_names().intersection(names):
        try:
            epoch.dt.convert_time_zone(name)
        except pl.exceptions.ComputeError:
            continue
        found.append(name)
    return sorted(found)


@dataclass(frozen=True)
class LocalTime:
    """Hour of the local week (0 = Monday midnight) of every hour, by zone.

    Attributes:
        zone_of: For every site the position of its zone.
        hour_of_week: Zones × hours, 0 … 167.
    """

    zone_of: Ints
    hour_of_week: Ints


def local_time(zones: Mapping[str, str], site_ids: list[str], first_hour: int, hours: int) -> LocalTime:
    """Local hour of the week of each site, through both changes of daylight saving time; UTC where no zone is known.

    Raises:
        ValueError: A zone is not in the IANA database.
    """
    names = sorted({zones.get(site, "UTC") for site in site_ids} | {"UTC"})
    position = {name: i for i, name in enumerate(names)}
    span = hour_column(np.arange(first_hour, first_hour + hours, dtype=np.int64))
    table = np.empty((len(names), hours), np.int64)
    for i, name in enumerate(names):
        try:
            local = span.dt.convert_time_zone(name)
        except pl.exceptions.ComputeError as error:
            message = f"sites.timezone: {name!r} is not an IANA zone such as 'Europe/Berlin'"
            raise ValueError(message) from error
        table[i] = ((local.dt.weekday().cast(pl.Int64) - 1) * 24 + local.dt.hour().cast(pl.Int64)).to_numpy()
    zone_of = np.fromiter((position[zones.get(site, "UTC")] for site in site_ids), np.int64, len(site_ids))
    return LocalTime(zone_of=zone_of, hour_of_week=table)
