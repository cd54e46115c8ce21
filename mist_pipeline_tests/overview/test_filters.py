"""Filtering as people type."""

import pytest

from mist_pipeline.overview.filters import Filter, search
from mist_pipeline.overview.model import SiteNow

LABELS = {"site": ("Berlin 3",), "site_group": ("North",), "country": ("DE",)}


def site(**more: object) -> SiteNow:
    facts = {
        "site_id": "abc",
        "label": "Berlin 3",
        "groups": ("North",),
        "status": "CRITICAL",
        "last_status": "CRITICAL",
    }
    return SiteNow(**{**facts, "worst_metric": "time-to-connect", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("", True),
        ("   ", True),
        ("berlin", True),
        ("BER  crit", True),
        ("north", True),
        ("time to connect", True),
        ("bonn", False),
        ('site="Berlin 3"', True),
        ("site_group=North,severity=critical", True),
        ("site_group!=North", False),
        ('{site=~"Ber.*"}', True),
        ("metric=time-to-connect", True),
        ("site=~(", False),
        ("site_group=", False),
        ("[red]", False),
    ],
)
def test_words_and_matchers_choose_sites(text: str, takes: bool) -> None:
    assert Filter.of(text).takes(site(), LABELS) is takes


def test_a_search_puts_names_that_begin_so_first() -> None:
    sites = [
        site(site_id="1", label="North Bonn"),
        site(site_id="2", label="Bonn"),
        site(site_id="3", label="Ulm"),
    ]
    found, incidents = search("bonn", sites, [])
    assert [one.label for one in found] == ["Bonn", "North Bonn"]
    assert incidents == []
    assert search("", sites, []) == ([], [])
