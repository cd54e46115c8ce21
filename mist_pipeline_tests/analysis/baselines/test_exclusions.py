from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from mist_pipeline.analysis.baselines.exclusions import LONGEST_DAYS, confirmed_days, mark_excluded
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading

READINGS = frame([reading(90.0), reading(90.0, metric="roaming"), reading(90.0, site_id="other")])


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (None, [None, None, None]),
        ({"day": [D], "site_id": ["site"]}, [date(1, 1, 1), date(1, 1, 1), None]),
        ({"day": [D], "site_id": ["site"], "metric": ["roaming"]}, [None, date(1, 1, 1), None]),
        ({"day": [D - timedelta(days=1)], "site_id": ["site"]}, [None, None, None]),
        (
            # a silence of one metric known later than an incident of the whole site: the earlier knowledge counts
            {
                "day": [D, D],
                "site_id": ["site", "site"],
                "metric": [None, "roaming"],
                "recorded_day": [D + timedelta(days=2), D + timedelta(days=1)],
            },
            [D + timedelta(days=2), D + timedelta(days=1), None],
        ),
    ],
)
def test_a_reading_is_left_out_from_the_day_on_which_that_is_known(
    rules: dict[str, list[object]] | None, expected: list[date | None]
) -> None:
    excluded = None if rules is None else pl.DataFrame(rules)
    marked = mark_excluded(READINGS, excluded)
    assert marked["excluded_from"].to_list() == expected
    assert marked.drop("excluded_from").equals(READINGS), "order and columns stay"


def _alert(
    began: datetime, ended: datetime | None, confirmed: datetime, metric: str = "coverage"
) -> pl.DataFrame:
    return pl.DataFrame(
        [("a", "radio", metric, began, ended, confirmed)],
        schema={
            "site_id": pl.String,
            "family": pl.String,
            "metric": pl.String,
            **dict.fromkeys(("began_at", "ended_at", "confirmed_at"), pl.Datetime("us", "UTC")),
        },
        orient="row",
    )


def _at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


FAMILIES = {"coverage": "radio", "capacity": "radio", "roaming": "roaming"}


@pytest.mark.parametrize(
    ("alert", "zone", "expected"),
    [
        # Confirmed on its second day: the first is known to be bad from then on.
        (_alert(_at(2), _at(3), _at(3)), "UTC", [(2, 3), (3, 3)]),
        (_alert(_at(2), None, _at(2)), "UTC", [(day, day) for day in range(2, 7)]),
        (_alert(_at(2, 23), _at(2, 23), _at(2, 23)), "Europe/Berlin", [(3, 3)]),
        (_alert(_at(7), _at(8), _at(8)), "UTC", []),
    ],
    ids=["confirmed later", "goes on", "in the organisation's zone", "after the last day"],
)
def test_a_confirmed_alert_leaves_out_the_days_of_its_family(
    alert: pl.DataFrame, zone: str, expected: list[tuple[int, int]]
) -> None:
    found = confirmed_days(alert, date(2026, 3, 6), ZoneInfo(zone), FAMILIES)
    assert set(found["metric"]) == ({"coverage", "capacity"} if expected else set())
    days = (
        found.filter(pl.col("metric") == "coverage")
        .sort("day")
        .select(pl.col("day", "recorded_day").dt.day())
    )
    assert days.rows() == expected


def test_what_lasts_longer_is_a_new_level_and_trouble_of_a_site_is_in_all_it_has() -> None:
    found = confirmed_days(
        _alert(_at(1), None, _at(1), metric=""), date(2026, 6, 1), ZoneInfo("UTC"), {"ap-health": "ap"}
    )
    assert found["day"].n_unique() == LONGEST_DAYS
    assert found["metric"].null_count() == found.height
