"""Which messages an organisation would have been sent: the decisions of `plan` over the states of a replay.

Here: what the ledger keeps between decisions (who was told what, what quiet hours hold back), in memory. Nobody takes an
incident in a replay, so nothing is escalated and no message says that somebody took it. Not here: the decisions (`plan`), what a
replay is (``lifecycle.replay``).

>>> from datetime import UTC
>>> from mist_pipeline.alerts.lifecycle.evaluation import evaluate
>>> from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
>>> import polars as pl
>>> found = pl.DataFrame(
...     {"site_id": ["s1"], "metric": ["coverage"], "kind": ["evidence"], "severity": ["major"], "family": ["radio"],
...      "summary": ["Coverage is bad."], "evidence": ["{}"]}
... )
>>> at = datetime(2026, 3, 2, 10, tzinfo=UTC)
>>> state, events = evaluate(LifecycleState(), EvaluationInput(as_of=at, source="live", findings=found))
>>> messages = WouldBeMessages(routes=[Route(name="all", sinks=("mail", "chat"))])
>>> [(one.sink, one.reason) for one in messages.after(state, events, at)]
[('mail', 'first'), ('chat', 'first')]
>>> messages.after(state, [], at)  # they know
()
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState
from mist_pipeline.alerts.lifecycle.model import Event, Incident
from mist_pipeline.alerts.lifecycle.projection import fold_incidents
from mist_pipeline.alerts.notify.decision import LastNotification, visible_incidents
from mist_pipeline.alerts.notify.matchers import Labels
from mist_pipeline.alerts.notify.plan import Notification, NotificationKey, plan
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence


@dataclass
class WouldBeMessages:
    """Decides after every evaluation, and remembers what it decided.

    Attributes:
        routes: In order.
        labels_by_site: Labels by site (`silences.site_labels`).
        silences: Those of people and planned ones.
        sinks: As of `plan`.
        pagers: As of `plan`.
    """

    routes: Sequence[Route]
    labels_by_site: Mapping[str, Labels] = field(default_factory=dict)
    silences: Sequence[Silence] = ()
    sinks: Sequence[str] = ()
    pagers: Collection[str] = ()
    _told: dict[str, dict[str, LastNotification]] = field(default_factory=dict)
    _held: frozenset[NotificationKey] = frozenset()
    _to_end: dict[str, Incident] = field(default_factory=dict)

    def after(
        self, state: LifecycleState, events: Iterable[Event], now: datetime
    ) -> tuple[Notification, ...]:
        """The messages that go out now.

        Args:
            state: After an evaluation.
            events: What followed from it.
            now: Its instant.
        """
        # An incident whose alerts went elsewhere is in no state any more, and its end is still to be told.
        ended = [event for event in events if event.subject_id in self._to_end]
        going = {name: one for name, one in state.incidents.items() if one.is_active}
        asked = {**fold_incidents(ended, self._to_end), **going}
        seen = visible_incidents(replace(state, incidents=asked), self.silences, self.labels_by_site, now)
        last = {(sink, name): one for name in asked for sink, one in self._told.get(name, {}).items()}
        planned = plan(seen.values(), last, self.routes, now, self._held, self.sinks, self.pagers)
        self._held = planned.held
        for message in planned.notifications:
            for one in message.covers or (message,):
                self._told.setdefault(one.incident_id, {})[one.sink] = LastNotification(
                    at=now,
                    sequence=one.sequence,
                    severity=one.severity,
                    site_ids=frozenset(one.site_ids),
                    is_over=one.is_over,
                    worse_at=one.worse_at,
                )
        self._to_end = {
            name: incident
            for name, incident in asked.items()
            if any(not one.is_over for one in self._told.get(name, {}).values())
        }
        return planned.notifications
