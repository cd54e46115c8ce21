"""What of a world is visible at a moment: windows cut at now, retention, users, devices that answer.

A world knows its future; whatever goes out over HTTP is taken from this view, which does not. Neighbours: `documents`
and `devices` turn these values into JSON.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from mist_pipeline.domain.metrics import CATALOGUE, Group
from mist_pipeline.simulator.world.clock import Clock
from mist_pipeline.simulator.world.direct_frames import distinct_users
from mist_pipeline.simulator.world.measurements import Flags, Measurements
from mist_pipeline.simulator.world.metric_profiles import METRICS
from mist_pipeline.simulator.world.organisation import Site
from mist_pipeline.simulator.world.randomness import Floats, Ints
from mist_pipeline.simulator.world.world import World

_KEPT_WINDOWS: Final = 8
_REQUIRED: Final[dict[Group, str]] = {"wired": "switch-health", "wan": "gateway-health"}


@dataclass(frozen=True)
class Series:
    """One metric of one site over a window, in buckets.

    Attributes:
        start: Epoch seconds.
        end: Epoch seconds, not after now.
        interval: Seconds of a bucket.
        total: User-minutes by bucket, NaN where there is nothing.
        degraded: Degraded user-minutes by bucket.
        value: Mean raw measurement by bucket.
        classifiers: Name → degraded user-minutes by bucket.
        users: Different users of the window.
    """

    start: float
    end: float
    interval: int
    total: Floats
    degraded: Floats
    value: Floats
    classifiers: dict[str, Floats]
    users: int


@dataclass(frozen=True)
class Scores:
    """Every site over one window, for one group of metrics.

    Attributes:
        sites: Indices of the sites that reported, (S,).
        metrics: Canonical names.
        score: Share of good user-minutes, (S, M); NaN where there is none.
        clients: Most users of an hour, (S,).
    """

    sites: Ints
    metrics: tuple[str, ...]
    score: Floats
    clients: Floats


@dataclass(frozen=True)
class Presence:
    """Users and devices present now, by site of the organisation; (S,) each.

    Attributes:
        exists: Whether the site is there yet.
        silent: Whether it has lost its connection.
        connected: Connected APs.
        clients: Wi-Fi users.
        load: Users relative to the busiest hour.
        busy: Share of capacity that is in trouble, expected.
    """

    exists: Flags
    silent: Flags
    connected: Ints
    clients: Ints
    load: Floats
    busy: Floats


class CloudView:
    """A world seen at the clock's now.

    Args:
        world: The world.
        clock: Tells now.
        retention_days: Hours older than this are gone; None keeps all.
        coarse_after_days: Windows longer than this come in buckets of a day; None never.
    """

    def __init__(
        self,
        world: World,
        clock: Clock,
        *,
        retention_days: float | None = None,
        coarse_after_days: float | None = None,
    ) -> None:
        self.world = world
        self.clock = clock
        self._retention_days = retention_days
        self._coarse_after_days = coarse_after_days
        self._scores: OrderedDict[tuple[Group, float, float, int], Scores] = OrderedDict()
        self._presence: tuple[int, Presence] | None = None

    def site(self, site_id: str) -> Site | None:
        """A site that exists now, or None."""
        index = self.world.index_of.get(site_id)
        return None if index is None else self.world.site_at(index, self.clock.now())

    def sites(self) -> list[Site]:
        """The sites that exist now, in order of index."""
        return self.world.sites_at(self.clock.now())

    def series(self, site: Site, metric: str, start: float, end: float) -> Series:
        """Buckets of one metric; those after now are left out, and the running one holds what has happened so far."""
        until = min(end, self.clock.now().timestamp())
        is_coarse = self._coarse_after_days is not None and end - start > self._coarse_after_days * 86_400
        interval = 86_400 if is_coarse else 3_600
        count = max(0, int(-(-(until - start) // interval)))
        if count == 0:
            nothing = np.empty(0)
            return Series(start, end, interval, nothing, nothing, nothing, {}, 0)
        block = self._block(np.array([site.index]), [metric], start, until)
        names, split = self.world.model.classifiers(block, metric)
        edges = np.minimum(start + interval * np.arange(count + 1), until)
        total, degraded, value = block.total[0, :, 0], block.degraded[0, :, 0], block.value[0, :, 0]
        known = ~np.isnan(total)
        covered = _buckets(block.hours, known.astype(np.float64), edges)
        bucket_total = np.where(covered > 0, _buckets(block.hours, total, edges), np.nan)
        measured = np.where(np.isnan(value), 0.0, total)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = _buckets(block.hours, np.nan_to_num(value) * measured, edges) / _buckets(
                block.hours, measured, edges
            )
        return Series(
            start=start,
            end=min(end, max(until, start)),
            interval=interval,
            total=bucket_total,
            degraded=np.where(covered > 0, _buckets(block.hours, degraded, edges), np.nan),
            value=mean,
            classifiers={
                name: np.where(covered > 0, _buckets(block.hours, split[0, :, at], edges), np.nan)
                for at, name in enumerate(names)
            },
            users=int(distinct_users(block.clients)[0]),
        )

    def scores(self, group: Group, start: float, end: float) -> Scores:
        """Every site's scores over a window; sites that reported nothing at all are left out."""
        until = min(end, self.clock.now().timestamp())
        # What is gone by retention changes with the hour.
        key = (group, start, until, int(self.clock.now().timestamp() // 3600))
        if key not in self._scores:
            self._scores[key] = self._compute_scores(group, start, until)
            while len(self._scores) > _KEPT_WINDOWS:
                self._scores.popitem(last=False)
        return self._scores[key]

    def _compute_scores(self, group: Group, start: float, until: float) -> Scores:
        metrics = tuple(name for name in METRICS if CATALOGUE[name].group == group)
        everyone = np.arange(len(self.world.sites()), dtype=np.int64)
        if until <= start:
            return Scores(everyone[:0], metrics, np.empty((0, len(metrics))), np.empty(0))
        block = self._block(everyone, metrics, start, until)
        part = _overlaps(block.hours, start, until)[None, :, None]
        total = np.nansum(block.total * part, axis=1)
        degraded = np.nansum(block.degraded * part, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            score = np.where(total > 0, 1.0 - degraded / total, np.nan)
        # A wired or wan page leaves out who has no health of its switches or gateways; a Wi-Fi page is laxer.
        if group == "wifi":
            reported = (~np.isnan(block.total)).any(axis=(1, 2))
        else:
            reported = ~np.isnan(score[:, metrics.index(_REQUIRED[group])])
        now = self.clock.now()
        # A site that was removed takes its past with it.
        reported &= np.array(
            [site.until is None or now < site.until for site in self.world.sites()], dtype=np.bool_
        )
        clients = np.where(block.silent, 0.0, block.clients).max(axis=1)
        return Scores(everyone[reported], metrics, score[reported], clients[reported])

    def presence(self) -> Presence:
        """Users and devices present in the running hour."""
        hour = int(self.clock.now().timestamp() // 3600)
        if self._presence is None or self._presence[0] != hour:
            self._presence = (hour, self._present(hour))
        return self._presence[1]

    def _present(self, running_hour: int) -> Presence:
        everyone = np.arange(len(self.world.sites()), dtype=np.int64)
        hour = np.array([running_hour])
        block = self.world.model.measure(everyone, hour, ["capacity"])
        _, load, _, _ = self.world.model.clients(everyone, hour)
        return Presence(
            exists=block.exists[:, 0],
            silent=block.silent[:, 0],
            connected=block.connected[:, 0].astype(np.int64),
            clients=block.clients[:, 0].astype(np.int64),
            load=load[:, 0],
            busy=block.expected[:, 0, 0],
        )

    def _block(
        self, sites: Ints, metrics: list[str] | tuple[str, ...], start: float, until: float
    ) -> Measurements:
        hours = np.arange(int(start // 3600), int(-(-until // 3600)))
        block = self.world.model.measure(sites, hours, metrics)
        if self._retention_days is not None:
            oldest = (self.clock.now() - timedelta(days=self._retention_days)).timestamp() / 3600.0
            block.total[:, hours < oldest] = np.nan
            block.degraded[:, hours < oldest] = np.nan
            block.value[:, hours < oldest] = np.nan
        return block


def _buckets(hours: Ints, minutes: Floats, edges: Floats) -> Floats:
    """Sums between edges (epoch seconds) of a quantity that is spread evenly over each hour; NaN counts as nothing."""
    cumulated = np.concatenate([[0.0], np.cumsum(np.nan_to_num(minutes))])
    at = np.append(hours, hours[-1] + 1) * 3600.0
    return np.asarray(np.diff(np.interp(edges, at, cumulated)))


def _overlaps(hours: Ints, start: float, until: float) -> Floats:
    """Share of each hour that lies inside a window."""
    begins = np.maximum(hours * 3600.0, start)
    ends = np.minimum((hours + 1) * 3600.0, until)
    return np.asarray(np.clip(ends - begins, 0.0, None) / 3600.0)
