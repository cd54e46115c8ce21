"""The worker: leases rows of the outbox that are due, has a message made of each, and hands it to its sink.

One thread a sink, so that a slow or broken one holds up no other; a row is sent only while the lease is held and the row is
not withdrawn. Not here: what a message says (`builder`), which row is due (``alerts.ledger.outbox``), sinks (``delivery``).
"""

import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from mist_pipeline.alerts.ledger.outbox import Done, Outbox
from mist_pipeline.alerts.notify.outcome import Accepted, Delivery, Outcome, Partly, Refused, Retry, Unknown
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Ringing, Sink
from mist_pipeline.http_client.secrets import NONE_KNOWN, Secrets

PATIENCE = timedelta(minutes=4)
"""A worker takes no further rows after this; the next run goes on."""

MOST_FAILURES = 3
"""A sink that fails so often in a row is left alone until the next run, which begins with what has not failed yet:
the runs of a job come one after another, so what is evaluated next would wait for the one that does not answer."""


class SinksFailedError(Exception):
    """A defect of ours while sending; not an answer of a sink.

    Attributes:
        done: What became of the rows all the same, by sink and number.
    """

    def __init__(self, text: str, done: Sequence[Done] = ()) -> None:
        self.done = tuple(done)
        super().__init__(text)


@dataclass
class _Served:
    """What the thread of one sink has done so far; whole also where the thread itself broke."""

    done: list[Done] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)


def _this_process() -> str:
    # Asked when a worker is made and not when this is imported: a forked process has a number of its own.
    return f"{socket.gethostname()}:{os.getpid()}"


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
        secrets: Taken out of whatever sinks say, before it is kept or shown; a last net under those of the sinks.
    """

    outbox: Outbox
    sinks: Mapping[str, Sink]
    prepare: Callable[[Delivery], Message]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    name: str = field(default_factory=_this_process)
    patience: timedelta = PATIENCE
    secrets: Secrets = NONE_KNOWN

    def run(self, sinks: Iterable[str] | None = None) -> list[Done]:
        """Send everything that is due, each sink by itself.

        Args:
            sinks: Only these; rows of sinks that are not configured any more stay where they are.

        Returns:
            What became of every row, by sink and number.

        Raises:
            SinksFailedError: Something of ours broke; everything else was sent all the same, and what broke is tried
                again like whatever may heal.
        """
        wanted = self.sinks if sinks is None else sinks
        served = {name: _Served() for name in wanted if name in self.sinks}
        if not served:
            return []
        with ThreadPoolExecutor(max_workers=len(served), thread_name_prefix="sink") as threads:
            running = {name: threads.submit(self._serve, name, served[name]) for name in served}
        for name, one in running.items():
            if (error := one.exception()) is not None:
                served[name].broken.append(error)
        done = [row for one in served.values() for row in one.done]
        done.sort(key=lambda one: (one.delivery.sink, one.delivery.delivery_id))
        broken = [(name, error) for name, one in served.items() for error in one.broken]
        if broken:
            words = "; ".join(
                f"{name}: {type(error).__name__}: {self.secrets.hide(str(error))}" for name, error in broken
            )
            raise SinksFailedError(words, done) from broken[0][1]
        return done

    def _serve(self, name: str, served: _Served) -> None:
        """All rows of one sink, one at a time: a lease is short."""
        begun, failures = self.clock(), 0
        while failures < MOST_FAILURES and self.clock() - begun < self.patience:
            more = self.outbox.work(
                {name: lambda row: self._without_secrets(self._hand_over(row, served.broken))},
                self.name,
                self.clock,
                limit=1,
            )
            if not more:
                break
            served.done += more
            failures = failures + 1 if isinstance(more[-1].outcome, Retry | Unknown) else 0

    def _without_secrets(self, outcome: Outcome) -> Outcome:
        hide = self.secrets.hide
        if isinstance(outcome, Accepted | Partly):
            answers = {
                recipient: replace(answer, said=hide(answer.said))
                for recipient, answer in outcome.answers.items()
            }
            outcome = replace(outcome, answers=answers)
        if isinstance(outcome, Accepted):
            return replace(outcome, note=hide(outcome.note))
        return replace(outcome, error=hide(outcome.error))

    def _hand_over(self, delivery: Delivery, broken: list[BaseException]) -> Outcome:
        """Make the message and send it. A defect is raised by `run` in the end, and is the row's own: others go on.

        The row keeps the kind of error only, since the text of a defect may hold anything, and people read the row.
        """
        is_unknown = delivery.state == "unknown"
        try:
            message = replace(self.prepare(delivery), sent_at=self.clock())
        except Exception as error:  # noqa: BLE001 - whatever it was, this row is not sent and the next one is
            broken.append(error)
            words = (
                f"the message could not be made ({type(error).__name__}); the run of the pipeline says more"
            )
            return Unknown(words) if is_unknown else Retry(words)
        # Making a message takes a moment, in which somebody may have taken the incident.
        sink = self.sinks[delivery.sink]
        if not self.outbox.holds(delivery):
            # One that may have arrived may have to be silenced there.
            if is_unknown and isinstance(sink, Ringing):
                return sink.reclaim(message)
            return Refused("not needed any more")
        if (until := self.outbox.held_until(delivery.sink, self.clock())) is not None:
            # Another process heard of it meanwhile.
            words = f"{delivery.sink} wants nothing before {until:%H:%M:%S} UTC"
            return Unknown(words, is_older=True) if is_unknown else Retry(words)
        try:
            return sink.recover(message) if is_unknown else sink.send(message)
        except Exception as error:  # noqa: BLE001 - a sink that breaks its promise may have sent it before
            broken.append(error)
            return Unknown(f"the sink broke ({type(error).__name__}); the run of the pipeline says more")
