import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.baselines.daily import ALL_DAYS, baselines
from mist_pipeline.analysis.baselines.deviations import DeviationRules, deviations, hourly_deviations
from mist_pipeline.analysis.baselines.hourly import HOURLY_SCHEMA
from mist_pipeline.tables.analysis import BASELINES
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series

EVE = D - timedelta(days=1)


def usual(day_of_week: int = ALL_DAYS, **columns: object) -> dict[str, object]:
    row: dict[str, object] = {
        "day": D,
        "site_id": "site",
        "metric": "capacity",
        "day_of_week": day_of_week,
        "mean_pct": 95.0,
        "std_pct": 2.0,
        "median_pct": 95.0,
        "mad_pct": 2.0,
        "n": 20,
        "is_mature": True,
        "is_pooled": False,
        "low_side_std_pct": 2.0,
        "weekday_strength": None,
        "user_minutes": 48_000.0,
    }
    return row | columns


def judged(
    row: dict[str, object], *baseline: dict[str, object], rules: DeviationRules | None = None
) -> dict[str, object]:
    normal = pl.DataFrame(list(baseline), schema=BASELINES.polars_schema(), orient="row")
    return deviations(frame([row]), normal, [D], rules=rules).row(0, named=True)


SHARE = (0.95 * 20 * 3200 + 1) / (20 * 3200 + 2)
BINOMIAL = 10_000 * SHARE * (1 - SHARE)
OF_MEDIAN = 1 + math.pi / 2 / 20


def test_with_the_usual_users_sigma_is_the_distance_in_spreads_of_a_median_of_n_days() -> None:
    row = judged(reading(90.0), usual())
    assert row["expected_std_pct"] == pytest.approx(2 * math.sqrt(OF_MEDIAN))
    assert row["sigma"] == pytest.approx(-5 / (2 * math.sqrt(OF_MEDIAN)))
    assert (row["expected_pct"], row["is_deviating"], row["is_weekday_aware"]) == (95.0, True, False)


def test_few_users_widen_the_band_by_their_binomial_error() -> None:
    # 300 minutes are 20 observations instead of 3,200
    row = judged(reading(90.0, num_users=5, total_user_minutes=300.0), usual())
    variance = 4 - BINOMIAL / 3200 + BINOMIAL / 20
    assert row["expected_std_pct"] == pytest.approx(math.sqrt(variance * OF_MEDIAN))
    assert row["is_deviating"] is False


def test_a_series_quieter_than_its_users_explain_widens_in_proportion() -> None:
    # usually 20 observations: their binomial variance is above the spread of 4 that was seen
    share = (0.95 * 400 + 1) / 402
    by_users = 10_000 * share * (1 - share) / 20
    row = judged(reading(90.0, total_user_minutes=600.0), usual(user_minutes=300.0))
    assert by_users > 4
    assert row["expected_std_pct"] == pytest.approx(math.sqrt(4 / by_users * by_users / 2 * OF_MEDIAN))


def test_without_minutes_and_users_the_spread_is_as_it_was() -> None:
    row = judged(reading(90.0, num_users=None, total_user_minutes=None), usual())
    assert row["expected_std_pct"] == pytest.approx(2 * math.sqrt(OF_MEDIAN))
    assert row["is_deviating"] is False, "nobody knows whether there were users: the gate is closed"
    unknown_before = judged(reading(90.0), usual(user_minutes=None))
    assert unknown_before["expected_std_pct"] == pytest.approx(2 * math.sqrt(OF_MEDIAN))


def test_a_mature_weekday_says_what_is_expected_and_an_immature_one_does_not() -> None:
    thursday = usual(3, median_pct=88.0, mean_pct=88.0, n=4, low_side_std_pct=1.0)
    row = judged(reading(88.0), usual(), thursday)
    assert (row["expected_pct"], row["sigma"], row["is_weekday_aware"]) == (88.0, 0.0, True)
    assert row["expected_std_pct"] == pytest.approx(math.sqrt(1 + math.pi / 8))
    young = judged(reading(88.0), usual(), thursday | {"is_mature": False})
    assert (young["expected_pct"], young["is_weekday_aware"]) == (95.0, False)
    other = judged(reading(88.0), usual(), thursday | {"day_of_week": 2})
    assert other["expected_pct"] == 95.0


@pytest.mark.parametrize(
    ("score", "is_deviating"), [(95.0, False), (90.9, False), (90.0, True), (100.0, False)]
)
def test_only_the_bad_side_deviates(score: float, is_deviating: bool) -> None:
    assert judged(reading(score), usual())["is_deviating"] is is_deviating


