"""Keeping up to date how several organisations stand, so that a list of fifty is there at once.

Only what is new is read: each time a few files are looked at, and an organisation is asked when one of them is another one, when its data
has become old, or after some minutes, since sinks fail by the clock. What was read for that is not kept; a line of the list is.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mist_pipeline.domain.text import duration
from mist_pipeline.overview.model import Now
from mist_pipeline.overview.organisations.standing import Standing, brief, standing, unknown, worst_first
from mist_pipeline.overview.reader import Overview

LOOK_SECONDS, IDLE_SECONDS = 2.0, 30.0
"""Between two looks, while somebody looks at the list and while nobody does."""
_ATTENTION_SECONDS = 60.0
"""So long after a question somebody still looks."""
_AGAIN_SECONDS = 300.0
"""What the clock alone changes is noticed so late at most."""
_LOST_SECONDS = 120.0
"""An organisation that was not looked at for so long is not known any more: what was said of it may be over, or worse."""
_AT_ONCE = 4
"""Those whose ledgers do not answer take some seconds each: fifty of them hold up the others for less than `_LOST_SECONDS`."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of several organisations.

    Attributes:
        key: By which it is chosen.
        name: What it is called now, '' where nobody named it.
        overview: Makes its read model.
    """

    key: str
    name: Callable[[], str]
    overview: Callable[[], Overview]

    def standing(self, at: datetime) -> Standing:
        """How it stands, asked now."""
        return standing(self.key, self.name(), brief(self.overview().now(at)), at)


@dataclass(frozen=True)
class _Known:
    """What was read of one."""

    version: str
    is_stale: bool
    read_at: float
    looked_at: float
    name: str
    now: Now
    news: int

    def is_old(self, version: str, at: datetime, moment: float) -> bool:
        """Whether it has to be read again."""
        has_aged = self.is_stale != self.now.live.is_stale(at)
        return version != self.version or has_aged or moment - self.read_at >= _AGAIN_SECONDS


class Standings:
    """How each stands. Safe to use from several threads.

    Args:
        members: The organisations.
        clock: What time it is.
        monotonic: A clock that never goes back, in seconds.
    """

    def __init__(
        self,
        members: Iterable[Member],
        clock: Callable[[], datetime],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._members = {one.key: one for one in members}
        # What is only asked for its version keeps nothing.
        self._versions = {key: one.overview().version for key, one in self._members.items()}
        self._clock, self._monotonic = clock, monotonic
        self._known: dict[str, _Known] = {}
        self._asked_at = float("-inf")
        self._wake, self._ended = threading.Event(), threading.Event()
        self._busy: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, "organisations")
        self._thread = threading.Thread(target=self._run, name="organisations", daemon=True)

    def start(self) -> None:
        """Look from now on, beside everything else."""
        self._thread.start()

    def end(self) -> None:
        """Look no more; nobody waits for a source that does not answer."""
        self._ended.set()
        self._wake.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def look(self) -> None:
        """Look at each, and read what is new."""
        for key in self._members:
            self.look_at(key)

    def look_at(self, key: str) -> None:
        """Look at one, and read it if something is new."""
        member, known, at = self._members[key], self._known.get(key), self._clock()
        began = self._monotonic()
        version = self._versions[key]()
        if known is None or known.is_old(version, at, began):
            # Its version was read first: what is written while it is read is read by the next look.
            now = brief(member.overview().now(at))
            news = 0 if known is None else known.news + 1
            known = _Known(version, now.live.is_stale(at), began, began, member.name(), now, news)
        self._known[key] = replace(known, looked_at=self._monotonic())

    def of(self, keys: Iterable[str], at: datetime) -> list[Standing]:
        """How some of them stand, the worst first; of one that was not read yet, or not for long, that nothing is known."""
        self._attend()
        return worst_first(self._one(key, at) for key in keys)

    def version(self, keys: Iterable[str]) -> str:
        """Of what a list of these says: it is another one as soon as something is new."""
        self._attend()
        seen = [(key, known.news) for key in keys if (known := self._known.get(key))]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]

    def _attend(self) -> None:
        was_idle = self._monotonic() - self._asked_at >= _ATTENTION_SECONDS
        self._asked_at = self._monotonic()
        if was_idle:
            self._wake.set()

    def _one(self, key: str, at: datetime) -> Standing:
        known, member = self._known.get(key), self._members[key]
        if known is None:
            return unknown(key, member.name(), "not known yet: it is being read")
        lost = self._monotonic() - known.looked_at
        if lost >= _LOST_SECONDS:
            return unknown(key, known.name, f"could not be looked at for {duration(timedelta(seconds=lost))}")
        return standing(key, known.name, known.now, at)

    def _run(self) -> None:
        while not self._ended.is_set():
            for key in self._members:
                # One that does not answer is not asked again meanwhile.
                if key not in self._busy or self._busy[key].done():
                    try:
                        self._busy[key] = self._pool.submit(self.look_at, key)
                    except RuntimeError:  # it was ended just now
                        return
                    self._busy[key].add_done_callback(_report)
            is_idle = self._monotonic() - self._asked_at >= _ATTENTION_SECONDS
            self._wake.wait(IDLE_SECONDS if is_idle else LOOK_SECONDS)
            self._wake.clear()


def _report(look: "Future[None]") -> None:
    # What was known of it stays, and is said to be lost in the end.
    if not look.cancelled() and (defect := look.exception()) is not None:
        _log.error("an organisation cannot be looked at", exc_info=defect)


def standings_now(members: Iterable[Member], at: datetime) -> list[Standing]:
    """How each stands, asked now, the worst first: for whoever asks once."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return worst_first(pool.map(lambda one: one.standing(at), members))
