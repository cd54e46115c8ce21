from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.forecasts.arima_filter import kalman
from mist_pipeline.analysis.forecasts.forecast import forecasts
from mist_pipeline.analysis.forecasts.intervals import calibrated
from mist_pipeline.analysis.forecasts.model_search import (
    WINDOW_DAYS,
    fallback_reasons,
    search_chunk,
    search_orders,
    search_weekday,
)
from mist_pipeline.analysis.forecasts.models import SHAPE_EDGES, Prediction, ljung_box_p, pmdarima_fit
from mist_pipeline.analysis.forecasts.series import to_logit
from mist_pipeline.analysis.stats.weekday import weekday_effects
from mist_pipeline.tables.analysis import FORECASTS, MODELS
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series
from mist_pipeline_tests.support.analysis.noisy_series import noisy, sites

pytestmark = pytest.mark.slow

BOUNDS = ["lower_pct", "lower_80_pct", "mean_pct", "upper_80_pct", "upper_pct"]


def first_row(found: pl.DataFrame) -> dict[str, object]:
    return found.filter(pl.col("horizon_days") == 1).to_dicts()[0]


def test_every_series_gets_a_row_for_each_of_at_least_seven_days() -> None:
    found = forecasts(sites(3), D, horizon_days=3)

    assert found.schema == pl.Schema(FORECASTS.polars_schema())
    assert found.height == 3 * 7
    assert found["target_day"].to_list() == [D + timedelta(days=h) for h in range(1, 8)] * 3
    assert forecasts(sites(1), D, horizon_days=10).height == 10
    assert set(found["model"]) == {"arima(0,1,1) default"}
    assert set(found["state"]) == {"ok"}


@pytest.mark.parametrize(
    ("scores", "state", "model", "mean"),
    [
        ([100.0] * 40, "constant", "constant", 100.0),
        ([90.0, 91.0, 92.0], "short", "recent median", 91.0),
        ([90.0, 91.0], "too_little_history", "none", None),
        ([*[90.0] * 7, *[92.0] * 7, *[90.0] * 2], "short", "weekday median", None),
        ([*noisy(1, 40), *[None] * 14], "dead", "none", None),
        ([s if i % 3 == 0 else None for i, s in enumerate(noisy(2, 91))], "gaps", "weekday median", None),
        (noisy(3, 22), "short", "arima(0,1,1) default", None),
        (noisy(4, 60), "ok", "arima(0,1,1) default", None),
    ],
    ids=["constant", "new", "two readings", "short", "dead", "gaps", "three weeks", "two months"],
)
def test_what_a_series_is_decides_its_model_and_is_said(
    scores: Sequence[float | None], state: str, model: str, mean: float | None
) -> None:
    found = forecasts(series(scores), D)

    assert set(found["state"]) == {state}
    assert set(found["model"]) == {model}
    if state in ("dead", "too_little_history"):
        assert found.select(BOUNDS).null_count().sum_horizontal().item() == 5 * 7
    elif mean is not None:
        assert found["mean_pct"].to_list() == pytest.approx([mean] * 7)


def test_the_weekday_median_follows_the_weekday() -> None:
    first = D - timedelta(days=15)
    scores = [70.0 if (first + timedelta(days=i)).weekday() == 6 else 90.0 for i in range(16)]
    found = forecasts(series(scores), D)

    by_day = dict(zip(found["target_day"], found["mean_pct"], strict=True))
    assert by_day[date(2026, 11, 22)] == pytest.approx(70.0)  # Sunday
    assert by_day[date(2026, 11, 23)] == pytest.approx(90.0)


def test_a_weekly_pattern_is_carried_on() -> None:
    rng = np.random.default_rng(0)
    first = D - timedelta(days=90)
    scores = [
        (84.0 if (first + timedelta(days=i)).weekday() == 5 else 94.0) + 0.3 * rng.normal() for i in range(91)
    ]
    found = forecasts(series(scores), D)
    by_day = dict(zip(found["target_day"], found["mean_pct"], strict=True))

    assert by_day[date(2026, 11, 21)] == pytest.approx(84.0, abs=1.0)
    assert by_day[date(2026, 11, 24)] == pytest.approx(94.0, abs=0.7)


def test_a_decline_moves_the_forecast_down_with_it() -> None:
    falling = forecasts(series(noisy(1, slope=-0.25, level=75.0, sd=0.5)), D)

    assert falling["mean_pct"].max() < 77
    assert falling["mean_pct"].min() > 70


def test_an_empty_history_gives_an_empty_table() -> None:
    assert forecasts(frame([]), D).schema == pl.Schema(FORECASTS.polars_schema())
    assert forecasts(frame([]), D).is_empty()


