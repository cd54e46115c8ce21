"""Why: what the cloud blames, causes that sites share, sites that behave unlike themselves."""

import json
from typing import Any

import polars as pl

from mist_pipeline.domain.metrics import classifier_title, in_catalogue_order, title_of
from mist_pipeline.domain.numbers import percent, rounded_down
from mist_pipeline.domain.text import clean
from mist_pipeline.report.document.formatting import short
from mist_pipeline.report.document.model import (
    Anomaly,
    CandidateCause,
    CauseSite,
    Classifier,
    FarFromUsual,
    Share,
    Site,
)
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.queries.frames import list_of_strings, of_day

_MAX_DEVIATIONS = 3


def classifiers(data: ReportData, sites: dict[str, Site]) -> list[Classifier]:
    """What the cloud blames for each metric, over all sites that were asked in detail; most blamed first.

    ``degraded_pct`` is Σ degraded ÷ Σ total user-minutes of the metric over those sites, and the plain mean of the
    sites' shares where the history has no minutes.
    """
    today = of_day(data.classifiers_daily, data.day).filter(pl.col("site_id").is_in(list(sites)))
    minutes = of_day(data.sle_daily, data.day).select("site_id", "metric", "total_user_minutes")
    asked = today.select("site_id", "metric").unique().join(minutes, on=["site_id", "metric"], how="left")
    totals = asked.group_by("metric").agg(total=pl.col("total_user_minutes").sum())
    blamed = pl.col("degraded_pct") > 0
    rows = (
        today.sort("degraded_pct", "site_id", descending=[True, False], nulls_last=True)
        .group_by("metric", "classifier", maintain_order=True)
        .agg(
            degraded=pl.col("degraded_user_minutes").sum(),
            mean_pct=pl.col("degraded_pct").mean(),
            num_users=pl.when(pl.col("num_users").count() > 0).then(pl.col("num_users").sum()),
            num_aps=pl.when(pl.col("num_aps").count() > 0).then(pl.col("num_aps").sum()),
            impact_state=_why_unknown(today),
            num_sites=blamed.sum().cast(pl.Int64),
            num_sites_counted=(blamed & pl.col("num_users").is_not_null()).sum().cast(pl.Int64),
            worst_site_id=pl.col("site_id").first(),
            worst_pct=pl.col("degraded_pct").first(),
        )
        .join(totals, on="metric")
        .with_columns(
            degraded_pct=pl.when(pl.col("total") > 0)
            .then(100 * pl.col("degraded") / pl.col("total"))
            .otherwise("mean_pct")
        )
        .drop_nulls(["degraded_pct", "worst_pct"])
    )
    order = {metric: place for place, metric in enumerate(in_catalogue_order(rows["metric"].to_list()))}
    listed = [
        Classifier(
            metric=row["metric"],
            classifier=clean(row["classifier"]),
            title=clean(classifier_title(row["classifier"])),
            degraded_pct=rounded_down(row["degraded_pct"], 2),
            num_users=row["num_users"],
            num_aps=row["num_aps"],
            impact_state=row["impact_state"],
            num_sites=row["num_sites"],
            num_sites_counted=row["num_sites_counted"],
            worst_site=sites[row["worst_site_id"]]["label"],
            worst_site_id=row["worst_site_id"],
            worst_pct=rounded_down(row["worst_pct"], 2),
        )
        for row in rows.to_dicts()
    ]
    return sorted(listed, key=lambda row: (order[row["metric"]], -row["degraded_pct"], row["classifier"]))


def _why_unknown(today: pl.DataFrame) -> pl.Expr:
    """Whether those hit are known of one site at least; else what is most often said of them, null in older histories."""
    if "impact_state" not in today.columns:
        return pl.lit(None, pl.String)
    state = pl.col("impact_state")
    return (
        pl.when((state == "known").any())
        .then(pl.lit("known"))
        .otherwise(state.drop_nulls().mode().sort().first())
    )


