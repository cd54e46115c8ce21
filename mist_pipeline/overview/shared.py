"""What the sites of an incident have in common, and how unusual that is. Pure: labels in, values out.

>>> labels = {str(n): {"model": ("AP45",) if n < 3 else ("AP32",), "country": ("DE",)} for n in range(9)}
>>> [(one.title, one.value, one.number, one.everywhere) for one in in_common(labels, ["0", "1", "2"])]
[('Model', 'AP45', 3, 3)]
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mist_pipeline.alerts.notify.matchers import Labels
from mist_pipeline.domain.text import clean

TITLES: Mapping[str, str] = {
    "site_group": "Site group",
    "template": "Template",
    "model": "Model",
    "firmware": "Firmware",
    "country": "Country",
}
"""Labels that sites may share → what people call them."""

MOST = 6
_SHARE = 0.8
"""So many of the sites must have it …"""
_TIMES = 1.5
"""… and so many times as often as all sites."""


@dataclass(frozen=True)
class Shared:
    """What sites have in common.

    Attributes:
        title: What it is.
        value: Its value, clean.
        number: Sites of the incident that have it.
        of: Sites of the incident.
        everywhere: Sites of the organisation that have it.
    """

    title: str
    value: str
    number: int
    of: int
    everywhere: int


def in_common(labels: Mapping[str, Labels], site_ids: Iterable[str]) -> Sequence[Shared]:
    """What most of some sites have and not most of all sites; the rarest first, nothing of a single site.

    Args:
        labels: Site → its labels, of every site.
        site_ids: The sites.
    """
    mine = [site_id for site_id in dict.fromkeys(site_ids) if site_id in labels]
    if len(mine) < 2:
        return ()
    found = []
    for label, title in TITLES.items():
        here = Counter(value for site_id in mine for value in labels[site_id].get(label, ()))
        there = Counter(value for known in labels.values() for value in known.get(label, ()))
        seen: set[tuple[str, ...]] = set()
        for value, number in sorted(here.items(), key=lambda item: (len(item[0]) > 30, item[0])):
            share, usual = number / len(mine), there[value] / len(labels)
            members = tuple(site_id for site_id, known in labels.items() if value in known.get(label, ()))
            # A group has an id and a name: both match, and one of them is told, the shorter.
            if value and share >= _SHARE and share >= _TIMES * usual and members not in seen:
                seen.add(members)
                found.append(Shared(title, clean(value, 80), number, len(mine), there[value]))
    return sorted(found, key=lambda one: (one.everywhere, -one.number))[:MOST]
