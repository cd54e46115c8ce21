"""Whether probabilities of becoming critical within a week were right: reliability by tenths, and the Brier score.

Here: predictions whose week ended with a day. Not here: warnings as people got them (`crossings`).
"""

from datetime import date, timedelta

import polars as pl

from mist_pipeline.analysis.risks.horizon import WARNING_DAYS
from mist_pipeline.tables.scorecard import PROBABILITIES

BINS = 10
MIN_READINGS = 5
"""Days of the week with a judged reading without which its outcome counts as unknown, if none of them is critical."""

_SERIES = ("site_id", "metric")


def probabilities(issued: pl.DataFrame, sle_daily: pl.DataFrame, day: date) -> pl.DataFrame:
    """``scorecard.probabilities`` of one day.

    Brier, *Monthly Weather Review* 78 (1950). Whoever always says “never” gets the observed share as Brier score.

    Args:
        issued: ``scorecard.issued_risks``; those of the day a week before count, unless already critical or unknown.
        sle_daily: ``history.sle_daily`` of the week that ends with the day.
        day: The last day of the predicted week.
    """
    issue = day - timedelta(days=WARNING_DAYS)
    predicted = issued.filter(
        (pl.col("day") == issue)
        & pl.col("state").is_in(["never", "crossing"])
        & pl.col("probability").is_not_null()
        & (pl.col("score_pct") >= pl.col("threshold_pct"))
    ).select(*_SERIES, "probability")
    came = (
        sle_daily.filter((pl.col("day") > issue) & (pl.col("day") <= day) & pl.col("severity").is_not_null())
        .group_by(_SERIES)
        .agg(readings=pl.len(), is_critical=(pl.col("severity") == "critical").any())
    )
    judged = predicted.join(came, on=_SERIES, how="left").with_columns(
        pl.col("is_critical").fill_null(value=False), pl.col("readings").fill_null(0)
    )
    is_known = pl.col("is_critical") | (pl.col("readings") >= MIN_READINGS)
    outcome = pl.col("is_critical").cast(pl.Float64)
    rows = (
        judged.with_columns(
            bin_low=((pl.col("probability") * BINS).floor().clip(0, BINS - 1) / BINS), is_known=is_known
        )
        .sort(_SERIES)
        .group_by("metric", "bin_low")
        .agg(
            n=pl.col("is_known").sum(),
            n_censored=(~pl.col("is_known")).sum(),
            mean_probability=pl.col("probability").filter("is_known").mean(),
            observed_share=outcome.filter("is_known").mean(),
            brier=((pl.col("probability") - outcome) ** 2).filter("is_known").mean(),
        )
    )
    return PROBABILITIES.conform(rows.with_columns(day=pl.lit(day))).sort(*PROBABILITIES.key)
