"""What the cloud's answers say about this machine's clock, kept for those who do not ask the cloud."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.settings import Settings
from mist_pipeline.workflows.cloud_clock import Skew, read_skew, remember_skew

NOW = datetime(2026, 3, 28, 10, tzinfo=UTC)


def test_what_the_newest_answer_said_is_remembered(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert read_skew(settings) is None
    remember_skew(settings, timedelta(hours=3), NOW)
    remember_skew(settings, timedelta(seconds=-1.5), NOW + timedelta(minutes=1))
    assert read_skew(settings) == Skew(timedelta(seconds=-1.5), NOW + timedelta(minutes=1))


@pytest.mark.parametrize("text", ["", "[]", '{"cloud_ahead_seconds": "x"}', '{"cloud_ahead_seconds": 1e999}'])
def test_a_damaged_file_says_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "cloud_clock.json").write_text(text)
    assert read_skew(Settings(data=tmp_path)) is None
