"""The life of a ticket, the same in every ticket system: one ticket per incident, which follows it.

Ticket systems have no idempotency key, and a search may show new tickets only after minutes. Hence: both names of the
incident are written into the ticket; a known ticket is read by its reference, never searched; a creation whose answer is
missing is `Unknown` until a search finds the ticket or `TicketPolicy.settle` is over; where two were created all the same,
the oldest stays and the others are closed as its duplicates. Everything but the creation is a step towards a wanted state,
or leaves a mark that a repetition finds, so it may be done again.

What a message finds, and what is done::

    its ticket, open                        comment, priority, or resolve with the incident
    its ticket, closed, a person is wanted  reopen within the window, else create a successor linked to it
    its ticket, closed, otherwise           comment only; nothing if it is closed for good
    none, one of the same cause is open     continue that one
    none, one of the cause closed lately    reopen it for a message that wants a person
    none                                    create; an incident that is over already is resolved at once, or left out
    more than one                           the oldest is kept, the others are closed as its duplicates

Not here: what a system understands (`system`, and the folder of each), the words (`ticket_text`), names and times
(`policy`).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, Literal

from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Accepted, Concern, Outcome, Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.policy import (
    WAKING_REASONS,
    Names,
    TicketPolicy,
    TicketStatus,
    delivery_mark,
)
from mist_pipeline.delivery.tickets.system import (
    Change,
    NewTicket,
    StoppedError,
    TicketSystem,
    TicketT,
    Written,
    noting,
)
from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates


@dataclass(frozen=True)
class _Task:
    """A message with its names and mark, and the number of its ticket if that is gone."""

    message: Message
    names: Names
    mark: str
    lost: str = ""

    @property
    def wants_a_person(self) -> bool:
        return self.message.reason in WAKING_REASONS

    @property
    def is_resolved(self) -> bool:
        return self.message.incident.status == "resolved"


class TicketSink(Generic[TicketT]):
    """A sink whose messages become tickets that people work on.

    Args:
        name: Its name in the configuration.
        system: Where the tickets are.
        policy: How a ticket follows its incident.
        templates: The words.
        clock: Tells the time; ages of tickets are measured by it.
        pause: Waits some seconds, between two searches of one ``recover``.
    """

    def __init__(
        self,
        name: str,
        system: TicketSystem[TicketT],
        policy: TicketPolicy,
        templates: TicketTemplates,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._system = system
        self._policy = policy
        self._templates = templates
        self._clock = clock
        self._pause = pause

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient, None if it may."""
        if not recipient:
            return None
        return "a ticket has no recipient: leave it out of the step, or set an assignee in the sink's fields"

    def send(self, message: Message) -> Outcome:
        """Create the ticket of an incident, or comment, follow the severity, resolve, reopen."""
        try:
            return self._deliver(message, is_recovery=False)
        except StoppedError as stopped:
            return stopped.outcome

    def recover(self, message: Message) -> Outcome:
        """Look up what became of a message; create the ticket only once a search would surely show it."""
        try:
            return self._deliver(message, is_recovery=True)
        except StoppedError as stopped:
            # A `Retry` would let the message be sent as if it were new.
            outcome = stopped.outcome
            if isinstance(outcome, Retry):
                return Unknown(outcome.error, is_older=True, after_seconds=outcome.after_seconds)
            return outcome

    def read_status(self, reference: Mapping[str, str]) -> TicketStatus | Retry | Refused:
        """Whether a person has taken or closed the ticket of a reference that ``send`` handed back."""
        try:
            found = self._system.read_back(reference)
        except StoppedError as stopped:
            return stopped.outcome if isinstance(stopped.outcome, Refused) else Retry(str(stopped))
        if found is None:
            number = self._system.number_in(reference) or "the ticket"
            return Refused(f"{self._system.title}: {number} is gone, or hidden from this account")
        ticket, hand = found.ticket, found.hand
        if hand is None:
            return TicketStatus("closed" if ticket.is_done else "open", at=ticket.closed_at)
        state: Literal["closed", "acknowledged"] = "closed" if ticket.is_done else "acknowledged"
        return TicketStatus(state, is_by_person=True, who=hand.who, at=hand.at, resolution=ticket.resolution)

    def examine(self) -> list[Concern]:
        """What is in the way of tickets, before there is one; only asks, and writes nothing."""
        try:
            return self._system.examine()
        except StoppedError as stopped:
            return [Concern(str(stopped), "check base_url, user and secret of the sink", is_hindrance=True)]

    def _deliver(self, message: Message, *, is_recovery: bool) -> Outcome:
        """Find the ticket by its stored reference, else by its names, else create it."""
        if problem := self._problem(message):
            return Refused(problem)
        task = _Task(message, Names.of(message.incident), delivery_mark(message))
        known = self._system.read(message.reference, task.names)
        if known is None:
            task = replace(task, lost=self._system.number_in(message.reference))
        elif not self._is_over(known, task):
            return self._follow(task, known, is_unsure=is_recovery or message.attempt > 1)
        own, previous = self._look_up(task, self._policy.lookups if is_recovery else 1)
        if own:
            return self._follow(task, own[0])
        if is_recovery and not self._policy.is_settled(message, self._clock()):
            return Unknown(
                f"{self._system.title}: no ticket has the name {task.names.incident} yet; a search may lag",
                is_older=True,
            )
        return self._begin(task, previous or known)

    def _problem(self, message: Message) -> str | None:
        """Why no ticket can be made of a message: without a name, it could become anybody's."""
        incident = message.incident
        if not (incident.fingerprint.strip() and incident.incident_id.strip()):
            return "the incident has no fingerprint or no id, so its ticket could not be distinguished from others; nothing was sent"
        return self.problem_with(message.recipient)

    def _begin(self, task: _Task, previous: TicketT | None) -> Outcome:
        """A ticket for an incident that has none: the one of its cause, if that is not over, else a new one."""
        reference = task.message.reference
        if task.is_resolved and task.message.reason != "first":
            return Accepted(reference, "recovered before it had a ticket")
        if task.lost and "replaced" in reference:
            return Refused(
                f"{self._system.title}: {task.lost} is gone or hidden, and so was {reference['replaced']} before it;"
                " may this account still read tickets?"
            )
        # A closed predecessor is woken by what wants a person; anything else gets a ticket of its own.
        if previous is not None and (
            not previous.is_done or (task.wants_a_person and not self._is_over(previous, task))
        ):
            return self._follow(task, previous)
        return self._create(task, previous)

    def _is_over(self, ticket: TicketT, task: _Task) -> bool:
        """Whether the message needs a new ticket: a person is wanted, and this one was closed for good or too long ago."""
        if not (ticket.is_done and task.wants_a_person):
            return False
        return ticket.is_final or not self._policy.is_within_reopening(ticket.closed_at, self._clock())

    def _look_up(self, task: _Task, lookups: int) -> tuple[list[TicketT], TicketT | None]:
        """Tickets of this incident that are not over, open ones and then the oldest first; and the newest other one.

        A search may show what was, so whatever is decided upon is read anew.
        """
        refresh = self._system.refresh
        for number in range(lookups):
            if number:
                self._pause(self._policy.lookup_pause_seconds)
            found = self._system.search(task.names)
            own = [refresh(each) for each in found if task.names.incident in each.names]
            current = [ticket for ticket in own if ticket is not None and not self._is_over(ticket, task)]
            if current:
                return sorted(current, key=lambda ticket: (ticket.is_done, ticket.age)), None
        others = map(refresh, reversed(found))
        return [], next((ticket for ticket in others if ticket is not None), None)

    def _create(self, task: _Task, previous: TicketT | None) -> Outcome:
        text = self._templates.ticket(
            task.message, self._system.fits_ticket, previous=previous.number if previous else ""
        )
        severity = task.message.incident.severity
        written = self._system.create(
            NewTicket(task.names, task.mark, text.summary, text.body, severity, previous)
        )
        # The ticket exists: whatever fails from here on must not hide it.
        notes = [f"created {self._system.number_in(written.reference)}", *written.notes]
        with noting(notes):
            mine = self._system.read(written.reference, task.names)
            own, _ = self._look_up(task, 1)
            older = next((ticket for ticket in own if mine and ticket.age < mine.age), None)
            if mine and older:
                # Another worker was faster.
                self._system.close_duplicate(mine, older)
                return self._follow(task, older)
            if mine and task.is_resolved and self._goal(task) == "done":
                resolved = self._system.update(mine, Change(task.names, task.mark, "done"), written.reference)
                written = Written(resolved.reference)
                notes += resolved.notes
        return self._accepted(task, written.reference, notes)

    def _follow(self, task: _Task, ticket: TicketT, *, is_unsure: bool = True) -> Outcome:
        """Bring a ticket to where its incident is. May be done again."""
        message, system = task.message, self._system
        if ticket.is_final:
            return Accepted(message.reference, f"{ticket.number} is closed; it is not written to")
        has_arrived = is_unsure and system.has_mark(ticket, task.mark)
        severity = message.incident.severity
        # Only a new severity changes the priority: a person may have chosen another since.
        is_new = not task.is_resolved and message.reference.get("severity") != severity
        change = Change(
            names=task.names,
            mark=task.mark,
            goal=self._goal(task),
            comment=None if has_arrived else self._templates.comment(message, system.fits_comment),
            severity=severity if is_new else None,
        )
        written = system.update(ticket, change, message.reference)
        notes = [f"updated {ticket.number}", *written.notes]
        with noting(notes):
            # Further tickets of the incident may have been hidden from earlier searches.
            own, _ = self._look_up(task, 1)
            for extra in own:
                if extra.id != ticket.id and not extra.is_done:
                    system.close_duplicate(extra, ticket)
        return self._accepted(task, written.reference, notes)

    def _goal(self, task: _Task) -> Literal["open", "done"] | None:
        if task.is_resolved:
            return "done" if self._policy.on_resolve == "auto" else None
        return "open" if task.wants_a_person else None

    def _accepted(self, task: _Task, reference: Mapping[str, str], notes: list[str]) -> Accepted:
        """With what the ledger keeps: the ticket, the severity of this message, and a lost ticket that this one replaces."""
        kept = {**reference, "severity": task.message.incident.severity}
        if lost := task.message.reference.get("replaced") or task.lost:
            kept["replaced"] = lost
        return Accepted(kept, "; ".join(notes))
