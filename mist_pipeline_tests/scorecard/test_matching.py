"""Pairs of troubles and alerts, one to one, against trying everything."""

from itertools import combinations, permutations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.scorecard.matching import one_to_one

Pairs = set[tuple[int, int]]


def near(pairs: Pairs, sites: int = 1) -> pl.DataFrame:
    """Trouble t begins and alert a opens at the hour of its number; the same at several sites."""
    rows = [(f"s{site}", 100 * site + t, t, f"s{site}-a{a}", a) for site in range(sites) for t, a in pairs]
    schema = {
        "site_id": pl.String,
        "trouble": pl.Int64,
        "began_at": pl.Int64,
        "own": pl.String,
        "opened_at": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def found(pairs: Pairs) -> Pairs:
    taken = one_to_one(near(pairs), by="site_id")
    return set(taken.select("began_at", "opened_at").iter_rows())


def best(pairs: Pairs) -> tuple[list[int], list[int]]:
    """By trying everything: troubles and alerts of the largest choice, of these the earliest troubles, then the earliest alerts."""
    troubles, alerts = sorted({t for t, _ in pairs}), sorted({a for _, a in pairs})
    for size in range(min(len(troubles), len(alerts)), 0, -1):
        for chosen in combinations(troubles, size):
            taken = [
                sorted(order)
                for order in permutations(alerts, size)
                if pairs.issuperset(zip(chosen, order, strict=True))
            ]
            if taken:
                return list(chosen), min(taken)
    return [], []


@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12))
def test_nothing_else_tells_of_more_troubles_or_earlier_with_earlier_alerts(pairs: Pairs) -> None:
    taken = found(pairs)
    assert taken <= pairs
    troubles, alerts = ([one[side] for one in taken] for side in (0, 1))
    assert (sorted(troubles), sorted(alerts)) == best(pairs)


@pytest.mark.parametrize(
    ("pairs", "taken"),
    [
        ({(0, 0), (0, 1), (1, 0)}, {(0, 1), (1, 0)}),
        ({(0, 0), (1, 0)}, {(0, 0)}),
        ({(0, 0), (0, 1)}, {(0, 0)}),
        (
            {(t, a) for t in range(60) for a in (t, t + 1)} | {(60, 0)},
            {(t, t + 1) for t in range(60)} | {(60, 0)},
        ),
    ],
    ids=["the first makes room", "one alert is about one trouble", "the first to open", "sixty make room"],
)
def test_a_trouble_makes_room_for_another_that_has_no_other_alert(pairs: Pairs, taken: Pairs) -> None:
    assert found(pairs) == taken


def test_sites_are_shared_out_by_themselves() -> None:
    taken = one_to_one(near({(0, 0), (0, 1), (1, 0)}, sites=3), by="site_id")
    assert taken.sort("trouble")["own"].to_list() == [
        f"s{site}-a{alert}" for site in range(3) for alert in (1, 0)
    ]
    assert one_to_one(near(set()), by="site_id").is_empty()
