"""Faults hit the same requests in every run."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mist_pipeline.simulator.cloud.http_faults import Faults, Injector, Scripted
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
