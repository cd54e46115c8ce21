"""How long a replay takes: a month of a large organisation in full detail, under one configuration and under three.

The organisation is the simulated one with its incidents; evidence, causes and findings of its days are stored first and not
measured. Run with ``.venv/bin/python -m benchmarks replay``; ``--folder DIR`` keeps the warehouse for the next run. Evidence of 500 sites
takes ten minutes and more: ``--sites 60 --copies 9`` makes it of 60 and repeats them under other names.
"""

import argparse
import resource
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import polars as pl

from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.settings.notifications import Sensitivity
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import BY_NAME, analysis, history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.analyse_day import baseline_rows, deviation_rows
from mist_pipeline.workflows.analysis.detect_day import candidate_cause_rows, finding_rows
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.replaying.runs import at_sensitivity, replays

FIRST = date(2026, 2, 2)
LEARNING_DAYS = 14
"""Days of history before those that are replayed, from which evidence knows what is usual."""
LIMIT_SECONDS = 120.0


def prepared(folder: Path, sites: int, days: int) -> tuple[Warehouse, Settings, list[date]]:
    """A warehouse with history, evidence and findings of the days to replay; kept if it is there already."""
    settings = load_settings(
        environment={"MIST_PIPELINE_DATA": str(folder), "MIST_PIPELINE__HISTORY__START": FIRST.isoformat()}
    )
    warehouse = Warehouse(settings.warehouse_path)
    every = [FIRST + timedelta(days=at) for at in range(LEARNING_DAYS + days)]
    replayed = every[LEARNING_DAYS:]
    is_there = folder / "complete"
    if is_there.exists():
        return warehouse, settings, replayed
    world = World(sites, len(every), 5, start=FIRST)
    for day in every:
        frames = world.history(day, day)
        warehouse.replace_all({BY_NAME[f"history.{name}"]: frame for name, frame in frames.items()}, [day])
    store_evidence(warehouse, settings, every)
    for table, compute in (
        (analysis.BASELINES, baseline_rows),
        (analysis.DEVIATIONS, deviation_rows),
        (analysis.INCIDENTS, candidate_cause_rows),
        (analysis.FINDINGS, finding_rows),
    ):
        warehouse.replace_days(table, compute(warehouse, settings, replayed), replayed)
    is_there.touch()
    return warehouse, settings, replayed


def repeat(warehouse: Warehouse, copies: int) -> None:
    """Repeat the sites of a warehouse under other names, in the tables that a replay reads."""
    days = [FIRST + timedelta(days=at) for at in range(LEARNING_DAYS + 366)]
    for table in (
        history.SLE_HOURLY,
        history.SITE_HOURLY,
        history.SITES,
        history.SLE_DAILY,
        analysis.EVIDENCE,
        analysis.FINDINGS,
    ):
        rows = warehouse.read_days(table, days[0], days[-1])
        there = sorted(rows["day"].unique())
        more = [rows.with_columns(pl.col("site_id") + f"-{number}") for number in range(1, copies)]
        warehouse.replace_days(table, pl.concat([rows, *more]), there)


def measured(warehouse: Warehouse, settings: Settings, days: list[date], levels: list[str]) -> str:
    """Time of one replay under some sensitivities, and what came of it."""
    wanted = [at_sensitivity(settings, level) for level in get_args(Sensitivity) if level in levels]
    begun, busy = time.perf_counter(), time.process_time()
    runs = replays(warehouse, settings, wanted, days[0], days[-1])
    seconds, processor = time.perf_counter() - begun, time.process_time() - busy
    told = ", ".join(f"{one.configuration.name} {one.alerts.height} alerts" for one in runs.outcomes)
    return f"{seconds:6.1f} s, {processor:6.1f} s of processor: {told}"


def main(arguments: list[str] | None = None) -> None:
    """Measure one configuration and three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--copies", type=int, default=1, help="the sites so many times, under other names")
    parser.add_argument("--folder", type=Path, help="keeps the warehouse")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        warehouse, settings, days = prepared(folder, options.sites, options.days)
        mark = folder / "repeated"
        if options.copies > 1 and not mark.exists():
            repeat(warehouse, options.copies)
            mark.touch()
        for levels in (["normal"], ["low", "normal", "high"]):
            print(
                f"{options.sites * options.copies} sites × {options.days} days, {len(levels)} at once: {measured(warehouse, settings, days, levels)}"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"limit: {LIMIT_SECONDS:.0f} s for one at 500 sites × 30 days; peak memory {peak:.1f} GiB, preparation included"
    )


if __name__ == "__main__":
    main()
