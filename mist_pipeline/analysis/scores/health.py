"""Health of a site, 0 to 100: the mean of its metrics' scores, with credit by severity; and what it is made of.

Here: `analysis.health_scores`. Not here: severity and status (`bands`, `status`), when a threshold will be crossed
(``risks``, which this only reads). The formulas: docs/methods/health.md.

A score of 95 counts in full, one of 70, the critical threshold, for a fifth of itself:

>>> reading = {"site_id": "a", "state": "ok", "num_users": 40, "total_user_minutes": 9000.0}
>>> day = pl.DataFrame({"day": [date(2026, 3, 1)] * 2, "metric": ["capacity", "coverage"], "score_pct": [95.0, 70.0], **reading})
>>> scores = health_scores(day, [date(2026, 3, 1)], HealthRules(["capacity", "coverage"]))
>>> scores.select("score", "status", "contributions").row(0)
(54.5, 'UNHEALTHY', '{"capacity": 47.5, "coverage": 7.0}')
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

import polars as pl
from polars.expr.whenthen import ChainedThen, Then

from mist_pipeline.analysis.scores.bands import Bands, UserGate, threshold, with_severity
from mist_pipeline.analysis.scores.status import site_status
from mist_pipeline.tables.analysis import HEALTH_SCORES

Method = Literal["smooth", "banded"]

CREDIT = {"critical": 0.10, "major": 0.20, "warning": 0.30, "info": 1.00}
"""Share of its score that a metric of this severity contributes (the roadmap's rule)."""

LOOKBACK_DAYS = 7
"""How far back the previous day with a score may lie."""


@dataclass(frozen=True)
class HealthRules:
    """How health is scored.

    Attributes:
        metrics: The metrics that are collected.
        method: ``smooth`` interpolates the credit between the bands, ``banded`` steps (the roadmap's rule).
        bands: Thresholds of every metric without its own.
        by_metric: Thresholds of single metrics.
        gate: Users that a reading needs to count.
        drop_points: A fall by more than this since the previous day is a drop.
        min_confidence: Confidence that both days need for a drop.
        forecast_days: A crossing sooner than this puts a site at risk.
        min_probability: … if it is at least so probable.
    """

    metrics: Sequence[str]
    method: Method = "smooth"
    bands: Bands = field(default_factory=Bands)
    by_metric: Mapping[str, Bands] = field(default_factory=dict)
    gate: UserGate = field(default_factory=UserGate)
    drop_points: float = 10.0
    min_confidence: float = 0.7
    forecast_days: int = 3
    min_probability: float = 0.5


def credit(
    score: pl.Expr, method: Method, bands: Bands, by_metric: Mapping[str, Bands] | None = None
) -> pl.Expr:
    """Share of a score that counts, 0.1 to 1; null stays null.

    ``banded`` is `CREDIT` by severity. ``smooth`` is linear through 0 → 0.10, critical → 0.20, major → 0.30, warning
    → 1 and flat above; so the score that has a metric's own threshold has the same credit whatever the threshold is.
    """
    critical, major, warning = (
        threshold(name, bands, by_metric) for name in ("critical", "major", "warning")
    )
    if method == "banded":
        return (
            pl.when(score < critical)
            .then(CREDIT["critical"])
            .when(score < major)
            .then(CREDIT["major"])
            .when(score < warning)
            .then(CREDIT["warning"])
            .when(score.is_not_null())
            .then(CREDIT["info"])
        )
    knots = [(pl.lit(0.0), 0.10), (critical, 0.20), (major, 0.30), (warning, 1.0)]
    result: Then | ChainedThen = pl.when(score >= warning).then(1.0)
    for (start, low), (end, high) in reversed(list(pairwise(knots))):
        # A threshold of 0 leaves no segment below it, and its 0 ÷ 0 is never chosen.
        result = result.when(score >= start).then(low + (high - low) * (score - start) / (end - start))
    return result.otherwise(None)


def health_scores(
    sle_daily: pl.DataFrame,
    days: Sequence[date],
    rules: HealthRules,
    *,
    sites: pl.DataFrame | None = None,
    risks: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """`analysis.health_scores` of all days asked.

    Args:
        sle_daily: `history.sle_daily` of the days asked and the `LOOKBACK_DAYS` before the first.
        days: The days to compute.
        rules: Method and thresholds.
        sites: day and site_id of every site, so that a silent one has a row (score null, confidence 0, UNKNOWN).
        risks: `analysis.risks` of the days asked.

    Returns:
        day, site_id, score (0–100; null where no metric has a severity), previous_score (the last day with a score,
        at most `LOOKBACK_DAYS` back), change, status, is_at_risk (null where nothing is known about risks), contributions
        (JSON: metric → points; they sum to the score), confidence (share of the collected, supported metrics that have
        a severity); and previous_day, previous_confidence, is_drop.
    """
    wanted = sorted(set(days))
    if not wanted:
        return HEALTH_SCORES.empty()
    first = wanted[0] - timedelta(days=LOOKBACK_DAYS)
    readings = with_severity(
        sle_daily.filter(pl.col("day").is_between(first, wanted[-1])),
        rules.bands,
        rules.by_metric,
        rules.gate,
    )
    status = site_status(readings, rules.metrics, sites).rename({"data_share": "confidence"})
    history = status.join(_scores(readings, rules), on=["day", "site_id"], how="left")
    scored = history.filter(pl.col("score").is_not_null()).select(
        "site_id",
        pl.col("day").alias("previous_day"),
        previous_score="score",
        previous_confidence="confidence",
        day=pl.col("day") + pl.duration(days=1),
    )
    with_previous = (
        history.filter(pl.col("day").is_in(wanted))
        .sort("day")
        .join_asof(
            scored.sort("day"),
            on="day",
            by="site_id",
            check_sortedness=False,  # sorted just above; polars cannot see it within groups
            strategy="backward",
            tolerance=timedelta(days=LOOKBACK_DAYS - 1),
        )
        .with_columns(change=pl.col("score") - pl.col("previous_score"))
    )
    sure = pl.min_horizontal("confidence", "previous_confidence") >= rules.min_confidence
    return (
        with_previous.join(_at_risk(risks, rules), on=["day", "site_id"], how="left")
        .with_columns(is_drop=((pl.col("change") < -rules.drop_points) & sure).fill_null(value=False))
        .select(HEALTH_SCORES.column_names)
        .sort("day", "site_id")
    )


def _scores(readings: pl.DataFrame, rules: HealthRules) -> pl.DataFrame:
    """day, site_id, score, contributions of the sites with at least one metric that has a severity."""
    points = (
        readings.filter(pl.col("severity").is_not_null() & pl.col("metric").is_in(list(rules.metrics)))
        .with_columns(
            points=pl.col("score_pct")
            * credit(pl.col("score_pct"), rules.method, rules.bands, rules.by_metric)
        )
        .with_columns(points=pl.col("points") / pl.len().over("day", "site_id"))
        .sort("day", "site_id", "metric")
    )
    return points.group_by("day", "site_id", maintain_order=True).agg(
        score=pl.col("points").sum().clip(0, 100),  # rounding must not lift a perfect site above 100
        contributions=pl.concat_str(
            pl.lit("{"),
            # Metric names are the catalogue's own: lower case and hyphens, nothing that JSON would escape.
            pl.format('"{}": {}', "metric", pl.col("points")).str.join(", "),
            pl.lit("}"),
        ),
    )


def _at_risk(risks: pl.DataFrame | None, rules: HealthRules) -> pl.DataFrame:
    """day, site_id, is_at_risk: a critical crossing within the forecast days that is probable enough."""
    if risks is None:
        return pl.DataFrame(schema={"day": pl.Date, "site_id": pl.String, "is_at_risk": pl.Boolean})
    soon = (
        (pl.col("state") == "crossing")
        & (pl.col("days") <= rules.forecast_days)
        & (pl.col("probability") >= rules.min_probability)
    )
    return (
        risks.filter((pl.col("severity") == "critical") & (pl.col("state") != "too_little_history"))
        .group_by("day", "site_id")
        .agg(is_at_risk=soon.fill_null(value=False).any())
    )
