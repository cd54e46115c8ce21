"""What all sinks have in common: the protocol that a worker calls, and the values that go in and come out.

A sink gets one message and answers how sending it ended. It keeps no state: what it must remember of an incident (a thread,
a ticket's key) it returns as a reference, which the ledger keeps and gives it next time. Not here: the keys of a sink
(``delivery.config``), and what an HTTP answer means (``delivery.http_outcome``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mist_pipeline.alerts.notify.outcome import (
    Accepted,
    Outcome,
    Partly,
    RecipientAnswer,
    Refused,
    Retry,
    Unknown,
)
from mist_pipeline.delivery.message import AlertView, IncidentView, Message, Reason, SiteView

__all__ = [
    "Accepted", "AlertView", "Concern", "Examinable", "IncidentView", "Message", "Outcome", "Partly", "Reason", "RecipientAnswer", "Refused",
    "Retry", "Ringing", "Sink", "SiteView", "Unknown",
]  # fmt: skip


class Sink(Protocol):
    """One way to notify people (see also `Ringing`)."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        ...

    def problem_with(self, recipient: str) -> str | None:
        """Why a route or escalation must not name this recipient, None if it may; '' is the sink's own."""
        ...

    def send(self, message: Message) -> Outcome:
        """Send it once. Never raises for anything that the network or the receiver does."""
        ...

    def recover(self, message: Message) -> Outcome:
        """Find out about a message whose outcome is unknown; may send it where sending twice does no harm."""
        ...


@dataclass(frozen=True)
class Concern:
    """What people should know of a sink before it is needed.

    Attributes:
        found: What there is, in one sentence.
        fix: What to do, '' where nothing is to be done.
        is_hindrance: No message can arrive like this.
    """

    found: str
    fix: str = ""
    is_hindrance: bool = False


@runtime_checkable
class Examinable(Protocol):
    """A sink that can say what it cannot do, and what is wrong at its receiver."""

    def examine(self) -> Iterable[Concern]:
        """Ask the receiver, without notifying anybody; never raises for what it answers, or that it does not."""
        ...


@runtime_checkable
class Ringing(Protocol):
    """A sink that goes on calling people until it is stopped, such as a pager."""

    def reclaim(self, message: Message) -> Accepted:
        """The reference that stops a call which may have been made and is not needed any more; sends nothing."""
        ...
