"""One machine is active at a time, by the clock of the database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mist_pipeline.alerts.ledger.database import migrate, open_engine
from mist_pipeline.alerts.ledger.tables import LEASES, MACHINES
from mist_pipeline.alerts.machines.lease import (
    FORGOTTEN,
    HERE,
    LEASE,
    Lease,
    MachineNameTakenError,
    read_machines,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class Clock:
    now: datetime = field(default=NOON)

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, span: timedelta) -> None:
        self.now += span


def same(_process: str) -> bool:
    return True


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    is_file = request.param == "sqlite"
    engine = open_engine(tmp_path / "ledger.db" if is_file else request.getfixturevalue("postgresql"))
    migrate(engine)
    with engine.begin() as connection:
        for table in (LEASES, MACHINES):
            connection.execute(sa.delete(table))
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def at(engine: sa.Engine, clock: Clock) -> Callable[[str], Lease]:
    return lambda machine: Lease(engine, machine, f"{machine}:1:boot{machine}-1", clock)


def test_the_first_is_active_and_the_second_stands_by(
    at: Callable[[str], Lease], engine: sa.Engine, clock: Clock
) -> None:
    for machine in ("a", "b"):
        at(machine).appear(same)
    assert at("a").claim() == 1
    assert at("b").claim() is None
    found = read_machines(engine, clock)
    assert (found.active, found.since, found.term) == ("a", NOON, 1)
    assert [one.name for one in found.standbys] == ["b"]


def test_a_lease_that_is_renewed_lasts_and_one_that_is_not_goes_to_the_other(
    at: Callable[[str], Lease], engine: sa.Engine, clock: Clock
) -> None:
    assert at("a").claim() == 1
    for _ in range(5):
        clock.go_on(LEASE - SECOND)
        assert at("a").renew(1)
        assert at("b").claim() is None
    clock.go_on(LEASE)
    assert read_machines(engine, clock).active == ""
    assert at("b").claim() == 2
    assert read_machines(engine, clock).active == "b"


def test_a_machine_that_wakes_up_late_neither_renews_its_lease_nor_ends_that_of_another(
    at: Callable[[str], Lease], engine: sa.Engine, clock: Clock
) -> None:
    at("a").claim()
    clock.go_on(LEASE)
    assert not at("a").renew(1), "nobody has it, but it ran out: whatever needed it has ended"
    assert at("b").claim() == 2
    assert not at("a").renew(1)
    at("a").release(1)
    assert read_machines(engine, clock).active == "b"


def test_a_lease_that_is_released_is_there_at_once(at: Callable[[str], Lease]) -> None:
    at("a").claim()
    at("a").release(1)
    assert at("b").claim() == 2


def test_a_machine_that_left_or_was_not_seen_for_a_week_is_not_expected(
    at: Callable[[str], Lease], engine: sa.Engine, clock: Clock
) -> None:
    for machine in ("a", "b", "c"):
        at(machine).appear(same)
    at("c").leave()
    clock.go_on(HERE)
    at("a").appear(same)
    found = read_machines(engine, clock)
    assert [(one.name, one.is_here) for one in found.every] == [("a", True), ("b", False)]
    clock.go_on(FORGOTTEN)
    at("a").appear(same)
    assert [one.name for one in read_machines(engine, clock).every] == ["a"]


def test_two_machines_of_one_name_are_refused_and_one_that_was_restarted_is_not(
    engine: sa.Engine, clock: Clock
) -> None:
    Lease(engine, "noc", "noc:1:boot1-1", clock).appear(same)
    with pytest.raises(MachineNameTakenError, match="also called noc"):
        Lease(engine, "noc", "noc:1:boot2-1", clock).appear(lambda process: "boot2" in process)
    Lease(engine, "noc", "noc:9:boot1-9", clock).appear(lambda process: "boot1" in process)
    clock.go_on(HERE)
    Lease(engine, "noc", "noc:1:boot2-1", clock).appear(lambda process: "boot2" in process)


def test_the_database_tells_the_time_where_nobody_else_does(engine: sa.Engine) -> None:
    lease = Lease(engine, "a", "a:1:boot-1")
    lease.appear(same)
    assert lease.claim() == 1
    found = read_machines(engine)
    assert found.active == "a"
    assert abs(found.at - datetime.now(UTC)) < timedelta(minutes=5)


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["claim", "renew", "release"]), st.integers(0, 40)),
    max_size=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_no_two_machines_have_it_and_terms_only_rise(
    tmp_path: Path, happens: list[tuple[str, str, int]]
) -> None:
    engine = open_engine(tmp_path / "ledger.db")
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(sa.delete(LEASES))
    clock = Clock()
    leases = {name: Lease(engine, name, f"{name}:1:boot-1", clock) for name in "abc"}
    valid: dict[str, tuple[int, datetime]] = {}
    highest = 0
    for name, what, seconds in happens:
        clock.go_on(timedelta(seconds=seconds))
        term = valid.get(name, (0, NOON))[0]
        if what == "claim" and (got := leases[name].claim()) is not None:
            assert got == highest + 1
            highest = got
            valid[name] = (got, clock.now + LEASE)
        elif what == "renew" and leases[name].renew(term):
            valid[name] = (term, clock.now + LEASE)
        elif what == "release":
            leases[name].release(term)
            valid.pop(name, None)
        assert sum(until > clock.now for _, until in valid.values()) <= 1
    engine.dispose()


def test_what_is_shown_elsewhere_follows_the_lease_and_no_machine_that_wakes_up_late(
    at: Callable[[str], Lease], engine: sa.Engine, clock: Clock
) -> None:
    at("a").show(7)
    clock.go_on(LEASE - SECOND)
    at("a").show(7)
    found = read_machines(engine, clock)
    assert (found.active, found.since, found.term) == ("a", NOON, 7), "a renewal is no new beginning"
    at("b").show(8)
    at("a").show(7)
    assert read_machines(engine, clock).active == "b"
    at("a").release(7)
    assert read_machines(engine, clock).active == "b"
    at("b").release(8)
    assert read_machines(engine, clock).active == ""


def test_what_a_ledger_showed_of_an_earlier_installation_runs_out(
    at: Callable[[str], Lease], engine: sa.Engine, clock: Clock
) -> None:
    at("old").show(57)
    at("a").show(1)
    assert read_machines(engine, clock).active == "old"
    clock.go_on(LEASE)
    at("a").show(1)
    found = read_machines(engine, clock)
    assert (found.active, found.term) == ("a", 1)
