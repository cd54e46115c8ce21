from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.forecasts.forecast import forecasts
from mist_pipeline.analysis.forecasts.series import daily_series
from mist_pipeline.analysis.risks.change_points import (
    WINDOW_DAYS,
    Odds,
    crossed_by_day,
    explain,
    hypotheses,
    over_hypotheses,
    strayed,
)
from mist_pipeline.analysis.risks.risk import RiskRules, crossing_day, noise, risks, sentence
from mist_pipeline.analysis.scores.bands import Bands
from mist_pipeline.tables.analysis import RISKS
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series
from mist_pipeline_tests.support.analysis.planted_declines import curve_crosses, line_crosses, planted

SEVERITIES = ("critical", "major", "warning")
RULES = RiskRules(bands={})


def course(
    *, slope: float = 0.0, end: float = 90.0, sd: float = 0.4, begins: int = 20, seed: int = 1
) -> list[float]:
    """Eight weeks of scores: a level, then a slope since ``begins`` days ago that ends at ``end`` today."""
    ago = np.arange(55, -1, -1)
    level = end - slope * np.minimum(ago, begins)
    return np.clip(level + sd * np.random.default_rng(seed).normal(size=56), 0, 100).tolist()


def rows(history: pl.DataFrame, rules: RiskRules = RULES) -> dict[str, dict[str, object]]:
    return {row["severity"]: row for row in risks(history, D, rules=rules).to_dicts()}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (course(), {"critical": "never", "major": "never", "warning": "never"}),
        (course(end=95.0), {"critical": "never", "major": "never", "warning": "never"}),
        (course(end=75.0), {"critical": "never", "major": "already", "warning": "already"}),
        (course(end=60.0), {"critical": "already", "major": "already", "warning": "already"}),
        (course(slope=-0.9, end=82.0), {"critical": "never", "major": "crossing", "warning": "already"}),
        (course(slope=-1.2, end=73.0), {"critical": "crossing", "major": "already", "warning": "already"}),
        (course()[-10:], dict.fromkeys(("critical", "major", "warning"), "too_little_history")),
    ],
    ids=[
        "just over the line",
        "healthy",
        "low",
        "critical",
        "falling to major",
        "falling to critical",
        "new",
    ],
)
def test_the_state_of_each_threshold(scores: Sequence[float], expected: dict[str, str]) -> None:
    if scores is not None and scores[-1] < 91 and expected["warning"] == "never":
        scores = [score + 3 for score in scores]
    found = rows(series(scores))

    assert {severity: row["state"] for severity, row in found.items()} == expected


def test_the_days_are_those_of_the_planted_slope() -> None:
    row = rows(series(course(slope=-0.8, end=82.0, sd=0.2)))["major"]

    # Two points to go at 0.8 a day.
    assert row["days"] == pytest.approx(2.5, abs=0.6)
    assert row["days_low"] <= row["days"] <= row["days_high"] <= 5
    assert row["probability"] > 0.9
    assert row["slope_pct_per_day"] == pytest.approx(-0.8, abs=0.25)
    assert row["level_pct"] == pytest.approx(82.0, abs=0.4)
    assert row["decline_probability"] > 0.9
    assert row["threshold_pct"] == 80


def test_a_row_that_is_not_crossing_has_no_days() -> None:
    healthy = rows(series(course(end=96.0)))["critical"]
    assert (healthy["days"], healthy["days_low"], healthy["days_high"]) == (None, None, None)
    assert healthy["probability"] < 0.01

    low = rows(series(course(end=60.0)))["critical"]
    assert (low["days"], low["days_low"], low["days_high"], low["probability"]) == (0, 0, 0, 1)

    new = rows(series([90.0] * 5))["critical"]
    assert [new[c] for c in ("days", "probability", "level_pct", "slope_pct_per_day")] == [None] * 4


@pytest.mark.parametrize("bad_days", [1, 2, 3])
def test_a_dip_that_is_over_is_no_decline(bad_days: int) -> None:
    scores = course(end=93.0)
    for back in range(bad_days):
        scores[-3 - back] -= 9.0
    row = rows(series(scores))["major"]

    assert row["state"] == "never"
    assert row["probability"] < 0.05


