"""What every way of telling people has in common: what is told, and how it ended.

A sink gets one message and answers how it ended. It keeps no state: what it must remember of an incident (a thread, a
ticket's key) it hands back as a reference, which the ledger keeps and gives it next time.
"""

from typing import Protocol, runtime_checkable

from mist_pipeline.alerts.notify.outcome import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.message import AlertView, IncidentView, Message, Reason, SiteView

__all__ = [
    "Accepted", "AlertView", "IncidentView", "Message", "Outcome", "Reason", "Refused", "Retry",
    "Ringing", "Sink", "SiteView", "Unknown",
]  # fmt: skip


class Sink(Protocol):
    """One way of telling people (and see `Ringing`)."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        ...

    def problem_with(self, recipient: str) -> str | None:
        """Why a route or escalation must not name this recipient, None if it may; '' is the sink's own."""
        ...

    def send(self, message: Message) -> Outcome:
        """Tell it once. Never raises for anything that the network or the receiver does."""
        ...

    def recover(self, message: Message) -> Outcome:
        """Find out about a message whose outcome is unknown; may send it where sending twice does no harm."""
        ...


@runtime_checkable
class Ringing(Protocol):
    """A sink that goes on calling people until it is told to stop."""

    def reclaim(self, message: Message) -> Accepted:
        """How to stop a call that may have been made and that nobody needs any more; makes none."""
        ...
