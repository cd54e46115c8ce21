"""The call budget: how many requests each token may still send this hour, shared by all processes of a machine.

One small SQLite file (WAL). Calls are leased in blocks, so that a call costs no transaction; unused leases go back
with `give_back`, and those of a process that dies are lost until the hour ends, which errs on the safe side. A fifth
of every token's hour is reserved for the live lane. Nothing here sends requests: `client` seeds the counts from the
cloud's ``/self/usage`` and reports what the cloud refused.

Tokens are known by fingerprint only; the file never holds one.
"""

import hashlib
import json
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mist_pipeline.domain.unwritable import why_unwritable
from mist_pipeline.mist.errors import BudgetExhausted, BudgetUnavailable, at_time

Lane = Literal["batch", "live"]

HOUR = 3600
DEFAULT_LIMIT = 5000
"""Calls per hour and token where the cloud has not said otherwise."""
LIVE_SHARE = 0.2
"""Part of every token's hour that the batch lane may not touch."""
_LARGEST_LEASE = 64
_BUSY_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hours (
    token TEXT NOT NULL, hour INTEGER NOT NULL, call_limit INTEGER NOT NULL,
    batch INTEGER NOT NULL DEFAULT 0, live INTEGER NOT NULL DEFAULT 0, elsewhere INTEGER NOT NULL DEFAULT 0,
    is_seeded INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (token, hour)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blocks (token TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
"""

_COUNT: dict[Lane, str] = {
    "batch": "UPDATE hours SET batch = max(0, batch + ?) WHERE token = ? AND hour = ?",
    "live": "UPDATE hours SET live = max(0, live + ?) WHERE token = ? AND hour = ?",
}


def fingerprint(base_url: str, token: str) -> str:
    """What a token is called in files and messages: 12 hex digits of a keyed hash; the same token at another cloud differs."""
    return hashlib.blake2b(f"{base_url} {token}".encode(), digest_size=6, person=b"mist-budget").hexdigest()


@dataclass(frozen=True)
class Counted:
    """Calls of one hour, over the tokens that were asked about.

    Attributes:
        hour: Epoch seconds of its beginning.
        batch: Of the batch lane, leases that were not given back among them.
        live: Of the live lane.
        elsewhere: Of others that use the same tokens, as the cloud said.
        limit: So many are allowed.
    """

    hour: int
    batch: int
    live: int
    elsewhere: int
    limit: int


def counted(path: Path, since: float, tokens: Collection[str] | None = None) -> list[Counted]:
    """What the file counted since an instant, by hour; nothing where there is no file. Waits for nobody.

    Args:
        path: The file.
        since: Epoch seconds.
        tokens: Fingerprints of those that are counted; None: all.

    Raises:
        BudgetUnavailable: The file cannot be read just now.
    """
    if not path.exists():
        return []
    wanted = None if tokens is None else json.dumps(sorted(tokens))
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as db:
            rows = db.execute(
                "SELECT hour, sum(batch), sum(live), sum(elsewhere), sum(call_limit) FROM hours WHERE hour >= ?"
                " AND (? IS NULL OR token IN (SELECT value FROM json_each(?))) GROUP BY hour ORDER BY hour",
                (int(since // HOUR), wanted, wanted),
            ).fetchall()
    except sqlite3.Error as error:
        raise BudgetUnavailable(f"{path.name} cannot be read: {error}") from error
    return [Counted(hour * HOUR, *numbers) for hour, *numbers in rows]


@dataclass
class _Hour:
    """One token's hour as the file has it."""

    limit: int
    batch: int
    live: int
    elsewhere: int
    is_seeded: bool
    blocked_until: float

    def room(self, lane: Lane) -> int:
        """Calls that this lane may still send; the batch lane leaves what the live lane has not used of its share."""
        left = self.limit - self.batch - self.live - self.elsewhere
        if lane == "batch":
            left -= max(0, round(self.limit * LIVE_SHARE) - self.live)
        return max(0, left)


@dataclass
class _Lease:
    """Calls of one token, lane and hour that are already counted in the file and not yet sent."""

    hour: int
    calls: int = 0
    size: int = 1


class CallBudget:
    """Calls per token and hour, shared by threads and processes through one file.

    Args:
        path: The SQLite file; made with its folder if absent.
        tokens: Fingerprints of the tokens (see `fingerprint`), in order of preference.
        limit_override: Calls per hour and token, whatever the cloud says (`mist.calls_per_hour`).
        clock: Epoch seconds.

    Raises:
        BudgetUnavailable: From every method, if the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        tokens: Sequence[str],
        *,
        limit_override: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not tokens:
            raise ValueError("a call budget needs at least one token")
        if limit_override is not None and limit_override < 1:
            raise ValueError("calls per hour must be at least 1")
        self.tokens = tuple(dict.fromkeys(tokens))
        self._path = Path(path)
        self._override = limit_override
        self._clock = clock
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._leases: dict[tuple[str, Lane], _Lease] = {}
        self._blocked: dict[str, float] = {}

    def acquire(self, lane: Lane) -> str:
        """Take one call: the fingerprint of the token that has the most room.

        Raises:
            BudgetExhausted: No token has room in this lane; `retry_at` is when the first one has again.
        """
        with self._locked():
            now = self._clock()
            hour = int(now // HOUR)
            for token in self.tokens:
                lease = self._leases.get((token, lane))
                if lease and lease.hour == hour and lease.calls and self._blocked.get(token, 0.0) <= now:
                    lease.calls -= 1
                    return token
            return self._lease(lane, now, hour)

    def give_back(self) -> None:
        """Return leased calls that were not sent, so that other processes can have them."""
        with self._locked():
            hour = int(self._clock() // HOUR)
            unused = [
                (key, lease) for key, lease in self._leases.items() if lease.calls and lease.hour == hour
            ]
            self._leases.clear()
            if unused:
                with self._transaction() as db:
                    for (token, lane), lease in unused:
                        db.execute(_COUNT[lane], (-lease.calls, token, hour))

    def remaining(self, lane: Lane) -> int:
        """Calls that this lane may still send in this hour, over all tokens, leases of this process included."""
        with self._locked():
            now = self._clock()
            hour = int(now // HOUR)
            leased = sum(
                lease.calls
                for (_, held), lease in self._leases.items()
                if held == lane and lease.hour == hour
            )
            with self._transaction() as db:
                hours = [self._read(db, token, hour) for token in self.tokens]
            return leased + sum(each.room(lane) for each in hours if each.blocked_until <= now)

    def calls_per_hour(self, lane: Lane) -> int:
        """What this lane gets in a whole fresh hour, over all tokens."""
        with self._locked(), self._transaction() as db:
            hour = int(self._clock() // HOUR)
            limits = [self._read(db, token, hour).limit for token in self.tokens]
        return sum(limit - round(limit * LIVE_SHARE) if lane == "batch" else limit for limit in limits)

    def needs_seed(self, token: str) -> bool:
        """Whether the cloud's own count of this hour is still unknown for the token."""
        with self._locked(), self._transaction() as db:
            return not self._read(db, token, int(self._clock() // HOUR)).is_seeded

    def seed(self, token: str, *, requests: int | None, request_limit: int | None) -> None:
        """Take over what ``/self/usage`` says of a token; None where the cloud would not say.

        Calls that the cloud counts and this file does not were made elsewhere with the same token; they lower the room.
        """
        with self._locked(), self._transaction() as db:
            hour = int(self._clock() // HOUR)
            row = self._read(db, token, hour)
            elsewhere = row.elsewhere if requests is None else max(0, requests - row.batch - row.live)
            db.execute(
                "UPDATE hours SET call_limit = ?, elsewhere = ?, is_seeded = 1 WHERE token = ? AND hour = ?",
                (self._override or request_limit or row.limit, elsewhere, token, hour),
            )

    def block(self, token: str, until: float) -> None:
        """The cloud has refused the token (429): no process uses it before this epoch second."""
        with self._locked():
            self._blocked[token] = max(until, self._blocked.get(token, 0.0))
            with self._transaction() as db:
                db.execute(
                    "INSERT INTO blocks (token, until) VALUES (?, ?)"
                    " ON CONFLICT (token) DO UPDATE SET until = max(until, excluded.until)",
                    (token, until),
                )

    def block_for_the_hour(self, token: str) -> float:
        """The cloud says that the token's hour is used up; returns the epoch second at which the next one begins."""
        until = float((int(self._clock() // HOUR) + 1) * HOUR)
        self.block(token, until)
        return until

    def close(self) -> None:
        """Give leases back and close the file."""
        self.give_back()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _lease(self, lane: Lane, now: float, hour: int) -> str:
        with self._transaction() as db:
            hours = {token: self._read(db, token, hour) for token in self.tokens}
            free = [token for token, row in hours.items() if row.blocked_until <= now and row.room(lane) > 0]
            if not free:
                retry_at = self._frees_at(hours, lane, now, hour)
                is_refused = any(row.room(lane) > 0 for row in hours.values())
                why = (
                    "the cloud refuses more calls for now"
                    if is_refused
                    else f"the calls of this hour are used up in the {lane} lane"
                )
                tokens = "the token" if len(hours) == 1 else f"all {len(hours)} tokens"
                raise BudgetExhausted(
                    f"{why} for {tokens}; there is room again at {at_time(retry_at)}", retry_at=retry_at
                )
            token = max(free, key=lambda each: hours[each].room(lane))
            lease = self._leases.get((token, lane))
            if lease is None or lease.hour != hour:
                lease = self._leases[token, lane] = _Lease(hour)
            room = hours[token].room(lane)
            # Small first and near the end, so that a process that needs few calls does not hoard what others need.
            taken = max(1, min(lease.size, room // 8))
            db.execute(_COUNT[lane], (taken, token, hour))
        lease.calls = taken - 1
        lease.size = min(_LARGEST_LEASE, lease.size * 2)
        return token

    @staticmethod
    def _frees_at(hours: dict[str, _Hour], lane: Lane, now: float, hour: int) -> float:
        next_hour = float((hour + 1) * HOUR)
        moments = [
            row.blocked_until
            if row.room(lane) > 0 and row.blocked_until > now
            else max(next_hour, row.blocked_until)
            for row in hours.values()
        ]
        return min(moments)

    def _read(self, db: sqlite3.Connection, token: str, hour: int) -> _Hour:
        """The row of a token's hour, made if absent; it starts with the last limit that was known."""
        query = (
            "SELECT call_limit, batch, live, elsewhere, is_seeded,"
            " coalesce((SELECT until FROM blocks b WHERE b.token = h.token), 0)"
            " FROM hours h WHERE token = ? AND hour = ?"
        )
        found = db.execute(query, (token, hour)).fetchone()
        if found is None:
            last = db.execute(
                "SELECT call_limit FROM hours WHERE token = ? ORDER BY hour DESC", (token,)
            ).fetchone()
            limit = self._override or (last[0] if last else DEFAULT_LIMIT)
            db.execute("INSERT INTO hours (token, hour, call_limit) VALUES (?, ?, ?)", (token, hour, limit))
            db.execute("DELETE FROM hours WHERE hour < ?", (hour - 24,))
            found = db.execute(query, (token, hour)).fetchone()
        limit, batch, live, elsewhere, is_seeded, blocked_until = found
        return _Hour(self._override or limit, batch, live, elsewhere, bool(is_seeded), blocked_until)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if os.getpid() != self._pid:  # a fork: connection, lock and leases belong to the parent
            self._pid, self._lock = os.getpid(), threading.Lock()
            self._connection, self._leases = None, {}
        with self._lock:
            yield

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            remedy = why_unwritable(self._path.parent) or (
                "if the file is damaged, delete it: it only counts the calls of this hour"
            )
            raise BudgetUnavailable(
                f"the call budget file {self._path} cannot be used: {error}; {remedy}"
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            use_wal(db)
            # Losing the last moments of a count in a power cut is no harm; a sync per lease would be.
            db.execute("PRAGMA synchronous = NORMAL")
            db.executescript(_SCHEMA)
            self._connection = db
        return self._connection


def use_wal(db: sqlite3.Connection, sleep: Callable[[float], object] = time.sleep) -> None:
    """Switch to WAL. SQLite does not wait for others at this one statement, so several starters take turns here."""
    for attempt in range(20):
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if attempt == 19:
                raise
            sleep(random.uniform(0.01, 0.1))  # noqa: S311 - spreads processes, guards nothing
        else:
            return
