import json
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mist_pipeline.analysis.scores.bands import Bands
from mist_pipeline.analysis.scores.health import HealthRules, Method, credit, health_scores
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading

METRICS = ("capacity", "coverage", "roaming", "throughput")
SMOOTH, BANDED = HealthRules(METRICS), HealthRules(METRICS, method="banded")


def site(*scores: float | None, day: date = D, **columns: object) -> pl.DataFrame:
    named = zip(scores, METRICS, strict=False)
    return frame([reading(score, day, metric=metric, **columns) for score, metric in named])


def health(readings: pl.DataFrame, rules: HealthRules = SMOOTH, **options: object) -> dict[str, object]:
    return health_scores(readings, [D], rules, **options).row(0, named=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "score", "expected"),
    [
        ("smooth", 0.0, 0.10),
        ("smooth", 35.0, 0.15),
        ("smooth", 70.0, 0.20),
        ("smooth", 75.0, 0.25),
        ("smooth", 80.0, 0.30),
        ("smooth", 85.0, 0.65),
        ("smooth", 90.0, 1.0),
        ("smooth", 100.0, 1.0),
        ("smooth", None, None),
        ("banded", 69.9, 0.10),
        ("banded", 70.0, 0.20),
        ("banded", 80.0, 0.30),
        ("banded", 90.0, 1.0),
        ("banded", None, None),
    ],
)
def test_credit_by_severity(method: Method, score: float | None, expected: float | None) -> None:
    scores = pl.DataFrame({"score": [score]}, schema={"score": pl.Float64})
    found = scores.select(credit(pl.col("score"), method, Bands())).item()
    assert found == (None if expected is None else pytest.approx(expected))


def test_the_credit_follows_a_metrics_own_thresholds() -> None:
    strict = {"roaming": Bands(critical=90, major=95, warning=98)}
    scores = pl.DataFrame({"metric": ["roaming", "capacity"], "score": [95.0, 95.0]})
    found = scores.select(credit(pl.col("score"), "smooth", Bands(), strict)).to_series()
    assert found.to_list() == pytest.approx([0.30, 1.0])


def test_the_score_is_the_mean_of_score_times_credit_by_both_methods() -> None:
    readings = site(95.0, 85.0, 75.0, 60.0)
    banded = (95 * 1 + 85 * 0.3 + 75 * 0.2 + 60 * 0.1) / 4
    assert health(readings, BANDED)["score"] == pytest.approx(banded)
    smooth = (95 * 1 + 85 * 0.65 + 75 * 0.25 + 60 * (0.1 + 0.1 * 60 / 70)) / 4
    row = health(readings)
    assert row["score"] == pytest.approx(smooth)
    assert row["status"] == "CRITICAL"
    points = json.loads(str(row["contributions"]))
    assert points == pytest.approx(
        {
            "capacity": 95 / 4,
            "coverage": 85 * 0.65 / 4,
            "roaming": 75 * 0.25 / 4,
            "throughput": 60 * (0.1 + 6 / 70) / 4,
        }
    )


def test_no_cliff_between_89_9_and_90_1() -> None:
    just_below, just_above = (health(site(score))["score"] for score in (89.9, 90.1))
    assert just_above - just_below < 1.5  # type: ignore[operator]


def test_metrics_without_enough_users_lower_the_confidence_and_not_the_score() -> None:
    few = frame([reading(10.0, metric="coverage", num_users=2, total_user_minutes=60.0)])
    row = health(pl.concat([site(96.0), few]))
    assert (row["score"], row["confidence"]) == (96.0, 0.25)
    unsupported = frame([reading(None, metric=name, state="not_supported") for name in METRICS[1:]])
    assert health(pl.concat([site(96.0), unsupported]))["confidence"] == 1.0


def test_a_silent_site_is_neither_healthy_nor_zero() -> None:
    sites = pl.DataFrame({"day": [D, D], "site_id": ["silent", "site"]})
    row = health(site(96.0, 96.0), sites=sites)
    assert row["site_id"] == "silent"
    assert (row["score"], row["contributions"], row["confidence"], row["status"]) == (
        None,
        None,
        0.0,
        "UNKNOWN",
    )
    assert (row["change"], row["is_drop"]) == (None, False)


YESTERDAY = D - timedelta(days=1)


