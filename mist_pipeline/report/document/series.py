"""Scores of single series, day by day: for sparklines and for the days before a forecast."""

import polars as pl

from mist_pipeline.report.document.incident_model import Series
from mist_pipeline.report.queries.data import ReportData
from mist_pipeline.report.queries.frames import daily_lists, last_days, of_days


def score_series(data: ReportData, series: pl.DataFrame) -> dict[tuple[str, str], Series]:
    """Scores of these series (site_id, metric) on every day of the history, by site and metric."""
    days = last_days(data.day, data.settings.history_days)
    scores = of_days(data.sle_daily, data.day, len(days)).filter(pl.col("state") == "ok")
    rows = daily_lists(
        scores.join(series, on=["site_id", "metric"]), ["site_id", "metric"], "score_pct", days
    )
    return {(site, metric): line for site, metric, line in rows.iter_rows()}
