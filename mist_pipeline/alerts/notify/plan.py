"""From decisions to notifications: for every incident, route and sink one row of the outbox, or the reason for none.

Here: routes applied to all incidents of an evaluation, several routes to one sink made one, and what quiet hours held back
collected into digests, with what was over before it was noticed. Pure; the ledger commits what comes out.

>>> from datetime import UTC
>>> at = datetime(2026, 3, 2, 10, tzinfo=UTC)
>>> incident = VisibleIncident(
...     incident_id="i1", state="open", severity="major", site_ids=frozenset({"s1"}), alerts=({"severity": ("major",)},),
...     opened_at=at,
... )
>>> [(one.sink, one.reason) for one in plan([incident], {}, [Route(name="all", sinks=("mail",))], at).notifications]
[('mail', 'first')]
>>> str(plan([incident], {}, [], at).withheld["i1"])
'no_route'

Not here: the decision about one incident (`decision`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from mist_pipeline.alerts.lifecycle.model import Withheld, Worse, stable_id
from mist_pipeline.alerts.notify.decision import Decision, LastNotification, VisibleIncident, should_notify
from mist_pipeline.alerts.notify.outcome import DeliveryKind
from mist_pipeline.alerts.notify.routes import Route, chosen_routes
from mist_pipeline.domain.severity import Severity, rank, worst

NotificationKey = tuple[str, str]
"""Sink and incident."""

_DELIVERY = "pipeline:delivery:"
RECIPIENTS = "pipeline:recipients"
"""Family of the trouble that recipients do not get what others of their sink get."""

MOST_PAST = 50
"""Incidents that were over before they were noticed, in one digest; the others are counted."""

PAST = "past"
"""Reason of an incident that a digest tells because it was over before it was noticed."""

OVER = frozenset({"all_resolved", "merged"})
ENDS = OVER | {"acknowledged", "unacknowledged"}
"""Reasons of which every sink is notified that was notified of the beginning."""


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One message to one sink: a row of the outbox before it has a number.

    Attributes:
        sink: Whom.
        incident_id: About what; a name of its own for a digest or a test.
        kind: About one incident, several (a digest), or none (a test).
        reason: Why.
        detail: Of the reason.
        sequence: Number of the message within sink and incident.
        route: By which route.
        severity: How bad it is.
        site_ids: Sites in trouble, sorted.
        is_over: Whether it says that it is over.
        is_acknowledged: Whether it says that somebody has taken it.
        worse_at: When it had last become much worse, which the sink knows then.
        worse: How it became much worse, where that is the reason.
        covers: Of a digest: the notifications that it stands for, one an incident.
        counted: Of a digest: those that it only counts, since they are too many.
    """

    sink: str
    incident_id: str
    reason: str
    detail: str
    sequence: int
    route: str
    severity: Severity
    site_ids: tuple[str, ...]
    is_over: bool
    is_acknowledged: bool = False
    worse_at: datetime | None = None
    worse: Worse | None = None
    kind: DeliveryKind = "incident"
    covers: tuple["Notification", ...] = ()
    counted: tuple["Notification", ...] = ()

    def payload(self) -> dict[str, Any]:
        """What is stored beside the row: what was true when it was decided."""
        own = {
            "route": self.route,
            "severity": self.severity,
            "site_ids": list(self.site_ids),
            "is_over": self.is_over,
            "is_acknowledged": self.is_acknowledged,
            "detail": self.detail,
        }
        if self.worse is not None:
            own["worse"] = {**asdict(self.worse), "at": self.worse.at.isoformat()}
        if self.covers:
            own["covers"] = [
                {
                    **one.payload(),
                    "incident_id": one.incident_id,
                    "reason": one.reason,
                    "sequence": one.sequence,
                }
                for one in self.covers
            ]
        if self.counted:
            own["counted"] = len(self.counted)
        return own


