"""The summary of a week as plain text, kept in the archive after the pages of its days are packed away.

Frames in, text out. Retention decides when it is written.
"""

from datetime import date

import polars as pl

from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.numbers import percent
from mist_pipeline.domain.severity import STATUSES
from mist_pipeline.domain.text import count
from mist_pipeline.report.document.formatting import signed
from mist_pipeline.report.queries.site_labels import with_labels

_MOST = 10
"""Sites and series named."""


def weekly_text(
    start: date,
    end: date,
    *,
    sites: pl.DataFrame,
    site_status: pl.DataFrame,
    sle_daily: pl.DataFrame,
    trends: pl.DataFrame,
) -> str:
    """What the week was like.

    Args:
        start: First day.
        end: Last day.
        sites: ``history.sites``; the newest row of a site names it.
        site_status: day, site_id, status of the week.
        sle_daily: ``history.sle_daily`` of the week.
        trends: ``analysis.trends`` of the week.
    """
    week = pl.col("day").is_between(start, end)
    status, readings, moves = site_status.filter(week), sle_daily.filter(week), trends.filter(week)
    title = f"Week {start} to {end}"
    lines = [title, "=" * len(title), ""]
    if status.is_empty():
        return "\n".join([*lines, "No data was collected in this week."]) + "\n"
    lines += ["day         " + "".join(f"{name:>12}" for name in STATUSES)]
    counts = status.group_by("day").agg(*((pl.col("status") == name).sum().alias(name) for name in STATUSES))
    lines += [
        f"{row['day']}  " + "".join(f"{row[name]:>12}" for name in STATUSES)
        for row in counts.sort("day").iter_rows(named=True)
    ]
    names = with_labels(sites.sort("day").unique("site_id", keep="last", maintain_order=True)).select(
        "site_id", "label"
    )
    return "\n".join([*lines, *_worst(readings, names), *_degrading(moves, names)]) + "\n"


def _worst(readings: pl.DataFrame, names: pl.DataFrame) -> list[str]:
    worst = (
        readings.filter(pl.col("severity").is_in(["critical", "major"]))
        .group_by("site_id", "metric")
        .agg(days=pl.col("day").n_unique(), lowest=pl.col("score_pct").min())
        .join(names, on="site_id", how="left")
        .sort("days", "lowest", "site_id", "metric", descending=[True, False, False, False])
    )
    if worst.is_empty():
        return ["", "No service level was critical or unhealthy."]
    lines = [
        f"  {row['label'] or row['site_id']}: {title_of(row['metric'])}, {count(row['days'], 'day')}, lowest {percent(row['lowest'])}"
        for row in worst.head(_MOST).iter_rows(named=True)
    ]
    more = [f"  and {worst.height - _MOST} more"] if worst.height > _MOST else []
    return ["", "Critical or unhealthy:", *lines, *more]


def _degrading(trends: pl.DataFrame, names: pl.DataFrame) -> list[str]:
    falling = (
        trends.filter("is_degrading")
        .group_by("site_id", "metric")
        .agg(times=pl.len(), change=pl.col("change_pct").min())
        .join(names, on="site_id", how="left")
        .sort("times", "change", "site_id", "metric", descending=[True, False, False, False])
    )
    if falling.is_empty():
        return ["", "Nothing degraded faster than the configured rate."]
    lines = [
        f"  {row['label'] or row['site_id']}: {title_of(row['metric'])}, {count(row['times'], 'time')}, "
        f"largest change {signed(row['change'])} points"
        for row in falling.head(_MOST).iter_rows(named=True)
    ]
    return ["", "Degrading:", *lines]
