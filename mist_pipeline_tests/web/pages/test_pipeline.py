"""The health of the pipeline on one page."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mist_pipeline.mist.budget import HOUR, CallBudget, counted
from mist_pipeline.mist.errors import BudgetUnavailable
from mist_pipeline.overview.model import CallsOfHour
from mist_pipeline.overview.past.ranges import Period
from mist_pipeline.overview.past.work import Work
from mist_pipeline.web.pages import pipeline
from mist_pipeline_tests.support.overview.organisations import AT, Organisation
from mist_pipeline_tests.support.web.consoles import Client, client_of


@pytest.mark.slow
def test_it_says_what_ran_and_which_days_have_their_readings(visitor: Client) -> None:
    page = visitor.get("/pipeline").body
    for words in ("Last poll", "Next poll", "Last evaluation", "No incident of the pipeline itself"):
        assert words in page
    rows = list(csv.DictReader(visitor.get("/pipeline?as=csv&chart=days").body.splitlines()))
    newest, gap = rows[-1], rows[-8]
    assert (newest["With readings"], newest["Without"]) == ("4", "0")
    assert (gap["With readings"], gap["Without"]) == ("3", "1")
    assert rows[0]["With readings"] == ""
    assert visitor.get("/pipeline?as=csv&chart=no").status == 400


def test_without_anything_nothing_is_called_well(tmp_path: Path) -> None:
    page = client_of(Organisation(tmp_path, ())).get("/pipeline").body
    assert "Nobody can say" in page
    assert "Days: mist.duckdb is not there." in page
    assert "No call to the cloud was counted" in page


def test_hours_without_calls_are_nothing_between_hours_with_calls() -> None:
    hour = datetime(2026, 3, 2, 10, tzinfo=UTC)
    calls = [
        CallsOfHour(hour=hour + timedelta(hours=one), live=5, batch=7, elsewhere=0, limit=5000)
        for one in (0, 3)
    ]
    chart = pipeline._calls(Work(period=Period.of("30d", AT, UTC), calls=calls))
    assert [row[2] for row in chart.cells] == ["7", "0", "0", "7"]
    assert chart.note == "5,000 an hour are allowed."


def test_calls_are_counted_by_hour_over_all_tokens(tmp_path: Path) -> None:
    path, now = tmp_path / "call_budget.db", AT.timestamp()
    budget = CallBudget(path, ["a", "b"], clock=lambda: now)
    for lane in ("live", "batch"):
        budget.acquire(lane)  # type: ignore[arg-type]
    budget.give_back()
    budget.close()
    (hour,) = counted(path, now - 2 * HOUR)
    assert (hour.hour, hour.live, hour.batch) == (int(now // HOUR) * HOUR, 1, 1)
    assert counted(path, now + HOUR) == []
    # One file counts for several organisations: each is told of its own tokens alone.
    (own,) = counted(path, now - 2 * HOUR, ["a"])
    assert (own.live, own.batch, own.limit) == (1, 1, hour.limit / 2)
    assert counted(path, now - 2 * HOUR, []) == []
    assert counted(tmp_path / "none.db", 0) == []


def test_a_damaged_count_is_no_count_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "call_budget.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(BudgetUnavailable, match=r"call_budget\.db cannot be read"):
        counted(path, 0)
