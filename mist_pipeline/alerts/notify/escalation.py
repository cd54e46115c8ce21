"""Who is called if nobody reacts: steps after minutes, until somebody takes the incident.

Here: the keys of an escalation in the configuration, when which step is due, and whether it still matters. Not here:
keeping due times over a restart (``ledger.escalations``).

>>> from datetime import UTC, datetime
>>> steps = (EscalationStep(after_minutes=15, sink="pager"), EscalationStep(after_minutes=30, sink="mail", to="boss@example.com"))
>>> policy = EscalationPolicy(steps=steps, repeats=1, repeat_every_minutes=45)
>>> [(due.number, f"{due.at:%H:%M}", due.sink) for due in schedule(policy, datetime(2026, 11, 28, 2, tzinfo=UTC))]
[(1, '02:15', 'pager'), (2, '02:30', 'mail'), (3, '03:00', 'pager'), (4, '03:15', 'mail')]
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from mist_pipeline.alerts.lifecycle.model import IncidentState
from mist_pipeline.alerts.notify.config import Hours, Minutes
from mist_pipeline.domain.config_section import PlacedError, Section

StepState: TypeAlias = Literal["pending", "fired", "cancelled"]
StopReason: TypeAlias = Literal[
    "acknowledged", "closed", "resolved", "merged", "expired", "overtaken", "unspecified"
]
"""Why a step is not taken any more; *overtaken*: a repetition of it was due as well; *unspecified*: an older version of the
program did not say."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why steps are cancelled and their messages withdrawn.

    Attributes:
        reason: Its name.
        by: Who acknowledged or closed the incident by hand; '' where nobody did.
    """

    reason: StopReason
    by: str = ""

    def __str__(self) -> str:
        """As people read it: ``acknowledged by ada``, ``expired``."""
        match self.reason:
            case "unspecified":
                return self.by
            case "overtaken":
                return "overtaken by its repetition"
            case _:
                return f"{self.reason} by {self.by}" if self.by else self.reason


class EscalationStep(Section):
    """One step of an escalation."""

    after_minutes: Minutes = Field(description="Since the first message about the incident.")
    sink: str = Field(description="Name of the sink.")
    to: str = Field("", description="Person, channel or service that it is to reach; empty: its usual one.")


class EscalationPolicy(Section):
    """Who is called, one after another, until somebody takes the incident.

    Raises:
        ValidationError: Steps out of order or after the end, repetitions without a period or that overlap.
    """

    steps: tuple[EscalationStep, ...] = Field(min_length=1, description="In order of time.")
    stops_when: Literal["acknowledged", "resolved"] = Field("acknowledged", description="What ends it.")
    repeats: int = Field(0, ge=0, le=100, description="How often all steps come again.")
    repeat_every_minutes: float | None = Field(
        None, gt=0, le=7 * 24 * 60, description="Minutes between two repetitions."
    )
    expires_after_hours: Hours = Field(24, description="No step is sent later than this.")

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

    @property
    def expires_after(self) -> timedelta:
        """See ``expires_after_hours``."""
        return timedelta(hours=self.expires_after_hours)


def calls_nobody(stops_when: str, state: IncidentState) -> bool:
    """Whether an incident in this state calls nobody any more."""
    return state in {"resolved", "merged"} or (state == "acknowledged" and stops_when == "acknowledged")


@dataclass(frozen=True, slots=True)
class Due:
    """One step at its time.

    Attributes:
        number: 1, 2, 3 … through all repetitions.
        at: When.
        sink: Name of the sink.
        target: Person, channel or service that the sink is to reach; '' for its usual one.
    """

    number: int
    at: datetime
    sink: str
    target: str = ""


def schedule(policy: EscalationPolicy, begun_at: datetime) -> list[Due]:
    """Every step with its time, repetitions included, as far as none is past the expiry."""
    every = policy.repeat_every_minutes or 0
    times = [
        (begun_at + timedelta(minutes=step.after_minutes) + turn * timedelta(minutes=every), step)
        for turn in range(policy.repeats + 1)
        for step in policy.steps
    ]
    last = begun_at + policy.expires_after
    return [Due(number, at, step.sink, step.to) for number, (at, step) in enumerate(times, 1) if at <= last]


def due_now(waiting: Iterable[Due], now: datetime) -> list[Due]:
    """Steps that have to be sent now, those included that were missed while nothing ran.

    Of missed repetitions to one person only the last is sent: nobody is called twice at once.

    Args:
        waiting: Steps of one escalation that were neither sent nor cancelled.
        now: The instant.
    """
    newest: dict[tuple[str, str], Due] = {}
    for due in sorted(waiting, key=lambda one: one.number):
        if due.at <= now:
            newest[due.sink, due.target] = due
    return sorted(newest.values(), key=lambda one: one.number)
