"""Intervals of shares agree with statsmodels', whatever the counts."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from mist_pipeline.scorecard.proportions import wilson


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_statsmodels(counts: tuple[int, int]) -> None:
    hits, n = counts
    found = pl.select(*wilson(pl.lit(hits), pl.lit(n))).row(0)
    assert found == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-9)
