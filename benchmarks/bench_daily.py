"""One morning of a large organisation: every analysis of one day, asset by asset, for growing numbers of sites.

Ninety days of daily scores are drawn at random; the last nine days have hours, from the simulated organisation, without
classifiers, as an organisation of this size is collected (``mist.detail: auto`` falls back to triage).
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

import numpy as np
import polars as pl

from mist_pipeline.analysis.scores.bands import with_severity
from mist_pipeline.defs.assets import analysis
from mist_pipeline.defs.assets.computed import Compute
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME, history, state
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.analyse_day import anomaly_frames
from mist_pipeline.workflows.analysis.detect_day import finding_rows
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.analysis.forecast_day import forecast_rows, risk_rows
from mist_pipeline.workflows.progress import silent
from mist_pipeline.workflows.warehouse_access import warehouse_of

LAST = date(2026, 3, 1)
DAYS = [LAST - timedelta(days=back) for back in range(89, -1, -1)]
HOURLY = DAYS[-9:]
METRICS = 7
DAYS_AT_ONCE = 10
ORDER = (
    "trends", "baselines", "deviations", "evidence", "forecasts", "risks", "anomalies", "health_scores", "correlations",
    "incidents", "findings",
)  # fmt: skip
LIMIT_ALL, LIMIT_WITHOUT_FORECASTS = 600.0, 60.0


def daily_scores(site_ids: list[str], metrics: list[str]) -> pl.DataFrame:
    """Ninety days of plausible daily scores: a level, a weekday, noise, and a decline in one series of fifty."""
    return pl.concat([scores for _, scores in daily_score_pieces(site_ids, metrics)])


def daily_score_pieces(site_ids: list[str], metrics: list[str]) -> Iterator[tuple[list[date], pl.DataFrame]]:
    """The same, some days at a time, with these days."""
    draw = np.random.default_rng(11)
    series = pl.DataFrame({"site_id": site_ids}).join(pl.DataFrame({"metric": metrics}), how="cross")
    count, length = series.height, len(DAYS)
    level = 100 - draw.gamma(2.0, 1.5, (count, 1))
    weekday = draw.normal(0, 1.0, (count, 7))[:, np.array([day.weekday() for day in DAYS])]
    slope = np.where(draw.random((count, 1)) < 0.02, 0.8, 0.0) * np.maximum(
        0, np.arange(length) - length + 21
    )
    score = np.clip(level + weekday - slope + draw.normal(0, 1.5, (count, length)), 0, 100)
    for first in range(0, length, DAYS_AT_ONCE):
        days = DAYS[first : first + DAYS_AT_ONCE]
        of_days = score[:, first : first + DAYS_AT_ONCE].tolist()
        rows = series.with_columns(score_pct=pl.Series(of_days), day=pl.lit(days, pl.List(pl.Date)))
        frame = rows.explode("score_pct", "day").with_columns(
            num_users=pl.lit(80, pl.Int64),
            total_user_minutes=pl.lit(20_000.0),
            degraded_user_minutes=200.0 * (100 - pl.col("score_pct")),
            measured_value=pl.lit(None, pl.Float64),
            measured_unit=pl.lit(None, pl.String),
            hours_covered=pl.lit(24, pl.Int64),
            state=pl.lit("ok"),
        )
        yield days, with_severity(frame)


def prepared(
    folder: Path, sites: int, hourly: list[date], variables: Mapping[str, str] = MappingProxyType({})
) -> tuple[Warehouse, Settings]:
    """A warehouse with that history and the hours of some days, nothing of it analysed; ``variables`` say where it is."""
    settings = load_settings(
        environment={
            "MIST_PIPELINE_DATA": str(folder),
            "MIST_PIPELINE__HISTORY__START": DAYS[0].isoformat(),
            **variables,
        }
    )
    warehouse = warehouse_of(settings)
    world = World(sites, len(hourly), 5, start=hourly[0])
    metrics = [metric.name for metric in settings.metrics][:METRICS]
    scores = daily_scores([site.site_id for site in world.sites()], metrics)
    warehouse.replace_days(history.SLE_DAILY, scores, DAYS)
    for day in hourly:
        frames = world.history(day, day)
        hours = frames["sle_hourly"].filter(pl.col("metric").is_in(metrics))
        of_day = {
            BY_NAME["history.sites"]: frames["sites"],
            BY_NAME["history.site_hourly"]: frames["site_hourly"],
            BY_NAME["history.sle_hourly"]: hours.with_columns(
                total_user_minutes=pl.lit(None, pl.Float64), degraded_user_minutes=pl.lit(None, pl.Float64)
            ),
        }
        warehouse.replace_all(of_day, [day])
    return warehouse, settings


def analysed(
    warehouse: Warehouse, settings: Settings, days: list[date], *, foresee: bool = True
) -> dict[str, float]:
    """Seconds of each analysis of some days, in their order."""
    seconds: dict[str, float] = {}
    makers: dict[str, tuple[Table, Compute]] = {of.name: (of, make) for of, make, _ in analysis.LAYER}
    makers["forecasts"] = table.FORECASTS, lambda whose, how, given: forecast_rows(whose, how, given, silent)
    makers["findings"] = table.FINDINGS, finding_rows
    makers["risks"] = table.RISKS, risk_rows
    for name in ORDER:
        if name == "forecasts" and not foresee:
            continue
        begun = time.perf_counter()
        if name == "evidence":
            store_evidence(warehouse, settings, days)
        elif name == "anomalies":
            rows, shapes = anomaly_frames(warehouse, settings, days)
            warehouse.replace_all({state.DAY_SHAPES: shapes, table.ANOMALIES: rows}, days)
        else:
            of, make = makers[name]
            warehouse.replace_days(of, make(warehouse, settings, days), days)
        seconds[name] = time.perf_counter() - begun
    return seconds


def morning(sites: int) -> dict[str, float]:
    """Seconds of each analysis of the last day."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse, settings = prepared(Path(folder), sites, HOURLY)
        store_evidence(warehouse, settings, HOURLY[:-1])
        return analysed(warehouse, settings, [LAST])


