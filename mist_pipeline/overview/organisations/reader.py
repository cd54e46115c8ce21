"""Keeping up to date how several organisations stand, so that a list of fifty is there at once.

Only what is new is read: each time a few files are looked at, and an organisation is asked when one of them is another one, when its data
has become old, or after some minutes, since sinks fail by the clock. What was read for that is not kept; a line of the list is.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from mist_pipeline.domain.text import duration
from mist_pipeline.overview.model import Now
from mist_pipeline.overview.organisations.looks import Looks
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
_ANSWERS_WITHIN_SECONDS = 30.0
"""Whoever asks once waits so long for an organisation: a ledger that does not answer says so sooner."""


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
        self._looks = Looks()
        self._thread = threading.Thread(target=self._run, name="organisations", daemon=True)

    def start(self) -> None:
        """Look from now on, beside everything else."""
        self._thread.start()

    def end(self) -> None:
        """Look no more; nobody waits for a source that does not answer."""
        self._ended.set()
        self._wake.set()

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
        known = self._known.get(key)
        if known is None:
            # Its name is in a file, which may be where nothing answers.
            return unknown(key, "", "not known yet: it is being read")
        lost = self._monotonic() - known.looked_at
        if lost >= _LOST_SECONDS:
            return unknown(key, known.name, f"could not be looked at for {duration(timedelta(seconds=lost))}")
        return standing(key, known.name, known.now, at)

    def _run(self) -> None:
        while not self._ended.is_set():
            for key in self._members:
                if self._ended.is_set():
                    return
                self._looks.begin(key, partial(self.look_at, key))
            is_idle = self._monotonic() - self._asked_at >= _ATTENTION_SECONDS
            self._wake.wait(IDLE_SECONDS if is_idle else LOOK_SECONDS)
            self._wake.clear()


def standings_now(
    members: Iterable[Member], at: datetime, within: float = _ANSWERS_WITHIN_SECONDS
) -> list[Standing]:
    """How each stands, asked now, the worst first: for whoever asks once.

    Args:
        members: The organisations.
        at: The instant.
        within: Seconds that are waited for each; nothing is known of one that takes longer.
    """
    looks, known = Looks(), dict[str, Standing]()

    def look(member: Member) -> None:
        known[member.key] = member.standing(at)

    asked = list(members)
    for member in asked:
        looks.begin(member.key, partial(look, member))
    hanging = looks.wait(within)
    found = dict(known)  # what comes later is too late

    def of(key: str) -> Standing:
        if key in found:
            return found[key]
        lost = f"could not be looked at for {duration(timedelta(seconds=within))}"
        return unknown(
            key, "", lost if key in hanging else "could not be looked at: a defect, which is logged"
        )

    return worst_first(of(one.key) for one in asked)
