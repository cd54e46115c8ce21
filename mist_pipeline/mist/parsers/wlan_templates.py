"""WLAN templates: which sites each of them reaches.

A site names the network, RF and gateway templates that it uses. With WLAN templates it is the other way round: the template says where it
applies, to the whole organisation, to groups of sites, to sites, and what is excepted. The copy of the official file does not hold this list
(``listOrgTemplates``); published examples do.

>>> [one] = parse_wlan_templates([{"id": "t1", "applies": {"sitegroup_ids": ["g1"]}, "exceptions": {"site_ids": ["s2"]}}])
>>> one.site_ids_of({"s1": ("g1",), "s2": ("g1",), "s3": ()})
['s1']
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mist_pipeline.mist.parsers.oddities import Oddities
from mist_pipeline.mist.parsers.reader import Node, read_rows

KEPT = ("id", "applies", "exceptions")
"""Fields of a template that are read; whatever else it holds is nobody's business here."""


@dataclass(frozen=True, slots=True)
class WlanTemplate:
    """A WLAN template.

    Attributes:
        id: Key; what the audit log calls ``template_id``.
        is_everywhere: Whether it applies to the whole organisation.
        site_ids: Sites that it applies to.
        sitegroup_ids: Groups that it applies to.
        without_site_ids: Sites that are excepted.
        without_sitegroup_ids: Groups that are excepted.
    """

    id: str
    is_everywhere: bool
    site_ids: frozenset[str]
    sitegroup_ids: frozenset[str]
    without_site_ids: frozenset[str]
    without_sitegroup_ids: frozenset[str]

    def site_ids_of(self, groups: Mapping[str, Sequence[str]]) -> list[str]:
        """The sites that it reaches, in order.

        Args:
            groups: Every site → the groups that it belongs to.
        """
        return sorted(
            site_id
            for site_id, of_site in groups.items()
            if (self.is_everywhere or site_id in self.site_ids or not self.sitegroup_ids.isdisjoint(of_site))
            and site_id not in self.without_site_ids
            and self.without_sitegroup_ids.isdisjoint(of_site)
        )


def parse_wlan_templates(*documents: Any, odd: Oddities | None = None) -> list[WlanTemplate]:
    """The templates of all pages, one per id; one without id is set aside.

    Raises:
        UnexpectedShape: There is no list.
    """
    odd = odd or Oddities("wlan_templates")
    lists = [Node(document, odd).items() for document in documents]
    found = [template for rows in lists for template in read_rows(rows, _template)]
    return list({template.id: template for template in found}.values())


def _template(node: Node) -> WlanTemplate:
    applies, without = node.object("applies"), node.object("exceptions")
    return WlanTemplate(
        id=node.required_id("id"),
        is_everywhere=applies is not None and applies.identifier("org_id") is not None,
        site_ids=_ids(applies, "site_ids"),
        sitegroup_ids=_ids(applies, "sitegroup_ids"),
        without_site_ids=_ids(without, "site_ids"),
        without_sitegroup_ids=_ids(without, "sitegroup_ids"),
    )


def _ids(node: Node | None, name: str) -> frozenset[str]:
    return frozenset() if node is None else frozenset(node.texts(name))
