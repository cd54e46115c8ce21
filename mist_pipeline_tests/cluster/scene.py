"""The cluster: a scheduler beside the process of a run, and workers on machines of their own (network, host name, folders)."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from mist_pipeline.workflows.running.dagster_database import PG_URL, name_driver
from mist_pipeline_tests.failover.database import Database
from mist_pipeline_tests.failover.machines import Machine
from mist_pipeline_tests.failover.storm import in_objects, of_machine

WITHIN_SECONDS = 300.0
LOOK_SECONDS = 0.2
OF_THE_RUN = "run"
"""Name of the machine on which the process of the run is."""

BEGUN, ENDED = "STEP_WORKER_STARTED", {"STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY"}


@dataclass
class Cluster:
    """A cluster, and what its machines share.

    Attributes:
        folder: Of all files; each machine has a folder below it, which no other sees.
        database: PostgreSQL.
        objects: Port of the object store.
        pipeline: Variables of the pipeline that are the same everywhere.
        port: Of the scheduler.
        machines: With workers.
        workers: On each machine.
    """

    folder: Path
    database: Database
    objects: int
    pipeline: Mapping[str, str]
    port: int
    machines: Sequence[Machine]
    workers: int = 1
    killed: dict[str, float] = field(default_factory=dict)
    """Seconds of processor that were used on machines before they were killed."""

    def __post_init__(self) -> None:
        self.environment = self._environment(OF_THE_RUN, "127.0.0.1")
        """Of the process of a run."""

    def _environment(self, name: str, host: str) -> dict[str, str]:
        """Of the processes of a machine, with its temporary folder made anew."""
        # What this process was told of the real world is not for it.
        base = {one: value for one, value in os.environ.items() if not one.startswith("MIST_")}
        base.pop("PYTHONDONTWRITEBYTECODE", None)
        return {
            **base,
            **self.pipeline,
            **in_objects(self.objects),
            **of_machine(self.folder, name, self.database, host, is_alone=True),
            "MIST_PIPELINE__COMPUTE__ENGINE": "dask",
            "MIST_PIPELINE__COMPUTE__SCHEDULER": f"tcp://{host}:{self.port}",
        }

    def start(self, machine: Machine) -> None:
        """Start the workers of a machine."""
        variables = self._environment(machine.name, machine.outside)
        command = [
            *(sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://{machine.outside}:{self.port}"),
            *(
                "--host",
                machine.address,
                "--nthreads",
                "1",
                "--nworkers",
                str(self.workers),
                "--no-dashboard",
            ),
            *("--local-directory", variables["TMPDIR"]),
        ]
        others = [
            path for path in sorted(self.folder.iterdir()) if path.is_dir() and path.name != machine.name
        ]
        machine.start(variables, command, hidden=others)

    def kill(self, machine: Machine) -> None:
        """SIGKILL to all workers of a machine."""
        self.killed[machine.name] = self.killed.get(machine.name, 0.0) + machine.cpu_seconds()
        machine.kill()

    def cpu_seconds(self) -> float:
        """Of all workers until now."""
        return sum(machine.cpu_seconds() for machine in self.machines) + sum(self.killed.values())

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's instance, as the process of the run has it."""
        variables = dict(self.environment)
        name_driver(variables)
        before = os.environ.get(PG_URL)
        os.environ[PG_URL] = variables[PG_URL]
        try:
            with dg.DagsterInstance.from_config(variables["DAGSTER_HOME"]) as opened:
                yield opened
        finally:
            if before is None:
                del os.environ[PG_URL]
            else:
                os.environ[PG_URL] = before


@contextmanager
def cluster(
    folder: Path,
    database: Database,
    objects: int,
    pipeline: Mapping[str, str],
    *,
    port: int,
    machines: int = 2,
    workers: int = 1,
) -> Iterator[Cluster]:
    """A cluster whose workers are there, for the time of a block; needs root, for network namespaces."""
    with ExitStack() as stack:
        made = [
            Machine(f"w-{one}", number, [objects], folder / f"w-{one}.log")
            for number, one in enumerate("abcd"[:machines])
        ]
        found = Cluster(folder, database, objects, pipeline, port, made, workers)
        for name in (OF_THE_RUN, *(machine.name for machine in made)):
            (folder / name).mkdir(parents=True, exist_ok=True)
        command = [
            "-m",
            "distributed.cli.dask_scheduler",
            "--host",
            "0.0.0.0",
            "--port",
            str(port),
            "--no-dashboard",
        ]
        log = stack.enter_context((folder / "scheduler.log").open("ab"))
        scheduler = subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, cwd=folder)
        stack.callback(scheduler.wait)
        stack.callback(scheduler.kill)
        for machine in made:
            stack.callback(machine.remove)
            machine.make()
            found.start(machine)
        await_workers(found, machines * workers)
        yield found


def await_workers(found: Cluster, number: int) -> None:
    """Wait until so many workers are there."""
    from mist_pipeline.analysis.stats.cluster import connected

    with connected(f"tcp://127.0.0.1:{found.port}", within=WITHIN_SECONDS) as client:
        client.wait_for_workers(number, timeout=WITHIN_SECONDS)


@dataclass(frozen=True)
class Interrupted:
    """A step in whose middle its worker was killed.

    Attributes:
        step: Its key.
        machine: Where it was.
        run_id: Of its run.
    """

    step: str
    machine: str
    run_id: str


def kill_in_the_middle(found: Cluster, steps: set[str], goes_on: Callable[[], bool]) -> Interrupted:
    """Kill the machine on which one of these steps has begun and not ended; it is paused first, to be sure of it.

    Raises:
        AssertionError: No such step was met.
    """
    by_name, passed = {machine.name: machine for machine in found.machines}, set()
    with found.instance() as opened:
        while goes_on():
            for run_id, step, host in under_way(opened, steps):
                if host not in by_name or (run_id, step) in passed:
                    continue
                by_name[host].pause()
                if (run_id, step, host) in under_way(opened, {step}):
                    found.kill(by_name[host])
                    return Interrupted(step, host, run_id)
                by_name[host].wake()
                passed.add((run_id, step))
            time.sleep(LOOK_SECONDS)
    raise AssertionError(f"none of {sorted(steps)} was met in its middle")


def under_way(opened: dg.DagsterInstance, steps: set[str]) -> list[tuple[str, str, str]]:
    """Run, step and machine of those of the steps that have begun on a worker and not ended."""
    return [
        (run.run_id, step, hosts[-1])
        for run in opened.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]), limit=1)
        for step, hosts, has_ended in begun_steps(opened, run.run_id)
        if step in steps and not has_ended
    ]


def begun_steps(opened: dg.DagsterInstance, run_id: str) -> list[tuple[str, list[str], bool]]:
    """Each step that began on a worker: its key, on which machines in turn, whether it ended."""
    hosts: dict[str, list[str]] = {}
    ended: set[str] = set()
    for entry in opened.all_logs(run_id):
        event = entry.dagster_event
        if event is None or event.step_key is None:
            continue
        if event.event_type_value == BEGUN:
            said = str(event.engine_event_data.metadata["worker"].value)
            hosts.setdefault(event.step_key, []).append(said.partition(",")[0])
        elif event.event_type_value in ENDED:
            ended.add(event.step_key)
    return [(step, found, step in ended) for step, found in hosts.items()]
