"""Jobs that a command runs one after another."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from mist_pipeline.cli import execution
from mist_pipeline.cli.run import in_turn
from mist_pipeline.settings import Settings


def test_people_are_told_of_the_last_day_and_of_none_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def days_executed(_settings: Settings, job: str, _days: object, **how: Any) -> list[SimpleNamespace]:
        asked.append((job, how["notify"]))
        return [SimpleNamespace(is_success=True)]

    monkeypatch.setattr(execution, "execute_days", days_executed)
    earlier, last = (date(2026, 3, 1),), (date(2026, 4, 2),)
    jobs = [("search", last), ("analyse", earlier), ("analyse", last)]
    in_turn(Settings(), jobs, datetime(2026, 4, 3, tzinfo=UTC), notify=True)
    assert asked == [("search", True), ("analyse", False), ("analyse", True)]
