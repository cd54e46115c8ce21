"""What people decide about incidents, and what follows from it: taken, closed, silenced.

Here: one function a decision; each writes it to the ledger and decides anew who is notified. Belongs here whatever the
command line and a listener would do alike. Not here: the rules and transactions (``alerts``), sending (`messages`),
reading what people typed and printing what came of it (``cli.alerts``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mist_pipeline.alerts.ledger.ledger import Ledger, Recorded
from mist_pipeline.alerts.lifecycle.model import ACTIVE, Alert, Incident
from mist_pipeline.alerts.notify.matchers import Labels, all_match
from mist_pipeline.alerts.notify.silences import Silence, alert_labels
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import notification_rules


@dataclass(frozen=True)
class Decided:
    """What a decision changed.

    Attributes:
        is_changed: Whether the incident was open to it; doing the same twice changes nothing.
        cancelled_calls: Calls of its escalations that were still to come and are not made.
        recorded: Notifications that follow.
    """

    is_changed: bool
    cancelled_calls: int
    recorded: Recorded


@dataclass(frozen=True)
class Silenced:
    """An active incident that a silence is about.

    Attributes:
        incident: The incident.
        alerts: All of its alerts.
        hidden: Those of its active alerts that the silence matches, whether or not it is its time.
    """

    incident: Incident
    alerts: Sequence[Alert]
    hidden: Sequence[Alert]


def acknowledge(settings: Settings, ledger: Ledger, incident_id: str, who: str, now: datetime) -> Decided:
    """Somebody takes an incident: nobody else is called.

    Raises:
        NoSuchSubjectError: There is no such incident.
    """
    calls = _calls_to_come(ledger, incident_id)
    is_taken = bool(ledger.acknowledge(incident_id, who, now))
    cancelled = calls - _calls_to_come(ledger, incident_id)
    # Also where it was taken before: the process may have ended between the two.
    return Decided(is_taken, cancelled, ledger.notify(notification_rules(settings), now))


def resolve(settings: Settings, ledger: Ledger, incident_id: str, who: str, now: datetime) -> Decided:
    """Somebody says that an incident is over, with all of its alerts.

    Raises:
        NoSuchSubjectError: There is no such incident.
    """
    calls = _calls_to_come(ledger, incident_id)
    is_closed = bool(ledger.resolve(incident_id, who, now))
    cancelled = calls - _calls_to_come(ledger, incident_id)
    return Decided(is_closed, cancelled, ledger.notify(notification_rules(settings), now))


def _calls_to_come(ledger: Ledger, incident_id: str) -> int:
    steps = ledger.records(incident_id)["escalations"]
    return sum(step["state"] == "pending" for step in steps)


def add_silence(
    settings: Settings, ledger: Ledger, silence: Silence, now: datetime
) -> tuple[Silence, list[Silenced]]:
    """Keep a silence; returns it with its id, and the active incidents that it is about."""
    notified = notification_rules(settings)
    kept = ledger.add_silence(silence)
    ledger.notify(notified, now)
    return kept, silenced(ledger, kept, notified.labels_by_site)


def end_silence(
    settings: Settings, ledger: Ledger, silence: Silence, now: datetime
) -> tuple[Recorded, list[Silenced]]:
    """End a silence; returns the notifications that follow, and the active incidents that it was about."""
    notified = notification_rules(settings)
    was_about = silenced(ledger, silence, notified.labels_by_site)
    ledger.end_silence(silence.silence_id, now)
    return ledger.notify(notified, now), was_about


def silenced(ledger: Ledger, silence: Silence, labels_by_site: Mapping[str, Labels]) -> list[Silenced]:
    """The active incidents with alerts that a silence matches, by their opening."""
    found = []
    for incident, alerts in ledger.incidents(ACTIVE):
        hidden = [
            alert
            for alert in alerts
            if alert.is_active
            and all_match(silence.matchers, alert_labels(alert, labels_by_site, incident.scope))
        ]
        if hidden:
            found.append(Silenced(incident, alerts, hidden))
    return found