@pytest.mark.parametrize(
    ("before", "now", "is_drop"),
    [
        ((100.0,) * 4, (89.0,) * 4, True),
        ((100.0,) * 4, (99.0,) * 4, False),
        ((89.0,) * 4, (100.0,) * 4, False),
        ((100.0, 100.0, 100.0, None), (60.0, 60.0, 60.0, None), True),
        ((100.0, 100.0, None, None), (60.0,) * 4, False),
        ((100.0,) * 4, (60.0, 60.0, None, None), False),
    ],
)
def test_a_drop_of_more_than_ten_points_is_a_drop_if_both_days_are_known_well(
    before: tuple[float | None, ...], now: tuple[float | None, ...], is_drop: bool
) -> None:
    row = health(pl.concat([site(*before, day=YESTERDAY), site(*now)]))
    assert row["is_drop"] is is_drop
    assert row["change"] == pytest.approx(row["score"] - row["previous_score"])  # type: ignore[operator]
    assert row["previous_day"] == YESTERDAY


def test_exactly_ten_points_are_not_more_than_ten() -> None:
    readings = pl.concat([site(*[100.0] * 4, day=YESTERDAY), site(*[90.0] * 4)])
    assert health(readings, BANDED)["change"] == -10.0
    assert health(readings, BANDED)["is_drop"] is False
    assert health(readings, HealthRules(METRICS, method="banded", drop_points=9.9))["is_drop"] is True


def test_the_previous_day_is_the_last_one_with_a_score_within_a_week() -> None:
    closed = site(None, None, None, None, day=YESTERDAY)
    for days_back, expected in ((2, 96.0), (7, 96.0), (8, None)):
        before = site(*[96.0] * 4, day=D - timedelta(days=days_back))
        row = health(pl.concat([before, closed, site(*[97.0] * 4)]))
        assert row["previous_score"] == (None if expected is None else pytest.approx(expected))


def risks(**columns: object) -> pl.DataFrame:
    row = {
        "day": D,
        "site_id": "site",
        "metric": "capacity",
        "severity": "critical",
        "state": "crossing",
        "days": 2.0,
        "probability": 0.7,
    }
    return pl.DataFrame([row | columns], schema_overrides={"days": pl.Float64, "probability": pl.Float64})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, True),
        ({"days": 4.0}, False),
        ({"probability": 0.4}, False),
        ({"state": "never", "days": None, "probability": None}, False),
        ({"state": "already", "days": 0.0, "probability": 1.0}, False),
        ({"state": "too_little_history", "days": None, "probability": None}, None),
        ({"severity": "warning"}, None),
        ({"site_id": "other"}, None),
    ],
)
def test_a_site_is_at_risk_where_a_critical_crossing_is_near_and_probable(
    columns: dict[str, object], expected: bool | None
) -> None:
    assert health(site(96.0), risks=risks(**columns))["is_at_risk"] is expected


def test_without_risks_it_is_unknown_whether_a_site_is_at_risk() -> None:
    assert health(site(96.0))["is_at_risk"] is None


def test_no_days_give_an_empty_frame_of_the_same_columns() -> None:
    full = health_scores(site(96.0), [D], SMOOTH)
    assert health_scores(site(96.0), [], SMOOTH).schema == full.schema
    assert health_scores(site(96.0).clear(), [D], SMOOTH).is_empty()


some_scores = st.lists(st.floats(0, 100) | st.none(), min_size=4, max_size=4)


@pytest.mark.slow
@given(
    st.lists(some_scores, min_size=1, max_size=12),
    st.sampled_from(["smooth", "banded"]),
    st.integers(0, 1000),
)
@settings(deadline=None, max_examples=40)
def test_scores_are_bounded_contributions_sum_and_neither_order_nor_later_days_matter(
    days: list[list[float | None]], method: Method, seed: int
) -> None:
    rules = HealthRules(METRICS, method=method)
    readings = pl.concat([site(*scores, day=D - timedelta(days=back)) for back, scores in enumerate(days)])
    asked = [D - timedelta(days=back) for back in range(len(days))]
    rows = health_scores(readings.sample(fraction=1, shuffle=True, seed=seed), asked, rules)
    assert rows.height == len(days)
    for row in rows.drop_nulls("score").iter_rows(named=True):
        assert 0 <= row["score"] <= 100
        assert sum(json.loads(row["contributions"]).values()) == pytest.approx(row["score"], abs=1e-9)
    past = readings.filter(pl.col("day") <= asked[-1])
    assert_frame_equal(health_scores(past, [asked[-1]], rules), rows.filter(pl.col("day") == asked[-1]))


@pytest.mark.slow
@given(st.floats(0, 100), st.floats(0, 100), st.sampled_from(["smooth", "banded"]))
@settings(deadline=None, max_examples=50)
def test_a_better_metric_never_makes_a_site_less_healthy(one: float, other: float, method: Method) -> None:
    rules = HealthRules(METRICS, method=method)
    worse, better = (health(site(score, 95.0), rules)["score"] for score in sorted((one, other)))
    assert worse <= better + 1e-9  # type: ignore[operator]
