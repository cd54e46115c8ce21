"""Evaluations of the past with a virtual clock: the same lifecycle over stored findings; nobody is notified.

Evaluations in, alerts and events as frames out:

>>> replay([]).alerts.columns[-5:]
['opened_at', 'resolved_at', 'began_at', 'last_bad_at', 'is_past']

Not here: where stored findings come from (``workflows``), and files (``cli``).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import polars as pl

from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState, evaluate
from mist_pipeline.alerts.lifecycle.model import Alert, Event
from mist_pipeline.alerts.lifecycle.observations import FAMILIES, EvaluationInput, Gathered
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.projection import fold_alerts

ALERT_COLUMNS: Mapping[str, pl.DataType] = {
    "alert_id": pl.String(),
    "incident_id": pl.String(),
    "site_id": pl.String(),
    "metric": pl.String(),
    "kind": pl.String(),
    "severity": pl.String(),
    "opened_at": pl.Datetime("us", "UTC"),
    "resolved_at": pl.Datetime("us", "UTC"),
    "began_at": pl.Datetime("us", "UTC"),
    "last_bad_at": pl.Datetime("us", "UTC"),
    "is_past": pl.Boolean(),
}
"""Columns of ``alerts.csv`` and of ``alerts list``: kind is the first finding's, severity the highest. Trouble lasted from
``began_at`` to ``last_bad_at`` (null while it goes on); ``is_past``: it was over before it was noticed."""

AT_A_TIME = 200
"""Evaluations that are gathered together."""

EVENT_COLUMNS: Mapping[str, pl.DataType] = {
    "at": pl.Datetime("us", "UTC"),
    "subject": pl.String(),
    "subject_id": pl.String(),
    "number": pl.Int64(),
    "kind": pl.String(),
    "detail": pl.String(),
}
"""Columns of ``events.csv``; detail is JSON."""


@dataclass(frozen=True)
class Replay:
    """What a replay gives.

    Attributes:
        events: In order.
        alerts: `ALERT_COLUMNS`, every alert that opened, by opening.
        families: Alert → metric family, of these.
    """

    events: tuple[Event, ...]
    alerts: pl.DataFrame
    families: Mapping[str, str]

    def event_frame(self) -> pl.DataFrame:
        """The events with `EVENT_COLUMNS`."""
        return event_frame(self.events)


@dataclass
class Replaying:
    """A replay under way, which takes evaluations as they come.

    Attributes:
        policy: Rules and times.
        families: Metric → family.
        state: What is known so far.
        events: What happened so far.
    """

    policy: Policy | None = None
    families: Mapping[str, str] = field(default_factory=lambda: FAMILIES)
    state: LifecycleState = field(default_factory=LifecycleState)
    events: list[Event] = field(default_factory=list)

    def take(
        self, evaluations: Sequence[EvaluationInput], gathered: Gathered | None = None
    ) -> Iterator[tuple[EvaluationInput, list[Event]]]:
        """What follows from more evaluations, one after another.

        Args:
            evaluations: In order of time.
            gathered: The same, gathered before; None: gathered now.

        Raises:
            ValueError: One comes before the last one.
        """
        policy = self.policy or Policy()
        gathered = gathered or Gathered(evaluations, self.families)
        for evaluation, observed in zip(evaluations, gathered.under(policy), strict=True):
            self.state, happened = evaluate(
                self.state, evaluation, policy, families=self.families, observed=observed
            )
            self.events += happened
            yield evaluation, happened

    def result(self) -> Replay:
        """What came of all so far."""
        alerts = fold_alerts(self.events)
        opened = {name: one.family for name, one in alerts.items() if one.opened_at is not None}
        return Replay(tuple(self.events), alert_frame(alerts.values(), homes(self.events)), opened)


def replay(
    evaluations: Iterable[EvaluationInput],
    policy: Policy | None = None,
    *,
    families: Mapping[str, str] = FAMILIES,
) -> Replay:
    """Run the lifecycle over evaluations of the past.

    Args:
        evaluations: In order of time; `AT_A_TIME` in memory, so that a long history need not fit there.
        policy: Rules and times.
        families: Metric → family.

    Raises:
        ValueError: Steps are out of order.
    """
    replaying = Replaying(policy, families)
    left = iter(evaluations)
    while batch := list(islice(left, AT_A_TIME)):
        for _ in replaying.take(batch):
            pass
    return replaying.result()


def homes(events: Iterable[Event]) -> dict[str, str]:
    """Alert id → id of the incident in which it is, or was last."""
    home: dict[str, str] = {}
    for event in events:
        if event.subject == "incident" and event.kind == "joined":
            members = event.detail["alert_ids"]
            if isinstance(members, list):
                home.update({str(name): event.subject_id for name in members})
    return home


def alert_frame(alerts: Iterable[Alert], home: Mapping[str, str]) -> pl.DataFrame:
    """Alerts that opened with `ALERT_COLUMNS`, by opening, site and metric.

    Args:
        alerts: Alerts; those that never opened are left out.
        home: Alert id → incident id.
    """
    rows = [
        (
            alert.alert_id,
            home.get(alert.alert_id),
            alert.site_id,
            alert.metric,
            alert.kind,
            alert.highest,
            alert.opened_at,
            alert.resolved_at,
            alert.began_at,
            alert.last_bad_at,
            alert.is_past,
        )
        for alert in alerts
        if alert.opened_at is not None
    ]
    return pl.DataFrame(rows, schema=dict(ALERT_COLUMNS), orient="row").sort(
        "opened_at", "site_id", "metric", "alert_id"
    )


def event_frame(events: Sequence[Event]) -> pl.DataFrame:
    """Events with `EVENT_COLUMNS`, in their order."""
    rows = [
        (event.at, event.subject, event.subject_id, event.number, event.kind, json.dumps(dict(event.detail)))
        for event in events
    ]
    return pl.DataFrame(rows, schema=dict(EVENT_COLUMNS), orient="row")
