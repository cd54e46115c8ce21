"""A typing error in --as-of is refused before anything is asked, told or written."""

from pathlib import Path

import pytest

from mist_pipeline_tests.support.cli.calls import Call


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--as-of", "2999-03-01T09:00:00"),
        ("backfill", "--from", "2026-01-01", "--as-of", "2999-03-01"),
    ],
    ids=["run", "backfill"],
)
def test_an_instant_that_has_not_come_is_refused(command: tuple[str, ...], call: Call, folder: Path) -> None:
    before = sorted(path.name for path in (folder / "data").iterdir())
    ended = call(*command)
    assert ended.code == 2
    assert "2999-03-01" in ended.text
    assert "has not come yet" in ended.text
    assert "mist-pipeline replay" in ended.text
    assert sorted(path.name for path in (folder / "data").iterdir()) == before


@pytest.mark.parametrize(
    "instant", ["0001-01-01", "0001-01-02T23:00:00", "1969-12-31", "9999-12-31T23:59:59"]
)
@pytest.mark.parametrize("command", [("run",), ("backfill", "--from", "2026-01-01")], ids=["run", "backfill"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_an_instant_before_history_or_beyond_the_calendar_is_refused(
    instant: str, command: tuple[str, ...], zone: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIST_PIPELINE__ORGANISATION__TIMEZONE", zone)
    monkeypatch.setenv("MIST_PIPELINE__HISTORY__START", "0001-01-01")
    ended = call(*command, "--as-of", instant)
    assert ended.code == 2
    assert instant[:10] in ended.text
    assert "is not between the" in ended.text or "has not come yet" in ended.text
