"""Days that must not count as normal: confirmed incidents, silences, holidays.

Here: which days an alert covers, and marking readings with the day from which they are to be left out. Not here: what the
rest looks like, and what counts as confirmed (``alerts.ledger.confirmed``).

>>> days = [date(2026, 3, 1), date(2026, 3, 2)]
>>> readings = pl.DataFrame({"day": days, "site_id": "a", "metric": "coverage"})
>>> holidays = pl.DataFrame({"day": days[1:], "site_id": "a"})
>>> mark_excluded(readings, holidays)["excluded_from"].to_list()
[None, datetime.date(1, 1, 1)]
"""

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

_ALWAYS = date(1, 1, 1)

LONGEST_DAYS = 14
"""Days of one confirmed alert that are left out: what lasts longer is a new level, which has to be learnt."""


def confirmed_days(
    alerts: pl.DataFrame, last: date, zone: ZoneInfo, families: Mapping[str, str]
) -> pl.DataFrame:
    """The days that confirmed alerts cover, with the day on which that was known: what `mark_excluded` takes.

    Args:
        alerts: site_id, family, metric ('' for the whole site), began_at, ended_at (null while it goes on), confirmed_at.
        last: Last day wanted; an alert that goes on covers all days up to it.
        zone: The organisation's, in which days begin.
        families: Metric → family: trouble of a family is in all of its metrics.

    Returns:
        day, site_id, metric (null: all of the site), recorded_day (the day of the confirmation, or the day itself where
        that came later).
    """

    def day_of(instant: str) -> pl.Expr:
        return pl.col(instant).dt.convert_time_zone(str(zone)).dt.date()

    members = pl.DataFrame(
        {"member": list(families), "family": list(families.values())},
        schema={"member": pl.String, "family": pl.String},
    )
    until = pl.min_horizontal(
        day_of("ended_at").fill_null(last),
        pl.lit(last),
        day_of("began_at") + pl.duration(days=LONGEST_DAYS - 1),
    ).cast(pl.Date)
    return (
        alerts.with_columns(first=day_of("began_at"), until=until, confirmed=day_of("confirmed_at"))
        .filter(pl.col("first") <= pl.col("until"))
        .with_columns(day=pl.date_ranges("first", "until"))
        .explode("day")
        .join(members, on="family", how="left")
        .select(
            "day",
            "site_id",
            pl.when(pl.col("metric") != "").then(pl.coalesce("member", "metric")).alias("metric"),
            pl.max_horizontal("confirmed", "day").alias("recorded_day"),
        )
    )


def mark_excluded(readings: pl.DataFrame, excluded: pl.DataFrame | None) -> pl.DataFrame:
    """Add ``excluded_from``: the first day on which it is known that a reading is to be left out, null where never.

    A confirmation counts only from the day on which it was recorded; so a baseline of day D uses a reading unless
    ``excluded_from`` ≤ D, and a backfill after the confirmation gives what the day itself gave.

    Args:
        readings: day, site_id, metric, …
        excluded: day, site_id; optionally ``metric`` (null: all metrics of the site) and ``recorded_day`` (null or
            absent: known from the start, as holidays are).

    Returns:
        The readings in their order with the column added.
    """
    if excluded is None:
        return readings.with_columns(excluded_from=pl.lit(None, pl.Date))
    rules = excluded.select(
        "day",
        "site_id",
        pl.col("metric") if "metric" in excluded.columns else pl.lit(None, pl.String).alias("metric"),
        known=(
            pl.col("recorded_day") if "recorded_day" in excluded.columns else pl.lit(None, pl.Date)
        ).fill_null(_ALWAYS),
    )
    site = (
        rules.filter(pl.col("metric").is_null()).group_by("day", "site_id").agg(_site=pl.col("known").min())
    )
    metric = (
        rules.filter(pl.col("metric").is_not_null())
        .group_by("day", "site_id", "metric")
        .agg(_metric=pl.col("known").min())
    )
    return (
        readings.join(site, on=["day", "site_id"], how="left", maintain_order="left")
        .join(metric, on=["day", "site_id", "metric"], how="left", maintain_order="left")
        .with_columns(excluded_from=pl.min_horizontal("_site", "_metric"))
        .drop("_site", "_metric")
    )
