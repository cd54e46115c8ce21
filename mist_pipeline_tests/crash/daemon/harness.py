"""The parent: keeps the queue full, kills the whole service with SIGKILL at random moments, and starts it again.

``python -m mist_pipeline_tests.crash.daemon.harness --kills 50`` prints a table of the result.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from random import Random
from typing import Literal

import dagster as dg
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

import mist_pipeline_tests
from mist_pipeline.alerts.ledger.pending import pending_evaluations
from mist_pipeline.cli.code_location.files import CODE_LOCATION
from mist_pipeline.cli.dagster_home import environment, instance
from mist_pipeline.cli.execution import execute
from mist_pipeline.definitions import build_defs
from mist_pipeline.defs.resources import run_config
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger
from mist_pipeline.workflows.notifying.evaluate import is_step_due
from mist_pipeline.workflows.notifying.messages import is_message_due
from mist_pipeline.workflows.progress import silent
from mist_pipeline_tests.crash.daemon.day import Day, busy_day
from mist_pipeline_tests.crash.daemon.verdict import UNDER_WAY, Kill, Records, broken, collect, table

CHECKOUT = Path(mist_pipeline_tests.__file__).parent.parent
DONE_WITHIN = 1200.0
CALM_LOOKS = 6
"""Nothing to do so many times in a row."""
LOOK_SECONDS = 0.5
FIRST_MOMENTS = 3.0
"""Seconds after a start within which the kills hit that are to hit it while it starts …"""
EARLY = 0.15
"""… and how many of all those are. The others hit after …"""
MOST_EVENTS = 24
"""… at most so many beginnings and ends of runs and steps, so that slow and fast machines are killed in the same work …"""
LONGEST_DELAY = 2.0
"""… and at most so many seconds …"""
PATIENCE_SECONDS = 240.0
"""… or, where so many events do not come, after so long."""

LONGEST_STEP = 2
"""Quarters of an hour from one poll to the next, where few kills are to fill the day: sites are down for two hours, and polls are to see it."""

POLLS_AHEAD = 2
"""Polls that wait in the queue, so that there is always something to do."""

OTHERS = ("copies", "snapshots", "deliver", "escalate", "read_back", "daily")


class Service:
    """One life of the service."""

    def __init__(self, day: Day, log: Path) -> None:
        command = [sys.executable, "-m", "mist_pipeline_tests.crash.daemon.service"]
        env = {**environment(day.settings), **day.environment}
        if env.pop("PYTHONDONTWRITEBYTECODE", None):
            # Compiling everything at each start doubles what a kill costs; where it must not be kept here, it is kept there.
            env["PYTHONPYCACHEPREFIX"] = str(log.parent / "compiled")
        self.began = time.time()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                env=env,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                cwd=CHECKOUT,
            )

    def wait_until_ready(self) -> float:
        """Seconds until runs could begin.

        Raises:
            RuntimeError: It ended before.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == b"ready":
                return time.time() - self.began
        raise RuntimeError(f"the service ended with {self._process.wait()} before it was ready; see its log")

    def kill(self) -> None:
        """SIGKILL to everything that it started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        while self._lives():
            time.sleep(0.05)

    def end(self) -> float:
        """SIGTERM, as systemd does it; seconds until all of it was gone."""
        begun = time.time()
        self._process.terminate()
        self._process.communicate()
        assert not self._lives(), "what the service started outlives it"
        return time.time() - begun

    def _lives(self) -> bool:
        import psutil

        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self._process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    return True
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return False


@dataclass
class Queue:
    """Keeps the queue of Dagster full, as schedules and people do on a busy day.

    Attributes:
        day: Whose polls these are.
        opened: Dagster's storage.
        jobs: By name.
        random: What is done beside polls.
        last_poll: Quarters of an hour after which the day is over.
        every: Quarters of an hour from one poll to the next.
        polls: How many were put into the queue.
        submitted: Jobs that were put into the queue.
    """

    day: Day
    opened: dg.DagsterInstance
    jobs: Mapping[str, dg.JobDefinition]
    random: Random
    last_poll: int = 4 * 24
    every: int = 1
    polls: int = 0
    submitted: list[str] = field(default_factory=list)

    def fill(self) -> None:
        """Another poll, where few wait; other work, where the day is over and nothing waits."""
        is_over = self.now >= self.last_poll
        waiting = dg.RunsFilter(job_name=None if is_over else "live", statuses=[dg.DagsterRunStatus.QUEUED])
        if len(self.opened.get_runs(waiting)) >= (1 if is_over else POLLS_AHEAD):
            return
        if is_over:
            self.add_another()
        else:
            self.polls += 1
            self.day.clock.set(self.day.at(self.now))
            self.submit("live")

    @property
    def now(self) -> int:
        """Quarters of an hour of the day that are over."""
        return self.polls * self.every

    def add_another(self) -> None:
        """Work of another kind."""
        self.submit(self.random.choice(OTHERS))

    def submit(self, job: str, days: int = 1) -> str:
        """A run into the queue, of the day's present, or of the days before it; its id."""
        wanted = self.jobs[job]
        tags = dict(wanted.run_tags)
        is_by_the_clock = job in ("deliver", "escalate", "read_back")
        options = run_config(None if is_by_the_clock else self.day.at(self.now))
        if job in ("daily", "search"):
            tags["dagster/asset_partition_range_start"] = (self.day.date - timedelta(days=days)).isoformat()
            tags["dagster/asset_partition_range_end"] = (self.day.date - timedelta(days=1)).isoformat()
        origin = RemoteJobOrigin(
            RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(CODE_LOCATION), "__repository__"), job
        )
        run = self.opened.create_run_for_job(
            wanted, run_config=options, tags=tags, status=dg.DagsterRunStatus.QUEUED, remote_job_origin=origin
        )
        self.submitted.append(job)
        return run.run_id


