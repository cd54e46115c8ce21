"""Which incidents are to be asked about now: what has just opened, grew worse, goes on for another hour, or has ended.

>>> from datetime import UTC
>>> now = datetime(2026, 3, 2, 12, tzinfo=UTC)
>>> occasion(None, "major", 1, is_active=True, now=now)
'opened'
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mist_pipeline.alerts.impacts.model import Impact, Occasion
from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState
from mist_pipeline.alerts.lifecycle.model import Alert, Incident
from mist_pipeline.alerts.lifecycle.observations import COLLECTOR, is_pipeline
from mist_pipeline.domain.severity import Severity, rank, worst

AGAIN_AFTER = timedelta(minutes=59)
"""What goes on is asked about once an hour; an evaluation is never to the second."""


@dataclass(frozen=True)
class DueIncident:
    """An incident that is to be asked about.

    Attributes:
        incident: It.
        alerts: Its alerts that opened; those that go on, or all once it is over. The worst first.
        occasion: Why.
        severity: The worst of them.
        before: What is known of it so far.
    """

    incident: Incident
    alerts: tuple[Alert, ...]
    occasion: Occasion
    severity: Severity
    before: Impact | None = None

    @property
    def site_ids(self) -> tuple[str, ...]:
        """Sites with one of these alerts, those of the worst alerts first."""
        return tuple(dict.fromkeys(alert.site_id for alert in self.alerts if alert.site_id))


def occasion(
    before: Impact | None,
    severity: Severity,
    num_sites: int,
    *,
    is_active: bool,
    now: datetime,
    worse_at: datetime | None = None,
) -> Occasion | None:
    """Why an incident is to be asked about, None if it is not.

    Args:
        before: What was last learnt about it.
        severity: How bad it is.
        num_sites: How many sites are in trouble.
        is_active: Whether it goes on.
        now: The instant.
        worse_at: When an alert of it last became much worse.
    """
    if not is_active:
        return None if before is not None and before.occasion == "over" else "over"
    if before is None:
        return "opened"
    is_worse = worse_at is not None and worse_at > before.as_of
    if is_worse or rank(severity) > rank(before.severity) or num_sites > before.num_sites:
        return "worse"
    # One that came back after its end begins anew.
    return "hourly" if now - before.as_of >= AGAIN_AFTER or before.occasion == "over" else None


def due_incidents(state: LifecycleState, before: Mapping[str, Impact], now: datetime) -> list[DueIncident]:
    """Incidents of the network that are to be asked about, the worst first: what goes on, then by severity, then by sites.

    Args:
        state: What goes on, and what has just ended.
        before: Incident → what was last learnt about it.
        now: The instant.
    """
    found = []
    for incident in state.incidents.values():
        opened = [
            state.alerts[name]
            for name in incident.alert_ids
            if state.alerts[name].opened_at is not None and not _is_our_own(state.alerts[name].family)
        ]
        going = [alert for alert in opened if alert.is_active]
        alerts = sorted(
            going if incident.is_active else opened,
            key=lambda alert: (-rank(_severity(alert)), alert.site_id, alert.alert_id),
        )
        if not alerts or incident.state == "merged":
            continue
        severity = worst(map(_severity, alerts))
        known = before.get(incident.incident_id)
        sites = len({alert.site_id for alert in alerts})
        worse_at = max((one.worse_at for one in going if one.worse_at is not None), default=None)
        why = occasion(known, severity, sites, is_active=incident.is_active, now=now, worse_at=worse_at)
        if why is not None:
            found.append(DueIncident(incident, tuple(alerts), why, severity, known))
    return sorted(
        found,
        key=lambda one: (
            not one.incident.is_active,
            -rank(one.severity),
            -len(one.site_ids),
            one.incident.incident_id,
        ),
    )


def incident_ids(state: LifecycleState) -> Sequence[str]:
    """Incidents that may be due."""
    return tuple(state.incidents)


def windows(alerts: Iterable[Alert], now: datetime) -> tuple[datetime, datetime]:
    """From the beginning of the first of these alerts to the end of the last, or to now."""
    begins, ends = zip(*(window(alert, now) for alert in alerts), strict=True)
    return min(begins), max(ends)


def window(alert: Alert, now: datetime) -> tuple[datetime, datetime]:
    """From the beginning of the trouble of an alert to the end of its last bad hour, or to now."""
    begins = alert.began_at or alert.pending_since
    ends = now if alert.is_active else alert.last_bad_at or alert.resolved_at or now
    return begins, max(ends, begins)


def _severity(alert: Alert) -> Severity:
    return alert.severity if alert.is_active else alert.highest


def _is_our_own(family: str) -> bool:
    return family == COLLECTOR or is_pipeline(family)
