"""Raw files of a day in a folder and on an object store: time and requests of writing, reading and examining them.

The day is collected once from the simulated cloud. Its answers are then written as fetches of their own, by a folder that flushes to the disk
and by S3 (moto's server, in a process of its own on this machine), so that the cloud is not measured. A fetch of the day is what the morning
writes; a poll is an hour of scores. Run with ``.venv/bin/python -m benchmarks storage``.

Times are of this machine alone: a store in a data centre takes 10 to 50 ms a request more. That is why requests are counted.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.ending import end_what_was_started
from mist_pipeline.collect.raw.format import Record
from mist_pipeline.collect.raw.integrity import examine
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.settings import load_settings
from mist_pipeline.simulator.cloud.endpoints import Behaviour
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.world import World
from mist_pipeline.storage.files import FileStore
from mist_pipeline.storage.folder import FolderStore
from mist_pipeline.storage.objects import ObjectStore
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.collection.fetch import fetch_days, take_snapshot

DAY = date(2026, 3, 3)
NEXT = datetime(2026, 3, 4, 3, tzinfo=UTC)
SERVER = """
import logging, sys, threading
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


class Counted:
    """A client of obstore that counts its requests."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.requests[name] += 1
        return getattr(self._client, name)


@contextmanager
def s3() -> Iterator[tuple[FileStore, Counted]]:
    """An empty bucket, and the counter of its requests."""
    import requests
    from obstore.store import S3Store

    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        endpoint = "http://" + ":".join(server.stdout.readline().split())
        requests.put(f"{endpoint}/bucket", timeout=30).raise_for_status()
        client: Any = Counted(
            S3Store(
                "bucket",
                access_key_id="a",
                secret_access_key="b",
                region="us-east-1",
                endpoint=endpoint,
                client_options={"allow_http": True},
            )
        )
        yield ObjectStore(lambda: client, "s3://bucket"), client
        server.terminate()


def collected(sites: int, data: Path) -> dict[str, list[list[Record]]]:
    """Kind → the pages of every answered request of a day, from the simulated cloud."""
    world = World(sites, 4, seed=4, start=DAY - timedelta(days=1), quiet=True, timezones=["UTC"])
    with serve(world, clock=Clock(NEXT), behaviour=Behaviour(request_limit=1_000_000)) as cloud:
        settings = load_settings(
            environment={
                "MIST_BASE_URL": cloud.base_url,
                "MIST_ORG_ID": cloud.org_id,
                "MIST_API_TOKEN": cloud.token,
                "MIST_PIPELINE_DATA": str(data),
                "MIST_PIPELINE__HISTORY__START": DAY.isoformat(),
                "MIST_PIPELINE__MIST__DETAIL": "full",
            }
        )
        store, asked = RawStore(data / "raw"), Cloud(settings)
        take_snapshot("sites", asked, store, NEXT)
        fetch_days(settings, asked, store, [DAY], NEXT, lambda *_: None)
    found: dict[str, list[list[Record]]] = {}
    for kind in ("sle_org", "sle_detail", "alarms"):
        by_key: dict[str, list[Record]] = {}
        for record, _ in store.read(kind, [DAY]):
            by_key.setdefault(record.header.key, []).append(record)
        found[kind] = list(by_key.values())
    return found


def written(store: RawStore, answers: dict[str, list[list[Record]]]) -> None:
    """A fetch of each kind."""
    for kind, pages in answers.items():
        with store.generation(kind, [DAY], NEXT) as fetching:
            for page in pages:
                fetching.write(page)
            fetching.commit([page[-1].header.key for page in pages], {})


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=3, help="the quickest counts")
    asked = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory() as folder,
        s3() as (bucket, counted),
    ):
        answers = collected(asked.sites, Path(folder) / "data")
        poll = {f"live_{kind}": pages for kind, pages in answers.items() if kind == "sle_org"}
        size = sum(len(record.body) for pages in answers.values() for page in pages for record in page)
        print(
            f"{asked.sites} sites, a day: {sum(map(len, answers.values())):,} answers, {size / 1024**2:,.1f} MiB before packing"
        )
        print(f"{'':24}{'folder':>12}{'S3':>12}{'requests':>10}")
        places: list[tuple[str, FileStore]] = [("folder", FolderStore(Path(folder) / "kept")), ("S3", bucket)]
        table: dict[str, list[str]] = {}
        for name, files in places:
            for step, work in (
                ("write the day", lambda store: written(store, answers)),
                ("write a poll", lambda store: written(store, poll)),
                ("read the day", lambda store: [sum(1 for _ in store.read(kind, [DAY])) for kind in answers]),
                ("doctor --deep", examine),
            ):
                best, before = float("inf"), counted.requests.total()
                for number in range(asked.repeat):
                    part = files.within(str(number))
                    store = RawStore(Path(folder) / "local" / name / str(number), part)
                    began = time.perf_counter()
                    work(store)
                    best = min(best, time.perf_counter() - began)
                cells = table.setdefault(step, [])
                cells.append(f"{1000 * best:,.0f} ms")
                if name == "S3":
                    cells.append(f"{(counted.requests.total() - before) / asked.repeat:,.0f}")
        for step, (on_disk, on_s3, requests) in table.items():
            print(f"{step:24}{on_disk:>12}{on_s3:>12}{requests:>10}")


if __name__ == "__main__":
    main()
