"""A day analysed as the pipeline does it, from frames of history, without a warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from mist_pipeline.analysis.anomalies.features import day_shapes
from mist_pipeline.analysis.anomalies.isolation_forest import anomalies
from mist_pipeline.analysis.baselines.daily import baselines
from mist_pipeline.analysis.baselines.deviations import deviations
from mist_pipeline.analysis.causes.changes import Changed
from mist_pipeline.analysis.detection import DetectionRules, causes_of_days, flags_of_days
from mist_pipeline.analysis.findings.findings import findings
from mist_pipeline.analysis.findings.inputs import FindingInputs, SpanFrames
from mist_pipeline.analysis.findings.series_rules import FindingRules
from mist_pipeline.analysis.forecasts.forecast import forecasts
from mist_pipeline.analysis.risks.risk import RiskRules, risks
from mist_pipeline.analysis.scores.bands import with_severity
from mist_pipeline.analysis.scores.health import HealthRules, health_scores
from mist_pipeline.analysis.scores.status import site_status
from mist_pipeline.analysis.scores.trends import trends
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.report import ReportData
from mist_pipeline.tables import analysis, history
from mist_pipeline_tests.support.facts.truth import Truth

PRE_WARNING = {"capacity": 85.0, "roaming": 95.0}
RULES = FindingRules(
    families={name: metric.family for name, metric in CATALOGUE.items()},
    titles={name: metric.title for name, metric in CATALOGUE.items()},
    pre_warning_pct=PRE_WARNING,
)
MEASURED_BETTER = {name: metric.measured_better for name, metric in CATALOGUE.items()}


def daily(
    series: Mapping[tuple[str, str], Sequence[float | None]], last: date, num_users: int = 200
) -> pl.DataFrame:
    """``history.sle_daily`` of scores by site and metric, a score a day up to the last; None is a day without users."""
    rows = [
        {
            "day": last - timedelta(days=len(scores) - 1 - at),
            "site_id": site_id,
            "metric": metric,
            "score_pct": score,
            "num_users": None if score is None else num_users,
            "total_user_minutes": None if score is None else num_users * 240.0,
            "degraded_user_minutes": None if score is None else num_users * 2.4 * (100 - score),
            "state": "no_users" if score is None else "ok",
        }
        for (site_id, metric), scores in series.items()
        for at, score in enumerate(scores)
    ]
    plain = pl.DataFrame(rows, schema={name: history.SLE_DAILY.polars_schema()[name] for name in rows[0]})
    return pl.concat([history.SLE_DAILY.empty(), with_severity(plain)], how="diagonal")


def blamed(sle_daily: pl.DataFrame, day: date, names: Sequence[str]) -> pl.DataFrame:
    """``history.classifiers_daily`` of a day: the first name is blamed for two thirds of what is degraded, the others for the rest."""
    today = sle_daily.filter((pl.col("day") == day) & (pl.col("state") == "ok"))
    shares = [2 / 3, *[1 / 3 / max(1, len(names) - 1)] * (len(names) - 1)]
    return pl.concat(
        [
            history.CLASSIFIERS_DAILY.empty(),
            *(
                today.select(
                    "day",
                    "site_id",
                    "metric",
                    classifier=pl.lit(name),
                    degraded_user_minutes=pl.col("degraded_user_minutes") * share,
                    degraded_pct=(100 - pl.col("score_pct")) * share,
                )
                for name, share in zip(names, shares, strict=True)
            ),
        ],
        how="diagonal",
    )


def analysed(
    sle_daily: pl.DataFrame,
    day: date,
    *,
    sites: pl.DataFrame | None = None,
    classifiers: pl.DataFrame | None = None,
    sle_hourly: pl.DataFrame | None = None,
    site_hourly: pl.DataFrame | None = None,
    changed: Changed | None = None,
) -> Truth:
    """Everything that a report of the day shows.

    Args:
        sle_daily: ``history.sle_daily`` with severity, of at least two months.
        day: The day.
        sites: ``history.sites``; made of the readings where it is not given.
        classifiers: ``history.classifiers_daily``.
        sle_hourly: ``history.sle_hourly``; anomalies are made where it is given.
        site_hourly: ``history.site_hourly``.
        changed: What people changed, and since when sites are in trouble.
    """
    known = sle_daily.filter(pl.col("day") <= day)
    metrics = known["metric"].unique().sort().to_list()
    if sites is None:
        sites = (
            known.select("day", "site_id")
            .unique()
            .sort("day", "site_id")
            .with_columns(name=pl.format("Store {}", "site_id"), timezone=pl.lit("UTC"))
        )
    blames = history.CLASSIFIERS_DAILY.empty() if classifiers is None else classifiers
    last_week = [day - timedelta(days=back) for back in range(6, -1, -1)]
    month = [day - timedelta(days=back) for back in range(29, -1, -1)]
    moves = trends(known, last_week, measured_better=MEASURED_BETTER)
    usual = baselines(known, [day])
    away = deviations(known, usual, [day])
    ahead = forecasts(
        known, day, models=analysis.MODELS.empty(), issued=analysis.FORECASTS.empty(), horizon_days=7
    )
    coming = risks(known, day, rules=RiskRules(bands={}, pre_warning_pct=PRE_WARNING), forecasts=ahead)
    health = health_scores(known, month, HealthRules(metrics=tuple(metrics)), sites=sites, risks=coming)
    odd = analysis.ANOMALIES.empty()
    if sle_hourly is not None:
        shapes = pl.concat(
            [
                day_shapes(
                    *(frame.filter(pl.col("day") == at) for frame in (sle_hourly, sites)),
                    None if site_hourly is None else site_hourly.filter(pl.col("day") == at),
                )
                for at in sle_hourly["day"].unique().sort()
            ]
        )
        odd = anomalies(shapes, [day])
    causes = _causes(known, away, blames, sites, day, changed)
    found = findings(
        FindingInputs(
            readings=known,
            classifiers=blames,
            sites=sites,
            trends=moves,
            deviations=away,
            risks=coming,
            anomalies=odd,
            health_scores=health,
            causes=causes,
        ),
        [day],
        RULES,
    )
    return Truth(
        ReportData(
            day=day,
            as_of=datetime.combine(day + timedelta(days=1), time(5, 30), UTC),
            organisation="Fenwick & Sons",
            sites=sites,
            sle_daily=known,
            classifiers_daily=blames,
            site_status=site_status(known, metrics, sites),
            trends=moves,
            sle_hourly=sle_hourly,
            baselines=usual,
            deviations=away,
            forecasts=ahead,
            risks=coming,
            anomalies=odd,
            health_scores=health,
            incidents=causes,
            findings=found,
        )
    )


def _causes(
    known: pl.DataFrame,
    away: pl.DataFrame,
    blames: pl.DataFrame,
    sites: pl.DataFrame,
    day: date,
    changed: Changed | None,
) -> pl.DataFrame:
    """``analysis.incidents`` of the day; none where nothing is known that sites could share."""
    if "attributes" not in sites.columns:
        return analysis.INCIDENTS.empty()
    chosen = DetectionRules(findings=RULES)
    frames = SpanFrames(readings=known, deviations=away, classifiers=blames, sites=sites)
    flags = flags_of_days(frames, analysis.EVIDENCE.empty(), chosen)
    return causes_of_days(flags, sites, [day], chosen, changed)


def with_findings(truth: Truth, found: pl.DataFrame) -> Truth:
    """The same with other findings."""
    return replace(truth, data=replace(truth.data, findings=found))
