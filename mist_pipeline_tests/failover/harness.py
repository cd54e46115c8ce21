"""Disturbs the active one of two machines in the middle of a storm, and looks when the other does its work.

``python -m mist_pipeline_tests.failover.harness`` prints a table of the result. It needs root, for network namespaces.
"""

import argparse
import logging
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import get_args

import requests

from mist_pipeline.alerts.machines.lease import Machines, read_machines
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.crash.daemon.day import Day
from mist_pipeline_tests.crash.daemon.harness import Queue, queue_of, work_off
from mist_pipeline_tests.failover.database import Database, shared_database
from mist_pipeline_tests.failover.machines import Machine
from mist_pipeline_tests.failover.storm import BUCKET, Receiver, of_machine, receiver, storm
from mist_pipeline_tests.failover.verdict import (
    Disturbance,
    Kind,
    Records,
    broken,
    collect,
    failed_otherwise,
    table,
)

READY_WITHIN, AFTER_SECONDS, PAUSED_SECONDS = 300.0, 90.0, 300.0
"""Seconds: within which a machine is there or takes over; that the day goes on after that; that a machine is paused."""
LOOK_SECONDS = 0.5
WOKEN_SECONDS = 5.0
"""Each process looks twice a second whether it may go on; the others of a busy machine want to go on as well."""


@dataclass
class Scene:
    """Two machines and what they share.

    Attributes:
        folder: Of all files.
        day: The storm and its cloud.
        database: Of both.
        receiving: Who is told.
        machines: Both.
        queue: The polls.
        has_objects: Files are in an object store; else in a folder that both see.
    """

    folder: Path
    day: Day
    database: Database
    receiving: Receiver
    machines: Sequence[Machine]
    queue: Queue
    has_objects: bool

    def start(self, machine: Machine) -> None:
        """Start one, with what it has of its own."""
        own = of_machine(self.folder, machine.name, self.database, machine.outside, is_alone=self.has_objects)
        # What this process was told of the real world is not for it.
        base = {name: value for name, value in os.environ.items() if not name.startswith("MIST_")}
        base.pop("PYTHONDONTWRITEBYTECODE", None)
        base["PYTHONPYCACHEPREFIX"] = str(self.folder / "compiled")
        machine.start({**base, **self.day.environment, **own})

    def seen(self) -> Machines:
        """Who is active and who stands by."""
        with open_ledger(self.day.settings) as ledger:
            return read_machines(ledger.engine)

    def active(self) -> Machine:
        """The active one."""
        name = self.seen().active
        return next(one for one in self.machines if one.name == name)

    def wait(
        self, what: str, until: Callable[[], bool], within: float = READY_WITHIN, *, goes_on: bool = True
    ) -> float:
        """Wait until something is so; seconds that it took.

        Args:
            what: For who waits in vain.
            until: Whether it is so.
            within: Seconds that are waited.
            goes_on: The day goes on meanwhile, with further polls.

        Raises:
            TimeoutError: It did not come.
        """
        begun = time.time()
        while not until():
            if time.time() - begun > within:
                raise TimeoutError(f"{what}: not within {within:.0f} s")
            if goes_on:
                self.queue.fill()
            time.sleep(LOOK_SECONDS)
        return time.time() - begun

    def go_on(self, seconds: float) -> None:
        """Keep the day going for so long."""
        end = time.time() + seconds
        self.wait("time", lambda: time.time() >= end, seconds + READY_WITHIN)

    def are_both_there(self) -> bool:
        """Whether one is active and the other stands by."""
        seen = self.seen()
        return bool(seen.active) and len(seen.standbys) == 1


def disturb(scene: Scene, kind: Kind) -> Disturbance:
    """One disturbance of the active machine, from both being there until both are there again."""
    scene.wait("both machines", scene.are_both_there)
    hit = scene.active()
    (other,) = (one for one in scene.machines if one is not hit)
    before, term = len(scene.receiving.arrivals), scene.seen().term
    scene.wait("a message of the active machine", lambda: _comes_from(scene, hit, before), 900.0)
    at = time.time()
    doing = {"kill": hit.kill, "cut off": hit.cut, "pause": hit.pause, "database": scene.database.restart}
    doing[kind]()
    if kind == "database":
        scene.wait("a message", lambda: _first(scene, at, {hit, other}) is not None, 2 * READY_WITHIN)
        seen = scene.seen()
        return Disturbance(
            kind, at, hit.name, hit.address, seen.term - term, None, None, _first(scene, at, {hit, other}), 0
        )
    taken = scene.wait("the other machine", lambda: scene.seen().active == other.name)
    left = len(hit.processes()) if kind == "cut off" else 0
    first_run = scene.wait("a run of the other machine", lambda: _has_begun(scene, at + taken))
    scene.go_on(AFTER_SECONDS)
    if kind == "pause":
        scene.go_on(max(0.0, PAUSED_SECONDS - (time.time() - at)))
        hit.wake()
        time.sleep(WOKEN_SECONDS)
        left = len(hit.processes())
    if kind == "cut off":
        hit.mend()
    if kind == "kill":
        scene.start(hit)
    scene.wait("both machines again", scene.are_both_there)
    assert scene.seen().active == other.name, "whoever comes back stands by"
    return Disturbance(
        kind,
        at,
        hit.name,
        hit.address,
        scene.seen().term - term,
        taken,
        taken + first_run,
        _first(scene, at, {other}),
        left,
    )