def candidate_causes(data: ReportData, sites: dict[str, Site]) -> list[CandidateCause] | None:
    """Candidate causes: shared infrastructure first, the widest first; None where not computed."""
    if data.incidents is None:
        return None
    today = of_day(data.incidents, data.day)
    rows = today.with_columns(
        metrics=list_of_strings(today, "metrics"), site_ids=list_of_strings(today, "site_ids")
    )
    listed: list[CandidateCause] = []
    for row in rows.to_dicts():
        members = [
            CauseSite(
                site_id=site_id,
                label=sites[site_id]["label"],
                url=sites[site_id]["url"],
                status=sites[site_id]["status"],
            )
            for site_id in row["site_ids"]
            if site_id in sites
        ]
        listed.append(
            CandidateCause(
                cause_fingerprint=row["cause_fingerprint"],
                scope=row["scope"],
                cause=clean(row["cause"] or "") or "cause unknown",
                metrics=in_catalogue_order(row["metrics"]),
                p_value=None if row["p_value"] is None else float(f"{row['p_value']:.3g}"),
                num_sites=len(row["site_ids"]),
                sites=sorted(members, key=lambda member: (member["label"], member["site_id"])),
            )
        )
    return sorted(
        listed,
        key=lambda cause: (
            cause["scope"] != "infrastructure",
            -cause["num_sites"],
            cause["cause_fingerprint"],
        ),
    )


def _shares(contributions: str | None) -> list[Share]:
    """Metrics by their share in an anomaly score, largest first."""
    parsed: Any = json.loads(contributions) if contributions else {}
    shares = [Share(metric=metric, share=round(float(share), 4)) for metric, share in parsed.items() if share]
    return sorted(shares, key=lambda share: (-share["share"], share["metric"]))


def _deviations(data: ReportData) -> dict[str, list[str]]:
    """What is far from usual, by site, the farthest first; the site with the farthest of all comes first."""
    if data.deviations is None:
        return {}
    today = of_day(data.deviations, data.day)
    scores = of_day(data.sle_daily, data.day).select("site_id", "metric", score="score_pct")
    rows = (
        today.filter(pl.col("is_deviating").fill_null(value=False))
        .join(scores, on=["site_id", "metric"])
        .with_columns(distance=pl.col("sigma").abs())
        .sort("site_id", "distance", "metric", descending=[False, True, False], nulls_last=True)
        .select("site_id", "metric", "score", "expected_pct", "sigma")
    )
    rows = rows.sort(
        pl.col("sigma").abs().max().over("site_id"), descending=True, nulls_last=True, maintain_order=True
    )
    sentences: dict[str, list[str]] = {}
    for site_id, metric, score, expected, sigma in rows.iter_rows():
        far = (
            ""
            if sigma is None
            else f" ({abs(sigma):.1f} standard deviations {'below' if sigma < 0 else 'above'})"
        )
        text = f"{title_of(metric)} {percent(score)}, usual {percent(expected)}{far}"
        sentences.setdefault(site_id, []).append(text)
    return sentences


def anomalies(data: ReportData, sites: dict[str, Site]) -> list[Anomaly] | None:
    """Sites that behave unlike themselves and their peers, most unusual first; None where not computed."""
    if data.anomalies is None:
        return None
    rows = (
        of_day(data.anomalies, data.day)
        .filter(pl.col("is_anomaly").fill_null(value=False) & pl.col("site_id").is_in(list(sites)))
        .sort("anomaly_score", "site_id", descending=[True, False], nulls_last=True)
    )
    deviations = _deviations(data)
    return [
        Anomaly(
            site_id=row["site_id"],
            label=sites[row["site_id"]]["label"],
            url=sites[row["site_id"]]["url"],
            status=sites[row["site_id"]]["status"],
            anomaly_score=short(row["anomaly_score"], 3),
            contributions=_shares(row["contributions"]),
            deviations=deviations.get(row["site_id"], [])[:_MAX_DEVIATIONS],
        )
        for row in rows.to_dicts()
    ]


def far_from_usual(
    data: ReportData, sites: dict[str, Site], odd: list[Anomaly] | None
) -> list[FarFromUsual] | None:
    """Other sites of which a score is far from usual, the farthest first; None where anomalies were not computed.

    Args:
        data: The report's frames.
        sites: By id.
        odd: `anomalies`, which show their scores themselves.
    """
    if data.deviations is None or odd is None:
        return None
    shown = {item["site_id"] for item in odd}
    return [
        FarFromUsual(
            site_id=site_id,
            label=sites[site_id]["label"],
            url=sites[site_id]["url"],
            status=sites[site_id]["status"],
            deviations=sentences[:_MAX_DEVIATIONS],
        )
        for site_id, sentences in _deviations(data).items()
        if site_id in sites and site_id not in shown
    ]
