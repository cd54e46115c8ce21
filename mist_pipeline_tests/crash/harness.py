"""The parent: owns the receivers, starts the child, kills it with SIGKILL at random moments, and starts it again.

``python -m mist_pipeline_tests.crash.harness --kills 200`` prints a table of the result.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from mist_pipeline.alerts.ledger.database import reading
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.mapping import incident_of
from mist_pipeline.alerts.ledger.tables import DELIVERIES, INCIDENTS
from mist_pipeline.alerts.lifecycle.model import Incident
from mist_pipeline.delivery.message import IncidentView
from mist_pipeline.delivery.tickets.policy import Names
from mist_pipeline_tests.crash.board import HANDS, Board
from mist_pipeline_tests.crash.receivers import Mood, Receivers, receivers
from mist_pipeline_tests.crash.verdict import Kill, Records, Row, broken, table
from mist_pipeline_tests.crash.week import Week
from mist_pipeline_tests.support.alerts.histories import START

PATIENCE_SECONDS = 7200.0
CREATION = "POST /rest/api/3/issue"
"""What Jira is asked for a ticket."""
KINDS = {"line": 5, "asked": 2, "handled": 3, "answered": 3, "page": 3, "ticket": 3}
"""What an executioner waits for, and how often: a line of the child's, a stage of any request, a request that rings, or one
that makes a ticket."""


class ChildFailedError(Exception):
    """The child ended by itself before the week did."""


@dataclass
class Order:
    """When to kill: once the child has come to a moment, at the n-th event of a kind, and so many seconds later."""

    moment: int
    kind: str
    countdown: int
    delay: float


def orders(random: Random, kills: int, moments: int) -> list[Order]:
    """Random moments of the week, each with a random event that follows."""
    at = sorted(random.randrange(int(0.85 * moments)) for _ in range(kills))
    found = []
    for moment in at:
        kind = random.choices(list(KINDS), list(KINDS.values()))[0]
        delay = {"line": 0.06, "answered": 0.006}.get(kind, 0.0)
        countdown = 1 if kind in ("page", "ticket") else random.randint(1, 4)
        found.append(Order(moment, kind, countdown, random.uniform(0, delay)))
    return found


@dataclass
class Executioner:
    """Kills one child after another, as ordered.

    Attributes:
        orders: In order of time.
        patience: After so many moments without what an order waits for, any line will do.
    """

    orders: list[Order]
    patience: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    child: "subprocess.Popen[str] | None" = None
    moment: int = 0
    request: str = ""
    has_killed: bool = False

    def attach(self, child: "subprocess.Popen[str]") -> None:
        with self.lock:
            self.child, self.request, self.has_killed = child, "", False

    def line(self, moment: int) -> None:
        """The child is about to do something."""
        with self.lock:
            self.moment = moment
        self.event("line", "", "")

    def event(self, kind: str, sink: str, what: str) -> bool:
        """Something happened; whether the child was killed by it."""
        with self.lock:
            if self.has_killed or not self.orders or self.child is None:
                return False
            order = self.orders[0]
            if self.moment < order.moment:
                return False
            is_it = (
                order.kind == kind
                or (order.kind == "page" and sink == "page")
                or (order.kind == "ticket" and what == CREATION)
            )
            # Where nobody is told anything for long, the next line does.
            if not is_it and not (kind == "line" and self.moment > order.moment + self.patience):
                return False
            order.countdown -= 1
            if order.countdown > 0:
                return False
            self.orders.pop(0)
            self.has_killed = True
            self.request = f"{kind} {sink} {what}".strip()
            child = self.child
        if order.delay:
            # A random moment between two events is what is wanted, and nothing can be waited for in its place.
            threading.Timer(order.delay, child.kill).start()
            return False
        child.kill()
        return True


def spawn() -> "subprocess.Popen[str]":
    """A child that is ready and waits for the word to go."""
    return subprocess.Popen(
        [sys.executable, "-m", "mist_pipeline_tests.crash.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def standby() -> Iterator[list["subprocess.Popen[str]"]]:
    """Children that are ready before they are needed; none outlives the test."""
    ready: list[subprocess.Popen[str]] = []
    try:
        yield ready
    finally:
        for child in ready:
            child.kill()
            child.communicate()


def live(
    folder: Path, week: Week, seed: int, *, kills: int, mood: Mood, deadline: float | None = None
) -> Records:
    """One week, with so many kills."""
    folder.mkdir(parents=True)
    begun = time.monotonic()
    deadline = begun + PATIENCE_SECONDS if deadline is None else deadline
    moments = week.moments()
    executioner = Executioner(orders(Random(seed), kills, len(moments)), len(moments) // 12)
    done: list[Kill] = []
    with (
        Board(folder / "board", START) as board,
        receivers(board, mood) as told,
        standby() as ready,
    ):
        told.registry.stage = executioner.event
        job = {
            "folder": str(folder),
            "addresses": told.addresses,
            "seed": week.seed,
            "days": week.days,
        }
        ready.append(spawn())
        while True:
            if executioner.orders:
                ready.append(spawn())
            if _one_life(ready.pop(0), job, executioner, deadline):
                break
            done.append(
                Kill(
                    told.registry.life,
                    executioner.moment,
                    {hand: board.read(hand) for hand in HANDS},
                    executioner.request,
                )
            )
            _wait_for_quiet(told, deadline)
            told.registry.life += 1
            board.clear()
        return _records(folder, told, done, time.monotonic() - begun, week)


def _one_life(
    child: "subprocess.Popen[str]", job: dict[str, Any], executioner: Executioner, deadline: float
) -> bool:
    """Run a child until it is killed or done; whether it is done."""
    executioner.attach(child)
    watchdog = threading.Timer(max(deadline - time.monotonic(), 0.1), child.kill)
    watchdog.start()
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(json.dumps(job) + "\n")
        child.stdin.flush()
        for text in child.stdout:
            number, _, _what = text.partition(" ")
            executioner.line(int(number))
        said = child.stderr.read()
        code = child.wait()
    finally:
        watchdog.cancel()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()
    if code == 0:
        return True
    if code == -9 and executioner.has_killed:
        return False
    raise ChildFailedError(f"the child ended with {code} at moment {executioner.moment}: {said[-4000:]}")


def _wait_for_quiet(told: Receivers, deadline: float) -> None:
    """Requests of the dead are answered first, so that it is known whose they were."""
    while told.registry.busy:
        assert time.monotonic() < deadline, "a receiver hangs"
        time.sleep(0.001)


def _records(folder: Path, told: Receivers, kills: list[Kill], seconds: float, week: Week) -> Records:
    with Ledger(folder / "ledger.db") as ledger:
        events = tuple(ledger.events())
        looks = len(ledger.origins())
        with reading(ledger.engine) as connection:
            incidents = {
                row["incident_id"]: incident_of(dict(row))
                for row in connection.execute(INCIDENTS.select()).mappings()
            }
            found = connection.execute(DELIVERIES.select().order_by(DELIVERIES.c.delivery_id)).mappings()
            rows = tuple(Row(**{name: row[name] for name in Row.__dataclass_fields__}) for row in found)
    wanted = sum(moment.doing in ("look", "daily") for moment in week.moments())
    assert looks == wanted, f"{looks} looks were evaluated, {wanted} were to be"
    return Records(
        events=events,
        incidents=incidents,
        labels={name: label_of(incident) for name, incident in incidents.items()},
        rows=rows,
        posts=tuple(told.registry.posts),
        pages=tuple(told.registry.pages),
        open_pages=tuple(page.key for page in told.pager.open_pages),
        tickets=tuple(told.jira.tickets()),
        kills=tuple(kills),
        complaints=tuple(told.registry.complaints),
        takes=tuple(told.registry.takes),
        seconds=seconds,
        faults=dict(told.registry.mood.counts),
    )


def label_of(incident: Incident) -> str:
    """The label that a ticket of this incident has."""
    at: datetime = incident.opened_at
    view = IncidentView(
        incident.incident_id, incident.fingerprint, "", "info", "site", "open", opened_at=at, updated_at=at
    )
    return Names.of(view).incident


def both(folder: Path, week: Week, seed: int, kills: int) -> tuple[Records, Records]:
    """The same week undisturbed and with kills, side by side."""
    with ThreadPoolExecutor(2) as threads:
        calm = threads.submit(live, folder / "calm", week, 0, kills=0, mood=Mood(Random(0), 0, 0))
        shaken = threads.submit(live, folder / "shaken", week, seed, kills=kills, mood=Mood(Random(seed)))
        return calm.result(), shaken.result()


def main() -> int:
    """Two weeks: one undisturbed, one with kills; the table, and every promise that was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="keeps ledgers and looks, for finding out why")
    chosen = parser.parse_args()
    week = Week(days=chosen.days)
    with ExitStack() as stack:
        folder = chosen.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="mist-crash-"))
        calm, shaken = both(Path(folder), week, chosen.seed, chosen.kills)
    faults = broken(calm, shaken)
    sys.stdout.write(table(shaken, calm) + "\n\n")
    sys.stdout.write("".join(f"BROKEN: {fault}\n" for fault in faults) or "Every promise was kept.\n")
    return 1 if faults or len(shaken.kills) != chosen.kills else 0


if __name__ == "__main__":
    sys.exit(main())
