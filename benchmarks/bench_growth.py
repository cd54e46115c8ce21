"""What an organisation takes as it grows: a morning, a poll, a page, a day of a backfill, and the bytes that a day leaves.

Mornings, polls and evaluations are runs as the daemon starts them, forks of a code server; ``--by-hand``: commands, each with an interpreter of
its own. Snapshots and the backfill are always commands. Run with ``.venv/bin/python -m benchmarks growth``: 24, 3,000 and 30,000 sites, an hour
on 2 cores. One size: ``python -m benchmarks.bench_growth --sites 300``; ``--keep FOLDER`` leaves the organisations there.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.daemon_runs import runs_of_daemon
from benchmarks.ending import end_what_was_started
from benchmarks.growing import BACKFILL_DAYS, Step, cloud, planned_calls, settings_of, taken
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history, live, scorecard, state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.evidence_walk import KEPT_DAYS

SIZES = (24, 3_000, 30_000)
STEPS = {
    "snapshots": "snapshots of sites and devices",
    "daily": "a morning",
    "first_live": "first poll of a day",
    "live": "a poll",
    "evaluate": "evaluating it",
    "evidence": "one live hour's evidence",
    "pages": "pages of the console",
    "analyse": f"analysis of {BACKFILL_DAYS} days together",
}
"""In this order: what a process does → its name."""

OF_DAEMON = ("daily", "first_live", "live", "evaluate")
"""Those that the daemon starts."""

LIMITS = {"daily": {3_000: 15.0, 30_000: 150.0}, "live": {3_000: 10.0}, "evidence": {3_000: 3.0}}
MOST_BYTES = 8 * 1024**3
SHARE_SHOWN = 0.03
"""Of a job's seconds: steps that take less are not named."""


@dataclass(frozen=True)
class Growth:
    """How one thing grows.

    Attributes:
        each: Bytes of one poll, one day or one state.
        a_day: How many there are in a day.
        days: For how many days they are kept; None: for ever.
        always: How many there are besides.
    """

    each: float
    a_day: float
    days: int | None
    always: int = 0

    def after(self, days: int) -> float:
        """Bytes that are there after so many days."""
        return self.each * (
            self.a_day * min(days, self.days if self.days is not None else days) + self.always
        )


@dataclass(frozen=True)
class Organisation:
    """What one size took.

    Attributes:
        steps: By the name of `STEPS`.
        grown: What it left, by name.
    """

    steps: Mapping[str, Step]
    grown: Mapping[str, Growth]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables of every size."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="+", default=list(SIZES))
    parser.add_argument(
        "--steps", nargs="+", choices=STEPS, default=list(STEPS), help="only these, in their order"
    )
    parser.add_argument("--keep", type=Path, help="leave the organisations in this folder")
    parser.add_argument(
        "--by-hand", action="store_true", help="run jobs as commands do, not as runs of the daemon"
    )
    parser.add_argument("--plan", action="store_true", help="only print the calls that the planner plans")
    given = parser.parse_args(arguments)
    for sites in given.sites:
        if given.plan:
            planned = ", ".join(f"{name} {calls:,}" for name, calls in planned_calls(sites).items())
            print(f"{sites:,} sites, calls: {planned}")
            continue
        with tempfile.TemporaryDirectory(prefix="mist-growth-") as name:
            folder = (given.keep or Path(name)) / f"sites-{sites}"
            folder.mkdir(parents=True)
            print(f"{sites:,} sites")
            chosen = [step for step in STEPS if step in given.steps]
            found = measured(folder, sites, chosen, by_hand=given.by_hand)
            if found.grown:
                print_measured(found)


def measured(folder: Path, sites: int, chosen: Sequence[str], *, by_hand: bool) -> Organisation:
    """Make an organisation and do everything that is chosen with it once; what grows only with everything."""
    settings = settings_of(folder)
    taken("past", folder, sites)
    steps, left = {}, {}
    with cloud(folder, sites) as where, ExitStack() as started:
        daemon = None
        for step in chosen:
            if daemon is None and step in OF_DAEMON and not by_hand:
                daemon = started.enter_context(runs_of_daemon(folder, where))
            before = _places(settings)
            steps[step] = (
                daemon.run(step) if daemon and step in OF_DAEMON else taken(step, folder, sites, where)
            )
            left[step] = {place: size - before[place] for place, size in _places(settings).items()}
            _print_step(sites, step, steps[step])
    return Organisation(steps, grown(settings, left) if len(chosen) == len(STEPS) else {})


