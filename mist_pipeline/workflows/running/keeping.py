"""Becoming and staying the active machine: claim, renew, and notice that it is over. Not here: the lease itself (``alerts.machines``)."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.machines.lease import ANSWER_SECONDS, HOLD_SECONDS, RENEWALS
from mist_pipeline.workflows.running.processes import boot_of, this_process
from mist_pipeline.workflows.running.term import Term, steady

_log = logging.getLogger(__name__)

SILENT = (LedgerUnavailableError, sa.exc.DatabaseError)
"""How the database says that it does not answer."""


class LeaseLike(Protocol):
    """The lease of one machine (``alerts.machines.lease.Lease``)."""

    def appear(self, is_same_machine: Callable[[str], bool]) -> None:
        """Say that this machine is there."""

    def claim(self) -> int | None:
        """Become active."""

    def renew(self, term: int) -> bool:
        """Stay active."""

    def release(self, term: int) -> None:
        """Let another one be active."""


class Keeper:
    """This machine's part in it.

    Args:
        lease: The lease.
        folder: Where files of terms are; of this daemon alone.
        clock: Seconds that nobody sets.
        hold_seconds: How long after a renewal was asked for the processes of this machine may go on.
    """

    def __init__(
        self,
        lease: LeaseLike,
        folder: Path,
        clock: Callable[[], float] = steady,
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        self._lease, self._folder, self._clock = lease, folder, clock
        self.hold_seconds = hold_seconds
        self.term: Term | None = None
        self.trouble = ""

    def stand_by(self) -> Term | None:
        """Say that this machine is there and become the active one if there is none; the term where that is so.

        Raises:
            MachineNameTakenError: Another machine has its name.
        """
        asked = self._clock()
        try:
            self._lease.appear(is_of_this_machine)
            number = self._lease.claim()
        except SILENT as error:
            self._say(error)
            return None
        self.trouble = ""
        if number is None:
            return None
        self.term = Term(number, self._folder / str(number))
        self.term.extend(asked + self.hold_seconds)
        return self.term

    def renew(self) -> None:
        """Stay the active machine; what the term is good for then is counted from before it was asked."""
        term, asked = self.term, self._clock()
        if term is None or term.is_over(asked):
            return
        try:
            if not self._lease.renew(term.number):
                term.end()
                return
            # Here, too: a machine that is active and not seen by others would look as if it were gone.
            self._lease.appear(is_of_this_machine)
        except SILENT as error:
            self._say(error)
            return
        self.trouble = ""
        if not term.is_over(self._clock()):
            term.extend(asked + self.hold_seconds)

    def is_over(self) -> bool:
        """Whether this machine is active no more, and everything that acts for it has to end."""
        return self.term is None or self.term.is_over(self._clock())

    def let_go(self) -> None:
        """Be active no more; everything that acted for it has ended."""
        term, self.term = self.term, None
        if term is None:
            return
        was_valid = not term.is_over(self._clock())
        term.end()
        if was_valid:
            try:
                self._lease.release(term.number)
            except SILENT as error:
                self._say(error)

    def _say(self, error: Exception) -> None:
        said = str(getattr(error, "orig", None) or error).partition("\n")[0]
        if not self.trouble:
            _log.warning("whether this machine is active cannot be asked: %s", said)
        self.trouble = said


class Renewing:
    """Renews in a thread for the time of a block: the main one has processes to watch."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper, self._ended = keeper, threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        # A database that is cut off may keep it for long; what comes back then finds its term over.
        self._thread.join(ANSWER_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(self._keeper.hold_seconds / RENEWALS):
            self._keeper.renew()


def is_of_this_machine(process: str) -> bool:
    """Whether a process is, or was since this machine started, one of this machine."""
    return boot_of(process) == boot_of(this_process())
