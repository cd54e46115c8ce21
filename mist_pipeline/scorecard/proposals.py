"""What follows from grades: settings to consider. Nothing is ever changed by itself.

Here: rules that are wrong too often, and sites whose alerts people call known. Not here: what a stricter setting is called (``workflows.scorecard``).
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from mist_pipeline.tables.scorecard import PROPOSALS

FLOOR = 0.5
"""A rule whose alerts are true less often than this is proposed to be stricter."""

MIN_JUDGED = 10
MIN_KNOWN = 3
WINDOW_DAYS = 90


def proposals(
    quality: pl.DataFrame, known: pl.DataFrame, stricter: Mapping[str, str], day: date
) -> pl.DataFrame:
    """``scorecard.proposals`` of one day.

    Args:
        quality: ``scorecard.alert_quality`` of the day.
        known: site_id, n_known, n_judged: of the alerts of each site in `WINDOW_DAYS` those that people called known, and all that were judged.
        stricter: Rule → what to write into the configuration; rules that cannot be stricter are not in it.
        day: The day.
    """
    judged = pl.col("n_judged")
    rules = quality.filter(
        (pl.col("day") == day)
        & (pl.col("window_days") == WINDOW_DAYS)
        & (pl.col("rule") != "")
        & (judged >= MIN_JUDGED)
        & (pl.col("precision") < FLOOR)
        & pl.col("rule").is_in(list(stricter))
    ).select(
        kind=pl.lit("sensitivity"),
        subject="rule",
        n_judged=judged.cast(pl.Int64),
        n_against=pl.col("n_false").cast(pl.Int64),
        action=pl.col("rule").replace_strict(dict(stricter), default=None, return_dtype=pl.String),
    )
    sites = known.filter(
        (pl.col("n_known") >= MIN_KNOWN)
        & (pl.col("n_known") * 2 > pl.col("n_judged"))
        # People paste it into a shell.
        & pl.col("site_id").str.contains(r"^[0-9A-Za-z-]+$")
    ).select(
        kind=pl.lit("silence"),
        subject="site_id",
        n_judged=pl.col("n_judged").cast(pl.Int64),
        n_against=pl.col("n_known").cast(pl.Int64),
        action=pl.format("mist-pipeline alerts silence 'site_id=\"{}\"' --for 2w", "site_id"),
    )
    return PROPOSALS.conform(
        pl.concat([rules, sites]).with_columns(day=pl.lit(day)).select(PROPOSALS.column_names)
    ).sort(*PROPOSALS.key)


def sentence(row: Mapping[str, object], name: str = "") -> str:
    """A proposal in words.

    Args:
        row: Of ``scorecard.proposals``.
        name: What the site is called, for people.

    >>> sentence({"kind": "sensitivity", "subject": "trend", "n_judged": 12, "n_against": 9, "action": "alerts.raises: {trend: major}"})
    '9 of 12 judged alerts of the rule trend were wrong. To hear of less: alerts.raises: {trend: major}'
    """
    if row["kind"] == "silence":
        return (
            f"People called {row['n_against']} of {row['n_judged']} judged alerts of {name or row['subject']} known. "
            f"To hear of it no more for a while: {row['action']}"
        )
    return f"{row['n_against']} of {row['n_judged']} judged alerts of the rule {row['subject']} were wrong. To hear of less: {row['action']}"
