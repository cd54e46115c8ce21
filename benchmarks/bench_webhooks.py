"""How long a webhook of Mist waits for its answer, and people for the message about a site that is lost.

Run with ``.venv/bin/python -m benchmarks webhooks``. Messages come over HTTP with a connection each, and are on the disk before they are
answered: one after another, sixteen at a time, and while another process writes evaluations of 3,000 sites without a pause. Then sites are lost one after the other, while the service of ``mist-pipeline web`` follows: seconds from the arrival of the message that tells of the
last device until it is evaluated, and until the sink (a file) has accepted the message. Beside the seconds of a clock, which other work on the
machine lengthens, it prints the CPU of both sides.
"""

import argparse
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import polars as pl
import requests

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.domain.text import count
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.push.application import SIGNATURE
from mist_pipeline.push.message import sign
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline.workflows.pushing.follow import PushFollower
from mist_pipeline.workflows.pushing.receive import receiving
from mist_pipeline_tests.support.alerts.histories import finding, findings
from mist_pipeline_tests.support.push_company import SITES, mac, made
from mist_pipeline_tests.support.pushes import SECRET, raw, updown
from mist_pipeline_tests.support.web.serving import serving


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--outages", type=int, default=6)
    parser.add_argument("--storm-sites", type=int, default=3_000)
    given = parser.parse_args(arguments)
    print(f"{'':58} {'median':>9} {'95 of 100':>12} {'slowest':>10} {'CPU':>9}")
    for events in (1, 10, 100):
        _print(f"{count(events, 'event'):>10} in a message, one after another", given.messages, events)
    _print("   1 event in a message, 16 at a time", given.messages, 1, senders=16)
    _print("10 events in a message, while 3,000 sites are evaluated", given.messages, 10, sites=3_000)
    evaluated, accepted = _told(given.outages)
    print(
        f"{given.outages} sites are lost: evaluated after {_both(evaluated)}, accepted after {_both(accepted)}"
    )

    _storm(given.storm_sites)


def _storm(num_sites: int) -> None:
    """All sites of an organisation with 17 devices each lose the cloud at once; 100 events in a message, 16 messages at a time."""
    with tempfile.TemporaryDirectory() as folder:
        sizes = dict.fromkeys((f"site-{number:05}" for number in range(num_sites)), 17)
        now = datetime.now(UTC)
        settings = made(Path(folder), sizes)
        events = [
            updown("AP_DISCONNECTED", device, now, site)
            for site, device in pl.read_parquet(settings.devices_path).select("site_id", "device").rows()
        ]
        follower = PushFollower(settings)
        app = receiving(settings, wake=follower.wake)
        assert app is not None
        follower.start()
        begun, used, arrived = time.perf_counter(), time.process_time(), datetime.now(UTC)

        def answered(first: int) -> float:
            sent = time.perf_counter()
            _post(address, raw({"topic": "device-updowns", "events": events[first : first + 100]}))
            return time.perf_counter() - sent

        with serving(app) as address, ThreadPoolExecutor(16) as pool:
            ranked = sorted(pool.map(answered, range(0, len(events), 100)))
            taken = time.perf_counter() - begun
            told = (_times(settings, arrived)[1] - arrived).total_seconds()
            follower.end()
        used = time.process_time() - used
        with closing(sqlite3.connect(settings.data / "pushes.db")) as stored:
            pages, size = (
                stored.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size")
            )
    print(
        f"{num_sites:,} sites are lost at once: {len(events):,} events taken within {taken:.1f} s (median {statistics.median(ranked):.2f} s, "
        f"slowest {ranked[-1]:.2f} s), people told after {told:.1f} s, CPU of all {used:.1f} s; {pages * size / len(events):.0f} bytes an event"
    )


