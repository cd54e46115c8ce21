"""What acts for the active machine ends before another one can be active: on a clock of the test's own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.machines.lease import HOLD_SECONDS, LEASE, RENEWALS
from mist_pipeline.workflows.running.keeping import Keeper
from mist_pipeline.workflows.running.term import LOOK_SECONDS, VARIABLE, Term, current_term, end_with_term

RENEW_SECONDS = HOLD_SECONDS / RENEWALS


class Steady:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeLease:
    """A lease that answers after some seconds, or not at all."""

    def __init__(self, clock: Steady) -> None:
        self.clock, self.takes, self.is_silent, self.is_mine, self.released = clock, 0.0, False, True, 0
        self.valid_until = 0.0

    def appear(self, _is_same_machine: Callable[[str], bool]) -> None:
        self._answer()

    def claim(self) -> int | None:
        self._answer()
        if not self.is_mine:
            return None
        self.valid_until = self.clock.now + LEASE.total_seconds()
        return 7

    def renew(self, _term: int) -> bool:
        self._answer()
        if self.is_mine:
            self.valid_until = self.clock.now + LEASE.total_seconds()
        self.clock.now += self.takes
        return self.is_mine

    def release(self, term: int) -> None:
        self._answer()
        self.released = term

    def _answer(self) -> None:
        if self.is_silent:
            raise LedgerUnavailableError("the ledger does not answer: connection refused")


@pytest.fixture
def clock() -> Steady:
    return Steady()


@pytest.fixture
def lease(clock: Steady) -> FakeLease:
    return FakeLease(clock)


@pytest.fixture
def keeper(lease: FakeLease, clock: Steady, tmp_path: Path) -> Keeper:
    return Keeper(lease, tmp_path, clock)


def test_a_machine_that_renews_stays_active(keeper: Keeper, clock: Steady) -> None:
    assert keeper.is_over()
    assert keeper.stand_by()
    for _ in range(20):
        clock.now += RENEW_SECONDS
        keeper.renew()
        assert not keeper.is_over()


def test_one_that_cannot_renew_ends_while_its_lease_is_still_valid(
    keeper: Keeper, clock: Steady, lease: FakeLease
) -> None:
    keeper.stand_by()
    lease.is_silent = True
    while not keeper.is_over():
        clock.now += LOOK_SECONDS
        keeper.renew()
        assert clock.now <= lease.valid_until - LOOK_SECONDS
    assert "does not answer" in keeper.trouble
    lease.is_silent = False
    keeper.renew()
    assert keeper.is_over(), "what has ended is not brought back by a later answer"


def test_a_short_silence_of_the_database_changes_nothing(
    keeper: Keeper, clock: Steady, lease: FakeLease
) -> None:
    keeper.stand_by()
    lease.is_silent = True
    clock.now += HOLD_SECONDS - 1
    keeper.renew()
    lease.is_silent = False
    keeper.renew()
    clock.now += HOLD_SECONDS - 1
    assert not keeper.is_over()
    assert not keeper.trouble


def test_an_answer_that_comes_after_the_machine_was_paused_counts_from_when_it_was_asked(
    keeper: Keeper, clock: Steady, lease: FakeLease
) -> None:
    keeper.stand_by()
    clock.now += RENEW_SECONDS
    lease.takes = 300.0  # paused between the answer and its use
    keeper.renew()
    assert keeper.is_over()


def test_a_lease_that_another_one_has_ends_the_term_at_once(
    keeper: Keeper, clock: Steady, lease: FakeLease
) -> None:
    term = keeper.stand_by()
    assert term
    lease.is_mine = False
    clock.now += RENEW_SECONDS
    keeper.renew()
    assert keeper.is_over()
    assert term.is_over(clock.now)
    keeper.let_go()
    assert not lease.released, "it is not ours to release"


def test_one_that_is_ended_lets_the_next_begin_at_once(keeper: Keeper, lease: FakeLease) -> None:
    keeper.stand_by()
    keeper.let_go()
    assert lease.released == 7
    assert keeper.is_over()


def test_a_database_that_is_silent_makes_nobody_active(keeper: Keeper, lease: FakeLease) -> None:
    lease.is_silent = True
    assert keeper.stand_by() is None
    assert keeper.is_over()


def test_a_process_ends_with_its_term(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Steady) -> None:
    term = Term(7, tmp_path / "7")
    term.extend(clock.now + 2)
    monkeypatch.setitem(os.environ, VARIABLE, term.variable)
    assert current_term() == term
    ended: list[float] = []

    def wait(seconds: float) -> None:
        clock.now += seconds

    watching = end_with_term(lambda: ended.append(clock.now), clock=clock, wait=wait)
    assert watching
    watching.join()
    assert ended == [1002.0]


@pytest.mark.parametrize("left", [None, "", "soon", "1e99x"])
def test_a_process_ends_where_nobody_can_say_until_when_it_may_go_on(
    left: str | None, tmp_path: Path
) -> None:
    term = Term(7, tmp_path / "7")
    if left is not None:
        term.path.write_text(left)
    assert term.is_over(0.0)


def test_where_one_machine_works_alone_nothing_watches() -> None:
    assert end_with_term() is None


def test_a_variable_that_somebody_else_set_is_refused() -> None:
    with pytest.raises(ValueError, match="the daemon sets it"):
        current_term({VARIABLE: "yes"})
