"""What every way of telling people has in common: what is told, how it ended, and which answers deserve a retry.

A sink gets one message and answers how it ended. It keeps no state: what it must remember of an incident (a thread, a
ticket's key) it hands back as a reference, which the ledger keeps and gives it next time.
"""

from typing import Protocol, runtime_checkable

from mist_pipeline.alerts.notify.outcome import Accepted, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.message import AlertView, IncidentView, Message, Reason, Severity, SiteView

__all__ = [
    "HEALING_STATUS", "Accepted", "AlertView", "IncidentView", "Message", "Outcome", "Reason", "Refused", "Retry",
    "Ringing", "Severity", "Sink", "SiteView", "Unknown", "is_worth_a_retry",
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


HEALING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP answers that may heal; every other one but 2xx is final."""


def is_worth_a_retry(status: int) -> bool:
    """Whether the same request may be accepted later: 408, 425, 429 and 5xx but 501."""
    return status in HEALING_STATUS or (status > 500 and status not in (501, 505))
