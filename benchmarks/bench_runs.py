"""What a run costs whatever it does: runs that a code server starts, in a fresh interpreter and as a fork of what is loaded already.

Run with ``.venv/bin/python -m benchmarks runs``; 24 sites, some minutes. One job: ``python -m benchmarks.bench_runs --jobs deliver``.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.daemon_runs import RunsOfDaemon, runs_of_daemon
from benchmarks.ending import end_what_was_started
from benchmarks.growing import cloud, taken

JOBS = ("deliver", "evaluate", "live", "daily")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table: each job in both ways."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=24)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mist-runs-") as name:
        folder = Path(name)
        taken("past", folder, given.sites)
        with cloud(folder, given.sites) as asked:
            taken("snapshots", folder, given.sites, asked)
            with runs_of_daemon(folder, asked) as daemon:
                print_costs(daemon, given.sites, given.jobs)


def print_costs(daemon: RunsOfDaemon, sites: int, jobs: Sequence[str]) -> None:
    """Run each job in both ways, after a first time that is not counted, so that both find the same."""
    print(f"{sites:,} sites{'':12} {'fresh interpreter':>26} {'fork':>26}")
    place = daemon.forks
    aside = place.with_name("aside")
    for job in jobs:
        daemon.run(job)
        place.rename(aside)
        fresh = daemon.run(job)
        aside.rename(place)
        fork = daemon.run(job)
        told = f"{job} ({fork.said['steps']} steps, {fork.said['events']} events)"
        costs = "".join(f" {one.seconds:12.1f} s {one.cpu:7.1f} s CPU" for one in (fresh, fork))
        print(f"{told:<34}{costs}", flush=True)


if __name__ == "__main__":
    main()
