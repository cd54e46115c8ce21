"""One evaluation of everything: what is known, and what a step shows, become events.

Here: the pure step that the live job, the daily job and a replay share. Not here: the life of one alert (`lifecycle`),
grouping (`grouping`), storing (`ledger`), telling (`telling`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mist_pipeline.alerts.lifecycle.grouping import group
from mist_pipeline.alerts.lifecycle.lifecycle import Moment, advance, is_forgotten
from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident
from mist_pipeline.alerts.lifecycle.observations import (
    FAMILIES,
    EvaluationInput,
    Key,
    Observation,
    Sights,
    causes,
    sights,
)
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.projection import fold_alerts, fold_incidents


@dataclass(frozen=True)
class Book:
    """What an evaluation needs to know of the past: alerts and incidents that are not over, or may come back.

    Attributes:
        as_of: The evaluation before; None before the first.
        alerts: By id.
        incidents: By id.
    """

    as_of: datetime | None = None
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    incidents: Mapping[str, Incident] = field(default_factory=dict)

    def after(self, events: Iterable[Event], as_of: datetime | None = None) -> "Book":
        """The book after these events."""
        events = list(events)
        return Book(
            as_of or self.as_of, fold_alerts(events, self.alerts), fold_incidents(events, self.incidents)
        )

    def without_forgotten(self, policy: Policy) -> "Book":
        """The book without what is over for so long that nothing can come back."""
        if self.as_of is None:
            return self
        alerts = {
            name: alert for name, alert in self.alerts.items() if not is_forgotten(alert, self.as_of, policy)
        }
        incidents = {
            name: incident
            for name, incident in self.incidents.items()
            if incident.is_active or any(alert_id in alerts for alert_id in incident.alert_ids)
        }
        return Book(self.as_of, alerts, incidents)


def evaluate(
    book: Book,
    step: EvaluationInput,
    policy: Policy | None = None,
    *,
    families: Mapping[str, str] = FAMILIES,
) -> tuple[Book, list[Event]]:
    """Everything that follows from one evaluation.

    Args:
        book: What is known so far.
        step: What was found; its instant must be after that of the book, but for the pipeline's own state, which is
            looked at in between and is no look at any site.
        policy: Rules and times.
        families: Metric → family.

    Returns:
        The book afterwards (without what is forgotten), and the events in order: alerts' by site and family, then
        incidents'. The same book and step always give the same events.

    Raises:
        ValueError: The step is not after the book's last evaluation, or a finding has no meaning.
    """
    is_a_look = step.source != "pipeline"
    if is_a_look and book.as_of is not None and step.as_of <= book.as_of:
        raise ValueError(
            f"the evaluation of {step.as_of} comes after that of {book.as_of}; evaluations go forward in time, "
            "past ones belong in a replay"
        )
    policy = policy or Policy()
    current = _newest(book.alerts.values())
    seen = sights(step, policy, families)
    moment = Moment(step=step, previous=book.as_of if is_a_look else None, policy=policy)
    alerts, events = dict(book.alerts), list[Event]()
    for key, sight in _worth_telling(seen, current, policy).items():
        if not step.is_about(key[1]):
            continue
        alert, happened = advance(current.get(key), key, sight, moment)
        if alert is not None and happened:
            alerts[alert.alert_id] = alert
            events += happened
    incidents, regrouped = group(
        book.incidents,
        alerts,
        [event.subject_id for event in events],
        causes(step),
        at=step.as_of,
        source=step.source,
        policy=policy,
        site_count=step.site_count,
    )
    after = Book(step.as_of if is_a_look else book.as_of, alerts, incidents)
    return after.without_forgotten(policy), events + regrouped


def _newest(alerts: Iterable[Alert]) -> dict[Key, Alert]:
    """The alert of each problem that may go on."""
    newest: dict[Key, Alert] = {}
    for alert in alerts:
        key = (alert.site_id, alert.family)
        known = newest.get(key)
        if known is None or alert.pending_since >= known.pending_since:
            newest[key] = alert
    return newest


def _worth_telling(seen: Sights, current: Mapping[Key, Alert], policy: Policy) -> dict[Key, Observation]:
    """Sights without those that only repeat, for a site as a whole, what another alert of the site says."""
    going = [alert for alert in current.values() if alert.is_active or alert.state == "pending"]
    every = seen.of(going)
    busy = {alert.site_id for alert in going if alert.family not in policy.site_wide_families}
    busy |= {
        site_id
        for (site_id, family), sight in every.items()
        if family not in policy.site_wide_families and sight.signal is not None and sight.signal.is_raising
    }
    held = {(alert.site_id, alert.family) for alert in going}
    return {
        key: sight
        for key, sight in every.items()
        if key in held or key[1] not in policy.site_wide_families or key[0] not in busy
    }
