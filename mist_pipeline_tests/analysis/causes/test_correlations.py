"""Correlation of deviations: hand-computed values, planted pairs, coincidences that must not become pairs."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from mist_pipeline.analysis.causes.correlations import (
    CorrelationSettings,
    correlations,
    normal_scores,
)
from mist_pipeline.tables import analysis

DAY = date(2026, 11, 20)


def deviations(residuals: dict[str, list[float | None]], metric: str = "capacity") -> pl.DataFrame:
    """A deviations frame whose rows end on DAY; None = no reading that day."""
    return pl.DataFrame(
        [
            (DAY - timedelta(days=len(values) - 1 - i), site, metric, 95.0 + value, 95.0)
            for site, values in residuals.items()
            for i, value in enumerate(values)
            if value is not None
        ],
        schema={
            "day": pl.Date,
            "site_id": pl.String,
            "metric": pl.String,
            "score_pct": pl.Float64,
            "expected_pct": pl.Float64,
        },
        orient="row",
    )


def noise(seed: int, days: int = 30) -> list[float]:
    return [-float(x) for x in np.random.default_rng(seed).gamma(1.0, 2.0, days)]


def test_normal_scores_are_those_of_blom_and_ties_share_their_mean_rank() -> None:
    scores = normal_scores(np.array([[5.0, 1.0, np.nan, 3.0, 3.0]]), min_days=4)
    expected = norm.ppf((np.array([4.0, 1.0, 2.5, 2.5]) - 0.375) / 4.25)
    assert scores[0, [0, 1, 3, 4]] == pytest.approx(expected)
    assert np.isnan(scores[0, 2])


def test_a_site_that_never_varies_or_has_too_few_days_is_not_correlated() -> None:
    scores = normal_scores(np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 2.0, np.nan, np.nan]]), min_days=3)
    assert np.isnan(scores).all()


def test_the_coefficient_is_that_of_the_days_that_both_sites_have() -> None:
    rng = np.random.default_rng(5)
    a = rng.normal(size=30)
    b = a + 0.3 * rng.normal(size=30)
    gaps: list[float | None] = [None if i in {3, 4, 17} else float(x) for i, x in enumerate(a)]
    found = correlations(deviations({"a": gaps, "b": [float(x) for x in b]}), [DAY])
    both = [i for i in range(30) if i not in {3, 4, 17}]
    ranks_a = a[both].argsort().argsort() + 1
    z_a = norm.ppf((ranks_a - 0.375) / 27.25)
    z_b = norm.ppf((b.argsort().argsort() + 1 - 0.375) / 30.25)[both]
    assert found.rows() == [
        (DAY, "capacity", "a", "b", pytest.approx(np.corrcoef(z_a, z_b)[0, 1], abs=1e-9), 27)
    ]


def test_columns_are_those_of_the_table_and_nothing_gives_an_empty_frame() -> None:
    empty = correlations(deviations({}), [DAY])
    assert empty.schema == analysis.CORRELATIONS.empty().schema
    assert empty.is_empty()
    assert correlations(deviations({"a": noise(1)}), []).is_empty()
    assert correlations(deviations({"a": noise(1)}), [DAY]).is_empty()


def test_an_improvement_against_a_trouble_is_no_pair() -> None:
    values = noise(2)
    assert correlations(deviations({"a": values, "b": [-v for v in values]}), [DAY]).is_empty()


def test_one_shared_bad_day_is_a_coincidence() -> None:
    spike = [0.0] * 29 + [-40.0]
    assert correlations(deviations({"a": spike, "b": spike}), [DAY]).is_empty()
    thrice = [0.0] * 27 + [-40.0] * 3
    lenient = CorrelationSettings(min_joint_days=3)
    assert len(correlations(deviations({"a": thrice, "b": thrice}), [DAY], lenient)) == 1


def test_days_outside_the_window_change_nothing() -> None:
    values = {"a": noise(3, 60), "b": [v - 0.1 for v in noise(3, 60)], "c": noise(4, 60)}
    full = deviations(values)
    day = DAY - timedelta(days=10)
    cut = full.filter(pl.col("day").is_between(day - timedelta(days=29), day))
    assert correlations(full, [day]).equals(correlations(cut, [day]))
    assert correlations(full, [day, DAY]).filter(pl.col("day") == day).equals(correlations(cut, [day]))


def test_a_missing_score_is_no_deviation() -> None:
    frame = deviations({"a": noise(5), "b": noise(5)})
    holes = frame.with_columns(
        pl.when(pl.col("day") < DAY - timedelta(days=9))
        .then(None)
        .otherwise(pl.col("score_pct"))
        .alias("score_pct")
    )
    assert len(correlations(frame, [DAY])) == 1
    assert correlations(holes, [DAY]).is_empty()


def test_planted_companions_are_found_among_many_sites_and_blocks() -> None:
    rng = np.random.default_rng(11)
    shared = -rng.gamma(1.0, 4.0, 30)
    sites = {f"n{i:03d}": noise(100 + i) for i in range(150)}
    members = [f"g{i}" for i in range(6)]
    sites |= {name: [float(s + 0.5 * rng.normal()) for s in shared] for name in members}
    found = correlations(deviations(sites), [DAY], CorrelationSettings(block_sites=37))
    planted = found.filter(pl.col("site_a").is_in(members) & pl.col("site_b").is_in(members))
    assert len(planted) == 15
    assert len(found) - len(planted) <= 5
    one_block = correlations(deviations(sites), [DAY], CorrelationSettings(block_sites=1000))
    assert found.select("site_a", "site_b", "n").equals(one_block.select("site_a", "site_b", "n"))


def test_only_the_best_partners_of_a_site_are_kept() -> None:
    rng = np.random.default_rng(12)
    shared = rng.normal(size=30)
    sites = {f"s{i:02d}": [float(x) for x in shared + 0.05 * rng.normal(size=30)] for i in range(20)}
    everything = correlations(deviations(sites), [DAY], CorrelationSettings(top_k=19))
    best = correlations(deviations(sites), [DAY], CorrelationSettings(top_k=2))
    assert len(everything) == 190
    assert 20 <= len(best) <= 40
    for site in sites:
        of_site = (pl.col("site_a") == site) | (pl.col("site_b") == site)
        top = everything.filter(of_site).top_k(2, by="coefficient")
        assert len(best.join(top, on=["site_a", "site_b"], how="semi")) == 2


@pytest.mark.slow
def test_among_independent_skewed_sites_no_more_pairs_pass_than_intended() -> None:
    rng = np.random.default_rng(13)
    metrics = [f"m{i}" for i in range(20)]
    frame = pl.concat(
        deviations({f"s{i:03d}": [-float(x) for x in rng.exponential(2.0, 30)] for i in range(120)}, metric)
        for metric in metrics
    )
    found = correlations(frame, [DAY], CorrelationSettings(min_coefficient=0.0, min_joint_days=0))
    # One false pair intended for each of 20 metrics; Poisson with mean 20 exceeds 40 once in 40,000 times.
    assert len(found) <= 40


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_changes_nothing_and_pairs_are_well_formed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=30)
    sites = {f"s{i}": [float(x) for x in shared + rng.normal(size=30) * 0.4] for i in range(8)}
    frame = deviations(sites)
    found = correlations(frame, [DAY])
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    again = correlations(shuffled, [DAY])
    assert found.drop("coefficient").equals(again.drop("coefficient"))
    assert found["coefficient"].to_numpy() == pytest.approx(again["coefficient"].to_numpy(), abs=1e-12)
    assert (found["site_a"] < found["site_b"]).all()
    assert found["coefficient"].is_between(0.6, 1.0).all()
