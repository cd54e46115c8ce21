"""Which sites are no longer in the organisation: those of neither of the two newest lists."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_day import removed_sites

pytestmark = pytest.mark.slow

FIRST = date(2026, 3, 2)


def listed(path: Path, lists: Mapping[int, str]) -> Warehouse:
    """A warehouse with a list of sites for each day; each letter is a site."""
    warehouse = Warehouse(path / "warehouse.duckdb")
    warehouse.prepare()
    for number, sites in lists.items():
        day = FIRST + timedelta(days=number)
        rows = pl.DataFrame(
            [{"day": day, "site_id": site, "name": site} for site in sites],
            schema=history.SITES.polars_schema(),
        )
        warehouse.replace_days(history.SITES, rows, [day])
    return warehouse


@pytest.mark.parametrize(
    ("lists", "removed"),
    [
        ({0: "ab", 1: "ab", 2: "ab"}, ""),
        ({0: "ab", 1: "ab", 2: "a"}, ""),
        ({0: "ab", 1: "a", 2: "a"}, "b"),
        ({0: "ab", 1: "a", 2: "ab"}, ""),
        ({0: "ab", 1: "abc", 2: "abc"}, ""),
        ({0: "ab", 5: "a", 6: "a"}, "b"),
        ({0: "ab"}, ""),
        ({}, ""),
    ],
    ids=[
        "all there",
        "missed once",
        "gone",
        "came back",
        "new",
        "days without a list",
        "first list",
        "no list",
    ],
)
def test_a_site_is_removed_that_two_lists_in_a_row_do_not_have(
    tmp_path: Path, lists: dict[int, str], removed: str
) -> None:
    last = FIRST + timedelta(days=max(lists, default=0))
    found = removed_sites(listed(tmp_path, lists), FIRST, last)
    assert found.get(last, frozenset()) == frozenset(removed)


def test_a_past_day_knows_nothing_of_later_lists(tmp_path: Path) -> None:
    warehouse = listed(tmp_path, {0: "ab", 1: "ab", 2: "a", 3: "a"})
    found = removed_sites(warehouse, FIRST, FIRST + timedelta(days=3))
    assert found == {FIRST + timedelta(days=3): frozenset("b")}
