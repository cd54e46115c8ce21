"""."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, field_validator, model_validator

from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.matchers import Matcher, parse_matchers
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import LABELS, Silence
from mist_pipeline.alerts.notify.time_windows import Window
from mist_pipeline.domain.config_section import PlacedError, Section, hint
from mist_pipeline.domain.severity import Severity
from mist_pipeline.domain.time_zones import known_zone

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


# Bounds, since a span beyond them (.inf, for instance) is a mistake that only shows when it is added to a date.
Minutes = Annotated[float, Field(ge=0, le=7 * 24 * 60)]


Hours = Annotated[float, Field(gt=0, le=366 * 24)]


_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


def _clock(value: object) -> object:
    """A time of day, from a text or from what YAML 1.1 makes of one: an unquoted 19:40 is 1180, a number in base 60."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        # A number of three digits in base 60 has seconds; one digit is no time of day.
        seconds = value if value >= 3600 else value * 60 if value >= 60 else -1
        value = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            'is no time of day; write it as "19:40" (00:00 to 23:59, the zone is a key of its own)'
        )
    hour, minute, second = (int(part or 0) for part in found.groups())
    return time(hour, minute, second)


Clock = Annotated[time, BeforeValidator(_clock)]


def _readable(text: str) -> str:
    _matchers(text)
    return text


Match = Annotated[str, AfterValidator(_readable)]
"""Matchers as a text."""


class WindowKeys(Section):
    """A span of the day that comes again, in a time zone; it may cross midnight."""

    begins: Clock = Field(description="Wall-clock time at which it begins.")
    zone: str = Field(description="IANA zone of that clock.")
    until: Clock | None = Field(None, description="Wall-clock time at which it ends, or `lasts_hours`.")
    lasts_hours: float | None = Field(None, gt=0, le=168, description="Hours that really pass, or `until`.")
    weekdays: tuple[str, ...] = Field((), description="Days on which it begins; empty: every day.")
    first_day: date | None = Field(None, description="First day on which it begins.")
    last_day: date | None = Field(None, description="Last day on which it begins.")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("weekdays")
    @classmethod
    def _known_days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number, name in enumerate(value):
            try:
                _weekday(name)
            except ValueError as error:
                raise PlacedError((number,), str(error)) from None
        return value

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.until is None) == (self.lasts_hours is None):
            raise ValueError(
                f"needs `until` or `lasts_hours`, {'one of them' if self.until is None else 'not both'}"
            )
        if self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            raise ValueError(f"would never begin: {self.last_day} is before {self.first_day}")
        self.window()
        return self

    def window(self) -> "Window":
        """As ``alerts`` takes it."""
        from mist_pipeline.alerts.notify.time_windows import Window

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
    match: Match = Field(
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
    repeat_after_hours: Hours | None = Field(
        None, description="What nobody took is told again after this; empty: never."
    )
    tells_partial_recovery: bool = Field(False, description="Whether fewer sites are news.")
    tells_acknowledgement: bool = Field(True, description="Whether it is news that somebody took it.")

    def route(self) -> "Route":
        """As ``alerts`` takes it."""
        from mist_pipeline.alerts.notify.routes import Route

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
    repeat_every_minutes: float | None = Field(
        None, gt=0, le=7 * 24 * 60, description="Minutes between two repetitions."
    )
    expires_after_hours: Hours = Field(24, description="No step is told later than this.")

    @model_validator(mode="after")
    def _comes_in_time(self) -> Self:
        times = [step.after_minutes for step in self.steps]
        last, every = times[-1], self.repeat_every_minutes
        if times != sorted(times):
            raise PlacedError(("steps",), "must stand in order of after_minutes")
        if last > self.expires_after_hours * 60:
            where = ("steps", len(times) - 1, "after_minutes")
            raise PlacedError(
                where, f"would never be told: expires_after_hours is {self.expires_after_hours:g}"
            )
        if self.repeats and (every is None or every <= last):
            raise PlacedError(
                ("repeat_every_minutes",),
                f"must be given with repeats, and exceed the last step's {last:g} minutes",
            )
        if every is not None and not self.repeats:
            raise PlacedError(("repeats",), "says how often; without it, repeat_every_minutes does nothing")
        return self

    def policy(self, name: str) -> "EscalationPolicy":
        """As ``alerts`` takes it."""
        from mist_pipeline.alerts.notify.escalation import EscalationPolicy

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
    match: Match = Field(description="Matchers of the alerts that are not told.")
    starts_at: AwareDatetime | None = Field(None, description="Not before this instant (with its zone).")
    ends_at: AwareDatetime | None = Field(None, description="Not from this instant on.")
    window: WindowKeys | None = Field(None, description="Recurring part of the time between.")
    comment: str = Field("", description="Why.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if not self.match.strip():
            raise PlacedError(("match",), "must not be empty: everything would be silent")
        if self.ends_at is None and self.window is None:
            raise ValueError("would never end; give it `ends_at`, or a `window` that comes again")
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise PlacedError(("ends_at",), f"is not after starts_at, {self.starts_at.isoformat()}")
        self.silence()
        return self

    def silence(self) -> "Silence":
        """As ``alerts`` takes it."""
        from mist_pipeline.alerts.notify.silences import Silence

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

    matchers = parse_matchers(text) if text.strip() else ()
    for matcher in matchers:
        if matcher.label not in LABELS:
            raise ValueError(f"{matcher.label!r} is no label; {hint(matcher.label, LABELS)}")
    return matchers


def _windows(keys: Iterable[WindowKeys]) -> "tuple[Window, ...]":
    return tuple(one.window() for one in keys)


def _weekday(name: str) -> int:
    found = [number for number, day in enumerate(WEEKDAYS) if len(name) >= 2 and day.startswith(name.lower())]
    if len(found) != 1:
        raise ValueError(f"{name!r} is no weekday; use {', '.join(WEEKDAYS)} or their beginnings")
    return found[0]
