"""One job over days that follow one another, in this process, as the command line runs it; the last line says how it ended.

``python -m mist_pipeline_tests.cluster.job NAME AS_OF FIRST LAST`` with the environment of a pipeline. ``daily`` begins with a snapshot, as a backfill does.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from mist_pipeline_tests.failover.machines import CHECKOUT


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Attributes:
        failures: What failed.
        rows: How many were written.
        seconds: By the clock.
        cpu_seconds: Of its process and those that it started.
    """

    failures: tuple[str, ...]
    rows: int
    seconds: float
    cpu_seconds: float


def start(
    environment: Mapping[str, str], name: str, as_of: datetime, days: tuple[date, date], log: Path
) -> "subprocess.Popen[str]":
    """Start one."""
    span = [day.isoformat() for day in days]
    command = [sys.executable, "-m", "mist_pipeline_tests.cluster.job", name, as_of.isoformat(), *span]
    with log.open("a", encoding="utf-8") as said:
        return subprocess.Popen(
            command, env=dict(environment), cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=said, text=True
        )


def awaited(process: "subprocess.Popen[str]", log: Path) -> Ended:
    """How it ended.

    Raises:
        RuntimeError: Without saying so.
    """
    output, _ = process.communicate()
    lines = output.splitlines()
    if process.returncode or not lines:
        tail = log.read_text(encoding="utf-8")[-3000:]
        raise RuntimeError(f"the job ended with {process.returncode}: {output[-1000:]}{tail}")
    found = json.loads(lines[-1])
    return Ended(**{**found, "failures": tuple(found["failures"])})


def ran(
    environment: Mapping[str, str], name: str, as_of: datetime, days: tuple[date, date], log: Path
) -> Ended:
    """One from its start to its end."""
    return awaited(start(environment, name, as_of, days, log), log)


def main(name: str, as_of: str, first: str, last: str) -> None:
    """Run it."""
    from mist_pipeline.cli.execution import execute, execute_days
    from mist_pipeline.settings import load_settings
    from mist_pipeline.workflows.progress import silent

    settings, instant, begun = load_settings(), datetime.fromisoformat(as_of), time.monotonic()
    start_day, end_day = date.fromisoformat(first), date.fromisoformat(last)
    days = [start_day + timedelta(days=one) for one in range((end_day - start_day).days + 1)]
    outcomes = []
    if name == "daily":
        outcomes.append(execute(settings, "snapshots", progress=silent, as_of=instant))
    outcomes += execute_days(settings, name, days, progress=silent, as_of=instant, notify=False)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ended = Ended(
        failures=tuple(failure for one in outcomes for failure in one.failures),
        rows=sum(one.rows for one in outcomes),
        seconds=time.monotonic() - begun,
        cpu_seconds=sum(one.ru_utime + one.ru_stime for one in used),
    )
    print(json.dumps(asdict(ended)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
