"""Faults hit the same requests in every run."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mist_pipeline.simulator.cloud.http_faults import Faults, Injector, Scripted, Spell
from mist_pipeline.simulator.cloud.odd_answers import with_endless_cursor, with_odd_value
from mist_pipeline.simulator.world.clock import Clock


def test_faults_depend_on_seed_and_request_and_not_on_order() -> None:
    requests = [("/a", f"page={page}") for page in range(200)]
    faults = Faults({"bad_gateway": 0.2, "reset": 0.1}, seed=5)
    forwards, backwards = Injector(faults), Injector(faults)
    met = {request: forwards.fault(*request) for request in requests}
    assert met == {request: backwards.fault(*request) for request in reversed(requests)}
    other = Injector(Faults({"bad_gateway": 0.2, "reset": 0.1}, seed=6))
    assert met != {request: other.fault(*request) for request in requests}


@pytest.mark.slow
def test_rates_are_kept_and_a_retry_meets_fresh_luck() -> None:
    injector = Injector(Faults({"bad_gateway": 0.2, "rate_limited": 0.1}))
    met = Counter(injector.fault("/a", "") for _ in range(4000))
    assert met["bad_gateway"] == pytest.approx(800, abs=100)
    assert met["rate_limited"] == pytest.approx(400, abs=80)


def test_a_script_fails_exactly_the_requests_that_it_names() -> None:
    injector = Injector(Faults(script=[Scripted("/sites-sle", "stall", first=2, times=2)]))
    assert [injector.fault("/x/sites-sle", "") for _ in range(5)] == [None, "stall", "stall", None, None]
    assert injector.fault("/other", "") is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"rates": {"gremlins": 0.1}},
        {"rates": {"reset": -0.1}},
        {"rates": {"reset": 0.6, "stall": 0.6}},
        {"script": [Scripted("/", "gremlins")]},  # type: ignore[arg-type]
        {"retry_after_seconds": -1},
    ],
)
def test_impossible_faults_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"fault|negative"):
        Faults(**arguments)  # type: ignore[arg-type]


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = Clock(datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert clock.advance(timedelta(hours=5)) == clock.now() == datetime(2026, 3, 1, 15, tzinfo=UTC)
    clock.set(datetime(2026, 2, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_clock_follows_the_wall_until_it_is_moved() -> None:
    clock = Clock()
    before = datetime.now(tz=UTC)
    assert before <= clock.now() <= datetime.now(tz=UTC)
    assert clock.advance(timedelta(days=400)) >= before + timedelta(days=400)
    assert clock.now() == clock.now()


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        Clock(datetime(2026, 3, 1))  # noqa: DTZ001


def test_a_spell_lasts_as_long_as_it_says_by_the_clouds_clock() -> None:
    start = datetime(2026, 3, 1, 10, tzinfo=UTC)
    hour = Spell("/alarms", "unavailable", start, start + timedelta(hours=1))
    injector = Injector(Faults(spells=[hour]))
    met = [injector.fault("/x/alarms", "", start + timedelta(minutes=minute)) for minute in (-1, 0, 59, 60)]
    assert met == [None, "unavailable", "unavailable", None]
    assert injector.fault("/x/sites", "", start) is None


def test_one_value_of_a_row_becomes_odd_and_the_frame_stays() -> None:
    rows = [{"site_id": "a", "coverage": 0.5}, {"site_id": "b", "coverage": 1}]
    document = {"start": 1, "end": 2, "results": rows}
    body = json.dumps(document).encode()
    for number in range(40):
        odd = json.loads(with_odd_value(body, number / 40))
        assert {**odd, "results": rows} == document
        assert sum(left != right for left, right in zip(odd["results"], rows, strict=True)) == 1
    detail = {"start": 1, "sle": {"samples": {"total": [1, 2], "degraded": [0, 1], "value": [3, 4]}}}
    assert json.loads(with_odd_value(json.dumps(detail).encode(), 0.0))["sle"]["samples"]["total"] == [-1, 2]
    assert with_odd_value(b"[]", 0.5) == b"[]"


def test_an_endless_list_leads_on_under_a_name_that_is_new_every_time() -> None:
    body, path, query = json.dumps({"results": [1], "next": None}).encode(), "/alarms", "limit=9"
    seen = set()
    for _ in range(5):
        following = json.loads(with_endless_cursor(body, path, query))["next"]
        seen.add(following)
        path, _, query = following.partition("?")
    assert len(seen) == 5
    assert all(each.startswith("/alarms?limit=9&turn=") for each in seen)
