from datetime import timedelta

import polars as pl
import pytest
from sklearn.metrics import mean_pinball_loss

from mist_pipeline.analysis.forecasts.accuracy import (
    GRADES_SCHEMA,
    MIN_LOSS_DAYS,
    beats_naive,
    grade,
    grade_models,
    loses_to_weekday,
)
from mist_pipeline.tables.analysis import FORECASTS
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series


def issued(**changes: object) -> pl.DataFrame:
    row = {
        "day": D - timedelta(days=3),
        "site_id": "site",
        "metric": "capacity",
        "horizon_days": 3,
        "target_day": D,
        "mean_pct": 90.0,
        "lower_pct": 85.0,
        "upper_pct": 95.0,
        "lower_80_pct": 87.0,
        "upper_80_pct": 93.0,
        "model": "arima(0,1,1)",
    }
    return pl.DataFrame([row | changes], schema_overrides={"mean_pct": pl.Float64})


def model(own: float, naive: float, **changes: object) -> pl.DataFrame:
    row = {
        "day": D - timedelta(days=5),
        "site_id": "site",
        "metric": "capacity",
        "backtest_error_pct": own,
        "backtest_naive_error_pct": naive,
        "backtest_n": 10,
    }
    return pl.DataFrame([row | changes])


def test_a_forecast_is_graded_beside_the_score_of_the_same_weekday_before() -> None:
    history = series([80.0, *[99.0] * 6, 84.0])
    (row,) = grade(issued(), history, D).to_dicts()

    assert row["actual_pct"] == 84
    assert row["error_pct"] == -6
    assert row["abs_error_pct"] == 6
    assert row["naive_pct"] == 80
    assert row["naive_abs_error_pct"] == 4
    assert row["is_inside_80"] is False
    assert row["is_inside_95"] is False
    # Ten points wide, and a point below it: 10 + 2/0.05 · 1.
    assert row["winkler_95"] == pytest.approx(50)
    assert row["width_95_pct"] == 10


def test_an_actual_inside_costs_the_width_only() -> None:
    (row,) = grade(issued(), series([92.0]), D).to_dicts()

    assert (row["is_inside_80"], row["is_inside_95"], row["winkler_95"]) == (True, True, 10)


@pytest.mark.parametrize("came", [60.0, 84.0, 87.0, 92.5, 99.0])
def test_winklers_score_is_the_pinball_loss_of_both_ends_by_scikit_learn(came: float) -> None:
    (row,) = grade(issued(), series([came]), D).to_dicts()
    for alpha, lower, upper, found in ((0.05, 85, 95, row["winkler_95"]), (0.2, 87, 93, row["winkler_80"])):
        ends = ((lower, alpha / 2), (upper, 1 - alpha / 2))
        losses = sum(mean_pinball_loss([came], [end], alpha=tail) for end, tail in ends)
        assert found == pytest.approx(2 / alpha * losses)


def test_the_naive_forecast_never_knows_days_after_the_issue() -> None:
    history = pl.concat(
        [series([84.0]), series([81.0], D - timedelta(days=7)), series([70.0], D - timedelta(days=14))]
    )
    # Issued nine days before: the same weekday a week before the target was still to come.
    early = issued(day=D - timedelta(days=9), horizon_days=9)

    assert grade(early, history, D)["naive_pct"].to_list() == [70.0]
    assert grade(issued(), history, D)["naive_pct"].to_list() == [81.0]


def test_the_naive_forecast_looks_four_weeks_back_and_no_further() -> None:
    for weeks, expected in ((4, 77.0), (5, None)):
        history = pl.concat([series([84.0]), series([77.0], D - timedelta(weeks=weeks))])
        assert grade(issued(), history, D)["naive_pct"].to_list() == [expected]


@pytest.mark.parametrize(
    ("forecast", "history"),
    [
        (issued(target_day=D + timedelta(days=1)), series([84.0], D + timedelta(days=1))),
        (issued(), frame([reading(None)])),
        (issued(), series([84.0], D - timedelta(days=1))),
        (issued(mean_pct=None), series([84.0])),
    ],
    ids=["not due", "no users that day", "no row that day", "no forecast"],
)
def test_what_cannot_be_graded_is_not(forecast: pl.DataFrame, history: pl.DataFrame) -> None:
    graded = grade(forecast, history, D)

    assert graded.is_empty()
    assert graded.schema == pl.Schema(GRADES_SCHEMA)