@dataclass(frozen=True)
class Plan:
    """What an evaluation has to say.

    Attributes:
        notifications: Messages to send.
        withheld: Incident → why no sink is notified of it now though it goes on. Incidents of which a sink was notified
            are not in it.
        held: Sinks and incidents for which quiet hours hold something back.
        begun: Incident → escalation policies of its routes.
    """

    notifications: tuple[Notification, ...]
    withheld: Mapping[str, Withheld]
    held: frozenset[NotificationKey] = frozenset()
    begun: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def failing_sink_family(sink: str) -> str:
    """Family of the trouble that a sink fails."""
    return f"{_DELIVERY}{sink}"


def failing_sink(incident: VisibleIncident) -> str | None:
    """The sink that fails, of an incident that says so; None of every other."""
    if len(incident.families) != 1:
        return None
    (family,) = incident.families
    return family.removeprefix(_DELIVERY) if family.startswith(_DELIVERY) else None


def plan(
    incidents: Iterable[VisibleIncident],
    last: Mapping[NotificationKey, LastNotification],
    routes: Sequence[Route],
    now: datetime,
    collected: Iterable[NotificationKey] = (),
    sinks: Sequence[str] = (),
    pagers: Collection[str] = (),
) -> Plan:
    """Decide about every incident.

    Args:
        incidents: What is visible of them.
        last: The last notification of each sink about each incident.
        routes: In order.
        now: The instant.
        collected: What quiet hours held back before (``Plan.held``); sent together now if the hours are over.
        sinks: Those that hear of one that fails where no route leads to another.
        pagers: Those that call people: never of what was over before it was noticed.
    """
    notifications: list[Notification] = []
    past: dict[str, list[Notification]] = {}
    withheld: dict[str, Withheld] = {}
    begun: dict[str, tuple[str, ...]] = {}
    held: set[NotificationKey] = set()
    for incident in incidents:
        route_of, unrouted = (
            _route_by_sink(incident, routes, now, sinks),
            _unrouted(incident, last, routes, now, sinks),
        )
        decisions = {
            sink: should_notify(incident, last.get((sink, incident.incident_id)), route, now)
            for sink, route in route_of.items()
        }
        for sink, route in unrouted.items():
            decision = should_notify(incident, last[sink, incident.incident_id], route, now)
            if decision.reason in ENDS:
                route_of[sink], decisions[sink] = route, decision
        notifications += [
            _notification(incident, sink, route_of[sink], decision, last)
            for sink, decision in decisions.items()
            if decision.is_notifying
        ]
        for sink, decision in decisions.items():
            if decision.reason == PAST and sink not in pagers:
                told = _notification(incident, sink, route_of[sink], decision, last)
                past.setdefault(sink, []).append(told)
        held |= {
            (sink, incident.incident_id) for sink, one in decisions.items() if one.reason == "quiet_hours"
        }
        is_known = any((sink, incident.incident_id) in last for sink in route_of)
        if incident.state in {"open", "acknowledged"}:
            names = [
                route.escalation for route in chosen_routes(routes, incident.alerts, now) if route.escalation
            ]
            if names and (is_known or any(one.is_notifying for one in decisions.values())):
                begun[incident.incident_id] = tuple(dict.fromkeys(names))
            if not is_known and not any(one.is_notifying for one in decisions.values()):
                reasons = (decision.withheld for decision in decisions.values())
                withheld[incident.incident_id] = next(reasons, None) or Withheld("no_route")
    digested = _digested(notifications, set(collected), past, now)
    return Plan(tuple(digested), withheld, frozenset(held), begun)


