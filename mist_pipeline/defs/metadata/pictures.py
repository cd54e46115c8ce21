"""Pictures for the pages of assets: what people see in Dagster before they open anything.

Each is made from the tables, of the newest day of a run and the four weeks before it. Not here: how a chart is drawn (`drawing`).
"""

from collections.abc import Mapping
from datetime import date, timedelta

import dagster as dg
import polars as pl

from mist_pipeline.defs.metadata.drawing import fan, heat_map, picture, stacked_bars
from mist_pipeline.domain.palette import LIGHT, MIDTONE
from mist_pipeline.domain.severity import STATUSES
from mist_pipeline.domain.site_names import display_names
from mist_pipeline.domain.text import clean
from mist_pipeline.warehouse.store import Warehouse

DAYS = 28
"""How far back pictures go."""

MOST_SITES = 24
"""Rows of a heat map: the worst."""

STATE_COLOURS = {
    "ok": MIDTONE["healthy"],
    "no_users": LIGHT["band-80"],
    "not_supported": LIGHT["line"],
    "missing": MIDTONE["unhealthy"],
}
_STATUS_COLOURS = {status: MIDTONE[status.lower()] for status in STATUSES}
_SURPRISES = (
    (8.0, LIGHT["h0"]),
    (5.0, LIGHT["h1"]),
    (3.0, LIGHT["h2"]),
    (1.5, LIGHT["h3"]),
    (0.0, LIGHT["h5"]),
)


def sites_by_status(status: pl.DataFrame) -> dg.MetadataValue:
    """A bar a day: how many sites had which status.

    Args:
        status: day, site_id, status.
    """
    counts = status.group_by("day").agg(
        *((pl.col("status") == one).sum().alias(one) for one in _STATUS_COLOURS)
    )
    days = counts.sort("day")
    parts = {one: days[one].cast(pl.Float64).to_list() for one in _STATUS_COLOURS}
    svg = stacked_bars("Sites by status", _labels(days["day"].to_list()), parts, _STATUS_COLOURS)
    return picture("Sites by status", svg)


def status_map(warehouse: Warehouse, day: date) -> dg.MetadataValue:
    """Statuses of the worst sites, day by day."""
    rows = warehouse.query(
        """
        WITH worst AS (
            SELECT site_id, avg(score) AS mean FROM analysis.health_scores WHERE day BETWEEN $first AND $last
            GROUP BY site_id ORDER BY mean NULLS LAST, site_id LIMIT $most
        )
        SELECT site_id, day, status FROM analysis.health_scores JOIN worst USING (site_id)
        WHERE day BETWEEN $first AND $last ORDER BY mean NULLS LAST, site_id
        """,
        {**_span(day), "most": MOST_SITES},
    )
    colours = {(site, of): _STATUS_COLOURS.get(status) for site, of, status in rows.iter_rows()}
    names = _names(warehouse, day)
    sites = list(dict.fromkeys(rows["site_id"]))
    days = _days(day)
    title = f"Status of the {len(sites)} sites with the lowest health scores, to {day}"
    cells = [[colours.get((site, of)) for of in days] for site in sites]
    shown = [clean(names.get(site, site), 26) for site in sites]
    return picture("Status", heat_map(title, shown, _labels(days), cells, _STATUS_COLOURS))


def forecast_fan(warehouse: Warehouse, day: date) -> dg.MetadataValue:
    """The series that is expected to be lowest, with its past."""
    ahead = warehouse.query(
        """
        WITH worst AS (
            SELECT site_id, metric FROM analysis.forecasts WHERE day = ? AND mean_pct IS NOT NULL
            GROUP BY site_id, metric ORDER BY min(mean_pct), site_id, metric LIMIT 1
        )
        SELECT * FROM analysis.forecasts SEMI JOIN worst USING (site_id, metric) WHERE day = ? ORDER BY horizon_days
        """,
        [day, day],
    )
    if ahead.is_empty():
        return dg.MetadataValue.text("no series has enough history for a forecast")
    site, metric = ahead["site_id"][0], ahead["metric"][0]
    known = warehouse.query(
        "SELECT day, score_pct FROM history.sle_daily WHERE site_id = ? AND metric = ? AND day BETWEEN ? AND ?",
        [site, metric, *_span(day).values()],
    )
    scores: dict[date, float | None] = dict(known.iter_rows())
    bands = [
        (LIGHT["band-95"], ahead["lower_pct"].to_list(), ahead["upper_pct"].to_list()),
        (LIGHT["band-80"], ahead["lower_80_pct"].to_list(), ahead["upper_80_pct"].to_list()),
    ]
    name = clean(_names(warehouse, day).get(site, site), 40)
    days = [*_days(day), *ahead["target_day"].to_list()]
    past = [scores.get(of) for of in _days(day)]
    title = f"Lowest forecast: {metric} at {name}"
    return picture("Forecast", fan(title, past, ahead["mean_pct"].to_list(), bands, _labels(days)))


