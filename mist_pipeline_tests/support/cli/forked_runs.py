"""Processes of runs, begun as a code server begins them: ``python -m mist_pipeline_tests.support.cli.forked_runs FOLDER`` prints what they were like."""

import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mist_pipeline.cli.code_location import runs
from mist_pipeline.cli.code_location.files import MODULE

VARIABLE = "OF_THE_CODE_SERVER"


def work(told: Any, ended: Any) -> None:
    """Say what this process is like, compute with everything that has threads, and end when asked to, with 3."""
    import duckdb
    import numpy as np
    import polars as pl
    from sklearn.ensemble import IsolationForest

    numbers = pl.DataFrame({"number": np.arange(200_000) % 7})
    sums = numbers.group_by("number").len()
    with duckdb.connect() as connection:
        (counted,) = connection.execute("SELECT count(*) FROM numbers").fetchone() or (0,)
    forest = IsolationForest(n_estimators=10, n_jobs=2, random_state=0).fit(numbers.head(500))
    matrix = np.ones((300, 300))
    told.put(
        {
            "process": os.getpid(),
            "parent": os.getppid(),
            "variable": os.environ.get(VARIABLE),
            "definitions": MODULE in sys.modules,
            "computed": [sums.height, counted, len(forest.estimators_), float((matrix @ matrix)[0, 0])],
        }
    )
    ended.wait()
    sys.exit(3)


def begun(how_it_ends: Callable[[int, Any], None]) -> dict[str, Any]:
    """What one process was like, and how it ended."""
    context = runs.RunContext()
    told, ended = context.Queue(), context.Event()
    process = context.Process(target=work, args=[told, ended])
    process.start()
    said: dict[str, Any] = told.get(timeout=120)
    was_alive = process.is_alive()
    how_it_ends(said["process"], ended)
    while process.is_alive():
        time.sleep(0.05)
    return {**said, "was alive": was_alive, "ended with": process.exitcode}


def waiting(folder: Path) -> tuple[int, int]:
    """A process that forks for runs: its number, and what is closed when nobody may ask any more."""
    runs.place_of(folder).unlink(missing_ok=True)
    ended, alive = os.pipe()
    waits = os.fork()
    if not waits:
        code = 1
        try:
            os.close(alive)
            runs.make_forks(folder, ended)
            code = 0
        finally:
            os._exit(code)
    while not runs.place_of(folder).exists():
        time.sleep(0.05)
    os.close(ended)
    runs.ask_there(folder, alive)
    return waits, alive


def orphan(waits: int) -> dict[str, Any]:
    """A run that goes on while who forked it is killed, and then ends."""
    context = runs.RunContext()
    told, ended = context.Queue(), context.Event()
    process = context.Process(target=work, args=[told, ended])
    process.start()
    said: dict[str, Any] = told.get(timeout=120)
    os.kill(waits, signal.SIGKILL)
    os.waitpid(waits, 0)
    time.sleep(0.2)
    went_on, code = process.is_alive(), process.exitcode
    ended.set()
    until = time.monotonic() + 60
    while process.is_alive() and time.monotonic() < until:
        time.sleep(0.05)
    return {**said, "went on": went_on, "code meanwhile": code, "ended with": process.exitcode}


def without_room(folder: Path) -> dict[str, Any]:
    """A run that is asked for where somebody listens and ends without a fork, as where the machine gives no further process."""
    runs.place_of(folder).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runs.place_of(folder)))
        listener.listen()

        def refuse() -> None:
            with listener.accept()[0] as asked:
                asked.recv(1)

        threading.Thread(target=refuse, daemon=True).start()
        return begun(lambda _, event: event.set())


def main() -> None:
    """One that ends, one that is killed, one that outlives who forked it, and two that begin where nobody forks."""
    folder = Path(sys.argv[1])
    importlib.import_module(MODULE)
    os.environ[VARIABLE] = "yes"
    outlives = orphan(waiting(folder)[0])
    waits, alive = waiting(folder)
    ends = begun(lambda _, event: event.set())
    killed = begun(lambda process, _: os.kill(process, signal.SIGKILL))
    os.close(alive)
    _, status = os.waitpid(waits, 0)
    fresh = begun(lambda _, event: event.set())
    refused = without_room(folder)
    said = {
        "waits": waits,
        "asks": os.getpid(),
        "ends": ends,
        "killed": killed,
        "fresh": fresh,
        "refused": refused,
        "outlives": outlives,
    }
    print(json.dumps({**said, "ended with": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
