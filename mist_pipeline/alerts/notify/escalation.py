"""Who is called if nobody reacts: steps after minutes, until somebody takes the incident.

Here: when which step is due, and whether it still matters. Not here: keeping due times over a restart (`ledger`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from mist_pipeline.alerts.lifecycle.model import IncidentState


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """Tell a sink, or a person through it, so long after the incident was first told.

    Attributes:
        after: Since the escalation began.
        sink: Name of the sink.
        target: Person or list that the sink is to reach, '' for its usual one.
    """

    after: timedelta
    sink: str
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class EscalationPolicy:
    """Steps, and when they stop.

    Attributes:
        name: As routes call it.
        steps: In order of time.
        stops_when: acknowledged (or resolved), or only when resolved.
        repeats: How often all steps come again, ``repeat_every`` apart.
        repeat_every: See ``repeats``.
        expires_after: No step is told later than this after the beginning, however long nobody was there to tell it.

    Raises:
        ValueError: Steps out of order, repeats without a period, or a period shorter than the steps.
    """

    name: str
    steps: tuple[EscalationStep, ...]
    stops_when: Literal["acknowledged", "resolved"] = "acknowledged"
    repeats: int = 0
    repeat_every: timedelta | None = None
    expires_after: timedelta = timedelta(hours=24)

    def __post_init__(self) -> None:
        if not self.steps or list(self.steps) != sorted(self.steps, key=lambda step: step.after):
            raise ValueError(f"escalation {self.name!r} needs steps in order of time")
        if self.repeats and (self.repeat_every is None or self.repeat_every <= self.steps[-1].after):
            raise ValueError(
                f"escalation {self.name!r} repeats: repeat_every must be longer than its last step's {self.steps[-1].after}"
            )


def calls_nobody(stops_when: str, state: IncidentState) -> bool:
    """Whether an incident in this state calls nobody any more."""
    return state in {"resolved", "merged"} or (state == "acknowledged" and stops_when == "acknowledged")


@dataclass(frozen=True, slots=True)
class Due:
    """One step at its time.

    Attributes:
        number: 1, 2, 3 … through all repetitions.
        at: When.
        step: What.
    """

    number: int
    at: datetime
    step: EscalationStep


def schedule(policy: EscalationPolicy, begun_at: datetime) -> list[Due]:
    """Every step with its time, repetitions included, as far as none is past the expiry."""
    times = [
        (begun_at + step.after + turn * (policy.repeat_every or timedelta(0)), step)
        for turn in range(policy.repeats + 1)
        for step in policy.steps
    ]
    last = begun_at + policy.expires_after
    return [Due(number, at, step) for number, (at, step) in enumerate(times, 1) if at <= last]


def due_now(waiting: Iterable[Due], now: datetime) -> list[Due]:
    """Steps that have to be told now, those included that were missed while nothing ran.

    Of missed repetitions to one person only the last is told: nobody is called twice at once.

    Args:
        waiting: Steps of one escalation that were neither told nor cancelled.
        now: The instant.
    """
    newest: dict[tuple[str, str], Due] = {}
    for due in sorted(waiting, key=lambda one: one.number):
        if due.at <= now:
            newest[due.step.sink, due.step.target] = due
    return sorted(newest.values(), key=lambda one: one.number)
