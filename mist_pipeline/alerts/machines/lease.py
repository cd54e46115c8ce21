"""The lease: who has it is the active machine, for so long that all of its processes have ended before another can have it.

A row, not a lock of a session: such a lock goes with its connection while whoever had it works on, and stays with a machine that
is paused or cut off. A lease that is not renewed runs out by the clock of the database; the clocks of the machines decide nothing. Every lease has a
higher *term* than all before it, so that what began under an earlier one is recognised (a fencing token). One that ran out is never renewed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mist_pipeline.alerts.ledger.database import reading
from mist_pipeline.alerts.ledger.tables import LEASES, MACHINES

LEASE = timedelta(seconds=40)
"""How long a lease is valid from its last renewal: a restart of the database, and a machine that is much too busy, take less."""

HOLD_SECONDS = 30.0
"""So long after the last renewal was asked for, everything that needs the lease has ended: well before another machine can have it."""

RENEWALS = 6
"""So many renewals are tried in that time."""

ANSWER_SECONDS = 5
"""How long the database may take: a renewal that hangs must not keep the next from being tried on another connection."""

HERE = timedelta(seconds=30)
"""A machine that was seen so recently is there."""

FORGOTTEN = timedelta(days=7)
"""A machine that was not seen for so long was replaced."""

_DAEMON = "daemon"


class MachineNameTakenError(OSError):
    """Another machine that is there has the same host name."""


@dataclass(frozen=True)
class Machine:
    """A machine with a daemon.

    Attributes:
        name: Its host name.
        since: When its daemon was started.
        seen_at: When it was last seen.
        is_here: Whether that was just now.
    """

    name: str
    since: datetime
    seen_at: datetime
    is_here: bool


@dataclass(frozen=True)
class Machines:
    """Who is there.

    Attributes:
        at: When this was asked, by the clock of the database.
        active: Name of the active one, '' while there is none.
        since: Since when; of the last one where there is none now; None: there never was one.
        term: Number of its lease; 0: there never was one.
        every: All that were seen lately, by name.
    """

    at: datetime
    active: str = ""
    since: datetime | None = None
    term: int = 0
    every: tuple[Machine, ...] = ()

    @property
    def standbys(self) -> tuple[Machine, ...]:
        """Those that would take over."""
        return tuple(one for one in self.every if one.is_here and one.name != self.active)


class Lease:
    """The lease as one machine sees it.

    Args:
        engine: Of the ledger.
        machine: Host name of this machine.
        process: Its daemon, and which start of the machine (``workflows.running.processes``).
        clock: Instead of the database's.
        length: How long a lease is valid from its last renewal.
    """

    def __init__(
        self,
        engine: Engine,
        machine: str,
        process: str,
        clock: Callable[[], datetime] | None = None,
        length: timedelta = LEASE,
    ) -> None:
        self._engine, self._machine, self._process = engine, machine, process
        self._clock, self._length = clock, length

    def appear(self, is_same_machine: Callable[[str], bool]) -> None:
        """Say that this machine is there.

        Args:
            is_same_machine: Whether a process is, or was, one of this machine.

        Raises:
            MachineNameTakenError: Another one is there under this name.
        """
        with self._changing() as connection:
            now = self._now(connection)
            mine = MACHINES.c.machine == self._machine
            known = connection.execute(sa.select(MACHINES).where(mine).with_for_update()).first()
            if known is None:
                connection.execute(sa.insert(MACHINES).values(**self._me(now), seen_at=now))
            elif known.process == self._process:
                connection.execute(sa.update(MACHINES).where(mine).values(seen_at=now))
            elif known.seen_at > now - HERE and not is_same_machine(known.process):
                raise MachineNameTakenError(
                    f"another machine is there that is also called {self._machine}: give each its own host name"
                )
            else:
                connection.execute(sa.update(MACHINES).where(mine).values(**self._me(now), seen_at=now))
            connection.execute(sa.delete(MACHINES).where(MACHINES.c.seen_at < now - FORGOTTEN))

    def claim(self) -> int | None:
        """Become the active machine if there is none; the term, or None where another one is active."""
        wanted = LEASES.c.lease == _DAEMON
        with self._changing() as connection:
            found = connection.execute(sa.select(LEASES).where(wanted).with_for_update()).first()
            # Asked behind the lock, for which this may have waited.
            now = self._now(connection)
            mine = {**self._me(now), "valid_until": now + self._length}
            if found is None:
                try:
                    with connection.begin_nested():
                        connection.execute(sa.insert(LEASES).values(lease=_DAEMON, term=1, **mine))
                except sa.exc.IntegrityError:  # another machine was the first
                    return None
                return 1
            if found.valid_until > now:
                return None
            term = int(found.term) + 1
            connection.execute(sa.update(LEASES).where(wanted).values(term=term, **mine))
            return term

    def renew(self, term: int) -> bool:
        """Stay the active machine; False where the lease ran out, or another one has it."""
        with self._changing() as connection:
            now = self._now(connection)
            mine = self._mine(term) & (LEASES.c.valid_until > now)
            changed = connection.execute(sa.update(LEASES).where(mine).values(valid_until=now + self._length))
            return changed.rowcount == 1

    def release(self, term: int) -> None:
        """Let another one have it at once; everything that needs it has ended."""
        with self._changing() as connection:
            now = self._now(connection)
            connection.execute(sa.update(LEASES).where(self._mine(term)).values(valid_until=now))

    def show(self, term: int) -> None:
        """Say here as well that this machine is the active one, where the lease itself is in another database: for whoever reads this one.

        What is shown of a later term stays while it is valid; what an earlier life of this database left behind runs out.
        """
        wanted = LEASES.c.lease == _DAEMON
        with self._changing() as connection:
            found = connection.execute(sa.select(LEASES).where(wanted).with_for_update()).first()
            now = self._now(connection)
            until = now + self._length
            if found is None:
                row = {**self._me(now), "term": term, "valid_until": until}
                connection.execute(sa.insert(LEASES).values(lease=_DAEMON, **row))
            elif found.term == term and found.process == self._process:
                connection.execute(sa.update(LEASES).where(wanted).values(valid_until=until))
            elif found.term < term or found.valid_until <= now:
                row = {**self._me(now), "term": term, "valid_until": until}
                connection.execute(sa.update(LEASES).where(wanted).values(**row))

    def leave(self) -> None:
        """Say that this machine is not there any more, as one that is switched off on purpose does."""
        with self._changing() as connection:
            mine = (MACHINES.c.machine == self._machine) & (MACHINES.c.process == self._process)
            connection.execute(sa.delete(MACHINES).where(mine))

    def _me(self, now: datetime) -> dict[str, object]:
        return {"machine": self._machine, "process": self._process, "since": now}

    def _mine(self, term: int) -> sa.ColumnElement[bool]:
        return (LEASES.c.lease == _DAEMON) & (LEASES.c.term == term) & (LEASES.c.process == self._process)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """A transaction that ends by itself where whoever began it is paused: its lock must not keep others from the lease."""
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
                    connection.exec_driver_sql(f"SET LOCAL {name} = '{ANSWER_SECONDS}s'")
            yield connection

    def _now(self, connection: Connection) -> datetime:
        return database_now(connection) if self._clock is None else self._clock()


def database_now(connection: Connection) -> datetime:
    """What time it is for the database, which all machines have in common; one in a file has this machine's clock."""
    if connection.dialect.name != "postgresql":
        return datetime.now(UTC)
    now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


def read_machines(engine: Engine, clock: Callable[[], datetime] | None = None) -> Machines:
    """Who is there.

    Args:
        engine: Of the ledger.
        clock: Instead of the database's.
    """
    with reading(engine) as connection:
        now = database_now(connection) if clock is None else clock()
        lease = connection.execute(sa.select(LEASES).where(LEASES.c.lease == _DAEMON)).first()
        rows = connection.execute(sa.select(MACHINES).order_by(MACHINES.c.machine)).all()
    every = tuple(
        Machine(row.machine, row.since, row.seen_at, is_here=row.seen_at > now - HERE) for row in rows
    )
    if lease is None:
        return Machines(now, every=every)
    active = lease.machine if lease.valid_until > now else ""
    return Machines(now, active=active, since=lease.since, term=lease.term, every=every)
