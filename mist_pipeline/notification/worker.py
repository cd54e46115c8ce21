"""The worker: takes rows of the outbox that are due, has a message made of each, and hands it to its sink.

Here: one thread a sink, so that a slow or broken one holds up no other; a row is sent only while the lease is held and
somebody needs it. Not here: what a message says (`message`), who may send what when (``alerts.outbox``), sinks
(``delivery``).
"""

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mist_pipeline.alerts.outbox import Done, Outbox
from mist_pipeline.alerts.sink import Delivery, Outcome, Refused
from mist_pipeline.delivery.sink import Message, Sink

PATIENCE = timedelta(minutes=4)
"""A worker takes no further rows after this; the next run goes on."""


class SinksFailedError(Exception):
    """A defect while telling people: not what a sink answered, but that something of ours broke."""


@dataclass(frozen=True)
class Worker:
    """Sends what is due.

    Attributes:
        outbox: Where rows come from.
        sinks: Name → sink.
        prepare: Makes the message of a row.
        clock: Tells the time.
        name: Different for every process.
        patience: Takes no further rows after so long.
    """

    outbox: Outbox
    sinks: Mapping[str, Sink]
    prepare: Callable[[Delivery], Message]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    name: str = f"{socket.gethostname()}:{os.getpid()}"
    patience: timedelta = PATIENCE

    def run(self, sinks: Iterable[str] | None = None) -> list[Done]:
        """Send everything that is due, each sink by itself.

        Args:
            sinks: Only these; rows of sinks that are not configured any more stay where they are.

        Returns:
            What became of every row, by sink and number.

        Raises:
            SinksFailedError: Something of ours broke; the rows of other sinks were sent all the same.
        """
        names = [name for name in (self.sinks if sinks is None else sinks) if name in self.sinks]
        if not names:
            return []
        with ThreadPoolExecutor(max_workers=len(names), thread_name_prefix="sink") as threads:
            running = {name: threads.submit(self._serve, name) for name in names}
        broken = {name: error for name, one in running.items() if (error := one.exception()) is not None}
        if broken:
            told = "; ".join(f"{name}: {type(error).__name__}: {error}" for name, error in broken.items())
            raise SinksFailedError(told) from next(iter(broken.values()))
        done = [one for running_one in running.values() for one in running_one.result()]
        return sorted(done, key=lambda one: (one.delivery.sink, one.delivery.delivery_id))

    def _serve(self, name: str) -> list[Done]:
        """All rows of one sink, one at a time: a lease is short."""
        begun, done = self.clock(), list[Done]()
        while self.clock() - begun < self.patience:
            more = self.outbox.work({name: self._hand_over}, self.name, self.clock, limit=1)
            if not more:
                break
            done += more
        return done

    def _hand_over(self, delivery: Delivery) -> Outcome:
        message = self.prepare(delivery)
        # Making a message takes a moment, in which somebody may have taken the incident.
        if not self.outbox.holds(delivery):
            return Refused("not needed any more")
        sink = self.sinks[delivery.sink]
        return sink.recover(message) if delivery.state == "unknown" else sink.send(message)
