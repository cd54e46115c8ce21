"""The statistics of shared attributes against hand-computed values and SciPy."""

import json

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom

from mist_pipeline.analysis.causes.shared_attributes import (
    Event,
    Explanation,
    Group,
    chance_tail,
    effective_tests,
    explanations,
    groups,
    holm,
    shared_tail,
)
from mist_pipeline.analysis.stats.site_attributes import memberships


def tail(n: int, degraded: int, size: int, hits: int) -> float:
    return float(shared_tail(*(np.array([float(v)]) for v in (n, degraded, size, hits)))[0])


def test_four_degraded_of_twenty_four_all_in_a_group_of_five() -> None:
    # C(5,4) of C(24,4) = 5 / 10626 ways.
    assert tail(24, 4, 5, 4) == pytest.approx(5 / 10626)


def test_three_of_five_degraded_in_a_group_of_four_among_ten() -> None:
    # (C(4,3)·C(6,2) + C(4,4)·C(6,1)) / C(10,5) = (4·15 + 6) / 252
    assert tail(10, 5, 4, 3) == pytest.approx(66 / 252)


@pytest.mark.parametrize(
    ("n", "degraded", "size", "hits", "p"),
    [(10, 3, 4, 0, 1.0), (10, 3, 4, 4, 0.0), (10, 10, 4, 4, 1.0), (0, 0, 0, 0, 1.0)],
)
def test_the_ends_of_the_tail(n: int, degraded: int, size: int, hits: int, p: float) -> None:
    assert tail(n, degraded, size, hits) == pytest.approx(p)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_the_tail_agrees_with_scipy(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 400))
    degraded, size = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    hits = data.draw(st.integers(0, min(degraded, size) + 1))
    assert tail(n, degraded, size, hits) == pytest.approx(
        hypergeom.sf(hits - 1, n, degraded, size), rel=1e-7, abs=1e-12
    )


def test_the_chance_tail_is_binomial_and_says_nothing_near_the_mean() -> None:
    assert chance_tail(np.full(15, 0.03), 14) == pytest.approx(binom.sf(13, 15, 0.03))
    assert chance_tail(np.array([0.0, 0.06]), 2) == pytest.approx(0.03**2)
    assert chance_tail(np.full(10, 0.5), 5) == 1.0
    assert chance_tail(np.full(10, 0.5), 0) == 1.0


def test_the_chance_tail_bounds_the_exact_one_from_above() -> None:
    rng = np.random.default_rng(1)
    rates = rng.uniform(0.0, 0.3, 12)
    exact = np.array([1.0])
    for rate in rates:
        exact = np.convolve(exact, [1 - rate, rate])
    for hits in range(1, 13):
        assert chance_tail(rates, hits) >= exact[hits:].sum() - 1e-15


def test_tests_that_cannot_succeed_are_not_paid_for() -> None:
    assert effective_tests(np.array([0.001, 0.5, 0.6, 1.0]), 0.05) == 1
    assert effective_tests(np.full(10, 1e-9), 0.05) == 10
    # At k = 1 both could reach .05, which is more than one; at k = 2 one can reach .025.
    assert effective_tests(np.array([0.01, 0.03]), 0.05) == 2
    assert effective_tests(np.zeros(0), 0.05) == 1


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.9, 0.8])).tolist() == pytest.approx([1.0, 1.0])


