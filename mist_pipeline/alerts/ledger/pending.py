"""Kept evaluations that are not recorded yet, recorded in order: what the job of alerts does each time it runs.

Each is recorded in a transaction of its own. Who is notified is decided once, with the last one, so that after a pause
nobody is notified of what is over; and in the same transaction, so that a crash leaves nothing recorded without its
notifications. Not here: where evaluations come from (``workflows``), and files (`evaluation_store`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mist_pipeline.alerts.ledger.evaluation_store import (
    MOST_TRIES,
    EvaluationName,
    EvaluationStore,
    UnreadableEvaluationError,
    is_lost,
)
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules, Recorded
from mist_pipeline.alerts.ledger.times.ahead import TOLERANCE
from mist_pipeline.alerts.lifecycle.model import Event
from mist_pipeline.alerts.lifecycle.observations import FAMILIES, EvaluationInput


@dataclass(frozen=True)
class PendingResult:
    """What became of the evaluations that waited.

    Attributes:
        names: Those that were recorded, in order.
        events: What followed for alerts and incidents, reasons to withhold included.
        recorded: Notifications that are to be sent now, and what is withheld and why.
        unreadable: Those that were damaged, or that the disk does not give, and are set aside.
    """

    names: tuple[EvaluationName, ...]
    events: tuple[Event, ...]
    recorded: Recorded
    unreadable: tuple[str, ...] = ()


def pending_evaluations(ledger: Ledger, store: EvaluationStore) -> list[EvaluationName]:
    """Kept evaluations that are not recorded, in order of time.

    Those of one kind are recorded in their order: one that is older than the newest of its kind is left out.
    """
    newest = ledger.newest_origins()
    return [name for name in store.names() if name.text > newest.get(name.source, "")]


def postpone_future(ledger: Ledger, store: EvaluationStore, now: datetime) -> list[EvaluationName]:
    """Set aside what waits and is of a time that has not come; returns it.

    A clock that was wrong made it, or a typing error. Recorded, it would be the newest until that time, and all that
    comes before would be left out.
    """
    found = [name for name in pending_evaluations(ledger, store) if name.as_of > now + TOLERANCE]
    for name in found:
        store.postpone(name, now)
    return found


def evaluate_pending(
    ledger: Ledger,
    store: EvaluationStore,
    rules: NotificationRules,
    now: datetime,
    *,
    families: Mapping[str, str] = FAMILIES,
) -> PendingResult:
    """Evaluate what waits, then decide about notifications.

    Args:
        ledger: Where events and messages go.
        store: Where evaluations are kept.
        rules: Who is notified.
        now: The instant of the decision.
        families: Metric → family.

    Raises:
        OSError: One cannot be read now, and was not given up yet; it and what comes behind it wait.
        StoreError: The store does not answer.
    """
    names, events, unreadable = list[EvaluationName](), list[Event](), list[str]()
    held: EvaluationInput | None = None
    for name in pending_evaluations(ledger, store):
        try:
            evaluation = store.load(name)
        except UnreadableEvaluationError as error:
            # One that is damaged must not keep all later ones from being recorded.
            store.set_aside(name)
            unreadable.append(str(error))
            continue
        except OSError as error:
            # What is wrong elsewhere says nothing of it, nor does one moment.
            if not is_lost(error) or store.tried_in_vain(name, now) < MOST_TRIES:
                raise
            store.leave_out(name)
            unreadable.append(f"{name.text}: {error}")
            continue
        if held is not None:
            events += ledger.record_evaluation(held, families=families, origin=names[-1].text).events
        names.append(name)
        held = evaluation
    if held is None:
        return PendingResult((), (), ledger.notify(rules, now), tuple(unreadable))
    recorded = ledger.record_evaluation(held, rules, families=families, origin=names[-1].text, now=now)
    return PendingResult(tuple(names), (*events, *recorded.events), recorded, tuple(unreadable))
