"""What both machines share but the database: the cloud of an organisation in a storm, the folder of files, and who receives messages."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from mist_pipeline.cli.code_location.files import DAGSTER_YAML
from mist_pipeline.settings import load_settings
from mist_pipeline.simulator.cloud.server import serve
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.scenario import site_offline
from mist_pipeline.simulator.world.world import World
from mist_pipeline_tests.crash.daemon.day import HOUR, Day
from mist_pipeline_tests.failover.database import Database

SITES = 40
AT_ONCE = 4
"""Sites that go down together …"""
HOURS_DOWN = 3.0
"""… for so long, every hour."""
SINKS = ("first", "second")
ANSWERS_AFTER = 1.0
"""Seconds that a message takes, so that some are under way when a machine dies."""

BUCKET = "mist"

STORAGE = """
storage:
  postgres:
    postgres_url:
      env: DAGSTER_PG_URL
"""

NOTIFICATIONS = {
    "routes": [{"name": "all", "sinks": ["first"], "escalation": "duty"}],
    "escalations": {"duty": {"steps": [{"after_minutes": 1, "sink": "second"}]}},
    "sinks": {
        name: {"type": "webhook", "url_from": f"{name.upper()}_URL", "key_from": "HOOK_KEY"} for name in SINKS
    },
}


@dataclass(frozen=True)
class Arrival:
    """A message at the receiver.

    Attributes:
        at: Epoch seconds.
        machine: Address of the one that sent it.
        sink: Of which sink it is.
        delivery: Its id; the same of one that comes twice.
    """

    at: float
    machine: str
    sink: str
    delivery: str


@dataclass
class Receiver:
    """Takes messages of both sinks and writes down when each came, and from where."""

    port: int
    arrivals: list[Arrival] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver on every address of this machine, for the time of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            arrival = Arrival(
                time.time(), self.client_address[0], self.path[1:], self.headers["X-Mist-Delivery"]
            )
            found.arrivals.append(arrival)
            time.sleep(ANSWERS_AFTER)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    server.daemon_threads = True
    found = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def storm(
    folder: Path, database: Database, receiving: Receiver, now: datetime, objects: int | None = None
) -> Iterator[Day]:
    """The day before now, on which other sites go down every hour, all day long.

    Args:
        folder: Of all files.
        database: Of ledger and Dagster.
        receiving: Who is told.
        now: The real time.
        objects: Port of an object store for all files; None: machines share a folder.
    """
    day = now.astimezone(UTC).date() - timedelta(days=1)
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    outages = [
        site_offline(
            [(AT_ONCE * hour + one) % SITES for one in range(AT_ONCE)], begins + hour * HOUR, HOURS_DOWN
        )
        for hour in range(22)
    ]
    start = day - timedelta(days=2)
    world = World(SITES, 3, seed=4, start=start, scenarios=outages, quiet=True, timezones=["UTC"])
    clock = Clock(begins)
    folder.mkdir(parents=True, exist_ok=True)
    content = {"notifications": NOTIFICATIONS, "monitoring": {"machines": 2}}
    (folder / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with serve(world, "0.0.0.0", clock=clock) as cloud:
        environment = {
            "MIST_BASE_URL": f"http://127.0.0.1:{cloud.base_url.rpartition(':')[2]}",
            "MIST_ORG_ID": cloud.org_id,
            "MIST_API_TOKEN": cloud.token,
            "MIST_PIPELINE_CONFIG": str(folder / "config.yaml"),
            "MIST_PIPELINE__HISTORY__START": start.isoformat(),
            "HOOK_KEY": "a key that nobody checks here",
            **{f"{name.upper()}_URL": f"http://127.0.0.1:{receiving.port}/{name}" for name in SINKS},
            **(in_a_folder(folder) if objects is None else in_objects(objects)),
            **of_machine(folder, "outside", database, "127.0.0.1", is_alone=objects is not None),
        }
        yield Day(environment, load_settings(environment=environment), clock, day)


def in_a_folder(folder: Path) -> dict[str, str]:
    """Where files are that machines share as over NFS."""
    return {"MIST_PIPELINE_DATA": str(folder / "data")}


def in_objects(port: int) -> dict[str, str]:
    """Where files are in an object store: raw files, evaluations, published files, and the rows of the warehouse."""
    return {
        "AWS_ACCESS_KEY_ID": "AKIDOFTESTS",
        "AWS_SECRET_ACCESS_KEY": "of the tests alone",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "MIST_PIPELINE__STORAGE__URL": f"s3://{BUCKET}/files",
        "MIST_PIPELINE__WAREHOUSE__DATA_PATH": f"s3://{BUCKET}/warehouse",
    }


def of_machine(folder: Path, name: str, database: Database, host: str, *, is_alone: bool) -> dict[str, str]:
    """What differs from machine to machine: Dagster's home, temporary files, how it reaches the database.

    Args:
        folder: Of all files.
        name: Of the machine.
        database: Of all machines.
        host: Where it is for this one.
        is_alone: It shares no folder with others: its data folder is its own, and the warehouse a lake.
    """
    home, temporary = folder / name / "home", folder / name / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    temporary.mkdir()
    (home / "dagster.yaml").write_text(DAGSTER_YAML.read_text(encoding="utf-8") + STORAGE, encoding="utf-8")
    lake = f"ducklake:postgres:host={host} port={database.port} dbname=lake user=ledger"
    own = {"MIST_PIPELINE_DATA": str(folder / name / "data"), "MIST_PIPELINE__WAREHOUSE__URL": lake}
    return {
        **(own if is_alone else {}),
        "DAGSTER_HOME": str(home),
        "TMPDIR": str(temporary),
        "MIST_PIPELINE__ALERTS__LEDGER": database.address("ledger", host),
        "DAGSTER_PG_URL": database.address("dagster", host),
    }
