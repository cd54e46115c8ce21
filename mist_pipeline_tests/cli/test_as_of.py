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
