"""The troubles and decoys of a messy world: those of a tidy one without rest between them, and those of `messy_scenario`.

Troubles of one site may overlap unless they are of one family; causes that many sites share fall on anything, also on one
another. A relapse, a second problem inside a chronic one, and one trouble after another within days are wanted. Whether an
incident is worth telling is not drawn: its harm decides (`harm`).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import numpy as np

from mist_pipeline.simulator.world import messy_scenario as messy
from mist_pipeline.simulator.world import scenario
from mist_pipeline.simulator.world.organisation import FIRMWARE, Site
from mist_pipeline.simulator.world.scenario import Scenario
from mist_pipeline.simulator.world.scenario_sampling import Sampler, add_holidays, trouble
from mist_pipeline.simulator.world.site_history import SiteChange

_SAME_FAMILY_REST: Final = timedelta(days=2)
_ATTEMPTS: Final = 40
_FOR_EVER: Final = timedelta(days=3650)

_TIDY: Final[tuple[tuple[str, float], ...]] = (
    ("slow", 0.8),
    ("accelerating", 0.5),
    ("outage", 0.8),
    ("flapping", 0.3),
    ("offline", 0.5),
    ("device_loss", 0.3),
)
"""Kind of trouble of a tidy world, and how many in 1,000 site-days beyond the first: rarer here, as there are more kinds."""
_DECOYS: Final[tuple[tuple[str, float], ...]] = (
    ("blip", 2.0),
    ("level_shift", 0.4),
    ("busy", 0.5),
    ("stuck_client", 1.0),
)


class _Sampler(Sampler):
    """Keeps only troubles of one family apart, and knows which sites there are when."""

    def __init__(self, sites: Sequence[Site], start: datetime, days: int, seed: int) -> None:
        super().__init__(sites, start, days, seed)
        # A removed site has no history that could be collected afterwards.
        self.candidates = [index for index in self.candidates if sites[index].until is None]
        self._spans: dict[tuple[int, str], list[tuple[datetime, datetime]]] = defaultdict(list)

    def add(self, one: Scenario) -> None:
        super().add(one)
        for site in one.sites:
            if not one.is_decoy:
                self._spans[site, one.family].append((one.onset, one.end))

    def is_clear(self, one: Scenario) -> bool:
        """Whether no trouble of its family is near at any of its sites."""
        return all(
            one.end + _SAME_FAMILY_REST <= onset or end + _SAME_FAMILY_REST <= one.onset
            for site in one.sites
            for onset, end in self._spans[site, one.family]
        )

    def add_in_time(self, parts: Sequence[Scenario]) -> bool:
        """Let an incident happen if all of it is after the warm-up and before the end."""
        is_in_time = all(self.warm <= one.onset and one.end <= self.end for one in parts)
        for one in parts if is_in_time else ():
            self.add(one)
        return is_in_time

    def try_to_place(self, build: Callable[[Site], list[Scenario]]) -> None:
        """Try sites and moments until no trouble of the same family is near."""
        for _ in range(_ATTEMPTS if self.candidates else 0):
            parts = build(self.sites[int(self.rng.choice(self.candidates))])
            if parts and all(map(self.is_clear, parts)) and self.add_in_time(parts):
                return


def _alone(build: Callable[[Site], Scenario], site: Site) -> list[Scenario]:
    """One trouble by itself."""
    return [build(site)]


def _outage(sampler: _Sampler, site: Site, family: str) -> Scenario:
    hours, peak = int(sampler.rng.integers(2, 9)), float(sampler.rng.uniform(0.4, 0.8))
    return scenario.sudden_outage(
        [site.index], sampler.working_moment(site, 5), hours, family=family, peak=peak
    )


def _intermittent(sampler: _Sampler, site: Site) -> list[Scenario]:
    hours = int(sampler.rng.integers(12, 73))
    return [messy.intermittent(site.index, sampler.working_moment(site, 3), hours)]


def _dead_access_point(sampler: _Sampler, site: Site) -> list[Scenario]:
    # Of a dozen or so: a dead one of three hundred is a task for the next visit.
    if not 8 <= site.num_aps <= 16:
        return []
    return [messy.dead_access_point(site.index, site.num_aps, sampler.working_moment(site, 3))]


def _pool_exhaustion(sampler: _Sampler, site: Site) -> list[Scenario]:
    weeks = int(np.clip((sampler.end - sampler.warm) / timedelta(days=7) - 1, 1, 3))
    lunch = sampler.local(site, sampler.moment(7 * weeks + 5).date(), 12)
    return [messy.pool_exhaustion(site.index, lunch + timedelta(days=-lunch.weekday() % 7), weeks)]


def _radar(sampler: _Sampler, site: Site) -> list[Scenario]:
    onset = sampler.working_moment(site, 4)
    return [messy.radar(site.index, onset, round(float(sampler.rng.uniform(1.0, 4.0)), 1))]


def _outgrown(sampler: _Sampler, site: Site) -> list[Scenario]:
    days = min(30.0, sampler.days * 0.5)
    return [messy.outgrown(site.index, sampler.moment(days), days)]


def _cascade(sampler: _Sampler, site: Site) -> list[Scenario]:
    return messy.cascade(site.index, sampler.working_moment(site, 1), int(sampler.rng.integers(3, 11)))


def _relapse(sampler: _Sampler, site: Site) -> list[Scenario]:
    """An outage, and the same one six hours to two days after its end, at about the same time of the day."""
    first = _outage(sampler, site, str(sampler.rng.choice(["connect", "radio"])))
    step = timedelta(days=int(sampler.rng.integers(1, 3)), hours=int(sampler.rng.integers(-2, 3)))
    again = replace(first, kind="relapse", onset=first.onset + step, end=first.end + step)
    both = replace(first, end=again.end)
    is_soon = timedelta(hours=6) <= again.onset - first.end <= timedelta(hours=48)
    return [first, again] if is_soon and sampler.is_clear(both) else []


def _second_problem(sampler: _Sampler, site: Site) -> list[Scenario]:
    """An outage of the family that is mediocre there for ever."""
    family = site.chronic_family
    if family is None or family in site.unsupported:
        return []
    return [replace(_outage(sampler, site, family), kind="second_problem")]


def _overlap(sampler: _Sampler, site: Site) -> list[Scenario]:
    """A radio and a connect trouble at once, on a busy day."""
    first, second = _outage(sampler, site, "radio"), _outage(sampler, site, "connect")
    step = first.onset + timedelta(hours=1) - second.onset
    later = replace(second, onset=second.onset + step, end=second.end + step)
    return [first, later, scenario.busy_day([site.index], first.onset - timedelta(hours=2))]


def _minor_trouble(sampler: _Sampler, site: Site) -> list[Scenario]:
    hours = int(sampler.rng.integers(3, 9))
    return [messy.minor_trouble(site.index, sampler.working_moment(site, 1), hours)]


_ALONE: Final[tuple[tuple[Callable[[_Sampler, Site], list[Scenario]], float], ...]] = (
    (_intermittent, 0.5),
    (_dead_access_point, 0.8),
    (_pool_exhaustion, 0.3),
    (_radar, 0.4),
    (_outgrown, 0.3),
    (_cascade, 0.3),
    (_relapse, 0.6),
    (_second_problem, 0.3),
    (_overlap, 0.4),
    (_minor_trouble, 1.0),
)
"""Troubles of one site, empty where it does not suit, and how many in 1,000 site-days beyond the first."""


def draw_messy(
    sites: Sequence[Site], changes: Sequence[SiteChange], start: datetime, days: int, seed: int
) -> list[Scenario]:
    """Draw troubles and decoys for a messy world.

    One of about 30 sites and 60 days holds at least one of every kind; in smaller and shorter ones some find no room.

    Args:
        sites: The organisation, made messy.
        changes: Of its sites.
        start: Start of the world, UTC.
        days: Its length.
        seed: Of the world.
    """
    sampler = _Sampler(sites, start, days, seed)
    _shared(sampler)
    site_days = len(sites) * days / 1000.0
    for alone, rate in _ALONE:
        for _ in range(1 + int(sampler.rng.poisson(rate * site_days))):
            sampler.try_to_place(partial(alone, sampler))
    for kind, rate in _TIDY:
        for _ in range(1 + int(sampler.rng.poisson(rate * site_days))):
            build = trouble(sampler, kind)
            sampler.try_to_place(partial(_alone, build))
    for kind, rate in _DECOYS:
        for _ in range(1 + int(sampler.rng.poisson(rate * site_days))):
            _decoy(sampler, kind)
    _of_all(sampler, changes)
    add_holidays(sampler)
    return sorted(sampler.scenarios, key=lambda one: (one.onset, one.kind, one.sites))


def _decoy(sampler: _Sampler, kind: str) -> None:
    rng = sampler.rng
    if not sampler.candidates:
        return
    site = sampler.sites[int(rng.choice(sampler.candidates))]
    if kind == "blip":
        metric = str(rng.choice(["coverage", "capacity", "throughput", "time-to-connect"]))
        sampler.add(scenario.blip(site.index, sampler.moment(1), metric, peak=float(rng.uniform(0.1, 0.3))))
    elif kind == "level_shift":
        metric, peak = str(rng.choice(["coverage", "capacity", "throughput"])), float(rng.uniform(0.02, 0.05))
        sampler.add(
            scenario.level_shift(site.index, sampler.moment(5), sampler.end + _FOR_EVER, metric, peak=peak)
        )
    elif kind == "busy":
        day = sampler.moment(1).date()
        sampler.add(scenario.busy_day([site.index], sampler.local(site, day, int(site.opens))))
    else:
        metric = str(rng.choice(["successful-connect", "time-to-connect", "coverage"]))
        days = float(rng.uniform(1.0, 5.0))
        sampler.add(messy.stuck_client(site.index, sampler.moment(days), round(days, 1), metric))


def _shared(sampler: _Sampler) -> None:
    """Causes that several sites share: a server, a template, a firmware, a provider, a certificate."""
    rng, sites, candidates = sampler.rng, sampler.sites, sampler.candidates
    if not candidates:
        return
    groups = _gathered(sampler, lambda site: site.sitegroup_ids[0])
    if groups:
        group = str(rng.choice(sorted(groups)))
        longest = min(21.0, sampler.days * 0.35)
        days = round(float(rng.uniform(min(8.0, longest * 0.6), longest)), 1)
        sampler.add_in_time(
            [messy.radius_creep(groups[group], sampler.moment(days), days, sitegroup_id=group)]
        )
        failing = str(rng.choice(sorted(groups)))
        onset = sampler.working_moment(sites[groups[failing][0]], 1.5)
        failure = scenario.dhcp_failure(groups[failing], onset, int(rng.integers(3, 9)), sitegroup_id=failing)
        if sampler.is_clear(failure):
            sampler.add_in_time([failure])
    templates = _gathered(sampler, lambda site: site.networktemplate_id)
    if templates:
        template = str(rng.choice(sorted(templates)))
        # Not every site uses the network that is wrong.
        hit = [index for index in templates[template] if rng.random() < 0.7] or templates[template]
        thirds = [hit[at::3] for at in range(3)]
        onset = sampler.working_moment(sites[hit[0]], 3)
        stages = list(zip(thirds, (5.0, 22.0, 47.0), strict=True))
        sampler.add_in_time(messy.wrong_template(stages, onset, networktemplate_id=template))
    models = _gathered(sampler, lambda site: site.ap_models[0])
    if len(models) >= 2:
        first, second = sorted(models, key=lambda model: (-len(models[model]), model))[:2]
        onset = sampler.moment(6).replace(hour=2)
        days = round(float(rng.uniform(2, 5)), 1)
        version = f"{FIRMWARE[first].rsplit('.', 1)[0]}.30117"
        pairs = (first, models[first][:40]), (second, models[second][:40])
        sampler.add_in_time(messy.split_firmware(*pairs, onset, days, version))
    countries = _gathered(sampler, lambda site: site.country_code)
    for country in sorted(countries)[: 1 + len(countries) // 2]:
        onset = sampler.working_moment(sites[countries[country][0]], 1) + timedelta(minutes=5)
        sampler.add_in_time([messy.brown_out(countries[country], onset, country_code=country)])
    midnight = sampler.moment(2).replace(hour=0)
    sampler.add_in_time([messy.expired_certificate(candidates, midnight, int(rng.integers(8, 15)))])


def _gathered(sampler: _Sampler, of: Callable[[Site], str]) -> dict[str, list[int]]:
    """Sites by what they share; what fewer than two share is left out."""
    found: dict[str, list[int]] = defaultdict(list)
    for index in sampler.candidates:
        found[of(sampler.sites[index])].append(index)
    return {name: members for name, members in found.items() if len(members) >= 2}


def _of_all(sampler: _Sampler, changes: Sequence[SiteChange]) -> None:
    """Gaps of the cloud, breaks, moves, and what empties before it is removed."""
    rng, sites = sampler.rng, sampler.sites
    everyone = [site.index for site in sites]
    for _ in range(1 + sampler.days // 45 if everyone else 0):
        sampler.add(messy.cloud_gap(everyone, sampler.moment(1), int(rng.integers(2, 6))))
    schools = [index for index in sampler.candidates if sites[index].kind == "office" and rng.random() < 0.3]
    if schools:
        length = min(14.0, sampler.days * 0.2)
        monday = sampler.moment(length).replace(hour=0)
        sampler.add(messy.emptied("term_break", schools, monday, length, name="term break"))
    for site in sites:
        if site.until is not None:
            sampler.add(messy.emptied("site_removed", [site.index], site.until - timedelta(days=2), 2.0))
    for change in changes:
        if change.address is not None:
            sampler.add(messy.emptied("site_moved", [change.index], change.at - timedelta(days=1), 2.0))
