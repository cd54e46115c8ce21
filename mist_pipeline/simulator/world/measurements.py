"""What the simulated cloud measures: users, user-minutes, degraded minutes, classifiers, for any sites and hours.

Each cell is computed from its address alone. The expected share of degraded minutes is the site's base share, moved by
load and by a log-normal drift over hours and days, together with the effects of scenarios as independent causes:
1 − Π(1 − share). The observed minutes are a compound Poisson–gamma sum of episodes around it: zero often, skewed,
and noisier the fewer users there are. Neighbours: `world` holds sites and scenarios; `direct_frames` and
``simulator.cloud`` shape the result.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.simulator.world import noise, opening_hours, randomness
from mist_pipeline.simulator.world.metric_profiles import METRICS, PROFILES, MetricProfile
from mist_pipeline.simulator.world.organisation import Site
from mist_pipeline.simulator.world.randomness import Floats, Ints
from mist_pipeline.simulator.world.scenario import Scenario

Flags = NDArray[np.bool_]

_LOAD, _CLIENTS, _SHARE, _EPISODES, _MINUTES, _GAPS, _CELL_GAPS, _VALUE, _SPLIT, _BASE, _HABIT, _OCCUPANCY = (
    range(12)
)
FOCUS: Final = 0.9
"""Of what a scenario degrades, the cloud counts this share for the classifiers that the scenario names."""
_MONTH_HOURS: Final = 720.0
_NEVER: Final = 1 << 40
_STUCK_MINUTES: Final = 60.0 * 0.72
"""Of the client that is always there and never works; no more than its hour counts at least."""
_SITE_GAP: Final = 0.0012
_CELL_GAP: Final = 0.0008
_LARGEST_BASE: Final = 0.26
_CHRONIC_SHARE: Final = 0.16
_DRIFT_PERIODS: Final = ((4, 0.45), (27, 0.40), (130, 0.15))
"""Hours between knots of the drift, and its share of the variance."""


@dataclass(frozen=True)
class Measurements:
    """One block: S sites × H hours × M metrics.

    Attributes:
        sites: Indices, (S,).
        hours: Hours since the epoch, (H,).
        metrics: Canonical names, M of them.
        exists: Whether the site was there, (S, H).
        silent: Whether the site reported nothing, (S, H).
        clients: Users, (S, H); 0 where silent.
        connected: Connected APs, (S, H).
        total: User-minutes, (S, H, M); NaN where the cloud has nothing.
        degraded: Degraded user-minutes, (S, H, M); NaN where the cloud has nothing.
        value: Mean raw measurement, (S, H, M); NaN without users or without a unit.
        supported: Whether the site knows the metric, (S, M).
        expected: Expected share of degraded minutes, (S, H, M).
    """

    sites: Ints
    hours: Ints
    metrics: tuple[str, ...]
    exists: Flags
    silent: Flags
    clients: Floats
    connected: Floats
    total: Floats
    degraded: Floats
    value: Floats
    supported: Flags
    expected: Floats


class MeasurementModel:
    """Computes measurements of an organisation and its scenarios; no state beside its arguments.

    Args:
        sites: The whole organisation, in order of index.
        scenarios: All scenarios.
        seed: Of the world.
        start: Of the world, from which sites grow.
        focus: Share of what a scenario degrades that is counted for the classifiers it names; the rest for all, as usual.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        scenarios: Sequence[Scenario],
        seed: int,
        start: datetime,
        focus: float = FOCUS,
    ) -> None:
        self._focus = focus
        self._sites = tuple(sites)
        self._first_hour = opening_hours.hour_of(start)
        self._growth = np.array([[site.growth] for site in sites], dtype=np.float64).reshape(-1, 1)
        self._noise = np.array([site.noise for site in sites], dtype=np.str_)
        self._noise_key = randomness.key(seed, 12)
        self._keys = [randomness.key(seed, stream) for stream in range(12)]
        self._scenarios = tuple(scenarios)
        self._scenario_sites = [np.array(scenario.sites, dtype=np.int64) for scenario in scenarios]
        self._scenarios_of: dict[int, list[int]] = defaultdict(list)
        for number, scenario in enumerate(scenarios):
            for index in scenario.sites:
                self._scenarios_of[index].append(number)
        self._onsets = np.array([scenario.onset.timestamp() / 3600.0 for scenario in scenarios])
        self._ends = np.array([scenario.end.timestamp() / 3600.0 + 3.0 for scenario in scenarios])
        zones = {zone: number for number, zone in enumerate(dict.fromkeys(site.timezone for site in sites))}
        countries = {
            name: number for number, name in enumerate(dict.fromkeys(site.country_code for site in sites))
        }
        self._zones, self._countries = tuple(zones), tuple(countries)
        self._zone = np.array([zones[site.timezone] for site in sites], dtype=np.int64)
        self._country = np.array([countries[site.country_code] for site in sites], dtype=np.int64)
        self._opens = np.array([[site.opens] for site in sites], dtype=np.float64).reshape(-1, 1)
        self._closes = np.array([[site.closes] for site in sites], dtype=np.float64).reshape(-1, 1)
        self._week = np.array([site.week for site in sites], dtype=np.float64).reshape(-1, 7)
        self._night = np.array([[site.night] for site in sites], dtype=np.float64).reshape(-1, 1)
        self._peak = np.array([[site.peak_clients] for site in sites], dtype=np.float64).reshape(-1, 1)
        self._aps = np.array([[site.num_aps] for site in sites], dtype=np.float64).reshape(-1, 1)
        self._wired = np.array([[site.wired_clients] for site in sites], dtype=np.float64).reshape(-1, 1)
        self._gateways = np.array([[site.num_gateways] for site in sites], dtype=np.float64).reshape(-1, 1)
        self._since = np.array(
            [[0 if site.since is None else opening_hours.hour_of(site.since)] for site in sites],
            dtype=np.int64,
        ).reshape(-1, 1)
        self._until = np.array(
            [[_NEVER if site.until is None else opening_hours.hour_of(site.until)] for site in sites],
            dtype=np.int64,
        ).reshape(-1, 1)
        self._supported = np.array(
            [
                [
                    metric not in site.unsupported
                    and (site.num_gateways > 0 or CATALOGUE[metric].group != "wan")
                    for metric in METRICS
                ]
                for site in sites
            ],
            dtype=np.bool_,
        ).reshape(-1, len(METRICS))
        self.base = self._base_shares()

    def _base_shares(self) -> Floats:
        """Expected share of degraded minutes where nothing is wrong, (all sites, all metrics)."""
        typical = np.array([PROFILES[metric].share for metric in METRICS])
        index = np.arange(len(self._sites), dtype=np.int64)[:, None]
        habit = randomness.normal(
            randomness.cells(self._keys[_BASE], index, np.arange(len(METRICS))[None, :])
        )
        quality = np.array([[site.quality] for site in self._sites]).reshape(-1, 1)
        base = typical * quality * np.exp(0.5 * habit)
        families = np.array([CATALOGUE[metric].family for metric in METRICS])
        chronic = np.array([[site.chronic_family == family for family in families] for site in self._sites])
        if chronic.any():
            base = np.where(chronic, _CHRONIC_SHARE * np.exp(0.2 * habit), base)
        return np.asarray(np.clip(base, 0.0005, _LARGEST_BASE))

    def _active(self, sites: Ints, hours: Ints) -> list[int]:
        """Numbers of the scenarios that touch any of these hours, and for one site alone only its own."""
        is_active = (self._onsets <= hours[-1] + 1) & (self._ends > hours[0])
        if len(sites) == 1:
            return [number for number in self._scenarios_of.get(int(sites[0]), []) if is_active[number]]
        return [int(number) for number in np.flatnonzero(is_active)]

    def site_ids(self, sites: Sequence[int]) -> list[str]:
        """Keys of sites."""
        return [self._sites[index].site_id for index in sites]

    def is_supported(self, sites: Ints) -> Flags:
        """Which metrics sites know, (S, all metrics)."""
        return self._supported[sites]

    def expected_clients(self, sites: Ints, hours: Ints) -> Floats:
        """Users that are expected, whether or not the site can report them, (S, H)."""
        load, _, _ = self._presence(sites, hours)
        return self._expected(sites, hours, load) * self._exists(sites, hours)

    def _expected(self, sites: Ints, hours: Ints, load: Floats) -> Floats:
        wave = randomness.drift(self._keys[_LOAD], hours, 30, sites[:, None])
        return np.asarray(self._peak[sites] * load * np.exp(0.12 * wave))

    def clients(self, sites: Ints, hours: Ints) -> tuple[Floats, Floats, Floats, Flags]:
        """Users, load relative to the busiest hour, share of APs offline, silence; each (S, H)."""
        load, offline, silent = self._presence(sites, hours)
        clients = randomness.poisson(
            self._expected(sites, hours, load),
            randomness.cells(self._keys[_CLIENTS], sites[:, None], hours[None, :]),
        )
        for is_stuck, _ in self._stuck(sites, hours):
            clients = clients + is_stuck
        exists = self._exists(sites, hours)
        return np.where(silent | ~exists, 0.0, clients), load, offline, silent

    def _local(self, sites: Ints, hours: Ints) -> tuple[Floats, Ints]:
        """Hour of the local day and local day since the epoch, each (S, H)."""
        local = np.empty((len(sites), len(hours)))
        days = np.empty((len(sites), len(hours)), dtype=np.int64)
        for number in np.unique(self._zone[sites]):
            rows = self._zone[sites] == number
            local[rows], days[rows] = opening_hours.local_time(self._zones[number], hours)
        return local, days

    def _presence(self, sites: Ints, hours: Ints) -> tuple[Floats, Floats, Flags]:
        """Load relative to the busiest hour, share of APs offline, silence; each (S, H)."""
        local, days = self._local(sites, hours)
        load = opening_hours.presence(
            local,
            opening_hours.weekday(days),
            self._opens[sites],
            self._closes[sites],
            self._week[sites],
            self._night[sites],
        )
        for number in np.unique(self._country[sites]):
            rows = self._country[sites] == number
            load[rows] *= np.where(opening_hours.is_holiday(self._countries[number], days[rows]), 0.12, 1.0)
        offline, silent = np.zeros(load.shape), np.zeros(load.shape, dtype=np.bool_)
        for number in self._active(sites, hours):
            scenario = self._scenarios[number]
            rows = np.isin(sites, self._scenario_sites[number])
            if not rows.any() or (
                scenario.load == 1.0 and scenario.offline == 0.0 and not scenario.is_silent
            ):
                continue
            course = scenario.hourly(hours)[None, :]
            load[rows] *= 1.0 + (scenario.load - 1.0) * course
            offline[rows] = np.maximum(offline[rows], scenario.offline * (course > 0.5))
            silent[rows] |= scenario.is_silent & (course > 0.5)
        grown = self._growth[sites]
        if grown.any():
            load = load * np.maximum(1.0 + grown * (hours[None, :] - self._first_hour) / _MONTH_HOURS, 0.1)
        return load, offline, silent

    def _exists(self, sites: Ints, hours: Ints) -> Flags:
        return np.asarray(
            (hours[None, :] >= self._since[sites]) & (hours[None, :] < self._until[sites]), dtype=np.bool_
        )

    def _stuck(self, sites: Ints, hours: Ints) -> list[tuple[Flags, str]]:
        """Where a client is stuck (S, H), and in which metric."""
        return [
            (
                np.isin(sites, self._scenario_sites[number])[:, None]
                & (self._scenarios[number].hourly(hours) > 0.5)[None, :],
                self._scenarios[number].stuck_metric,
            )
            for number in self._active(sites, hours)
            if self._scenarios[number].stuck_metric
        ]

    def _cloud_gap(self, sites: Ints, hours: Ints) -> Flags:
        """Where the cloud has nothing, though the site is well, (S, H)."""
        gap = np.zeros((len(sites), len(hours)), dtype=np.bool_)
        for number in self._active(sites, hours):
            if self._scenarios[number].is_gap:
                rows = np.isin(sites, self._scenario_sites[number])
                gap[rows] |= self._scenarios[number].hourly(hours) > 0.5
        return gap

    def measure(self, sites: Ints, hours: Ints, metrics: Sequence[str]) -> Measurements:
        """Compute a block.

        Args:
            sites: Indices, (S,).
            hours: Consecutive hours since the epoch, (H,), at least one.
            metrics: Canonical names.
        """
        clients, load, offline, silent = self.clients(sites, hours)
        exists = self._exists(sites, hours)
        which = np.array([METRICS.index(metric) for metric in metrics], dtype=np.int64)
        profiles = [PROFILES[metric] for metric in metrics]
        address = (sites[:, None, None], hours[None, :, None], which[None, None, :])

        total = self._exposure(sites, hours, metrics, clients)
        spread = np.array([item.spread for item in profiles])
        wave = sum(
            np.sqrt(weight)
            * randomness.drift(
                self._keys[_SHARE] ^ period, hours, period, sites[:, None, None], which[None, None, :]
            )
            for period, weight in _DRIFT_PERIODS
        )
        loaded = np.array([item.load for item in profiles])
        base = self.base[sites][:, which][:, None, :]
        share = base * np.exp(spread * wave - 0.5 * spread**2)
        share *= 1.0 - loaded + loaded * 1.5 * load[:, :, None]
        share = self._with_noise(share, sites, hours, which)
        kept = 1.0 - np.clip(share, 0.0, 0.9)
        for _, rows, column, degraded_share, _ in self._effects(sites, hours, metrics):
            kept[np.flatnonzero(rows)[:, None], np.arange(len(hours))[None, :], column] *= (
                1.0 - degraded_share[None, :]
            )
        if "ap-availability" in metrics:
            kept[:, :, list(metrics).index("ap-availability")] *= 1.0 - offline
        expected = 1.0 - kept

        episode = np.array([item.episode_minutes for item in profiles])
        if (self._noise[sites] == "heavy_tails").any():
            is_heavy = (self._noise[sites] == "heavy_tails")[:, None, None]
            episode = np.where(is_heavy, noise.LONGER_EPISODES * episode, episode)
        degraded = self._observed(expected, total, episode, address)
        for is_stuck, metric in self._stuck(sites, hours):
            if metric in metrics:
                column = list(metrics).index(metric)
                lost = degraded[:, :, column] + is_stuck * _STUCK_MINUTES * PROFILES[metric].exposure
                degraded[:, :, column] = np.minimum(lost, total[:, :, column])
        gap = self._cloud_gap(sites, hours) | (
            randomness.uniform(randomness.cells(self._keys[_GAPS], sites[:, None], hours[None, :]))
            < _SITE_GAP
        )
        cell_gap = randomness.uniform(randomness.cells(self._keys[_CELL_GAPS], *address)) < _CELL_GAP
        supported = self._supported[sites][:, which]
        nothing = (silent | ~exists | gap)[:, :, None] | cell_gap | ~supported[:, None, :]
        total, degraded = np.where(nothing, np.nan, total), np.where(nothing, np.nan, degraded)
        return Measurements(
            sites=sites,
            hours=hours,
            metrics=tuple(metrics),
            exists=exists,
            silent=silent,
            clients=clients,
            connected=np.round(self._aps[sites] * (1.0 - offline)) * exists,
            total=total,
            degraded=degraded,
            value=self._measured(profiles, total, degraded, address),
            supported=supported,
            expected=expected,
        )

    def _with_noise(self, share: Floats, sites: Ints, hours: Ints, metrics: Ints) -> Floats:
        """The share at sites of every noise family, (S, H, M)."""
        for family in np.unique(self._noise[sites]):
            if family == "usual":
                continue
            rows = self._noise[sites] == family
            local, days = self._local(sites[rows], hours)
            share[rows] = noise.share_of(
                family, share[rows], metrics, local, days, hours, sites[rows], self._noise_key
            )
        return share

    def _exposure(self, sites: Ints, hours: Ints, metrics: Sequence[str], clients: Floats) -> Floats:
        """User-minutes that count, (S, H, M); AP-minutes for the availability of APs."""
        word = randomness.cells(self._keys[_OCCUPANCY], sites[:, None], hours[None, :])
        minutes = clients * 60.0 * (0.72 + 0.26 * randomness.uniform(word))
        always = np.ones_like(clients)
        columns = []
        for metric in metrics:
            if metric == "ap-availability":
                columns.append(self._aps[sites] * 60.0 * always)
            elif CATALOGUE[metric].group == "wifi":
                columns.append(minutes * PROFILES[metric].exposure)
            elif CATALOGUE[metric].group == "wired":
                columns.append(self._wired[sites] * 60.0 * always)
            else:
                columns.append((minutes + self._wired[sites] * 60.0) * (self._gateways[sites] > 0))
        return np.asarray(np.round(np.stack(columns, axis=2), 3), dtype=np.float64)

    def _effects(
        self, sites: Ints, hours: Ints, metrics: Sequence[str]
    ) -> list[tuple[int, Flags, int, Floats, dict[str, float]]]:
        """Effects of scenarios on the block: scenario, rows (S,), metric column, share (H,), classifier weights."""
        found = []
        for number in self._active(sites, hours):
            scenario = self._scenarios[number]
            wanted = [item for item in scenario.effects if item.metric in metrics]
            rows = np.isin(sites, self._scenario_sites[number])
            if not wanted or not rows.any():
                continue
            course = scenario.hourly(hours)
            found += [
                (number, rows, list(metrics).index(item.metric), item.peak * course, dict(item.classifiers))
                for item in wanted
            ]
        return found

    def _observed(
        self, share: Floats, total: Floats, episode: Floats, address: tuple[Ints, Ints, Ints]
    ) -> Floats:
        """Compound Poisson–gamma minutes around share × total, never above the total, (S, H, M)."""
        rare = np.minimum(share, 1.0 - share)
        length = np.minimum(episode, np.maximum(total, 1e-9) / 3.0)
        count = randomness.poisson(rare * total / length, randomness.cells(self._keys[_EPISODES], *address))
        minutes = length * randomness.gamma(count, randomness.cells(self._keys[_MINUTES], *address))
        minutes = np.minimum(minutes, total)
        return np.asarray(np.round(np.where(share > 0.5, total - minutes, minutes), 3), dtype=np.float64)

    def _measured(
        self, profiles: list[MetricProfile], total: Floats, degraded: Floats, address: tuple[Ints, Ints, Ints]
    ) -> Floats:
        """Raw measurement that goes with the observed share, NaN without users or unit, (S, H, M)."""
        good = np.array([np.nan if item.good is None else item.good for item in profiles])
        bad = np.array([item.bad for item in profiles])
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(total > 0, degraded / total, np.nan)
        is_share = (good == 100.0) & (bad == 0.0)
        wobble = 0.02 * randomness.normal(randomness.cells(self._keys[_VALUE], *address)) * ~is_share
        through = np.where(is_share, share, np.clip(share, 0.0, 1.0) ** 0.8 + np.clip(wobble, -0.02, 0.06))
        return np.asarray(np.round(good + (bad - good) * through, 4), dtype=np.float64)

    def classifiers(self, block: Measurements, metric: str) -> tuple[tuple[str, ...], Floats]:
        """Degraded minutes by classifier; they add up to the metric's own.

        Args:
            block: A block that holds the metric.
            metric: Canonical name.

        Returns:
            The classifiers' names in the cloud's spelling, and minutes of shape (S, H, C).
        """
        column = block.metrics.index(metric)
        names = tuple(PROFILES[metric].classifiers)
        typical = np.array(list(PROFILES[metric].classifiers.values()))
        number = np.arange(len(names), dtype=np.int64) + 100 * METRICS.index(metric)
        habit = randomness.normal(randomness.cells(self._keys[_HABIT], block.sites[:, None], number[None, :]))
        usual = typical * np.exp(0.6 * habit)
        usual = usual / usual.sum(axis=1, keepdims=True)
        background = np.broadcast_to(
            self.base[block.sites, METRICS.index(metric)][:, None, None] * usual[:, None, :],
            (*block.clients.shape, len(names)),
        ).copy()
        for _, rows, at, share, weights in self._effects(block.sites, block.hours, block.metrics):
            if at != column:
                continue
            focus = np.array([weights.get(name, 0.0) for name in names])
            focus = self._focus * focus / max(focus.sum(), 1e-9)
            elsewhere = round(1.0 - self._focus, 12) * usual[rows][:, None, :]
            background[rows] += share[None, :, None] * (focus[None, None, :] + elsewhere)
        degraded = block.degraded[:, :, column]
        word = randomness.cells(
            self._keys[_SPLIT], block.sites[:, None, None], block.hours[None, :, None], number[None, None, :]
        )
        episodes = np.nan_to_num(degraded)[:, :, None] / PROFILES[metric].episode_minutes
        lumps = (-np.log(randomness.uniform(word))) ** (1.0 / np.sqrt(1.0 + episodes))
        weight = background * lumps
        return names, degraded[:, :, None] * weight / weight.sum(axis=2, keepdims=True)
