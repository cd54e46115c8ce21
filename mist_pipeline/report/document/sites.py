"""Every site on the day: what it is called, how it is, why, and how it was; worst first.

Here: the sites table and the reason of each row. Not here: which of them need attention (`attention`).
"""

from collections import Counter
from datetime import date
from typing import Any, cast

import polars as pl

from mist_pipeline.domain.metrics import in_catalogue_order, title_of
from mist_pipeline.domain.numbers import percent
from mist_pipeline.domain.severity import TROUBLE, UNKNOWN, rank
from mist_pipeline.domain.text import count
from mist_pipeline.report.document.incident_model import Series
from mist_pipeline.report.document.model import STATUSES, Health, Reading, Site, UnknownReason
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.queries.frames import daily_lists, last_days, of_day, of_days, score, shown_change
from mist_pipeline.report.queries.site_labels import with_labels

_MAX_REASONS = 3
_STATUS_RANK = {status: rank for rank, status in enumerate(STATUSES)}


def shown_metrics(data: ReportData) -> list[str]:
    """The metrics that any site has on the day, in catalogue order; unsupported everywhere is not shown."""
    today = data.sle_daily.filter((pl.col("day") == data.day) & (pl.col("state") != "not_supported"))
    return in_catalogue_order(today["metric"].drop_nulls().unique().to_list())


def named_sites(data: ReportData) -> pl.DataFrame:
    """Every site of the day with its label: of the newest description, and others that have a status or a reading."""
    described = data.sites.filter(pl.col("day") <= data.day)
    described = described.filter(pl.col("day") == pl.col("day").max()).select("site_id", "name")
    others = [
        frame.filter((pl.col("day") == data.day) & pl.col("site_id").is_not_null()).select("site_id")
        for frame in (data.site_status, data.sle_daily)
    ]
    seen = pl.concat(others).unique().join(described, on="site_id", how="anti")
    sites = pl.concat([described, seen.with_columns(name=pl.lit(None, pl.String))])
    return with_labels(sites.unique("site_id", keep="first", maintain_order=True)).sort("site_id")


def readings_of_day(data: ReportData, sites: pl.DataFrame, metrics: list[str]) -> pl.DataFrame:
    """A row for every site and shown metric; ``not_asked`` where the history has none."""
    trends = of_day(data.trends, data.day).select(
        "site_id", "metric", "indicator", "change_pct", "velocity_pct_per_day"
    )
    today = of_day(data.sle_daily, data.day).select(
        "site_id", "metric", "score_pct", "severity", "state", "num_users"
    )
    return (
        sites.select("site_id")
        .join(pl.DataFrame({"metric": metrics}, schema={"metric": pl.String}), how="cross")
        .join(today, on=["site_id", "metric"], how="left")
        .join(trends, on=["site_id", "metric"], how="left")
        .with_columns(
            state=pl.col("state").fill_null("not_asked"),
            # Only an ``ok`` reading has a score, whatever the frame says.
            score_pct=pl.when(pl.col("state") == "ok").then(score("score_pct")),
            severity=pl.when(pl.col("state") == "ok").then(pl.col("severity")),
            change_pct=shown_change(),
            velocity_pct_per_day=pl.col("velocity_pct_per_day").round(2),
        )
    )


def _by_site(frame: pl.DataFrame, value: str, days: list[date]) -> dict[str, Series]:
    """A daily value of every site on every one of ``days``."""
    lists = daily_lists(frame, ["site_id"], value, days)
    return dict(zip(lists["site_id"].to_list(), lists["history"].to_list(), strict=True))


def _worst_scores(data: ReportData, days: list[date]) -> dict[str, Series]:
    """The worst score with a severity of every day, by site."""
    rated = of_days(data.sle_daily, data.day, len(days)).filter(
        (pl.col("state") == "ok") & pl.col("severity").is_not_null()
    )
    return _by_site(rated.group_by("day", "site_id").agg(pl.col("score_pct").min()), "score_pct", days)


def _health_history(data: ReportData, days: list[date]) -> dict[str, Series]:
    """Health of every day, by site."""
    if data.health_scores is None:
        return {}
    return _by_site(of_days(data.health_scores, data.day, len(days)), "score", days)


def _statuses(data: ReportData) -> tuple[dict[str, str], dict[str, str]]:
    """Status by site on the day, and on the newest earlier day that the frame has."""
    frame = data.site_status.filter(pl.col("day") <= data.day)
    earlier = frame.filter(pl.col("day") < data.day)
    previous = earlier.filter(pl.col("day") == pl.col("day").max())
    today = frame.filter(pl.col("day") == data.day)
    by_site = [
        {
            site: status if status in _STATUS_RANK else UNKNOWN
            for site, status in zip(rows["site_id"].to_list(), rows["status"].to_list(), strict=True)
        }
        for rows in (today, previous)
    ]
    return by_site[0], by_site[1]


def _health(data: ReportData) -> dict[str, Health]:
    """Health by site; empty where it was not computed."""
    if data.health_scores is None:
        return {}
    rows = of_day(data.health_scores, data.day).select(
        "site_id",
        score("score"),
        shown_change("score", "change"),
        pl.col("confidence").round(3),
        "is_at_risk",
    )
    return {row.pop("site_id"): cast("Health", row) for row in rows.to_dicts()}