def sites(rows: list[tuple[str, str | None, list[str] | None, dict[str, object] | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(i, c, g, None if a is None else json.dumps(a)) for i, c, g, a in rows],
        schema={
            "site_id": pl.String,
            "country_code": pl.String,
            "sitegroup_ids": pl.List(pl.String),
            "attributes": pl.String,
        },
        orient="row",
    )


def test_memberships_tell_every_attribute_and_leave_out_what_is_not_known() -> None:
    frame = sites(
        [
            (
                "a",
                "DE",
                ["north", "south"],
                {
                    "models": {"AP45": 9, "AP12": 1},
                    "firmware": {"0.14": 10},
                    "templates": ["t1"],
                    "gateway": "SRX300",
                },
            ),
            ("b", None, None, None),
            ("c", "", [], {"gateway": None, "models": {}}),
        ]
    )
    assert sorted(memberships(frame).rows()) == [
        ("a", "country", "DE"),
        ("a", "firmware", "0.14"),
        ("a", "firmware_of_model", "0.14 on AP45"),
        ("a", "gateway", "SRX300"),
        ("a", "model", "AP45"),
        ("a", "site_group", "north"),
        ("a", "site_group", "south"),
        ("a", "template", "t1"),
    ]


def test_attributes_of_the_same_sites_are_one_group_under_its_preferred_name() -> None:
    members = pl.DataFrame(
        [(s, a, v) for s in "abc" for a, v in (("country", "DE"), ("site_group", "g"))]
        + [("a", "model", "AP45")],
        schema=["site_id", "attribute", "value"],
        orient="row",
    )
    (found,) = groups(members, ["a", "b", "c", "d"], min_sites=3)
    assert found.names == (("site_group", "g"), ("country", "DE"))
    assert found.members.tolist() == [True, True, True, False]


def mask(size: int, positions: set[int]) -> npt.NDArray[np.bool_]:
    return np.isin(np.arange(size), list(positions))


def explain(
    size: int, degraded: set[int], named: dict[str, set[int]], rate: float = 0.03
) -> list[Explanation]:
    event = Event("connect", "", np.ones(size, dtype=bool), mask(size, degraded), np.full(size, rate))
    candidates = [Group((("site_group", name),), mask(size, members)) for name, members in named.items()]
    return explanations([event], candidates, alpha=0.01, min_sites=3, min_share=0.5)


def named(found: list[Explanation]) -> list[str]:
    return sorted(one.group.names[0][1] for one in found)


def test_two_regions_of_one_country_are_named_and_the_country_is_not() -> None:
    north, south = set(range(15)), set(range(20, 35))
    degraded = (north - {3}) | (south - {22})
    found = explain(300, degraded, {"north": north, "south": south, "country": set(range(50))})
    assert named(found) == ["north", "south"]


def test_a_country_that_suffers_as_a_whole_is_named_and_its_regions_are_not() -> None:
    country = set(range(60))
    regions = {f"r{i}": set(range(i * 15, i * 15 + 15)) for i in range(4)}
    degraded = country - {4, 17, 33, 58}
    assert named(explain(300, degraded, {"country": country, **regions})) == ["country"]


def test_a_group_that_only_overlaps_with_the_cause_is_not_named() -> None:
    firmware = set(range(60))
    overlapping = set(range(45, 70))
    found = explain(300, firmware - {1, 2}, {"firmware": firmware, "overlap": overlapping})
    assert named(found) == ["firmware"]


def test_two_causes_with_partial_overlap_are_both_named() -> None:
    firmware, north = set(range(60)), set(range(55, 75))
    found = explain(300, (firmware - {1, 2}) | north, {"firmware": firmware, "north": north})
    assert named(found) == ["firmware", "north"]


def test_sites_that_are_degraded_every_other_day_anyway_have_no_common_cause() -> None:
    chronic = set(range(10))
    assert named(explain(200, chronic, {"chronic": chronic}, rate=0.03)) == ["chronic"]
    assert explain(200, chronic, {"chronic": chronic}, rate=0.8) == []


def test_a_significant_but_small_share_of_a_large_group_is_no_cause() -> None:
    assert explain(2000, set(range(60)), {"large": set(range(200))}) == []


def test_a_group_of_everyone_is_not_tested() -> None:
    assert explain(10, set(range(8)), {"all": set(range(10))}) == []


def test_groups_that_are_the_same_among_the_judged_are_tested_once() -> None:
    judged = mask(40, set(range(30)))
    event = Event("ap", "", judged, mask(40, set(range(6))), np.full(40, 0.02))
    candidates = [
        Group((("country", "DE"),), mask(40, set(range(6)) | {35})),
        Group((("site_group", "g"),), mask(40, set(range(6)))),
    ]
    (found,) = explanations([event], candidates, 0.01, 3, 0.5)
    assert found.group.names == (("site_group", "g"), ("country", "DE"))
    assert found.tests == 1


def test_two_degraded_sites_have_nothing_in_common_yet() -> None:
    assert explain(60, {0, 1}, {"pair": {0, 1, 2}}) == []
