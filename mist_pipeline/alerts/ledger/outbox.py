"""The outbox: rows that wait for a sink, leased by workers, settled by what the sink answered.

At least once, in order, and as rarely twice as can be: a row is committed before anything is sent; a worker leases it,
which turns it to *sending*; if the worker dies, its lease runs out and the row is *unknown*: the next worker asks the sink
whether it arrived before sending it again. Rows of one incident to one sink go in the order in which they were decided;
one that is not settled holds up its followers and nothing else. What could not be sent before the incident was over is sent as
one message: its end. Where a receiver asks for a pause (``Retry-After``), the sink has it, and not one row: no process sends
it anything before. Critical incidents go first.

>>> patience = Patience(first_pause=timedelta(seconds=15), longest_pause=timedelta(minutes=30))
>>> [int(patience.pause(attempts).total_seconds()) for attempts in (1, 2, 3, 20)]
[15, 30, 60, 1800]

Not here: deciding (``notify``), and sending (``notification.worker``, ``delivery``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mist_pipeline.alerts.ledger import queries
from mist_pipeline.alerts.ledger.database import reading
from mist_pipeline.alerts.ledger.mapping import delivery_of
from mist_pipeline.alerts.ledger.tables import DELIVERIES, THREADS
from mist_pipeline.alerts.notify.outcome import Accepted, Delivery, Outcome, Partly, Refused, Unknown
from mist_pipeline.alerts.notify.plan import OVER

GIVEN_UP = "given up: "
"""How the error of a row begins that was tried for too long."""

OPEN_STATES = ("pending", "sending", "failed", "unknown")
"""Of rows that may still be sent, and hold up later ones; one that some recipients have (*partly*) does neither."""
_IS_WITHDRAWN = DELIVERIES.c.withdrawn_reason.is_not(None)
"""Not needed any more; one that is under way keeps its state, and is not sent again."""
_EARLIER, _OTHER, _HOLDING, _NEWS = map(DELIVERIES.alias, ("earlier", "other", "holding", "news"))
"""Made once: sensors ask every half minute whether a row is due, and a new alias of a wide table costs more than the question."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often and how long.

    Attributes:
        lease: A worker that has not settled a row by then is taken to be dead.
        first_pause: Before the second attempt; doubled for every further one …
        longest_pause: … up to this.
        longest_after_asked: … and up to this where the receiver says when it wants to be asked again, if that is sooner.
        max_attempts: Then the row is dead.
        expires_after: A row that could not be sent for so long is dead: old news helps no one.
    """

    lease: timedelta = timedelta(minutes=2)
    first_pause: timedelta = timedelta(seconds=15)
    longest_pause: timedelta = timedelta(minutes=30)
    longest_after_asked: timedelta = timedelta(minutes=2)
    max_attempts: int = 60
    expires_after: timedelta = timedelta(hours=24)

    def pause(self, attempts: int) -> timedelta:
        """How long to wait after so many attempts."""
        doublings = min(max(attempts - 1, 0), 20)
        return min(self.first_pause * (1 << doublings), self.longest_pause)


@dataclass(frozen=True)
class Done:
    """What became of one row.

    Attributes:
        delivery: The row as it was leased.
        outcome: What the sink answered.
        state: The row's state now; None if the lease ran out, or it is withdrawn.
    """

    delivery: Delivery
    outcome: Outcome
    state: str | None


class Outbox:
    """The rows of one ledger.

    Args:
        engine: Of the ledger.
        patience: How often and how long.
    """

    def __init__(self, engine: Engine, patience: Patience | None = None) -> None:
        self._engine = engine
        self._patience = patience or Patience()

    def lease(
        self, worker: str, now: datetime, *, limit: int = 20, sinks: Iterable[str] | None = None
    ) -> list[Delivery]:
        """Take rows that are due; no other worker gets them until the lease runs out.

        Args:
            worker: Who takes them; different for every process.
            now: The instant.
            limit: At most so many.
            sinks: Only for these.

        Returns:
            Rows of critical incidents first, then in the order in which they were decided. State *sending*: send it. State *unknown*: look it up.
        """
        mine = DELIVERIES
        wanted = sa.select(mine.c.delivery_id, mine.c.leased_until).where(_is_ready(now, sinks))
        ordered = wanted.order_by(sa.case((_is_urgent(), 0), else_=1), mine.c.delivery_id)
        chosen = ordered.limit(limit).with_for_update(skip_locked=True, of=mine)
        take = (
            sa.update(mine)
            .values(
                state=sa.case(
                    (mine.c.state.in_(["pending", "failed", "partly"]), "sending"), else_="unknown"
                ),
                attempts=mine.c.attempts + 1,
                leased_by=worker,
                leased_until=now + self._patience.lease,
            )
            .returning(mine)
        )
        with self._engine.begin() as connection:
            _join_ends(connection, now, sinks)
            # Who had a row before, and died, may have sent it as long as it was his.
            before = {row.delivery_id: row.leased_until for row in connection.execute(chosen)}
            if not before:
                return []
            rows = connection.execute(take.where(mine.c.delivery_id.in_(before))).mappings().all()
            known = queries.rows_in(connection, THREADS.c.incident_id, [row["incident_id"] for row in rows])
        references = {(row["sink"], row["incident_id"]): row["reference"] for row in known}
        taken = [
            replace(
                delivery_of(dict(row)),
                reference=references.get((row["sink"], row["incident_id"]), {}),
                unsure_since=before[row["delivery_id"]],
            )
            for row in rows
        ]
        order = list(before)
        return sorted(taken, key=lambda row: order.index(row.delivery_id))

    def holds(self, delivery: Delivery) -> bool:
        """Whether a leased row is still this worker's and still needed; asked right before it is sent."""
        mine = (
            (DELIVERIES.c.delivery_id == delivery.delivery_id)
            & (DELIVERIES.c.leased_by == delivery.leased_by)
            & (DELIVERIES.c.attempts == delivery.attempts)
            & DELIVERIES.c.state.in_(["sending", "unknown"])
            & ~_IS_WITHDRAWN
        )
        with reading(self._engine) as connection:
            return queries.one(connection, DELIVERIES, mine) is not None

    def held_until(self, sink: str, now: datetime) -> datetime | None:
        """Until when a receiver wants nothing from us; None if it may be sent something."""
        query = sa.select(sa.func.max(DELIVERIES.c.held_until)).where(
            (DELIVERIES.c.sink == sink) & (DELIVERIES.c.held_until > now)
        )
        with reading(self._engine) as connection:
            until: datetime | None = connection.execute(query).scalar()
        return until

    def settle(self, delivery: Delivery, outcome: Outcome, now: datetime) -> str | None:
        """Write down what the sink answered.

        Args:
            delivery: As it was leased.
            outcome: The answer.
            now: The instant.

        Returns:
            The row's state now; None if the lease ran out and another worker has it, or it is withdrawn.
        """
        values = self._after(delivery, outcome, now)
        mine = (
            (DELIVERIES.c.delivery_id == delivery.delivery_id)
            & (DELIVERIES.c.leased_by == delivery.leased_by)
            & (DELIVERIES.c.attempts == delivery.attempts)
        )
        # One that was withdrawn while it was being sent was sent all the same.
        open_states = (
            ["sending", "unknown", "dead"] if isinstance(outcome, Accepted) else ["sending", "unknown"]
        )
        mine &= DELIVERIES.c.state.in_(open_states)
        if not isinstance(outcome, Accepted):
            # An attempt that failed is the last one of what was withdrawn meanwhile.
            spared = {"failed": "dead", "partly": "sent"}.get(str(values["state"]), values["state"])
            values["last_error"] = sa.case(
                (_IS_WITHDRAWN, DELIVERIES.c.last_error), else_=values["last_error"]
            )
            values["state"] = sa.case((_IS_WITHDRAWN, spared), else_=values["state"])
        settled = sa.update(DELIVERIES).where(mine).values(**values)
        with self._engine.begin() as connection:
            found = connection.execute(
                settled.returning(DELIVERIES.c.state, DELIVERIES.c.withdrawn_reason)
            ).first()
            if found is None or (found.state == "dead" and found.withdrawn_reason is not None):
                return None
            if isinstance(outcome, Accepted) or (isinstance(outcome, Partly) and outcome.reference):
                _remember(connection, delivery, outcome.reference, now)
        return str(found.state)

    def work(
        self,
        sinks: Mapping[str, Callable[[Delivery], Outcome]],
        worker: str,
        clock: Callable[[], datetime],
        *,
        limit: int = 20,
    ) -> list[Done]:
        """Lease, hand over, settle; once around. Each sink fails alone.

        Args:
            sinks: Sink → what sends a row (state *sending*) or finds out about it (*unknown*); must not raise for what
                the other side does. Rows for other sinks stay where they are.
            worker: Name of this worker.
            clock: Tells the time; sending takes some.
            limit: At most so many rows; all of them must be sent before the lease runs out.
        """
        report: list[Done] = []
        for delivery in self.lease(worker, clock(), limit=limit, sinks=sinks):
            outcome = sinks[delivery.sink](delivery)
            report.append(Done(delivery, outcome, self.settle(delivery, outcome, clock())))
        return report

    def is_waiting(self, now: datetime, sinks: Iterable[str] | None = None) -> bool:
        """Whether a row is due, for any of these sinks where some are named."""
        with reading(self._engine) as connection:
            return queries.one(connection, DELIVERIES, _is_ready(now, sinks)) is not None

    def requeue(self, delivery_id: int, now: datetime) -> bool:
        """Try a dead row again, after a person has fixed what was wrong; says whether there was one."""
        mine = (DELIVERIES.c.delivery_id == delivery_id) & (DELIVERIES.c.state == "dead")
        again = (
            sa.update(DELIVERIES)
            .where(mine)
            .values(
                state="pending",
                due_at=now,
                created_at=now,
                attempts=0,
                last_error="",
                withdrawn_reason=None,
                leased_by=None,
                leased_until=None,
            )
        )
        with self._engine.begin() as connection:
            return connection.execute(again).rowcount == 1

    def _after(self, delivery: Delivery, outcome: Outcome, now: datetime) -> dict[str, object]:
        free: dict[str, object] = {"leased_by": None, "leased_until": None}
        pause = None if isinstance(outcome, Refused) else outcome.after_seconds
        if pause is not None:
            # Whatever becomes of the row: it says until when the whole sink is left alone.
            free["held_until"] = now + timedelta(seconds=pause)
        if isinstance(outcome, Accepted | Partly):
            free["payload"] = _with_answers(delivery, outcome)
        if isinstance(outcome, Accepted):
            return {
                **free,
                "state": "sent",
                "sent_at": now,
                "last_error": outcome.note,
                "withdrawn_reason": None,
            }
        is_old = now - delivery.created_at >= self._patience.expires_after
        if pause is None:
            is_hopeless = is_old or delivery.attempts >= self._patience.max_attempts
            due = now + self._patience.pause(delivery.attempts)
        else:
            # Who asks for a pause will answer again: attempts are not counted, and ours does not make it much longer.
            is_hopeless = is_old
            own = min(self._patience.pause(delivery.attempts), self._patience.longest_after_asked)
            due = now + max(own, timedelta(seconds=pause))
        if isinstance(outcome, Refused) or is_hopeless:
            why = outcome.error if isinstance(outcome, Refused) else f"{GIVEN_UP}{outcome.error}"
            return {**free, "state": "dead", "last_error": why}
        again = {**free, "due_at": due, "last_error": outcome.error}
        if not isinstance(outcome, Unknown):
            is_partly = isinstance(outcome, Partly) or bool(delivery.served)
            return {**again, "state": "partly" if is_partly else "failed"}
        since = delivery.unsure_since if outcome.is_older and delivery.unsure_since is not None else now
        return {**again, "state": "unknown", "leased_until": since}


