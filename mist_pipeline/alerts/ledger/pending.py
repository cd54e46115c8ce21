"""Kept looks that were not evaluated yet, evaluated in order: what the job of alerts does each time it is woken.

Here: which looks wait, and taking them, each in a transaction of its own. What people are told is decided once, with the
last one, so that after a pause nobody hears of what is over; and in the same transaction, so that nobody who dies leaves
something evaluated and untold. Not here: where looks come from (``defs``), files (`evaluations`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mist_pipeline.alerts.ledger.evaluation_store import Evaluations, Name, UnreadableLookError
from mist_pipeline.alerts.ledger.ledger import Ledger, Recorded, Telling
from mist_pipeline.alerts.lifecycle.model import Event
from mist_pipeline.alerts.lifecycle.observations import FAMILIES, EvaluationInput


@dataclass(frozen=True)
class Taken:
    """What became of the looks that waited.

    Attributes:
        names: Looks that were evaluated, in order.
        events: What followed for alerts and incidents, reasons for silence included.
        told: What is to be told now, and what not and why.
        unreadable: Looks that were damaged and are set aside.
    """

    names: tuple[Name, ...]
    events: tuple[Event, ...]
    told: Recorded
    unreadable: tuple[str, ...] = ()


def waiting(ledger: Ledger, kept: Evaluations) -> list[Name]:
    """Looks that were not evaluated, in order of time.

    Looks of one kind are evaluated in their order: one that is older than the newest of its kind is not made up for.
    """
    newest = ledger.newest_origins()
    return [name for name in kept.names() if name.text > newest.get(name.source, "")]


def take(
    ledger: Ledger,
    kept: Evaluations,
    telling: Telling,
    now: datetime,
    *,
    families: Mapping[str, str] = FAMILIES,
) -> Taken:
    """Evaluate what waits, then decide what is to be told.

    Args:
        ledger: Where events and messages go.
        kept: Where looks come from.
        telling: Who is told.
        now: The instant of the decision.
        families: Metric → family.
    """
    names, events, unreadable = list[Name](), list[Event](), list[str]()
    held: EvaluationInput | None = None
    for name in waiting(ledger, kept):
        try:
            step = kept.load(name)
        except UnreadableLookError as error:
            # One damaged look must not keep all later ones from being evaluated.
            kept.set_aside(name)
            unreadable.append(str(error))
            continue
        if held is not None:
            events += ledger.record_evaluation(held, families=families, origin=names[-1].text).events
        names.append(name)
        held = step
    if held is None:
        return Taken((), (), ledger.tell(telling, now), tuple(unreadable))
    told = ledger.record_evaluation(held, telling, families=families, origin=names[-1].text, now=now)
    return Taken(tuple(names), (*events, *told.events), told, tuple(unreadable))
