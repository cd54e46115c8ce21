"""Baselines by hour of the week in each site's own time, for the live job.

Here: the weeks before an hour in, what is normal for that hour of the week out; computed for the hours that are asked,
so that a live run costs its hours and not all 168. Not here: baselines of days (`daily`), the comparison
(`deviations.hourly_deviations`).

An hour of the week is one of the wall clock at the site. Across a change of the clock 09:00 stays 09:00; the hour that
occurs twice in autumn counts twice, the one that spring leaves out is missing.

Five weeks of a site that has 90 % at all hours, and Monday 09:00 UTC, which is hour 10 of its week:

>>> from datetime import UTC, timedelta
>>> asked = datetime(2026, 3, 2, 9, tzinfo=UTC)
>>> hours = pl.datetime_range(asked - timedelta(weeks=5), asked, "1h", eager=True)
>>> sle = pl.DataFrame({"hour": hours, "site_id": "a", "metric": "coverage", "score_pct": 90.0, "state": "ok"}).with_columns(
...     day=pl.col("hour").dt.date(), total_user_minutes=600.0
... )
>>> usual = hourly_baselines(sle, pl.DataFrame({"site_id": ["a"], "timezone": ["Europe/Berlin"]}), [asked])
>>> usual.select("hour_of_week", "median_pct", "n", "is_mature").row(0)
(10, 90.0, 14, True)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from mist_pipeline.analysis.baselines.exclusions import mark_excluded
from mist_pipeline.analysis.baselines.window_statistics import low_side_std, window_statistics
from mist_pipeline.analysis.stats.local_time import site_zones
from mist_pipeline.analysis.stats.sample_size import has_score

_INSTANT = pl.Datetime("us", "UTC")

HOURLY_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "hour": _INSTANT,
    "site_id": pl.String,
    "metric": pl.String,
    "hour_of_week": pl.Int64,
    "mean_pct": pl.Float64,
    "std_pct": pl.Float64,
    "median_pct": pl.Float64,
    "mad_pct": pl.Float64,
    "n": pl.Int64,
    "is_mature": pl.Boolean,
    "low_side_std_pct": pl.Float64,
    "user_minutes": pl.Float64,
}


@dataclass(frozen=True)
class HourlyBaselineRules:
    """Window and maturity of the baseline of an hour of the week.

    Attributes:
        weeks: Weeks before the hour.
        neighbour_hours: Hours before and after it, on the wall clock, that count as well: four or five values alone
            have hardly a spread.
        min_weeks: Weeks with data from which it is mature.
    """

    weeks: int = 5
    neighbour_hours: int = 1
    min_weeks: int = 3


def hourly_baselines(
    sle_hourly: pl.DataFrame,
    sites: pl.DataFrame,
    hours: Sequence[datetime],
    *,
    rules: HourlyBaselineRules | None = None,
    excluded: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """What is normal at each hour asked, from the same hour of the week before.

    Args:
        sle_hourly: hour, site_id, metric, day, score_pct, total_user_minutes, state of the weeks before the hours.
        sites: site_id and timezone (IANA), one row a site; null, absent or unknown zones are UTC.
        hours: Starts of the hours to compute, with a time zone.
        rules: Window and maturity.
        excluded: Days to leave out, see `mark_excluded`.

    Returns:
        hour, site_id, metric, hour_of_week (0 = Monday 00:00 at the site … 167), mean_pct, std_pct, median_pct, mad_pct,
        n (hours with data), is_mature, low_side_std_pct, user_minutes (mean an hour); formulas as in `baselines`.

    Raises:
        ValueError: If an hour has no time zone.
    """
    rules = rules or HourlyBaselineRules()
    if any(hour.tzinfo is None for hour in hours):
        raise ValueError("hours of a baseline need a time zone: a naive hour is ambiguous")
    wanted = pl.DataFrame({"hour": sorted(set(hours))}, schema={"hour": _INSTANT})
    if wanted.is_empty():
        return pl.DataFrame(schema=HOURLY_SCHEMA)
    zones = site_zones(sites, sle_hourly["site_id"])
    past = reference_hours(sle_hourly, zones, wanted, rules)
    readings = (
        sle_hourly.filter(has_score() & pl.col("hour").is_in(past["hour"].unique().implode()))
        .pipe(mark_excluded, excluded)
        .join(zones, on="site_id")
        .join(past, on=["zone", "hour"])
        .filter((pl.col("excluded_from") <= pl.col("asked").dt.date()).fill_null(value=False).not_())
    )
    return _statistics(readings, rules)


def reference_hours(
    sle_hourly: pl.DataFrame, zones: pl.DataFrame, wanted: pl.DataFrame, rules: HourlyBaselineRules
) -> pl.DataFrame:
    """Which hours of the past are the reference of which asked hour, in each zone.

    Returns:
        zone, hour (of the past), asked, week (how many weeks before), hour_of_week of the asked hour.
    """
    hours = sle_hourly.select("hour").unique()
    parts = []
    for zone in zones["zone"].unique().sort():  # a few dozen zones, however many sites
        wall = pl.col("hour").dt.convert_time_zone(zone).dt.replace_time_zone(None).dt.truncate("1h")
        asked = wanted.select(asked="hour", wall=wall).with_columns(
            hour_of_week=(pl.col("wall").dt.weekday().cast(pl.Int64) - 1) * 24 + pl.col("wall").dt.hour()
        )
        offsets = pl.DataFrame({"week": range(1, rules.weeks + 1)}).join(
            pl.DataFrame({"beside": range(-rules.neighbour_hours, rules.neighbour_hours + 1)}), how="cross"
        )
        targets = asked.join(offsets, how="cross").with_columns(
            wall=pl.col("wall") - pl.duration(weeks=pl.col("week")) + pl.duration(hours=pl.col("beside"))
        )
        parts.append(
            hours.with_columns(wall=wall)
            .join(targets, on="wall")
            .select(pl.lit(zone).alias("zone"), "hour", "asked", "week", "hour_of_week")
        )
    if not parts:
        return pl.DataFrame(
            schema={
                "zone": pl.String,
                "hour": _INSTANT,
                "asked": _INSTANT,
                "week": pl.Int64,
                "hour_of_week": pl.Int64,
            }
        )
    return pl.concat(parts)


def _statistics(readings: pl.DataFrame, rules: HourlyBaselineRules) -> pl.DataFrame:
    key = ["asked", "site_id", "metric"]
    groups = (
        readings.group_by(*key, "hour_of_week")
        .agg(weeks=pl.col("week").n_unique(), n=pl.len().cast(pl.Int64))
        .sort(key)
        .with_row_index("_row")
    )
    if groups.is_empty():
        return pl.DataFrame(schema=HOURLY_SCHEMA)
    placed = (
        readings.sort("hour")
        .with_columns(_slot=pl.int_range(pl.len()).over(key))
        .join(groups.select(*key, "_row"), on=key)
    )
    shape = (groups.height, int(placed["_slot"].to_numpy().max()) + 1)
    score, minutes = np.full(shape, np.nan), np.full(shape, np.nan)
    at = (placed["_row"].to_numpy(), placed["_slot"].to_numpy())
    score[at] = placed["score_pct"].to_numpy()
    minutes[at] = placed["total_user_minutes"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    found = window_statistics(score, minutes)
    return (
        groups.with_columns(
            mean_pct=pl.Series(found.mean),
            std_pct=pl.Series(found.std),
            median_pct=pl.Series(found.median),
            mad_pct=pl.Series(found.mad),
            low_side_std_pct=pl.Series(low_side_std(score, minutes)),
            user_minutes=pl.Series(found.minutes),
            is_mature=pl.col("weeks") >= rules.min_weeks,
        )
        .with_columns(pl.col(pl.Float64).fill_nan(None))
        .rename({"asked": "hour"})
        .select(*HOURLY_SCHEMA)
        .sort("hour", "site_id", "metric")
    )
