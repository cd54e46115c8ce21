"""Reading tickets back: a person who took or closed one has acknowledged its incident.

Here: which tickets are read, in which order, and what goes into the ledger. Not here: asking a system (``delivery.tickets``),
what an acknowledgement does (``alerts``), bringing tickets up to date (`messages`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mist_pipeline.alerts.ledger.ledger import Ledger, Ticket
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.outcome import Retry
from mist_pipeline.alerts.notify.plan import Notification
from mist_pipeline.delivery.tickets.lifecycle import TicketSink
from mist_pipeline.delivery.tickets.policy import TicketStatus
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger


@dataclass(frozen=True)
class ReadTicket:
    """What came of reading one ticket.

    Attributes:
        sink: The ticket system.
        incident_id: What the ticket is about.
        ticket: What people call it.
        state: open, acknowledged or closed; "not read" or "not asked" where there is no answer.
        detail: Who has it; without an answer why there is none.
    """

    sink: str
    incident_id: str
    ticket: str
    state: str
    detail: str


@dataclass(frozen=True)
class ReadTickets:
    """What came of reading tickets.

    Attributes:
        tickets: In order.
        notifications: What follows from it.
    """

    tickets: Sequence[ReadTicket]
    notifications: Sequence[Notification]


def has_open_tickets(settings: Settings, now: datetime) -> bool:
    """Whether a ticket is to be read."""
    with open_ledger(settings) as ledger:
        return bool(_to_read(settings, ledger, now))


def _to_read(settings: Settings, ledger: Ledger, now: datetime) -> list[tuple[str, str, Mapping[str, str]]]:
    """Tickets of incidents that go on, then those of ended ones that nobody has closed: how they are closed is a judgement."""
    sinks = settings.notifications.tickets
    return [*ledger.references(sinks), *ledger.closing_references(sinks, now)]


def read_tickets(settings: Settings, now: datetime, warn: Callable[[str], None]) -> ReadTickets:
    """Read every ticket of an active incident, and those of ended ones that are not closed, now and then.

    Args:
        settings: Which ticket systems there are.
        now: The instant.
        warn: Is told which ticket could not be read, and why.
    """
    with open_ledger(settings) as ledger:
        tickets = list(_read(settings, ledger, now, warn))
        notifications = ledger.notify(notification_rules(settings), now).notifications
    return ReadTickets(tickets, notifications)


def _read(
    settings: Settings, ledger: Ledger, now: datetime, warn: Callable[[str], None]
) -> Iterator[ReadTicket]:
    systems = {name: sink for name, sink in settings.sinks().items() if isinstance(sink, TicketSink)}
    unanswering: set[str] = set()
    outbox = Outbox(ledger.engine)
    held = {name for name in systems if outbox.held_until(name, now) is not None}
    for sink, incident_id, reference in _to_read(settings, ledger, now):
        name = ticket_name(reference)
        if sink in held:
            yield ReadTicket(sink, incident_id, name, "not asked", "wants to be left alone for now")
            continue
        if sink in unanswering:
            yield ReadTicket(sink, incident_id, name, "not asked", "did not answer before")
            continue
        status = systems[sink].read_status(reference)
        if not isinstance(status, TicketStatus):
            warn(f"{sink}: {status.error}")
            if isinstance(status, Retry):
                # Each further ticket would wait as long, and so would those of the other systems.
                unanswering.add(sink)
            yield ReadTicket(sink, incident_id, name, "not read", status.error)
            continue
        ticket = Ticket(
            sink=sink,
            incident_id=incident_id,
            ticket=name,
            url=reference.get("url", ""),
            state=status.state,
            who=status.who,
            is_by_person=status.is_by_person,
            acted_at=status.at,
            resolution=status.resolution,
        )
        ledger.record_ticket(ticket, now)
        yield ReadTicket(sink, incident_id, name, status.state, status.who)


def ticket_name(reference: Mapping[str, str]) -> str:
    """What people call the ticket of a reference: an issue key, or a number.

    >>> ticket_name({"key": "NOC-7", "id": "10001"}), ticket_name({"sys_id": "9d3", "number": "INC1"})
    ('NOC-7', 'INC1')
    """
    return reference.get("key") or reference.get("number") or reference.get("sys_id") or ""
