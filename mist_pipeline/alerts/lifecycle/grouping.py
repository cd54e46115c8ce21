"""Alerts become incidents by cause: causes that the analysis found, storms, and single sites.

Which alert belongs to which incident, when incidents merge, end and come back: state in, events out. An alert goes to the
incident of a shared cause first; then to a storm or to another incident of its site that began at the same time; then many
at once become a storm; what is left gets an incident of its own.

>>> from datetime import UTC
>>> at = datetime(2026, 3, 2, 10, tzinfo=UTC)
>>> group({}, {}, [], [], at=at, source="live", policy=Policy())
({}, [])

Not here: how causes are found (``analysis.causes``), and who is notified (``notify``).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident, Json, Source, stable_id
from mist_pipeline.alerts.lifecycle.observations import Cause
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.projection import apply_to_incident
from mist_pipeline.domain.metrics import classifier_title, symptom
from mist_pipeline.domain.severity import Severity, rank, worst

STORM = "storm"


def open_severity(incident: Incident, alerts: Mapping[str, Alert]) -> Severity:
    """The worst severity among the incident's alerts that are not over; info when all are."""
    return worst(
        alerts[name].severity for name in incident.alert_ids if name in alerts and alerts[name].is_active
    )


def acknowledge_incident(
    incident: Incident, alerts: Mapping[str, Alert], by: str, at: datetime
) -> list[Event]:
    """A person takes an open incident; nothing happens to one that is taken or over."""
    if incident.state != "open":
        return []
    detail: dict[str, Json] = {"by": by, "severity": open_severity(incident, alerts)}
    return [Event("incident", incident.incident_id, incident.version + 1, at, "acknowledged", detail)]


def unacknowledge_incident(incident: Incident, by: str, at: datetime) -> list[Event]:
    """Who took an incident has it no longer; nothing happens to one that nobody has, or that is over."""
    if incident.state != "acknowledged":
        return []
    return [Event("incident", incident.incident_id, incident.version + 1, at, "unacknowledged", {"by": by})]


def group(
    incidents: Mapping[str, Incident],
    alerts: Mapping[str, Alert],
    changed: Iterable[str],
    causes: Iterable[Cause],
    *,
    at: datetime,
    source: Source,
    policy: Policy,
    site_count: int = 0,
) -> tuple[dict[str, Incident], list[Event]]:
    """Put alerts into incidents after one evaluation.

    Args:
        incidents: Incidents by id: active ones and those that may come back.
        alerts: Alerts by id, after the evaluation; all that incidents name and that may still matter.
        changed: Alerts with an event in this evaluation.
        causes: What sites share at this moment.
        at: The instant.
        source: Kind of evaluation; storms are looked for in live ones and in pushes only.
        policy: Windows and caps.
        site_count: Sites of the organisation, for the storm's share; 0 if unknown.

    Returns:
        Incidents afterwards, and the events.
    """
    grouper = IncidentGrouper(dict(incidents), alerts, at, policy, site_count)
    touched = [alerts[name] for name in sorted(set(changed))]
    grouper.bring_back(alert for alert in touched if alert.is_active)
    for cause in causes:
        grouper.gather(cause)
    fresh = [alert for alert in touched if alert.is_active and alert.alert_id not in grouper.home]
    alone = [alert for alert in fresh if not grouper.join_storm(alert) and not grouper.join_neighbour(alert)]
    if source in {"live", "push"}:
        for family in sorted({alert.family for alert in fresh}):
            # Sites of a storm that another family has just raised bring their trouble of this one along.
            left = [alert for alert in alone if alert.family == family and not grouper.join_neighbour(alert)]
            grouper.look_for_storm(left, family)
    past = [alert for alert in touched if alert.is_past and alert.alert_id not in grouper.home]
    grouper.record_past(past)
    rest = [alert for alert in alone if alert.alert_id not in grouper.home]
    if len({alert.site_id for alert in rest}) > policy.max_new_incidents:
        grouper.raise_storm(rest)
    for alert in alone:
        if alert.alert_id not in grouper.home and not grouper.join_neighbour(alert):
            grouper.open_own(alert)
    grouper.settle({grouper.home[alert.alert_id] for alert in touched if alert.alert_id in grouper.home})
    return grouper.incidents, grouper.events


def _sites(alerts: Iterable[Alert]) -> int:
    return len({alert.site_id for alert in alerts})


