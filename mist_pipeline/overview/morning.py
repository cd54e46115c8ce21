"""What the ledger tells in the morning: what is open, and what began and ended since an instant. Pure: values in, values out.

Here: the question of the morning page. Not here: reading (`reader`), what incidents are called (`wording`), how the page
says it (``report``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.lifecycle.model import Alert, Incident
from mist_pipeline.domain.severity import rank
from mist_pipeline.domain.text import clean, safe_url
from mist_pipeline.overview.incidents import impact_in_words, incident_row
from mist_pipeline.overview.model import IncidentNow
from mist_pipeline.overview.wording import Found, SiteNames, concerned, order


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What one alert of an incident is about.

    Attributes:
        site_id: Where; '' for the whole organisation.
        metric: Service level, '' where it is about none.
        classifier: What the cloud blames, '' if unknown.
        family: Metric family.
        severity: How bad it is; of what is over how bad it was.
    """

    site_id: str
    metric: str
    classifier: str
    family: str
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTold:
    """An incident with what a morning page tells of it beyond a list; every text is clean.

    Attributes:
        incident: As lists show it.
        scope: site or infrastructure.
        fingerprint: Of its cause; that of ``analysis.incidents`` where it is one.
        acknowledged_at: Since when somebody has it.
        is_past: All of it was over before it was noticed.
        problems: What its alerts are about that go on (of what is over all), the worst first.
        impact: Who is hit, in words; '' where nobody asked yet.
        tickets: Name and address of each; the address is None where it cannot be linked.
        notified: Sinks that were notified, each with the instant of its newest message.
    """

    incident: IncidentNow
    scope: str
    fingerprint: str
    acknowledged_at: datetime | None = None
    is_past: bool = False
    problems: tuple[Problem, ...] = ()
    impact: str = ""
    tickets: tuple[tuple[str, str | None], ...] = ()
    notified: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Morning:
    """The ledger as it was when it was asked.

    Attributes:
        at: When it was asked.
        since: After this instant something counts as new …
        until: … and up to this one.
        trouble: Why it could not be read, '' if it could; then nothing is known of incidents.
        evaluated_at: Newest evaluation of the sites; None where nothing was ever evaluated.
        open: Incidents that go on, the worst first.
        over: Incidents that are over and began or ended between the two instants, the newest first.
    """

    at: datetime
    since: datetime
    until: datetime
    trouble: str = ""
    evaluated_at: datetime | None = None
    open: Sequence[IncidentTold] = ()
    over: Sequence[IncidentTold] = ()


def told(
    found: Iterable[Found],
    sites: SiteNames,
    sizes: Mapping[str, Sequence[Impact]],
    tickets: Mapping[str, Sequence[tuple[str, str]]],
    notified: Mapping[str, Sequence[tuple[str, datetime]]],
) -> list[IncidentTold]:
    """Incidents as a morning page tells them, those that go on first, the worst of them first.

    Args:
        found: Incidents with their alerts.
        sites: What sites are called.
        sizes: Incident → its newest size, the whole first.
        tickets: Incident → name and address of its tickets.
        notified: Incident → sinks that were notified.
    """
    return [
        _told(
            incident,
            alerts,
            sites,
            impact_in_words(sizes[incident.incident_id][0]) if sizes.get(incident.incident_id) else "",
            tickets.get(incident.incident_id, ()),
            notified.get(incident.incident_id, ()),
        )
        for incident, alerts in order(found)
    ]


def _told(
    incident: Incident,
    alerts: Sequence[Alert],
    sites: SiteNames,
    impact: str,
    tickets: Sequence[tuple[str, str]],
    notified: Sequence[tuple[str, datetime]],
) -> IncidentTold:
    worst_first = sorted(concerned(alerts), key=lambda one: (-rank(one.severity), one.site_id, one.alert_id))
    return IncidentTold(
        incident=incident_row(incident, alerts, sites),
        scope=incident.scope,
        fingerprint=incident.fingerprint,
        acknowledged_at=incident.acknowledged_at if incident.state == "acknowledged" else None,
        is_past=bool(alerts) and all(alert.is_past for alert in alerts),
        problems=tuple(
            Problem(
                site_id=alert.site_id,
                metric=alert.metric,
                classifier=alert.classifier,
                family=alert.family,
                severity=alert.severity,
            )
            for alert in worst_first
        ),
        impact=impact,
        tickets=tuple((clean(name, 60), safe_url(url)) for name, url in tickets if clean(name, 60)),
        notified=tuple((clean(sink, 60), moment) for sink, moment in notified),
    )
