"""Evaluating what was kept, and escalating what nobody took: findings become events and notifications.

Here: reading the store of evaluations, the pipeline's own state as one more evaluation, and writing to the ledger. Not
here: the rules (``alerts``), what is wrong with the pipeline (`self_monitoring`), sending (`messages`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.pending import PendingResult, evaluate_pending
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput, is_pipeline
from mist_pipeline.alerts.notify.plan import Notification
from mist_pipeline.settings import Settings
from mist_pipeline.tables import live
from mist_pipeline.workflows.ledger_access import (
    failing_sinks,
    kept_evaluations,
    notification_rules,
    open_ledger,
    unreached,
)
from mist_pipeline.workflows.self_monitoring.delivery import (
    sink_troubles,
    unreached_recipients,
    unreadable_evaluations,
)

AFTER_EVALUATIONS = timedelta(seconds=1)
"""Evaluations of one instant follow one another, each a moment later: a run of that instant decides behind them all."""

DAMAGE_TOLD = timedelta(days=1)
"""How long a damaged evaluation is a trouble of the pipeline."""


@dataclass(frozen=True)
class Escalated:
    """Notifications of a run of escalations.

    Attributes:
        waited: What waited for its time: quiet hours, a group's wait.
        steps: Steps of escalations that are due.
    """

    waited: Sequence[Notification]
    steps: Sequence[Notification]


def evaluate(settings: Settings, troubles: pl.DataFrame, now: datetime) -> PendingResult:
    """Evaluate what was kept and not evaluated yet, and the pipeline's own state.

    Args:
        settings: The settings.
        troubles: What is wrong with the pipeline's runs (`self_monitoring.troubles`), rows of ``live.findings``.
        now: The instant of the decision.
    """
    store = kept_evaluations(settings)
    with open_ledger(settings) as ledger:
        own = own_state(settings, ledger, troubles, now)
        if own is not None:
            store.keep(own)
        return evaluate_pending(ledger, store, notification_rules(settings), now)


def own_state(
    settings: Settings, ledger: Ledger, troubles: pl.DataFrame, now: datetime
) -> EvaluationInput | None:
    """The pipeline itself as an evaluation; None where nothing is wrong and nothing was."""
    damaged = kept_evaluations(settings).set_aside_since(now - DAMAGE_TOLD)
    sinks = sink_troubles(failing_sinks(settings, ledger, now), settings.organisation.zone, now)
    missed = unreached_recipients(unreached(settings, ledger), now)
    found = pl.concat([troubles, sinks, missed, unreadable_evaluations(damaged, now)])
    is_known = any(
        is_pipeline(alert.family) and (alert.is_active or alert.state == "pending")
        for alert in ledger.lifecycle_state(now).alerts.values()
    )
    return EvaluationInput(as_of=now, source="pipeline", findings=found) if found.height or is_known else None


def delivery_troubles(settings: Settings, now: datetime) -> pl.DataFrame:
    """Sinks that fail now, as the next evaluation will find them."""
    if not settings.notifications.sinks:
        return live.FINDINGS.empty()
    with open_ledger(settings) as ledger:
        return sink_troubles(failing_sinks(settings, ledger, now), settings.organisation.zone, now)


def escalate(settings: Settings, now: datetime) -> Escalated:
    """Decide again what waited for its time, then the steps of escalations that are due."""
    rules = notification_rules(settings)
    with open_ledger(settings) as ledger:
        waited = ledger.notify(rules, now).notifications
        return Escalated(waited, ledger.escalate(rules, now))


def is_step_due(settings: Settings, now: datetime) -> bool:
    """Whether a step of an escalation, or what waited for its time, is due."""
    with open_ledger(settings) as ledger:
        return ledger.is_due(now)
