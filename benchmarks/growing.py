"""An organisation of some size, and what is done with it: each step in a process of its own, so that its time and memory are its own.

Ninety days of daily scores are random; of the last days the hours come from the simulated organisation. The newest day is collected from the
simulated cloud, polled, analysed and reported by the jobs themselves, in Dagster, as the command line runs them. Not here: the same jobs as
the daemon runs them (`daemon_runs`), and what is printed (`bench_growth`).
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import psutil

from benchmarks.bench_daily import DAYS, METRICS, daily_score_pieces
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.tables import history, state
from mist_pipeline.warehouse.store import Warehouse

LAST = DAYS[-1]
"""The day of the morning."""

HOURLY_DAYS = 8
"""Days before it that have hours."""

MORNING, FIRST_POLL, POLL = (
    datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC) + timedelta(days=1, hours=hour, minutes=minute)
    for hour, minute in ((2, 30), (13, 35), (14, 5))
)
"""When it is made; when today is polled first; the poll that is measured, the first one after an hour has closed."""

SEED = 5
BATCH_CALLS, LIVE_CALLS = 4_000, 1_000
"""Calls of an hour that the two lanes have with one token of the cloud."""

_KIB = 1024


@dataclass(frozen=True)
class Step:
    """What one process took.

    Attributes:
        seconds: By the clock.
        cpu: Seconds of all cores together, those of its own processes included.
        peak: Bytes of the largest of its processes.
        said: What it printed.
        cpu_of_cloud: Seconds of processor of the simulated cloud meanwhile, which shares the machine.
    """

    seconds: float
    cpu: float
    peak: int
    said: Mapping[str, float]
    cpu_of_cloud: float = 0.0


@dataclass(frozen=True)
class RunningCloud:
    """The simulated cloud, in a process of its own.

    Attributes:
        variables: What leads to it.
        process: Number of its process.
    """

    variables: Mapping[str, str]
    process: int

    def cpu(self) -> float:
        """Seconds of processor that it has used; they are in no `Step`."""
        used = psutil.Process(self.process).cpu_times()
        return float(used.user + used.system)


def taken(step: str, folder: Path, sites: int, asked: RunningCloud | None = None) -> Step:
    """Do a step in a process of its own, which asks a cloud.

    Raises:
        RuntimeError: It failed.
    """
    command = [sys.executable, "-m", "benchmarks.growing", step, str(folder), str(sites)]
    begun, before = time.perf_counter(), asked.cpu() if asked else 0.0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, **(asked.variables if asked else {})}
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{step} of {sites} sites ended with {process.returncode}")
    seconds = time.perf_counter() - begun
    last = said.strip().rpartition("\n")[2]
    return Step(
        seconds,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss * _KIB,
        json.loads(last or "{}"),
        asked.cpu() - before if asked else 0.0,
    )


@contextmanager
def cloud(folder: Path, sites: int) -> Iterator[RunningCloud]:
    """The simulated cloud, until the block ends."""
    command = [sys.executable, "-m", "benchmarks.growing", "cloud", str(folder), str(sites)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield RunningCloud(json.loads(process.stdout.readline()), process.pid)
        finally:
            process.stdin.close()


def own_variables(folder: Path) -> Mapping[str, str]:
    """Environment variables of the organisation in a folder."""
    return {
        "MIST_PIPELINE_DATA": str(folder),
        "MIST_PIPELINE__HISTORY__START": DAYS[0].isoformat(),
        "MIST_PIPELINE__ORGANISATION__TIMEZONE": "UTC",
    }


def settings_of(folder: Path) -> Settings:
    """Of the organisation in a folder."""
    return load_settings(environment={**os.environ, **own_variables(folder)})


def when_of(step: str) -> datetime:
    """The instant that a job works as of."""
    return {"live": POLL, "evaluate": POLL, "first_live": FIRST_POLL}.get(step, MORNING)


def make_past(folder: Path, sites: int) -> Mapping[str, float]:
    """Ninety days of scores, hours of the days before the last, their evidence, and the published copy of yesterday."""
    from mist_pipeline.simulator.cloud.server import served_world
    from mist_pipeline.warehouse.publish import publish
    from mist_pipeline.workflows.analysis.evidence_walk import store_evidence

    settings = settings_of(folder)
    warehouse = Warehouse(settings.warehouse_path)
    world = served_world(sites, HOURLY_DAYS + 1, SEED, POLL)
    metrics = [metric.name for metric in settings.metrics][:METRICS]
    for days, scores in daily_score_pieces([site.site_id for site in world.sites()], metrics):
        kept = [day for day in days if day != LAST]
        warehouse.replace_days(history.SLE_DAILY, scores.filter(pl.col("day") != LAST), kept)
    hourly = [LAST - timedelta(days=back) for back in range(HOURLY_DAYS, 0, -1)]
    for day in hourly:
        frames = world.history(day, day, only_scores=True)
        hours = frames["sle_hourly"].filter(pl.col("metric").is_in(metrics))
        # As an organisation of this size is collected: without user-minutes, which come with detail.
        of_day = {
            history.SITES: frames["sites"],
            history.SITE_HOURLY: frames["site_hourly"],
            history.SLE_HOURLY: hours.with_columns(
                total_user_minutes=pl.lit(None, pl.Float64), degraded_user_minutes=pl.lit(None, pl.Float64)
            ),
        }
        warehouse.replace_all(of_day, [day])
    for day, shapes in past_shapes(warehouse, hourly):
        warehouse.replace_days(state.DAY_SHAPES, shapes, [day])
    store_evidence(warehouse, settings, hourly)
    # Of which a morning makes the next published copy.
    publish(warehouse, settings.published_path)
    return {}


def past_shapes(warehouse: Warehouse, hourly: Sequence[date]) -> Iterator[tuple[date, pl.DataFrame]]:
    """Two months of ``state.day_shapes`` before the last day, of which a forest is grown.

    Those of earlier weeks are the shapes of days that have hours, with other shares.
    """
    from mist_pipeline.analysis.anomalies.features import day_shapes
    from mist_pipeline.analysis.anomalies.isolation_forest import AnomalySettings

    rng = np.random.default_rng(SEED)
    of_weekday = {}
    for day in hourly:
        hours, clients, sites = (
            warehouse.read_days(table, day, day)
            for table in (history.SLE_HOURLY, history.SITE_HOURLY, history.SITES)
        )
        of_weekday[day.weekday()] = day_shapes(hours, sites, clients)
    for back in range(AnomalySettings().look_back_days, 0, -1):
        day = LAST - timedelta(days=back)
        shapes = of_weekday[day.weekday()].with_columns(day=pl.lit(day))
        part = pl.Series(rng.uniform(0.7, 1.0, shapes.height))
        yield day, shapes.with_columns(pl.col("share", "^degraded_hours_.*$") * part)


def run_job(folder: Path, job: str) -> Mapping[str, float]:
    """Run a job of Dagster as the command line does; seconds of its steps, and its calls.

    Raises:
        RuntimeError: It failed.
    """
    from mist_pipeline.cli.dagster_home import instance
    from mist_pipeline.cli.execution import execute, execute_days
    from mist_pipeline.workflows.progress import silent

    settings = settings_of(folder)
    at = when_of(job)
    name = "live" if job == "first_live" else job
    days = _days_of(job)
    calls = calls_so_far(settings)
    outcomes = (
        execute_days(settings, name, days, progress=silent, as_of=at, notify=False)
        if days
        else [execute(settings, name, progress=silent, as_of=at)]
    )
    if failures := [failure for outcome in outcomes for failure in outcome.failures]:
        raise RuntimeError("\n".join(failures))
    with instance(settings) as opened:
        [run] = opened.get_runs(limit=1)
        steps = opened.get_run_step_stats(run.run_id)
        found = {
            one.step_key: one.end_time - one.start_time for one in steps if one.end_time and one.start_time
        }
    return {**found, "calls": calls_so_far(settings) - calls}


BACKFILL_DAYS = 3


def _days_of(job: str) -> Sequence[date]:
    if job == "analyse":
        return [LAST - timedelta(days=back) for back in range(BACKFILL_DAYS - 1, -1, -1)]
    return [LAST] if job in ("collect", "daily") else []


def calls_so_far(settings: Settings) -> int:
    """Calls of the last hours, of both lanes."""
    from mist_pipeline.workflows.present.overview import calls_of_hours

    hours, _ = calls_of_hours(settings, datetime.now(UTC))
    return sum(hour.live + hour.batch for hour in hours)


def planned_calls(sites: int) -> Mapping[str, int]:
    """Calls of a day and of a poll, as the planner plans them with the calls of an hour that each lane has; nobody is asked."""
    from mist_pipeline.collect.fetch.plan import Ask, Budget, make_plan
    from mist_pipeline.collect.fetch.spellings import what_is_known
    from mist_pipeline.collect.raw.store import RawStore

    with tempfile.TemporaryDirectory() as name:
        settings = settings_of(Path(name))
        known = what_is_known(RawStore(Path(name)), MORNING)
    morning = Ask(
        site_ids=tuple(f"site-{number}" for number in range(sites)),
        metrics=tuple(metric.name for metric in settings.metrics),
        days=(LAST,),
        zone=settings.organisation.zone,
        now=MORNING,
        alarms=True,
        changes=True,
    )
    # Hours are asked again for two hours, since the cloud counts late.
    since = POLL - timedelta(hours=2, minutes=15)
    poll = replace(morning, days=(POLL.date(),), now=POLL, since=since, detail="off")
    of_day, of_poll = (
        make_plan(ask, known, Budget(calls, calls))
        for ask, calls in ((morning, BATCH_CALLS), (poll, LIVE_CALLS))
    )
    return {"a morning": of_day.cost, "left for detail": of_day.spare, "a poll": of_poll.cost}


def ask_pages(folder: Path, sites: int) -> Mapping[str, float]:
    """Milliseconds of pages of the console, asked over HTTP: the second answer of each."""
    import requests

    from mist_pipeline.cli.serving.consoles import console_app
    from mist_pipeline.cli.serving.door import door
    from mist_pipeline_tests.support.web.serving import serving

    settings = settings_of(folder)
    site = (
        Warehouse(settings.published_path)
        .query("SELECT site_id FROM sites ORDER BY site_id LIMIT 1 OFFSET ?", [sites // 2])
        .item()
    )
    way = door(settings, "127.0.0.1", [], "anna", {}, has_webhooks=False)
    assert way.access is not None
    pages = console_app(settings, way.access, lambda: POLL + timedelta(minutes=1), stands=True)
    found = {}
    with serving(way.access.guarded(pages, way.rules), pages) as address:
        for name, path in {
            "page Now": "/",
            "page Fleet": "/fleet",
            "page of a site": f"/site/{site}",
        }.items():
            for _ in range(2):
                begun = time.perf_counter()
                requests.get(f"{address}{path}", timeout=120).raise_for_status()
                found[name] = 1000 * (time.perf_counter() - begun)
    return found


def evidence_of_an_hour(folder: Path) -> Mapping[str, float]:
    """Seconds and CPU of the evidence of one live hour, reading included."""
    from mist_pipeline.workflows.analysis.detect_hour import RecentHours, evidence_now

    settings = settings_of(folder)
    hours = RecentHours(Warehouse(settings.warehouse_path), POLL)
    sites = hours.sites()
    begun, used = time.perf_counter(), time.process_time()
    evidence_now(hours, settings, sites)
    return {"evidence": time.perf_counter() - begun, "evidence, CPU": time.process_time() - used}


def be_cloud(sites: int) -> None:
    """Serve the simulated cloud until standard input is closed."""
    from mist_pipeline.simulator.cloud.server import serve, served_world
    from mist_pipeline.simulator.world.clock import Clock

    world = served_world(sites, HOURLY_DAYS + 1, SEED, POLL)
    with serve(world, clock=Clock(POLL)) as running:
        where = {
            "MIST_BASE_URL": running.base_url,
            "MIST_ORG_ID": running.org_id,
            "MIST_API_TOKEN": running.token,
        }
        print(json.dumps(where), flush=True)
        sys.stdin.buffer.read()


def main() -> None:
    """One step: its name, the folder, the number of sites."""
    step, folder, sites = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    match step:
        case "cloud":
            be_cloud(sites)
            return
        case "past":
            said = make_past(folder, sites)
        case "pages":
            said = ask_pages(folder, sites)
        case "evidence":
            said = evidence_of_an_hour(folder)
        case _:
            said = run_job(folder, step)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    print(json.dumps({**said, "peak of the process": own}))


if __name__ == "__main__":
    main()
