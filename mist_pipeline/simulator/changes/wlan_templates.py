"""The WLAN templates of the simulated organisation, which the audit log names: a few everywhere, others in groups or at single sites.

In the form of published examples.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from mist_pipeline.simulator.changes.drawn import NUM_WLAN_TEMPLATES, wlan_template_id
from mist_pipeline.simulator.world.organisation import ORG_ID
from mist_pipeline.simulator.world.world import World

_EVERYWHERE: Final = 8
"""One of so many templates applies to the whole organisation."""


def template_numbers() -> list[int]:
    """The numbers of all templates."""
    return list(range(NUM_WLAN_TEMPLATES))


def template_documents(world: World, numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Some of the templates as the cloud lists them."""
    sites = world.sites()
    groups = sorted({group for site in sites for group in site.sitegroup_ids})
    return [
        {
            "id": wlan_template_id(world, number),
            "org_id": ORG_ID,
            "name": f"WLANs {number}",
            "applies": _applies(number, [site.site_id for site in sites], groups),
            "exceptions": {"site_ids": [sites[0].site_id] if number % _EVERYWHERE == 0 else []},
            "created_time": int(world.start.timestamp()),
            "modified_time": int(world.start.timestamp()),
        }
        for number in numbers
    ]


def _applies(number: int, site_ids: Sequence[str], groups: Sequence[str]) -> dict[str, Any]:
    if number % _EVERYWHERE == 0:
        return {"org_id": ORG_ID}
    if number % 2 and groups:
        return {"sitegroup_ids": [groups[number % len(groups)]]}
    return {"site_ids": list(site_ids[number % 7 :: 7])}