def test_a_step_that_stays_is_no_decline() -> None:
    scores = course(end=94.0)
    scores[-10:] = [score - 8 for score in scores[-10:]]

    assert rows(series(scores))["major"]["probability"] < 0.05


def test_series_that_stopped_or_never_began_have_too_little_history() -> None:
    stopped = series(course(), D - timedelta(days=4))
    idle = frame([reading(None, site_id="idle")])
    found = risks(pl.concat([stopped, idle]), D, rules=RULES)

    assert set(found["state"]) == {"too_little_history"}
    assert found["probability"].null_count() == found.height == 6


def test_an_empty_history_has_no_risks() -> None:
    assert risks(frame([]), D, rules=RULES).schema == pl.Schema(RISKS.polars_schema())


def test_bands_of_a_metric_are_its_own() -> None:
    found = rows(series(course(end=92.0)), RiskRules(bands={"capacity": Bands(85, 93, 97)}))

    assert {row["severity"]: row["threshold_pct"] for row in found.values()} == {
        "critical": 85,
        "major": 93,
        "warning": 97,
    }
    assert found["major"]["state"] == "already"


@pytest.mark.parametrize(
    ("scores", "line", "expected"),
    [
        (course(slope=-0.3, end=83.0, sd=0.2), 85.0, True),
        (course(slope=-0.3, end=83.0, sd=0.2), None, False),
        (course(slope=-0.3, end=87.0, sd=0.2), 85.0, False),
        (course(end=83.0), 85.0, False),
        (course(slope=-1.5, end=73.0, sd=0.2), None, True),
        (course(end=60.0), 85.0, False),
    ],
    ids=[
        "under its line, falling",
        "no line",
        "above its line",
        "under, steady",
        "critical soon",
        "critical now",
    ],
)
def test_a_pre_warning_comes_before_critical(scores: list[float], line: float | None, expected: bool) -> None:
    rules = RiskRules(bands={}, pre_warning_pct=None if line is None else {"capacity": line})
    found = rows(series(scores), rules)

    assert found["critical"]["is_pre_warning"] is expected
    assert found["major"]["is_pre_warning"] is False


def test_a_spreading_forecast_makes_a_near_line_riskier() -> None:
    history = series(course(end=81.0, sd=0.2))
    posterior = pl.DataFrame(
        {
            "day": [D] * 7,
            "site_id": ["site"] * 7,
            "metric": ["capacity"] * 7,
            "horizon_days": list(range(1, 8)),
            "mean_pct": [81.0] * 7,
            "lower_80_pct": [80.5 - 0.7 * h for h in range(7)],
            "upper_80_pct": [81.5 + 0.7 * h for h in range(7)],
            "model": "arima(0,1,1)",
        }
    )
    major = pl.col("severity") == "major"
    calm = risks(history, D, rules=RULES).filter(major)["probability"].item()
    told = risks(history, D, rules=RULES, forecasts=posterior).filter(major)["probability"].item()
    other = risks(
        history, D, rules=RULES, forecasts=posterior.with_columns(pl.lit("x").alias("site_id"))
    ).filter(major)

    assert told > calm + 0.1
    assert other["probability"].item() == calm


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {
                "severity": "critical",
                "state": "crossing",
                "days_low": 2.0,
                "days_high": 3.0,
                "probability": 0.7,
            },
            "approaching critical in 2–3 days at the current trend (70 %)",
        ),
        (
            {
                "severity": "major",
                "state": "crossing",
                "days_low": 0.2,
                "days_high": 0.9,
                "probability": 0.999,
            },
            "approaching major in 1 day at the current trend (> 99 %)",
        ),
        (
            {"severity": "major", "state": "crossing", "days_low": 4.0, "days_high": 4.0, "probability": 0.5},
            "approaching major in 4 days at the current trend (50 %)",
        ),
        ({"severity": "critical", "state": "already"}, "already critical"),
        ({"severity": "critical", "state": "too_little_history"}, "too little history to tell"),
        (
            {"severity": "critical", "state": "never", "probability": 0.001},
            "not approaching critical within 7 days (< 1 %)",
        ),
    ],
)
def test_the_sentence_says_what_the_row_says(row: dict[str, object], expected: str) -> None:
    assert sentence(row) == expected


