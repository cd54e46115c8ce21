"""How well the whole product detects: simulated worlds collected over HTTP, analysed, and replayed by the command line.

For each seed a tidy and a messy world is served, ``mist-pipeline backfill`` fills its history, the job of the daily analysis makes
evidence and findings, ``mist-pipeline replay`` writes alerts.csv, and `detection_score` compares what it says with the truth, which has no path over HTTP. The first weeks serve
to learn what is normal: incidents that end in them are left out together with the alerts of that time.

Run with ``.venv/bin/python -m benchmarks detection``; other worlds: ``python -m benchmarks.bench_detection --sites 60
--days 120 --seeds 7001``. After a change of the code, ``--folder DIR --reuse history`` analyses again what was collected into
DIR before, ``--reuse analysis`` makes only evidence and findings again, and ``--reuse findings`` only replays.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from benchmarks.detection_score import HEADER, Result, pooled, scored
from benchmarks.worlds import DETECTION, add_held_out
from mist_pipeline.cli.execution import execute_days
from mist_pipeline.settings import load_settings
from mist_pipeline.simulator.cloud.endpoints import TOKEN, Behaviour
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.organisation import ORG_ID
from mist_pipeline.simulator.world.world import World
from mist_pipeline.tables import analysis
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_day import finding_rows
from mist_pipeline.workflows.analysis.evidence_walk import store_evidence
from mist_pipeline.workflows.progress import silent

COLLECTED = "collected.json"
"""What the warehouse beside it holds, written once that is complete."""

Reuse = Literal["nothing", "history", "analysis", "findings"]
"""What of a folder is not made again: what was collected; besides, the analysis but evidence and findings; all but the replay."""


def surroundings(folder: Path, base_url: str, world: World, raises: str) -> dict[str, str]:
    """Environment variables of everything that works on a folder."""
    return {
        **os.environ,
        "MIST_BASE_URL": base_url,
        "MIST_API_TOKEN": TOKEN,
        "MIST_ORG_ID": ORG_ID,
        "MIST_PIPELINE_DATA": str(folder / "data"),
        "MIST_PIPELINE__HISTORY__START": world.first_day.isoformat(),
        "MIST_PIPELINE__ALERTS__RAISES": raises,
    }


def command(environment: Mapping[str, str], *words: str) -> float:
    """Run the command line; seconds that it took."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "mist_pipeline.cli", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"mist-pipeline {' '.join(words)} ended with {done.returncode}:\n{done.stdout[-4000:]}"
        )
    return time.perf_counter() - begun


def analyse(environment: Mapping[str, str], days: Sequence[date], instant: datetime) -> float:
    """Analyse stored days, without the long search for the orders of series and the report; seconds that it took."""
    begun = time.perf_counter()
    settings = load_settings(environment=environment)
    outcomes = execute_days(settings, "analyse", days, progress=silent, as_of=instant, notify=False)
    if failures := [failure for outcome in outcomes for failure in outcome.failures]:
        raise SystemExit("\n".join(failures))
    return time.perf_counter() - begun


def weigh_again(environment: Mapping[str, str], days: Sequence[date]) -> float:
    """Make evidence and findings of stored days again, the rest of the analysis as it is; seconds that it took."""
    begun = time.perf_counter()
    settings = load_settings(environment=environment)
    warehouse = Warehouse(settings.warehouse_path)
    store_evidence(warehouse, settings, days)
    warehouse.replace_all({analysis.FINDINGS: finding_rows(warehouse, settings, days)}, days)
    return time.perf_counter() - begun