def grown(settings: Settings, left: Mapping[str, Mapping[str, int]]) -> dict[str, Growth]:
    """What grows → how, from an organisation and what each step left in its places."""
    polls = 24 * 60 // settings.monitoring.interval_minutes
    kept, runs = settings.history.keep_state_days, settings.history.keep_runs_days
    with tempfile.TemporaryDirectory() as name:
        size = _Sizes(Warehouse(settings.warehouse_path), Path(name)).of
        hours = sum(map(size, (history.SLE_HOURLY, history.CLASSIFIERS_HOURLY, history.SITE_HOURLY)))
        days = sum(
            size(table)
            for table in (*history.TABLES, *analysis.TABLES, *scorecard.TABLES)
            if not table.name.endswith("_hourly")
        )
        now = sum(size(table) for table in live.TABLES if table is not live.FINDINGS)
        found, shapes, states = size(live.FINDINGS), size(state.DAY_SHAPES), size(state.EVIDENCE)
    of_morning, of_poll = left["daily"], left["live"]
    return {
        "history of hours": Growth(hours, 1, None),
        "history of days, analysis, scorecard": Growth(days, 1, None),
        "live.* but findings": Growth(now, 0, 0, always=1),
        "live.findings": Growth(found, polls, settings.monitoring.keep_findings_days),
        "state.evidence": Growth(states, 1 / 7, kept, always=KEPT_DAYS),
        "state.day_shapes": Growth(shapes, 1, kept),
        "raw: a day": Growth(of_morning["raw"], 1, None),
        "raw: snapshots": Growth(left["snapshots"]["raw"], 4, None),
        "raw: polls": Growth(of_poll["raw"], polls, 2),
        "kept evaluations": Growth(of_poll["evaluations"], polls, settings.alerts.keep_days),
        "ledger": Growth(left["evaluate"]["ledger"], 1, None),
        "Dagster: a morning": Growth(of_morning["dagster"], 1, runs),
        "Dagster: polls": Growth(of_poll["dagster"] + left["evaluate"]["dagster"], polls, runs),
    }


class _Sizes:
    """What tables take in a file of their own, for each day, poll or state that they hold."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse = warehouse
        self.folder = folder

    def of(self, table: Table) -> float:
        """Bytes of one day; of the newest, where the table has several, since earlier ones may lack what comes with detail."""
        by = table.partition or ("as_of" if "as_of" in table.column_names else None)
        newest = f"WHERE {by} = (SELECT max({by}) FROM {table.full_name})" if by else ""
        rows = self.warehouse.query(f"SELECT * FROM {table.full_name} {newest}")
        sizes = []
        for name, limit in (("empty", "LIMIT 0"), ("full", "")):
            file = self.folder / f"{table.schema}-{table.name}-{name}.duckdb"
            with duckdb.connect(str(file)) as connection:
                connection.register("rows_of_it", rows)
                connection.execute(f"CREATE TABLE it AS SELECT * FROM rows_of_it {limit}")
            sizes.append(file.stat().st_size)
        return sizes[1] - sizes[0]


def _places(settings: Settings) -> dict[str, int]:
    data = settings.data
    folders = {name: data / name for name in ("raw", "evaluations", "dagster")}
    return {
        **{
            name: sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
            for name, folder in folders.items()
        },
        "ledger": sum(each.stat().st_size for each in data.glob("ledger*")),
    }


def print_measured(found: Organisation) -> None:
    """The steps of its jobs, and what grows."""
    for step in ("daily", "live", "analyse"):
        one = found.steps[step]
        named = {
            name: seconds
            for name, seconds in one.said.items()
            if name not in ("calls", "steps", "events", "peak of the process")
        }
        most = [
            pair
            for pair in sorted(named.items(), key=lambda pair: -pair[1])
            if pair[1] >= SHARE_SHOWN * one.seconds
        ]
        print(f"  of {STEPS[step]}: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in most))
    print(f"{'':38} {'each':>10} {'a day':>10} {'a year':>10}   kept for")
    for name, grown in found.grown.items():
        lasts = "for ever" if grown.days is None else f"{grown.days} days" if grown.days else "the present"
        print(
            f"{name:<38} {_mb(grown.each)} {_mb(grown.each * grown.a_day)} {_mb(grown.after(365))}   {lasts}"
        )
    print(
        f"{'all':<38} {'':>10} {'':>10} {_mb(sum(one.after(365) for one in found.grown.values()))}",
        flush=True,
    )


def _print_step(sites: int, step: str, one: Step) -> None:
    limit = LIMITS.get(step, {}).get(sites)
    said = f", limit {limit:.0f} s" if limit else ""
    beside = f", cloud {one.cpu_of_cloud:.1f} s CPU" if one.cpu_of_cloud >= 0.1 else ""
    calls = f", {one.said['calls']:,.0f} calls" if one.said.get("calls") else ""
    inner = {"pages": _pages, "evidence": _evidence}.get(step, lambda _: "")(one.said)
    print(
        f"{STEPS[step]:<38} {one.seconds:7.1f} s {one.cpu:7.1f} s CPU {one.peak / 1e9:6.2f} GB{calls}{beside}{said}{inner}",
        flush=True,
    )


def _pages(said: Mapping[str, float]) -> str:
    return "".join(f", {name} {ms:.0f} ms" for name, ms in said.items() if name.startswith("page "))


def _evidence(said: Mapping[str, float]) -> str:
    return f": {said['evidence']:.1f} s, {said['evidence, CPU']:.1f} s CPU without the start"


def _mb(size: float) -> str:
    return f"{size / 1e6:7,.2f} MB"


if __name__ == "__main__":
    main()