def test_the_intervals_hold_what_they_promise_on_days_they_have_not_seen() -> None:
    rng = np.random.default_rng(8)
    level = rng.uniform(80, 97, size=(250, 1))
    scores = np.clip(level + rng.standard_t(5, size=(250, 98)) * rng.uniform(0.4, 1.5, size=(250, 1)), 0, 100)
    history = pl.concat(
        [series(row.tolist(), D + timedelta(days=7), site_id=f"s{i:03d}") for i, row in enumerate(scores)]
    )
    found = forecasts(history, D).join(
        history.select("site_id", pl.col("day").alias("target_day"), "score_pct"),
        on=["site_id", "target_day"],
    )
    inside_80 = found["score_pct"].is_between(found["lower_80_pct"], found["upper_80_pct"]).mean()
    inside_95 = found["score_pct"].is_between(found["lower_pct"], found["upper_pct"]).mean()

    assert 0.75 < inside_80 < 0.86
    assert 0.92 < inside_95 < 0.98


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.floats(0, 100), st.just(100.0)), min_size=1, max_size=60),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_the_history_intervals_are_ordered_and_percentages(
    histories: list[list[float | None]],
) -> None:
    rows = pl.concat([series(scores, site_id=f"s{i}") for i, scores in enumerate(histories)])
    found = forecasts(rows, D).drop_nulls("mean_pct").select(BOUNDS).to_numpy()

    assert np.isfinite(found).all()
    assert (np.diff(found, axis=1) >= 0).all()
    assert ((found >= 0) & (found <= 100)).all()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    history = pl.concat([sites(6), series([90.0] * 5, site_id="new"), series([100.0] * 50, site_id="flat")])

    assert forecasts(history.sample(fraction=1.0, shuffle=True, seed=seed), D).equals(forecasts(history, D))


def test_a_day_computed_then_equals_the_same_day_backfilled_now() -> None:
    later = sites(2, days=120, last=D + timedelta(days=20))
    then = later.filter(pl.col("day") <= D)
    searches = [D - timedelta(days=7), D, D + timedelta(days=7)]
    models_now = search_orders(later, searches, only_due=False)
    models_then = search_orders(then, searches[:1], only_due=False)
    issued_now = pl.concat(
        [forecasts(later, D + timedelta(days=d), models=models_now) for d in (-9, -2, 0, 3)]
    )
    issued_then = pl.concat([forecasts(then, D + timedelta(days=d), models=models_then) for d in (-9, -2)])

    now = forecasts(later, D, models=models_now, issued=issued_now)
    assert now.equals(forecasts(then, D, models=models_then, issued=issued_then))
    assert now["beats_naive"].null_count() == 0


def test_rows_of_the_search_day_and_later_and_stale_ones_are_not_used() -> None:
    history = sites(1)
    found_then = search_orders(history, [D], only_due=False)
    for searched, expected in ((D, False), (D - timedelta(days=1), True), (D - timedelta(days=36), False)):
        models = found_then.with_columns(pl.lit(searched).alias("day"))
        found = forecasts(history, D, models=models)
        assert ("default" not in found["model"][0]) == expected


def test_a_search_stores_order_coefficients_and_how_it_did_against_the_naive_forecast() -> None:
    found = search_orders(sites(3), [D], only_due=False)
    row = found.to_dicts()[0]

    assert found.schema == pl.Schema(MODELS.polars_schema())
    assert (row["d"], row["n"], row["fallback"]) == (1, 91, None)
    # Fourteen origins, and eight of them have all seven days, the later ones six, five … one.
    assert row["backtest_n"] == 8 * 7 + 21
    # Level noise: the filter averages it away, the naive forecast repeats it (√2 of the error).
    assert found["backtest_mase"].mean() < found["backtest_naive_mase"].mean()
    assert found["backtest_naive_mase"].mean() == pytest.approx(1.0, abs=0.25)


def test_the_search_finds_the_planted_order() -> None:
    rng = np.random.default_rng(6)
    e = 0.1 * rng.normal(size=(12, 91))
    w = np.zeros_like(e)
    for t in range(2, 91):
        w[:, t] = 0.3 * w[:, t - 1] - 0.8 * w[:, t - 2] + e[:, t]
    scores = 100 / (1 + np.exp(-(1.5 + np.cumsum(w, axis=1) - w.sum(axis=1, keepdims=True))))
    history = pl.concat([series(row.tolist(), site_id=f"s{i:02d}") for i, row in enumerate(scores)])
    orders = search_orders(history, [D], only_due=False).group_by("p", "q").len().sort("len", descending=True)

    assert orders.row(0)[:2] == (2, 0)