def measured(world: World, folder: Path, behaviour: Behaviour, raises: str, reuse: Reuse) -> Result:
    """One world, collected unless it is there, replayed and compared."""
    days = [world.first_day + timedelta(days=at) for at in range(world.days)]
    span = ("--from", days[0].isoformat(), "--to", days[-1].isoformat())
    instant = ("--as-of", world.end.strftime("%Y-%m-%dT%H:%M:%S"))
    contents, kept = fingerprint(world, behaviour), folder / COLLECTED
    known = json.loads(kept.read_text()) if kept.exists() else {}
    seconds = 0.0
    if reuse == "nothing" or known.get("world") != contents:
        kept.unlink(missing_ok=True)
        shutil.rmtree(folder / "data", ignore_errors=True)
        with serve(world, behaviour=behaviour) as cloud:
            known = {"world": contents, "base_url": cloud.base_url, "is_analysed": False}
            environment = surroundings(folder, cloud.base_url, world, raises)
            seconds += command(environment, "backfill", *span, *instant, "--mode", "monitor")
        kept.write_text(json.dumps(known))
    environment = surroundings(folder, known["base_url"], world, raises)
    if reuse == "history" or not known["is_analysed"]:
        seconds += analyse(environment, days, world.end)
        kept.write_text(json.dumps({**known, "is_analysed": True}))
    elif reuse == "analysis":
        seconds += weigh_again(environment, days)
    replaying = command(environment, "replay", *span, "--export", str(folder))
    alerts = pl.read_csv(folder / "alerts.csv", try_parse_dates=True)
    events = pl.read_csv(folder / "events.csv", try_parse_dates=True)
    return replace(scored(world, alerts, events), seconds=(seconds, replaying))


def fingerprint(world: World, behaviour: Behaviour) -> str:
    """Changes when the world or what its cloud tells of it changes."""
    middle = world.first_day + timedelta(days=world.days // 2)
    told = world.history(middle, middle)["sle_hourly"].write_csv()
    return hashlib.sha256(repr((world.truth, world.sites(), behaviour, told)).encode()).hexdigest()


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=30)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        help="of the tidy and of the messy worlds; default: those of development",
    )
    add_held_out(parser)
    parser.add_argument("--tidy", action="store_true", help="no messy worlds")
    parser.add_argument("--messy", action="store_true", help="no tidy worlds")
    parser.add_argument("--by-kind", action="store_true", help="a second table, by kind of trouble")
    parser.add_argument("--request-limit", type=int, default=5000, help="calls an hour that the cloud allows")
    parser.add_argument("--raises", default="{}", help="alerts.raises, for example '{threshold: critical}'")
    parser.add_argument("--folder", type=Path, help="keeps warehouses, alerts.csv and what was missed")
    parser.add_argument(
        "--reuse",
        choices=get_args(Reuse),
        default="nothing",
        help="what of the folder is not made again; a world that is not there, or was another, is collected",
    )
    chosen = parser.parse_args(arguments)
    if chosen.reuse != "nothing" and not chosen.folder:
        parser.error("--reuse needs --folder, where an earlier call has kept its worlds")
    if chosen.tidy and chosen.messy:
        parser.error("--tidy and --messy leave no world; give neither for both")
    behaviour = Behaviour(request_limit=chosen.request_limit)
    print(f"{chosen.sites} sites × {chosen.days} days, {chosen.request_limit} calls an hour\n\n{HEADER}")
    left_out = {"tidy": chosen.messy, "messy": chosen.tidy}
    worlds = [
        (name, name == "messy", seed)
        for name, seeds in DETECTION.seeds(held_out=chosen.held_out).items()
        if not left_out[name]
        for seed in chosen.seeds or seeds
    ]
    results: dict[str, list[Result]] = {}
    with tempfile.TemporaryDirectory(prefix="mist-detection-") as scratch:
        for name, is_messy, seed in worlds:
            folder = (chosen.folder or Path(scratch)).resolve() / f"{name}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            world = World(chosen.sites, chosen.days, seed, messy=is_messy)
            result = measured(world, folder, behaviour, chosen.raises, chosen.reuse)
            results.setdefault(name, []).append(result)
            if chosen.folder:
                result.truths.write_parquet(folder / "truths.parquet")
                result.alerts.write_parquet(folder / "scored_alerts.parquet")
            print(result.row(f"{name} {seed}"), flush=True)
    together = {name: pooled(some) for name, some in results.items()}
    for name, result in together.items():
        if len(results[name]) > 1:
            print(result.row(f"all {name}"))
    if chosen.by_kind:
        for name, result in together.items():
            print(f"\n{name} worlds by kind\n\n{result.by_kind()}")


if __name__ == "__main__":
    main()
