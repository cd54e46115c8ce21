"""The troubles and decoys of a world, drawn from the seed: how often each kind happens, at which sites, and when.

Two troubles of one site do not overlap (a week's rest between them), so that each can be told apart; decoys fall
anywhere. Neighbour: `scenario` builds each one.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mist_pipeline.simulator.world import opening_hours, scenario
from mist_pipeline.simulator.world.organisation import AP_MODELS, FIRMWARE, Site
from mist_pipeline.simulator.world.scenario import FAMILY_METRICS, Scenario

_REST: Final = timedelta(days=7)
_ATTEMPTS: Final = 60

_TROUBLES: Final[tuple[tuple[str, float], ...]] = (
    ("slow", 1.2),
    ("accelerating", 0.8),
    ("outage", 1.6),
    ("flapping", 0.6),
    ("offline", 0.7),
    ("device_loss", 0.5),
)
"""Kind of trouble of one site, and how many in 1,000 site-days beyond the first."""

_DECOYS: Final[tuple[tuple[str, float], ...]] = (("blip", 4.0), ("level_shift", 0.6), ("busy", 0.5))


class Sampler:
    """Random numbers, the scenarios drawn so far, and which sites are taken when."""

    def __init__(self, sites: Sequence[Site], start: datetime, days: int, seed: int) -> None:
        self.sites = sites
        self.start = start
        self.days = days
        self.end = start + timedelta(days=days)
        self.warm = start + timedelta(days=days * 0.4 if days < 45 else 18)
        self.rng = np.random.default_rng([seed, 23])
        self.candidates = [site.index for site in sites if site.kind != "idle" and site.since is None]
        self.scenarios: list[Scenario] = []
        self._taken: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)

    def add(self, one: Scenario) -> None:
        """Let it happen."""
        self.scenarios.append(one)
        if not one.is_decoy:
            for site in one.sites:
                self._taken[site].append((one.onset, one.end))

    def is_free(self, site: int, onset: datetime, end: datetime) -> bool:
        """Whether no trouble of a site is within a week of a time."""
        return all(end + _REST <= taken or until + _REST <= onset for taken, until in self._taken[site])

    def moment(self, room_days: float) -> datetime:
        """A whole hour after the warm-up with room for so many days."""
        room = (self.end - self.warm) / timedelta(hours=1) - room_days * 24
        return self.warm + timedelta(hours=int(self.rng.uniform(0, max(room, 1))))

    def working_moment(self, site: Site, room_days: float) -> datetime:
        """A whole hour in the first half of a working day of the site, so that there are users."""
        local = self.moment(room_days).astimezone(ZoneInfo(site.timezone))
        day = local.date()
        while site.week[day.weekday()] < 0.5 or day in opening_hours.holidays(site.country_code, day.year):
            day += timedelta(days=1)
        hour = int(site.opens + (site.closes - site.opens) * self.rng.uniform(0.15, 0.5))
        return self.local(site, day, hour)

    @staticmethod
    def local(site: Site, day: date, hour: int) -> datetime:
        """A whole hour of a site's local day, UTC."""
        moment = datetime.combine(day, time(hour % 24), ZoneInfo(site.timezone)).astimezone(UTC)
        return moment.replace(minute=0)

    def place(self, build: Callable[[Site], Scenario]) -> None:
        """Try sites and moments until one is free; a small or short world has room for fewer."""
        for _ in range(_ATTEMPTS if self.candidates else 0):
            one = build(self.sites[int(self.rng.choice(self.candidates))])
            if one.end <= self.end + timedelta(days=2) and all(
                self.is_free(site, one.onset, one.end) for site in one.sites
            ):
                self.add(one)
                return


def draw(sites: Sequence[Site], start: datetime, days: int, seed: int) -> list[Scenario]:
    """Draw troubles and decoys for a world.

    A world of about 24 sites and 60 days holds at least one of every kind; in smaller and shorter ones some find no
    room. Firmware roll-outs, group failures and holidays hit many sites at once.

    Args:
        sites: The organisation.
        start: Start of the world, UTC.
        days: Its length.
        seed: Of the world.
    """
    sampler = Sampler(sites, start, days, seed)
    _shared(sampler)
    site_days = len(sites) * days / 1000.0
    for kind, rate in _TROUBLES:
        for _ in range(1 + int(sampler.rng.poisson(rate * site_days))):
            sampler.place(trouble(sampler, kind))
    for kind, rate in _DECOYS:
        for _ in range(1 + int(sampler.rng.poisson(rate * site_days))):
            _decoy(sampler, kind)
    add_holidays(sampler)
    return sorted(sampler.scenarios, key=lambda one: (one.onset, one.kind, one.sites))


def trouble(sampler: Sampler, kind: str) -> Callable[[Site], Scenario]:
    """How a trouble of one site is drawn, by the names of the kinds above."""
    rng = sampler.rng

    def build(site: Site) -> Scenario:
        room = min(sampler.days * 0.35, 21.0)
        if kind in ("slow", "accelerating"):
            days = round(float(rng.uniform(min(5.0, room * 0.6), room)), 1)
            families = ["radio", "radio", "connect", *([] if "roaming" in site.unsupported else ["roaming"])]
            family = str(rng.choice(families))
            metric = str(rng.choice(FAMILY_METRICS[family]))
            return scenario.slow_degradation(
                site.index,
                sampler.moment(days),
                days,
                metric,
                family=family,
                peak=float(rng.uniform(0.4, 0.65)),
                accelerating=kind == "accelerating",
            )
        if kind == "offline":
            return scenario.site_offline(
                [site.index], sampler.working_moment(site, 1), int(rng.integers(2, 15))
            )
        if kind == "device_loss":
            hours, share = int(rng.integers(6, 49)), float(rng.uniform(0.35, 0.8))
            return scenario.device_loss([site.index], sampler.working_moment(site, 2), hours, share=share)
        onset, peak = sampler.working_moment(site, 2), float(rng.uniform(0.5, 0.9))
        if kind == "flapping":
            metric = str(rng.choice(["capacity", "throughput", "time-to-connect"]))
            return scenario.flapping(site.index, onset, int(rng.integers(24, 73)), metric, peak=peak)
        family = str(rng.choice(["radio", "connect", "connect", "ap"]))
        return scenario.sudden_outage([site.index], onset, int(rng.integers(2, 13)), family=family, peak=peak)

    return build


