"""The scorecard in sentences: few cases are told and not averaged, and every number is that of the table."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from mist_pipeline.scorecard.summary import (
    Grades,
    beside_the_cloud,
    detection,
    forecasts,
    intervals,
    missed,
    noise,
    precision,
    prevented,
    probability,
    response,
    summary,
    warnings,
    withheld,
)
from mist_pipeline.tables.schema import Table
from mist_pipeline.tables.scorecard import ALERT_QUALITY, CROSSINGS, FORECAST_ACCURACY, PROBABILITIES


def frame(table: Table, *rows: dict[str, Any]) -> pl.DataFrame:
    schema = table.polars_schema()
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema)


def outcomes(leads: tuple[int, ...] = (), **n: int) -> pl.DataFrame:
    rows = [{"outcome": "hit", "lead_days": lead} for lead in leads]
    rows += [{"outcome": name} for name, times in n.items() for _ in range(times)]
    return frame(CROSSINGS, *rows)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            outcomes((2, 3, 3, 2, 3, 3, 3, 2), prevented=1, unattributed=2, false_alarm=1),
            "Of 12 warnings 8 came true, 1 was prevented, 2 recovered by themselves and 1 was false; median lead 3 days.",
        ),
        (outcomes((2, 3), false_alarm=1), "Of 3 warnings 2 came true and 1 was false; too few for a rate."),
        (outcomes((1,) * 10), "Of 10 warnings 10 came true; median lead 1 day."),
        (outcomes((2,)), "Of 1 warning 1 came true; too few for a rate."),
        (
            outcomes((1, 2) * 5, censored=2),
            "Of 10 warnings 10 came true; median lead 1.5 days; 2 more had too few readings.",
        ),
        (outcomes(censored=1), "1 warning could not be judged; too few for a rate."),
        (outcomes(missed=4), "No warning of a crossing was decided in 90 days."),
        (outcomes(), "No warning of a crossing was decided in 90 days."),
    ],
)
def test_warnings_in_a_sentence(found: pl.DataFrame, text: str) -> None:
    assert warnings(found).text == text


def test_few_warnings_are_marked_as_few() -> None:
    assert not warnings(outcomes((2,) * 9)).is_enough
    assert warnings(outcomes((2,) * 10)).is_enough


def test_missed_crossings_say_which_no_trend_could_tell() -> None:
    rows = [{"outcome": "missed", "is_sudden": True}, {"outcome": "missed", "is_sudden": False}]
    assert missed(frame(CROSSINGS, *rows)).text == (
        "2 service levels became critical without a warning; 1 of them fell within a day, which no trend can tell."
    )
    assert missed(frame(CROSSINGS, rows[1])).text == "1 service level became critical without a warning."


def test_prevention_lies_between_two_ways_of_counting() -> None:
    # 3 of 3 + 5 + 4 cases; 6 of 15 if the three that recovered by themselves are counted.
    line = prevented(outcomes((2,) * 5, prevented=3, missed=4, unattributed=3))
    assert line is not None
    assert line.text == "25 % of crossings were prevented, 40 % if what recovered by itself is counted too."
    few = prevented(outcomes((2,)))
    assert few is not None
    assert not few.is_enough
    assert prevented(outcomes()) is None


def test_withheld_warnings_are_counted_by_themselves() -> None:
    rows = [
        {"outcome": "hit", "is_withheld": True, "lead_days": 2},
        {"outcome": "false_alarm", "is_withheld": True},
    ]
    line = withheld(frame(CROSSINGS, *rows))
    assert line is not None
    assert line.text.startswith("2 warnings were withheld")
    assert line.text.endswith("1 would have come true.")
    told = summary(
        Grades(
            frame(CROSSINGS, *rows), *(frame(t) for t in (PROBABILITIES, FORECAST_ACCURACY, ALERT_QUALITY))
        )
    )
    assert told[0].text == "No warning of a crossing was decided in 90 days."


def test_probabilities_are_weighted_by_their_cases() -> None:
    bins = [
        {"bin_low": 0.5, "n": 10, "mean_probability": 0.5, "observed_share": 0.4, "brier": 0.25},
        {"bin_low": 0.9, "n": 30, "mean_probability": 0.9, "observed_share": 0.8, "brier": 0.1},
        {"bin_low": 0.0, "n": 60, "mean_probability": 0.0, "observed_share": 0.05, "brier": 0.05},
    ]
    line = probability(frame(PROBABILITIES, *bins))
    assert line is not None
    assert line.text == "Crossings of 50 % and more were given 80 % on average and came in 70 % of 40 cases."
    assert line.values["brier"] == pytest.approx((2.5 + 3 + 3) / 100)
    few = probability(frame(PROBABILITIES, bins[2]))
    assert few is not None
    assert "too few" in few.text


def test_forecasts_and_intervals_are_means_over_forecasts_not_over_days() -> None:
    day = {"model": "", "site_group": "", "horizon_days": 1}
    rows = frame(
        FORECAST_ACCURACY,
        {**day, "n": 300, "n_compared": 300, "compared_abs_error_pct": 2.0, "naive_abs_error_pct": 3.0, "weekday_abs_error_pct": 2.5, "coverage_80": 0.8, "coverage_95": 0.95},
        {**day, "n": 100, "n_compared": 100, "compared_abs_error_pct": 4.0, "naive_abs_error_pct": 5.0, "weekday_abs_error_pct": 4.5, "coverage_80": 0.4, "coverage_95": 0.91},
    )  # fmt: skip
    error, held = forecasts(rows), intervals(rows)
    assert error is not None
    assert held is not None
    assert error.text == (
        "Forecasts were off by 2.5 points on average; last week's value would have been by 3.5, the mean of the weekday by 3.0."
    )
    assert held.text == "The 95 % interval held 94.0 % and the 80 % interval 70.0 % of 400 forecasts."
    assert forecasts(rows.clear()) is None


def quality(**numbers: float | None) -> dict[str, Any]:
    row = dict.fromkeys(ALERT_QUALITY.column_names) | dict.fromkeys(
        (
            "n_alerts",
            "n_told",
            "n_true",
            "n_judged",
            "n_false",
            "n_unjudged",
            "n_troubles",
            "n_missed",
            "n_early",
            "n_acknowledged",
            "n_waiting",
            "n_ignored",
        ),
        0,
    )
    return row | numbers


def test_precision_is_told_with_its_interval_or_not_at_all() -> None:
    enough = quality(
        n_alerts=30,
        n_true=21,
        n_judged=20,
        n_false=2,
        n_unjudged=10,
        precision=0.9,
        precision_low=0.699,
        precision_high=0.972,
    )
    assert (
        precision(enough).text
        == "Of 20 judged alerts 18 were true (70 % to 97 %); 3 more agree with known trouble; 10 were not judged."
    )
    assert (
        "too few for a precision" in precision(quality(n_alerts=30, n_true=1, n_judged=1, n_unjudged=29)).text
    )
    none = precision(quality() | {"day": date(2026, 3, 1)}).text
    assert none == "No alert opened in the 90 days up to 2026-03-01; what opened later is not graded yet."


def test_detection_and_response_say_what_is_still_open() -> None:
    found = detection(
        quality(n_troubles=14, n_missed=2, n_early=3, detect_median_hours=1.5, detect_p90_hours=6.0)
    )
    assert found is not None
    assert found.text == (
        "Of 14 known troubles 2 had no alert; of the others half came within 1.5 hours of the begin, 3 of them before it, "
        "and nine of ten within 6."
    )
    answered = response(quality(n_acknowledged=12, n_waiting=1, acknowledge_median_minutes=8.0))
    assert answered is not None
    assert answered.text == "Half of the acknowledged alerts were taken within 8 minutes; 1 still waits."
    few = response(quality(n_acknowledged=1))
    assert few is not None
    assert few.text == "1 alert was acknowledged: too few for a time."
    assert response(quality()) is None


def test_mists_own_alarms_stand_beside_ours() -> None:
    found = beside_the_cloud(
        quality(n_cloud=14, n_cloud_told=11, n_cloud_before=8, cloud_lead_median_hours=2.5, n_without_cloud=3)
    )
    assert found is not None
    assert found.text == (
        "Of 14 critical alarms of Mist 11 had an alert, 8 of them before the alarm; half were 2.5 hours earlier or more; "
        "about 3 other alerts Mist said nothing."
    )
    few = beside_the_cloud(quality(n_cloud=0, n_without_cloud=1))
    assert few is not None
    assert few.text == "Mist raised no critical alarm for a site; about 1 other alert Mist said nothing."
    assert beside_the_cloud(quality()) is None


def test_noise_is_told_only_where_something_was_sent() -> None:
    line = noise(
        quality(n_told=4, messages_per_day=2.5, messages_per_person_day=1.25, n_ignored=3, ignored_share=0.75)
    )
    assert line is not None
    assert (
        line.text
        == "2.5 messages a day, 1.2 a recipient; nobody touched 3 alerts that were told and are over."
    )
    assert noise(quality()) is None


def test_an_installation_without_grades_has_sentences_too() -> None:
    empty = Grades(*(frame(table) for table in (CROSSINGS, PROBABILITIES, FORECAST_ACCURACY, ALERT_QUALITY)))
    assert [line.name for line in summary(empty)] == ["warnings", "missed"]