def test_pmdarima_finds_no_likelier_coefficients() -> None:
    z = to_logit(np.array([noisy(seed, sd=1.5) for seed in range(6)]))
    weekday = np.arange(91) % 7
    found = search_chunk(z)
    flat = z - weekday_effects(z, weekday).effect[:, weekday]
    for row, (p, q) in enumerate(found.order):
        start = np.full(p, 0.1), np.full(q, -0.4)
        referee = pmdarima_fit(flat[row], *start, float(found.sigma2[row]), 50)
        assert referee is not None
        ar, ma = (part[None] for part in referee)
        likeliest = kalman(flat[row : row + 1], ar, ma).aicc(int(p + q))
        assert found.aicc[row] <= likeliest[0] + 0.1


def test_what_cannot_be_searched_says_why() -> None:
    history = pl.concat(
        [
            series(noisy(1, 20), site_id="short"),
            series([100.0] * 60, site_id="constant"),
            series([s if i % 3 == 0 else None for i, s in enumerate(noisy(2, 91))], site_id="gaps"),
        ]
    )
    found = search_orders(history, [D], only_due=False)

    assert dict(zip(found["site_id"], found["fallback"], strict=True)) == {
        "short": "short",
        "constant": "constant",
        "gaps": "gaps",
    }
    assert found["params"].null_count() == 3
    assert set(
        forecasts(history, D, models=found.with_columns(pl.lit(D - timedelta(days=1)).alias("day")))["model"]
    ) == {
        "weekday median",
        "constant",
    }


def test_a_series_without_a_reading_has_no_search() -> None:
    assert fallback_reasons(np.full((1, 10), np.nan)).tolist() == ["short"]
    assert search_orders(frame([]), [D]).is_empty()


def test_each_series_is_searched_once_a_week_and_the_days_share_the_work() -> None:
    due = [search_weekday(f"site-{i}", "capacity") for i in range(7000)]

    assert min(due.count(w) for w in range(7)) > 900
    # Fixed for ever: another hash would move every series' search to another day.
    assert [search_weekday("a", metric) for metric in ("capacity", "coverage", "roaming")] == [5, 1, 6]
    history = sites(4, days=98)
    week = search_orders(history, [D - timedelta(days=d) for d in range(7)])
    assert sorted(week["site_id"]) == sorted(set(history["site_id"]))
    assert all(
        search_weekday(s, m) == d.weekday() for d, s, m in week.select("day", "site_id", "metric").iter_rows()
    )


def test_days_searched_together_find_what_each_would_have_found_alone() -> None:
    history = pl.concat([sites(2, days=98), series([90.0] * 12, site_id="new")])
    days = [D - timedelta(days=back) for back in (9, 2, 0)]
    alone = pl.concat(
        [search_orders(history.filter(pl.col("day") <= day), [day], only_due=False) for day in days]
    )

    assert search_orders(history, days, only_due=False).equals(alone)


def test_coefficients_that_no_longer_describe_the_series_are_refitted() -> None:
    rng = np.random.default_rng(0)
    walk = np.clip(90 + np.cumsum(0.4 * rng.normal(size=91)), 60, 99)
    noise = noisy(9)
    stale = pl.DataFrame(
        {
            "day": [D - timedelta(days=3)] * 2,
            "site_id": ["noise", "walk"],
            "metric": ["capacity"] * 2,
            "p": [0, 0],
            "d": [1, 1],
            "q": [1, 1],
            # Right for the noise around a level, far from a random walk.
            "params": ['{"ar": [], "ma": [-0.95]}'] * 2,
            "ljung_box_p": [0.5, 0.5],
            "backtest_n": [0, 0],
            "backtest_error_pct": [None, None],
            "backtest_naive_error_pct": [None, None],
        },
        schema_overrides={"backtest_error_pct": pl.Float64, "backtest_naive_error_pct": pl.Float64},
    )
    history = pl.concat([series(walk.tolist(), site_id="walk"), series(noise, site_id="noise")])
    found = forecasts(history, D, models=stale).filter(pl.col("horizon_days") == 1).sort("site_id")
    assert found["is_refitted"].to_list() == [False, True]
    assert found["model"].to_list() == ["arima(0,1,1)"] * 2
    assert found["mean_pct"][1] == pytest.approx(walk[-1], abs=1.0)

    known_bad = forecasts(history, D, models=stale.with_columns(pl.lit(0.001).alias("ljung_box_p")))
    assert not known_bad["is_refitted"].any()


def test_the_ljung_box_statistic_is_that_of_statsmodels() -> None:
    from statsmodels.stats.diagnostic import acorr_ljungbox

    rng = np.random.default_rng(9)
    rows = np.stack([rng.normal(size=56), np.cumsum(rng.normal(size=56))])
    expected = [acorr_ljungbox(row, lags=[7])["lb_pvalue"].iloc[0] for row in rows]

    np.testing.assert_allclose(ljung_box_p(rows), expected, rtol=1e-6, atol=1e-12)
    assert np.isnan(ljung_box_p(np.full((1, 56), np.nan))[0])