@dataclass
class IncidentGrouper:
    """All incidents during one evaluation; every event is applied at once."""

    incidents: dict[str, Incident]
    alerts: Mapping[str, Alert]
    at: datetime
    policy: Policy
    site_count: int
    events: list[Event] = field(default_factory=list)
    home: dict[str, str] = field(init=False)
    of_site: dict[str, list[Alert]] = field(init=False)
    complaints: dict[tuple[str, str, str], set[str]] = field(init=False)
    """incident_id, family, classifier → sites of an incident that began to complain not long ago."""

    def __post_init__(self) -> None:
        self.home = {
            alert_id: incident.incident_id
            for incident in self.incidents.values()
            for alert_id in incident.alert_ids
        }
        self.of_site = {}
        for alert in self.alerts.values():
            if alert.opened_at is not None:
                self.of_site.setdefault(alert.site_id, []).append(alert)
        self.complaints = {}
        for incident in self.incidents.values():
            if incident.scope == "infrastructure" and incident.is_active:
                known = (self.alerts[name] for name in incident.alert_ids if name in self.alerts)
                self._note_complaints(known, incident.incident_id)

    def bring_back(self, active: Iterable[Alert]) -> None:
        """Incidents that were resolved come back with their reopened alerts."""
        for alert in active:
            incident = self.incidents.get(self.home.get(alert.alert_id, ""))
            if incident is not None and incident.state == "resolved":
                self._emit(incident, "reopened", severity=alert.severity)

    def gather(self, cause: Cause) -> None:
        """One incident for a cause: its sites' alerts leave their own incidents and those of storms."""
        members = [
            alert
            for site_id in sorted(cause.site_ids)
            for alert in self._recent(site_id)
            if not cause.family or alert.family == cause.family
        ]
        incident = self._known(cause)
        is_shared = _sites(alert for alert in members if alert.is_active or self._is_past_news(alert)) > 1
        if incident is None:
            if not is_shared:
                return
            incident = self._open(
                cause.fingerprint, cause.family, cause.text, cause.attribute, cause.value, "infrastructure"
            )
        moving = [alert for alert in members if self._may_move(alert, incident)]
        if moving:
            self._move([*moving, *self._companions(moving)], incident.incident_id)
        incident = self.incidents[incident.incident_id]
        if incident.attribute == STORM or (moving and incident.fingerprint == cause.fingerprint):
            self._rename(incident, cause)

    def join_storm(self, alert: Alert) -> bool:
        """Latecomers of a storm, and of any shared cause of which enough sites complain in the same way."""
        active = (one for one in self.incidents.values() if one.scope == "infrastructure" and one.is_active)
        for incident in sorted(active, key=lambda one: (one.opened_at, one.incident_id)):
            is_on = self.at - incident.last_joined_at <= self.policy.same_site_within
            is_storm = is_on and incident.attribute == STORM and incident.family in {alert.family, ""}
            if is_storm or self._complains_like(alert, incident):
                self._move([alert, *self._companions([alert])], incident.incident_id)
                return True
        return False

    def join_neighbour(self, alert: Alert) -> bool:
        """Troubles of one site that begin together are one; a shared cause, which has longer, before the site's own."""
        homes: dict[str, list[Alert]] = {}
        for other in self.of_site.get(alert.site_id, ()):
            if other.is_active and other.alert_id in self.home:
                homes.setdefault(self.home[other.alert_id], []).append(other)
        near = [
            self.incidents[name]
            for name, others in homes.items()
            if self._goes_on(self.incidents[name], others)
        ]
        if not near or not alert.site_id:
            return False
        chosen = min(near, key=lambda one: (one.scope != "infrastructure", one.opened_at, one.incident_id))
        self._join([alert], chosen.incident_id)
        return True

    def _goes_on(self, home: Incident, others: list[Alert]) -> bool:
        """Whether what begins now at a site belongs to an incident that these alerts of the site are in."""
        if any(self._began_within(other, self.policy.same_site_within) for other in others):
            return True
        is_shared = home.scope == "infrastructure"
        return is_shared and all(self._began_within(other, self.policy.shared_within) for other in others)

    def look_for_storm(self, alone: list[Alert], family: str) -> None:
        """Sites whose trouble of a family began at once, or soon after one another with the same classifier to blame."""
        policy = self.policy
        members = alone + self._own_since(family, policy.same_site_within)
        if _sites(members) >= policy.storm_at(self.site_count):
            self.raise_storm(members)
            return
        members = alone + self._own_since(family, policy.shared_within)
        for classifier in sorted({alert.classifier for alert in members} - {""}):
            like = [alert for alert in members if alert.classifier == classifier]
            if _sites(like) >= policy.complaints_at(self.site_count):
                self.raise_storm(like, classifier)

    def _own_since(self, family: str, within: timedelta) -> list[Alert]:
        """Alerts of a family in incidents of single sites that may be the first of a storm."""
        return [
            alert
            for incident in self.incidents.values()
            if incident.scope == "site" and incident.is_active
            for alert in (self.alerts[name] for name in incident.alert_ids if name in self.alerts)
            if alert.is_active and alert.family == family and self._began_within(alert, within)
        ]

    def _complains_like(self, alert: Alert, incident: Incident) -> bool:
        """Whether enough sites of an incident blamed the same not long ago."""
        like = self.complaints.get((incident.incident_id, alert.family, alert.classifier), set())
        return bool(alert.classifier) and len(like | {alert.site_id}) >= self.policy.complaints_at(
            self.site_count
        )

    def _note_complaints(self, alerts: Iterable[Alert], incident_id: str) -> None:
        for alert in alerts:
            if self._began_within(alert, self.policy.shared_within):
                key = (incident_id, alert.family, alert.classifier)
                self.complaints.setdefault(key, set()).add(alert.site_id)

    def _companions(self, moving: list[Alert]) -> list[Alert]:
        """What began with these at their sites and is in incidents of the sites alone, whichever came first."""
        within = max(self.policy.same_site_within, self.policy.shared_within)
        names = {alert.alert_id for alert in moving}
        found = {}
        for alert in moving:
            for other in self.of_site.get(alert.site_id, ()) if alert.site_id else ():
                home = self.incidents.get(self.home.get(other.alert_id, ""))
                if (
                    other.alert_id not in names
                    and other.is_active
                    and home is not None
                    and home.scope == "site"
                    and alert.opened_at is not None
                    and other.opened_at is not None
                    and abs(alert.opened_at - other.opened_at) <= within
                ):
                    found[other.alert_id] = other
        return list(found.values())

    def raise_storm(self, members: list[Alert], classifier: str = "") -> None:
        """Many at once are one; a cause is not known yet. Of those that blame different classifiers each has its own."""
        families = {alert.family for alert in members}
        family = families.pop() if len(families) == 1 else ""
        blamed = Counter(alert.classifier for alert in members if alert.classifier)
        common = [name for name, count in blamed.most_common(1) if 2 * count >= len(members)]
        sites = len({alert.site_id for alert in members})
        what = classifier_title(common[0]) if common else symptom(family)
        text = f"{what} at {sites:,} sites at once"
        names = (family, classifier) if classifier else (family,)
        incident = self._open(stable_id(STORM, *names), family, text, STORM, family, "infrastructure")
        self._move([*members, *self._companions(members)], incident.incident_id)

    def _is_past_news(self, alert: Alert) -> bool:
        """Whether an alert was recorded just now as over before it was noticed."""
        return alert.is_past and alert.opened_at == self.at and alert.alert_id not in self.home

    def record_past(self, past: list[Alert]) -> None:
        """What was over before it was noticed: one incident for what began together at many sites, else one a site."""
        by_start: dict[tuple[str, datetime], list[Alert]] = {}
        for alert in past:
            began = alert.began_at or self.at
            by_start.setdefault((alert.family, began.replace(minute=0, second=0, microsecond=0)), []).append(
                alert
            )
        for members in by_start.values():
            if _sites(members) >= self.policy.storm_at(self.site_count):
                self.raise_storm(members)
        for alert in past:
            if alert.alert_id in self.home:
                continue
            near = [
                other
                for other in past
                if other.site_id == alert.site_id
                and other.alert_id in self.home
                and self.incidents[self.home[other.alert_id]].scope == "site"
            ]
            if near:
                self._join([alert], self.home[near[0].alert_id])
            else:
                self.open_own(alert)

    def open_own(self, alert: Alert) -> None:
        """An incident of one site, or of the organisation."""
        fingerprint = stable_id("site", "site", alert.site_id, alert.family)
        incident = self._open(fingerprint, alert.family, alert.summary, "site", alert.site_id, "site")
        self._join([alert], incident.incident_id)

    def settle(self, touched: Iterable[str]) -> None:
        """Incidents end with their last alert, and ask anew for a person where one took a milder thing."""
        for incident_id in sorted(touched):
            incident = self.incidents[incident_id]
            if not incident.is_active:
                continue
            if not any(name in self.alerts and self.alerts[name].is_active for name in incident.alert_ids):
                ends = [self.alerts[name].last_bad_at for name in incident.alert_ids if name in self.alerts]
                ended = max((at for at in ends if at is not None), default=self.at)
                self._emit(incident, "resolved", last_bad_at=ended.isoformat())
                continue
            severity = open_severity(incident, self.alerts)
            taken = incident.acknowledged_severity
            if incident.state != "acknowledged" or taken is None:
                continue
            if rank(severity) > rank(taken):
                self._emit(incident, "worsened", severity=severity)
            elif any(self._is_much_worse(name) for name in incident.alert_ids):
                self._emit(incident, "worsened", severity=severity, is_much_worse=True)

    def _is_much_worse(self, alert_id: str) -> bool:
        """Whether this evaluation showed that an alert is."""
        alert = self.alerts.get(alert_id)
        return alert is not None and alert.is_active and alert.worse_at == self.at

    def _recent(self, site_id: str) -> list[Alert]:
        """Alerts of a site that may be of a cause found now, those without an incident included."""
        policy = self.policy
        return [
            alert
            for alert in self.of_site.get(site_id, ())
            if self._began_within(alert, policy.caused_within if alert.is_active else policy.regroup_within)
        ]

    def _known(self, cause: Cause) -> Incident | None:
        """The incident that this cause is: by name, by what is shared, or by its sites."""
        active = [one for one in self.incidents.values() if one.scope == "infrastructure" and one.is_active]
        for one in active:
            if one.fingerprint == cause.fingerprint:
                return one
        near = [one for one in active if self.at - one.last_joined_at <= self.policy.regroup_within]
        # A storm of any age may get its name; its alerts must not become another incident.
        unnamed = [one for one in active if one.attribute == STORM and one not in near]
        for one in near:
            if cause.value and (one.attribute, one.value) == (cause.attribute, cause.value):
                return one
        for one in (*near, *unnamed):
            sites = {self.alerts[name].site_id for name in one.alert_ids if name in self.alerts}
            common = len(sites & cause.site_ids)
            smaller = min(len(sites), len(cause.site_ids))
            if common > 1 and common >= self.policy.min_overlap * smaller:
                return one
        return None

    def _began_within(self, alert: Alert, within: timedelta) -> bool:
        return alert.opened_at is not None and self.at - alert.opened_at <= within

    def _may_move(self, alert: Alert, to: Incident) -> bool:
        """Whether an alert is not in a shared cause already."""
        home = self.incidents.get(self.home.get(alert.alert_id, ""))
        if home is None:
            return True
        if home.incident_id == to.incident_id:
            return False
        return home.scope == "site" or home.attribute == STORM

    def _rename(self, incident: Incident, cause: Cause) -> None:
        if incident.cause != cause.text:
            self._emit(incident, "renamed", cause=cause.text, attribute=cause.attribute, value=cause.value)

    def _open(
        self, fingerprint: str, family: str, cause: str, attribute: str, value: str, scope: str
    ) -> Incident:
        incident_id = stable_id("incident", fingerprint, self.at.isoformat())
        detail: dict[str, Json] = {
            "fingerprint": fingerprint,
            "scope": scope,
            "family": family,
            "cause": cause,
            "attribute": attribute,
            "value": value,
        }
        event = Event("incident", incident_id, 1, self.at, "opened", detail)
        self.incidents[incident_id] = apply_to_incident(None, event)
        self.events.append(event)
        return self.incidents[incident_id]

    def _move(self, alerts: list[Alert], to: str) -> None:
        """Alerts leave where they are; an incident that loses its last one is merged."""
        leaving: dict[str, list[str]] = {}
        for alert in alerts:
            home = self.home.get(alert.alert_id)
            if home is not None:
                leaving.setdefault(home, []).append(alert.alert_id)
        self._join(alerts, to)
        for home in sorted(leaving):
            self._emit(self.incidents[home], "left", alert_ids=leaving[home])
            remaining = self.incidents[home].alert_ids
            if not remaining:
                self._emit(self.incidents[home], "merged", into=to)
        self.settle(home for home in leaving if self.incidents[home].state != "merged")

    def _join(self, alerts: list[Alert], to: str) -> None:
        names: list[str] = [alert.alert_id for alert in alerts]
        began = min(alert.began_at or self.at for alert in alerts)
        self._emit(self.incidents[to], "joined", alert_ids=names, began_at=began.isoformat())
        self.home.update(dict.fromkeys(names, to))
        self._note_complaints(alerts, to)

    def _emit(self, incident: Incident, kind: str, **detail: Json) -> None:
        event = Event("incident", incident.incident_id, incident.version + 1, self.at, kind, detail)
        self.incidents[incident.incident_id] = apply_to_incident(incident, event)
        self.events.append(event)
