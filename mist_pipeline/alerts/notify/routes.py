"""Routes: who is notified about what, when, and who is called if nobody reacts.

Here: the keys of a route in the configuration, choosing among routes, and explaining the choice. Not here: whether there is
anything to notify about (`decision`), and what a sink's name means (``delivery``).

>>> from datetime import UTC, datetime
>>> routes = [
...     Route(name="on duty", sinks=("pager",), min_severity="critical"),
...     Route(name="rest", sinks=("mail",), match='site_group="North"'),
... ]
>>> labels = {"severity": ("major",), "site_group": ("North",)}
>>> [route.name for route in chosen_routes(routes, [labels], datetime(2026, 11, 28, 12, tzinfo=UTC))]
['rest']
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import Field

from mist_pipeline.alerts.notify.config import Hours, Match, Minutes, matchers_of
from mist_pipeline.alerts.notify.matchers import Labels, Matcher, all_match
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline.domain.config_section import Section
from mist_pipeline.domain.severity import SEVERITIES, Severity, rank

_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 5
"""Values of a label in a reason."""


class Route(Section):
    """One way from an incident to people; the first that fits is taken, and later ones after `goes_on`.

    ``match`` is about the labels of one alert (`matchers.LABELS`): an incident fits if one of its alerts does. So none
    is lost by growing, over an excluded site too.
    """

    name: str = Field(min_length=1, description="For people.")
    sinks: tuple[str, ...] = Field(min_length=1, description="Names of the sinks that are notified.")
    min_severity: Severity = Field("warning", description="Milder incidents go elsewhere.")
    match: Match = Field(
        "",
        description='Matchers as in Alertmanager, all must hold for one alert of the incident: `site_group="North",family!="roaming"`.',
    )
    hours: tuple[Window, ...] = Field((), description="Only in these windows; empty: always.")
    goes_on: bool = Field(False, description="Whether later routes are asked, too.")
    escalation: str | None = Field(None, description="Who is called if nobody reacts.")
    quiet_hours: tuple[Window, ...] = Field(
        (), description="In these windows what is milder than `quiet_below` waits for one digest."
    )
    quiet_below: Severity = Field("critical", description="See `quiet_hours`.")
    group_wait_minutes: Minutes = Field(
        0,
        description="The first message is sent so long after the incident began, with what followed at once.",
    )
    group_interval_minutes: Minutes = Field(
        5, description="Changes are sent at most so often; a rise of severity at once."
    )
    repeat_after_hours: Hours | None = Field(
        None, description="An incident that nobody took is sent again after this; empty: never."
    )
    tells_partial_recovery: bool = Field(False, description="Whether fewer sites are news.")
    tells_acknowledgement: bool = Field(
        True, description="Whether it is news that somebody took it, or has it no longer."
    )

    @classmethod
    def none_to(cls, sink: str) -> "Route":
        """What stands for a route where none leads to a sink any more: all defaults, without a name."""
        return cls.model_construct(name="", sinks=(sink,))

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """All must match the labels of one alert of an incident."""
        return matchers_of(self.match)

    @property
    def group_wait(self) -> timedelta:
        """See ``group_wait_minutes``."""
        return timedelta(minutes=self.group_wait_minutes)

    @property
    def group_interval(self) -> timedelta:
        """See ``group_interval_minutes``."""
        return timedelta(minutes=self.group_interval_minutes)

    @property
    def repeat_after(self) -> timedelta | None:
        """See ``repeat_after_hours``."""
        return None if self.repeat_after_hours is None else timedelta(hours=self.repeat_after_hours)

    def refuses(self, alerts: Sequence[Labels], now: datetime) -> str:
        """Why this route is not for an incident with alerts of these labels now; '' if it is."""
        severity = _severity(alerts)
        if severity < rank(self.min_severity):
            return f"severity {SEVERITIES[severity]} is milder than {self.min_severity}"
        matchers = self.matchers
        if matchers and not any(all_match(matchers, labels) for labels in alerts or ({},)):
            return _unmatched(matchers, alerts)
        if self.hours and not any(window.contains(now) for window in self.hours):
            return "outside its hours"
        return ""

    def suits(self, alerts: Sequence[Labels]) -> bool:
        """Whether it is for an incident with alerts of these labels at some hour."""
        return not self.model_copy(update={"hours": ()}).refuses(alerts, _ANY_TIME)

    def quiet_until(self, severity: Severity, now: datetime) -> datetime | None:
        """Until when an incident of this severity waits for the digest; None if it is notified at once."""
        if rank(severity) >= rank(self.quiet_below):
            return None
        ends = [end for window in self.quiet_hours if (end := window.ends_at(now)) is not None]
        return max(ends, default=None)


def _severity(alerts: Iterable[Labels]) -> int:
    """Rank of the worst of them."""
    return max((rank(one) for labels in alerts for one in labels.get("severity", ())), default=0)


def _unmatched(matchers: Sequence[Matcher], alerts: Sequence[Labels]) -> str:
    """Why none of the alerts fulfils all matchers."""
    for matcher in matchers:
        if not any(matcher.matches(labels) for labels in alerts or ({},)):
            found = dict.fromkeys(value for labels in alerts for value in labels.get(matcher.label, ()))
            more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
            values = ", ".join(list(found)[:_SHOWN]) or "nothing"
            return f"{matcher.label} is {values}{more}, wanted {matcher}"
    return f"no single alert fulfils all of {', '.join(map(str, matchers))}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One route's answer to the question who would be notified.

    Attributes:
        route: Its name.
        is_chosen: Whether it would be used.
        because: Why, or why not.
        sinks: Sinks that would be notified.
        escalation: Escalation policy that would begin.
        quiet_until: Until when the message would wait.
    """

    route: str
    is_chosen: bool
    because: str
    sinks: tuple[str, ...] = ()
    escalation: str | None = None
    quiet_until: datetime | None = None


def chosen_routes(routes: Iterable[Route], alerts: Sequence[Labels], now: datetime) -> list[Route]:
    """Routes of an incident, by the labels of its alerts: in order, up to the first that fits and does not go on."""
    chosen: list[Route] = []
    for route in routes:
        if not route.refuses(alerts, now):
            chosen.append(route)
            if not route.goes_on:
                break
    return chosen


def explain_route(routes: Sequence[Route], labels: Labels, now: datetime) -> list[Explanation]:
    """Which routes an incident of one alert with these labels takes, and why; one answer for each route, in order."""
    answers: list[Explanation] = []
    taken_by = ""
    severity = SEVERITIES[_severity([labels])]
    for route in routes:
        refusal = route.refuses([labels], now)
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
