from datetime import date, timedelta

import polars as pl
import pytest

from mist_pipeline.analysis.baselines.exclusions import mark_excluded
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
