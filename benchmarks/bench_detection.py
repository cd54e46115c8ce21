"""How well the whole product detects: simulated worlds collected over HTTP, analysed, and replayed by the command line.

For each seed a world is served, ``mist-pipeline backfill`` fills its history, ``mist-pipeline replay`` writes alerts.csv, and
what it says is compared with the truth, which has no path over HTTP. An alert belongs to an incident of its site and
family if it opens from 72 h before the onset to 6 h after the end; the first after the onset, else the last before it, is the hit,
the others are duplicates; an alert that belongs to none is false. The first weeks serve to learn what is normal: incidents that end in them
are left out together with the alerts of that time.

Run with ``.venv/bin/python -m benchmarks detection``; other worlds: ``python -m benchmarks.bench_detection --sites 60
--days 120 --seeds 7001``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from mist_pipeline.alerts.lifecycle.observations import FAMILIES
from mist_pipeline.simulator.cloud.endpoints import Behaviour
from mist_pipeline.simulator.cloud.server import Running, serve
from mist_pipeline.simulator.world.world import World

SEEDS = (7201, 7202, 7203)
BEFORE, AFTER = timedelta(hours=72), timedelta(hours=6)
LEARNING_DAYS = 18
"""Until then the simulated organisation has no troubles."""
SLOW = ("slow_degradation", "accelerating_degradation")
DEVICES = ("ap", "device")
"""Lost devices are reported as either: the access points' own metric, or missing data."""
COLUMNS = (
    "world", "incidents", "recall after onset", "precision", "false per site-week", "slow declines warned of",
    "hours to detect, median", "90 %", "duplicates per hit", "shared causes as one", "mixed incidents", "backfill s", "replay s",
)  # fmt: skip

_INSTANT = pl.Datetime("us", "UTC")
TRUTHS: Mapping[str, pl.DataType] = {
    "site_id": pl.String(),
    "family": pl.String(),
    "kind": pl.String(),
    "onset": _INSTANT,
    "critical_at": _INSTANT,
    "end": _INSTANT,
    "hit_at": _INSTANT,
    "warned_at": _INSTANT,
    "extra": pl.Int64(),
}
"""An incident at one of its sites: hit_at after the onset (null: missed), warned_at before it, and alerts beyond the first."""


@dataclass(frozen=True)
class Result:
    """What one world gave, or several together.

    Attributes:
        truths: `TRUTHS`.
        false: Alerts that belong to no incident.
        site_weeks: Watched.
        shared: Causes of three sites or more that were detected, and in how many incidents each.
        mixed: Incidents whose alerts are not all about one cause, and all incidents.
        seconds: Of the backfill and of the replay.
    """

    truths: pl.DataFrame
    false: pl.DataFrame
    site_weeks: float
    shared: tuple[int, ...]
    mixed: tuple[int, int]
    seconds: tuple[float, float]

    def row(self, name: str) -> str:
        """A line of the table."""
        found = self.truths.filter(pl.col("hit_at").is_not_null() | pl.col("warned_at").is_not_null())
        hits = self.truths.filter(pl.col("hit_at").is_not_null())
        slow = self.truths.filter(pl.col("kind").is_in(SLOW), pl.col("critical_at").is_not_null())
        first = pl.min_horizontal("warned_at", "hit_at")
        warned = slow.filter(first < pl.col("critical_at")).height
        sudden = hits.filter(~pl.col("kind").is_in(SLOW))
        waits = (sudden["hit_at"] - sudden["onset"]).dt.total_minutes().to_numpy() / 60
        median, late = np.quantile(waits, [0.5, 0.9]) if waits.size else (np.nan, np.nan)
        cells = (
            name,
            self.truths.height,
            f"{hits.height / max(1, self.truths.height):.3f}",
            f"{found.height / max(1, found.height + self.false.height):.3f}",
            f"{self.false.height / self.site_weeks:.3f}",
            f"{warned} of {slow.height}",
            f"{median:.1f}",
            f"{late:.1f}",
            f"{int(self.truths['extra'].sum()) / max(1, found.height):.2f}",
            f"{sum(one == 1 for one in self.shared)} of {len(self.shared)}",
            f"{self.mixed[0]} of {self.mixed[1]}",
            *(f"{seconds:.0f}" for seconds in self.seconds),
        )
        return "| " + " | ".join(map(str, cells)) + " |"


def command(cloud: Running, data: Path, raises: str, *words: str) -> float:
    """Run the command line against a cloud; seconds that it took."""
    environment = {
        **os.environ,
        "MIST_BASE_URL": cloud.base_url,
        "MIST_API_TOKEN": cloud.token,
        "MIST_ORG_ID": cloud.org_id,
        "MIST_PIPELINE_DATA": str(data),
        "MIST_PIPELINE__HISTORY__START": cloud.world.first_day.isoformat(),
        "MIST_PIPELINE__ALERTS__RAISES": raises,
    }
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