def test_the_number_of_sigmas_and_the_floor_are_read() -> None:
    assert judged(reading(90.0), usual(), rules=DeviationRules(max_sigma=3.0))["is_deviating"] is False
    flat = usual(low_side_std_pct=0.0)
    assert judged(reading(94.5), flat)["is_deviating"] is False, "half a point is within the floor of 0.5"
    assert judged(reading(94.5), flat, rules=DeviationRules(std_floor_pct=0.05))["is_deviating"] is True


def test_predecessor_mistake_14_two_users_do_not_deviate() -> None:
    assert judged(reading(5.0, num_users=2, total_user_minutes=900.0), usual())["is_deviating"] is False


def test_an_immature_baseline_says_what_is_expected_but_not_how_far_a_score_is_unless_it_is_pooled() -> None:
    row = judged(reading(50.0), usual(is_mature=False))
    assert (row["expected_pct"], row["sigma"], row["is_deviating"]) == (95.0, None, False)
    pooled = judged(reading(50.0), usual(is_mature=False, is_pooled=True, n=0))
    assert (pooled["is_deviating"], pooled["is_pooled"]) == (True, True)
    assert pooled["sigma"] == pytest.approx(-45 / 2)
    unknown = judged(reading(50.0), usual(low_side_std_pct=None))
    assert (unknown["sigma"], unknown["is_deviating"]) == (None, False)


def test_a_score_without_a_baseline_has_a_row_and_no_sigma() -> None:
    row = judged(reading(50.0), usual(site_id="other"))
    assert (row["expected_pct"], row["sigma"], row["is_deviating"], row["is_pooled"]) == (
        None,
        None,
        False,
        False,
    )


def test_a_day_without_a_score_has_no_row() -> None:
    normal = pl.DataFrame([usual()], schema=BASELINES.polars_schema(), orient="row")
    assert deviations(frame([reading(None, state="missing")]), normal, [D]).is_empty()
    assert deviations(frame([reading(90.0, EVE)]), normal, [D]).is_empty(), "a day that was not asked"


def test_from_history_to_deviation_a_bad_day_deviates_and_a_usual_weekday_does_not() -> None:
    month = [97.0 + 0.4 * (at % 3) - 6 * ((EVE - timedelta(days=29 - at)).weekday() == 3) for at in range(30)]
    readings = series([*month, 91.0])
    assert deviations(readings, baselines(readings, [D]), [D])["is_deviating"].item() is False, (
        "a Thursday is like that"
    )
    bad = series([*month, 84.0])
    assert deviations(bad, baselines(bad, [D]), [D])["is_deviating"].item() is True


@pytest.mark.slow
@given(st.floats(0, 100), st.floats(300, 1e6), st.floats(1.01, 100))
@settings(deadline=None, max_examples=60)
def test_fewer_users_never_narrow_the_band(score: float, minutes: float, times: float) -> None:
    few = judged(reading(score, total_user_minutes=minutes), usual())
    many = judged(reading(score, total_user_minutes=minutes * times), usual())
    assert few["expected_std_pct"] >= many["expected_std_pct"] - 1e-12  # type: ignore[operator]


HOUR = datetime(2026, 11, 19, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "num_users", "is_mature", "is_deviating"),
    [
        (6_000.0, None, True, True),
        (6_000.0, 100, True, True),
        (100.0, 2, True, False),
        (200.0, None, True, False),
        (6_000.0, 100, False, False),
    ],
)
def test_an_hour_deviates_from_its_hour_of_the_week_with_enough_users(
    minutes: float, num_users: int | None, is_mature: bool, is_deviating: bool
) -> None:
    key = {"hour": HOUR, "site_id": "site", "metric": "capacity"}
    numbers = {"mean_pct": 95.0, "std_pct": 2.0, "median_pct": 95.0, "mad_pct": 2.0, "n": 15}
    normal = pl.DataFrame(
        [
            {
                **key,
                "hour_of_week": 81,
                **numbers,
                "is_mature": is_mature,
                "low_side_std_pct": 2.0,
                "user_minutes": 6_000.0,
            }
        ],
        schema=HOURLY_SCHEMA,
        orient="row",
    )
    now = pl.DataFrame(
        [{**key, "score_pct": 60.0, "total_user_minutes": minutes, "num_users": num_users, "state": "ok"}],
        schema_overrides={"hour": pl.Datetime("us", "UTC"), "num_users": pl.Int64},
    )
    row = hourly_deviations(now, normal).row(0, named=True)
    assert row["is_deviating"] is is_deviating
    assert row["expected_pct"] == 95.0
    if num_users is None:
        assert hourly_deviations(now.drop("num_users"), normal).row(0, named=True) == row
