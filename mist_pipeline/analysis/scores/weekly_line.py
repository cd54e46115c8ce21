"""The seven-day line of a metric for people: "Day 1: capacity 84 % DEGRADED … Day 4: 71 % UNHEALTHY ↑ ALERT".

Here: wording of what `bands`, `status` and `trends` found; plain text, which its renderer must escape. Not here: any
decision of its own but the alert at the line's end, which projects the velocity.

>>> values = pl.DataFrame({
...     "day": [date(2026, 3, 2)], "previous_day": [date(2026, 3, 1)], "now": [79.0], "before": [75.0], "indicator": ["↑"],
... })
>>> values.select(value_sentence("now", "before")).item()
'75 % yesterday, 79 % today, trending upward'
"""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from mist_pipeline.analysis.scores.bands import Bands, threshold
from mist_pipeline.analysis.scores.status import status_word
from mist_pipeline.analysis.scores.trends import WORSENING
from mist_pipeline.domain.metrics import CATALOGUE, in_sentence, title_of
from mist_pipeline.domain.numbers import rounded_down_column

LINE_DAYS = 7


def weekly_line(
    sle_daily: pl.DataFrame,
    trends: pl.DataFrame,
    day: date,
    *,
    bands: Bands | None = None,
    by_metric: Mapping[str, Bands] | None = None,
    forecast_days: int = 3,
) -> pl.DataFrame:
    """The last seven days of every site and metric, a row a day, with the words for it.

    A day alerts with "trending to critical" where it is worsening beyond its noise and its velocity, continued for
    ``forecast_days``, ends below the critical threshold; with "critical" where it is worsening and already there.

    Args:
        sle_daily: day, site_id, metric, score_pct, severity of the seven days up to ``day``.
        trends: `analysis.trends` of the same days.
        day: The last day of the line.
        bands: Thresholds of every metric without its own.
        by_metric: Thresholds of single metrics.
        forecast_days: How far the velocity is continued.

    Returns:
        day, site_id, metric, day_number (1 … 7; 7 is ``day``), score_pct, status (UNKNOWN without a severity),
        indicator, is_alert, text ("Day 4: capacity 71 % UNHEALTHY ↑ ALERT: trending to critical"). Seven rows for
        every site and metric with a score in the week: days without one say "no data".
    """
    first = day - timedelta(days=LINE_DAYS - 1)
    week = sle_daily.filter(pl.col("day").is_between(first, day)).select(
        "day", "site_id", "metric", "score_pct", "severity"
    )
    series = week.filter(pl.col("score_pct").is_not_null()).select("site_id", "metric").unique()
    calendar = pl.DataFrame({"day": pl.date_range(first, day, eager=True)}).with_row_index("day_number", 1)
    critical = threshold("critical", bands or Bands(), by_metric)
    ahead = pl.col("score_pct") + forecast_days * pl.col("velocity_pct_per_day")
    is_worse = pl.col("indicator") == WORSENING
    has_severity = pl.col("severity").is_not_null()
    is_there = has_severity & is_worse & (pl.col("severity") == "critical")
    is_coming = has_severity & is_worse & ~is_there & (ahead < critical)
    score = pl.format("{} %", rounded_down_column(pl.col("score_pct"), 0).cast(pl.Int64))
    return (
        series.join(calendar, how="cross")
        .join(week, on=["day", "site_id", "metric"], how="left")
        .join(
            trends.select("day", "site_id", "metric", "indicator", "velocity_pct_per_day"),
            on=["day", "site_id", "metric"],
            how="left",
        )
        .with_columns(
            day_number=pl.col("day_number").cast(pl.Int64),
            title=pl.col("metric").replace({name: in_sentence(title_of(name)) for name in CATALOGUE}),
            status=status_word(pl.col("severity")),
            alert=pl.when(is_there)
            .then(pl.lit("ALERT: critical"))
            .when(is_coming)
            .then(pl.lit("ALERT: trending to critical")),
        )
        .with_columns(is_alert=pl.col("alert").is_not_null())
        .with_columns(
            text=pl.concat_str(
                pl.format("Day {}: {}", "day_number", "title"),
                score.fill_null("no data"),
                pl.when(pl.col("score_pct").is_not_null()).then(pl.col("status")),
                "indicator",
                "alert",
                separator=" ",
                ignore_nulls=True,
            )
        )
        .select(
            "day", "site_id", "metric", "day_number", "score_pct", "status", "indicator", "is_alert", "text"
        )
        .sort("site_id", "metric", "day")
    )


def value_sentence(value: str, previous: str, unit: str = "%") -> pl.Expr:
    """What happened to a utilisation: "75 % yesterday, 79 % today, trending upward".

    For `value_trends`: the frame must have the named columns and day, previous_day and indicator. The word is about
    the number (upward, downward, steady inside the noise), not about whether that is good.

    Args:
        value: Column of today's value.
        previous: Column of the previous value.
        unit: Printed after both.

    Returns:
        A string named ``sentence``; null where there is no previous value.
    """
    days = (pl.col("day") - pl.col("previous_day")).dt.total_days()
    when = pl.when(days == 1).then(pl.lit("yesterday")).otherwise(pl.format("{} days ago", days))
    moved = pl.col("indicator") != "→"
    word = (
        pl.when(moved & (pl.col(value) > pl.col(previous)))
        .then(pl.lit("trending upward"))
        .when(moved & (pl.col(value) < pl.col(previous)))
        .then(pl.lit("trending downward"))
        .otherwise(pl.lit("steady"))
    )
    return pl.format(
        "{} {} {}, {} {} today, {}", _number(previous), pl.lit(unit), when, _number(value), pl.lit(unit), word
    ).alias("sentence")


def _number(column: str) -> pl.Expr:
    """At most one decimal, none where it is 0."""
    rounded = pl.col(column).round(1)
    return (
        pl.when(rounded == rounded.round(0))
        .then(rounded.cast(pl.Int64).cast(pl.String))
        .otherwise(rounded.cast(pl.String))
    )