def _route_by_sink(
    incident: VisibleIncident, routes: Sequence[Route], now: datetime, sinks: Sequence[str]
) -> dict[str, Route]:
    """Sink → the first route that leads to it.

    That a sink fails is not told to itself: it would hear of it when it is over. Where routes lead to no other, at any
    hour, all others hear of it. That somebody gets nothing is told by all where no route leads anywhere.
    """
    route_of: dict[str, Route] = {}
    for route in chosen_routes(routes, incident.alerts, now):
        for sink in route.sinks:
            route_of.setdefault(sink, route)
    failing = failing_sink(incident)
    if failing is None and incident.families != {RECIPIENTS}:
        return route_of
    if failing is not None:
        route_of.pop(failing, None)
    if any(route.suits(incident.alerts) and set(route.sinks) != {failing} for route in routes):
        return route_of
    return {sink: Route.none_to(sink) for sink in sinks if sink != failing}


def _unrouted(
    incident: VisibleIncident,
    last: Mapping[NotificationKey, LastNotification],
    routes: Sequence[Route],
    now: datetime,
    sinks: Sequence[str],
) -> dict[str, Route]:
    """Sinks that were notified though no route leads there now: by an escalation, or before it grew milder.

    A sink that was notified of the beginning is notified of the acknowledgement and of the end (`ENDS`), whatever the
    severity is by then or the hour: a pager that an escalation rang would ring on otherwise.
    """
    route_of = _route_by_sink(incident, routes, now, sinks)
    return {
        sink: next((one for one in routes if sink in one.sinks), Route.none_to(sink))
        for sink, incident_id in last
        if incident_id == incident.incident_id and sink not in route_of
    }


def _notification(
    incident: VisibleIncident,
    sink: str,
    route: Route,
    decision: Decision,
    last: Mapping[NotificationKey, LastNotification],
) -> Notification:
    before = last.get((sink, incident.incident_id))
    is_over = decision.reason in OVER or decision.reason == PAST
    known = [before.severity] if before is not None and (is_over or not before.is_over) else []
    return Notification(
        sink=sink,
        incident_id=incident.incident_id,
        reason=decision.reason,
        detail=decision.detail,
        sequence=1 if before is None else before.sequence + 1,
        route=route.name,
        severity=worst([incident.severity, *known]),
        site_ids=() if is_over else tuple(sorted(incident.site_ids)),
        is_over=is_over,
        is_acknowledged=incident.state == "acknowledged",
        worse_at=_newest(incident, before),
        worse=incident.worse if decision.reason == "much_worse" else None,
    )


def _newest(incident: VisibleIncident, before: LastNotification | None) -> datetime | None:
    """When it last became much worse, as a sink knows after its notification."""
    known = None if before is None else before.worse_at
    return known if incident.worse is None or (known and known > incident.worse.at) else incident.worse.at


def _digested(
    notifications: list[Notification],
    collected: set[NotificationKey],
    past: Mapping[str, list[Notification]],
    now: datetime,
) -> list[Notification]:
    """What quiet hours held back goes out as one message a sink; a single one stays what it is.

    What was over before it was noticed goes along, the worst first, and makes no message by itself.
    """
    waited: dict[str, list[Notification]] = {}
    for notification in notifications:
        if (notification.sink, notification.incident_id) in collected:
            waited.setdefault(notification.sink, []).append(notification)
    digests = {
        sink: members for sink, members in waited.items() if len(members) + len(past.get(sink, ())) > 1
    }
    inside = {id(one) for members in digests.values() for one in members}
    out = [notification for notification in notifications if id(notification) not in inside]
    for sink, members in sorted(digests.items()):
        names = sorted(one.incident_id for one in members)
        told = sorted(past.get(sink, ()), key=lambda one: (-rank(one.severity), one.incident_id))
        out.append(
            Notification(
                sink=sink,
                incident_id="digest-" + stable_id(sink, now.isoformat(), *names),
                kind="digest",
                reason="digest",
                detail=str(len(members)),
                sequence=1,
                route=members[0].route,
                severity=worst(one.severity for one in members),
                site_ids=tuple(sorted({site for one in members for site in one.site_ids})),
                is_over=False,
                covers=(*members, *told[:MOST_PAST]),
                counted=tuple(told[MOST_PAST:]),
            )
        )
    return out
