"""What comes next: series that get worse, and series that are expected to cross a threshold."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from mist_pipeline.analysis.risks.horizon import LOOK_AHEAD_DAYS, WARNING_DAYS
from mist_pipeline.analysis.scores.weekly_line import LINE_DAYS, weekly_line
from mist_pipeline.domain.severity import RANKS, TROUBLE, UNRANKED
from mist_pipeline.report.document.attention import blamed_most
from mist_pipeline.report.document.changes import changes_of
from mist_pipeline.report.document.formatting import (
    THRESHOLD_NAMES,
    risk_sentence,
    short,
    signed,
    threshold_pct,
)
from mist_pipeline.report.document.incident_model import Series
from mist_pipeline.report.document.model import AtRisk, ForecastDay, Site, Trend, TrendDay
from mist_pipeline.report.document.series import score_series
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.queries.frames import of_day, of_days, score, shown_change

_SERIES = ["site_id", "metric"]


def _crossing(risks: pl.DataFrame) -> pl.DataFrame:
    """The most serious threshold that each series is about to cross; a row a series, soonest and surest first.

    A series that is only warned of early (``is_pre_warning`` while critical is not in sight) has ``pre_warning``.
    """
    warned = pl.col("is_pre_warning") if "is_pre_warning" in risks.columns else pl.lit(value=False)
    withheld = pl.col("is_withheld") if "is_withheld" in risks.columns else pl.lit(value=False)
    rank = {name: place for place, name in enumerate(THRESHOLD_NAMES)}
    name = pl.col("severity").str.replace_all("-", "_")
    return (
        risks.with_columns(
            threshold=pl.when((pl.col("state") == "crossing") & name.is_in(list(rank)))
            .then(name)
            .when((warned | withheld).fill_null(value=False) & (pl.col("state") != "already"))
            .then(pl.lit("pre_warning"))
        )
        .filter(pl.col("threshold").is_in(["critical", "pre_warning", "major"]))
        .with_columns(rank=pl.col("threshold").replace_strict(rank, return_dtype=pl.Int64))
        .sort(
            "rank",
            "days",
            "probability",
            "site_id",
            "metric",
            descending=[False, False, True, False, False],
            nulls_last=True,
        )
        .unique(_SERIES, keep="first", maintain_order=True)
    )


def _forecasts(data: ReportData, series: pl.DataFrame) -> dict[tuple[str, str], list[ForecastDay]]:
    """What was forecast on the day for these series."""
    if data.forecasts is None:
        return {}
    bounds = ["mean_pct", "lower_pct", "upper_pct", "lower_80_pct", "upper_80_pct"]
    rows = (
        of_day(data.forecasts, data.day)
        .join(series, on=_SERIES)
        .drop_nulls(bounds)
        .sort(*_SERIES, "target_day")
        .group_by(_SERIES, maintain_order=True)
        .agg(
            pl.struct(
                pl.col("target_day").dt.to_string("iso").alias("day"),
                *(pl.col(name).round(2) for name in bounds),
            ).alias("line")
        )
    )
    return {(site, metric): line for site, metric, line in rows.iter_rows()}


def at_risk(data: ReportData, sites: dict[str, Site]) -> list[AtRisk] | None:
    """Series that are expected to cross a threshold, most serious and soonest first; None where not computed."""
    if data.risks is None:
        return None
    crossing = _crossing(of_day(data.risks, data.day))
    series = crossing.select(_SERIES)
    forecasts, histories = _forecasts(data, series), score_series(data, series)
    blamed, speeds = blamed_most(data), _speeds(data, series)
    changed = changes_of(data, set(series["site_id"]))
    blank: Series = [None] * data.settings.history_days
    listed: list[AtRisk] = []
    for row in crossing.to_dicts():
        site = sites.get(row["site_id"])
        if site is None:
            continue
        key = (row["site_id"], row["metric"])
        history = histories.get(key, blank)
        if _rises(history):
            continue
        courses = _courses(row.get("courses_pct"))
        listed.append(
            AtRisk(
                site_id=row["site_id"],
                label=site["label"],
                url=site["url"],
                metric=row["metric"],
                threshold=row["threshold"],
                threshold_pct=threshold_pct(row["metric"], row["threshold"], data.settings),
                days=short(row["days"]),
                days_low=short(row["days_low"]),
                days_high=short(row["days_high"]),
                probability=short(row["probability"], 3),
                sentence=risk_sentence(row),
                why=[text for text in (speeds.get(key), blamed.get(key)) if text],
                crosses_on=_crosses_on(row, data.day),
                is_withheld=bool(row.get("is_withheld")),
                is_soon=row["threshold"] == "critical"
                and not row.get("is_withheld")
                and row["days"] is not None
                and row["days"] <= data.settings.forecast_days,
                history=history,
                changes=changed.get(row["site_id"], []),
                forecast=_middle(courses, data.day) if courses else forecasts.get(key, []),
                courses=courses,
            )
        )
    return listed


def _speeds(data: ReportData, series: pl.DataFrame) -> dict[tuple[str, str], str]:
    """How fast these series fall, in words."""
    rows = of_day(data.trends, data.day).join(series, on=_SERIES)
    falling = rows.filter(pl.col("velocity_pct_per_day").round(1) < 0)
    return {
        (site_id, metric): f"{signed(speed)} points a day"
        for site_id, metric, speed in falling.select(*_SERIES, "velocity_pct_per_day").iter_rows()
    }


def _crosses_on(risk: Mapping[str, Any], day: date) -> str | None:
    """The day on which a line is crossed by the median of the courses that cross it."""
    if risk["threshold"] == "pre_warning" or risk["days"] is None:
        return None
    return (day + timedelta(days=max(1, math.ceil(risk["days"])))).isoformat()


def _rises(history: Series) -> bool:
    """Whether the last three scores rise: nobody would believe that they approach anything."""
    last = [score for score in history if score is not None][-3:]
    return len(last) == 3 and all(before < now for before, now in pairwise(last))


def _courses(stored: Sequence[float] | None) -> list[list[float]]:
    """The courses of a row over the days of its probability; none in rows of an earlier version."""
    if not stored:
        return []
    import numpy as np

    found: list[list[float]] = np.reshape(stored, (-1, LOOK_AHEAD_DAYS))[:, :WARNING_DAYS].round(2).tolist()
    return found


def _middle(courses: list[list[float]], day: date) -> list[ForecastDay]:
    """The middle course, and by day the ranges that hold 80 and 95 % of them.

    Courses are in the order of how deep they fall: where half of them cross, the middle one does.
    """
    import numpy as np

    bounds = np.quantile(np.array(courses), [0.025, 0.1, 0.9, 0.975], axis=0).round(2).T.tolist()
    return [
        ForecastDay(
            day=(day + timedelta(days=ahead)).isoformat(),
            mean_pct=level,
            lower_pct=bound[0],
            upper_pct=bound[3],
            lower_80_pct=bound[1],
            upper_80_pct=bound[2],
        )
        for ahead, (level, bound) in enumerate(zip(courses[(len(courses) - 1) // 2], bounds, strict=True), 1)
    ]


def _lines(data: ReportData, series: pl.DataFrame) -> dict[tuple[str, str], list[TrendDay]]:
    """The seven-day lines of these series."""
    settings = data.settings
    first = data.day - timedelta(days=LINE_DAYS - 1)
    rows = weekly_line(
        of_days(data.sle_daily, data.day, LINE_DAYS).join(series, on=_SERIES),
        of_days(data.trends, data.day, LINE_DAYS).join(series, on=_SERIES),
        data.day,
        bands=settings.bands,
        by_metric=settings.bands_by_metric,
        forecast_days=settings.forecast_days,
    ).filter(pl.col("day") >= first)
    lists = rows.group_by(_SERIES, maintain_order=True).agg(
        pl.struct(
            pl.col("day").dt.to_string("iso"),
            "day_number",
            score("score_pct"),
            "status",
            "indicator",
            "is_alert",
            "text",
        ).alias("line")
    )
    return {(site, metric): line for site, metric, line in lists.iter_rows()}


def _urgency(alert: str | None) -> int:
    """What can still be averted comes first, then what is already critical, then the rest."""
    return 2 if alert is None else 1 if alert == "critical" else 0


def worsening(data: ReportData, sites: dict[str, Site], risks: list[AtRisk] | None) -> list[Trend]:
    """Series that get worse, those first that are about to be critical, each with its seven days.

    A series is here if it degrades by the rule of ``analysis.trends``, if it is about to be critical, or if it
    worsens beyond its noise and is already in trouble.
    """
    coming = {
        (risk["site_id"], risk["metric"]): risk for risk in risks or [] if risk["threshold"] == "critical"
    }
    expected = pl.DataFrame(list(coming), schema=dict.fromkeys(_SERIES, pl.String), orient="row")
    severities = of_day(data.sle_daily, data.day).select(*_SERIES, score("score_pct"), "severity")
    trends = (
        of_day(data.trends, data.day)
        .select(*_SERIES, "change_pct", "velocity_pct_per_day", "indicator", "is_degrading")
        .join(severities, on=_SERIES)
        .with_columns(change_pct=shown_change())
        .join(expected.with_columns(is_coming=pl.lit(value=True)), on=_SERIES, how="left")
    )
    in_trouble = pl.col("severity").is_in(TROUBLE)
    chosen = trends.filter(
        pl.col("is_degrading").fill_null(value=False)
        | pl.col("is_coming").fill_null(value=False)
        | ((pl.col("indicator") == "↑") & in_trouble)
    ).sort(*_SERIES)
    lines = _lines(data, chosen.select(_SERIES))
    listed: list[tuple[tuple[int, int, float], Trend]] = []
    for row in chosen.to_dicts():
        key = (row["site_id"], row["metric"])
        site, line = sites.get(row["site_id"]), lines.get(key)
        if site is None or not line:
            continue
        alert: str | None = None
        if line[-1]["is_alert"]:
            alert = line[-1]["text"].rpartition("ALERT: ")[2]
        elif key in coming:
            alert = coming[key]["sentence"][:1].lower() + coming[key]["sentence"][1:]
        trend = Trend(
            site_id=row["site_id"],
            label=site["label"],
            url=site["url"],
            metric=row["metric"],
            score_pct=row["score_pct"],
            change_pct=row["change_pct"],
            velocity_pct_per_day=short(row["velocity_pct_per_day"]),
            alert=alert,
            line=line,
        )
        speed = row["velocity_pct_per_day"]
        listed.append(
            (
                (
                    _urgency(alert),
                    -RANKS.get(row["severity"] or "", UNRANKED),
                    0.0 if speed is None else speed,
                ),
                trend,
            )
        )
    return [trend for _, trend in sorted(listed, key=lambda pair: pair[0])]
