"""Which sites need a person's attention, and the reasons to show for each."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from mist_pipeline.domain.metrics import classifier_title, title_of
from mist_pipeline.domain.numbers import percent
from mist_pipeline.domain.severity import RANKS, UNRANKED, status_of
from mist_pipeline.domain.text import clean, count
from mist_pipeline.report.document.incident_model import OpenIncident
from mist_pipeline.report.document.model import STATUSES, Attention, CandidateCause, Notice, Reading, Site
from mist_pipeline.report.document.series import score_series
from mist_pipeline.report.document.sites import worst_readings
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.queries.frames import of_day

_SHOWN_ELSEWHERE = ("threshold", "trend", "correlation", "anomaly")
"""Kinds of findings that the page shows in its own way."""

_MAX_NOTES = 5


def notices(data: ReportData) -> list[Notice]:
    """Findings about the whole organisation or the pipeline itself, worst first."""
    if data.findings is None:
        return []
    rows = of_day(data.findings, data.day).filter(pl.col("site_id").fill_null("") == "")
    found = [
        Notice(kind=row["kind"], severity=row["severity"], summary=clean(row["summary"] or ""))
        for row in rows.to_dicts()
    ]
    return sorted(
        found, key=lambda notice: (-RANKS.get(notice["severity"] or "", UNRANKED), notice["summary"])
    )


def _findings(data: ReportData) -> dict[str, list[Notice]]:
    """What other rules found, by site, worst first."""
    if data.findings is None:
        return {}
    rows = (
        of_day(data.findings, data.day)
        .filter((pl.col("site_id") != "") & ~pl.col("kind").is_in(_SHOWN_ELSEWHERE))
        .with_columns(rank=pl.col("severity").replace_strict(RANKS, default=UNRANKED, return_dtype=pl.Int64))
        .sort("site_id", -pl.col("rank"), "kind", "metric", "summary")
    )
    by_site: dict[str, list[Notice]] = {}
    for row in rows.select("site_id", "kind", "severity", "summary").to_dicts():
        notice = Notice(kind=row["kind"], severity=row["severity"], summary=row["summary"] or "")
        by_site.setdefault(row["site_id"], []).append(notice)
    return by_site


def _keyed(frame: pl.DataFrame, value: str) -> dict[tuple[str, str], float]:
    """A value by site and metric."""
    rows = frame.filter(pl.col(value).is_not_null()).select("site_id", "metric", value)
    return {(site, metric): number for site, metric, number in rows.iter_rows()}


def _expected(data: ReportData) -> dict[tuple[str, str], float]:
    """What is usual for a series on the eve of the day: what its score was compared with (``analysis.deviations``)."""
    return {} if data.deviations is None else _keyed(of_day(data.deviations, data.day), "expected_pct")


def blamed_most(data: ReportData) -> dict[tuple[str, str], str]:
    """The classifier with the largest share of each series, in words."""
    rows = (
        of_day(data.classifiers_daily, data.day)
        .filter(pl.col("degraded_pct") > 0)
        .sort("site_id", "metric", "degraded_pct", "classifier", descending=[False, False, True, False])
        .group_by("site_id", "metric", maintain_order=True)
        .agg(pl.col("classifier").first(), pl.col("degraded_pct").first())
    )
    return {
        (site, metric): f"mostly {clean(classifier_title(classifier))} ({percent(share)} of user-minutes)"
        for site, metric, classifier, share in rows.iter_rows()
    }


def _worst_hours(data: ReportData, series: pl.DataFrame) -> dict[tuple[str, str], str]:
    """The hour with most degraded user-minutes of each of these series, in the site's own time.

    The lowest score alone does not say it: one user with 0 % at night is not the worst hour.
    """
    if data.sle_hourly is None or "timezone" not in data.sites.columns:
        return {}
    zones = data.sites.filter(pl.col("day") <= data.day).sort("day").unique("site_id", keep="last")
    rows = (
        of_day(data.sle_hourly, data.day)
        .filter(pl.col("state") == "ok")
        .join(series, on=["site_id", "metric"])
        .sort(
            "site_id",
            "metric",
            "degraded_user_minutes",
            "score_pct",
            "hour",
            descending=[False, False, True, False, False],
            nulls_last=True,
        )
        .unique(["site_id", "metric"], keep="first", maintain_order=True)
        .join(zones.select("site_id", "timezone"), on="site_id", how="left")
        .select("site_id", "metric", "hour", "score_pct", "timezone")
    )
    notes: dict[tuple[str, str], str] = {}
    for site, metric, hour, score, timezone in rows.iter_rows():
        try:
            local = hour.astimezone(ZoneInfo(timezone or "UTC"))
        except (ZoneInfoNotFoundError, ValueError):
            local = hour
        notes[site, metric] = f"most user-minutes lost from {local:%H:%M} local time, at {percent(score)}"
    return notes


def _metric_sentence(reading: Reading) -> str:
    """``Capacity 71.2 % is unhealthy``."""
    return f"{title_of(reading['metric'])} {percent(reading['score_pct'])} is {status_of(reading['severity']).lower()}"


def _needs_attention(site: Site, findings: list[Notice]) -> bool:
    """Critical and unhealthy sites, degraded ones that worsen, and sites with a serious finding."""
    if site["status"] in ("CRITICAL", "UNHEALTHY"):
        return True
    if any(finding["severity"] in ("critical", "major") for finding in findings):
        return True
    is_worsening = any(reading["indicator"] == "↑" for reading in worst_readings(site["metrics"]))
    return site["status"] == "DEGRADED" and is_worsening


def needs_attention(
    data: ReportData,
    sites: list[Site],
    shared_causes: list[CandidateCause] | None,
    incidents: list[OpenIncident] | None,
) -> list[Attention]:
    """The sites that need attention, worst first: down, then by status, and under one status by the score that is shown.

    Args:
        data: The report's frames.
        sites: `sites_worst_first`.
        shared_causes: Candidate causes, to say which sites are part of one.
        incidents: What is open, the worst first, to say which sites an incident tells of.
    """
    findings, expected, blamed = _findings(data), _expected(data), blamed_most(data)
    told = {site["site_id"]: one["incident_id"] for one in reversed(incidents or []) for site in one["sites"]}
    causes = {
        site["site_id"]: cause
        for cause in reversed(shared_causes or [])
        if cause["scope"] == "infrastructure"
        for site in cause["sites"]
    }
    chosen = [site for site in sites if _needs_attention(site, findings.get(site["site_id"], []))]
    worst = {site["site_id"]: worst_readings(site["metrics"]) for site in chosen}
    series = pl.DataFrame(
        [(site_id, readings[0]["metric"]) for site_id, readings in worst.items() if readings],
        schema={"site_id": pl.String, "metric": pl.String},
        orient="row",
    )
    hours = _worst_hours(data, series)
    histories = score_series(data, series)
    place = {status: number for number, status in enumerate(STATUSES)}
    listed: list[tuple[tuple[bool, int, float], Attention]] = []
    for site in chosen:
        site_id, found = site["site_id"], findings.get(site["site_id"], [])
        top = worst[site_id][0] if worst[site_id] else None
        notes: list[str] = []
        if top is not None:
            key = (site_id, top["metric"])
            usual = expected.get(key)
            notes += [text for text in (blamed.get(key), hours.get(key)) if text]
            notes += [f"usual {percent(usual)}"] if usual is not None else []
            notes += [_metric_sentence(reading) for reading in worst[site_id][1:2]]
        if site_id in causes:
            notes.insert(0, f"part of a common cause of {count(causes[site_id]['num_sites'], 'site')}")
        previous = site["previous_status"]
        if previous is not None and previous != site["status"]:
            notes.insert(0, f"was {previous.lower()} the day before")
        serious = [clean(finding["summary"]) for finding in found]
        reason = _metric_sentence(top) if top is not None else (serious.pop(0) if serious else site["reason"])
        is_down = top is None and any(finding["severity"] == "critical" for finding in found)
        score = top["score_pct"] if top else None
        item = Attention(
            site_id=site_id,
            label=site["label"],
            url=site["url"],
            status=site["status"],
            metric=top["metric"] if top else None,
            score_pct=top["score_pct"] if top else None,
            num_users=top["num_users"] if top else None,
            indicator=top["indicator"] if top else None,
            change_pct=top["change_pct"] if top else None,
            reason=reason,
            notes=[*serious[:2], *notes][:_MAX_NOTES],
            cause_fingerprint=causes[site_id]["cause_fingerprint"] if site_id in causes else None,
            incident_id=told.get(site_id),
            threshold_pct=data.settings.bands_of(top["metric"] if top else "").critical,
            history=histories.get((site_id, top["metric"]), site["history"]) if top else site["history"],
        )
        listed.append(((not is_down, place[site["status"]], 101.0 if score is None else score), item))
    listed.sort(key=lambda pair: pair[0])  # stable: equal ones stay in the order of ``sites``
    return [item for _, item in listed]