def prediction(bins: np.ndarray, scale: float = 1.0) -> Prediction:
    n, _, horizon = bins.shape
    return Prediction(
        mean=np.zeros((n, horizon)),
        sd=np.ones((n, horizon)),
        scale=np.full(n, scale),
        origins=np.full(n, bins.shape[1]),
        shape=bins.astype(np.int16),
        is_refitted=np.zeros(n, dtype=bool),
    )


def test_bounds_are_the_quantiles_of_past_errors() -> None:
    errors = np.linspace(-1, 3, 801)
    bins = (np.searchsorted(SHAPE_EDGES, errors, side="right") - 1)[None, :, None]
    bounds = calibrated(prediction(bins), np.array(["capacity"]))

    # 2.5, 10, 90 and 97.5 % of the way from −1 to 3.
    np.testing.assert_allclose(bounds[0, 0], [-0.9, -0.6, 2.6, 2.9], atol=0.021)


def test_a_series_scale_is_drawn_to_that_of_its_metric() -> None:
    bins = np.full((3, 28, 1), -1)
    narrow = prediction(bins)
    mixed = Prediction(
        narrow.mean, narrow.sd, np.array([1.0, 1.0, 4.0]), narrow.origins, narrow.shape, narrow.is_refitted
    )
    bounds = calibrated(mixed, np.array(["capacity"] * 3))

    # Without enough errors the shape is normal; 28 origins weigh as much as the metric: √(4 · 1) = 2.
    assert bounds[2, 0, 3] / bounds[0, 0, 3] == pytest.approx(2.0)
    assert bounds[0, 0].tolist() == pytest.approx(
        [-1.95996 / 1.28155, -1.0, 1.0, 1.95996 / 1.28155], abs=1e-4
    )


def test_without_any_past_error_the_model_is_believed() -> None:
    bounds = calibrated(prediction(np.full((1, 3, 1), -1), np.nan), np.array(["capacity"]))

    assert bounds[0, 0].tolist() == pytest.approx([-1.95996, -1.28155, 1.28155, 1.95996], abs=1e-4)


def test_the_look_back_is_thirteen_weeks() -> None:
    longer = sites(3, days=140)
    cut = longer.filter(pl.col("day") > D - timedelta(days=WINDOW_DAYS))

    assert forecasts(longer, D).equals(forecasts(cut, D))


def test_null_days_inside_do_not_hide_a_series() -> None:
    scores: list[float | None] = list(noisy(5))
    scores[30:36] = [None] * 6
    gap = pl.concat([series(scores), frame([reading(None, D - timedelta(days=57))])])
    row = first_row(forecasts(gap, D))

    assert row["state"] == "ok"
    assert row["mean_pct"] == pytest.approx(92, abs=1.5)


def test_a_fit_that_fails_leaves_the_stored_coefficients_in_place() -> None:
    start = np.array([0.1, 0.1]), np.array([0.2, 0.2])

    assert pmdarima_fit(np.array([1.0, np.inf, 2.0, 1.0]), *start, 1.0, 5) is None


def test_a_series_whose_model_lost_to_its_weekdays_gets_their_mean_and_keeps_being_graded() -> None:
    history = pl.concat(
        [series(noisy(5, 91), site_id="a"), series(noisy(6, 91), site_id="b")],
    )
    days = [D - timedelta(days=ago) for ago in range(1, 30)]
    # What was issued for site a was eight points off; nothing was for site b.
    issued = pl.concat(
        [
            FORECASTS.empty(),
            pl.DataFrame(
                {
                    "day": days,
                    "site_id": "a",
                    "metric": "capacity",
                    "horizon_days": 1,
                    "target_day": [day + timedelta(days=1) for day in days],
                    "mean_pct": 84.0,
                    "model": "arima(0,1,1)",
                }
            ),
        ],
        how="diagonal_relaxed",
    )
    found = forecasts(history, D, issued=issued)
    by_site = {site: rows for (site,), rows in found.partition_by("site_id", as_dict=True).items()}
    assert set(by_site["a"]["model"]) == {"weekday mean"}
    assert set(by_site["b"]["model"]) == {"arima(0,1,1) default"}
    same_weekday = history.filter(
        (pl.col("site_id") == "a")
        & pl.col("day").is_in([D + timedelta(days=1 - 7 * week) for week in range(1, 5)])
    )
    assert by_site["a"]["mean_pct"][0] == pytest.approx(same_weekday["score_pct"].mean())
    assert by_site["a"]["model_mean_pct"][0] != pytest.approx(by_site["a"]["mean_pct"][0])
    assert by_site["b"]["model_mean_pct"].equals(by_site["b"]["mean_pct"])
    assert (
        found.select(
            (pl.col("lower_pct") <= pl.col("mean_pct")) & (pl.col("mean_pct") <= pl.col("upper_pct"))
        )
        .to_series()
        .all()
    )
