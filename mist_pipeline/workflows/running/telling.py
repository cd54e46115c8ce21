"""The one lease of several organisations, and telling each of their ledgers who has it.

Whoever asks about an organisation reads its ledger: `status`, the console, the sender, the watch for a machine that is missing. So each ledger has
a copy of what the lease says, written by a thread of its own: one that does not answer keeps neither the lease nor another ledger waiting. Copies
decide nothing. Not here: the lease (``alerts.machines``), becoming active (`keeping`).
"""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from mist_pipeline.alerts.machines.lease import ANSWER_SECONDS, HOLD_SECONDS, MachineNameTakenError
from mist_pipeline.workflows.running.keeping import SILENT, LeaseLike, is_of_this_machine
from mist_pipeline.workflows.running.term import steady

_log = logging.getLogger(__name__)

TELL_SECONDS = 10.0
"""From one telling to the next: a machine counts as there for 30 seconds, a lease for 40."""


class Copy(Protocol):
    """What the ledger of an organisation says of the lease (``alerts.machines.lease.Lease``)."""

    def appear(self, is_same_machine: Callable[[str], bool]) -> None:
        """Say that this machine is there."""

    def show(self, term: int) -> None:
        """Say that it is the active one."""

    def release(self, term: int) -> None:
        """Say that it is that no more."""

    def leave(self) -> None:
        """Say that it is not there any more."""


class LeavingLease(LeaseLike, Protocol):
    """A lease whose machine can leave."""

    def leave(self) -> None:
        """Say that this machine is not there any more."""


class ToldLease:
    """The lease, with threads that tell the ledgers of it.

    Args:
        lease: The lease itself.
        copies: Key of an organisation → opens what its ledger says of it; tried again where the ledger does not answer.
        clock: Seconds that nobody sets.
        hold_seconds: How long after a renewal this machine counts as active.
        pause_seconds: From one telling to the next where nothing changes.
    """

    def __init__(
        self,
        lease: LeavingLease,
        copies: Mapping[str, Callable[[], AbstractContextManager[Copy]]],
        clock: Callable[[], float] = steady,
        hold_seconds: float = HOLD_SECONDS,
        pause_seconds: float = TELL_SECONDS,
    ) -> None:
        self._lease, self._clock = lease, clock
        self._hold_seconds, self._pause_seconds = hold_seconds, pause_seconds
        self._changed = threading.Condition()
        self._term, self._until = 0, 0.0
        self._is_here = self._ended = False
        self._threads = [
            threading.Thread(target=self._tell, args=(key, opening), name=f"telling {key}", daemon=True)
            for key, opening in copies.items()
        ]
        for thread in self._threads:
            thread.start()

    def appear(self, is_same_machine: Callable[[str], bool]) -> None:
        """Say that this machine is there; ledgers are told of one that may be."""
        self._lease.appear(is_same_machine)
        with self._changed:
            if not self._is_here:
                self._is_here = True
                self._changed.notify_all()

    def claim(self) -> int | None:
        """Become active."""
        asked = self._clock()
        term = self._lease.claim()
        if term is not None:
            self._know(term, asked + self._hold_seconds)
        return term

    def renew(self, term: int) -> bool:
        """Stay active."""
        asked = self._clock()
        is_ours = self._lease.renew(term)
        self._know(term if is_ours else 0, asked + self._hold_seconds)
        return is_ours

    def release(self, term: int) -> None:
        """Let another one be active."""
        self._know(0, 0.0)
        self._lease.release(term)

    def leave(self) -> None:
        """Say that this machine is not there any more, to all."""
        self._lease.leave()
        self.end()

    def end(self) -> None:
        """Tell the ledgers for the last time, that this machine has left; one that does not answer notices later."""
        with self._changed:
            self._ended, self._term = True, 0
            self._changed.notify_all()
        until = self._clock() + ANSWER_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - self._clock()))

    def _know(self, term: int, until: float) -> None:
        with self._changed:
            is_new, self._term, self._until = term != self._term, term, until
            if is_new:
                self._changed.notify_all()

    def _tell(self, key: str, opening: Callable[[], AbstractContextManager[Copy]]) -> None:
        """Tell one ledger until the end."""
        shown, is_silent = 0, False
        copy: Copy | None = None
        with ExitStack() as stack:
            while True:
                with self._changed:
                    known = self._term, self._is_here, self._ended
                    term, is_here, is_last = known
                    if self._clock() >= self._until:
                        term = 0  # nobody knows, as of a machine that was paused
                try:
                    copy = copy or stack.enter_context(opening())
                    shown = _say(copy, term, shown, is_here=is_here, is_last=is_last)
                    is_silent = False
                except (*SILENT, MachineNameTakenError) as error:
                    if not is_silent:
                        said = str(getattr(error, "orig", None) or error).partition("\n")[0]
                        _log.warning("the ledger of %s cannot be told which machine is active: %s", key, said)
                    is_silent = True
                if is_last:
                    return
                with self._changed:
                    if is_silent or known == (self._term, self._is_here, self._ended):
                        self._changed.wait(self._pause_seconds)


def _say(copy: Copy, term: int, shown: int, *, is_here: bool, is_last: bool) -> int:
    """Tell a ledger; the term that it shows of this machine then, 0: none."""
    if shown and shown != term:
        copy.release(shown)
    if is_last:
        copy.leave()
    elif is_here:
        copy.appear(is_of_this_machine)
        if term:
            copy.show(term)
    return term
