"""Days from hours: the daily history tables of service levels and classifiers.

Pure: frames in, frames out. The hours are made in ``frames``, whose docstring says how a score comes about.
"""

import polars as pl

from mist_pipeline.collect.fetch.days import HOUR
from mist_pipeline.collect.history.hourly import DetailFrames

_KEY = ["site_id", "metric"]


def sle_daily(
    hourly: pl.DataFrame,
    frames: DetailFrames,
    chosen: pl.DataFrame,
    site_hourly: pl.DataFrame,
    asked: pl.DataFrame,
) -> pl.DataFrame:
    """Exactly one row for every site, metric and day asked.

    Args:
        hourly: Hours merged from detail and organisation (``frames``), with ``is_detail``, ``covered`` and ``num_clients``.
        frames: Detail answers.
        chosen: Which of them counts when (``hourly.chosen_answers``).
        site_hourly: ``history.site_hourly`` of the days.
        asked: day, site_id, metric; one row each.
    """
    key = ["day", *_KEY]
    detail = _detail_days(hourly, frames, chosen)
    estimates = _estimated_days(hourly)
    users = frames.answers.filter(pl.col("num_days") == 1).group_by(key).agg(pl.col("total_users").max())
    peaks = site_hourly.group_by("day", "site_id").agg(pl.col("num_clients").max().alias("peak_clients"))
    has_detail = pl.col("state").is_in(["ok", "no_users"])
    has_estimate = ~has_detail.fill_null(value=False) & pl.col("state_estimated").is_in(["ok", "no_users"])
    state = (
        pl.when(has_detail)
        .then("state")
        .when(has_estimate)
        .then("state_estimated")
        .otherwise(pl.col("state").fill_null("missing"))
    )
    is_read = pl.col("state").is_in(["ok", "no_users"])
    return (
        asked.join(detail, on=key, how="left")
        .join(estimates, on=key, how="left")
        .join(users, on=key, how="left")
        .join(peaks, on=["day", "site_id"], how="left")
        .with_columns(
            score_pct=pl.when(has_estimate).then("score_estimated").otherwise("score_pct"), state=state
        )
        .with_columns(
            hours_covered=pl.when(is_read & has_estimate)
            .then("hours_estimated")
            .when(is_read)
            .then("hours_covered")
            .when(pl.col("state") == "missing")
            .then(pl.lit(0, pl.Int64)),
            num_users=pl.when(pl.col("state") == "ok").then(pl.coalesce("total_users", "peak_clients")),
        )
        .select(
            "day",
            "site_id",
            "metric",
            "score_pct",
            "num_users",
            "total_user_minutes",
            "degraded_user_minutes",
            "measured_value",
            "measured_unit",
            "hours_covered",
            "state",
        )
        .sort(key)
    )


def classifiers_daily(parts: pl.DataFrame, frames: DetailFrames) -> pl.DataFrame:
    """Sums by day; users and access points hit only where the answer was about this day alone.

    Args:
        parts: Classifier buckets of the answers that count: record, site_id, metric, classifier, day, slot, total,
            degraded.
        frames: Detail answers.
    """
    key = ["day", *_KEY, "classifier"]
    # A day has hourly buckets or wide ones; where it has both, the hourly ones count.
    is_hourly = pl.col("slot").is_not_null()
    counted = parts.filter(is_hourly | ~is_hourly.any().over("day", *_KEY))
    single = frames.answers.filter(pl.col("num_days") == 1).select("record", "day", *_KEY)
    is_asked = single.select("day", *_KEY, is_asked=True).unique()
    hit = (
        frames.impacts.join(single, on="record")
        .group_by(key)
        .agg(pl.col("num_users").max(), pl.col("num_aps").max())
    )
    return (
        counted.group_by(key)
        .agg(pl.col("degraded").sum(), pl.col("total").sum())
        .join(hit, on=key, how="left")
        .join(is_asked, on=["day", *_KEY], how="left")
        .select(
            *key,
            (100.0 * pl.col("degraded") / pl.col("total")).clip(0.0, 100.0).alias("degraded_pct"),
            pl.col("degraded").alias("degraded_user_minutes"),
            "num_users",
            "num_aps",
            impact_state=pl.when(pl.col("num_users").is_not_null())
            .then(pl.lit("known"))
            .when("is_asked")
            .then(pl.lit("not_said"))
            .otherwise(pl.lit("not_asked")),
        )
        .sort(key)
    )