def _why_unknown(readings: list[Reading], has_status: bool) -> str:
    """Why a site has no status, most frequent reason first."""
    if not has_status:
        return "no status was computed for this day"
    supported = [reading for reading in readings if reading["state"] != "not_supported"]
    if not supported:
        return (
            "none of the collected service levels is supported here" if readings else "nothing was collected"
        )
    states = Counter(reading["state"] for reading in supported)
    few = sum(reading["state"] == "ok" and reading["severity"] is None for reading in supported)
    parts = [
        (states["missing"], "the cloud had no data"),
        (states["not_asked"], "not asked or not answered"),
        (states["no_users"], "no users"),
        (few, "too few users to judge"),
    ]
    found = [(amount, text) for amount, text in sorted(parts, key=lambda part: -part[0]) if amount]
    if not found:
        return "too little is known"
    if found[0][0] == len(supported):
        return found[0][1]
    return ", ".join(f"{text} ({amount} of {len(supported)} metrics)" for amount, text in found)


def worst_readings(readings: list[Reading]) -> list[Reading]:
    """The readings in trouble, worst severity and lowest score first."""
    trouble = [reading for reading in readings if reading["severity"] in TROUBLE]
    return sorted(
        trouble, key=lambda reading: (-rank(reading["severity"] or ""), reading["score_pct"] or 0.0)
    )


def _reason(status: str, readings: list[Reading], has_status: bool) -> str:
    """Why a site has its status; empty for a healthy one."""
    if status == UNKNOWN:
        return _why_unknown(readings, has_status)
    worst = worst_readings(readings)
    named = [
        f"{title_of(reading['metric'])} {percent(reading['score_pct'])}" for reading in worst[:_MAX_REASONS]
    ]
    if len(worst) > _MAX_REASONS:
        named.append(f"{count(len(worst) - _MAX_REASONS, 'more metric')}")
    return ", ".join(named)


def _worst_first(site: Site) -> tuple[int, float, float, str, str]:
    """By status, then by the score that made it, then by health; always the same order for the same day."""
    health = site["health"]["score"] if site["health"] is not None else None
    worst = worst_readings(site["metrics"])
    lowest = worst[0]["score_pct"] if worst else None
    return (
        _STATUS_RANK[site["status"]],
        101.0 if lowest is None else lowest,
        101.0 if health is None else health,
        site["label"],
        site["site_id"],
    )


def sites_worst_first(data: ReportData, metrics: list[str]) -> list[Site]:
    """Every site of the day, worst first.

    Args:
        data: The report's frames.
        metrics: The metrics to show (`shown_metrics`).
    """
    named = named_sites(data)
    fields = list(Reading.__annotations__)
    by_site = (
        readings_of_day(data, named, metrics)
        .group_by("site_id", maintain_order=True)
        .agg(metrics=pl.struct(fields))
    )
    rows: list[dict[str, Any]] = named.join(by_site, on="site_id", how="left").to_dicts()
    status, previous = _statuses(data)
    health = _health(data)
    days = last_days(data.day, data.settings.history_days)
    worst, healths = _worst_scores(data, days), _health_history(data, days)
    blank: Series = [None] * len(days)
    sites: list[Site] = []
    for row in rows:
        site_id: str = row["site_id"]
        readings: list[Reading] = row["metrics"] or []
        word = status.get(site_id, UNKNOWN)
        sites.append(
            Site(
                site_id=site_id,
                name=row["name"],
                label=row["label"],
                url=data.links.site(site_id),
                status=word,
                previous_status=previous.get(site_id),
                reason=_reason(word, readings, site_id in status),
                health=health.get(site_id),
                metrics=readings,
                history=worst.get(site_id, blank),
                health_history=None if data.health_scores is None else healths.get(site_id, blank),
            )
        )
    return sorted(sites, key=_worst_first)


def main_reason(site: Site) -> str:
    """The first part of a site's reason, without its numbers, so that sites can be counted by it."""
    return site["reason"].partition(" (")[0]


def unknown_reasons(sites: list[Site]) -> list[UnknownReason]:
    """The main reasons for which sites have no status, most frequent first."""
    reasons = Counter(main_reason(site) for site in sites if site["status"] == UNKNOWN)
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return [UnknownReason(reason=reason, num_sites=amount) for reason, amount in ordered]


def status_by_day(data: ReportData, known: set[str]) -> list[dict[str, int | str]]:
    """How many sites had each status, for every day of the history that has any.

    Args:
        data: The report's frames.
        known: The sites of the day; others no longer exist and are left out.
    """
    days: list[date] = last_days(data.day, data.settings.history_days)
    counts = (
        data.site_status.filter(pl.col("day").is_in(days) & pl.col("site_id").is_in(list(known)))
        .group_by("day")
        .agg((pl.col("status") == status).sum().alias(status) for status in STATUSES)
        .sort("day")
        .with_columns(day=pl.col("day").dt.to_string("iso"))
    )
    return counts.to_dicts()
