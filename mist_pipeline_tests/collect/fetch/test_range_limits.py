from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.collect.fetch.plan import Budget, Known, Request, make_plan
from mist_pipeline.collect.fetch.range_limits import RangeLimits
from mist_pipeline_tests.support.collect.fake_cloud import DAY, UTC_ZONE, ask, days, epoch

pytestmark = pytest.mark.slow

Cloud = Callable[[Request], int]


def walk(
    cloud: Cloud, requests: list[Request], known_hours: int = 168
) -> tuple[RangeLimits, list[Request], list[Request]]:
    """Ask one request after the other as a fetch does; what was sent, and what of it came back hourly."""
    limits = RangeLimits(known_hours, UTC_ZONE)
    queue, sent, hourly = list(requests), [], []
    while queue:
        request = queue.pop(0)
        if pieces := limits.cut(request):
            queue = pieces + queue
            continue
        sent.append(request)
        interval = cloud(request)
        if interval <= 3600:
            hourly.append(request)
        queue = limits.saw(request, interval) + queue
    return limits, sent, hourly


def detail(num_days: int) -> list[Request]:
    return list(
        make_plan(
            ask(site_ids=("s1",), metrics=("capacity",), days=days(num_days)), Known(), Budget(None)
        ).of("detail")
    )


def days_of(requests: list[Request]) -> set[date]:
    return {day for request in requests for day in request.days}


def test_a_cloud_with_hourly_weeks_is_asked_in_weeks() -> None:
    limits, sent, _ = walk(lambda _: 3600, detail(45))
    assert (len(sent), limits.window_hours) == (7, 168)


def test_a_cloud_that_widens_long_windows_is_asked_in_shorter_ones_from_then_on() -> None:
    limits, sent, hourly = walk(lambda asked: 3600 if len(asked.days) == 1 else 86_400, detail(21))
    assert days_of(hourly) == set(days(21))
    assert limits.window_hours == 24
    assert len(sent) <= 21 + 2  # two windows were too long before it was understood


def test_a_cloud_that_widens_whole_days_is_asked_in_parts_of_a_day() -> None:
    def cloud(asked: Request) -> int:
        return 3600 if asked.end - asked.start <= 12 * 3600 else 7200

    limits, _, hourly = walk(cloud, detail(5))
    assert days_of(hourly) == set(days(5))
    assert limits.window_hours == 6


def test_old_hours_are_not_asked_again_and_again() -> None:
    """Hourly data of 14 days only: shorter windows save the week on the edge, and nothing older is repeated."""
    edge = epoch(DAY - timedelta(days=13))
    limits, sent, hourly = walk(lambda asked: 3600 if asked.start >= edge else 86_400, detail(45))
    assert days_of(hourly) >= set(days(14))
    assert limits.window_hours == 168
    assert len(sent) <= 7 + 12


def test_only_old_hours_cost_a_few_calls_to_be_recognised() -> None:
    limits, sent, _ = walk(lambda _: 86_400, detail(45))
    assert len(sent) <= 7 + 7
    assert limits.window_hours == 168


@given(
    limit=st.sampled_from([24, 48, 72, 168, 400]),
    age=st.integers(0, 50),
    count=st.integers(1, 50),
    known=st.sampled_from([168, 72, 24]),
)
@settings(deadline=None, max_examples=60)
def test_every_hour_is_answered_whatever_the_cloud_widens(
    limit: int, age: int, count: int, known: int
) -> None:
    edge = epoch(DAY - timedelta(days=age))

    def cloud(asked: Request) -> int:
        return 3600 if asked.start >= edge and asked.end - asked.start <= limit * 3600 else 86_400

    _, sent, _ = walk(cloud, detail(count), known)
    assert days_of(sent) == set(days(count))
