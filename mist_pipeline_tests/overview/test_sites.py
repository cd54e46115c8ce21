"""The short history of sites, and statuses that may be shown."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from mist_pipeline.overview.queries import DayFacts
from mist_pipeline.overview.sites import hour_lists, now_or_unknown, organisation

END = datetime(2026, 3, 2, 15, tzinfo=UTC)


def hours(*rows: tuple[str, int, float]) -> pl.DataFrame:
    """Site, hours before the end, score."""
    return pl.DataFrame(
        [(site_id, END - timedelta(hours=back), score) for site_id, back, score in rows],
        schema={"site_id": pl.String, "hour": pl.Datetime("us", "UTC"), "score_pct": pl.Float64},
        orient="row",
    )


def test_hours_have_their_place_and_the_later_row_of_one_counts() -> None:
    found = hour_lists(
        hours(("a", 1, 90.0), ("b", 24, 70.0), ("a", 1, 80.0), ("a", 25, 1.0), ("a", 0, 1.0)), END
    )
    assert found["a"] == (*[None] * 23, 80.0)
    assert found["b"] == (70.0, *[None] * 23)


def test_no_hours_are_no_lists() -> None:
    assert hour_lists(hours(), END) == {}


@pytest.mark.parametrize(
    ("status", "is_stale", "shown"),
    [
        ("HEALTHY", False, "HEALTHY"),
        ("HEALTHY", True, "UNKNOWN"),
        ("CRITICAL", True, "CRITICAL"),
        ("UNKNOWN", True, "UNKNOWN"),
    ],
)
def test_old_data_never_says_healthy(status: str, is_stale: bool, shown: str) -> None:
    assert now_or_unknown(status, is_stale=is_stale) == shown


def test_a_change_lies_between_the_two_values_as_they_are_shown() -> None:
    """88.89 is shown as 88.8 and 93.01 as 93.0: the morning page says −4.2 then, and so does every other surface."""
    day = date(2026, 3, 1)
    rows = {"site_id": ["a"], "status": ["HEALTHY"], "score": [88.89], "change": [-4.12]}
    facts = DayFacts(day, None, pl.DataFrame(rows), *[pl.DataFrame()] * 3)
    assert organisation([], facts).health_change == -4.2
