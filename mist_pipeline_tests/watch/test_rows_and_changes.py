"""Order, groups and what changed between two answers."""

from collections.abc import Mapping

import pytest

from mist_pipeline.overview.model import Now, OrganisationNow, PipelineNow, SiteNow, Source
from mist_pipeline.overview.orders import ORDERS, chosen_sites
from mist_pipeline.watch.changes import Changes, is_worse
from mist_pipeline.watch.rows import NO_GROUP, Heading, grouped, key_of, next_order


def site(name: str, status: str = "HEALTHY", **more: object) -> SiteNow:
    return SiteNow(site_id=name, label=name, status=status, last_status=status, **more)  # type: ignore[arg-type]


def answer(*sites: SiteNow) -> Now:
    from datetime import UTC, datetime

    nothing = Source(name="live")
    return Now(
        at=datetime(2026, 3, 2, tzinfo=UTC), live=nothing, days=nothing, ledger=nothing, sites=sites,
        organisation=OrganisationNow(counts={"HEALTHY": len(sites)}), pipeline=PipelineNow(),
    )  # fmt: skip


SITES = [
    site("a", clients=5, health=99.0, worst_pct=95.0),
    site(
        "b", "CRITICAL", clients=50, health=60.0, worst_pct=62.0, forecast_metric="roaming", forecast_days=2.0
    ),
    site("c", "UNKNOWN", incident_ids=("x",)),
    site("d", "DEGRADED", clients=500, health=80.0, worst_pct=85.0, health_change=-9.0),
]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("status", "bcda"),
        ("name", "abcd"),
        ("score", "bdac"),
        ("health", "bdac"),
        ("change", "dabc"),
        ("clients", "dbac"),
        ("forecast", "bacd"),
    ],
)
def test_rows_are_sorted_and_what_is_not_known_is_last(order: str, expected: str) -> None:
    assert "".join(one.site_id for one in chosen_sites(SITES, {}, "", order)) == expected


def test_orders_come_round() -> None:
    order = "status"
    for _ in ORDERS:
        order = next_order(order)
    assert order == "status"


def test_a_site_of_two_groups_stands_in_both_and_one_of_none_in_the_last() -> None:
    entries = grouped([site("a", groups=("South", "North")), site("b")])
    assert [key_of(entry) for entry in entries] == [
        "group:North", "site:a", "group:South", "site:a", f"group:{NO_GROUP}", "site:b",
    ]  # fmt: skip
    assert isinstance(entries[0], Heading)
    assert entries[0].counts["HEALTHY"] == 1


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        ("HEALTHY", "DEGRADED", True),
        ("DEGRADED", "CRITICAL", True),
        ("UNKNOWN", "CRITICAL", True),
        ("HEALTHY", "UNKNOWN", False),
        ("UNKNOWN", "HEALTHY", False),
        ("CRITICAL", "DEGRADED", False),
        ("CRITICAL", "CRITICAL", False),
    ],
)
def test_worse_is_a_worse_severity(before: str, after: str, worse: bool) -> None:
    assert is_worse(before, after) is worse


def test_what_got_worse_stays_marked_until_it_is_seen_or_well_again() -> None:
    changes = Changes()
    assert not changes.take(answer(site("a"), site("b")), 0.0), "the first answer is no news"
    assert changes.take(answer(site("a", "CRITICAL"), site("b", "DEGRADED")), 10.0)
    assert changes.unseen == {"a", "b"}
    changes.see("a")
    assert not changes.take(answer(site("a", "CRITICAL"), site("b")), 20.0)
    assert changes.unseen == set()
    assert changes.counts_at_start == {"HEALTHY": 2}


@pytest.mark.parametrize(("seconds", "heat"), [(10.0, 2), (14.0, 2), (20.0, 1), (31.0, 0)])
def test_a_highlight_fades(seconds: float, heat: int) -> None:
    changes = Changes()
    changes.take(answer(site("a")), 0.0)
    changes.take(answer(site("a", "CRITICAL")), 10.0)
    assert changes.heat("a", seconds) == heat
    assert changes.heat("b", seconds) == 0


def test_an_answer_without_sites_forgets_nothing() -> None:
    changes = Changes()
    changes.take(answer(site("a")), 0.0)
    changes.take(answer(), 1.0)
    assert not changes.take(answer(site("a")), 2.0)
    assert changes.changed_at == {}


def test_matchers_filter_the_rows() -> None:
    labels: Mapping[str, Mapping[str, tuple[str, ...]]] = {
        "a": {"country": ("DE",)},
        "b": {"country": ("FR",)},
    }
    assert [one.site_id for one in chosen_sites(SITES, labels, "country=FR", "name")] == ["b"]
