"""How good forecasts were, as issued: each graded once its day has come, beside the seasonal naive forecast.

Here: errors of single forecasts and the verdict ``beats_naive`` of a series. Not here: making forecasts (`forecast`)
and summing grades up over sites and weeks. A forecast is never restated: what counts is the row as it was written on
its day.

A forecast of 90 % (80 … 96 %) for a day that came to 86 %:

>>> due = date(2026, 3, 2)
>>> issued = pl.DataFrame({
...     "day": [date(2026, 3, 1)], "site_id": "a", "metric": "capacity", "horizon_days": 1, "target_day": due, "model": "constant",
...     "mean_pct": 90.0, "lower_pct": 80.0, "upper_pct": 96.0, "lower_80_pct": 85.0, "upper_80_pct": 93.0,
... })
>>> came = pl.DataFrame({"day": [due], "site_id": "a", "metric": "capacity", "score_pct": 86.0, "state": "ok"})
>>> grade(issued, came, due).select("error_pct", "is_inside_80", "winkler_95").row(0)
(-4.0, True, 16.0)
"""

from datetime import date, timedelta

import polars as pl

WINDOW_DAYS = 28
"""Forecasts that fell due within this many days decide ``beats_naive``."""

NAIVE_WEEKS = 4
"""How far back the seasonal naive forecast looks for a reading of the same weekday."""

GRADES_SCHEMA = {
    "day": pl.Date,
    "site_id": pl.String,
    "metric": pl.String,
    "horizon_days": pl.Int64,
    "target_day": pl.Date,
    "model": pl.String,
    "actual_pct": pl.Float64,
    "error_pct": pl.Float64,
    "abs_error_pct": pl.Float64,
    "naive_pct": pl.Float64,
    "naive_abs_error_pct": pl.Float64,
    "weekday_pct": pl.Float64,
    "weekday_abs_error_pct": pl.Float64,
    "is_inside_80": pl.Boolean,
    "is_inside_95": pl.Boolean,
    "width_80_pct": pl.Float64,
    "width_95_pct": pl.Float64,
    "winkler_80": pl.Float64,
    "winkler_95": pl.Float64,
}
"""Columns of graded forecasts: ``day`` is when it was issued, error = actual − forecast in points."""


def grade(issued: pl.DataFrame, sle_daily: pl.DataFrame, day: date) -> pl.DataFrame:
    """Compare forecasts with what came, for those that were due by ``day`` and whose day has a score.

    The seasonal naive forecast is the newest score of the target's weekday known when the forecast was issued, at most
    four weeks before it; null where there is none. The forecast of the weekday is the mean of those of the last four weeks
    that are there. The Winkler score of a 95 % interval is its width plus 2/0.05 times the distance by which the actual
    lies outside, that of an 80 % interval its width plus 2/0.2 times that distance (Winkler, *JASA* 67, 1972).

    Args:
        issued: ``analysis.forecasts``, rows without a forecast are skipped.
        sle_daily: ``history.sle_daily``; rows after ``day`` are ignored.
        day: The day up to whose end grades are given.

    Returns:
        One row a graded forecast, sorted by target day, series and horizon.
    """
    scores = sle_daily.filter((pl.col("state") == "ok") & (pl.col("day") <= day)).select(
        "day", "site_id", "metric", pl.col("score_pct").alias("actual_pct")
    )
    key = ["site_id", "metric"]
    graded = issued.filter((pl.col("target_day") <= day) & pl.col("mean_pct").is_not_null()).join(
        scores, left_on=["target_day", *key], right_on=["day", *key], how="inner"
    )
    # The newest same weekday on or before the day of issue lies 7·⌈h/7⌉ days before the target.
    weeks_back = (pl.col("horizon_days") + 6) // 7
    candidates = []
    for extra in range(NAIVE_WEEKS):
        name = f"naive_{extra}"
        graded = graded.with_columns(
            (pl.col("target_day") - pl.duration(days=7 * (weeks_back + extra))).alias("naive_day")
        ).join(
            scores.rename({"actual_pct": name}),
            left_on=["naive_day", *key],
            right_on=["day", *key],
            how="left",
        )
        candidates.append(name)
    return (
        graded.with_columns(
            (pl.col("actual_pct") - pl.col("mean_pct")).alias("error_pct"),
            pl.coalesce(candidates).alias("naive_pct"),
            pl.mean_horizontal(candidates).alias("weekday_pct"),
            pl.col("actual_pct").is_between("lower_80_pct", "upper_80_pct").alias("is_inside_80"),
            pl.col("actual_pct").is_between("lower_pct", "upper_pct").alias("is_inside_95"),
            (pl.col("upper_80_pct") - pl.col("lower_80_pct")).alias("width_80_pct"),
            (pl.col("upper_pct") - pl.col("lower_pct")).alias("width_95_pct"),
            _winkler("lower_80_pct", "upper_80_pct", 0.2).alias("winkler_80"),
            _winkler("lower_pct", "upper_pct", 0.05).alias("winkler_95"),
        )
        .with_columns(
            pl.col("error_pct").abs().alias("abs_error_pct"),
            (pl.col("actual_pct") - pl.col("naive_pct")).abs().alias("naive_abs_error_pct"),
            (pl.col("actual_pct") - pl.col("weekday_pct")).abs().alias("weekday_abs_error_pct"),
        )
        .select(pl.col(c).cast(t) for c, t in GRADES_SCHEMA.items())
        .sort("target_day", *key, "horizon_days")
    )


