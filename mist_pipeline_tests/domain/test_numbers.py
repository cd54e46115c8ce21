"""Percentages are shown rounded down, whoever shows them."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.domain.numbers import percent, rounded_down, rounded_down_column


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (79.96, "79.9 %"),
        (69.9999999, "69.9 %"),
        (70.1, "70.1 %"),
        (100.0, "100.0 %"),
        (0.0, "0.0 %"),
        (None, "–"),
    ],
)
def test_a_percentage_is_never_shown_above_what_it_is(value: float | None, shown: str) -> None:
    assert percent(value) == shown


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.integers(0, 3))
def test_a_column_is_rounded_like_single_values(values: list[float], decimals: int) -> None:
    column = pl.DataFrame({"value": values}).select(rounded_down_column(pl.col("value"), decimals))
    assert column["value"].to_list() == pytest.approx(
        [rounded_down(value, decimals) for value in values], rel=1e-12
    )


@settings(deadline=None, max_examples=100)
@given(st.floats(0, 100), st.sampled_from([70.0, 80.0, 90.0]))
def test_a_score_below_a_threshold_is_shown_below_it(score: float, threshold: float) -> None:
    assert (rounded_down(score) < threshold) == (score < threshold - 1e-8)


def test_a_column_is_rounded_to_what_is_shown_and_nothing_behind_it() -> None:
    values = [tenth / 10 + 0.037 for tenth in range(1001)]
    shown = pl.DataFrame({"value": values}).select(
        text=rounded_down_column(pl.col("value")).cast(pl.String), value=rounded_down_column(pl.col("value"))
    )
    assert shown["value"].to_list() == [rounded_down(value) for value in values]
    assert max(map(len, shown["text"])) <= len("100.0")