def from_sums() -> list[pl.Expr]:
    """Score, user-minutes, measurement and state from summed user-minutes."""
    total, degraded = pl.col("total"), pl.col("degraded")
    return [
        pl.when(total > 0).then((100.0 * (1.0 - degraded / total)).clip(0.0, 100.0)).alias("score_pct"),
        total.alias("total_user_minutes"),
        degraded.alias("degraded_user_minutes"),
        pl.when(pl.col("weight") > 0).then(pl.col("weighted") / pl.col("weight")).alias("measured_value"),
        pl.when(total > 0)
        .then(pl.lit("ok"))
        .when(total == 0)
        .then(pl.lit("no_users"))
        .when("is_refused")
        .then(pl.lit("not_supported"))
        .otherwise(pl.lit("missing"))
        .alias("state"),
    ]


def _hours(seconds: pl.Expr) -> pl.Expr:
    """Whole hours; a reading that stands on minutes alone stands on one."""
    return pl.when(seconds > 0).then((seconds / HOUR).round().clip(1)).otherwise(0).cast(pl.Int64)


def _detail_days(hourly: pl.DataFrame, frames: DetailFrames, chosen: pl.DataFrame) -> pl.DataFrame:
    """Days from user-minutes; buckets wider than an hour stand in for days without any hourly one."""
    key = ["day", *_KEY]
    by_hour = (
        hourly.filter("is_detail")
        .group_by(key)
        .agg(
            *_sums("total_user_minutes", "degraded_user_minutes"),
            pl.col("weighted").sum(),
            pl.col("weight").sum(),
            pl.col("measured_unit").drop_nulls().first(),
            (pl.col("state") == "not_supported").all().alias("is_refused"),
            hours_covered=_hours(pl.col("covered").sum()),
        )
    )
    wide = (
        chosen.filter(pl.col("slot").is_null())
        .join(frames.buckets.filter(pl.col("slot").is_null()).drop("slot"), on=["record", "day"])
        .join(frames.answers.select("record", "day", "unit"), on=["record", "day"])
        .select(
            *key,
            "total",
            "degraded",
            "weighted",
            "weight",
            measured_unit="unit",
            is_refused=pl.lit(value=False),
            hours_covered=_hours(pl.col("covered")),
        )
    )
    known_by_hour = by_hour.filter(pl.col("total").is_not_null())
    return pl.concat(
        [
            frame.select(
                *key,
                "total",
                "degraded",
                "weighted",
                "weight",
                "measured_unit",
                "is_refused",
                "hours_covered",
            )
            for frame in (
                known_by_hour,
                wide.join(known_by_hour, on=key, how="anti"),
                by_hour.filter(pl.col("total").is_null()).join(wide, on=key, how="anti"),
            )
        ]
    ).select(*key, *from_sums(), "measured_unit", "hours_covered")


def _sums(total: str, degraded: str) -> list[pl.Expr]:
    is_known = pl.col(total).is_not_null().any()
    return [
        pl.when(is_known).then(pl.col(total).sum()).alias("total"),
        pl.when(is_known).then(pl.col(degraded).sum()).alias("degraded"),
    ]


def _estimated_days(hourly: pl.DataFrame) -> pl.DataFrame:
    """Days of which only the organisation's hourly scores are known: their mean weighted by clients."""
    is_ok = pl.col("state") == "ok"
    weight = pl.col("num_clients").fill_null(0.0)
    return (
        hourly.filter(~pl.col("is_detail"))
        .group_by("day", *_KEY)
        .agg(
            pl.when(weight.filter(is_ok).sum() > 0)
            .then((pl.col("score_pct") * weight).filter(is_ok).sum() / weight.filter(is_ok).sum())
            .otherwise(pl.col("score_pct").filter(is_ok).mean())
            .alias("score_estimated"),
            pl.when(is_ok.any())
            .then(pl.lit("ok"))
            .when((pl.col("state") == "no_users").any())
            .then(pl.lit("no_users"))
            .otherwise(pl.lit("missing"))
            .alias("state_estimated"),
            hours_estimated=pl.col("state").is_in(["ok", "no_users"]).sum().cast(pl.Int64),
        )
    )
