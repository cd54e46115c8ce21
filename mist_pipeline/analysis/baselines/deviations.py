"""Deviations: how far a score lies from its baseline, in standard deviations that know how many users it rests on.

Here: a reading and its baseline in, `analysis.deviations` out; the same for an hour and its hour of the week. Not here:
what is normal (`daily`, `hourly`), tails that know about skew (``evidence``). The formulas: docs/methods/baselines.md.

A score ten points below a baseline of 90 ± 4, with as many users as usual:

>>> row = {"day": [date(2026, 3, 1)], "site_id": "a", "metric": "capacity"}
>>> reading = {"score_pct": 80.0, "state": "ok", "num_users": 40, "total_user_minutes": 9000.0}
>>> usual = {"mean_pct": 90.0, "median_pct": 90.0, "n": 30, "user_minutes": 9000.0, "low_side_std_pct": 4.0}
>>> known = pl.DataFrame({**row, "day_of_week": ALL_DAYS, **usual, "is_mature": True, "is_pooled": False})
>>> found = deviations(pl.DataFrame({**row, **reading}), known, row["day"])
>>> found.select("expected_pct", pl.col("sigma", "expected_std_pct").round(2), "is_deviating").row(0)
(90.0, -2.44, 4.1, True)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from math import pi

import polars as pl

from mist_pipeline.analysis.baselines.daily import ALL_DAYS
from mist_pipeline.analysis.scores.bands import UserGate
from mist_pipeline.analysis.stats.sample_size import OBSERVATION_MINUTES, has_score, user_minutes

HOUR_GATE = UserGate(min_users=5, min_user_minutes=60.0, window_minutes=60.0)
"""The gate of a single hour."""


@dataclass(frozen=True)
class DeviationRules:
    """What counts as a deviation.

    Attributes:
        max_sigma: Standard deviations on the bad side beyond which a score deviates.
        std_floor_pct: Smallest standard deviation, in points: no score is known better than that.
        gate: Users that a reading needs to be called deviating.
    """

    max_sigma: float = 2.0
    std_floor_pct: float = 0.5
    gate: UserGate = field(default_factory=UserGate)


def deviations(
    sle_daily: pl.DataFrame,
    baselines: pl.DataFrame,
    days: Sequence[date],
    *,
    rules: DeviationRules | None = None,
) -> pl.DataFrame:
    """`analysis.deviations`: each score of the days asked against the baseline of its day.

    What is expected is the median of the weekday where that is mature, else the median of all days.

    Args:
        sle_daily: `history.sle_daily` of the days asked.
        baselines: `analysis.baselines` of the days asked.
        days: The days to compute.
        rules: Thresholds.

    Returns:
        One row for every site and metric with a score: day, site_id, metric, score_pct, expected_pct, sigma (negative
        below expectation, the bad side of every score; null where the baseline is neither mature nor pooled),
        is_deviating (beyond ``max_sigma`` on the bad side, with the gate open); and expected_std_pct (of this score
        around its expectation), is_weekday_aware, is_pooled.
    """
    key = ["day", "site_id", "metric"]
    usual = ["mean_pct", "median_pct", "n", "user_minutes", "low_side_std_pct"]
    row = baselines.select(*key, "day_of_week", *usual, "is_mature", "is_pooled")
    over_all = row.filter(pl.col("day_of_week") == ALL_DAYS).drop("day_of_week")
    by_weekday = row.filter(pl.col("is_mature") & (pl.col("day_of_week") == pl.col("day").dt.weekday() - 1))
    readings = _scored(sle_daily).filter(pl.col("day").is_in(list(days)))
    chosen = (
        readings.join(over_all, on=key, how="left")
        .join(by_weekday.select(*key, *usual), on=key, how="left", suffix="_weekday")
        .with_columns(is_weekday_aware=pl.col("median_pct_weekday").is_not_null())
        .with_columns(
            **{
                name: pl.when("is_weekday_aware").then(pl.col(f"{name}_weekday")).otherwise(pl.col(name))
                for name in usual
            },
        )
        .rename({"low_side_std_pct": "spread"})
    )
    is_usable = (pl.col("is_mature") | pl.col("is_pooled")).fill_null(value=False)
    return (
        _evaluate(chosen, is_usable, rules or DeviationRules())
        .select(
            *key,
            "score_pct",
            "expected_pct",
            "sigma",
            "is_deviating",
            "expected_std_pct",
            "is_weekday_aware",
            pl.col("is_pooled").fill_null(value=False),
        )
        .sort(key)
    )


def hourly_deviations(
    sle_hourly: pl.DataFrame, hourly_baselines: pl.DataFrame, *, rules: DeviationRules | None = None
) -> pl.DataFrame:
    """Each hourly score against the same hour of the past weeks.

    Args:
        sle_hourly: hour, site_id, metric, score_pct, total_user_minutes, state and, where clients are known, num_users.
        hourly_baselines: From `hourly_baselines`, of the same hours.
        rules: Thresholds; with the gate of an hour unless given.

    Returns:
        hour, site_id, metric, score_pct, expected_pct, sigma, is_deviating, expected_std_pct: as in `deviations`.
    """
    key = ["hour", "site_id", "metric"]
    if "num_users" not in sle_hourly.columns:
        sle_hourly = sle_hourly.with_columns(num_users=pl.lit(None, pl.Int64))
    usual = hourly_baselines.select(
        *key, "mean_pct", "median_pct", "low_side_std_pct", "n", "user_minutes", "is_mature"
    )
    readings = _scored(sle_hourly).join(usual, on=key, how="left")
    readings = readings.rename({"low_side_std_pct": "spread"}).with_columns(is_pooled=pl.lit(value=False))
    is_usable = pl.col("is_mature").fill_null(value=False)
    return (
        _evaluate(readings, is_usable, rules or DeviationRules(gate=HOUR_GATE))
        .select(*key, "score_pct", "expected_pct", "sigma", "is_deviating", "expected_std_pct")
        .sort(key)
    )


def expected_std(std_floor_pct: float) -> pl.Expr:
    """Standard deviation of one score around its expectation, in points, given its users.

    The spread σ of the baseline was seen at its mean number of observations; at the number of this score it is

        variance = max(σ² − s̄², 0) + min(σ² ÷ s̄², 1) · s²

    with the binomial variances s̄² (at the baseline's mean observations) and s² (at this score's): what users alone do
    not explain stays, what they explain grows and shrinks with them (a random effect by moments, as DerSimonian &
    Laird 1986). The median that is subtracted is itself uncertain by π ÷ 2n of that. Columns: spread, mean_pct, n,
    user_minutes (of the baseline), minutes (of the score), is_pooled.
    """
    usual = pl.col("user_minutes") / OBSERVATION_MINUTES
    own = pl.when(pl.col("minutes") > 0).then(pl.col("minutes")) / OBSERVATION_MINUTES
    seen = pl.max_horizontal(pl.col("n"), 1) * usual
    share = (pl.col("mean_pct") / 100 * seen + 1) / (seen + 2)  # Laplace's rule
    binomial = 10_000 * share * (1 - share)
    spread = pl.max_horizontal(pl.col("spread"), pl.lit(std_floor_pct)) ** 2
    by_users = binomial / usual
    known_users = (spread - by_users).clip(lower_bound=0) + (spread / by_users).clip(
        upper_bound=1
    ) * binomial / own
    variance = pl.max_horizontal(pl.coalesce(known_users, spread), pl.lit(std_floor_pct**2))
    of_median = pl.when(pl.col("is_pooled")).then(0.0).otherwise(pi / 2 / pl.col("n"))
    return (variance * (1 + of_median)).sqrt()


def _scored(readings: pl.DataFrame) -> pl.DataFrame:
    return readings.filter(has_score()).with_columns(minutes=user_minutes())


def _evaluate(readings: pl.DataFrame, is_usable: pl.Expr, rules: DeviationRules) -> pl.DataFrame:
    distance = pl.col("score_pct") - pl.col("median_pct")
    return (
        readings.with_columns(
            expected_pct=pl.col("median_pct"),
            expected_std_pct=pl.when(is_usable & pl.col("spread").is_not_null()).then(
                expected_std(rules.std_floor_pct)
            ),
        )
        .with_columns(sigma=distance / pl.col("expected_std_pct"))
        .with_columns(
            is_deviating=((pl.col("sigma") < -rules.max_sigma) & rules.gate.is_open()).fill_null(value=False)
        )
    )
