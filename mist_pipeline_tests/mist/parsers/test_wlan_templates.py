"""Where a WLAN template applies."""

from typing import Any

import pytest

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape

GROUPS = {"s1": ("north",), "s2": ("north", "large"), "s3": ("south",), "s4": ()}


@pytest.mark.parametrize(
    ("template", "sites"),
    [
        ({"applies": {"org_id": "o1"}}, ["s1", "s2", "s3", "s4"]),
        ({"applies": {"org_id": "o1"}, "exceptions": {"sitegroup_ids": ["north"]}}, ["s3", "s4"]),
        ({"applies": {"sitegroup_ids": ["north"], "site_ids": ["s4", "gone"]}}, ["s1", "s2", "s4"]),
        ({"applies": {"sitegroup_ids": ["north"]}, "exceptions": {"site_ids": ["s1"]}}, ["s2"]),
        ({"applies": {"site_ids": ["s2"]}, "exceptions": {"sitegroup_ids": ["large"]}}, []),
        ({"applies": {}}, []),
        ({"applies": {"org_id": None, "site_ids": None}}, []),
        ({}, []),
    ],
)
def test_a_template_reaches_what_it_applies_to_but_for_what_is_excepted(
    template: dict[str, Any], sites: list[str]
) -> None:
    [found] = parsers.parse_wlan_templates([{"id": "t1", **template}])
    assert found.site_ids_of(GROUPS) == sites


def test_an_answer_without_a_list_is_refused() -> None:
    with pytest.raises(UnexpectedShape):
        parsers.parse_wlan_templates({"results": []})


def test_one_without_an_id_is_set_aside() -> None:
    odd = parsers.Oddities("wlan_templates")
    assert [one.id for one in parsers.parse_wlan_templates([{"name": "x"}, {"id": "t2"}], odd=odd)] == ["t2"]
    assert odd.lost == 1
