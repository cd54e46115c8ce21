"""From decisions to messages: for every incident, route and sink one notice, or the reason why there is none.

Here: routes applied to all incidents of an evaluation, several routes to one sink made one, quiet hours collected into
digests. Pure; the ledger commits what comes out (`ledger`). Not here: the decision about one incident (`telling`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mist_pipeline.alerts.lifecycle.model import stable_id
from mist_pipeline.alerts.notify.decision import Decision, LastNotification, View, should_notify
from mist_pipeline.alerts.notify.routes import Route, chosen_routes
from mist_pipeline.domain.severity import Severity, worst

TellKey = tuple[str, str]
"""Sink and incident."""

OVER = frozenset({"all_resolved", "merged"})
ENDS = OVER | {"acknowledged"}
"""What everybody hears who heard that it began."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One message to one sink: a row of the outbox before it has a number.

    Attributes:
        sink: Whom.
        incident_id: About what; ``digest-…`` for a digest.
        reason: Why.
        detail: Of the reason.
        sequence: Number of the message within sink and incident.
        route: By which route.
        severity: How bad it is.
        site_ids: Sites in trouble, sorted.
        is_over: Whether it says that it is over.
        is_acknowledged: Whether it says that somebody has taken it.
        covers: Incidents that a digest tells of, with what is told of each; of others the incident alone.
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
    covers: tuple["Notice", ...] = ()

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
        return own


@dataclass(frozen=True)
class Plan:
    """What an evaluation has to say.

    Attributes:
        notices: Messages to send.
        withheld: Incident → why no sink is told of it now though it goes on: silenced_by, inhibited_by, quiet_hours,
            not_yet, or no_route; with its detail. Incidents that were told or need no telling are not in it.
        held: Sinks and incidents for which quiet hours hold something back.
        begun: Incident → escalation policies of the routes by which it goes on being told.
    """

    notices: tuple[Notice, ...]
    withheld: Mapping[str, Decision | None]
    held: frozenset[TellKey] = frozenset()
    begun: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan(
    views: Iterable[View],
    told: Mapping[TellKey, LastNotification],
    routes: Sequence[Route],
    now: datetime,
    collected: Iterable[TellKey] = (),
) -> Plan:
    """Decide about every incident.

    Args:
        views: Incidents as those see them who are told.
        told: What each sink was last told about each incident.
        routes: In order.
        now: The instant.
        collected: What quiet hours held back before (``Plan.held``); told together now if the hours are over.
    """
    notices: list[Notice] = []
    withheld: dict[str, Decision | None] = {}
    begun: dict[str, tuple[str, ...]] = {}
    held: set[TellKey] = set()
    for view in views:
        ways, unrouted = _ways(view, routes, now), _unrouted(view, told, routes, now)
        decisions = {
            sink: should_notify(view, told.get((sink, view.incident_id)), route, now)
            for sink, route in ways.items()
        }
        for sink, route in unrouted.items():
            decision = should_notify(view, told[sink, view.incident_id], route, now)
            if decision.reason in ENDS:
                ways[sink], decisions[sink] = route, decision
        notices += [
            _notice(view, sink, ways[sink], decision, told)
            for sink, decision in decisions.items()
            if decision.is_told
        ]
        held |= {(sink, view.incident_id) for sink, one in decisions.items() if one.reason == "quiet_hours"}
        is_known = any((sink, view.incident_id) in told for sink in ways)
        if view.state in {"open", "acknowledged"}:
            names = [
                route.escalation for route in chosen_routes(routes, view.labels, now) if route.escalation
            ]
            if names and (is_known or any(one.is_told for one in decisions.values())):
                begun[view.incident_id] = tuple(dict.fromkeys(names))
            if not is_known and not any(one.is_told for one in decisions.values()):
                withheld[view.incident_id] = next(iter(decisions.values()), None)
    return Plan(tuple(_digested(notices, set(collected), now)), withheld, frozenset(held), begun)


def _ways(view: View, routes: Sequence[Route], now: datetime) -> dict[str, Route]:
    """Sink → the first route that leads to it."""
    ways: dict[str, Route] = {}
    for route in chosen_routes(routes, view.labels, now):
        for sink in route.sinks:
            ways.setdefault(sink, route)
    return ways


def _unrouted(
    view: View, told: Mapping[TellKey, LastNotification], routes: Sequence[Route], now: datetime
) -> dict[str, Route]:
    """Sinks that were told though no route leads there now: by an escalation, or before it grew milder.

    Who was told that something began is told that somebody has taken it and that it is over (`ENDS`), whatever its
    severity is by then or the hour: a pager that an escalation rang would ring on otherwise.
    """
    ways = _ways(view, routes, now)
    return {
        sink: next((one for one in routes if sink in one.sinks), Route.none_to(sink))
        for sink, incident_id in told
        if incident_id == view.incident_id and sink not in ways
    }


def _notice(
    view: View, sink: str, route: Route, decision: Decision, told: Mapping[TellKey, LastNotification]
) -> Notice:
    before = told.get((sink, view.incident_id))
    is_over = decision.reason in OVER
    heard = [before.severity] if before is not None and (is_over or not before.is_over) else []
    return Notice(
        sink=sink,
        incident_id=view.incident_id,
        reason=decision.reason,
        detail=decision.detail,
        sequence=1 if before is None else before.sequence + 1,
        route=route.name,
        severity=worst([view.severity, *heard]),
        site_ids=() if is_over else tuple(sorted(view.site_ids)),
        is_over=is_over,
        is_acknowledged=view.state == "acknowledged",
    )


def _digested(notices: list[Notice], collected: set[TellKey], now: datetime) -> list[Notice]:
    """What quiet hours held back goes out as one message a sink; a single one stays what it is."""
    waited: dict[str, list[Notice]] = {}
    for notice in notices:
        if (notice.sink, notice.incident_id) in collected:
            waited.setdefault(notice.sink, []).append(notice)
    digests = {sink: members for sink, members in waited.items() if len(members) > 1}
    inside = {id(one) for members in digests.values() for one in members}
    out = [notice for notice in notices if id(notice) not in inside]
    for sink, members in sorted(digests.items()):
        names = sorted(one.incident_id for one in members)
        out.append(
            Notice(
                sink=sink,
                incident_id="digest-" + stable_id(sink, now.isoformat(), *names),
                reason="digest",
                detail=str(len(members)),
                sequence=1,
                route=members[0].route,
                severity=worst(one.severity for one in members),
                site_ids=tuple(sorted({site for one in members for site in one.site_ids})),
                is_over=False,
                covers=tuple(members),
            )
        )
    return out
