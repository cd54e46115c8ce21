"""Who is told what, when: routes, escalations, quiet hours and maintenance in the configuration.

Here: the keys, and how they become values of ``alerts``. Not here: sinks (`sinks`), and what follows (``alerts``).
"""

import difflib
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from mist_pipeline.settings.section import Section, Severity

if TYPE_CHECKING:
    from mist_pipeline.alerts.escalation import EscalationPolicy
    from mist_pipeline.alerts.matchers import Matcher
    from mist_pipeline.alerts.routes import Route
    from mist_pipeline.alerts.silences import Silence
    from mist_pipeline.alerts.windows import Window

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

Minutes = Annotated[float, Field(ge=0)]


def _clock(value: object) -> object:
    # YAML 1.1 reads an unquoted 19:40 as the number 1180, in base 60.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return time(value // 60, value % 60)
    return value


Clock = Annotated[time, BeforeValidator(_clock)]


class WindowKeys(Section):
    """A span of the day that comes again, in a time zone; it may cross midnight."""

    begins: Clock = Field(description="Wall-clock time at which it begins.")
    zone: str = Field(description="IANA zone of that clock.")
    until: Clock | None = Field(None, description="Wall-clock time at which it ends, or `lasts_hours`.")
    lasts_hours: float | None = Field(None, gt=0, le=168, description="Hours that really pass, or `until`.")
    weekdays: tuple[str, ...] = Field((), description="Days on which it begins; empty: every day.")
    first_day: date | None = Field(None, description="First day on which it begins.")
    last_day: date | None = Field(None, description="Last day on which it begins.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.zone not in available_timezones():
            near = difflib.get_close_matches(self.zone, available_timezones(), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{self.zone!r} is no IANA time zone{hint}")
        self.window()
        return self

    def window(self) -> "Window":
        """As ``alerts`` takes it."""
        from mist_pipeline.alerts.windows import Window

        return Window(
            begins=self.begins,
            zone=self.zone,
            until=self.until,
            lasts=None if self.lasts_hours is None else timedelta(hours=self.lasts_hours),
            weekdays=frozenset(map(_weekday, self.weekdays)),
            first_day=self.first_day,
            last_day=self.last_day,
        )


class RouteKeys(Section):
    """One way from an incident to people; the first that fits is taken, and later ones after `goes_on`."""

    name: str = Field(min_length=1, description="For people.")
    sinks: tuple[str, ...] = Field(min_length=1, description="Names of the sinks that are told.")
    min_severity: Severity = Field("warning", description="Milder incidents go elsewhere.")
    match: str = Field(
        "", description='Matchers as in Alertmanager, all must hold: `site_group="North",family!="roaming"`.'
    )
    hours: tuple[WindowKeys, ...] = Field((), description="Only in these windows; empty: always.")
    goes_on: bool = Field(False, description="Whether later routes are asked, too.")
    escalation: str | None = Field(None, description="Who is called if nobody reacts.")
    quiet_hours: tuple[WindowKeys, ...] = Field(
        (), description="In these windows what is milder than `quiet_below` waits for one digest."
    )
    quiet_below: Severity = Field("critical", description="See `quiet_hours`.")
    group_wait_minutes: Minutes = Field(
        0, description="An incident is first told so long after it began, with what followed at once."
    )
    group_interval_minutes: Minutes = Field(
        5, description="Changes are told at most so often; a rise at once."
    )
    repeat_after_hours: float | None = Field(
        None, gt=0, description="What nobody took is told again after this; empty: never."
    )
    tells_partial_recovery: bool = Field(False, description="Whether fewer sites are news.")
    tells_acknowledgement: bool = Field(True, description="Whether it is news that somebody took it.")

    @model_validator(mode="after")
    def _matches(self) -> Self:
        _matchers(self.match)
        return self

    def route(self) -> "Route":
        """As ``alerts`` takes it."""
        from mist_pipeline.alerts.routes import Route

        return Route(
            name=self.name,
            sinks=self.sinks,
            min_severity=self.min_severity,
            matchers=_matchers(self.match),
            hours=_windows(self.hours),
            goes_on=self.goes_on,
            escalation=self.escalation,
            quiet_hours=_windows(self.quiet_hours),
            quiet_below=self.quiet_below,
            group_wait=timedelta(minutes=self.group_wait_minutes),
            group_interval=timedelta(minutes=self.group_interval_minutes),
            repeat_after=None
            if self.repeat_after_hours is None
            else timedelta(hours=self.repeat_after_hours),
            tells_partial_recovery=self.tells_partial_recovery,
            tells_acknowledgement=self.tells_acknowledgement,
        )


class StepKeys(Section):
    """One step of an escalation."""

    after_minutes: Minutes = Field(description="Since the incident was first told.")
    sink: str = Field(description="Name of the sink.")
    to: str = Field("", description="Person, channel or service that it is to reach; empty: its usual one.")


class EscalationKeys(Section):
    """Who is called, one after another, until somebody takes the incident."""

    steps: tuple[StepKeys, ...] = Field(min_length=1, description="In order of time.")
    stops_when: Literal["acknowledged", "resolved"] = Field("acknowledged", description="What ends it.")
    repeats: int = Field(0, ge=0, le=100, description="How often all steps come again.")
    repeat_every_minutes: float | None = Field(None, gt=0, description="Minutes between two repetitions.")
    expires_after_hours: float = Field(24, gt=0, description="No step is told later than this.")

    def policy(self, name: str) -> "EscalationPolicy":
        """As ``alerts`` takes it.

        Raises:
            ValueError: Steps out of order, or repetitions that overlap.
        """
        from mist_pipeline.alerts.escalation import EscalationPolicy, EscalationStep

        every = self.repeat_every_minutes
        return EscalationPolicy(
            name=name,
            steps=tuple(
                EscalationStep(timedelta(minutes=step.after_minutes), step.sink, step.to)
                for step in self.steps
            ),
            stops_when=self.stops_when,
            repeats=self.repeats,
            repeat_every=None if every is None else timedelta(minutes=every),
            expires_after=timedelta(hours=self.expires_after_hours),
        )


class MaintenanceKeys(Section):
    """A planned silence: once, or in a window that comes again."""

    name: str = Field(min_length=1, description="For people.")
    match: str = Field(min_length=1, description="Matchers of the alerts that are not told.")
    starts_at: AwareDatetime | None = Field(None, description="Not before this instant (with its zone).")
    ends_at: AwareDatetime | None = Field(None, description="Not from this instant on.")
    window: WindowKeys | None = Field(None, description="Recurring part of the time between.")
    comment: str = Field("", description="Why.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        self.silence()
        return self

    def silence(self) -> "Silence":
        """As ``alerts`` takes it."""
        from mist_pipeline.alerts.silences import Silence

        return Silence(
            silence_id=self.name,
            matchers=_matchers(self.match),
            starts_at=self.starts_at or _EARLIEST,
            ends_at=self.ends_at,
            window=None if self.window is None else self.window.window(),
            created_by="configuration",
            comment=self.comment,
        )


def _matchers(text: str) -> "tuple[Matcher, ...]":
    from mist_pipeline.alerts.matchers import parse_matchers
    from mist_pipeline.alerts.silences import LABELS

    matchers = parse_matchers(text) if text.strip() else ()
    for matcher in matchers:
        if matcher.label not in LABELS:
            near = difflib.get_close_matches(matcher.label, LABELS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(LABELS)}"
            raise ValueError(f"{matcher.label!r} is no label; {hint}")
    return matchers


def _windows(keys: Iterable[WindowKeys]) -> "tuple[Window, ...]":
    return tuple(one.window() for one in keys)


def _weekday(name: str) -> int:
    found = [number for number, day in enumerate(WEEKDAYS) if len(name) >= 2 and day.startswith(name.lower())]
    if len(found) != 1:
        raise ValueError(f"{name!r} is no weekday; use {', '.join(WEEKDAYS)} or their beginnings")
    return found[0]