def backfill(sites: int) -> dict[str, float]:
    """Seconds of each analysis but the forecasts of thirty days at once."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse, settings = prepared(Path(folder), sites, DAYS[-37:])
        return analysed(warehouse, settings, DAYS[-30:], foresee=False)


def main(arguments: list[str] | None = None) -> None:
    """Print a table: an analysis a row, a number of sites a column."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="+", default=[500, 1_000, 3_000])
    parser.add_argument(
        "--backfill", type=int, default=500, help="sites of a backfill of 30 days; 0 leaves it out"
    )
    options = parser.parse_args(arguments)
    columns = {f"{count:,}": morning(count) for count in options.sites}
    if options.backfill:
        columns[f"{options.backfill:,} × 30 d"] = backfill(options.backfill)
    print(f"{'seconds':<20}" + "".join(f"{label:>14}" for label in columns) + "   sites")
    for name in ORDER:
        print(f"{name:<20}" + "".join(f"{seconds.get(name, 0.0):>14.1f}" for seconds in columns.values()))
    totals = [sum(seconds.values()) for seconds in columns.values()]
    without = [sum(seconds.values()) - seconds.get("forecasts", 0.0) for seconds in columns.values()]
    print(f"{'all':<20}" + "".join(f"{total:>14.1f}" for total in totals))
    print(f"{'all but forecasts':<20}" + "".join(f"{total:>14.1f}" for total in without))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"limits: {LIMIT_ALL:.0f} s, {LIMIT_WITHOUT_FORECASTS:.0f} s without forecasts at 3,000 sites; "
        f"{LIMIT_WITHOUT_FORECASTS:.0f} s for the backfill; peak memory of this process {peak:.1f} GiB"
    )


if __name__ == "__main__":
    main()
