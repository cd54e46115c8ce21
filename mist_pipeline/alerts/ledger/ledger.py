"""The ledger: what happened, who was notified of it and what people did; transactional, shared by several processes.

Here: every change. Each is one transaction, in which events and rows of the outbox are committed together. Not here:
questions (`reader`), sending (`outbox` leases the rows, ``delivery`` sends them), rules (``lifecycle``, ``notify``), SQL
dialects (`database`).
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.ledger import escalations, impacts, pages, queries, tables
from mist_pipeline.alerts.ledger.database import migrate, open_engine, writing
from mist_pipeline.alerts.ledger.mapping import Row, incident_of, silence_of, silence_row
from mist_pipeline.alerts.ledger.reader import LedgerReader, NoSuchSubjectError
from mist_pipeline.alerts.ledger.times.set_back import set_back
from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState, evaluate
from mist_pipeline.alerts.lifecycle.grouping import acknowledge_incident, unacknowledge_incident
from mist_pipeline.alerts.lifecycle.lifecycle import acknowledge, resolve, unacknowledge
from mist_pipeline.alerts.lifecycle.model import Event, Incident, Withheld, withheld_detail
from mist_pipeline.alerts.lifecycle.observations import FAMILIES, EvaluationInput
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.notify.decision import VisibleIncident, visible_incidents
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, Stop
from mist_pipeline.alerts.notify.matchers import Labels
from mist_pipeline.alerts.notify.plan import Notification, plan
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.alerts.notify.silences import Silence
from mist_pipeline.domain.severity import Severity

Verdict = Literal["right", "wrong", "known", "planned", "too_late", "duplicate"]


@dataclass(frozen=True, kw_only=True)
class NotificationRules:
    """Everything that decides who is notified: configuration, and labels of the sites.

    Attributes:
        routes: In order.
        escalations: Policies by name.
        labels_by_site: Labels by site (`silences.site_labels`).
        windows: Maintenance windows of the configuration, besides the silences in the ledger.
        sinks: Those that hear of one that fails where no route leads to another.
        pagers: Those that call people.
    """

    routes: Sequence[Route]
    escalations: Mapping[str, EscalationPolicy] = field(default_factory=dict)
    labels_by_site: Mapping[str, Labels] = field(default_factory=dict)
    windows: Sequence[Silence] = ()
    sinks: Sequence[str] = ()
    pagers: Collection[str] = ()


@dataclass(frozen=True)
class Recorded:
    """What a transaction wrote.

    Attributes:
        events: Of alerts and incidents.
        notifications: What was put into the outbox.
        withheld: Incident → why no sink is notified of it for now.
    """

    events: tuple[Event, ...] = ()
    notifications: tuple[Notification, ...] = ()
    withheld: Mapping[str, Withheld] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What became of the ticket of an incident, as read back.

    Attributes:
        sink: Whose ticket.
        incident_id: Of which incident.
        ticket: Its key, for people.
        url: Where people see it.
        state: open, acknowledged or closed.
        who: Who made it so; hostile where rendered.
        is_by_person: Whether it was a person and not this program.
        acted_at: When that was; None where the ticket system does not say.
        resolution: How a person closed it, as the ticket system calls it; hostile where rendered.
    """

    sink: str
    incident_id: str
    ticket: str
    url: str = ""
    state: Literal["open", "acknowledged", "closed"]
    who: str = ""
    is_by_person: bool = False
    acted_at: datetime | None = None
    resolution: str = ""


