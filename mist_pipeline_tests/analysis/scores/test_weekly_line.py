from datetime import timedelta

import polars as pl
import pytest

from mist_pipeline.analysis.scores.bands import Bands, with_severity
from mist_pipeline.analysis.scores.trends import trends, value_trends
from mist_pipeline.analysis.scores.weekly_line import value_sentence, weekly_line
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series

WEEK = [D - timedelta(days=back) for back in range(7)]


def line(readings: pl.DataFrame, **options: object) -> pl.DataFrame:
    judged = with_severity(readings, by_metric=options.get("by_metric"))  # type: ignore[arg-type]
    return weekly_line(judged, trends(readings, WEEK, measured_better={}), D, **options)  # type: ignore[arg-type]


def test_the_roadmaps_seven_days_read_as_they_should() -> None:
    assert line(series([99.0, 95, 90, 84, 80, 76, 71]))["text"].to_list() == [
        "Day 1: capacity 99 % HEALTHY",
        "Day 2: capacity 95 % HEALTHY ↑",
        "Day 3: capacity 90 % HEALTHY ↑",
        "Day 4: capacity 84 % DEGRADED ↑ ALERT: trending to critical",
        "Day 5: capacity 80 % DEGRADED ↑ ALERT: trending to critical",
        "Day 6: capacity 76 % UNHEALTHY ↑ ALERT: trending to critical",
        "Day 7: capacity 71 % UNHEALTHY ↑ ALERT: trending to critical",
    ]


def test_days_without_data_and_days_of_few_users_say_so() -> None:
    few = frame([reading(40.0, num_users=2, total_user_minutes=60.0)])
    texts = line(pl.concat([series([95.0], D - timedelta(days=6)), few]))["text"].to_list()
    assert texts[0] == "Day 1: capacity 95 % HEALTHY"
    assert texts[1:6] == [f"Day {day}: capacity no data" for day in range(2, 7)]
    assert texts[6].startswith("Day 7: capacity 40 % UNKNOWN")
    assert "ALERT" not in texts[6]


def test_a_worsening_critical_day_alerts_as_critical_and_an_improving_one_does_not() -> None:
    rows = line(series([90.0, 60, 69.9]))
    assert rows["text"].to_list()[-2:] == [
        "Day 6: capacity 60 % CRITICAL ↑ ALERT: critical",
        "Day 7: capacity 69 % CRITICAL ↓",
    ]
    assert rows["is_alert"].to_list()[-2:] == [True, False]


@pytest.mark.parametrize(
    ("options", "is_alert"),
    [({}, False), ({"forecast_days": 7}, True), ({"by_metric": {"capacity": Bands(85, 90, 95)}}, True)],
)
def test_horizon_and_thresholds_of_the_alert_are_those_of_the_settings(
    options: dict[str, object], is_alert: bool
) -> None:
    assert line(series([99.0, 96, 93, 90, 87]), **options)["is_alert"].to_list()[-1] is is_alert


def test_a_series_without_a_score_in_the_week_has_no_line() -> None:
    assert line(frame([reading(None)])).is_empty()


def test_each_series_has_its_own_seven_days_in_order() -> None:
    rows = line(pl.concat([series([95.0], site_id="b"), series([95.0], site_id="a")]))
    assert rows["site_id"].to_list() == ["a"] * 7 + ["b"] * 7
    assert rows["day_number"].to_list() == [*range(1, 8)] * 2


@pytest.mark.parametrize(
    ("values", "days_apart", "sentence"),
    [
        ((75.0, 79.0), 1, "75 % yesterday, 79 % today, trending upward"),
        ((79.0, 75.25), 1, "79 % yesterday, 75.2 % today, trending downward"),
        ((75.0, 75.5), 1, "75 % yesterday, 75.5 % today, steady"),
        ((75.0, 79.0), 3, "75 % 3 days ago, 79 % today, trending upward"),
    ],
)
def test_a_utilisation_is_worded_as_in_the_roadmap(
    values: tuple[float, float], days_apart: int, sentence: str
) -> None:
    readings = pl.DataFrame(
        {"day": [D - timedelta(days=days_apart), D], "device_id": "ap", "value": values, "better": "lower"}
    )
    rows = value_trends(readings, [D], keys=["device_id"])
    assert rows.select(value_sentence("value", "previous_value")).item() == sentence
