"""One machine that serves several organisations, without Dagster: ``python -m mist_pipeline_tests.failover.turner_of_all NAME FOLDER ADDRESS``.

Lease, ledgers that are told of it, turns and sender are what `daemon` has; the organisations are those of the environment. Times are shorter.
"""

import os
import socket
import sys
from functools import partial
from pathlib import Path

from mist_pipeline.alerts.machines import lease
from mist_pipeline.cli.serving import sender, turns
from mist_pipeline.cli.serving.served import settings_of_all
from mist_pipeline.cli.together import Helper, run_together
from mist_pipeline.workflows.notifying import sending
from mist_pipeline.workflows.running import telling
from mist_pipeline.workflows.running.keeping import Keeper
from mist_pipeline.workflows.running.term import VARIABLE
from mist_pipeline_tests.failover.turner import HOLD_SECONDS, LEASE, SHORT

ME = [sys.executable, "-m", "mist_pipeline_tests.failover.turner_of_all"]


def main(name: str, folder: Path, address: str) -> None:
    """Take turns."""
    turns.LOOK_SECONDS = 0.2
    lease.Lease = partial(lease.Lease, length=LEASE)  # type: ignore[assignment, misc]
    telling.ToldLease = partial(  # type: ignore[assignment, misc]
        telling.ToldLease, hold_seconds=HOLD_SECONDS, pause_seconds=0.2
    )
    terms = folder / f"terms of {name}"
    terms.mkdir()
    work = [sys.executable, "-m", "mist_pipeline_tests.failover.turner", "work", str(folder), name]
    sends = [Helper("The sender", [*ME, "send", name])]
    with turns._lease_of_all(settings_of_all(), address) as told:
        keeper = Keeper(told, terms, hold_seconds=HOLD_SECONDS)
        turns.take_turns(
            keeper,
            os.environ,
            sends,
            lambda term, look: run_together(
                [work], {**os.environ, VARIABLE: term.variable}, sends, looks=[look]
            ),
        )
        told.leave()


if __name__ == "__main__":
    as_send = sys.argv[1] == "send"
    machine = sys.argv[2] if as_send else sys.argv[1]
    socket.gethostname = lambda: machine
    if as_send:
        sending.LOOK_SECONDS = 10 * SHORT
        sender.main()
    else:
        main(machine, Path(sys.argv[2]), sys.argv[3])
