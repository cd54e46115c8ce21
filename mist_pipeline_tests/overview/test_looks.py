"""Organisations that hang keep no other from being looked at, with few threads."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, cast

import pytest

from mist_pipeline.overview.model import Now
from mist_pipeline.overview.organisations import reader
from mist_pipeline.overview.organisations.looks import Looks
from mist_pipeline.overview.organisations.reader import Member, Standings, standings_now
from mist_pipeline_tests.support.overview.answers import now
from mist_pipeline_tests.support.overview.organisations import AT

WITHIN = 30.0
KEYS = ("acme", "globex", "initech", "umbrella", "wayne")
HANGING = frozenset({"acme", "globex", "initech"})


class Ledgers:
    """Some of them hang until they are let go; counts who was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.go = threading.Event()

    def now(self, key: str, _at: datetime) -> Now:
        self.asked[key] += 1
        if key in HANGING:
            self.go.wait(WITHIN)
        return now()

    def member(self, key: str) -> Member:
        # Each time another version: it is read at every look.
        faked: Any = type("Faked", (), {"version": lambda _: str(self.asked[key]), "now": None})()
        faked.now = partial(self.now, key)
        return Member(key=key, name=key.title, overview=lambda: cast("Any", faked))


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def looking() -> int:
    return sum(one.name.startswith("look ") for one in threading.enumerate())


def test_three_of_five_that_hang_keep_the_other_two_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(reader, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(reader, "Looks", partial(Looks, 2, 0.05))
    ledgers = Ledgers()
    standings = Standings(map(ledgers.member, KEYS), lambda: AT)
    standings.start()
    until(lambda: min(ledgers.asked["umbrella"], ledgers.asked["wayne"]) > 5)
    assert {key: ledgers.asked[key] for key in HANGING} == dict.fromkeys(HANGING, 1)
    assert looking() <= len(KEYS)
    levels = {one.key: one.verdict.level for one in standings.of(KEYS, AT)}
    assert levels == dict.fromkeys(HANGING, "CRITICAL") | {"umbrella": "OK", "wayne": "OK"}
    ledgers.go.set()
    until(lambda: all(ledgers.asked[key] > 2 for key in HANGING))
    assert {one.verdict.level for one in standings.of(KEYS, AT)} == {"OK"}
    standings.end()
    until(lambda: not looking())


def test_whoever_asks_once_is_answered_and_told_which_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "Looks", partial(Looks, 2, 0.05))
    ledgers = Ledgers()
    found = standings_now(map(ledgers.member, KEYS), AT, within=0.5)
    assert {one.key for one in found[:3]} == HANGING
    assert {one.verdict.level for one in found[3:]} == {"OK"}
    assert "could not be looked at" in found[0].verdict.sentence
    ledgers.go.set()
    until(lambda: not looking())


def test_quick_looks_are_few_at_a_time() -> None:
    looks, under_way, most = Looks(2, WITHIN), [0], [0]
    lock = threading.Lock()

    def look() -> None:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.02)
        with lock:
            under_way[0] -= 1

    for number in range(12):
        looks.begin(str(number), look)
    assert not looks.wait(WITHIN)
    assert most[0] == 2


def test_a_defect_at_one_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    ledgers = Ledgers()
    broken = Member(key="broken", name=lambda: "", overview=lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    found = {one.key: one for one in standings_now([broken, ledgers.member("wayne")], AT)}
    assert found["wayne"].verdict.level == "OK"
    assert "a defect, which is logged" in found["broken"].verdict.sentence
    assert "ZeroDivisionError" in caplog.text