def measured(world: World, folder: Path, behaviour: Behaviour, raises: str) -> Result:
    """One world, collected, replayed and compared."""
    last = world.first_day + timedelta(days=world.days - 1)
    span = ("--from", world.first_day.isoformat(), "--to", last.isoformat())
    with serve(world, behaviour=behaviour) as cloud:
        instant = cloud.clock.now().strftime("%Y-%m-%dT%H:%M:%S")
        collecting = command(cloud, folder / "data", raises, "backfill", *span, "--as-of", instant)
        replaying = command(cloud, folder / "data", raises, "replay", *span, "--export", str(folder))
    alerts = pl.read_csv(folder / "alerts.csv", try_parse_dates=True)
    return compared(world, alerts, (collecting, replaying))


def compared(world: World, alerts: pl.DataFrame, seconds: tuple[float, float]) -> Result:
    """Alerts against the truth."""
    begins = world.start + timedelta(days=LEARNING_DAYS)
    instants = pl.col("opened_at", "resolved_at").cast(_INSTANT)
    alerts = alerts.with_columns(instants).filter(
        pl.col("site_id").is_not_null(), pl.col("opened_at") >= begins
    )
    # Alerts about the devices of a site have no metric.
    alerts = alerts.with_columns(
        family=pl.when(pl.col("kind").is_in(["site_down", "mist_alarm"]))
        .then(pl.lit("device"))
        .otherwise(
            pl.col("metric").replace_strict(FAMILIES, default=pl.col("metric"), return_dtype=pl.String)
        )
    )
    rows, shared = [], []
    about: dict[str, set[str]] = {name: set() for name in alerts["alert_id"]}
    for truth in world.truth:
        if truth.is_decoy or truth.end <= begins or truth.onset >= world.end:
            continue
        homes: list[str] = []
        for site in truth.site_ids:
            mine = alerts.filter(
                pl.col("site_id") == site,
                pl.col("opened_at").is_between(truth.onset - BEFORE, truth.end + AFTER),
            ).filter(_is_of(truth.family, truth.metrics))
            after = mine.filter(pl.col("opened_at") >= truth.onset).sort("opened_at")
            before = mine.filter(pl.col("opened_at") < truth.onset).sort("opened_at", descending=True)
            for name in mine["alert_id"]:
                about[name].add(truth.incident_id)
            homes += mine["incident_id"].to_list()
            rows.append(
                {
                    "site_id": site,
                    "family": truth.family,
                    "kind": truth.kind,
                    "onset": truth.onset,
                    "critical_at": truth.critical_at,
                    "end": truth.end,
                    "hit_at": next(iter(after["opened_at"]), None),
                    "warned_at": next(iter(before["opened_at"]), None),
                    "extra": max(0, mine.height - 1),
                }
            )
        if len(truth.site_ids) >= 3 and homes:
            shared.append(len(set(homes)))
    weeks = len(world.sites()) * (world.days - LEARNING_DAYS) / 7
    false = alerts.filter(pl.col("alert_id").is_in([name for name, truths in about.items() if not truths]))
    contents = [
        [about[name] for name in names]
        for _, names in alerts.group_by("incident_id").agg("alert_id").iter_rows()
    ]
    mixed = sum(len(truths) > 1 and not set.intersection(*truths) for truths in contents)
    return Result(
        pl.DataFrame(rows, schema=TRUTHS), false, weeks, tuple(shared), (mixed, len(contents)), seconds
    )


def _is_of(family: str, metrics: Iterable[str]) -> pl.Expr:
    """Whether an alert is about this trouble: its family, or a metric that it moves."""
    families = {family, *(FAMILIES[metric] for metric in metrics)}
    if families & set(DEVICES):
        families |= set(DEVICES)
    return pl.col("family").is_in(sorted(families))


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=30)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--request-limit", type=int, default=5000, help="calls an hour that the cloud allows")
    parser.add_argument("--raises", default="{}", help="alerts.raises, for example '{threshold: critical}'")
    parser.add_argument("--folder", type=Path, help="keeps warehouses and alerts.csv, for finding out why")
    chosen = parser.parse_args(arguments)
    behaviour = Behaviour(request_limit=chosen.request_limit)
    print(f"{chosen.sites} sites × {chosen.days} days, {chosen.request_limit} calls an hour\n")
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    results = []
    with tempfile.TemporaryDirectory(prefix="mist-detection-") as scratch:
        for seed in chosen.seeds:
            folder = (chosen.folder or Path(scratch)) / str(seed)
            folder.mkdir(parents=True, exist_ok=True)
            result = measured(World(chosen.sites, chosen.days, seed), folder, behaviour, chosen.raises)
            results.append(result)
            if chosen.folder:
                result.truths.write_parquet(folder / "truths.parquet")
                result.false.write_parquet(folder / "false.parquet")
            print(result.row(str(seed)), flush=True)
    if len(results) > 1:
        pooled = Result(
            pl.concat(one.truths for one in results),
            pl.concat(one.false for one in results),
            sum(one.site_weeks for one in results),
            tuple(count for one in results for count in one.shared),
            (sum(one.mixed[0] for one in results), sum(one.mixed[1] for one in results)),
            (sum(one.seconds[0] for one in results), sum(one.seconds[1] for one in results)),
        )
        print(pooled.row("all"))


if __name__ == "__main__":
    main()
