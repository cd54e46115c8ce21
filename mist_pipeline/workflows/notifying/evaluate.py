"""Evaluating what was kept, and escalating what nobody took: findings become events and notifications.

Here: reading the store of evaluations, the pipeline's own state as one more evaluation, and writing to the ledger. Not
here: the rules (``alerts``), what is wrong with the pipeline (`self_monitoring`), sending (`messages`).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationName, EvaluationStore
from mist_pipeline.alerts.ledger.ledger import Ledger, Recorded
from mist_pipeline.alerts.ledger.pending import PendingResult, evaluate_pending, postpone_future
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput, is_pipeline
from mist_pipeline.alerts.notify.plan import Notification
from mist_pipeline.settings import Settings
from mist_pipeline.storage.files import StoreError
from mist_pipeline.workflows.ledger_access import (
    failing_sinks,
    kept_evaluations,
    notification_rules,
    open_ledger,
    unevaluated_since,
    unreached,
)
from mist_pipeline.workflows.notifying.messages import utc_now
from mist_pipeline.workflows.self_monitoring.clock import clock_troubles
from mist_pipeline.workflows.self_monitoring.delivery import (
    sink_troubles,
    store_trouble,
    unreached_recipients,
    unreadable_evaluations,
)

AFTER_EVALUATIONS = timedelta(seconds=1)
"""Evaluations of one instant follow one another, each a moment later: a run of that instant decides behind them all."""

DAMAGE_TOLD = timedelta(days=1)
"""How long a damaged evaluation is a trouble of the pipeline."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Escalated:
    """Notifications of a run of escalations.

    Attributes:
        waited: What waited for its time: quiet hours, a group's wait.
        steps: Steps of escalations that are due.
    """

    waited: Sequence[Notification]
    steps: Sequence[Notification]


def evaluate(
    settings: Settings,
    troubles: pl.DataFrame,
    now: datetime,
    clock: Callable[[], datetime] = utc_now,
) -> PendingResult:
    """Evaluate what was kept and not evaluated yet, and the pipeline's own state.

    Args:
        settings: The settings.
        troubles: What is wrong with the pipeline's runs (`self_monitoring.troubles`), rows of ``live.findings``.
        now: The instant of the decision.
        clock: Tells the time, for whoever decides as of an instant of the past: what was recorded since is not of the future.
    """
    store = kept_evaluations(settings)
    with open_ledger(settings) as ledger:
        own = _own_state_now(settings, ledger, store, troubles, now, clock)
        if own is not None:
            store.keep(own)
        return evaluate_pending(ledger, store, notification_rules(settings), now)


def tell_own_state(
    settings: Settings,
    troubles: pl.DataFrame,
    now: datetime,
    clock: Callable[[], datetime] = utc_now,
) -> Recorded:
    """Record the pipeline's own state alone, and decide who is notified: also while nothing can be evaluated.

    Args:
        settings: The settings.
        troubles: As in `evaluate`.
        now: The instant of the decision.
        clock: As in `evaluate`.
    """
    store, rules = kept_evaluations(settings), notification_rules(settings)
    with open_ledger(settings) as ledger:
        own = _own_state_now(settings, ledger, store, troubles, now, clock)
        if own is None:
            return ledger.notify(rules, now)
        name = EvaluationName(own.as_of, own.source)
        recorded = ledger.record_evaluation(own, rules, origin=name.text, now=now)
        # Kept behind it, for replays: `evaluate` must not find what may be what it breaks at.
        try:
            store.keep(own)
        except StoreError as error:
            log.warning("The pipeline's own state is told, and not kept for replays: %s", error)
        return recorded


def _own_state_now(
    settings: Settings,
    ledger: Ledger,
    store: EvaluationStore,
    troubles: pl.DataFrame,
    now: datetime,
    clock: Callable[[], datetime],
) -> EvaluationInput | None:
    """The pipeline itself as an evaluation, after what is of times that have not come was set back."""
    present = max(now, clock())
    ahead = ledger.ahead(present)
    if ahead is not None:
        ledger.set_back_clock(present)
    postponed, kept = _seen_in(store, present, lambda: postpone_future(ledger, store, present))
    wrong = clock_troubles(ahead, postponed, now)
    return own_state(settings, ledger, pl.concat([troubles, wrong, kept]), now)


def _seen_in(
    store: EvaluationStore, now: datetime, before: Callable[[], object] = lambda: None
) -> tuple[list[str], pl.DataFrame]:
    """Evaluations of times that had not come, and findings about the store: that it does not answer, or what is damaged.

    Told like all else that is wrong here: people have to hear that nothing can be evaluated.

    Args:
        store: Where evaluations are kept.
        now: The instant of the decision.
        before: Done with the store first.
    """
    try:
        before()
        since = now - DAMAGE_TOLD
        return store.postponed_since(since), unreadable_evaluations(store.set_aside_since(since), now)
    except StoreError as error:
        return [], store_trouble(str(error), now)


def own_state(
    settings: Settings, ledger: Ledger, troubles: pl.DataFrame, now: datetime
) -> EvaluationInput | None:
    """The pipeline itself as an evaluation; None where nothing is wrong and nothing was."""
    sinks = sink_troubles(failing_sinks(settings, ledger, now), settings.organisation.zone, now)
    missed = unreached_recipients(unreached(settings, ledger), now)
    found = pl.concat([troubles, sinks, missed])
    is_known = any(
        is_pipeline(alert.family) and (alert.is_active or alert.state == "pending")
        for alert in ledger.lifecycle_state(now).alerts.values()
    )
    return EvaluationInput(as_of=now, source="pipeline", findings=found) if found.height or is_known else None


def ledger_troubles(settings: Settings, now: datetime) -> pl.DataFrame:
    """Sinks that fail, and times that have not come, as the next evaluation will find them."""
    postponed, kept = _seen_in(kept_evaluations(settings), now)
    with open_ledger(settings) as ledger:
        wrong = clock_troubles(ledger.ahead(now), postponed, now)
        failing = failing_sinks(settings, ledger, now) if settings.notifications.sinks else []
        return pl.concat([wrong, kept, sink_troubles(failing, settings.organisation.zone, now)])


def escalate(settings: Settings, now: datetime) -> Escalated:
    """Decide again what waited for its time, then the steps of escalations that are due."""
    rules = notification_rules(settings)
    with open_ledger(settings) as ledger:
        waited = ledger.notify(rules, now).notifications
        return Escalated(waited, ledger.escalate(rules, now))


def is_evaluation_left(settings: Settings, before: datetime) -> bool:
    """Whether an evaluation waits that was kept before an instant."""
    with open_ledger(settings) as ledger:
        since = unevaluated_since(settings, ledger)
        return since is not None and since < before


def is_step_due(settings: Settings, now: datetime) -> bool:
    """Whether a step of an escalation, or what waited for its time, is due."""
    with open_ledger(settings) as ledger:
        return ledger.is_due(now)
