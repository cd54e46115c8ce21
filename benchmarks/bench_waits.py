"""How long a poll waits for its turn, and people for their messages, beside `search`, a backfill and a slow cloud.

The service of ``mist-pipeline daemon`` works on a day of a simulated organisation whose cloud stalls a tenth of its answers. `search` is in its
queue, and a backfill of the analysis runs as a command, while polls are queued one after the other. Run with
``.venv/bin/python -m benchmarks waits``.

A poll *starts* when its run begins after it was queued. People are *told* when the run that evaluated the poll, asked who is hit and sent what
is due has ended, after the poll had found something; that the sensor looks every 30 seconds is part of it.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import dagster as dg
import polars as pl

from benchmarks.bench_daily import DAYS, METRICS, daily_scores
from benchmarks.ending import end_what_was_started
from mist_pipeline.alerts.ledger.pending import pending_evaluations
from mist_pipeline.cli.dagster_home import environment
from mist_pipeline.simulator.cloud.http_faults import Faults
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger
from mist_pipeline_tests.crash.daemon.day import Day, busy_day
from mist_pipeline_tests.crash.daemon.harness import Queue, Service, queue_of

SLOW = Faults(rates={"stall": 0.1}, stall_seconds=2.0)
"""A tenth of the requests gets no answer for two seconds, then an error, and is asked again."""

STARTS_WITHIN, TOLD_WITHIN = 30.0, 60.0
LOOK_SECONDS = 0.2
LONGEST_SECONDS = 900.0
FIRST_POLL = 12
"""Its number on the day: some site has just gone down."""

HISTORY_DAYS = len(DAYS)
BACKFILL_DAYS = 20
BESIDE = frozenset({"search", "collect"})
"""Jobs that are under way meanwhile: of the queue, and of the command."""

ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dataclass(frozen=True)
class Waits:
    """What a poll waited for.

    Attributes:
        start_seconds: From the queue to its beginning.
        told_seconds: From its end until what follows from it was sent.
        beside: Jobs that were under way all that time.
    """

    start_seconds: float
    told_seconds: float
    beside: frozenset[str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=120)
    parser.add_argument("--polls", type=int, default=8)
    chosen = parser.parse_args(arguments)
    waits = measured(chosen.sites, chosen.polls)
    print(f"{chosen.sites} sites, {len(waits)} polls{'':24} median    worst    limit")
    for what, found, limit in (
        ("a poll starts after", [one.start_seconds for one in waits], STARTS_WITHIN),
        ("people are told after", [one.told_seconds for one in waits], TOLD_WITHIN),
    ):
        print(f"{what:<35} {statistics.median(found):7.1f} s {max(found):7.1f} s {limit:7.0f} s")
    beside = frozenset.intersection(*(one.beside for one in waits))
    print(f"beside all of them: {', '.join(sorted(beside)) or 'nothing'}")


def measured(sites: int, polls: int) -> list[Waits]:
    """One after the other."""
    with tempfile.TemporaryDirectory(prefix="mist-waits-") as name:
        folder = Path(name)
        now = datetime.now(UTC)
        with busy_day(folder, now, sites=sites, history_days=HISTORY_DAYS, faults=SLOW) as day:
            _fill(day, sites)
            with queue_of(day, Random(1)) as queue:
                service = Service(day, folder / "service.log")
                service.wait_until_ready()
                backfill = _backfill(day, folder / "backfill.log")
                try:
                    queue.submit("search", days=7)
                    _until(lambda: _under_way(queue.opened) >= BESIDE, "search and the backfill begin")
                    return [_poll(queue, FIRST_POLL + number) for number in range(polls)]
                finally:
                    backfill.terminate()
                    backfill.wait()
                    service.end()


def _fill(day: Day, sites: int) -> None:
    """Scores of every day, so that each series can be searched."""
    warehouse = Warehouse(day.settings.warehouse_path)
    days = [day.date - timedelta(days=back) for back in range(HISTORY_DAYS, 0, -1)]
    metrics = [metric.name for metric in day.settings.metrics][:METRICS]
    scores = daily_scores([f"site-{number}" for number in range(sites)], metrics)
    moved = pl.DataFrame({"day": DAYS, "then": days})
    rows = scores.join(moved, on="day").drop("day").rename({"then": "day"})
    warehouse.replace_days(history.SLE_DAILY, rows, days)


def _backfill(day: Day, log: Path) -> "subprocess.Popen[bytes]":
    """The command that collects weeks, in a process of its own."""
    first, last = day.date - timedelta(days=BACKFILL_DAYS), day.date - timedelta(days=1)
    command = [sys.executable, "-m", "mist_pipeline.cli", "backfill", "--mode", "monitor"]
    command += ["--from", first.isoformat(), "--to", last.isoformat()]
    env = {**environment(day.settings), **day.environment}
    with log.open("wb") as output:
        return subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)


def _poll(queue: Queue, number: int) -> Waits:
    """One poll from the queue until what it found is told."""
    queue.polls = number
    queue.day.clock.set(queue.day.at(number))
    before = _under_way(queue.opened)
    queued = time.time()
    poll = queue.submit("live")
    record = _ended(queue.opened, dg.RunsFilter(run_ids=[poll]), "the poll ends")
    # The sensor asks for its evaluation when the findings are there, a moment before the run has ended.
    told = _ended(
        queue.opened,
        dg.RunsFilter(job_name="evaluate", created_after=datetime.fromtimestamp(queued, UTC)),
        "the poll is evaluated",
    )
    for one in (record, told):
        if one.dagster_run.status != dg.DagsterRunStatus.SUCCESS:
            raise RuntimeError(f"{one.dagster_run.job_name} ended as {one.dagster_run.status.value}")
    with open_ledger(queue.day.settings) as ledger:
        assert not pending_evaluations(ledger, kept_evaluations(queue.day.settings)), "it was not evaluated"
    assert record.start_time is not None
    assert record.end_time is not None
    assert told.end_time is not None
    after = _under_way(queue.opened)
    return Waits(record.start_time - queued, told.end_time - record.end_time, before & after & BESIDE)


def _ended(opened: dg.DagsterInstance, runs: dg.RunsFilter, what: str) -> dg.RunRecord:
    """The newest of these runs, once it has ended."""
    _until(lambda: any(run.status in ENDED for run in opened.get_runs(runs, limit=1)), what)
    [record] = opened.get_run_records(runs, limit=1)
    return record


def _under_way(opened: dg.DagsterInstance) -> frozenset[str]:
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    return frozenset(run.job_name for run in opened.get_runs(started))


def _until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something.

    Raises:
        TimeoutError: It does not happen.
    """
    deadline = time.time() + LONGEST_SECONDS
    while not is_so():
        if time.time() > deadline:
            raise TimeoutError(f"in vain for {LONGEST_SECONDS:.0f} s: {what}")
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
