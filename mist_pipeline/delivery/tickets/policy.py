"""What the tickets of every system share: when they are reopened, how they are named, and what became of them.

Names are labels made of the incident, so every worker finds the same ticket; the mark is what one message leaves in it. A
ticket that was closed lately is reopened, an older one gets a successor:

>>> from datetime import UTC, datetime, timedelta
>>> policy = TicketPolicy(reopen_within=timedelta(hours=24))
>>> noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
>>> policy.is_within_reopening(noon, noon + timedelta(hours=23))
True
>>> policy.is_within_reopening(noon, noon + timedelta(hours=25))
False

Not here: what is done with a ticket (`lifecycle`), and its words (`ticket_text`).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self

from mist_pipeline.delivery.message import IncidentView, Message

TicketState = Literal["open", "acknowledged", "closed"]

WAKING_REASONS = frozenset({"first", "severity_rise", "much_worse", "more_sites", "reopened", "escalation"})
"""Reasons that want a person; all others leave a closed ticket closed."""


@dataclass(frozen=True)
class TicketPolicy:
    """How a ticket follows its incident.

    Attributes:
        on_resolve: ``auto`` resolves the ticket with the incident; ``comment`` leaves that to a person.
        reopen_within: A ticket closed no longer ago is reopened, an older one gets a successor linked to it.
        settle: How long after the last attempt to create it a ticket may exist though a search does not show it yet.
            Until then an unknown outcome stays unknown, afterwards the ticket is created anew …
        settle_attempts: … but not before this attempt: the growing pauses are what a search needs to catch up.
        lookups: How often one call of ``recover`` searches; the outbox calls again later.
        lookup_pause_seconds: Between two of these searches.

    Raises:
        ValueError: For a policy that makes no sense.
    """

    on_resolve: Literal["auto", "comment"] = "auto"
    reopen_within: timedelta = timedelta(hours=24)
    settle: timedelta = timedelta(minutes=10)
    settle_attempts: int = 5
    lookups: int = 2
    lookup_pause_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.on_resolve not in ("auto", "comment"):
            raise ValueError(f"on_resolve is {self.on_resolve!r}; use auto or comment")
        if self.lookups < 1:
            raise ValueError("lookups is below 1: an unknown outcome would never be looked up")

    def is_within_reopening(self, closed_at: datetime | None, now: datetime) -> bool:
        """Whether a ticket closed then is reopened now; one that hides when it was closed is."""
        return closed_at is None or now - closed_at <= self.reopen_within

    def is_settled(self, message: Message, now: datetime) -> bool:
        """Whether a ticket created for a message would surely be found by now."""
        # A message may have waited for hours, because the system was down, before the attempt that is in doubt.
        last = max(message.incident.updated_at, message.unsure_since or message.incident.updated_at)
        return message.attempt >= self.settle_attempts and now - last >= self.settle


@dataclass(frozen=True)
class Names:
    """What the ticket of an incident is found by: no spaces or dots, the same from every worker.

    Attributes:
        cause: Shared by all tickets of one cause.
        incident: Of the ticket of this incident.
    """

    cause: str
    incident: str

    @classmethod
    def of(cls, incident: IncidentView) -> Self:
        """The names of an incident, made of its fingerprint and its id."""
        return cls(
            cause=f"mist-cause-{_digest(incident.fingerprint)}",
            incident=f"mist-incident-{_digest(incident.fingerprint, incident.incident_id)}",
        )


def delivery_mark(message: Message) -> str:
    """What a message leaves in the ticket, so that a repetition finds it."""
    return f"mist-delivery-{_digest(message.delivery_id)}"


@dataclass(frozen=True)
class TicketStatus:
    """What became of a ticket.

    Attributes:
        state: open; acknowledged (somebody took it: assigned, or in work); closed (resolved, closed, cancelled).
        is_by_person: Whether a person made it so, not this program; only then does it acknowledge the incident.
        who: That person's name as the system shows it; hostile where rendered. Empty where unknown.
        at: When, UTC; None where the system does not say.
        resolution: How that person closed it, as the system calls it; hostile where rendered. Empty where unknown.
    """

    state: TicketState
    is_by_person: bool = False
    who: str = ""
    at: datetime | None = None
    resolution: str = ""

    @property
    def acknowledges(self) -> bool:
        """Whether the incident is in somebody's hands."""
        return self.is_by_person and self.state != "open"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:20]