def _decoy(sampler: Sampler, kind: str) -> None:
    rng, candidates = sampler.rng, sampler.candidates
    if not candidates:
        return
    site = sampler.sites[int(rng.choice(candidates))]
    if kind == "blip":
        metric = str(
            rng.choice(["coverage", "capacity", "throughput", "time-to-connect", "successful-connect"])
        )
        sampler.add(scenario.blip(site.index, sampler.moment(1), metric, peak=float(rng.uniform(0.12, 0.35))))
    elif kind == "level_shift":
        metric, onset = str(rng.choice(["coverage", "capacity", "throughput"])), sampler.moment(5)
        peak = float(rng.uniform(0.03, 0.06))
        sampler.add(
            scenario.level_shift(site.index, onset, sampler.end + timedelta(days=3650), metric, peak=peak)
        )
    else:
        day = sampler.moment(1).date()
        sampler.add(scenario.busy_day([site.index], sampler.local(site, day, int(site.opens))))


def _shared(sampler: Sampler) -> None:
    """Causes that several sites share."""
    _group_failures(sampler)
    models = [
        model for model in AP_MODELS if sum(site.num_of_model(model) > 0 for site in sampler.sites) >= 2
    ]
    models.sort(key=lambda model: -sum(site.num_of_model(model) for site in sampler.sites))
    if models:
        _bad_firmware(sampler, models[0])
    for model in models[1:3]:
        served = [site.index for site in sampler.sites if site.num_of_model(model) > 0]
        onset, until = sampler.moment(1).replace(hour=2), sampler.end + timedelta(days=3650)
        sampler.add(scenario.rollout(served, onset, until, model=model, firmware=f"{FIRMWARE[model]}.1"))
    candidates = sampler.candidates
    if candidates:
        closed = [index for index in candidates if sampler.rng.random() < 0.25] or candidates[:1]
        midnight = sampler.local(sampler.sites[closed[0]], sampler.moment(1).date(), 0)
        sampler.add(scenario.closing_day(closed, midnight, name="stocktaking"))


def _group_failures(sampler: Sampler) -> None:
    """The DHCP service of a site group fails, once in about 60 days and 200 sites, at nearly all of its sites."""
    rng, sites = sampler.rng, sampler.sites
    groups: dict[str, list[int]] = defaultdict(list)
    for index in sampler.candidates:
        groups[sites[index].sitegroup_ids[0]].append(index)
    large = [group for group, members in groups.items() if len(members) >= 2]
    wanted = 1 + sampler.days // 60 * (1 + len(sites) // 200)
    for _ in range(_ATTEMPTS if large else 0):
        if wanted == 0:
            return
        group = str(rng.choice(large))
        members = [index for index in groups[group] if rng.random() < 0.93] or groups[group]
        onset = sampler.working_moment(sites[members[0]], 1.5)
        if all(sampler.is_free(index, onset, onset + timedelta(hours=12)) for index in members):
            hours, peak = int(rng.integers(4, 13)), float(rng.uniform(0.45, 0.7))
            sampler.add(scenario.dhcp_failure(members, onset, hours, sitegroup_id=group, peak=peak))
            wanted -= 1


def _bad_firmware(sampler: Sampler, model: str) -> None:
    """A release that harms an access point model, at most of the sites that have mainly this one."""
    rng = sampler.rng
    served = [
        index
        for index in sampler.candidates
        if 2 * sampler.sites[index].num_of_model(model) >= sampler.sites[index].num_aps
    ]
    days = round(float(rng.uniform(2, min(6, sampler.days * 0.15 + 2))), 1)
    for _ in range(_ATTEMPTS):
        onset = sampler.moment(days).replace(hour=2)
        free = [index for index in served if sampler.is_free(index, onset, onset + timedelta(days=days))]
        hit = [index for index in free if rng.random() < 0.7][:40]
        if hit:
            sampler.add(
                scenario.bad_firmware(hit, onset, days, model=model, firmware=f"{FIRMWARE[model]}-rc2")
            )
            return


def add_holidays(sampler: Sampler) -> None:
    """Public holidays as decoys in the truth: `measurements` empties the sites by itself."""
    by_place: dict[tuple[str, str], list[Site]] = defaultdict(list)
    for site in sampler.sites:
        if site.kind != "idle":
            by_place[site.country_code, site.timezone].append(site)
    for (country, _), members in by_place.items():
        for year in range(sampler.start.year, sampler.end.year + 1):
            for day in opening_hours.holidays(country, year):
                onset = sampler.local(members[0], day, 0)
                if sampler.start <= onset < sampler.end:
                    sampler.add(
                        Scenario(
                            "holiday",
                            tuple(site.index for site in members),
                            onset,
                            onset + timedelta(days=1),
                            "load",
                            "none",
                            cause={"country_code": country},
                            is_decoy=True,
                        )
                    )
