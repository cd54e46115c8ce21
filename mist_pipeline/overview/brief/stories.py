"""Incidents as the ledger has them, for surfaces that hand them on whole: lists with their alerts, and one with all that happened.

Here: which questions of the ledger belong to one answer. Not here: opening it (`ledger`), cleaned values for screens (`incidents`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mist_pipeline.overview.wording import Found, order

if TYPE_CHECKING:
    from mist_pipeline.alerts.impacts.model import Impact
    from mist_pipeline.alerts.ledger.reader import LedgerReader
    from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident


@dataclass(frozen=True)
class Listed:
    """Incidents in some states.

    Attributes:
        found: They with their alerts: what goes on first, the worst of it first.
        evaluated_at: When alerts were last evaluated; None: never.
    """

    found: Sequence[Found] = ()
    evaluated_at: datetime | None = None


@dataclass(frozen=True)
class Story:
    """One incident with all that is kept about it.

    Attributes:
        incident: It.
        alerts: Its alerts.
        events: Of both, in order.
        records: Messages, escalations, tickets, threads, feedback by the names of their tables.
        sizes: Who is hit, the whole incident first; nothing where nobody has asked yet.
    """

    incident: "Incident"
    alerts: "Sequence[Alert]"
    events: "Sequence[Event]"
    records: Mapping[str, Sequence[Mapping[str, Any]]]
    sizes: "Sequence[Impact]" = ()


def listed(ledger: "LedgerReader", states: Collection[str]) -> Listed:
    """Incidents in these states."""
    return Listed(order(ledger.incidents(states)), ledger.last_evaluation())


def story(ledger: "LedgerReader", incident_id: str) -> Story:
    """One incident.

    Raises:
        NoSuchSubjectError: There is none of this id.
    """
    incident, alerts, events = ledger.incident(incident_id)
    sizes = ledger.impacts([incident_id]).get(incident_id, [])
    return Story(incident, alerts, events, ledger.records(incident_id), sizes)
