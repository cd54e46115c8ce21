"""How good forecasts were, summed up: a row a day, metric and horizon, and one more for each model and site group.

Here: means over forecasts that fell due on a day. Not here: the grade of one forecast (``analysis.forecasts.accuracy``).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from mist_pipeline.analysis.forecasts.accuracy import NAIVE_WEEKS, grade
from mist_pipeline.scorecard.proportions import wilson
from mist_pipeline.tables.scorecard import FORECAST_ACCURACY

SCALE_DAYS = 56
"""Days before the issue over which a series' own change from week to week is averaged: the unit of MASE."""

MIN_SCALE_DIFFERENCES = 14
"""Fewer differences give no unit."""

READINGS_DAYS = SCALE_DAYS + 7 + 7 * NAIVE_WEEKS
"""Readings before a day that its grades need, for horizons up to a week."""

_SERIES = ("site_id", "metric")
_CELL = ("metric", "horizon_days")


def forecast_accuracy(
    issued: pl.DataFrame, sle_daily: pl.DataFrame, groups: pl.DataFrame, day: date
) -> pl.DataFrame:
    """``scorecard.forecast_accuracy`` of one day: of the forecasts for it, whenever they were issued.

    MASE is mean |e| ÷ mean |y(t) − y(t − 7)| over the 56 days up to the issue (Hyndman & Koehler, *IJF* 22, 2006), undefined
    for a series that does not vary. The three methods are compared on the same forecasts: those for which all have one.

    Args:
        issued: ``scorecard.issued_forecasts``; only rows for ``day`` count.
        sle_daily: ``history.sle_daily`` of `READINGS_DAYS` days before and the day itself.
        groups: site_id, site_group of that day; a site may be in several.
        day: The day that was forecast.
    """
    due = issued.filter(pl.col("target_day") == day)
    if due.is_empty():
        return FORECAST_ACCURACY.empty()
    scales = _scales(sle_daily, due["day"].unique().to_list())
    graded = grade(due, sle_daily, day).join(scales, on=["day", *_SERIES], how="left")
    if graded.is_empty():
        return FORECAST_ACCURACY.empty()
    by_group = graded.join(groups, on="site_id", how="inner")
    rows = pl.concat(
        [
            _means(graded, []).with_columns(model=pl.lit(""), site_group=pl.lit("")),
            _means(graded, ["model"]).with_columns(site_group=pl.lit("")),
            _means(by_group, ["site_group"]).with_columns(model=pl.lit("")),
        ],
        how="diagonal",
    )
    return FORECAST_ACCURACY.conform(rows.with_columns(day=pl.lit(day))).sort(*FORECAST_ACCURACY.key)


def _scales(sle_daily: pl.DataFrame, issues: Sequence[date]) -> pl.DataFrame:
    """(site_id, metric, day, scale): mean |y(t) − y(t − 7)| over the days up to each day of issue; without it where it is 0."""
    scores = sle_daily.filter(pl.col("state") == "ok").select(*_SERIES, "day", "score_pct")
    weekly = scores.join(
        scores.with_columns(pl.col("day") + timedelta(days=7)), on=[*_SERIES, "day"], suffix="_before"
    ).select(*_SERIES, "day", difference=(pl.col("score_pct") - pl.col("score_pct_before")).abs())
    parts = [
        weekly.filter(pl.col("day").is_between(one - timedelta(days=SCALE_DAYS - 1), one))
        .group_by(_SERIES)
        .agg(scale=pl.col("difference").mean(), n=pl.len())
        .with_columns(day=pl.lit(one))
        for one in issues
    ]
    return (
        pl.concat(parts)
        .filter((pl.col("n") >= MIN_SCALE_DIFFERENCES) & (pl.col("scale") > 0))
        .select(*_SERIES, "day", "scale")
    )


def _means(graded: pl.DataFrame, more: Sequence[str]) -> pl.DataFrame:
    compared = pl.col("naive_abs_error_pct").is_not_null()
    scaled = compared & pl.col("scale").is_not_null()
    actual, mean = pl.col("actual_pct"), pl.col("actual_pct") - pl.col("error_pct")
    size = actual.abs() + mean.abs()
    smape = pl.when(size > 0).then(200 * pl.col("abs_error_pct") / size).otherwise(0.0)
    low, high = wilson(pl.col("is_inside_95").sum(), pl.len())
    return (
        graded.sort("site_id")
        .group_by(*_CELL, *more)
        .agg(
            n=pl.len(),
            mean_error_pct=pl.col("error_pct").mean(),
            mean_abs_error_pct=pl.col("abs_error_pct").mean(),
            smape_pct=smape.mean(),
            coverage_80=pl.col("is_inside_80").mean(),
            coverage_95=pl.col("is_inside_95").mean(),
            coverage_95_low=low,
            coverage_95_high=high,
            width_80_pct=pl.col("width_80_pct").mean(),
            width_95_pct=pl.col("width_95_pct").mean(),
            winkler_80=pl.col("winkler_80").mean(),
            winkler_95=pl.col("winkler_95").mean(),
            n_compared=compared.sum(),
            compared_abs_error_pct=pl.col("abs_error_pct").filter(compared).mean(),
            naive_abs_error_pct=pl.col("naive_abs_error_pct").filter(compared).mean(),
            weekday_abs_error_pct=pl.col("weekday_abs_error_pct").filter(compared).mean(),
            n_scaled=scaled.sum(),
            mase=(pl.col("abs_error_pct") / pl.col("scale")).filter(scaled).mean(),
            naive_mase=(pl.col("naive_abs_error_pct") / pl.col("scale")).filter(scaled).mean(),
            weekday_mase=(pl.col("weekday_abs_error_pct") / pl.col("scale")).filter(scaled).mean(),
        )
    )
