"""What many organisations in one daemon cost: memory, start, CPU at rest, the list page, and a poll of all at the same minute.

Run with ``.venv/bin/python -m benchmarks organisations``; another number: ``python -m benchmarks.bench_organisations --organisations 10``.
One simulated cloud serves all of them; each has a data folder, a ledger and a budget of its own. Takes as long as the next poll is away.
Memory is what a process does not share (``Private``) and that with its part of what it shares (``Pss``), of ``/proc/PID/smaps_rollup``.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psutil
import requests

from benchmarks.ending import end_what_was_started
from mist_pipeline.cli.dagster_home import instance
from mist_pipeline.cli.serving.ports import free_port
from mist_pipeline.defs.scope import ORGANISATION_TAG, Scope
from mist_pipeline.settings import Settings, load_settings

_COMMAND = (sys.executable, "-m", "mist_pipeline.cli")
_FORKS = "mist_pipeline.cli.code_location.forks"
_LONGEST_SECONDS = 3600.0
_PAGES = 20
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """What a number of organisations cost.

    Attributes:
        start_seconds: From the command until every schedule and sensor was on.
        start_cpu: Seconds of CPU that all processes took until then.
        private_mb: Of each organisation's process what it does not share, the median.
        pss_mb: The same with its part of what is shared.
        all_mb: Of all processes of the daemon while nothing runs.
        console_mb: Of the console's process.
        rest_cpu: Share of one core that all of them take while nothing runs.
        list_ms: The list page, the median of later answers.
        waits: Seconds from the queue to its beginning of each organisation's poll; none where no poll was waited for.
        done_seconds: From the first poll in the queue to the end of the last.
    """

    start_seconds: float
    start_cpu: float
    private_mb: float
    pss_mb: float
    all_mb: float
    console_mb: float
    rest_cpu: float
    list_ms: float
    waits: Sequence[float]
    done_seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=50)
    parser.add_argument("--sites", type=int, default=2)
    parser.add_argument("--settle", type=float, default=180.0, help="seconds before that, of first looks")
    parser.add_argument("--rest", type=float, default=60.0, help="seconds of rest that are measured")
    parser.add_argument("--every", type=int, default=15, help="minutes between two polls")
    parser.add_argument("--no-polls", action="store_true", help="do not wait for a poll of all")
    given = parser.parse_args(arguments)
    found = measured(
        given.organisations,
        given.sites,
        given.settle,
        given.rest,
        given.every,
        has_polls=not given.no_polls,
    )
    print(f"{given.organisations} organisations of {given.sites} sites")
    rows = {
        "the daemon has started after": f"{found.start_seconds:.0f} s",
        "CPU until then": f"{found.start_cpu:.0f} s",
        "memory of an organisation, not shared": f"{found.private_mb:.0f} MB",
        "with its part of what is shared": f"{found.pss_mb:.0f} MB",
        "memory of the console": f"{found.console_mb:.0f} MB",
        "memory of all processes at rest": f"{found.all_mb:,.0f} MB",
        "CPU at rest, a minute": f"{60 * found.rest_cpu:.1f} s",
        "the list page": f"{found.list_ms:.0f} ms",
    }
    if found.waits:
        rows |= {
            "a poll waits, median": f"{statistics.median(found.waits):.0f} s",
            "a poll waits, longest": f"{max(found.waits):.0f} s",
            "all have polled after": f"{found.done_seconds:.0f} s",
        }
    for what, value in rows.items():
        print(f"{what:<42} {value:>10}")


def measured(
    organisations: int, sites: int, settle: float, rest: float, every: int, *, has_polls: bool = True
) -> Measured:
    """Start the daemon, let it rest, then poll."""
    with tempfile.TemporaryDirectory(prefix="mist-organisations-") as name:
        folder = Path(name)
        with _cloud(folder, sites) as base_url:
            environment = _configured(folder, organisations, base_url, every)
            settings = [
                load_settings(environment={**environment, "MIST_PIPELINE_ORG": _key(number)})
                for number in range(organisations)
            ]
            with _daemon(folder, environment) as (process, start_seconds, console):
                start_cpu = _cpu_seconds(process.pid)
                list_ms = _list_page(console, organisations)
                # The first look of every sensor imports what it works with.
                time.sleep(settle)
                before, began = _cpu_seconds(process.pid), time.monotonic()
                time.sleep(rest)
                rest_cpu = (_cpu_seconds(process.pid) - before) / (time.monotonic() - began)
                resting = sum(_memory(one, "Pss") for one in _tree(process.pid))
                waits, done = _polls(settings) if has_polls else ([], 0.0)
                tree = _tree(process.pid)
                forks = _forks(tree)
                return Measured(
                    start_seconds=start_seconds,
                    start_cpu=start_cpu,
                    private_mb=statistics.median(_memory(one, "Private") for one in forks),
                    pss_mb=statistics.median(_memory(one, "Pss") for one in forks),
                    all_mb=resting,
                    console_mb=sum(_memory(one, "Pss") for one in tree if " web --host" in _words(one)),
                    rest_cpu=rest_cpu,
                    list_ms=list_ms,
                    waits=waits,
                    done_seconds=done,
                )


def _key(number: int) -> str:
    return f"org_{number}"


def _configured(folder: Path, organisations: int, base_url: str, every: int) -> dict[str, str]:
    """The files of all organisations, and the environment of commands that work with them."""
    place = folder / "config" / "organisations"
    place.mkdir(parents=True)
    (folder / "data").mkdir()
    shared = f"mist: {{base_url: '{base_url}'}}\nmonitoring: {{interval_minutes: {every}}}\n"
    (folder / "config" / "config.yaml").write_text(shared, encoding="utf-8")
    for number in range(organisations):
        text = f"organisation: {{name: Customer {number}}}\n"
        (place / f"{_key(number)}.yaml").write_text(text, encoding="utf-8")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("MIST_", "DAGSTER_HOME"))
    }
    return {
        **kept,
        "MIST_API_TOKEN": "simulated-token-1",
        "MIST_PIPELINE_DATA": str(folder / "data"),
        "MIST_PIPELINE_CONFIG": str(folder / "config" / "config.yaml"),
    }


@contextmanager
def _cloud(folder: Path, sites: int) -> Iterator[str]:
    log = folder / "cloud.log"
    command = [*_COMMAND, "simulate", "--port", "0", "--sites", str(sites), "--days", "2"]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield _said(log, r"MIST_BASE_URL=(\S+)", process)
        finally:
            process.terminate()


@contextmanager
def _daemon(
    folder: Path, environment: Mapping[str, str]
) -> "Iterator[tuple[subprocess.Popen[bytes], float, str]]":
    log, web_port = folder / "daemon.log", free_port()
    command = [*_COMMAND, "daemon", "--port", str(free_port()), "--web-port", str(web_port)]
    begun = time.monotonic()
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, stdout=out, stderr=out, env={**environment, "PYTHONUNBUFFERED": "1"}
        ) as process,
    ):
        try:
            _said(log, r"(Polling every)", process)
            yield process, time.monotonic() - begun, f"http://127.0.0.1:{web_port}"
        finally:
            process.terminate()


def _said(log: Path, pattern: str, process: "subprocess.Popen[bytes]") -> str:
    def look() -> str | None:
        found = re.search(pattern, log.read_text(encoding="utf-8"))
        if found is None and process.poll() is not None:
            raise RuntimeError(log.read_text(encoding="utf-8")[-2000:])
        return found[1] if found else None

    return _until(look)


def _until(look: Callable[[], str | None]) -> str:
    """What a look finds in the end."""
    end = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < end:
        if (found := look()) is not None:
            return found
        time.sleep(0.5)
    raise TimeoutError


def _list_page(console: str, organisations: int) -> float:
    """Milliseconds of the list page once all are in it."""

    def look() -> str | None:
        try:
            page = requests.get(f"{console}/", timeout=30).text
        except requests.ConnectionError:
            return None
        return page if page.count("being read") == 0 else None

    page = _until(look)
    if page.count('<tr data-key="') != (organisations if organisations > 1 else 0):
        raise RuntimeError("the list does not show every organisation")
    took = []
    for _ in range(_PAGES):
        begun = time.monotonic()
        requests.get(f"{console}/", timeout=30).raise_for_status()
        took.append((time.monotonic() - begun) * 1000)
    return statistics.median(took)


def _polls(served: Sequence[Settings]) -> tuple[list[float], float]:
    """Of the first poll of each organisation how long it waited in the queue; and how long all of them took together."""
    job = {Scope.of(one).name("live"): one.organisation.key for one in served}
    with instance(served[0]) as opened:

        def ended() -> str | None:
            found = _first_polls(opened, job)
            return "all" if len(found) == len(job) and all(one.end_time for one in found.values()) else None

        _until(ended)
        found = _first_polls(opened, job)
    queued = [one.create_timestamp.timestamp() for one in found.values()]
    waits = [(one.start_time or 0.0) - at for one, at in zip(found.values(), queued, strict=True)]
    return waits, max(one.end_time or 0.0 for one in found.values()) - min(queued)


def _first_polls(opened: dg.DagsterInstance, jobs: Mapping[str, str]) -> dict[str, dg.RunRecord]:
    records = opened.get_run_records(ascending=True)
    found: dict[str, dg.RunRecord] = {}
    for one in records:
        if one.dagster_run.job_name in jobs:
            found.setdefault(one.dagster_run.tags[ORGANISATION_TAG], one)
    return found


def _tree(pid: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
        parents.setdefault(parent, []).append(int(path.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def _forks(tree: Sequence[int]) -> list[int]:
    """Of the processes that have loaded the project those that serve a code location."""
    return [one for one in tree if _FORKS in _words(one) and _serves(one)]


def _serves(pid: int) -> bool:
    try:
        return any(str(each.laddr).endswith(".sock") for each in psutil.Process(pid).net_connections("unix"))
    except psutil.Error:
        return False


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _memory(pid: int, kind: str) -> float:
    """MB of a process: ``Pss``, or ``Private`` for what it does not share."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    # `Pss_Dirty` and the like, of later kernels, are parts of `Pss`; of `Private` there are two parts and no whole.
    parts = "_(?:Clean|Dirty)" if kind == "Private" else ""
    found = re.findall(rf"^{kind}{parts}: +(\d+)", text, re.MULTILINE)
    return sum(map(int, found)) / 1000


def _cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and all below it."""
    total = 0
    for one in _tree(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


if __name__ == "__main__":
    main()