def test_the_day_of_crossing_is_read_off_the_distribution() -> None:
    reach = np.array([[0.0, 0.2, 0.6, 0.8]])

    # Half of 0.8 is reached half way between 0.2 (day 2) and 0.6 (day 3).
    assert crossing_day(reach, 0.5)[0] == pytest.approx(2.5)
    assert crossing_day(reach, 1.0)[0] == pytest.approx(4.0)
    assert crossing_day(np.array([[0.9, 0.9]]), 0.5)[0] == pytest.approx(0.5)
    assert np.isfinite(crossing_day(np.zeros((1, 3)), 0.5)).all()


def test_the_evidence_of_a_hypothesis_is_the_density_of_the_days_under_it() -> None:
    from scipy.stats import multivariate_normal

    odds, tested = Odds(), hypotheses(7, Odds())
    rng = np.random.default_rng(0)
    score = 90 + rng.normal(size=(1, WINDOW_DAYS)) - np.clip(np.arange(WINDOW_DAYS) - 30, 0, None) * 0.3
    variance = np.full_like(score, 1.3)
    found = explain(score, variance, tested, odds)
    centred = score[0] - score[0].mean()
    density = [
        multivariate_normal.logpdf(
            centred, cov=1.3 * np.eye(WINDOW_DAYS) + 15.0**2 + odds.effect_pct**2 * np.outer(x, x)
        )
        for x in tested.past
    ]
    expected = np.exp(np.array(density) - max(density)) * tested.prior

    np.testing.assert_allclose(found.weight[0], expected / expected.sum(), rtol=1e-5)


def test_the_prediction_of_a_hypothesis_is_its_regression_carried_on() -> None:
    tested = hypotheses(3, Odds())
    k = int(np.flatnonzero(tested.is_trend)[5])
    score = 92 - 4 * tested.past[k][None]
    found = explain(score, np.full_like(score, 0.01), tested, Odds())

    assert found.weight[0].argmax() == k
    np.testing.assert_allclose(found.mean[0, k], 92 - 4 * tested.ahead[k], atol=0.01)
    threshold = np.array([found.mean[0, k, 1]])
    by_day = crossed_by_day(found, threshold, strayed(found, np.zeros((1, 3))))
    assert over_hypotheses(found.weight, by_day)[0, 1] == pytest.approx(0.5, abs=0.1)


def test_hypotheses_sum_to_one_and_each_has_one_unit_of_effect() -> None:
    tested = hypotheses(7, Odds())

    assert tested.prior.sum() == pytest.approx(1)
    assert (tested.past[1:].max(axis=1) == 1).all()
    assert not tested.past[0].any()
    assert (tested.ahead[tested.is_trend][:, 0] > 1).all()


def test_noise_grows_with_fewer_users_and_forgets_blips() -> None:
    scores = course(end=92.0, sd=1.0)
    scores[-20] -= 15
    crowd = series(scores).with_columns(
        pl.when(pl.col("day") == D - timedelta(days=5)).then(20).otherwise(200).alias("num_users")
    )
    kept, variance = noise(daily_series(crowd, D, 56))

    assert np.isnan(kept[0, -20])
    assert np.isnan(kept).sum() == 1
    # A tenth of the usual users counts as a sixth: (1 + 6) / 2 of the variance.
    assert variance[0, -6] / variance[0, -7] == pytest.approx(3.5, rel=0.2)


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=1, max_size=60), min_size=1, max_size=3
    )
)
def test_whatever_the_history_probabilities_are_probabilities_and_ranges_are_ordered(
    histories: list[list[float | None]],
) -> None:
    history = pl.concat([series(scores, site_id=f"s{i}") for i, scores in enumerate(histories)])
    found = risks(history, D, rules=RULES)

    assert found.filter(~pl.col("probability").is_between(0, 1)).is_empty()
    crossing = found.filter(pl.col("state") == "crossing")
    assert crossing.filter(
        (pl.col("days_low") > pl.col("days")) | (pl.col("days") > pl.col("days_high"))
    ).is_empty()
    assert (found["days"].is_null() == ~found["state"].is_in(["crossing", "already"])).all()
    critical, major, warning = (found.filter(pl.col("severity") == s)["probability"] for s in SEVERITIES)
    assert (critical.fill_null(0) <= major.fill_null(0) + 1e-9).all()
    assert (major.fill_null(0) <= warning.fill_null(0) + 1e-9).all()