def coverage(warehouse: Warehouse, day: date) -> dg.MetadataValue:
    """A bar a day: how many readings there are, and in which states the others are."""
    rows = warehouse.query(
        "SELECT day, state, count(*) AS n FROM history.sle_daily WHERE day BETWEEN $first AND $last GROUP BY ALL",
        _span(day),
    )
    counts = {(of, state): float(n) for of, state, n in rows.iter_rows()}
    parts = {state: [counts.get((of, state), 0.0) for of in _days(day)] for state in STATE_COLOURS}
    svg = stacked_bars("Readings by state", _labels(_days(day)), parts, STATE_COLOURS)
    return picture("Readings by state", svg)


def call_budget(facts: Mapping[str, object]) -> dg.MetadataValue:
    """What a plan spends its calls on.

    Args:
        facts: ``Plan.summary``.
    """
    planned = facts.get("calls_by_purpose")
    purposes = (
        {str(name): float(str(n)) for name, n in planned.items()} if isinstance(planned, Mapping) else {}
    )
    columns = [*purposes, "available now"]
    parts = {
        "planned": [*purposes.values(), 0.0],
        "available": [0.0 for _ in purposes] + [float(str(facts.get("calls_available") or 0))],
    }
    colours = {"planned": LIGHT["series"], "available": MIDTONE["healthy"]}
    return picture("Calls", stacked_bars("Calls to the cloud", columns, parts, colours))


def evidence_map(warehouse: Warehouse, day: date) -> dg.MetadataValue:
    """How surprising the hours of a day were, of the series with the most surprising ones."""
    rows = warehouse.query(
        """
        WITH hours AS (
            SELECT site_id, metric, hour, max(surprise) AS surprise FROM analysis.evidence
            WHERE day = ? AND site_id <> '' GROUP BY ALL
        ), worst AS (
            SELECT site_id, metric, max(surprise) AS most FROM hours GROUP BY ALL
            ORDER BY most DESC, site_id, metric LIMIT ?
        )
        SELECT site_id, metric, hour, surprise FROM hours JOIN worst USING (site_id, metric)
        ORDER BY most DESC, site_id, metric
        """,
        [day, MOST_SITES],
    )
    names = _names(warehouse, day)
    series = list(dict.fromkeys(rows.select("site_id", "metric").iter_rows()))
    hours = sorted(set(rows["hour"].to_list()))
    surprise = {(site, metric, hour): value for site, metric, hour, value in rows.iter_rows()}
    cells = [
        [_surprise_colour(surprise.get((site, metric, hour))) for hour in hours] for site, metric in series
    ]
    shown = [f"{clean(names.get(site, site), 16)} {metric}"[:32] for site, metric in series]
    legend = {f"≥ {line:g}": colour for line, colour in _SURPRISES}
    title = f"Surprise by hour (UTC), the series with the most, {day}"
    return picture("Evidence", heat_map(title, shown, [f"{hour:%H}" for hour in hours], cells, legend))


def _surprise_colour(value: float | None) -> str | None:
    return None if value is None else next((colour for line, colour in _SURPRISES if value >= line), None)


def _span(day: date) -> dict[str, date]:
    return {"first": day - timedelta(days=DAYS - 1), "last": day}


def _days(day: date) -> list[date]:
    return [day - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def _labels(days: list[date]) -> list[str]:
    return [f"{day:%d %b}" for day in days]


def _names(warehouse: Warehouse, day: date) -> dict[str, str]:
    rows = warehouse.query("SELECT site_id, name FROM history.sites WHERE day = ?", [day])
    return display_names(dict(rows.iter_rows()), set())