@contextmanager
def queue_of(day: Day, random: Random) -> Iterator[Queue]:
    """The day's queue, with what a folder needs before its first poll."""
    outcome = execute(day.settings, "snapshots", progress=silent, as_of=day.at(0))
    assert outcome.is_success, outcome.failures
    definitions = build_defs(day.settings)
    with instance(day.settings) as opened:
        yield Queue(day, opened, {job.name: job for job in definitions.resolve_all_job_defs()}, random)


Moment = Literal["while it starts", "while a run begins", "any"]
"""When a life is ended: before it is ready, as soon as a run is under way, or after some events of runs."""

EVENTS = {
    dg.DagsterEventType.RUN_STARTING,
    dg.DagsterEventType.RUN_START,
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.RUN_SUCCESS,
}


def moments(kills: int, random: Random) -> list[Moment]:
    """When so many kills hit."""
    return ["while it starts" if random.random() < EARLY else "any" for _ in range(kills)]


def live(
    folder: Path, kills: Sequence[Moment], random: Random, longest_seconds: float = float("inf")
) -> Records:
    """A busy day with these kills, until all that is owed is done.

    Args:
        folder: Of all data.
        kills: When each hits.
        random: What is not said here.
        longest_seconds: No further kill after this.
    """
    begun = time.time()
    lives: list[Kill] = []
    with busy_day(folder, datetime.now(UTC)) as day, queue_of(day, random) as queue:
        # About one poll is asked in each life, and the lives are to last the whole day.
        queue.every = min(LONGEST_STEP, ceil(queue.last_poll / (len(kills) + POLLS_AHEAD)))
        log = folder / "service.log"
        for number, moment in enumerate(kills):
            if time.time() - begun > longest_seconds:
                break
            queue.fill()
            if number % 2:
                queue.add_another()
            service = Service(day, log)
            lives.append(_life(service, queue, random, moment))
            print(f"{number + 1}: {lives[-1]}", file=sys.stderr, flush=True)
        service = Service(day, log)
        ready = service.wait_until_ready()
        left = _under_way(queue.opened)
        work_off(queue)
        records = collect(
            day.settings, queue.opened, lives, polls=queue.polls, last_ready=ready, left_at_last=left
        )
        return replace(records, end_seconds=service.end(), seconds=time.time() - begun)


def _life(service: Service, queue: Queue, random: Random, moment: Moment) -> Kill:
    if moment == "while it starts":
        time.sleep(random.uniform(0.2, FIRST_MOMENTS))
        service.kill()
        return Kill(service.began, None, tuple(_under_way(queue.opened)), ())
    ready = service.wait_until_ready()
    left = _under_way(queue.opened)
    since = time.time()
    wanted, patience = random.randint(1, MOST_EVENTS), PATIENCE_SECONDS
    if moment == "while a run begins":
        wanted, patience = 1, DONE_WITHIN
    while _events(queue.opened, since) < wanted and time.time() < since + patience:
        queue.fill()
        time.sleep(LOOK_SECONDS)
    if moment == "any":
        time.sleep(random.uniform(0, LONGEST_DELAY))
    service.kill()
    return Kill(service.began, ready, tuple(_under_way(queue.opened)), tuple(left))


def _events(opened: dg.DagsterInstance, since: float) -> int:
    """Beginnings and ends of runs and steps since then (epoch seconds)."""
    began = datetime.fromtimestamp(since, UTC)
    found = 0
    for record in opened.get_run_records(dg.RunsFilter(updated_after=began)):
        events = opened.get_records_for_run(record.dagster_run.run_id, of_type=EVENTS).records
        found += sum(event.timestamp >= since for event in events)
    return found


def _under_way(opened: dg.DagsterInstance) -> list[str]:
    return sorted(run.job_name for run in opened.get_runs(dg.RunsFilter(statuses=UNDER_WAY)))


def work_off(queue: Queue) -> None:
    """Until nothing is under way and nothing is owed.

    Raises:
        TimeoutError: Something waits for ever.
    """
    busy = dg.RunsFilter(statuses=[*UNDER_WAY, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED])
    deadline, calm = time.time() + DONE_WITHIN, 0
    while calm < CALM_LOOKS:
        calm = 0 if queue.opened.get_runs(busy, limit=1) or _is_owed(queue.day) else calm + 1
        if time.time() > deadline:
            waiting = [(run.job_name, run.status.value) for run in queue.opened.get_runs(busy)]
            raise TimeoutError(
                f"these runs wait for ever: {waiting}; something is owed: {_is_owed(queue.day)}"
            )
        time.sleep(LOOK_SECONDS)


def _is_owed(day: Day) -> bool:
    """Whether something waits that a sensor is going to see."""
    now = datetime.now(UTC)
    with open_ledger(day.settings) as ledger:
        if pending_evaluations(ledger, kept_evaluations(day.settings)):
            return True
    return is_message_due(day.settings, now) or is_step_due(day.settings, now)


def main() -> int:
    """A busy day with kills; the table, and every promise that was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no further kill after this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keeps all data, for finding out why")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = chosen.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="mist-crash-"))
        random = Random(chosen.seed)
        records = live(Path(folder), moments(chosen.kills, random), random, 60 * chosen.minutes)
    faults = broken(records)
    sys.stdout.write(table(records) + "\n\n")
    sys.stdout.write("".join(f"BROKEN: {fault}\n" for fault in faults) or "Every promise was kept.\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
