"""A machine that is killed, or paused, is followed by the other, and they are never at work together.

Real processes and a real PostgreSQL, without Dagster and with shorter times; ``make failover-test`` does it with everything.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.database import migrate, open_engine
from mist_pipeline.workflows.running.term import LOOK_SECONDS
from mist_pipeline_tests.failover.at_work import are_in_turn, moments, wait
from mist_pipeline_tests.failover.machines import CHECKOUT
from mist_pipeline_tests.failover.turner import SHORT
from mist_pipeline_tests.support.postgresql import postgresql_server


@contextmanager
def turner(ledger: str, folder: Path, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "mist_pipeline_tests.failover.turner", ledger, str(folder), name]
    with subprocess.Popen(command, start_new_session=True, cwd=CHECKOUT) as process:
        try:
            yield process
        finally:
            # Its worker may have outlived it: that is the test.
            os.killpg(process.pid, signal.SIGCONT)
            os.killpg(process.pid, signal.SIGKILL)


def kill_the_parent(process: "subprocess.Popen[bytes]") -> None:
    process.kill()


def pause_all(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGSTOP)


@pytest.mark.slow
@pytest.mark.parametrize("disturb", [kill_the_parent, pause_all])
def test_machines_are_never_at_work_together(
    disturb: Callable[["subprocess.Popen[bytes]"], None], tmp_path: Path
) -> None:
    with postgresql_server() as address:
        engine = open_engine(address)
        migrate(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM leases")  # of a server that was named
        engine.dispose()
        with turner(address, tmp_path, "a") as first:
            wait(lambda: len(moments(tmp_path, "a")) > 5)
            with turner(address, tmp_path, "b"):
                wait((tmp_path / "terms of b").exists)
                disturb(first)
                term = moments(tmp_path, "a")[-1].term
                wait(lambda: any(one.term > term for one in moments(tmp_path, "b")))
                assert are_in_turn(moments(tmp_path, "a") + moments(tmp_path, "b")), "both were at work"
                begun = next(one.at for one in moments(tmp_path, "b") if one.term > term)
                os.killpg(first.pid, signal.SIGCONT)
                wait(lambda: len(moments(tmp_path, "b")) > 50)
                after = [one for one in moments(tmp_path, "a") if one.at > begun and one.term <= term]
                # A process that wakes up looks before it sleeps again: what it does until then takes no time.
                assert len(after) <= LOOK_SECONDS / SHORT