def _comes_from(scene: Scene, machine: Machine, before: int) -> bool:
    return any(one.machine == machine.address for one in scene.receiving.arrivals[before:])


def _has_begun(scene: Scene, since: float) -> bool:
    return any((record.start_time or 0) > since for record in scene.queue.opened.get_run_records(limit=20))


def _first(scene: Scene, at: float, machines: set[Machine]) -> float | None:
    """Seconds until the first message that one of these machines sent."""
    addresses = {one.address for one in machines}
    times = [one.at for one in scene.receiving.arrivals if one.at > at and one.machine in addresses]
    return min(times) - at if times else None


@contextmanager
def scene_of(folder: Path, random: Random, *, has_objects: bool) -> Iterator[Scene]:
    """Two machines, the first of them active."""
    with ExitStack() as stack:
        receiving = stack.enter_context(receiver())
        database = stack.enter_context(shared_database(free_port()))
        objects = stack.enter_context(object_store()) if has_objects else None
        day = stack.enter_context(storm(folder, database, receiving, datetime.now(UTC), objects))
        outside = (
            "DAGSTER_HOME",
            "DAGSTER_PG_URL",
            *(name for name in day.environment if name.startswith("AWS_")),
        )
        os.environ.update({name: day.environment[name] for name in outside})
        queue = stack.enter_context(queue_of(day, random))
        cloud = int(day.environment["MIST_BASE_URL"].rpartition(":")[2])
        ports = [cloud, receiving.port, *([objects] if objects else [])]
        machines = [
            Machine(f"noc-{one}", number, ports, folder / f"noc-{one}.log") for number, one in enumerate("ab")
        ]
        for machine in machines:
            stack.callback(machine.remove)
            machine.make()
        scene = Scene(folder, day, database, receiving, machines, queue, has_objects)
        for machine in machines:
            scene.start(machine)
            scene.wait(
                "a machine", lambda name=machine.name: name in {one.name for one in scene.seen().every}
            )
        yield scene


@contextmanager
def object_store() -> Iterator[int]:
    """The port of moto's S3, on every address of this machine, with an empty bucket."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which prints every request
    server = ThreadedMotoServer(ip_address="0.0.0.0", port=0, verbose=False)
    server.start()
    try:
        port = int(server.get_host_and_port()[1])
        requests.put(f"http://127.0.0.1:{port}/{BUCKET}", timeout=30).raise_for_status()
        yield port
    finally:
        server.stop()


def rehearse(folder: Path, kinds: Sequence[Kind], random: Random, *, has_objects: bool) -> Records:
    """A storm with these disturbances, until all that is owed is done."""
    begun = time.time()
    disturbances: list[Disturbance] = []
    with scene_of(folder, random, has_objects=has_objects) as scene:
        for kind in kinds:
            disturbances.append(disturb(scene, kind))
            print(disturbances[-1], file=sys.stderr, flush=True)
        work_off(scene.queue)
        active = scene.active()
        (other,) = (one for one in scene.machines if one is not active)
        term = scene.seen().term
        end_seconds = active.end()
        # Nobody is left to work off a further poll.
        handed_over = scene.wait(
            "the other after a regular end", lambda: scene.seen().term > term, goes_on=False
        )
        other.end()
        records = collect(scene.day.settings, scene.queue.opened, disturbances, scene.receiving.arrivals)
        return replace(records, end_seconds=end_seconds, handed_over=handed_over, seconds=time.time() - begun)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> int:
    """A storm with disturbances; the table, and every promise that was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(get_args(Kind))}; default: all")
    parser.add_argument(
        "--s3", action="store_true", help="share an object store and a lake instead of a folder"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keeps all data, for finding out why")
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        sys.stderr.write("Two machines are two network namespaces, which only root makes.\n")
        return 2
    kinds = chosen.kinds or list(get_args(Kind))
    with ExitStack() as stack:
        folder = chosen.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="mist-failover-"))
        records = rehearse(Path(folder), kinds, Random(chosen.seed), has_objects=chosen.s3)
    faults = broken(records)
    sys.stdout.write(table(records) + "\n\n")
    for job, reason in failed_otherwise(records):
        sys.stdout.write(f"{job} failed: {reason}\n")
    sys.stdout.write("".join(f"BROKEN: {fault}\n" for fault in faults) or "Every promise was kept.\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
