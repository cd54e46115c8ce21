"""How the sites of a messy organisation change: noise families, growth, sites opened, removed, renamed and moved.

`Site` is how a site was built; here is what becomes of it. Neighbours: `organisation` builds, `messy_sampling` lets
things go wrong.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, get_args

import numpy as np

from mist_pipeline.simulator.world.organisation import HOSTILE_NAMES, Noise, Site

NOISE_WEIGHTS: Final = (0.4, 0.25, 0.15, 0.2)
"""Usual, heavy tails, bursts at night, two states."""
SPREAD_OF_GROWTH: Final = 0.06
"""Of 30 days, as a share of the users: most sites stay, a few grow or shrink by a tenth a month."""


@dataclass(frozen=True)
class SiteChange:
    """A site is called or stands otherwise from a moment on.

    Attributes:
        index: Of the site.
        at: When, UTC.
        name: Its new name, or None.
        address: Its new address, or None for one that stays; a site moves within its region and keeps its zone.
        latitude: With the address.
        longitude: With the address.
        sitegroup_ids: With the address.
    """

    index: int
    at: datetime
    name: str | None = None
    address: str | None = None
    latitude: float = 0.0
    longitude: float = 0.0
    sitegroup_ids: tuple[str, ...] = ()

    def applied(self, site: Site) -> Site:
        """The site afterwards."""
        site = site if self.name is None else replace(site, name=self.name)
        if self.address is None:
            return site
        return replace(
            site,
            address=self.address,
            latitude=self.latitude,
            longitude=self.longitude,
            sitegroup_ids=self.sitegroup_ids,
        )


def made_messy(
    sites: Sequence[Site], start: datetime, days: int, seed: int
) -> tuple[tuple[Site, ...], tuple[SiteChange, ...]]:
    """The sites of an organisation with noise families, growth, and their changes by time.

    From twelve sites on it holds one that opens besides the one of every world, a removed, a renamed and a moved one; one in
    forty more of each.

    Args:
        sites: As they were built.
        start: Start of the world, UTC.
        days: Its length.
        seed: Of the world.
    """
    rng = np.random.default_rng([seed, 31])
    noises: tuple[Noise, ...] = get_args(Noise)
    drawn = rng.choice(len(noises), size=len(sites), p=NOISE_WEIGHTS)
    growth = rng.normal(0.0, SPREAD_OF_GROWTH, size=len(sites)).round(4)
    changed = [
        replace(
            site,
            # At a warehouse the night is as full as the day: what fills the air then is a trouble.
            noise="usual" if site.kind == "warehouse" and noises[kind] == "night_bursts" else noises[kind],
            growth=0.0 if site.kind == "idle" else float(grows),
        )
        for site, kind, grows in zip(sites, drawn, growth, strict=True)
    ]
    plain = [site.index for site in sites if site.kind != "idle" and site.since is None]
    of_each = 1 + len(sites) // 40 if len(sites) >= 12 else 0
    order = [plain[at] for at in rng.permutation(len(plain))]
    opened, removed, renamed, moved = (order[at * of_each : (at + 1) * of_each] for at in range(4))

    def moment() -> datetime:
        # Changes are made in the morning of a day in the second half, when there is something to compare with.
        return start + timedelta(days=int(days * rng.uniform(0.5, 0.9)), hours=9)

    for index in opened:
        changed[index] = replace(
            changed[index], since=start + timedelta(days=int(days * rng.uniform(0.3, 0.6)))
        )
    for index in removed:
        changed[index] = replace(changed[index], until=moment())
    changes = [SiteChange(index, moment(), name=_new_name(changed[index], rng)) for index in renamed]
    for index in moved:
        site, other = changed[index], changed[int(rng.choice(plain))]
        changes.append(
            SiteChange(
                index,
                moment(),
                address=f"{int(rng.integers(1, 300))} New Road, {site.country_code}",
                latitude=round(site.latitude + 0.05, 6),
                longitude=round(site.longitude + 0.05, 6),
                sitegroup_ids=other.sitegroup_ids,
            )
        )
    return tuple(changed), tuple(sorted(changes, key=lambda change: change.at))


def _new_name(site: Site, rng: np.random.Generator) -> str:
    """People give names that harm a program as easily as others, and names that another site has."""
    return str(rng.choice([*HOSTILE_NAMES[:4], f"{site.address.partition(',')[0]} (new)"]))


def at_moment(site: Site, changes: Mapping[int, Iterable[SiteChange]], moment: datetime) -> Site:
    """A site as it is called and where it stands at a moment."""
    for change in changes.get(site.index, ()):
        if change.at <= moment:
            site = change.applied(site)
    return site
