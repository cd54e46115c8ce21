"""What can be asked of a ledger: incidents, messages, silences, what waits and what was given up.

Here: questions, each answered from one consistent view without locking out writers. Not here: everything that changes a ledger
(`ledger`), queries inside a transaction that changes it (`queries`), the form in which analysts get it (`export`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.alerts.ledger import escalations, impacts, pages, queries, sink_health, tables
from mist_pipeline.alerts.ledger.confirmed import confirmed_alerts
from mist_pipeline.alerts.ledger.database import check_version, open_engine, reading
from mist_pipeline.alerts.ledger.export import alert_list, copies, public_row
from mist_pipeline.alerts.ledger.mapping import Row, alert_of, delivery_of, event_of, incident_of
from mist_pipeline.alerts.ledger.outbox import OPEN_STATES
from mist_pipeline.alerts.ledger.sink_health import FailingSink, LastResult
from mist_pipeline.alerts.ledger.times.ahead import Ahead, ahead
from mist_pipeline.alerts.lifecycle.evaluation import LifecycleState
from mist_pipeline.alerts.lifecycle.model import Alert, Event, Incident
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.alerts.notify.silences import Silence


class NoSuchSubjectError(LookupError):
    """There is no alert, incident, silence or message of this id."""


FOLLOWED = timedelta(days=14)
FOLLOWED_EVERY = timedelta(hours=6)
"""How long after an incident, and how often, it is asked how people closed its ticket."""

_MOST_ANSWERED = 2_000
"""Newest messages that are read for the answers of their recipients."""


@dataclass(frozen=True, kw_only=True)
class Unreached:
    """A recipient that did not get the newest message to it, while others of the sink did.

    Attributes:
        sink: Name of the sink.
        recipient: Whom, as the sink calls it.
        said: What the receiver answered.
        since: When that message was decided.
        is_final: The receiver will never take it; else it is tried again.
    """

    sink: str
    recipient: str
    said: str
    since: datetime
    is_final: bool


ANSWER_SECONDS = 5
"""How long those who only look wait for a server, and for a lock of one that is brought to another version."""


@contextmanager
def reading_only(url: str | Path, policy: Policy) -> "Iterator[LedgerReader]":
    """The questions of a ledger for the time of the block; no writer is waited for, and nothing is made or migrated.

    Raises:
        LedgerUnavailableError: It is of another version, does not answer for some seconds, or its address is none.
    """
    engine = open_engine(url, answers_within=ANSWER_SECONDS)
    try:
        check_version(engine)
        yield LedgerReader(engine, policy)
    finally:
        engine.dispose()


class LedgerReader:
    """The questions that a ledger answers.

    Args:
        engine: Of a ledger that is of the current version.
        policy: How long what is over is remembered.
    """

    def __init__(self, engine: Engine, policy: Policy) -> None:
        self.engine = engine
        self.policy = policy

    def is_due(self, now: datetime) -> bool:
        """Whether a step of an escalation is due, or an incident waited for an instant that has come."""
        with reading(self.engine) as connection:
            if escalations.called(connection, now):
                return True
            is_active = tables.INCIDENTS.c.state.in_(["open", "acknowledged"])
            has_waited = is_active & (tables.INCIDENTS.c.withheld_until <= now)
            return queries.one(connection, tables.INCIDENTS, has_waited) is not None

    def failing_sinks(
        self, now: datetime, patience: timedelta, *, untried: bool = False
    ) -> list[FailingSink]:
        """Sinks that refuse their newest message or keep one waiting for longer than patience (`sink_health`)."""
        with reading(self.engine) as connection:
            return sink_health.failing_sinks(connection, now, patience, untried=untried)

    def waiting_messages(self) -> dict[str, int]:
        """Sink → messages that are not sent yet, those that some recipients wait for among them."""
        rows = tables.DELIVERIES.c
        is_open = rows.state.in_([*OPEN_STATES, "partly"]) & rows.withdrawn_reason.is_(None)
        query = sa.select(rows.sink, sa.func.count()).where(is_open).group_by(rows.sink).order_by(rows.sink)
        with reading(self.engine) as connection:
            return {sink: int(number) for sink, number in connection.execute(query).all()}

    def last_results(self) -> dict[str, LastResult]:
        """Sink → what became of its newest message that is settled (`sink_health`)."""
        with reading(self.engine) as connection:
            return sink_health.last_results(connection)

    def unreached(self) -> list[Unreached]:
        """Recipients whose newest answer is not that they have the message, by sink and name; a test can only end it."""
        rows = tables.DELIVERIES.c
        # As text, which SQLite and PostgreSQL both have of it; of messages without answers there are many more.
        has_answers = sa.cast(rows.payload, sa.Text).contains('"answers"', autoescape=True)
        query = sa.select(tables.DELIVERIES).where(has_answers).order_by(rows.delivery_id.desc())
        with reading(self.engine) as connection:
            found = [delivery_of(row) for row in queries.rows(connection, query.limit(_MOST_ANSWERED))]
        newest: dict[tuple[str, str], Unreached | None] = {}
        for delivery in found:
            for recipient, answer in delivery.answers.items():
                is_missed = answer.state != "accepted"
                if is_missed and delivery.kind == "test":
                    continue
                missed = Unreached(
                    sink=delivery.sink,
                    recipient=recipient,
                    said=answer.said,
                    since=delivery.created_at,
                    is_final=answer.state == "refused",
                )
                newest.setdefault((delivery.sink, recipient), missed if is_missed else None)
        return [missed for _, missed in sorted(newest.items(), key=lambda one: one[0]) if missed is not None]

    def silences(self, now: datetime | None = None) -> list[Silence]:
        """All silences, or those that are not over at an instant."""
        with reading(self.engine) as connection:
            return queries.silences(connection, now)

    def references(self, sinks: Iterable[str]) -> list[tuple[str, str, Mapping[str, str]]]:
        """Sink, incident and what the sink calls it, of incidents that go on; for asking what became of tickets."""
        active = tables.INCIDENTS.c.state.in_(["open", "acknowledged"])
        query = (
            sa.select(tables.THREADS)
            .join(tables.INCIDENTS, tables.INCIDENTS.c.incident_id == tables.THREADS.c.incident_id)
            .where(active & tables.THREADS.c.sink.in_(list(sinks)))
            .order_by(tables.THREADS.c.sink, tables.THREADS.c.incident_id)
        )
        with reading(self.engine) as connection:
            return [
                (row["sink"], row["incident_id"], row["reference"]) for row in queries.rows(connection, query)
            ]

    def closing_references(
        self, sinks: Iterable[str], now: datetime
    ) -> list[tuple[str, str, Mapping[str, str]]]:
        """As `references`, of incidents that ended in the last `FOLLOWED`: whoever closes their ticket says what it was.

        Only what nobody closed yet, and what was not read within `FOLLOWED_EVERY`.
        """
        incidents, threads, tickets = tables.INCIDENTS, tables.THREADS, tables.TICKETS
        mine = (tickets.c.sink == threads.c.sink) & (tickets.c.incident_id == threads.c.incident_id)
        is_due = tickets.c.read_at.is_(None) | (
            (tickets.c.read_at <= now - FOLLOWED_EVERY) & (tickets.c.state != "closed")
        )
        query = (
            sa.select(threads)
            .join(incidents, incidents.c.incident_id == threads.c.incident_id)
            .outerjoin(tickets, mine)
            .where(
                (incidents.c.state == "resolved")
                & (incidents.c.resolved_at > now - FOLLOWED)
                & threads.c.sink.in_(list(sinks))
                & is_due
            )
            .order_by(threads.c.sink, threads.c.incident_id)
        )
        with reading(self.engine) as connection:
            return [
                (row["sink"], row["incident_id"], row["reference"]) for row in queries.rows(connection, query)
            ]

    def knows_page(self, page: str) -> bool:
        """Whether an incident of ours is in a pager's incident of this name."""
        with reading(self.engine) as connection:
            return bool(pages.of_page(connection, page))

    def lifecycle_state(self, now: datetime) -> LifecycleState:
        """What goes on, and what may come back."""
        with reading(self.engine) as connection:
            return queries.lifecycle_state(connection, self.policy, now)

    def incident(self, incident_id: str) -> tuple[Incident, list[Alert], list[Event]]:
        """An incident with its alerts and their events, for people.

        Raises:
            NoSuchSubjectError: There is no such incident.
        """
        with reading(self.engine) as connection:
            found = queries.one(connection, tables.INCIDENTS, tables.INCIDENTS.c.incident_id == incident_id)
            if found is None:
                raise NoSuchSubjectError(f"no incident {incident_id!r}")
            incident = incident_of(found)
            mine = tables.ALERTS.c.alert_id.in_(incident.alert_ids)
            alerts = [alert_of(row) for row in queries.rows(connection, sa.select(tables.ALERTS).where(mine))]
            subjects = [incident_id, *incident.alert_ids]
            query = sa.select(tables.EVENTS).where(tables.EVENTS.c.subject_id.in_(subjects))
            ordered = query.order_by(tables.EVENTS.c.event_id)
            return incident, alerts, [event_of(row) for row in queries.rows(connection, ordered)]

    def incidents(self, states: Collection[str]) -> list[tuple[Incident, list[Alert]]]:
        """Incidents in these states with their alerts, by opening."""
        column = tables.INCIDENTS.c
        query = sa.select(tables.INCIDENTS).where(column.state.in_(list(states)))
        with reading(self.engine) as connection:
            return _with_alerts(connection, query.order_by(column.opened_at, column.incident_id))

    def newest_over(self, most: int) -> list[tuple[Incident, list[Alert]]]:
        """The incidents that were over last, the newest first, with their alerts."""
        column = tables.INCIDENTS.c
        query = sa.select(tables.INCIDENTS).where(column.state == "resolved")
        newest = query.order_by(column.resolved_at.desc(), column.incident_id).limit(most)
        with reading(self.engine) as connection:
            return _with_alerts(connection, newest)

    def over_between(self, since: datetime, until: datetime) -> list[tuple[Incident, list[Alert]]]:
        """Incidents that are over and were opened or resolved after one instant and not after another, by opening."""
        column = tables.INCIDENTS.c
        query = sa.select(tables.INCIDENTS).where(
            (column.state == "resolved")
            & (
                ((column.opened_at > since) & (column.opened_at <= until))
                | ((column.resolved_at > since) & (column.resolved_at <= until))
            )
        )
        with reading(self.engine) as connection:
            return _with_alerts(connection, query.order_by(column.opened_at, column.incident_id))

    def of_site(
        self, site_id: str, since: datetime, *, others: bool = True
    ) -> list[tuple[Incident, list[Alert]]]:
        """Incidents with an alert of a site that go on or were over after an instant, the newest first; merged ones are left out.

        Args:
            site_id: The site.
            since: The instant.
            others: Also their alerts of other sites, of which there may be thousands.
        """
        mine = sa.select(tables.ALERTS.c.incident_id).where(tables.ALERTS.c.site_id == site_id)
        column = tables.INCIDENTS.c
        is_there = column.state.in_(["open", "acknowledged"]) | (column.resolved_at > since)
        query = sa.select(tables.INCIDENTS).where(
            column.incident_id.in_(mine) & is_there & (column.state != "merged")
        )
        with reading(self.engine) as connection:
            ordered = query.order_by(column.opened_at.desc(), column.incident_id)
            if others:
                return _with_alerts(connection, ordered)
            found = [incident_of(row) for row in queries.rows(connection, ordered)]
            own = sa.select(tables.ALERTS).where(tables.ALERTS.c.site_id == site_id)
            alerts: dict[str | None, list[Alert]] = {}
            for row in queries.rows(connection, own.order_by(tables.ALERTS.c.alert_id)):
                alerts.setdefault(row["incident_id"], []).append(alert_of(row))
        return [(incident, alerts.get(incident.incident_id, [])) for incident in found]

    def tickets(self, incident_ids: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
        """Incident → its tickets: what the system calls each, and its address ('' where none is known)."""
        with reading(self.engine) as connection:
            found = queries.rows_in(connection, tables.TICKETS.c.incident_id, incident_ids)
        tickets: dict[str, list[tuple[str, str]]] = {}
        for row in sorted(found, key=lambda row: str(row["sink"])):
            tickets.setdefault(row["incident_id"], []).append((row["ticket"], row["url"]))
        return tickets

    def notified(self, incident_ids: Iterable[str]) -> dict[str, list[tuple[str, datetime]]]:
        """Incident → sinks that were notified of it, each with the instant of its newest message."""
        with reading(self.engine) as connection:
            found = queries.rows_in(connection, tables.LAST_NOTIFICATIONS.c.incident_id, incident_ids)
        notified: dict[str, list[tuple[str, datetime]]] = {}
        for row in sorted(found, key=lambda row: str(row["sink"])):
            notified.setdefault(row["incident_id"], []).append((row["sink"], row["at"]))
        return notified

    def impacts(self, incident_ids: Iterable[str]) -> dict[str, list[Impact]]:
        """Incident → its newest size: the whole first, then each place that was asked; nothing where nobody asked yet."""
        with reading(self.engine) as connection:
            return impacts.newest(connection, incident_ids)

    def find(self, beginning: str) -> dict[str, str]:
        """Incidents and alerts whose id begins so: id → its incident's id; a whole id finds itself alone."""
        incident, alert = tables.INCIDENTS.c, tables.ALERTS.c
        incidents = sa.select(incident.incident_id).where(_begins(incident.incident_id, beginning))
        is_mine = _begins(alert.alert_id, beginning) & alert.incident_id.is_not(None)
        alerts = sa.select(alert.alert_id, alert.incident_id).where(is_mine)
        with reading(self.engine) as connection:
            found = {row["alert_id"]: row["incident_id"] for row in queries.rows(connection, alerts)}
            found |= {name: name for name in connection.execute(incidents).scalars()}
        whole = beginning.lower()
        return {whole: found[whole]} if whole in found else dict(sorted(found.items()))

    def alert_ids(self, alert_state: str) -> list[str]:
        """Alerts in a state."""
        query = sa.select(tables.ALERTS.c.alert_id).where(tables.ALERTS.c.state == alert_state)
        with reading(self.engine) as connection:
            return list(connection.execute(query).scalars())

    def records(self, incident_id: str) -> dict[str, list[Row]]:
        """Messages, escalations, tickets and feedback of an incident: public rows by the names of their tables, in order.

        Among its deliveries are the digests that cover it, among its feedback that on its alerts.
        """
        alerts = sa.select(tables.ALERTS.c.alert_id).where(tables.ALERTS.c.incident_id == incident_id)
        sent, thought = tables.DELIVERIES.c, tables.FEEDBACK.c
        wanted: dict[sa.Table, sa.ColumnElement[bool]] = {
            tables.DELIVERIES: (sent.incident_id == incident_id) | (sent.kind == "digest"),
            tables.FEEDBACK: (thought.incident_id == incident_id) | thought.alert_id.in_(alerts),
        }
        for table in (tables.ESCALATIONS, tables.TICKETS, tables.THREADS):
            wanted[table] = table.c.incident_id == incident_id
        with reading(self.engine) as connection:
            found = {
                table: queries.rows(
                    connection, sa.select(table).where(where).order_by(*table.primary_key.columns)
                )
                for table, where in wanted.items()
            }
        found[tables.DELIVERIES] = [
            row for row in found[tables.DELIVERIES] if row["kind"] != "digest" or _covers(row, incident_id)
        ]
        return {table.name: [public_row(table, row) for row in rows] for table, rows in found.items()}

    def reference(self, sink: str, incident_id: str) -> dict[str, str]:
        """What a sink remembers of an incident: recipient → where its message is; empty where it has sent none."""
        of_sink = tables.THREADS.c.sink == sink
        with reading(self.engine) as connection:
            found = queries.one(
                connection, tables.THREADS, of_sink & (tables.THREADS.c.incident_id == incident_id)
            )
        return dict(found["reference"]) if found else {}

    def given_up(self) -> list[Delivery]:
        """Messages that were not sent and will not be, in order; not those that were withdrawn."""
        rows = tables.DELIVERIES.c
        is_dead = (rows.state == "dead") & rows.withdrawn_reason.is_(None)
        query = sa.select(tables.DELIVERIES).where(is_dead).order_by(rows.delivery_id)
        with reading(self.engine) as connection:
            return [delivery_of(row) for row in queries.rows(connection, query)]

    def delivery(self, delivery_id: int) -> Delivery:
        """One message.

        Raises:
            NoSuchSubjectError: There is no such message.
        """
        with reading(self.engine) as connection:
            found = queries.one(connection, tables.DELIVERIES, tables.DELIVERIES.c.delivery_id == delivery_id)
        if found is None:
            raise NoSuchSubjectError(f"no message {delivery_id}")
        return delivery_of(found)

    def events(self) -> list[Event]:
        """Every event, in order; everything else follows from them."""
        with reading(self.engine) as connection:
            query = sa.select(tables.EVENTS).order_by(tables.EVENTS.c.event_id)
            return [event_of(row) for row in queries.rows(connection, query)]

    def newest_event(self) -> int:
        """Number of the newest event; 0 without one."""
        with reading(self.engine) as connection:
            return int(connection.execute(sa.select(sa.func.max(tables.EVENTS.c.event_id))).scalar() or 0)

    def frames(self) -> dict[str, pl.DataFrame]:
        """Copies for the warehouse: alerts, events, incidents, deliveries, tickets, escalations, silences, feedback."""
        return copies(self.engine)

    def alert_frame(self) -> pl.DataFrame:
        """Every alert that ever opened, with the columns of a replay."""
        return alert_list(self.engine)

    def confirmed_alerts(self) -> pl.DataFrame:
        """Alerts of sites that people have confirmed as real trouble, and since when (`confirmed`)."""
        return confirmed_alerts(self.engine)

    def origins(self) -> dict[str, datetime]:
        """Kept evaluation → the instant at which it was recorded."""
        query = sa.select(tables.EVALUATIONS).where(tables.EVALUATIONS.c.origin.is_not(None))
        with reading(self.engine) as connection:
            return {row["origin"]: row["as_of"] for row in queries.rows(connection, query)}

    def newest_origins(self) -> dict[str, str]:
        """Source → the newest kept evaluation of it that is recorded."""
        taken = tables.EVALUATIONS.c.origin
        query = sa.select(tables.EVALUATIONS.c.source, sa.func.max(taken).label("origin"))
        query = query.where(taken.is_not(None)).group_by(tables.EVALUATIONS.c.source)
        with reading(self.engine) as connection:
            return {row["source"]: row["origin"] for row in queries.rows(connection, query)}

    def ahead(self, now: datetime) -> Ahead | None:
        """What the ledger says of times that have not come yet; None where its times are right."""
        with reading(self.engine) as connection:
            return ahead(connection, now)

    def last_evaluation(self) -> datetime | None:
        """Instant of the newest evaluation of the sites."""
        with reading(self.engine) as connection:
            return queries.last_evaluation(connection)


def _with_alerts(connection: sa.Connection, query: sa.Select[Any]) -> list[tuple[Incident, list[Alert]]]:
    """The incidents of a query, in its order, with their alerts."""
    found = [incident_of(row) for row in queries.rows(connection, query)]
    names = [name for incident in found for name in incident.alert_ids]
    rows = queries.rows_in(connection, tables.ALERTS.c.alert_id, names)
    alerts = {row["alert_id"]: alert_of(row) for row in rows}
    return [(incident, [alerts[name] for name in incident.alert_ids if name in alerts]) for incident in found]


def _begins(column: sa.Column[str], beginning: str) -> sa.ColumnElement[bool]:
    """Whether an id begins so; ids are small letters and digits."""
    return column.startswith(beginning.lower(), autoescape=True)


def _covers(digest: Row, incident_id: str) -> bool:
    """Whether a row of the outbox that is a digest covers an incident."""
    return any(one["incident_id"] == incident_id for one in digest["payload"]["covers"])