def _winkler(lower: str, upper: str, alpha: float) -> pl.Expr:
    below = (pl.col(lower) - pl.col("actual_pct")).clip(lower_bound=0)
    above = (pl.col("actual_pct") - pl.col(upper)).clip(lower_bound=0)
    return pl.col(upper) - pl.col(lower) + 2 / alpha * (below + above)


def beats_naive(
    sle_daily: pl.DataFrame, day: date, *, models: pl.DataFrame | None, issued: pl.DataFrame | None
) -> pl.DataFrame:
    """Whether a series' forecasts were better than the seasonal naive one, by all evidence there is on ``day``.

    The absolute errors of the forecasts as issued that fell due in the last 28 days and those of the backtest of the
    newest search before ``day`` are summed, each forecast once: true where the sum is below the naive forecast's.

    Args:
        sle_daily: ``history.sle_daily``; rows after ``day`` are ignored.
        day: The day of the verdict.
        models: ``analysis.models`` or None; rows of ``day`` and later are ignored.
        issued: ``analysis.forecasts`` or None; rows of ``day`` and later are ignored.

    Returns:
        site_id, metric, beats_naive; only series about which there is evidence.
    """
    key = ["site_id", "metric"]
    parts = []
    if issued is not None:
        due = issued.filter(
            (pl.col("day") < day) & (pl.col("target_day") > day - timedelta(days=WINDOW_DAYS))
        )
        parts.append(
            grade(due, sle_daily, day)
            .filter(pl.col("naive_abs_error_pct").is_not_null())
            .group_by(key)
            .agg(
                pl.col("abs_error_pct").sum().alias("own"), pl.col("naive_abs_error_pct").sum().alias("naive")
            )
        )
    if models is not None:
        parts.append(
            models.filter((pl.col("day") < day) & (pl.col("day") >= day - timedelta(days=WINDOW_DAYS + 7)))
            .sort("day")
            .unique(key, keep="last", maintain_order=True)
            .filter(pl.col("backtest_n") > 0)
            .select(
                *key,
                (pl.col("backtest_error_pct") * pl.col("backtest_n")).alias("own"),
                (pl.col("backtest_naive_error_pct") * pl.col("backtest_n")).alias("naive"),
            )
        )
    if not parts:
        return pl.DataFrame(schema={"site_id": pl.String, "metric": pl.String, "beats_naive": pl.Boolean})
    return (
        pl.concat(parts)
        .group_by(key)
        .agg(pl.col("own").sum(), pl.col("naive").sum())
        .select(*key, (pl.col("own") < pl.col("naive")).alias("beats_naive"))
        .sort(key)
    )