def _print(name: str, messages: int, events: int, *, senders: int = 1, sites: int = 0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        seconds, cpu = _seconds(Path(folder), messages, events, senders, sites)
    ranked = sorted(seconds)
    print(
        f"{name:58} {statistics.median(ranked) * 1000:6.1f} ms {ranked[int(len(ranked) * 0.95)] * 1000:9.1f} ms "
        f"{ranked[-1] * 1000:7.1f} ms {cpu * 1000:6.1f} ms"
    )


def _both(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.1f} s (slowest {max(seconds):.1f} s)"


def _told(outages: int) -> tuple[list[float], list[float]]:
    """Seconds from arrival to evaluation, and to the accepted message, of sites that are lost one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        settings = made(Path(folder))
        follower = PushFollower(settings)
        app = receiving(settings, wake=follower.wake)
        assert app is not None
        follower.start()
        evaluated, accepted = [], []
        with serving(app) as address:
            for number in range(outages):
                now, site = datetime.now(UTC), SITES[number % len(SITES)]
                for kind, at in (("AP_CONNECTED", now - timedelta(seconds=2)), ("AP_DISCONNECTED", now)):
                    some = [updown(kind, mac(site, one), at, site) for one in range(3)]
                    begun = datetime.now(UTC)
                    _post(address, raw({"topic": "device-updowns", "events": some}))
                pair = _times(settings, begun)
                evaluated.append((pair[0] - begun).total_seconds())
                accepted.append((pair[1] - begun).total_seconds())
                _close(settings)
        follower.end()
        return evaluated, accepted


def _times(settings: Settings, begun: datetime) -> tuple[datetime, datetime]:
    """When what arrived was evaluated, and when the message that followed was accepted.

    Raises:
        TimeoutError: Nothing followed within two minutes.
    """
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        with open_ledger(settings) as ledger:
            rows = ledger.frames()["deliveries"].filter(
                pl.col("sent_at") > begun, pl.col("reason") != "all_resolved"
            )
        if not rows.is_empty():
            created, sent = rows.select(pl.min("created_at", "sent_at")).row(0)
            return created, sent
        time.sleep(0.5)
    raise TimeoutError("no message followed")


def _close(settings: Settings) -> None:
    """Somebody closes what is open, so that the next loss is told anew."""
    with open_ledger(settings) as ledger:
        for incident, _ in ledger.incidents({"open", "acknowledged"}):
            ledger.resolve(incident.incident_id, "anna", datetime.now(UTC))


def _post(address: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json", SIGNATURE: sign(body, Secret(SECRET))}
    requests.post(f"{address}/mist", data=body, headers=headers, timeout=60).raise_for_status()


def _seconds(folder: Path, messages: int, events: int, senders: int, sites: int) -> tuple[list[float], float]:
    """Seconds of each answer, and CPU seconds of one, those of the sender included.

    Args:
        folder: Where the data is.
        messages: How many are sent.
        events: In each.
        senders: How many send at a time.
        sites: Evaluations of so many sites, all of them down, are written meanwhile by another process; 0: none.
    """
    app = receiving(
        load_settings(environment={"MIST_PIPELINE_DATA": str(folder), "MIST_WEBHOOK_SECRET": SECRET})
    )
    assert app is not None

    def answered(number: int) -> float:
        now = datetime.now(UTC)
        some = [
            updown("AP_DISCONNECTED", f"{number:06x}{one:06x}", now, f"site-{one}") for one in range(events)
        ]
        body = raw({"topic": "device-updowns", "events": some})
        begun = time.perf_counter()
        _post(address, body)
        return time.perf_counter() - begun

    with serving(app) as address, _evaluating(folder, sites), ThreadPoolExecutor(senders) as pool:
        used = time.process_time()
        found = list(pool.map(answered, range(messages)))
        return found, (time.process_time() - used) / messages


@contextmanager
def _evaluating(folder: Path, sites: int) -> Iterator[None]:
    """Another process writes one evaluation after the other into the ledger, without a pause."""
    if not sites:
        yield
        return
    spawning = multiprocessing.get_context("spawn")
    begun = spawning.Event()
    process = spawning.Process(target=_evaluate, args=[folder, sites, begun], daemon=True)
    process.start()
    begun.wait()
    yield
    process.terminate()
    process.join()


def _evaluate(folder: Path, sites: int, begun: Event) -> None:
    rows = [
        finding(f"site-{one}", "device", "site_down", "critical", "", '{"is_over": false}', "Down.")
        for one in range(sites)
    ]
    at = datetime.now(UTC)
    with Ledger(folder / "ledger.db") as ledger:
        while True:
            at += timedelta(seconds=1)
            ledger.record_evaluation(
                EvaluationInput(as_of=at, source="live", findings=findings(rows), site_count=sites)
            )
            begun.set()


if __name__ == "__main__":
    main()
