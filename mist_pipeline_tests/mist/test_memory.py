"""What is learned about a cloud."""

import pytest

from mist_pipeline.mist.memory import DAY, TrendSupport, WindowLimit


def test_one_success_of_the_trend_settles_it_for_good() -> None:
    trend = TrendSupport()
    assert trend.known is None
    trend.saw_trend()
    trend.saw_only_summary()
    assert trend.known is True


def test_a_cloud_with_only_the_old_summary_is_remembered() -> None:
    trend = TrendSupport()
    trend.saw_only_summary()
    assert trend.known is False


@pytest.mark.parametrize(
    ("seen", "days"),
    [
        ([], None),
        ([(14, 3600)], None),
        ([(14, 7200)], 7),
        ([(14, 7200), (7, 7200)], 3),
        ([(14, 7200), (7, 3600)], 7),
        ([(14, 7200), (10, 3600)], 10),
        ([(14, 7200), (1, 600)], 7),
        ([(1, 7200)], 1),
        # It was not the length: a window as long came back hourly.
        ([(14, 7200), (14, 3600)], None),
        ([(30, 3600), (14, 7200)], None),
        ([(7, 3600), (7, 86_400), (30, 86_400)], None),
    ],
)
def test_the_window_limit_follows_from_what_came_back(seen: list[tuple[int, int]], days: int | None) -> None:
    limit = WindowLimit()
    for window_days, interval in seen:
        limit.saw(window_days * DAY, interval)
    assert limit.days == days
