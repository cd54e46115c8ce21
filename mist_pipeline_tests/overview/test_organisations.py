"""Several organisations: one order, never fine without being seen, read again only where something is new."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from mist_pipeline.overview.model import Now
from mist_pipeline.overview.organisations import reader
from mist_pipeline.overview.organisations.reader import Member, Standings
from mist_pipeline.overview.organisations.standing import Standing, standing, unknown, worst_first
from mist_pipeline_tests.support.overview.answers import now
from mist_pipeline_tests.support.overview.organisations import AT


def made(key: str, known: Now) -> Standing:
    return standing(key, key.title(), known, AT)


IN_ORDER = [
    made("a_storm", now("critical", "critical", "warning")),
    made("b_critical", now("critical", "major")),
    made("c_old", now("major", polled=AT - timedelta(hours=2))),
    made("d_old", now(polled=AT - timedelta(hours=2))),
    unknown("e_lost", "E lost", "it is being read"),
    made("f_major", now("major")),
    made("g_warning", now("warning", critical_sites=2)),
    made("h_warning", now("warning", critical_sites=1)),
    made("i_warning", now("warning", critical_sites=1)),
    made("j_well", now()),
]


def test_the_worst_stand_first_by_the_documented_order_however_they_come() -> None:
    found = [*IN_ORDER]
    random.Random(1).shuffle(found)
    assert worst_first(found) == IN_ORDER


@pytest.mark.parametrize(
    "known", [now(polled=AT - timedelta(hours=1)), now(has_ledger=False)], ids=["old polls", "no ledger"]
)
def test_what_is_not_seen_is_never_fine(known: Now) -> None:
    found = made("acme", known)
    assert (found.verdict.level, found.is_seen) == ("CRITICAL", False)


def test_data_that_gets_old_after_it_was_read_is_not_fine_any_more() -> None:
    known = now()
    assert standing("acme", "Acme", known, AT).verdict.level == "OK"
    assert standing("acme", "Acme", known, AT + timedelta(hours=1)).verdict.level == "CRITICAL"


def test_one_that_nobody_named_is_called_by_its_key_and_a_name_is_clean() -> None:
    assert standing("acme", "", now(), AT).name == "acme"
    assert "\n" not in standing("acme", "A\nB\x1b[31m", now(), AT).name


@dataclass
class Faked:
    """A read model that counts how often it is asked."""

    known: Now = field(default_factory=now)
    seen: str = "v1"
    asked: int = 0

    def version(self) -> str:
        return self.seen

    def now(self, at: datetime) -> Now:
        self.asked += 1
        return self.known


def kept(faked: Faked, clock: Sequence[float], at: list[datetime] | None = None) -> Standings:
    """Standings of one organisation by a clock that is moved by hand."""
    times = at or [AT]
    member = Member(key="acme", name=lambda: "Acme", overview=lambda: cast("Any", faked))
    return Standings([member], lambda: times[0], monotonic=lambda: clock[0])


def test_an_organisation_is_read_again_only_where_something_is_new() -> None:
    faked, clock, at = Faked(), [0.0], [AT]
    standings = kept(faked, clock, at)
    before = standings.version(["acme"])
    for _ in range(3):
        standings.look()
    assert faked.asked == 1
    assert standings.version(["acme"]) != before
    faked.seen = "v2"
    standings.look()
    assert faked.asked == 2, "a file is another one"
    at[0] += timedelta(hours=1)
    standings.look()
    assert faked.asked == 3, "its data has become old"
    clock[0] += reader._AGAIN_SECONDS
    standings.look()
    assert faked.asked == 4, "sinks fail by the clock"


def test_one_that_is_not_read_yet_or_cannot_be_looked_at_is_not_known() -> None:
    clock = [0.0]
    standings = kept(Faked(), clock)
    (found,) = standings.of(["acme"], AT)
    assert (found.verdict.level, found.now) == ("CRITICAL", None)
    standings.look()
    (found,) = standings.of(["acme"], AT)
    assert found.verdict.level == "OK"
    clock[0] += reader._LOST_SECONDS
    (found,) = standings.of(["acme"], AT)
    assert (found.verdict.level, "2 min" in found.verdict.sentence) == ("CRITICAL", True)
