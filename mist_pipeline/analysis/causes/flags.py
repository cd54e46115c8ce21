"""Which sites are degraded, beyond their own normal: the flags in which candidate causes are sought.

Here: one flag for each moment, site and metric that had data, with the classifier that dominates it, from a day's scores
and deviations or from notable evidence. Not here: what degraded sites have in common (``candidates``).

>>> from datetime import UTC, datetime
>>> hour = datetime(2026, 3, 2, 11, tzinfo=UTC)
>>> answered = pl.DataFrame({"as_of": [hour] * 2, "site_id": ["s1", "s2"], "metric": ["capacity"] * 2})
>>> notable = answered.head(1).with_columns(
...     classifier=pl.lit("client-count"), surprise=pl.lit(8.1), is_alarming=pl.lit(True)
... )
>>> evidence_flags(notable, answered, {"capacity": "radio"}).drop("as_of", "metric").rows()
[('s1', 'radio', True, 'client-count'), ('s2', 'radio', False, None)]
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from mist_pipeline.analysis.evidence.gates import DEVICE_FAMILY
from mist_pipeline.analysis.evidence.site_load import SILENCE

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "day": pl.Date,
    "site_id": pl.String,
    "metric": pl.String,
    "family": pl.String,
    "is_degraded": pl.Boolean,
    "classifier": pl.String,
}
"""Columns of a frame of flags; by the hour there is ``as_of`` in place of ``day``."""


@dataclass(frozen=True)
class FlagSettings:
    """When a score counts as degraded.

    Attributes:
        min_drop_points: Smallest shortfall against the expectation that matters in practice.
        min_classifier_share: Share of the degraded minutes from which a classifier is called dominant.
        min_surprise: Smallest surprise (−log10 of the tail probability) at which evidence is a flag.
    """

    min_drop_points: float = 3.0
    min_classifier_share: float = 0.3
    min_surprise: float = 4.0


def daily_flags(
    sle_daily: pl.DataFrame,
    deviations: pl.DataFrame,
    classifiers_daily: pl.DataFrame,
    families: Mapping[str, str],
    settings: FlagSettings | None = None,
) -> pl.DataFrame:
    """Flags of days: degraded is deviating on the bad side and by a difference that matters.

    A site whose expectation is not known yet is degraded by its severity (critical or major). A reading without users,
    a missing one and one that is not supported give no row: a site without data is neither degraded nor healthy.

    Args:
        sle_daily: day, site_id, metric, score_pct, severity, state.
        deviations: day, site_id, metric, expected_pct, is_deviating.
        classifiers_daily: day, site_id, metric, classifier, degraded_user_minutes.
        families: Metric → family; a metric that is not named is a family of its own.
        settings: Thresholds.

    Returns:
        ``SCHEMA``, one row per day, site and metric with a score and a severity or an expectation.
    """
    settings = settings or FlagSettings()
    keys = ["day", "site_id", "metric"]
    expected = pl.col("expected_pct")
    scored = sle_daily.filter(pl.col("state") == "ok", pl.col("score_pct").is_not_null()).join(
        deviations.select(*keys, "expected_pct", "is_deviating"), on=keys, how="left"
    )
    by_expectation = pl.col("is_deviating") & (expected - pl.col("score_pct") >= settings.min_drop_points)
    by_severity = pl.col("severity").is_in(["critical", "major"])
    is_known = expected.is_not_null() & pl.col("is_deviating").is_not_null()
    return (
        scored.with_columns(
            pl.when(is_known).then(by_expectation).otherwise(by_severity).alias("is_degraded"),
            pl.col("metric").replace(dict(families)).alias("family"),
        )
        .filter(pl.col("is_degraded").is_not_null())
        .join(dominant_classifiers(classifiers_daily, settings), on=keys, how="left")
        .select(*SCHEMA)
        .sort(keys)
    )


def dominant_classifiers(classifiers: pl.DataFrame, settings: FlagSettings | None = None) -> pl.DataFrame:
    """The classifier with the most degraded minutes, where it has enough of them: day, site_id, metric, classifier."""
    settings = settings or FlagSettings()
    keys = ["day", "site_id", "metric"]
    minutes = pl.col("degraded_user_minutes")
    return (
        classifiers.filter(minutes > 0)
        .with_columns((minutes / minutes.sum().over(keys)).alias("share"))
        .filter(pl.col("share") >= settings.min_classifier_share)
        .sort([*keys, "share", "classifier"], descending=[False, False, False, True, False])
        .unique(subset=keys, keep="first", maintain_order=True)
        .select(*keys, "classifier")
    )


def evidence_flags(
    notable: pl.DataFrame,
    judged: pl.DataFrame,
    families: Mapping[str, str],
    settings: FlagSettings | None = None,
    moment: str = "as_of",
) -> pl.DataFrame:
    """Flags from notable evidence: degraded is what alarms, or is surprising by itself.

    Weaker evidence than an alert needs is welcome here: what no single small site can show, many of them can.

    Args:
        notable: ``evidence.gates.notable`` with ``moment``: site_id, metric, classifier, surprise, is_alarming.
        judged: ``moment``, site_id, metric that had users at that moment; no others get a row.
        families: As for ``daily_flags``.
        settings: ``min_surprise``.
        moment: Column that says when.

    Returns:
        The moment, site_id, metric, family, is_degraded, classifier.
    """
    settings = settings or FlagSettings()
    keys = [moment, "site_id", "metric"]
    strong = (
        notable.filter(pl.col("is_alarming") | (pl.col("surprise") >= settings.min_surprise))
        .sort([*keys, "surprise", "classifier"], descending=[False, False, False, True, True])
        .unique(subset=keys, keep="first", maintain_order=True)
        .select(*keys, pl.lit(value=True).alias("is_degraded"), "classifier")
    )
    return (
        judged.select(keys)
        .unique()
        .join(strong, on=keys, how="left")
        .with_columns(
            pl.col("is_degraded").fill_null(value=False),
            pl.when(pl.col("classifier") != "").then(pl.col("classifier")).alias("classifier"),
            pl.col("metric").replace(dict(families)).alias("family"),
        )
        .select(*keys, "family", "is_degraded", "classifier")
        .sort(keys)
    )


def silence_flags(notable: pl.DataFrame, sites: pl.DataFrame, moment: str = "day") -> pl.DataFrame:
    """Flags of outages: a site that fell silent has no score, yet its silence may be shared.

    Args:
        notable: ``evidence.gates.notable`` with ``moment``: site_id, metric, classifier, is_alarming.
        sites: ``moment``, site_id of every site that is known; each gets a row.
        moment: Column that says when.

    Returns:
        The moment, site_id, metric (``silence``), family (``device``), is_degraded, classifier.
    """
    silent = (
        notable.filter((pl.col("metric") == SILENCE) & pl.col("is_alarming"))
        .sort(moment, "site_id", "classifier", descending=[False, False, True])
        .unique(subset=[moment, "site_id"], keep="first", maintain_order=True)
        .select(moment, "site_id", pl.lit(value=True).alias("is_degraded"), "classifier")
    )
    return (
        sites.select(moment, "site_id")
        .unique()
        .join(silent, on=[moment, "site_id"], how="left")
        .select(
            moment,
            "site_id",
            pl.lit(SILENCE).alias("metric"),
            pl.lit(DEVICE_FAMILY).alias("family"),
            pl.col("is_degraded").fill_null(value=False),
            "classifier",
        )
        .sort(moment, "site_id")
    )
