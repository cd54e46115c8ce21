"""One evaluation of everything: the state before, and what an evaluation found, become events.

The live job, the daily job and a replay share this one pure function:

>>> from datetime import UTC
>>> import polars as pl
>>> found = pl.DataFrame(
...     {"site_id": ["s1"], "metric": ["coverage"], "kind": ["evidence"], "severity": ["major"], "family": ["radio"],
...      "summary": ["Coverage is bad."], "evidence": ["{}"]}
... )
>>> at = datetime(2026, 3, 2, 10, tzinfo=UTC)
>>> state, events = evaluate(LifecycleState(), EvaluationInput(as_of=at, source="live", findings=found))
>>> [(event.subject, event.kind) for event in events]
[('alert', 'pending'), ('alert', 'opened'), ('incident', 'opened'), ('incident', 'joined')]
>>> [incident.state for incident in state.incidents.values()]
['open']

Not here: the life of one alert (`lifecycle`), grouping (`grouping`), storing (``ledger``), notifying (``notify``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from mist_pipeline.alerts.lifecycle.grouping import group
from mist_pipeline.alerts.lifecycle.lifecycle import Moment, advance, remove
from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident
from mist_pipeline.alerts.lifecycle.observations import (
    FAMILIES,
    EvaluationInput,
    Observation,
    Observations,
    observe,
)
from mist_pipeline.alerts.lifecycle.parts import with_parts
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.projection import apply_to_alert, fold_alerts, fold_incidents
from mist_pipeline.alerts.lifecycle.returns import is_forgotten, is_second_problem
from mist_pipeline.alerts.lifecycle.signals import Key, Signal


@dataclass(frozen=True)
class LifecycleState:
    """What an evaluation needs to know of the past: alerts and incidents that are not over, or may come back.

    Attributes:
        as_of: The evaluation before; None before the first.
        alerts: By id.
        incidents: By id.
    """

    as_of: datetime | None = None
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    incidents: Mapping[str, Incident] = field(default_factory=dict)

    def after(self, events: Iterable[Event], as_of: datetime | None = None) -> "LifecycleState":
        """The state after these events."""
        events = list(events)
        return LifecycleState(
            as_of or self.as_of, fold_alerts(events, self.alerts), fold_incidents(events, self.incidents)
        )

    def without_forgotten(self, policy: Policy) -> "LifecycleState":
        """The state without what is over for so long that nothing can come back."""
        if self.as_of is None:
            return self
        alerts = {
            name: alert for name, alert in self.alerts.items() if not is_forgotten(alert, self.as_of, policy)
        }
        incidents = {
            name: incident
            for name, incident in self.incidents.items()
            if incident.is_active or any(alert_id in alerts for alert_id in incident.alert_ids)
        }
        return LifecycleState(self.as_of, alerts, incidents)


def evaluate(
    state: LifecycleState,
    evaluation: EvaluationInput,
    policy: Policy | None = None,
    *,
    families: Mapping[str, str] = FAMILIES,
    observed: Observations | None = None,
) -> tuple[LifecycleState, list[Event]]:
    """Everything that follows from one evaluation.

    Args:
        state: What is known so far.
        evaluation: What was found; its instant must be after that of the state, but for the pipeline's own state and for pushes,
            which are evaluated in between and do not say of any other site that it was looked at.
        policy: Rules and times.
        families: Metric → family.
        observed: What it shows under this policy, where it was gathered with others; None: gathered now.

    Returns:
        The state afterwards (without what is forgotten), and the events in order: alerts' by site and family, then
        incidents'. The same state and evaluation always give the same events.

    Raises:
        ValueError: The evaluation is not after the state's last evaluation, or a finding has no meaning.
    """
    is_of_all = evaluation.is_of_all_sites
    if is_of_all and state.as_of is not None and evaluation.as_of <= state.as_of:
        raise ValueError(
            f"the evaluation of {evaluation.as_of} comes after that of {state.as_of}; evaluations go forward in time, "
            "past ones belong in a replay"
        )
    policy = policy or Policy()
    current = _newest(state.alerts.values())
    observed = observed or observe(evaluation, policy, families)
    moment = Moment(evaluation=evaluation, previous=state.as_of if is_of_all else None, policy=policy)
    alerts, events = dict(state.alerts), list[Event]()
    gone = evaluation.removed_sites
    for alert in [one for one in alerts.values() if one.site_id in gone]:
        for event in remove(alert, evaluation.as_of):
            alerts[alert.alert_id] = apply_to_alert(alert, event)
            events.append(event)
    current = {key: alert for key, alert in current.items() if key[0] not in gone}
    beside = _beside(alerts.values(), gone)
    shown_now = with_parts(
        _without_repetitions(observed, current, beside, policy),
        (*current.values(), *chain.from_iterable(beside.values())),
        evaluation.as_of,
        policy,
        families,
    )
    for key, observation in shown_now.items():
        if key[0] in gone or not evaluation.is_about(key):
            continue
        shown = _shared_out(key, current.get(key), beside.get(key, []), observation, observed, policy)
        for known, seen, problem in shown:
            happened = advance(known, key, seen, moment, problem)
            for event in happened:
                alerts[event.subject_id] = apply_to_alert(alerts.get(event.subject_id), event)
            events += happened
    incidents, regrouped = group(
        state.incidents,
        alerts,
        [event.subject_id for event in events],
        observed.causes,
        at=evaluation.as_of,
        source=evaluation.source,
        policy=policy,
        site_count=evaluation.site_count,
    )
    after = LifecycleState(evaluation.as_of if is_of_all else state.as_of, alerts, incidents)
    return after.without_forgotten(policy), events + regrouped


def _newest(alerts: Iterable[Alert]) -> dict[Key, Alert]:
    """The alert of each problem that may go on."""
    newest: dict[Key, Alert] = {}
    for alert in alerts:
        if alert.problem:
            continue
        key = (alert.site_id, alert.family)
        known = newest.get(key)
        if known is None or alert.pending_since >= known.pending_since:
            newest[key] = alert
    return newest


def _beside(alerts: Iterable[Alert], gone: frozenset[str]) -> dict[Key, list[Alert]]:
    """The newest alert of each second problem, beside the first of their site and family."""
    newest: dict[tuple[Key, str], Alert] = {}
    for alert in sorted(alerts, key=lambda one: (one.pending_since, one.alert_id)):
        if alert.problem and alert.site_id not in gone:
            newest[(alert.site_id, alert.family), alert.problem] = alert
    found: dict[Key, list[Alert]] = {}
    for (key, _), alert in newest.items():
        found.setdefault(key, []).append(alert)
    return found


def _shared_out(
    key: Key,
    first: Alert | None,
    beside: list[Alert],
    observation: Observation,
    observed: Observations,
    policy: Policy,
) -> list[tuple[Alert | None, Observation, str]]:
    """Which alert of a site and family each excess is about; a second problem gets an alert of its own.

    Returns:
        Alert (None: a new one), what is seen of it, and the problem of a new one.
    """
    if not beside and key not in observed.second and (first is None or not first.is_active):
        return [(first, observation, "")]
    signals = [observation.signal, observed.second.get(key)]
    mine: dict[str, Signal | None] = {}
    left: list[Signal] = []
    for signal in (one for one in signals if one is not None):
        owner = next(
            (one for one in (first, *beside) if one is not None and set(one.series) & set(signal.series)),
            None,
        )
        if owner is not None:
            mine.setdefault(owner.alert_id, signal)
        else:
            left.append(signal)
    shown: list[tuple[Alert | None, Observation, str]] = []
    for signal in left:
        if first is not None and is_second_problem(first, signal, policy):
            if all(one.problem != signal.classifier for one in beside):
                levels = observed.levels_of(key, signal.series)
                seen = replace(observation, signal=signal, episodes=(), levels=levels)
                shown.append((None, seen, signal.classifier))
        else:
            # Where both are seen for the first time, the first problem opens the alert.
            mine.setdefault(first.alert_id if first else "", signal)
    main = replace(observation, signal=mine.get(first.alert_id if first else ""))
    others = [
        (
            one,
            replace(
                observed.about((one.site_id, one.family), one),
                signal=mine.get(one.alert_id),
                is_supported=False,
            ),
            one.problem,
        )
        for one in beside
    ]
    return [(first, main, ""), *others, *shown]


def _without_repetitions(
    observed: Observations, current: Mapping[Key, Alert], beside: Mapping[Key, list[Alert]], policy: Policy
) -> dict[Key, Observation]:
    """Observations without those that only repeat, for a site as a whole, what another alert of the site says."""
    # Of a site and family the first problem is looked at; where only a second one goes on, that one.
    known = (*chain.from_iterable(beside.values()), *current.values())
    going = [alert for alert in known if alert.is_active or alert.state == "pending"]
    every = observed.of(going)
    busy = {alert.site_id for alert in going if alert.family not in policy.site_wide_families}
    busy |= {
        site_id
        for (site_id, family), observation in every.items()
        if family not in policy.site_wide_families
        and observation.signal is not None
        and observation.signal.is_raising
    }
    held = {(alert.site_id, alert.family) for alert in going}
    return {
        key: observation
        for key, observation in every.items()
        if key in held or key[1] not in policy.site_wide_families or key[0] not in busy
    }
