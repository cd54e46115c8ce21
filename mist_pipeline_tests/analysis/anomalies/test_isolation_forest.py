"""The forest: its schedule, its budget, its explanations; the same rows whenever and in whatever order it is asked."""

import json
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.analysis.anomalies.features import BLOCKS
from mist_pipeline.analysis.anomalies.isolation_forest import AnomalySettings, Tail, anomalies
from mist_pipeline.tables.analysis import ANOMALIES
from mist_pipeline_tests.support.analysis.site_days import DAY, METRICS, MONDAY, SMALL, world, worsened


def row(found: pl.DataFrame, site: str) -> dict[str, object]:
    return found.filter(pl.col("site_id") == site).row(0, named=True)


@pytest.mark.slow
def test_a_planted_site_day_is_found_and_the_metric_is_named() -> None:
    found = anomalies(worsened(world(), "s03", ["roaming"], 0.6), [DAY], SMALL)
    planted = row(found, "s03")
    assert planted["is_anomaly"] is True
    assert planted["anomaly_score"] == found["anomaly_score"].max()
    shares = json.loads(str(planted["contributions"]))
    assert next(iter(shares)) == "roaming"
    assert shares["roaming"] > 0.8
    assert found.filter(pl.col("is_anomaly"))["site_id"].to_list() == ["s03"]


@pytest.mark.slow
def test_several_metrics_together_are_more_unusual_than_one_of_them() -> None:
    one = row(anomalies(worsened(world(), "s03", ["roaming"], 0.25), [DAY], SMALL), "s03")
    all_three = row(anomalies(worsened(world(), "s03", METRICS, 0.25), [DAY], SMALL), "s03")
    assert float(str(all_three["anomaly_score"])) > float(str(one["anomaly_score"]))
    assert max(json.loads(str(all_three["contributions"])).values()) < 0.75


@pytest.mark.slow
def test_an_unusually_good_day_is_no_anomaly() -> None:
    assert row(anomalies(worsened(world(), "s03", METRICS, 0.0), [DAY], SMALL), "s03")["is_anomaly"] is False


@pytest.mark.slow
def test_columns_are_those_of_the_table() -> None:
    assert dict(anomalies(world(4, 10), [], SMALL).schema) == ANOMALIES.polars_schema()
    assert dict(anomalies(world(4, 10).clear(), [DAY], SMALL).schema) == ANOMALIES.polars_schema()
    assert dict(anomalies(world(), [DAY], SMALL).schema) == ANOMALIES.polars_schema()


@pytest.mark.slow
def test_the_forest_is_that_of_the_last_scheduled_training_day() -> None:
    shapes = world()
    found = anomalies(shapes, [MONDAY - timedelta(days=1), MONDAY, DAY], SMALL)
    windows = found.select("day", "trained_from", "trained_to").unique().sort("day").rows()
    week = timedelta(days=7)
    last, first = MONDAY - timedelta(days=1), MONDAY - timedelta(days=28)
    assert windows == [
        (MONDAY - timedelta(days=1), first - week, last - week),
        (MONDAY, first, last),
        (DAY, first, last),
    ]
    assert found.filter(pl.col("day") >= MONDAY)["model_version"].n_unique() == 1
    assert found["model_version"].n_unique() == 2
    assert found["model_version"][-1].startswith("iforest-2026-11-16-")


@pytest.mark.slow
def test_backfilled_or_on_the_day_the_rows_are_the_same() -> None:
    shapes = world(days=80)
    days = [DAY - timedelta(days=k) for k in range(9)]
    backfilled = anomalies(shapes, days, SMALL)
    for day in days:
        known_then = shapes.filter(pl.col("day").is_between(day - timedelta(days=SMALL.look_back_days), day))
        assert anomalies(known_then, [day], SMALL).equals(backfilled.filter(pl.col("day") == day))


@pytest.mark.slow
def test_a_metric_that_appears_later_does_not_reach_back_into_the_forest() -> None:
    shapes = world()
    newcomer = world(days=4, metrics=["throughput"], seed=9)
    assert anomalies(pl.concat([shapes, newcomer]), [DAY], SMALL).equals(anomalies(shapes, [DAY], SMALL))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_scores_and_another_one_others() -> None:
    shapes = world()
    once, again = anomalies(shapes, [DAY], SMALL), anomalies(shapes, [DAY], SMALL)
    other = anomalies(shapes, [DAY], AnomalySettings(trees=60, seed=8))
    assert once.equals(again)
    assert not once["anomaly_score"].equals(other["anomaly_score"])
    assert once["model_version"][0] != other["model_version"][0]


def test_a_missing_metric_is_neither_for_nor_against_its_site() -> None:
    gone = (pl.col("day") == DAY) & (pl.col("site_id") == "s03") & (pl.col("metric") == "coverage")
    shapes = worsened(world(), "s03", ["roaming"], 0.6).filter(~gone)
    planted = row(anomalies(shapes, [DAY], SMALL), "s03")
    assert planted["is_anomaly"] is True
    assert set(json.loads(str(planted["contributions"]))) == {"capacity", "roaming"}