def _is_ready(now: datetime, sinks: Iterable[str] | None) -> sa.ColumnElement[bool]:
    """Rows that a worker would get: due, leased by no worker, for one of the sinks, and behind none that is open."""
    mine, earlier, other, holding = DELIVERIES, _EARLIER, _OTHER, _HOLDING
    is_free = mine.c.leased_until.is_(None) | (mine.c.leased_until <= now)
    is_waiting = mine.c.state.in_(["pending", "failed", "partly", "unknown"]) & (mine.c.due_at <= now)
    is_due = is_waiting | (mine.c.state == "sending")
    is_next = ~sa.exists().where(
        (earlier.c.sink == mine.c.sink)
        & (earlier.c.incident_id == mine.c.incident_id)
        & (earlier.c.delivery_id < mine.c.delivery_id)
        & earlier.c.state.in_(OPEN_STATES)
    )
    # What is remembered of the incident is written by one at a time.
    is_alone = ~sa.exists().where(
        (other.c.sink == mine.c.sink)
        & (other.c.incident_id == mine.c.incident_id)
        & (other.c.delivery_id != mine.c.delivery_id)
        & (other.c.leased_until > now)
        & other.c.state.in_(["sending", "unknown"])
    )
    is_served = sa.true() if sinks is None else mine.c.sink.in_(list(sinks))
    is_open = mine.c.sink.not_in(sa.select(holding.c.sink).where(holding.c.held_until > now))
    return is_free & is_due & is_next & ((mine.c.state != "partly") | is_alone) & is_served & is_open


