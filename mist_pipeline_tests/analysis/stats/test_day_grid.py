from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from mist_pipeline.analysis.stats.day_grid import DayGrid, previous_column
from mist_pipeline_tests.support.analysis.daily_frames import D, frame, reading, series

NAN = float("nan")


def test_a_grid_puts_each_value_in_its_cell_whatever_the_order_of_rows() -> None:
    readings = pl.concat([series([1, None, 3], site_id="b"), series([4, 5], site_id="a")]).sample(
        fraction=1, shuffle=True, seed=3
    )
    grid = DayGrid.over(readings, ["site_id", "metric"], D - timedelta(days=3), D)
    assert grid.keys["site_id"].to_list() == ["a", "b"]
    np.testing.assert_array_equal(grid.matrix(pl.col("score_pct")), [[NAN, NAN, 4, 5], [NAN, 1, NAN, 3]])
    assert grid.column(D) == 3


def test_two_rows_of_one_day_and_series_are_refused_by_name() -> None:
    twice = frame([reading(1.0), reading(2.0)])
    with pytest.raises(ValueError, match="two rows for day 2026-11-19, site_id site, metric capacity"):
        DayGrid.over(twice, ["site_id", "metric"], D, D)


def test_the_previous_known_column_skips_gaps() -> None:
    known = np.array([[True, False, False, True, True]])
    assert previous_column(known).tolist() == [[-1, 0, 0, 0, 3]]
