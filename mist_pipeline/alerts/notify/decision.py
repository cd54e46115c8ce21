"""Whether a sink has to be notified of an incident now: one pure function, which answers with a named reason.

Here: what of an incident is visible (silenced and inhibited alerts taken out), what a sink was last notified of, and the
decision.

>>> from datetime import UTC
>>> at = datetime(2026, 3, 2, 10, tzinfo=UTC)
>>> incident = VisibleIncident(
...     incident_id="i1", state="open", severity="major", site_ids=frozenset({"s1"}), alerts=({},), opened_at=at
... )
>>> should_notify(incident, None, Route(name="all", sinks=("mail",)), at).reason
'first'
>>> later = Route(name="later", sinks=("mail",), group_wait_minutes=5)
>>> str(should_notify(incident, None, later, at).withheld)
'not_yet: 2026-03-02T10:05:00+00:00'

Not here: which sinks (`routes`), and how several decisions become rows of the outbox (`plan`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState
from mist_pipeline.alerts.lifecycle.model import Alert, Incident, IncidentState, Withheld, Worse
from mist_pipeline.alerts.notify.matchers import Labels
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence, alert_labels, labels_of_parts, silenced_by
from mist_pipeline.domain.numbers import percent
from mist_pipeline.domain.severity import Severity, rank, worst

Reason = Literal[
    "first", "severity_rise", "much_worse", "more_sites", "some_resolved", "all_resolved", "repeat_due", "escalation",
    "reopened", "merged", "acknowledged", "unacknowledged", "past", "silenced_by", "inhibited_by", "quiet_hours", "not_yet", "unchanged",
]  # fmt: skip
NOTIFYING: frozenset[str] = frozenset(
    {
        "first", "severity_rise", "much_worse", "more_sites", "some_resolved", "all_resolved", "repeat_due", "escalation",
        "reopened", "merged", "acknowledged", "unacknowledged",
    }
)  # fmt: skip
"""Reasons with which a message goes out; the others say why none does."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to notify, and why.

    Attributes:
        reason: Its name.
        detail: By which silence or incident, or how much is new.
        until: When the wait is over, of ``quiet_hours`` and ``not_yet``.
    """

    reason: Reason
    detail: str = ""
    until: datetime | None = None

    @property
    def is_notifying(self) -> bool:
        """Whether a message goes out."""
        return self.reason in NOTIFYING

    @property
    def withheld(self) -> Withheld | None:
        """Why an incident is withheld; None if a message goes out, or if nothing is new."""
        match self.reason:
            case "silenced_by" | "inhibited_by" | "quiet_hours" | "not_yet":
                return Withheld(self.reason, self.detail, self.until)
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastNotification:
    """The last notification of one sink about one incident; recorded with the row of the outbox.

    Attributes:
        at: When.
        sequence: Number of the message.
        severity: The worst it was notified of since the incident was last over.
        site_ids: Sites that were named as in trouble.
        is_over: Whether it said that the incident is over.
        is_acknowledged: Whether it said that somebody has acknowledged it.
        worse_at: When an alert of it had last become much worse, as far as the sink has heard.
    """

    at: datetime
    sequence: int
    severity: Severity
    site_ids: frozenset[str]
    is_over: bool
    is_acknowledged: bool = False
    worse_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleIncident:
    """What of an incident is visible to the sinks: silenced and inhibited alerts are taken out.

    Attributes:
        incident_id: Which.
        state: open, acknowledged, resolved or merged.
        severity: The worst of the visible alerts; info when there is none.
        site_ids: Their sites.
        alerts: Labels of each of them; of every alert when none is active.
        opened_at: When the incident began.
        merged_into: Where its alerts went.
        silenced_by: Silence of the first alert, if all are silenced or inhibited.
        inhibited_by: Incident that inhibits it, if all are and none is silenced.
        is_past: All of it was over before it was noticed.
        worse: What of it last became much worse; None if nothing did.
    """

    incident_id: str
    state: IncidentState
    severity: Severity
    site_ids: frozenset[str]
    alerts: tuple[Labels, ...]
    opened_at: datetime
    merged_into: str | None = None
    silenced_by: str | None = None
    inhibited_by: str | None = None
    is_past: bool = False
    worse: Worse | None = None

    @property
    def families(self) -> frozenset[str]:
        """What its alerts are about."""
        return frozenset(family for alert in self.alerts for family in alert.get("family", ()))


def should_notify(
    incident: VisibleIncident, last: LastNotification | None, route: Route, now: datetime
) -> Decision:
    """Whether a sink of a route has to be notified of an incident now.

    Args:
        incident: The incident now.
        last: The last notification of the sink about it.
        route: Its times and severities.
        now: The instant.
    """
    if incident.state in {"merged", "resolved"}:
        return _end(incident, last)
    if incident.silenced_by is not None:
        return Decision("silenced_by", incident.silenced_by)
    if incident.inhibited_by is not None:
        return Decision("inhibited_by", incident.inhibited_by)
    news = _news(incident, last, route, now)
    held_until = route.quiet_until(incident.severity, now) if news.is_notifying else None
    return news if held_until is None else Decision("quiet_hours", until=held_until)


def _end(incident: VisibleIncident, last: LastNotification | None) -> Decision:
    """The decision about an incident that is over: a sink that was never notified of it is not notified of its end.

    What was over before it was noticed is for the next digest.
    """
    if last is None and incident.is_past and incident.silenced_by is None and incident.inhibited_by is None:
        return Decision("past")
    if last is None or last.is_over:
        return Decision("unchanged")
    if incident.state == "merged":
        return Decision("merged", incident.merged_into or "")
    return Decision("silenced_by", incident.silenced_by) if incident.silenced_by else Decision("all_resolved")


def _news(incident: VisibleIncident, last: LastNotification | None, route: Route, now: datetime) -> Decision:
    """What is new about an incident that is going on."""
    if last is None:
        return _not_before(incident.opened_at + route.group_wait, Decision("first"), now)
    if last.is_over:
        return Decision("reopened")
    if (worse := _worse(incident, last)) is not None:
        return worse
    if incident.state == "acknowledged" and not last.is_acknowledged and route.tells_acknowledgement:
        return Decision("acknowledged")
    if incident.state == "open" and last.is_acknowledged and route.tells_acknowledgement:
        return Decision("unacknowledged")
    return _change(incident, last, route, now)


def _worse(incident: VisibleIncident, last: LastNotification) -> Decision | None:
    """That it is worse than last notified: in its severity, or by far in how many are hit."""
    if rank(incident.severity) > rank(last.severity):
        return Decision("severity_rise", f"{last.severity} → {incident.severity}")
    worse = incident.worse
    if worse is None or (last.worse_at is not None and worse.at <= last.worse_at):
        return None
    return Decision("much_worse", f"{percent(worse.from_pct, 0)} → {percent(worse.to_pct, 0)}")


def _change(incident: VisibleIncident, last: LastNotification, route: Route, now: datetime) -> Decision:
    """What is new where it is no worse than last notified: more sites, fewer, or that it still lasts."""
    more, fewer = incident.site_ids - last.site_ids, last.site_ids - incident.site_ids
    if more:
        return _not_before(last.at + route.group_interval, Decision("more_sites", str(len(more))), now)
    if fewer and route.tells_partial_recovery:
        return _not_before(last.at + route.group_interval, Decision("some_resolved", str(len(fewer))), now)
    if incident.state == "open" and route.repeat_after is not None and now >= last.at + route.repeat_after:
        return Decision("repeat_due")
    return Decision("unchanged")


def _not_before(instant: datetime, decision: Decision, now: datetime) -> Decision:
    return decision if now >= instant else Decision("not_yet", until=instant)


def visible_incidents(
    state: LifecycleState, silences: Iterable[Silence], labels_by_site: Mapping[str, Labels], now: datetime
) -> dict[str, VisibleIncident]:
    """What is visible of every incident of the state, by id.

    Args:
        state: Alerts and incidents.
        silences: All that may be active.
        labels_by_site: Labels by site (`silences.site_labels`).
        now: The instant.
    """
    active = [silence for silence in silences if silence.is_active(now)]
    inhibitors = _Inhibitors.of(state)
    return {
        name: _visible(incident, state.alerts, active, labels_by_site, now, inhibitors)
        for name, incident in sorted(state.incidents.items())
    }


def _visible(
    incident: Incident,
    alerts: Mapping[str, Alert],
    silences: list[Silence],
    labels_by_site: Mapping[str, Labels],
    now: datetime,
    inhibitors: "_Inhibitors",
) -> VisibleIncident:
    members = [alerts[name] for name in incident.alert_ids if name in alerts]
    going = [alert for alert in members if alert.is_active] or members
    labels = [alert_labels(alert, labels_by_site, incident.scope) for alert in going]
    silenced = [silenced_by(its, silences, now) if silences else None for its in labels]
    inhibited = [inhibitors.of_alert(alert, incident) for alert in going]
    shown = [
        alert
        for alert, silence, inhibitor in zip(going, silenced, inhibited, strict=True)
        if silence is None and inhibitor is None and alert.is_active
    ]
    visible = {alert.alert_id for alert in shown}
    is_past = incident.state == "resolved" and bool(members) and all(alert.is_past for alert in members)
    is_hidden = bool(going) and not any(
        silence is None and inhibitor is None for silence, inhibitor in zip(silenced, inhibited, strict=True)
    )
    return VisibleIncident(
        incident_id=incident.incident_id,
        state=incident.state,
        severity=worst(alert.highest for alert in members)
        if is_past
        else worst(alert.severity for alert in shown),
        site_ids=frozenset(alert.site_id for alert in shown),
        alerts=tuple(
            its
            for own, alert in zip(labels, going, strict=True)
            if not visible or alert.alert_id in visible
            for its in (own, *labels_of_parts(alert, own))
        ),
        opened_at=incident.opened_at,
        merged_into=incident.merged_into,
        silenced_by=next((name for name in silenced if name), None) if is_hidden else None,
        inhibited_by=next((name for name in inhibited if name), None) if is_hidden else None,
        is_past=is_past,
        worse=max(
            (alert.worse for alert in shown if alert.worse is not None),
            key=lambda one: (one.at, one.to_pct, one.alert_id),
            default=None,
        ),
    )


@dataclass(frozen=True)
class _Inhibitors:
    """Incidents that silence others.

    A site that is down silences its metrics. An infrastructure incident silences the own
    incidents of its sites about the same family.
    """

    down: Mapping[str, str]
    shared: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, state: LifecycleState) -> "_Inhibitors":
        down: dict[str, str] = {}
        shared: dict[tuple[str, str], str] = {}
        for name, incident in sorted(state.incidents.items()):
            for alert in (state.alerts[one] for one in incident.alert_ids if one in state.alerts):
                if not alert.is_active:
                    continue
                if "site_down" in alert.kinds and alert.severity == "critical":
                    down.setdefault(alert.site_id, name)
                if incident.scope == "infrastructure":
                    shared.setdefault((alert.site_id, alert.family), name)
        return cls(down, shared)

    def of_alert(self, alert: Alert, incident: Incident) -> str | None:
        """The incident that silences an alert, if another does."""
        names = [self.shared.get((alert.site_id, alert.family))]
        if "site_down" not in alert.kinds:
            names.append(self.down.get(alert.site_id))
        return next((name for name in names if name and name != incident.incident_id), None)