def test_order_of_rows_and_later_days_change_nothing() -> None:
    history = planted("linear", 5, 20).frame()
    later = history.with_columns(pl.col("day") + timedelta(days=5), pl.col("score_pct") * 0.5).filter(
        pl.col("day") > D
    )
    expected = risks(history, D, rules=RULES)

    assert risks(history.sample(fraction=1.0, shuffle=True, seed=3), D, rules=RULES).equals(expected)
    assert risks(pl.concat([history, later]), D, rules=RULES).equals(expected)


@pytest.mark.slow
def test_declines_are_warned_of_more_often_and_dips_and_steps_less_often_than_by_lines_and_curves() -> None:
    hit: dict[str, float] = {}
    rule: dict[str, float] = {}
    for kind in ("quiet", "dip", "step", "linear", "accelerating"):
        world = planted(kind, seed=4021)
        history = world.frame()
        found = risks(history, D, rules=RULES, forecasts=forecasts(history, D)).filter(
            pl.col("severity") == "major"
        )
        warned = found["state"].is_in(["crossing", "already"])
        hit[kind] = warned.mean()
        week, fortnight = line_crosses(world.scores, 7), line_crosses(world.scores, 14)
        rule[kind] = (fortnight | (week & curve_crosses(world.scores, 14))).mean()

    assert hit["linear"] > max(rule["linear"], 0.94)
    assert hit["accelerating"] > max(rule["accelerating"], 0.6)
    assert hit["quiet"] < 0.01
    assert (hit["dip"] + hit["step"]) / 2 < 0.1 < (rule["dip"] + rule["step"]) / 2


@pytest.mark.slow
def test_probabilities_are_those_with_which_levels_cross() -> None:
    # As often as the odds say: mostly nothing happens, one series in ten declines and crosses soon.
    share = {"quiet": 0.65, "dip": 0.1, "step": 0.15, "linear": 0.06, "accelerating": 0.04}
    told, came, weight = [], [], []
    for kind, part in share.items():
        world = planted(kind, seed=977)
        history = world.frame()
        found = risks(history, D, rules=RULES).filter(pl.col("severity") == "major")
        told.append(found["probability"].to_numpy())
        came.append(np.isfinite(world.lead))
        weight.append(np.full(found.height, part / found.height))
    p, y, w = np.concatenate(told), np.concatenate(came), np.concatenate(weight)
    base_rate = np.average(y, weights=w)
    brier = np.average((p - y) ** 2, weights=w)

    assert brier < 0.4 * base_rate * (1 - base_rate)
    likely = p > 0.5
    assert np.average(y[likely], weights=w[likely]) > 0.8
    assert np.average(y[p < 0.05], weights=w[p < 0.05]) < 0.02


def test_a_warning_is_withheld_where_the_weekday_mean_has_been_better() -> None:
    history = series(course(slope=-1.2, end=73.0))
    for model, withheld in (("weekday mean", True), ("arima(0,1,1)", False)):
        forecast = pl.DataFrame(
            {
                "day": [D],
                "site_id": "site",
                "metric": "capacity",
                "horizon_days": 1,
                "mean_pct": 73.0,
                "lower_80_pct": 72.0,
                "upper_80_pct": 74.0,
                "model": model,
            }
        )
        found = risks(history, D, rules=RULES, forecasts=forecast).filter(pl.col("severity") == "critical")
        (row,) = found.to_dicts()
        assert (row["state"], row["is_withheld"], row["is_pre_warning"]) == (
            "crossing",
            withheld,
            not withheld,
        )
        assert ("no warning" in sentence(row)) == withheld
        assert row["courses_pct"] is not None
