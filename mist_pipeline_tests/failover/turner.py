"""One machine without Dagster: ``python -m mist_pipeline_tests.failover.turner LEDGER FOLDER NAME``. Its service writes down that it is at work.

All that decides who is active is what `daemon` has: lease, keeper, turns, and the end of what it started. Times are shorter, so that the test is;
between the end of what a machine does and the end of its lease there is time for one that is busy.
"""

import sys
import time
from datetime import timedelta
from pathlib import Path

from mist_pipeline.alerts.ledger.database import open_engine
from mist_pipeline.alerts.machines.lease import Lease
from mist_pipeline.cli.serving import turns
from mist_pipeline.cli.together import run_together
from mist_pipeline.workflows.running.keeping import Keeper
from mist_pipeline.workflows.running.processes import this_process
from mist_pipeline.workflows.running.term import VARIABLE, current_term, end_with_term, steady

LEASE, HOLD_SECONDS = timedelta(seconds=6), 2.0
SHORT = 0.02


def work(folder: Path, name: str) -> None:
    """Write down again and again that this machine is at work, until its term ends it."""
    end_with_term()
    term = current_term()
    assert term is not None
    with (folder / name).open("a", encoding="ascii", buffering=1) as written:
        while True:
            written.write(f"{steady()} {term.number}\n")
            time.sleep(SHORT)


def main(ledger: str, folder: Path, name: str) -> None:
    """Take turns."""
    turns.LOOK_SECONDS = 0.2
    lease = Lease(open_engine(ledger, answers_within=1), name, this_process(), length=LEASE)
    (folder / f"terms of {name}").mkdir()
    keeper = Keeper(lease, folder / f"terms of {name}", hold_seconds=HOLD_SECONDS)
    command = [sys.executable, "-m", "mist_pipeline_tests.failover.turner", "work", str(folder), name]
    turns.take_turns(
        keeper, {}, [], lambda term, look: run_together([command], {VARIABLE: term.variable}, looks=[look])
    )


if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(Path(sys.argv[2]), sys.argv[3])
    else:
        main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
