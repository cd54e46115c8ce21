"""Each ledger is told who has the one lease of all organisations, and none keeps the lease or another ledger waiting."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.machines.lease import MachineNameTakenError
from mist_pipeline.workflows.running import telling
from mist_pipeline.workflows.running.keeping import is_of_this_machine
from mist_pipeline.workflows.running.telling import ToldLease

WITHIN = 30.0
SHORT = 0.01


class OneLease:
    def __init__(self) -> None:
        self.is_mine, self.has_left = True, False

    def appear(self, _is_same_machine: Callable[[str], bool]) -> None:
        pass

    def claim(self) -> int | None:
        return 7 if self.is_mine else None

    def renew(self, _term: int) -> bool:
        return self.is_mine

    def release(self, _term: int) -> None:
        pass

    def leave(self) -> None:
        self.has_left = True


class Ledger:
    """Writes down what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.fails: Exception | None = None
        self.hangs: threading.Event | None = None

    @contextmanager
    def opened(self) -> Iterator["Ledger"]:
        self._answer()
        yield self
        self.told.append("closed")

    def appear(self, _is_same_machine: Callable[[str], bool]) -> None:
        self._note("here")

    def show(self, term: int) -> None:
        self._note(f"active {term}")

    def release(self, term: int) -> None:
        self._note(f"over {term}")

    def leave(self) -> None:
        self._note("left")

    def _note(self, what: str) -> None:
        self._answer()
        self.told.append(what)

    def _answer(self) -> None:
        if self.hangs is not None:
            self.hangs.wait(WITHIN)
        if self.fails is not None:
            raise self.fails


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(SHORT)


def distinct(told: list[str]) -> list[str]:
    return [one for number, one in enumerate(told) if one not in told[:number]]


def lease_told_to(**ledgers: Ledger) -> ToldLease:
    return ToldLease(OneLease(), {key: ledger.opened for key, ledger in ledgers.items()}, pause_seconds=SHORT)


def test_a_ledger_is_told_of_standby_term_and_end() -> None:
    acme = Ledger()
    lease = lease_told_to(acme=acme)
    lease.appear(is_of_this_machine)
    until(lambda: acme.told.count("here") > 2)
    assert "active 7" not in acme.told
    assert lease.claim() == 7
    until(lambda: acme.told.count("active 7") > 2)
    lease.release(7)
    until(lambda: "over 7" in acme.told)
    lease.leave()
    assert distinct(acme.told) == ["here", "active 7", "over 7", "left", "closed"]
    assert acme.told[-2:] == ["left", "closed"]


def test_ledgers_that_hang_or_fail_keep_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    acme, globex, initech, umbrella = Ledger(), Ledger(), Ledger(), Ledger()
    acme.hangs = threading.Event()
    initech.fails = LedgerUnavailableError("the ledger does not answer: refused")
    umbrella.fails = MachineNameTakenError("another machine is there")
    lease = lease_told_to(acme=acme, globex=globex, initech=initech, umbrella=umbrella)
    lease.appear(is_of_this_machine)
    assert lease.claim() == 7
    assert lease.renew(7)
    until(lambda: "active 7" in globex.told)
    assert not acme.told + initech.told + umbrella.told
    initech.fails = umbrella.fails = None
    acme.hangs.set()
    until(lambda: all("active 7" in one.told for one in (acme, initech, umbrella)))
    said = [one.getMessage() for one in caplog.records]
    assert len([one for one in said if "initech" in one]) == 1, "once for each silence"
    lease.leave()


def test_a_term_that_nobody_renewed_is_not_told() -> None:
    acme, now = Ledger(), [0.0]
    lease = ToldLease(OneLease(), {"acme": acme.opened}, clock=lambda: now[0], pause_seconds=SHORT)
    lease.appear(is_of_this_machine)
    lease.claim()
    until(lambda: "active 7" in acme.told)
    now[0] += telling.HOLD_SECONDS  # as of a machine that was paused
    until(lambda: "over 7" in acme.told)
    shown = acme.told.count("active 7")
    before = acme.told.count("here")
    until(lambda: acme.told.count("here") > before + 3)
    assert acme.told.count("active 7") == shown
    lease.end()


def test_a_lease_that_was_lost_is_told_at_once() -> None:
    acme, own = Ledger(), OneLease()
    lease = ToldLease(own, {"acme": acme.opened})
    lease.appear(is_of_this_machine)
    lease.claim()
    until(lambda: "active 7" in acme.told)
    own.is_mine = False
    assert not lease.renew(7)
    until(lambda: "over 7" in acme.told)
    lease.end()
