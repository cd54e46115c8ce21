"""Days that must not count as normal: confirmed incidents, silences, holidays.

Here: marking readings with the day from which they are to be left out. Not here: what the rest looks like.

>>> days = [date(2026, 3, 1), date(2026, 3, 2)]
>>> readings = pl.DataFrame({"day": days, "site_id": "a", "metric": "coverage"})
>>> holidays = pl.DataFrame({"day": days[1:], "site_id": "a"})
>>> mark_excluded(readings, holidays)["excluded_from"].to_list()
[None, datetime.date(1, 1, 1)]
"""

from datetime import date

import polars as pl

_ALWAYS = date(1, 1, 1)


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
