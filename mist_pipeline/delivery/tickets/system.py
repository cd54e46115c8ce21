"""What a ticket system has to offer so that `lifecycle` can keep one ticket per incident in it.

Here: the protocol `TicketSystem` and the values that go in and out of it. A system finds, reads and writes tickets in its
own way and decides nothing about incidents. Not here: those decisions (`lifecycle`), HTTP (`client`), and the systems
themselves (`jira`, `servicenow`).
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

from mist_pipeline.delivery.sink import Concern, Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.policy import Names
from mist_pipeline.domain.severity import Severity


class StoppedError(Exception):
    """A verb that cannot be carried out; ``outcome`` says what that means for the message.

    Args:
        outcome: What it means.
        said: The document with which the system refused it, None where there is none; for reading, not for showing.
    """

    def __init__(self, outcome: Retry | Unknown | Refused, said: object = None) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome
        self.said = said


@contextlib.contextmanager
def noting(
    notes: list[str], only: type[Retry] | type[Unknown] | type[Refused] | None = None
) -> Iterator[None]:
    """Write a failure down and go on; of one kind of failure, or of any."""
    try:
        yield
    except StoppedError as stopped:
        if only is not None and not isinstance(stopped.outcome, only):
            raise
        notes.append(str(stopped))


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A ticket as it was read; systems add what they need themselves.

    Attributes:
        id: What the system finds it by.
        number: What people call it, such as OPS-17.
        age: Sorts the tickets of one system, oldest first.
        names: The labels it carries, ours (`Names`) among them.
        is_done: Whether it is resolved or closed.
        is_final: Whether it is closed for good: never written to again.
        closed_at: When it was resolved or closed, UTC; None where it is open or the system does not say.
        resolution: How, as the system calls it; hostile where rendered. Empty where it is open or nobody said.
    """

    id: str
    number: str
    age: str
    names: frozenset[str]
    is_done: bool
    is_final: bool = False
    closed_at: datetime | None = None
    resolution: str = ""


TicketT = TypeVar("TicketT", bound=Ticket)


@dataclass(frozen=True)
class NewTicket(Generic[TicketT]):
    """A ticket to be created, with the mark of its first message and the earlier ticket of its cause, if there is one."""

    names: Names
    mark: str
    summary: str
    body: str
    severity: Severity
    previous: TicketT | None = None


@dataclass(frozen=True)
class Change:
    """What is to be true of a ticket afterwards; each part may be done again without harm.

    Attributes:
        names: It carries them.
        mark: Mark of the message that asks for it.
        goal: ``open``: reopened if it is done; ``done``: resolved if it is not; None: as it is.
        comment: Text to add; None where an earlier attempt of this message has added it.
        severity: Severity that its priority is to follow; None where that has not changed.
    """

    names: Names
    mark: str
    goal: Literal["open", "done"] | None
    comment: str | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Written:
    """What a write came to: what the ledger is to keep of the ticket, and what people should know all the same."""

    reference: Mapping[str, str]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Hand:
    """A person who did something: the name as the system shows it, and when (UTC; None where it does not say)."""

    who: str
    at: datetime | None


@dataclass(frozen=True)
class ReadBack(Generic[TicketT]):
    """A ticket, and the person who closed it or, where it is open, took it; None where nobody has, or this program did."""

    ticket: TicketT
    hand: Hand | None


class TicketSystem(Protocol[TicketT]):
    """One project or table of one system; every verb raises `StoppedError` where it cannot go on.

    A reference is what `create` and `update` answer: texts by key, kept by the ledger between two messages of an incident.
    """

    @property
    def title(self) -> str:
        """What people call the system."""
        ...

    def number_in(self, reference: Mapping[str, str]) -> str:
        """What people call the ticket of a reference; empty where it holds none."""
        ...

    def fits_ticket(self, text: str) -> bool:
        """Whether a rendered body is short enough for a new ticket."""
        ...

    def fits_comment(self, text: str) -> bool:
        """Whether a rendered body is short enough for a comment."""
        ...

    def search(self, names: Names) -> list[TicketT]:
        """Tickets that carry the cause's name, and no other, oldest first; it may show the past."""
        ...

    def refresh(self, found: TicketT) -> TicketT | None:
        """A ticket that a search showed, as it is now; None if it is gone or was closed as a duplicate."""
        ...

    def read(self, reference: Mapping[str, str], names: Names) -> TicketT | None:
        """The ticket of a reference as it is now; None if the reference holds none, or it is gone, hidden or not ours."""
        ...

    def has_mark(self, ticket: TicketT, mark: str) -> bool:
        """Whether the message of a mark has arrived in the ticket."""
        ...

    def create(self, new: NewTicket[TicketT]) -> Written:
        """Create a ticket, linked to the previous one. Failures after the creation are notes, so that it is not lost."""
        ...

    def update(self, ticket: TicketT, change: Change, before: Mapping[str, str]) -> Written:
        """Bring a ticket to where it is to be; ``before`` is the reference that the incident had."""
        ...

    def close_duplicate(self, extra: TicketT, kept: TicketT) -> None:
        """Close the second ticket of one incident as a duplicate of the one that is kept."""
        ...

    def read_back(self, reference: Mapping[str, str]) -> ReadBack[TicketT] | None:
        """What people did with the ticket of a reference; None if it is gone or hidden."""
        ...

    def examine(self) -> list[Concern]:
        """What is in the way of tickets; only asks, and writes nothing."""
        ...
