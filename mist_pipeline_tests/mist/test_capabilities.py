"""What is learned about a cloud."""

import json
from pathlib import Path
from typing import Any

import pytest

from mist_pipeline.mist.capabilities import CloudCapabilities

CLOUD = "https://api.mist.com"
DAY = 86_400


def learned(path: Path, now: float = 1000.0, cloud: str = CLOUD) -> CloudCapabilities:
    capabilities = CloudCapabilities(cloud, path, lambda: now)
    capabilities.saw_only_summary()
    return capabilities


def test_one_success_of_the_trend_settles_it_for_good() -> None:
    capabilities = CloudCapabilities(CLOUD)
    assert capabilities.has_trend is None
    capabilities.saw_trend()
    capabilities.saw_only_summary()
    assert capabilities.has_trend is True


def test_a_cloud_with_only_the_old_summary_is_remembered_until_it_has_the_trend() -> None:
    capabilities = CloudCapabilities(CLOUD)
    capabilities.saw_only_summary()
    assert capabilities.has_trend is False
    capabilities.saw_trend()
    assert capabilities.has_trend is True


def test_what_is_learned_outlives_the_process_by_cloud(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "clouds.json"
    learned(path)
    learned(path, cloud="https://api.eu.mist.com")
    assert CloudCapabilities(CLOUD, path, lambda: 2000.0).has_trend is False
    assert set(json.loads(path.read_text())) == {CLOUD, "https://api.eu.mist.com"}
    assert CloudCapabilities("https://api.gc1.mist.com", path, lambda: 2000.0).has_trend is None
    assert [each.name for each in path.parent.iterdir()] == ["clouds.json"]


def test_what_is_old_is_learned_again(tmp_path: Path) -> None:
    learned(tmp_path / "clouds.json")
    assert CloudCapabilities(CLOUD, tmp_path / "clouds.json", lambda: 1000.0 + 8 * DAY).has_trend is None


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    capabilities = learned(tmp_path / "clouds.json")
    (tmp_path / "clouds.json").unlink()
    capabilities.saw_only_summary()
    assert not list(tmp_path.iterdir())


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    facts = {"has_trend": False, "narrowest_wide": None, "longest_hourly": 86_400, "learned_at": 1000}
    (tmp_path / "clouds.json").write_text(json.dumps({CLOUD: facts}))
    assert CloudCapabilities(CLOUD, tmp_path / "clouds.json", lambda: 1000.0).has_trend is False


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        json.dumps({CLOUD: []}),
        json.dumps({CLOUD: {}}),
        json.dumps({CLOUD: {"has_trend": "x", "learned_at": 1000}}),
        json.dumps({CLOUD: {"has_trend": True, "learned_at": "x"}}),
    ],
)
def test_a_damaged_file_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "clouds.json").write_text(content)
    assert CloudCapabilities(CLOUD, tmp_path / "clouds.json", lambda: 1000.0).has_trend is None
    assert learned(tmp_path / "clouds.json").has_trend is False


def test_a_place_that_cannot_be_written_is_said_and_nothing_fails(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "file").write_text("")
    assert learned(tmp_path / "file" / "clouds.json").has_trend is False
    assert "is not kept" in caplog.text
