"""How good forecasts were, as issued: each graded once its day has come, beside the seasonal naive forecast.

Here: errors of single forecasts, the verdict ``beats_naive`` of a series, and which series lose to the mean of their weekday.
Not here: making forecasts (`forecast`) and summing grades up over sites and weeks. A forecast is never restated: what counts is the row as it was written on
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

LOSS_DAYS = 42
"""Forecasts that fell due within this many days decide whether a series falls back to the mean of its weekday."""

WEEKDAY_MEAN = "weekday mean"
"""Name of the forecast of series whose model has been worse than this."""

MIN_LOSS_DAYS = 14
"""Graded days without which a series keeps its model."""

NAIVE_WEEKS = 4
"""How far back the seasonal naive forecast looks for a reading of the same weekday."""

_TIE_PCT = 1e-6
"""Points that are no difference: tables keep twelve digits, and a forecast read back must get the verdict that it got unrounded."""

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


def grade_models(issued: pl.DataFrame, sle_daily: pl.DataFrame, day: date) -> pl.DataFrame:
    """Grades of the models of series by the end of ``day``, over `LOSS_DAYS`: also of those whose forecast was not issued.

    Args:
        issued: ``analysis.forecasts``; rows of ``day`` and later are ignored.
        sle_daily: ``history.sle_daily``; rows after ``day`` are ignored.
        day: The day.

    Returns:
        As `grade`, for ``model_mean_pct`` where it is there.
    """
    due = issued.filter((pl.col("day") < day) & (pl.col("target_day") > day - timedelta(days=LOSS_DAYS)))
    if "model_mean_pct" in due.columns:
        due = due.with_columns(mean_pct=pl.coalesce("model_mean_pct", "mean_pct"))
    return grade(due, sle_daily, day)


def beats_naive(graded: pl.DataFrame, day: date, models: pl.DataFrame | None) -> pl.DataFrame:
    """Whether a series' model was better than the seasonal naive forecast, by all evidence there is on ``day``.

    The absolute errors of the forecasts that fell due in the last 28 days and those of the backtest of the newest search before
    ``day`` are summed, each forecast once: true where the sum is below the naive forecast's by more than rounding.

    Args:
        graded: From `grade_models`.
        day: The day of the verdict.
        models: ``analysis.models`` or None; rows of ``day`` and later are ignored.

    Returns:
        site_id, metric, beats_naive; only series about which there is evidence.
    """
    key = ["site_id", "metric"]
    parts = [
        graded.filter(
            pl.col("naive_abs_error_pct").is_not_null()
            & (pl.col("target_day") > day - timedelta(days=WINDOW_DAYS))
        )
        .group_by(key)
        .agg(pl.col("abs_error_pct").sum().alias("own"), pl.col("naive_abs_error_pct").sum().alias("naive"))
    ]
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
    return (
        pl.concat(parts)
        .group_by(key)
        .agg(pl.col("own").sum(), pl.col("naive").sum())
        .select(*key, (pl.col("own") < pl.col("naive") - _TIE_PCT).alias("beats_naive"))
        .sort(key)
    )


def loses_to_weekday(graded: pl.DataFrame) -> pl.DataFrame:
    """Series whose model has been worse than the mean of the weekday, by more than chance.

    The test of Diebold & Mariano (*Journal of Business & Economic Statistics* 13, 1995): of the differences of the daily mean
    absolute errors, the mean over its standard error, which allows for the correlation of a day with the next, against
    Student's distribution, one-sided at 5 %. To have lost by a little says nothing: on simulated worlds the models
    of such series were better again in the days that followed (docs/methods/forecasts.md).

    Args:
        graded: From `grade_models`.

    Returns:
        site_id, metric.
    """
    from scipy.special import stdtrit

    key = ["site_id", "metric"]
    apart = pl.col("apart")
    found = (
        graded.filter(pl.col("weekday_abs_error_pct").is_not_null())
        .group_by(*key, "target_day")
        .agg(apart=(pl.col("abs_error_pct") - pl.col("weekday_abs_error_pct")).mean())
        .sort("target_day")
        .group_by(key)
        .agg(n=pl.len(), mean=apart.mean(), sd=apart.std(), rho=pl.corr(apart, apart.shift(1)).fill_nan(0.0))
        .filter((pl.col("n") >= MIN_LOSS_DAYS) & (pl.col("mean") > 0))
        .with_columns(pl.col("rho").fill_null(0.0).clip(0.0, 0.8))
        .sort(key)
    )
    error = pl.col("sd") / pl.col("n").sqrt() * ((1 + pl.col("rho")) / (1 - pl.col("rho"))).sqrt()
    critical = stdtrit(found["n"].to_numpy() - 1, 0.95)
    return found.filter(pl.col("mean") > error * pl.Series(critical)).select(key)
