"""What is learned about a cloud."""

import json
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.mist.capabilities import DAY, CloudCapabilities, TrendSupport, WindowLimit


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


CLOUD = "https://api.mist.com"


def learned(path: Path, now: float = 1000.0, cloud: str = CLOUD) -> CloudCapabilities:
    memory = CloudCapabilities(cloud, path, lambda: now)
    memory.trend.saw_only_summary()
    memory.window.saw(14 * DAY, DAY)
    memory.window.saw(5 * DAY, 3600)
    memory.keep()
    return memory


def test_what_is_learned_outlives_the_process_by_cloud(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "clouds.json"
    learned(path)
    learned(path, cloud="https://api.eu.mist.com")
    again = CloudCapabilities(CLOUD, path, lambda: 2000.0)
    assert (again.trend.known, again.window.days) == (False, 7)
    assert set(json.loads(path.read_text())) == {CLOUD, "https://api.eu.mist.com"}
    other = CloudCapabilities("https://api.gc1.mist.com", path, lambda: 2000.0)
    assert (other.trend.known, other.window.days) == (None, None)
    assert [each.name for each in path.parent.iterdir()] == ["clouds.json"]


def test_what_is_old_is_learned_again(tmp_path: Path) -> None:
    learned(tmp_path / "clouds.json")
    again = CloudCapabilities(CLOUD, tmp_path / "clouds.json", lambda: 1000.0 + 8 * DAY)
    assert (again.trend.known, again.window.days) == (None, None)


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    memory = learned(tmp_path / "clouds.json")
    (tmp_path / "clouds.json").unlink()
    memory.keep()
    assert not list(tmp_path.iterdir())
    CloudCapabilities(CLOUD).keep()


SOUND = {"has_trend": True, "narrowest_wide": None, "longest_hourly": 0, "learned_at": 1000}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        json.dumps({CLOUD: []}),
        json.dumps({CLOUD: {}}),
        *[json.dumps({CLOUD: {**SOUND, name: "x"}}) for name in SOUND],
        json.dumps({CLOUD: {**SOUND, "more": 1}}),
    ],
)
def test_a_damaged_file_is_no_memory(tmp_path: Path, content: str) -> None:
    (tmp_path / "clouds.json").write_text(content)
    memory = CloudCapabilities(CLOUD, tmp_path / "clouds.json", lambda: 1000.0)
    assert (memory.trend.known, memory.window.days) == (None, None)
    assert learned(tmp_path / "clouds.json").window.days == 7


def test_a_place_that_cannot_be_written_is_said_and_nothing_fails(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "file").write_text("")
    assert learned(tmp_path / "file" / "clouds.json").window.days == 7
    assert "is not kept" in caplog.text