class Ledger(LedgerReader):
    """One ledger. Safe to use from several threads and processes.

    Args:
        url: Path of an SQLite file, or a database URL.
        policy: Rules and times of the lifecycle; also how long what is over is remembered.
        new_id: Makes names of silences and tests.

    Raises:
        LedgerUnavailableError: It cannot be opened, or is of a later version.
    """

    def __init__(
        self,
        url: str | Path,
        policy: Policy | None = None,
        *,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex[:12],
    ) -> None:
        super().__init__(open_engine(url), policy or Policy())
        self._new_id = new_id
        migrate(self.engine)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def record_evaluation(
        self,
        evaluation: EvaluationInput,
        rules: NotificationRules | None = None,
        *,
        families: Mapping[str, str] = FAMILIES,
        origin: str | None = None,
        now: datetime | None = None,
    ) -> Recorded:
        """Evaluate, write the events and put the notifications into the outbox, in one transaction.

        An evaluation of an instant, or of an origin, that is in the ledger already is not made again, so that a run may
        be repeated.

        Args:
            evaluation: What was found.
            rules: Who is notified; None: nobody for now (`notify` makes up for it).
            families: Metric → family.
            origin: Name of the kept evaluation that this is. Those of two kinds may come in another order than that of their
                instants; with an origin, a late one is evaluated at the first instant after the newest.
            now: When notifications are decided; None: the instant of the evaluation.

        Raises:
            ValueError: The evaluation is older than the newest evaluation: that is for a replay.
        """
        with writing(self.engine) as connection:
            if origin is None and queries.is_evaluated(connection, evaluation.as_of):
                return Recorded()
            if origin is not None:
                if queries.is_recorded(connection, origin):
                    return Recorded()
                evaluation = replace(
                    evaluation,
                    as_of=queries.first_free_instant(connection, evaluation.as_of, evaluation.source),
                )
            state = queries.lifecycle_state(connection, self.policy, evaluation.as_of)
            _after, events = evaluate(state, evaluation, self.policy, families=families)
            queries.write(connection, state, events)
            connection.execute(
                sa.insert(tables.EVALUATIONS).values(
                    as_of=evaluation.as_of, source=evaluation.source, events=len(events), origin=origin
                )
            )
            recorded = (
                Recorded() if rules is None else self._notify(connection, rules, now or evaluation.as_of)
            )
            return replace(recorded, events=(*events, *recorded.events))

    def set_back_clock(self, now: datetime) -> None:
        """Set back what a clock that was wrong wrote down of times that have not come yet, so that it holds up nothing."""
        with writing(self.engine) as connection:
            set_back(connection, now)

    def notify(self, rules: NotificationRules, now: datetime) -> Recorded:
        """Decide about notifications without an evaluation: after silences, quiet hours, a decision of a person."""
        with writing(self.engine) as connection:
            return self._notify(connection, rules, now)

    def escalate(self, rules: NotificationRules, now: datetime) -> list[Notification]:
        """Put the steps of escalations that are due into the outbox; those that are not needed any more are cancelled."""
        with writing(self.engine) as connection:
            state = queries.lifecycle_state(
                connection, self.policy, now, also=escalations.called(connection, now)
            )
            seen = self._visible(connection, state, rules, now)
            return escalations.fire(connection, seen, now)

    def send_test(self, sinks: Iterable[str], severity: Severity, now: datetime) -> list[Notification]:
        """Put a message that says it is a test into the outbox, for each of these sinks; no incident comes of it."""
        notifications = [
            Notification(
                sink=sink,
                kind="test",
                incident_id=f"test-{self._new_id()}",
                reason="test",
                detail="",
                sequence=1,
                route="",
                severity=severity,
                site_ids=(),
                is_over=False,
            )
            for sink in sinks
        ]
        with writing(self.engine) as connection:
            queries.write_deliveries(connection, notifications, now)
        return notifications

    def acknowledge(self, incident_id: str, by: str, at: datetime) -> list[Event]:
        """A person acknowledges an incident and its alerts, which ends its escalations; a second time changes nothing.

        Raises:
            NoSuchSubjectError: There is no such incident.
        """
        with writing(self.engine) as connection:
            return self._acknowledge(connection, incident_id, by, at)

    def unacknowledge(self, incident_id: str, by: str, at: datetime) -> list[Event]:
        """An acknowledgement is taken back: the incident asks for a person anew; a second time changes nothing.

        Raises:
            NoSuchSubjectError: There is no such incident.
        """
        with writing(self.engine) as connection:
            return self._unacknowledge(connection, incident_id, by, at)

    def resolve(self, incident_id: str, by: str, at: datetime) -> list[Event]:
        """A person says that an incident is over, with all of its alerts.

        Raises:
            NoSuchSubjectError: There is no such incident.
        """
        with writing(self.engine) as connection:
            incident, state = self._incident(connection, incident_id, at)
            events = [event for name in incident.alert_ids for event in resolve(state.alerts[name], by, at)]
            if incident.is_active:
                number = incident.version + 1
                events.append(Event("incident", incident_id, number, at, "resolved", {}))
            queries.write(connection, state, events)
            escalations.cancel(connection, incident_id, Stop("closed", by))
            return events

    def add_silence(self, silence: Silence) -> Silence:
        """Keep a silence; one without a name gets one."""
        named = silence if silence.silence_id else replace(silence, silence_id=self._new_id())
        with writing(self.engine) as connection:
            connection.execute(sa.insert(tables.SILENCES).values(silence_row(named)))
        return named

    def end_silence(self, silence_id: str, now: datetime) -> Silence:
        """End a silence now; `notify` sends what it held back.

        Raises:
            NoSuchSubjectError: There is no such silence.
        """
        with writing(self.engine) as connection:
            found = queries.one(connection, tables.SILENCES, tables.SILENCES.c.silence_id == silence_id)
            if found is None:
                raise NoSuchSubjectError(f"no silence {silence_id!r}")
            silence = silence_of(found)
            if silence.ends_at is not None and silence.ends_at <= now:
                return silence
            mine = tables.SILENCES.c.silence_id == silence_id
            if now <= silence.starts_at:
                connection.execute(sa.delete(tables.SILENCES).where(mine))
                return silence
            connection.execute(sa.update(tables.SILENCES).where(mine).values(ends_at=now))
            return replace(silence, ends_at=now)

    def add_feedback(
        self,
        verdict: Verdict,
        by: str,
        at: datetime,
        *,
        alert_id: str | None = None,
        incident_id: str | None = None,
        comment: str = "",
    ) -> None:
        """What a person thinks of an alert or an incident.

        Raises:
            NoSuchSubjectError: Neither is named, or it does not exist.
        """
        with writing(self.engine) as connection:
            wanted = (tables.ALERTS.c.alert_id == alert_id, tables.INCIDENTS.c.incident_id == incident_id)
            known = any(
                queries.one(connection, table, where) is not None
                for table, where in zip((tables.ALERTS, tables.INCIDENTS), wanted, strict=True)
            )
            if not known:
                raise NoSuchSubjectError(
                    f"no alert {alert_id!r} or incident {incident_id!r} to give feedback on"
                )
            row = {"verdict": verdict, "by": by, "at": at, "comment": comment}
            connection.execute(
                sa.insert(tables.FEEDBACK).values(**row, alert_id=alert_id, incident_id=incident_id)
            )

    def record_ticket(self, ticket: Ticket, at: datetime) -> list[Event]:
        """What became of a ticket; one that a person took or closed since the incident asks acknowledges it.

        Raises:
            NoSuchSubjectError: There is no such incident.
        """
        with writing(self.engine) as connection:
            mine = (tables.TICKETS.c.sink == ticket.sink) & (
                tables.TICKETS.c.incident_id == ticket.incident_id
            )
            before = queries.one(connection, tables.TICKETS, mine)
            connection.execute(sa.delete(tables.TICKETS).where(mine))
            row = {
                name: getattr(ticket, name)
                for name in ("sink", "incident_id", "ticket", "url", "state", "who", "resolution")
            }
            connection.execute(sa.insert(tables.TICKETS).values(**row, read_at=at))
            if not ticket.is_by_person or ticket.state == "open":
                return []
            asking = queries.one(
                connection, tables.INCIDENTS, tables.INCIDENTS.c.incident_id == ticket.incident_id
            )
            if asking is not None and not _is_news(ticket, before, incident_of(asking)):
                return []
            return self._acknowledge(connection, ticket.incident_id, ticket.who or ticket.sink, at)

    def record_page(self, news: pages.PageNews, at: datetime) -> list[Event]:
        """What people did with a page in a pager: incidents of ours in it are acknowledged, or are so no longer.

        What is told twice, or later than what followed it, changes nothing.
        """
        events: list[Event] = []
        with writing(self.engine) as connection:
            for row in pages.record(connection, news, at):
                name = row["incident_id"]
                incident, _state = self._incident(connection, name, at)
                if pages.takes(row, incident):
                    changed = self._acknowledge(connection, name, row["who"], at)
                elif pages.gives_back(connection, row, incident):
                    changed = self._unacknowledge(connection, name, row["who"], at)
                else:
                    continue
                pages.note_change(connection, row, at)
                events += changed
        return events

    def hear(self, sink: str, event_id: str, at: datetime) -> bool:
        """Whether what a sink's receiver tells is told for the first time; remembered for three hours."""
        with writing(self.engine) as connection:
            return pages.is_first(connection, sink, event_id, at)

    def record_impacts(self, found: Iterable[Impact]) -> None:
        """What was learnt of the size of incidents; all of it or nothing."""
        with writing(self.engine) as connection:
            impacts.write(connection, found)

    def _acknowledge(self, connection: Connection, incident_id: str, by: str, at: datetime) -> list[Event]:
        incident, state = self._incident(connection, incident_id, at)
        events = [*acknowledge_incident(incident, state.alerts, by, at)]
        for name in incident.alert_ids if events else ():
            events += acknowledge(state.alerts[name], by, at)
        queries.write(connection, state, events)
        if events:
            escalations.cancel(connection, incident_id, Stop("acknowledged", by), stops_when="acknowledged")
        return events

    def _unacknowledge(self, connection: Connection, incident_id: str, by: str, at: datetime) -> list[Event]:
        incident, state = self._incident(connection, incident_id, at)
        events = unacknowledge_incident(incident, by, at)
        for name in incident.alert_ids if events else ():
            events += unacknowledge(state.alerts[name], by, at)
        queries.write(connection, state, events)
        return events

    def _incident(
        self, connection: Connection, incident_id: str, now: datetime
    ) -> tuple[Incident, LifecycleState]:
        """An incident and all of its alerts, however old they are."""
        state = queries.lifecycle_state(connection, self.policy, now, also=[incident_id])
        if incident_id not in state.incidents:
            raise NoSuchSubjectError(f"no incident {incident_id!r}")
        return state.incidents[incident_id], state

    def _visible(
        self, connection: Connection, state: LifecycleState, rules: NotificationRules, now: datetime
    ) -> Mapping[str, VisibleIncident]:
        known = [*queries.silences(connection, now), *rules.windows]
        return visible_incidents(state, known, rules.labels_by_site, now)

    def _notify(self, connection: Connection, rules: NotificationRules, now: datetime) -> Recorded:
        state = queries.lifecycle_state(connection, self.policy, now, also=queries.awaiting_end(connection))
        seen = self._visible(connection, state, rules, now)
        planned = plan(
            seen.values(),
            queries.last_notifications(connection, seen),
            rules.routes,
            now,
            queries.held(connection),
            rules.sinks,
            rules.pagers,
        )
        queries.write_notifications(connection, planned.notifications, now)
        queries.write_held(connection, planned.held)
        events = _withholding(state.incidents.values(), planned.withheld, now)
        queries.write(connection, state, events)
        escalations.follow(connection, state.after(events), planned, rules.escalations, now)
        return Recorded(tuple(events), planned.notifications, planned.withheld)


def _is_news(ticket: Ticket, before: Row | None, incident: Incident) -> bool:
    """Whether a person has acted on a ticket since its incident last asked for one.

    An incident that came back, grew worse than what was taken, or goes on with the ticket of an earlier one, is not taken
    by the hand that has lain on the ticket since before.
    """
    if ticket.acted_at is not None:
        return ticket.acted_at >= incident.asks_since
    if incident.asks_since <= incident.opened_at:
        return True
    return before is None or (before["state"], before["who"]) != (ticket.state, ticket.who)


def _withholding(
    incidents: Iterable[Incident], withheld: Mapping[str, Withheld], now: datetime
) -> list[Event]:
    """Events where the reason changed, so that of every incident somebody was notified or it has its reason."""
    events: list[Event] = []
    for incident in incidents:
        reason = withheld.get(incident.incident_id)
        if incident.is_active and reason != incident.withheld:
            number, name = incident.version + 1, incident.incident_id
            events.append(Event("incident", name, number, now, "withheld", withheld_detail(reason)))
    return events