@pytest.mark.parametrize(
    ("models", "forecasts", "expected"),
    [
        (None, None, []),
        (model(2.0, 3.0), None, [True]),
        (model(3.0, 3.0), None, [False]),
        # Backtest: 10 forecasts, 20 against 21 points; as issued: 6 against 4 points.
        (model(2.0, 2.1), issued(), [False]),
        (model(2.0, 2.3), issued(), [True]),
        (None, issued(), [False]),
        (model(2.0, 3.0, day=D), None, []),
        (model(2.0, 3.0, backtest_n=0), None, []),
        (None, issued(day=D - timedelta(days=40), target_day=D - timedelta(days=28), horizon_days=12), []),
    ],
)
def test_beating_the_naive_forecast_is_a_matter_of_all_evidence(
    models: pl.DataFrame | None, forecasts: pl.DataFrame | None, expected: list[bool]
) -> None:
    history = series([80.0, *[99.0] * 6, 84.0])
    graded = grade_models(FORECASTS.empty() if forecasts is None else forecasts, history, D)
    found = beats_naive(graded, D, models)

    assert found["beats_naive"].to_list() == expected


@pytest.mark.parametrize("rounding", [-1e-10, 0.0, 1e-10])
def test_the_naive_forecast_itself_does_not_beat_it_however_it_was_rounded(rounding: float) -> None:
    history = series([80.0, *[99.0] * 6, 84.0])
    graded = grade_models(issued(mean_pct=80.0 + rounding), history, D)
    assert beats_naive(graded, D, None)["beats_naive"].to_list() == [False]


def test_forecasts_issued_on_the_day_itself_are_no_evidence() -> None:
    history = series([80.0, *[99.0] * 6, 84.0])
    today = issued(day=D, target_day=D + timedelta(days=3))

    assert beats_naive(grade_models(today, history, D), D, None).is_empty()


def test_the_model_is_graded_also_where_another_forecast_was_issued() -> None:
    history = series([80.0, *[99.0] * 6, 84.0])
    graded = grade_models(issued(mean_pct=80.0, model="weekday mean", model_mean_pct=83.0), history, D)
    assert graded["error_pct"].to_list() == [1.0]
    assert grade_models(issued(mean_pct=80.0), history, D)["error_pct"].to_list() == [4.0]


def losses(*apart: float) -> pl.DataFrame:
    """Grades of a model that was worse than the mean of the weekday by so much, a day each."""
    rows = [
        {
            "site_id": "site",
            "metric": "capacity",
            "target_day": D - timedelta(days=ago),
            "abs_error_pct": 5.0 + by,
            "weekday_abs_error_pct": 5.0,
        }
        for ago, by in enumerate(apart)
    ]
    return pl.DataFrame(rows)


@pytest.mark.parametrize(
    ("apart", "loses"),
    [
        # Mean .5, standard deviation 1.04: t = 1.8 of 14 days, more than 1.771; neighbours are not correlated positively.
        ([1.5, -0.5] * 7, True),
        # Mean .3: t = 1.08.
        ([1.3, -0.7] * 7, False),
        ([-0.5] * 20, False),
        ([1.5, -0.5] * 6, False),
        # The same mean and spread as in the first case, but bad days come together: there is less to go by.
        ([1.5] * 7 + [-0.5] * 7, False),
    ],
    ids=["worse", "by chance", "better", "too few days", "one bad week"],
)
def test_a_series_falls_back_only_where_its_model_was_worse_by_more_than_chance(
    apart: list[float], *, loses: bool
) -> None:
    assert loses_to_weekday(losses(*apart)).height == loses
    assert MIN_LOSS_DAYS == 14


def test_a_model_that_is_always_worse_by_the_same_loses() -> None:
    assert loses_to_weekday(losses(*[0.5] * 20)).height == 1