@pytest.mark.parametrize(
    ("kept", "state"),
    [
        (~((pl.col("site_id") == "s03") & (pl.col("day") == DAY)), "too_little_data"),
        (
            (pl.col("site_id") != "s03") | (pl.col("day") > DAY - timedelta(days=10)),
            "too_little_history",
        ),
        (pl.col("day") > DAY - timedelta(days=20), "no_model"),
    ],
)
def test_a_site_that_cannot_be_scored_is_not_called_healthy(kept: pl.Expr, state: str) -> None:
    unjudged = row(anomalies(world().filter(kept), [DAY], SMALL), "s03")
    assert unjudged["state"] == state
    for column in ("anomaly_score", "is_anomaly", "rarity_per_1000", "contributions"):
        assert unjudged[column] is None


def test_a_site_that_is_gone_for_longer_than_its_reference_has_no_row() -> None:
    gone = (pl.col("site_id") == "s03") & (pl.col("day") > DAY - timedelta(days=40))
    assert "s03" not in anomalies(world().filter(~gone), [DAY], SMALL)["site_id"]


def test_a_day_without_users_is_too_little_data() -> None:
    hit = (pl.col("day") == DAY) & (pl.col("site_id") == "s03")
    shapes = world().with_columns(
        pl.when(hit).then(None).otherwise(pl.col(name)).alias(name) for name in ("share", "spread")
    )
    assert row(anomalies(shapes, [DAY], SMALL), "s03")["state"] == "too_little_data"


def test_sites_that_are_open_every_fourth_day_only_are_scored_without_a_change() -> None:
    lenient = AnomalySettings(trees=20, min_reference_days=6, min_training_rows=50)
    shapes = world().filter((pl.lit(DAY) - pl.col("day")).dt.total_days() % 4 == 0)
    assert anomalies(shapes, [DAY], lenient)["state"].unique().to_list() == ["ok"]


def test_a_tail_is_empirical_in_its_body_and_decreasing_beyond() -> None:
    scores = np.linspace(0.4, 0.6, 1001)
    tail = Tail.of(scores)
    assert tail.rarity(np.array([0.5]))[0] == pytest.approx(0.5, abs=0.01)
    assert tail.rarity(np.array([0.58]))[0] == pytest.approx(0.1, abs=0.01)
    # Of a uniform distribution, whose tail is generalised Pareto with shape −1, cut at −1/2: about right, never above.
    beyond = tail.rarity(np.array([0.585, 0.59, 0.6, 0.7, 0.9]))
    assert (np.diff(beyond) <= 0).all()
    assert beyond[-1] < 1e-3


def test_an_exponential_tail_is_extrapolated_as_such() -> None:
    quantiles = -np.log1p(-(np.arange(5000) + 0.5) / 5000)
    tail = Tail.of(quantiles)
    assert tail.rarity(np.array([-np.log(0.001)]))[0] == pytest.approx(0.001, rel=0.15)
    assert tail.rarity(np.array([-np.log(0.01)]))[0] == pytest.approx(0.01, rel=0.1)


def test_equal_scores_have_a_tail_too() -> None:
    assert Tail.of(np.full(50, 0.5)).rarity(np.array([0.5, 0.6])).tolist() == [1.0, 0.0]


@pytest.mark.slow
def test_on_quiet_sites_the_budget_is_kept() -> None:
    budget = AnomalySettings(budget_per_1000=10.0)
    days = [DAY - timedelta(days=k) for k in range(35)]
    found = pl.concat(anomalies(world(sites=20, days=110, seed=seed), days, budget) for seed in (20, 22))
    scored = found.filter(pl.col("state") == "ok")
    assert len(scored) == 2 * 35 * 20
    rate = 1000.0 * float(scored["is_anomaly"].sum()) / len(scored)
    assert 4.0 <= rate <= 20.0


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1_000))
def test_contributions_sum_to_one_scores_are_bounded_and_order_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = worsened(world(sites=6, seed=seed), "s01", ["coverage"], float(rng.uniform(0, 1)))
    few = AnomalySettings(trees=20)
    found = anomalies(shapes, [DAY], few)
    assert found["state"].unique().to_list() == ["ok"]
    assert found["anomaly_score"].is_between(0.0, 1.0).all()
    assert found["rarity_per_1000"].is_between(0.0, 1000.0).all()
    for text in found["contributions"]:
        shares = json.loads(text)
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)
        assert min(shares.values()) >= 0.0
    assert anomalies(shapes.sample(fraction=1.0, shuffle=True, seed=seed), [DAY], few).equals(found)


@pytest.mark.slow
def test_a_day_on_which_no_site_can_be_scored_has_rows_and_no_scores() -> None:
    silent = world().with_columns(
        pl.when(pl.col("day") == DAY).then(None).otherwise(pl.col("share")).alias("share")
    )
    found = anomalies(silent, [DAY], SMALL)
    assert len(found) == 12
    assert found["state"].unique().to_list() == ["too_little_data"]
    assert found["anomaly_score"].is_null().all()


def test_site_days_that_are_all_the_same_are_not_judged() -> None:
    constant = world(sites=6).with_columns(
        pl.lit(0.25).alias("share"),
        pl.lit(0.1).alias("spread"),
        *(pl.lit(60.0 / BLOCKS).alias(f"degraded_hours_{b}") for b in range(BLOCKS)),
    )
    found = anomalies(worsened(constant, "s03", ["roaming"], 0.9), [DAY], SMALL)
    assert found["state"].unique().to_list() == ["no_model"]
    judged = found.select("anomaly_score", "rarity_per_1000", "is_anomaly", "contributions")
    assert judged.null_count().row(0) == (6, 6, 6, 6)
