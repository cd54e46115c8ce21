"""Rows under the headings of their groups. Pure.

Not here: which rows a filter takes, and their order (``overview.orders``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mist_pipeline.domain.severity import STATUSES
from mist_pipeline.overview.model import SiteNow
from mist_pipeline.overview.orders import ORDERS

NO_GROUP = "without a site group"


@dataclass(frozen=True)
class Heading:
    """The line above the sites of a group.

    Attributes:
        name: Of the group.
        counts: Status → sites of it.
    """

    name: str
    counts: Mapping[str, int]


Entry = SiteNow | Heading


def next_order(order: str) -> str:
    """The order after this one."""
    names = list(ORDERS)
    return names[(names.index(order) + 1) % len(names)]


def grouped(sites: Sequence[SiteNow]) -> list[Entry]:
    """Sites under the heading of their groups, in their order; one in several groups stands in each."""
    groups: dict[str, list[SiteNow]] = {}
    for site in sites:
        for name in site.groups or (NO_GROUP,):
            groups.setdefault(name, []).append(site)
    entries: list[Entry] = []
    for name in sorted(groups, key=lambda one: (one == NO_GROUP, one.casefold())):
        members = groups[name]
        statuses = [site.status for site in members]
        entries.append(Heading(name, {status: statuses.count(status) for status in STATUSES}))
        entries += members
    return entries


def key_of(entry: Entry) -> str:
    """What an entry is, whatever it says now."""
    return f"group:{entry.name}" if isinstance(entry, Heading) else f"site:{entry.site_id}"
