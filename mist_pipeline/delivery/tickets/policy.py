"""What tickets of every system have in common: their names, their policy, and how people's hands are read back.

Here: labels made of the incident, which message wakes a closed ticket, what a read-back says. Not here: the systems
themselves (`jira`, `servicenow`), their words (`ticket_templates`), or requests (`ticket_client`).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol, TypeAlias

from mist_pipeline.delivery.message import IncidentView, Message
from mist_pipeline.delivery.sink import Outcome, Refused, Retry, Sink, Unknown

Clock: TypeAlias = Callable[[], datetime]
TicketState = Literal["open", "acknowledged", "closed"]

WAKING_REASONS = frozenset({"first", "severity_rise", "more_sites", "reopened", "escalation"})
"""Reasons that want a person; all others leave a closed ticket closed."""

DUPLICATE_LABEL = "mist-duplicate"
"""Marks the ticket that lost where two were opened."""


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
        # A telling may have waited for hours, because the system was down, before the attempt that is in doubt.
        last = max(message.incident.updated_at, message.unsure_since or message.incident.updated_at)
        return message.attempt >= self.settle_attempts and now - last >= self.settle


@dataclass(frozen=True)
class TicketStatus:
    """What became of a ticket.

    Attributes:
        state: open; acknowledged (somebody took it: assigned, or in work); closed (resolved, closed, cancelled).
        is_by_person: Whether a person made it so, not this program; only then does it acknowledge the incident.
        who: That person's name as the system shows it; hostile where rendered. Empty where unknown.
        at: When, UTC; None where the system does not say.
    """

    state: TicketState
    is_by_person: bool = False
    who: str = ""
    at: datetime | None = None

    @property
    def acknowledges(self) -> bool:
        """Whether the incident is in somebody's hands."""
        return self.is_by_person and self.state != "open"


class TicketSink(Sink, Protocol):
    """A sink whose messages become a ticket that people work on."""

    def read_status(self, reference: Mapping[str, str]) -> TicketStatus | Retry | Refused:
        """What became of the ticket of a reference that ``send`` handed back. Never raises for the network."""
        ...


def cause_name(incident: IncidentView) -> str:
    """Label of all tickets of one cause: no spaces, the same from every worker."""
    return f"mist-cause-{_digest(incident.fingerprint)}"


def incident_name(incident: IncidentView) -> str:
    """Label of the ticket of one incident: no spaces, the same from every worker."""
    return f"mist-incident-{_digest(incident.fingerprint, incident.incident_id)}"


def delivery_mark(message: Message) -> str:
    """What a telling leaves in the ticket, so that a repetition finds it."""
    return f"mist-delivery-{_digest(message.delivery_id)}"


def unusable(message: Message) -> Refused | None:
    """The refusal of a message that no ticket can be made of: without a name, it could become anybody's."""
    incident = message.incident
    if not (incident.fingerprint.strip() and incident.incident_id.strip()):
        return Refused(
            "the incident has no fingerprint or no id, so its ticket could not be told from others; nothing was sent"
        )
    problem = problem_with_recipient(message.recipient)
    return Refused(problem) if problem else None


def problem_with_recipient(recipient: str) -> str | None:
    """Why a ticket cannot be for this recipient; None for nobody in particular."""
    if not recipient:
        return None
    return "a ticket has no recipient: leave it out of the step, or set an assignee in the sink's fields"


def still_unknown(outcome: Outcome) -> Outcome:
    """What a recovery answers that could not find out: a `Retry` would let the message be sent as if it were new."""
    return Unknown(outcome.error, is_older=True) if isinstance(outcome, Retry) else outcome


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:20]
