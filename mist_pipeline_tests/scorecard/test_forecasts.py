"""Accuracy of forecasts, summed up: each number against one computed by hand."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from mist_pipeline.scorecard.forecasts import SCALE_DAYS, forecast_accuracy
from mist_pipeline.tables.scorecard import FORECAST_ACCURACY, ISSUED_FORECASTS
from mist_pipeline_tests.support.analysis.daily_frames import D, reading
from mist_pipeline_tests.support.analysis.daily_frames import frame as readings_frame

NOBODY = pl.DataFrame(schema={"site_id": pl.String, "site_group": pl.String})


def issued(mean: float, *, site: str = "site", horizon: int = 1, model: str = "arima(0,1,1)") -> pl.DataFrame:
    row = {
        "day": D - timedelta(days=horizon),
        "site_id": site,
        "metric": "capacity",
        "horizon_days": horizon,
        "target_day": D,
        "mean_pct": mean,
        "lower_pct": mean - 10,
        "upper_pct": mean + 5,
        "lower_80_pct": mean - 4,
        "upper_80_pct": mean + 2,
        "model": model,
        "issued_at": datetime(2026, 11, 19, 2, tzinfo=UTC),
        "version": "v",
    }
    return ISSUED_FORECASTS.conform(pl.DataFrame([row]))


def weekly(even: float, odd: float, last: float | None, site: str = "site", days: int = 91) -> pl.DataFrame:
    """Weeks of ``even`` and ``odd`` in turn, so that |y(t) − y(t − 7)| is their distance; ``last`` on the last day."""
    rows = [
        reading(even if (ago // 7) % 2 == 0 else odd, D - timedelta(days=ago), site_id=site)
        for ago in range(1, days + 1)
    ]
    return readings_frame([*rows, reading(last, D, site_id=site)])


def only(rows: pl.DataFrame, **where: object) -> dict[str, object]:
    (row,) = rows.filter(pl.col(name) == value for name, value in where.items()).to_dicts()
    return row


def test_two_sites_are_summed_up_by_hand() -> None:
    # Site a: forecast 90, came 86; a week ago 80 (odd week), weekday mean (80+90+80+90)/4 = 85. Site b: constant, as forecast.
    history = pl.concat([weekly(90.0, 80.0, 86.0, "a"), weekly(70.0, 70.0, 70.0, "b")])
    rows = forecast_accuracy(pl.concat([issued(90.0, site="a"), issued(70.0, site="b")]), history, NOBODY, D)
    row = only(rows, model="", site_group="")
    assert row["n"] == 2
    assert row["mean_error_pct"] == -2.0
    assert row["mean_abs_error_pct"] == 2.0
    assert row["smape_pct"] == pytest.approx((200 * 4 / 176) / 2)
    assert (row["coverage_80"], row["coverage_95"]) == (1.0, 1.0)
    assert (row["width_80_pct"], row["width_95_pct"]) == (6.0, 15.0)
    assert (row["winkler_80"], row["winkler_95"]) == (6.0, 15.0)
    assert (row["n_compared"], row["compared_abs_error_pct"]) == (2, 2.0)
    assert row["naive_abs_error_pct"] == pytest.approx((6 + 0) / 2)
    assert row["weekday_abs_error_pct"] == pytest.approx((1 + 0) / 2)
    # b does not vary, so that it has no scale; a varies by 10 points from week to week.
    assert row["n_scaled"] == 1
    assert (row["mase"], row["naive_mase"], row["weekday_mase"]) == pytest.approx((0.4, 0.6, 0.1))


def test_what_lies_outside_costs_its_distance() -> None:
    row = only(forecast_accuracy(issued(90.0), weekly(90.0, 80.0, 75.0), NOBODY, D), model="", site_group="")
    assert (row["coverage_80"], row["coverage_95"]) == (0.0, 0.0)
    assert row["winkler_80"] == pytest.approx(6 + 2 / 0.2 * (86 - 75))
    assert row["winkler_95"] == pytest.approx(15 + 2 / 0.05 * (80 - 75))


def test_models_and_groups_have_rows_of_their_own() -> None:
    history = pl.concat([weekly(90.0, 80.0, 86.0, "a"), weekly(90.0, 80.0, 90.0, "b")])
    groups = pl.DataFrame({"site_id": ["a", "a", "b"], "site_group": ["north", "shops", "north"]})
    forecasts = pl.concat([issued(90.0, site="a"), issued(90.0, site="b", model="constant")])
    rows = forecast_accuracy(forecasts, history, groups, D)
    found = {(row["model"], row["site_group"]): row["n"] for row in rows.to_dicts()}
    assert found == {
        ("", ""): 2,
        ("arima(0,1,1)", ""): 1,
        ("constant", ""): 1,
        ("", "north"): 2,
        ("", "shops"): 1,
    }
    assert rows.select(FORECAST_ACCURACY.key).is_unique().all()


def test_a_day_without_a_score_grades_nothing_and_is_no_error_of_zero() -> None:
    assert forecast_accuracy(issued(90.0), weekly(90.0, 80.0, None), NOBODY, D).is_empty()


@pytest.mark.parametrize(("days", "has_scale"), [(SCALE_DAYS, True), (20, False)])
def test_a_young_series_has_an_error_but_no_scale(days: int, *, has_scale: bool) -> None:
    history = weekly(90.0, 80.0, 86.0, days=days)
    row = only(forecast_accuracy(issued(90.0), history, NOBODY, D), model="", site_group="")
    assert row["mean_abs_error_pct"] == 4.0
    assert (row["mase"] is not None) == has_scale


def test_the_scale_looks_at_nothing_after_the_issue() -> None:
    history = weekly(90.0, 80.0, 86.0)
    spoilt = history.with_columns(
        pl.when(pl.col("day").is_between(D - timedelta(days=2), D, closed="left"))
        .then(10.0)
        .otherwise("score_pct")
        .alias("score_pct")
    )
    forecast = issued(90.0, horizon=3)
    before, after = (
        only(forecast_accuracy(forecast, one, NOBODY, D), model="", site_group="")
        for one in (history, spoilt)
    )
    assert before["mase"] == after["mase"]


def test_forecasts_for_other_days_are_left_to_those_days() -> None:
    other = issued(90.0).with_columns(target_day=pl.lit(date(2026, 11, 18)))
    assert forecast_accuracy(other, weekly(90.0, 80.0, 86.0), NOBODY, D).is_empty()
