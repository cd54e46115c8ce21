"""What all sinks have in common: the protocol that a worker calls, and the values that go in and come out.

A sink gets one message and answers how sending it ended. It keeps no state: what it must remember of an incident (a thread,
a ticket's key) it returns as a reference, which the ledger keeps and gives it next time. Not here: the keys of a sink
(``delivery.config``), and what an HTTP answer means (``delivery.http_outcome``).
"""

from typing import Protocol, runtime_checkable

from mist_pipeline.alerts.notify.outcome import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.message import AlertView, IncidentView, Message, Reason, SiteView

__all__ = [
    "Accepted", "AlertView", "IncidentView", "Message", "Outcome", "Reason", "Refused", "Retry",
    "Ringing", "Sink", "SiteView", "Unknown",
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


@runtime_checkable
class Ringing(Protocol):
    """A sink that goes on calling people until it is stopped, such as a pager."""

    def reclaim(self, message: Message) -> Accepted:
        """The reference that stops a call which may have been made and is not needed any more; sends nothing."""
        ...
