"""What the harness calls broken."""

from dataclasses import replace

import polars as pl
import pytest

from mist_pipeline_tests.cluster.harness import Row, broken, table
from mist_pipeline_tests.cluster.job import Ended
from mist_pipeline_tests.support.warehouse.contents import differing

ALONE = Row("one process", Ended((), 1000, 40.0, 38.0))
KILLED = Row("2 workers, one killed", Ended((), 1000, 25.0, 5.0), 41.0, (), ("evidence", ("w-a", "w-b")))


def test_runs_that_made_the_same_rows_keep_every_promise() -> None:
    assert broken([ALONE, KILLED]) == []
    said = table([ALONE, KILLED])
    assert "| 2 workers, one killed | 25 | × 1.60 | 5, 41 | 1,000 | 0 |" in said
    assert "`evidence` began on w-a, then on w-b." in said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (replace(KILLED, different=("analysis.risks: 3 rows and 4",)), "other rows in analysis.risks"),
        (replace(KILLED, ended=replace(KILLED.ended, failures=("risks: no",))), "risks: no"),
        (replace(KILLED, hit=("evidence", ("w-a",))), "the step evidence was not made again"),
    ],
    ids=["other rows", "a failure", "a step that nobody made again"],
)
def test_a_promise_that_was_not_kept_is_named(row: Row, said: str) -> None:
    (found,) = broken([ALONE, row])
    assert said in found


def test_rows_are_compared_bit_by_bit() -> None:
    one = pl.DataFrame({"score": [0.1 + 0.2]})
    other = pl.DataFrame({"score": [0.3]})
    assert differing({"a": one}, {"a": one.clone()}) == []
    assert differing({"a": one}, {"a": other}) == ["a: 1 rows and 1"]
    assert differing({"a": one}, {"a": pl.concat([one, one])}) == ["a: 1 rows and 2"]