def _is_urgent() -> sa.ColumnElement[bool]:
    """Rows of critical incidents: what says so, and what it waits behind."""
    critical = sa.select(_NEWS.c.sink, _NEWS.c.incident_id).where(
        _NEWS.c.state.in_(OPEN_STATES)
        & _NEWS.c.reason.not_in(OVER)
        & (_NEWS.c.payload["severity"].as_string() == "critical")
    )
    return sa.tuple_(DELIVERIES.c.sink, DELIVERIES.c.incident_id).in_(critical)


def _with_answers(delivery: Delivery, outcome: Accepted | Partly) -> dict[str, object]:
    """The payload with what was said of each recipient, of those of earlier attempts the last word."""
    answers = {**delivery.answers, **outcome.answers}
    if not answers:
        return dict(delivery.payload)
    return {**delivery.payload, "answers": {name: asdict(answer) for name, answer in answers.items()}}


def _join_ends(connection: Connection, now: datetime, sinks: Iterable[str] | None) -> None:
    """Messages that surely were not sent, of an incident whose end waits behind them: the end alone is sent.

    Where nothing was ever sent about it, the end becomes the first message, which says what it was and that it is over.
    """
    mine, other = DELIVERIES, _OTHER
    is_served = sa.true() if sinks is None else mine.c.sink.in_(list(sinks))
    is_same = (other.c.sink == mine.c.sink) & (other.c.incident_id == mine.c.incident_id)
    is_fresh_end = (other.c.reason.in_(OVER)) & (other.c.state == "pending") & (other.c.attempts == 0)
    is_before = is_served & mine.c.state.in_(["pending", "failed"]) & mine.c.reason.not_in(OVER)
    # One that waits for its next attempt holds up its followers all the same.
    is_before &= mine.c.due_at <= now
    is_before &= sa.exists().where(is_same & is_fresh_end & (other.c.delivery_id > mine.c.delivery_id))
    withdrawn = (
        sa.update(mine)
        .where(is_before)
        .values(state="dead", withdrawn_reason="over", last_error="it was over before this could be sent")
        .returning(mine.c.sink, mine.c.incident_id)
    )
    for sink, incident_id in {(row.sink, row.incident_id) for row in connection.execute(withdrawn)}:
        is_end = (mine.c.sink == sink) & (mine.c.incident_id == incident_id)
        is_end &= (mine.c.reason == "all_resolved") & (mine.c.state == "pending") & (mine.c.attempts == 0)
        may_have_heard = sa.exists().where(is_same & other.c.state.in_(["sent", "sending", "unknown"]))
        connection.execute(sa.update(mine).where(is_end & ~may_have_heard).values(reason="first"))


def _remember(
    connection: Connection, delivery: Delivery, reference: Mapping[str, str], now: datetime
) -> None:
    mine = (THREADS.c.sink == delivery.sink) & (THREADS.c.incident_id == delivery.incident_id)
    connection.execute(sa.delete(THREADS).where(mine))
    row = {"sink": delivery.sink, "incident_id": delivery.incident_id}
    connection.execute(sa.insert(THREADS).values(**row, reference=dict(reference), updated_at=now))
