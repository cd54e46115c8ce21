"""Routes: who is told about what, when, and who is called if nobody reacts.

Here: routes as values, choosing among them, and explaining the choice. Not here: whether there is anything to tell
(`telling`), what a sink's name means (``delivery``), reading routes from the configuration (``settings``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mist_pipeline.alerts.notify.matchers import Labels, Matcher
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline.domain.severity import SEVERITIES, Severity, rank


@dataclass(frozen=True, kw_only=True)
class Route:
    """One way from an incident to people.

    Attributes:
        name: For people and in payloads.
        sinks: Names of the sinks that are told.
        min_severity: Milder incidents go elsewhere.
        matchers: All must match the incident's labels: ``severity``, ``kind``, ``family``, ``metric``, ``scope``,
            ``site_id``, ``site``, ``site_group``, ``country``, ``model``, ``firmware``, ``template``, ``classifier``.
        hours: Only while one of these windows is open; none: always.
        goes_on: Whether later routes are asked, too.
        escalation: Name of the escalation policy; None: nobody else is called.
        quiet_hours: While one of these windows is open, what is milder than ``quiet_below`` is collected for one digest.
        quiet_below: See ``quiet_hours``.
        group_wait: An incident is first told so long after it began, so that what follows at once is in the message.
        group_interval: Changes of an incident are told at most so often; a rise of severity at once.
        repeat_after: An incident that nobody took and that did not change is told again after this; None: never.
        tells_partial_recovery: Whether it is news that some of several sites are well again.
        tells_acknowledgement: Whether it is news that somebody has taken it; a pager stops ringing by it.

    Raises:
        ValueError: No sink.
    """

    name: str
    sinks: tuple[str, ...]
    min_severity: Severity = "warning"
    matchers: tuple[Matcher, ...] = ()
    hours: tuple[Window, ...] = ()
    goes_on: bool = False
    escalation: str | None = None
    quiet_hours: tuple[Window, ...] = ()
    quiet_below: Severity = "critical"
    group_wait: timedelta = timedelta(0)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_after: timedelta | None = None
    tells_partial_recovery: bool = False
    tells_acknowledgement: bool = True

    def __post_init__(self) -> None:
        if not self.sinks:
            raise ValueError(f"route {self.name!r} has no sink and would tell nobody")

    def refuses(self, labels: Labels, now: datetime) -> str:
        """Why this route is not for an incident with these labels now; '' if it is."""
        severity = max((rank(one) for one in labels.get("severity", ())), default=0)
        if severity < rank(self.min_severity):
            return f"severity {SEVERITIES[severity]} is milder than {self.min_severity}"
        for matcher in self.matchers:
            if not matcher.matches(labels):
                values = ", ".join(labels.get(matcher.label, ())) or "nothing"
                return f"{matcher.label} is {values}, wanted {matcher}"
        if self.hours and not any(window.contains(now) for window in self.hours):
            return "outside its hours"
        return ""

    def quiet_until(self, severity: Severity, now: datetime) -> datetime | None:
        """Until when something so bad waits for the digest; None if it is told at once."""
        if rank(severity) >= rank(self.quiet_below):
            return None
        ends = [end for window in self.quiet_hours if (end := window.ends_at(now)) is not None]
        return max(ends, default=None)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One route's answer to the question who would be told.

    Attributes:
        route: Its name.
        is_chosen: Whether it would be used.
        because: Why, or why not.
        sinks: Who would be told.
        escalation: Who would be called after them.
        quiet_until: Until when the message would wait.
    """

    route: str
    is_chosen: bool
    because: str
    sinks: tuple[str, ...] = ()
    escalation: str | None = None
    quiet_until: datetime | None = None


def chosen_routes(routes: Iterable[Route], labels: Labels, now: datetime) -> list[Route]:
    """Routes of an incident: in order, up to the first that fits and does not go on."""
    chosen: list[Route] = []
    for route in routes:
        if not route.refuses(labels, now):
            chosen.append(route)
            if not route.goes_on:
                break
    return chosen


def explain_route(routes: Sequence[Route], labels: Labels, now: datetime) -> list[Explanation]:
    """Who would be told about an incident with these labels, and why; one answer for each route, in order."""
    answers: list[Explanation] = []
    taken_by = ""
    severity = SEVERITIES[max((rank(one) for one in labels.get("severity", ())), default=0)]
    for route in routes:
        refusal = route.refuses(labels, now)
        if taken_by:
            answers.append(
                Explanation(route.name, is_chosen=False, because=f"route {taken_by!r} ends the search")
            )
        elif refusal:
            answers.append(Explanation(route.name, is_chosen=False, because=refusal))
        else:
            matched = ", ".join(map(str, route.matchers)) or f"severity is at least {route.min_severity}"
            answers.append(
                Explanation(
                    route.name,
                    is_chosen=True,
                    because=matched,
                    sinks=route.sinks,
                    escalation=route.escalation,
                    quiet_until=route.quiet_until(severity, now),
                )
            )
            taken_by = "" if route.goes_on else route.name
    return answers
