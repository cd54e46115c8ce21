"""A month of many sites analysed in one process, then on clusters of one, two and four workers, and once with a worker killed in the middle of a step.

``python -m mist_pipeline_tests.cluster.harness`` prints a table; every run has to make the same rows. It needs root, for network namespaces. History is that of
``benchmarks.bench_daily``: ninety days of daily scores, the last days with hours.
"""

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import polars as pl

from benchmarks.bench_daily import DAYS, LAST, prepared
from mist_pipeline.settings import load_settings
from mist_pipeline_tests.cluster.job import Ended, awaited, ran, start
from mist_pipeline_tests.cluster.scene import (
    Cluster,
    Interrupted,
    begun_steps,
    cluster,
    kill_in_the_middle,
)
from mist_pipeline_tests.failover.database import Database, shared_database
from mist_pipeline_tests.failover.harness import free_port, object_store
from mist_pipeline_tests.support.warehouse.contents import contents, differing

JOB = "analyse"
NOW = datetime.combine(LAST + timedelta(days=1), time(12), UTC)
SLOW_STEPS = {"evidence", "forecasts", "anomalies"}
SHAPES = {"one": (1, 1), "two": (2, 1), "four": (2, 2), "killed": (2, 1)}
"""Machines, and workers on each."""
LOOK_BACK_DAYS = 7
"""Days with hours before those that are analysed."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: How it ran.
        ended: Its job.
        workers_cpu: Seconds of processor of all workers from their start on; None without a cluster.
        different: Tables whose rows differ from those of the first line.
        hit: The step that was interrupted, and where it was made in turn.
    """

    name: str
    ended: Ended
    workers_cpu: float | None = None
    different: tuple[str, ...] = ()
    hit: tuple[str, tuple[str, ...]] | None = None


def alone(folder: Path, sites: int, days: int) -> tuple[Row, dict[str, pl.DataFrame]]:
    """The month in one process, and its rows."""
    variables = {**_environment(), **_pipeline(), "MIST_PIPELINE_DATA": str(folder / "data")}
    _, settings = prepared(folder / "data", sites, DAYS[-days - LOOK_BACK_DAYS :])
    ended = ran(variables, JOB, NOW, (DAYS[-days], LAST), folder / "job.log")
    return Row("one process", ended), contents(settings)


def on_a_cluster(
    folder: Path,
    database: Database,
    objects: int,
    wanted: Mapping[str, pl.DataFrame],
    sites: int,
    days: int,
    shape: tuple[int, int],
    *,
    is_killed: bool = False,
) -> Row:
    """The month on so many machines with so many workers each."""
    machines, workers = shape
    folder.mkdir()
    pipeline = {**_pipeline(), "MIST_PIPELINE__WAREHOUSE__NAME": f"of_{folder.name.replace('-', '_')}"}
    with cluster(
        folder, database, objects, pipeline, port=free_port(), machines=machines, workers=workers
    ) as found:
        variables = found.environment
        os.environ.update({name: value for name, value in variables.items() if name.startswith("AWS_")})
        prepared(folder / "run" / "data", sites, DAYS[-days - LOOK_BACK_DAYS :], _told(variables))
        log = folder / "job.log"
        process = start(variables, JOB, NOW, (DAYS[-days], LAST), log)
        hit = kill_in_the_middle(found, SLOW_STEPS, lambda: process.poll() is None) if is_killed else None
        if hit is not None:
            found.start(next(one for one in found.machines if one.name == hit.machine))
        ended = awaited(process, log)
        return Row(
            f"{machines * workers} workers" + (", one killed" if hit else ""),
            ended,
            found.cpu_seconds(),
            tuple(differing(wanted, contents(load_settings(environment=_told(variables))))),
            _of(found, hit),
        )


def _of(found: Cluster, hit: Interrupted | None) -> tuple[str, tuple[str, ...]] | None:
    if hit is None:
        return None
    with found.instance() as opened:
        hosts = next(hosts for step, hosts, _ in begun_steps(opened, hit.run_id) if step == hit.step)
    return hit.step, tuple(hosts)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("MIST_", "DAGSTER_"))}


def _pipeline() -> dict[str, str]:
    return {"MIST_PIPELINE__HISTORY__START": DAYS[0].isoformat()}


def _told(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith("MIST_")}


def broken(rows: Sequence[Row]) -> list[str]:
    """Every promise that was not kept."""
    said = [f"{row.name}: {failure}" for row in rows for failure in row.ended.failures]
    said += [f"{row.name}: other rows in {table}" for row in rows for table in row.different]
    for row in rows:
        if row.hit is not None and len(row.hit[1]) < 2:
            said.append(f"{row.name}: the step {row.hit[0]} was not made again")
    return said


def table(rows: Sequence[Row]) -> str:
    """What it took, for people."""
    lines = [
        "| | seconds by the clock | against one process | seconds of processor: the run, workers | rows written | tables that differ |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    first = rows[0].ended.seconds
    for row in rows:
        workers = "–" if row.workers_cpu is None else f"{row.workers_cpu:.0f}"
        cells = (
            f"{row.ended.seconds:.0f}",
            f"× {first / row.ended.seconds:.2f}",
            f"{row.ended.cpu_seconds:.0f}, {workers}",
            f"{row.ended.rows:,}",
            str(len(row.different)),
        )
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    for row in rows:
        if row.hit is not None:
            lines += ["", f"{row.name}: `{row.hit[0]}` began on {', then on '.join(row.hit[1])}."]
    return "\n".join(lines)


def main() -> int:
    """Run all of it; the table, and every promise that was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument(
        "--shapes", nargs="+", choices=SHAPES, default=list(SHAPES), help="clusters to run on; default: all"
    )
    parser.add_argument("--folder", type=Path, help="keeps all data, for finding out why")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as made,
        shared_database(free_port()) as database,
        object_store() as objects,
    ):
        folder = options.folder or Path(made)
        begun, wanted = alone(folder / "alone", options.sites, options.days)
        rows = [begun]
        print(begun, file=sys.stderr, flush=True)
        for name in options.shapes:
            row = on_a_cluster(
                *(folder / name, database, objects, wanted, options.sites, options.days, SHAPES[name]),
                is_killed=name == "killed",
            )
            rows.append(replace(row, name="1 worker") if name == "one" else row)
            print(row, file=sys.stderr, flush=True)
    print(
        f"{options.days} days of {options.sites} sites, {sum(frame.height for frame in wanted.values()):,} rows; {os.cpu_count()} cores\n"
    )
    print(table(rows))
    wrong = broken(rows)
    print("\n".join(["", *wrong] if wrong else ["", "Every run made the same rows."]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
