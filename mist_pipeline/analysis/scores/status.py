"""Status of a site on a day: the worst of its metrics, or UNKNOWN where too little is known.

Here: severities of one day in, one status a site out. Not here: the severities themselves (`bands`), the words
(``domain.severity``), the score from 0 to 100 (`health`).

>>> from datetime import date
>>> readings = pl.DataFrame({
...     "day": [date(2026, 3, 1)] * 2, "site_id": "a", "metric": ["capacity", "coverage"], "state": "ok",
...     "severity": ["info", "major"],
... })
>>> site_status(readings, ["capacity", "coverage"]).select("status", "worst_metric", "data_share").row(0)
('UNHEALTHY', 'coverage', 1.0)
"""

from collections.abc import Sequence

import polars as pl

from mist_pipeline.domain.severity import STATUS_OF_SEVERITY, TROUBLE, UNKNOWN, WORST_FIRST


def status_word(severity: pl.Expr) -> pl.Expr:
    """The status word of one severity; null is UNKNOWN."""
    return severity.replace_strict(STATUS_OF_SEVERITY, default=UNKNOWN, return_dtype=pl.String)


def known_share(
    readings: pl.DataFrame, metrics: Sequence[str], sites: pl.DataFrame | None = None
) -> pl.DataFrame:
    """How much of what should be known about a site is known.

    Args:
        readings: day, site_id, metric, state, severity; one row a day, site and metric.
        metrics: The metrics that are collected. Rows of others are ignored.
        sites: day and site_id of every site; those without any reading appear with a share of 0.

    Returns:
        day, site_id, num_expected (collected metrics that the site supports), num_judged (those with a severity),
        data_share (num_judged ÷ num_expected; 0 where nothing is expected).
    """
    wanted = pl.col("metric").is_in(list(metrics))
    counts = (
        readings.group_by("day", "site_id")
        .agg(
            num_expected=len(set(metrics))
            - (wanted & (pl.col("state") == "not_supported")).sum().cast(pl.Int64),
            num_judged=(wanted & pl.col("severity").is_not_null()).sum().cast(pl.Int64),
        )
        .select("day", "site_id", "num_expected", "num_judged")
    )
    if sites is not None:
        silent = (
            sites.select("day", "site_id")
            .unique()
            .join(counts, on=["day", "site_id"], how="anti")
            .with_columns(num_expected=pl.lit(len(set(metrics)), pl.Int64), num_judged=pl.lit(0, pl.Int64))
        )
        counts = pl.concat([counts, silent])
    share = pl.when(pl.col("num_expected") > 0).then(pl.col("num_judged") / pl.col("num_expected"))
    return counts.with_columns(data_share=share.fill_null(0.0)).sort("day", "site_id")


def site_status(
    readings: pl.DataFrame,
    metrics: Sequence[str],
    sites: pl.DataFrame | None = None,
    *,
    min_share: float = 0.5,
) -> pl.DataFrame:
    """Status of every site on every day of the frame: CRITICAL, UNHEALTHY, DEGRADED, HEALTHY or UNKNOWN.

    Known trouble always shows, however little else is known: the worst metric decides. HEALTHY has to be earned:
    where fewer than ``min_share`` of the supported metrics have a severity, a site without known trouble is UNKNOWN.

    Args:
        readings: day, site_id, metric, state, severity; one row a day, site and metric.
        metrics: The metrics that are collected.
        sites: day and site_id of every site, so that a site without readings is UNKNOWN and not absent.
        min_share: Least share of metrics with a severity for HEALTHY.

    Returns:
        day, site_id, status, worst_metric (the lowest score among the worst severity where ``score_pct`` is there,
        else the first by name; null where HEALTHY or UNKNOWN), num_expected, num_judged, data_share.
    """
    by_score = ["score_pct"] if "score_pct" in readings.columns else []
    worst = (
        readings.filter(pl.col("metric").is_in(list(metrics)) & pl.col("severity").is_not_null())
        .sort(
            "day",
            "site_id",
            pl.col("severity").cast(pl.Enum(WORST_FIRST)),
            *by_score,
            "metric",
            nulls_last=True,
        )
        .group_by("day", "site_id", maintain_order=True)
        .agg(severity=pl.col("severity").first(), worst_metric=pl.col("metric").first())
    )
    is_trouble = pl.col("severity").is_in(TROUBLE)
    is_known = pl.col("severity").is_not_null() & (is_trouble | (pl.col("data_share") >= min_share))
    return (
        known_share(readings, metrics, sites)
        .join(worst, on=["day", "site_id"], how="left")
        .with_columns(
            status=pl.when(is_known).then(status_word(pl.col("severity"))).otherwise(pl.lit(UNKNOWN)),
            worst_metric=pl.when(is_trouble).then(pl.col("worst_metric")),
        )
        .select("day", "site_id", "status", "worst_metric", "num_expected", "num_judged", "data_share")
        .sort("day", "site_id")
    )
