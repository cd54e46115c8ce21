"""What can go wrong (or only look so): a scenario is one cause with its effects over time.

The functions here build scenarios of every kind to hand to `World(scenarios=[…])`; `scenario_sampling` draws those of a
whole world. A scenario speaks of site indices and expected shares; `measurements` applies it, `World` makes a
`LabelledIncident` of it.

>>> from datetime import UTC
>>> onset = datetime(1970, 1, 2, tzinfo=UTC)
>>> slow = slow_degradation(0, onset, days=10)
>>> slow.course(np.array([24.0, 144.0, 263.0])).round(2).tolist()  # hours since the epoch → share of the effect
[0.0, 0.5, 1.0]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from mist_pipeline.simulator.world.randomness import Floats, Ints

Shape = Literal["step", "linear", "accelerating", "flapping", "none", "intermittent", "bursts", "lunchtime"]

_FLAP_HOURS: Final = 3.0
_INTERMITTENT_HOURS: Final = 10.0 / 60.0
_BURST_HOURS: Final = 20.0 / 60.0
_BURST_SHARE: Final = 0.35
_GOLDEN_SHARE: Final = 0.6180339887498949
_LUNCH_HOURS: Final = 1.5
_WEEK_HOURS: Final = 168.0
_MINUTES: Final = 5
"""Shapes that change within the hour are looked at this often."""
_RECOVERY_HOURS: Final = 2.0
NO_CAUSE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Effect:
    """What a scenario does to one metric.

    Attributes:
        metric: Canonical name.
        peak: Share of user-minutes that it degrades at its height, beside those degraded anyway.
        classifiers: Where the degraded minutes go: classifier → weight.
    """

    metric: str
    peak: float
    classifiers: Mapping[str, float]


@dataclass(frozen=True)
class Scenario:
    """One cause in the simulated world.

    Attributes:
        kind: Name of the kind, e.g. `sudden_outage`.
        sites: Indices of the sites that it hits.
        onset: Start, UTC.
        end: End, UTC; the effect is gone two hours later.
        family: Metric family that it shows in: radio, connect, roaming, ap, device, load, wan.
        shape: Course over time.
        effects: On metrics.
        load: Factor on the number of clients.
        offline: Share of APs that are disconnected.
        is_silent: Whether the sites report nothing at all.
        cause: Shared attributes, e.g. `{"sitegroup_id": …}` or `{"model": …, "firmware": …}`.
        is_decoy: Whether it is harmless: nobody should be notified.
        incident: Name of the incident of which this is a part; scenarios without one are incidents of their own.
        is_exact: Whether it begins and ends within hours; otherwise an hour is hit as a whole or not at all.
        is_gap: Whether the cloud has no measurements of that time, though the sites are well.
        stuck_metric: The metric that one client, which is there day and night, fails all the time; '' without one.
    """

    kind: str
    sites: tuple[int, ...]
    onset: datetime
    end: datetime
    family: str
    shape: Shape = "step"
    effects: tuple[Effect, ...] = ()
    load: float = 1.0
    offline: float = 0.0
    is_silent: bool = False
    cause: Mapping[str, str] = field(default_factory=lambda: NO_CAUSE)
    is_decoy: bool = False
    incident: str = ""
    is_exact: bool = False
    is_gap: bool = False
    stuck_metric: str = ""

    def __post_init__(self) -> None:
        if self.end <= self.onset:
            raise ValueError(f"{self.kind}: its end {self.end} is not after its onset {self.onset}")
        if not self.sites:
            raise ValueError(f"{self.kind}: it hits no site")

    def course(self, hours: Floats) -> Floats:  # noqa: PLR0911 - one for each shape
        """How far the effect has gone, 0–1, at these times.

        Args:
            hours: Hours since the epoch in the middle of each hour, shape (H,).
        """
        onset, end = self.onset.timestamp() / 3600.0, self.end.timestamp() / 3600.0
        through = (hours - onset) / (end - onset)
        inside = (hours >= onset) & (hours < end)
        fading = np.clip(1.0 - (hours - end) / _RECOVERY_HOURS, 0.0, 1.0) * (hours >= end)
        if self.shape == "linear":
            return np.where(inside, through, fading)
        if self.shape == "accelerating":
            return np.where(inside, np.clip(through, 0.0, 1.0) ** 3, fading)
        if self.shape == "flapping":
            return np.where(inside & (np.floor((hours - onset) / _FLAP_HOURS) % 2 == 0), 1.0, 0.0)
        if self.shape == "intermittent":
            return np.where(inside & ((hours - onset) % 1.0 < _INTERMITTENT_HOURS), 1.0, 0.0)
        if self.shape == "bursts":
            # Multiples of the golden ratio spread bursts over the hours without a rhythm that could be learnt.
            is_burst = (np.floor(hours) * _GOLDEN_SHARE) % 1.0 < _BURST_SHARE
            return np.where(inside & is_burst & (hours % 1.0 < _BURST_HOURS), 1.0, 0.0)
        if self.shape == "lunchtime":
            weeks = np.ceil((end - onset) / _WEEK_HOURS)
            grown = (np.floor((hours - onset) / _WEEK_HOURS) + 1.0) / weeks
            is_lunch = ((hours - onset) % 24.0 < _LUNCH_HOURS) & ((np.floor(hours / 24.0) + 3) % 7 < 5)
            return np.where(inside & is_lunch, grown, 0.0)
        return inside.astype(np.float64)

    def hourly(self, hours: Ints) -> Floats:
        """How far the effect has gone in each hour, 0–1.

        Args:
            hours: Hours since the epoch, shape (H,).
        """
        if not (self.is_exact or self.shape in ("intermittent", "bursts", "lunchtime")):
            return self.course(np.asarray(hours + 0.5, dtype=np.float64))
        parts = (np.arange(0, 60, _MINUTES) + _MINUTES / 2) / 60.0
        moments = np.asarray(hours[:, None] + parts, dtype=np.float64)
        return np.asarray(self.course(moments.ravel()).reshape(moments.shape).mean(axis=1))


@dataclass(frozen=True)
class Harm:
    """What a scenario does to the users of one site.

    Attributes:
        site_id: The site.
        felt_at: Start of the first hour in which it degrades a user-minute, UTC; None if it never does.
        harm_at: When it has cost a noticeable amount (`harm`), UTC; None if it never does.
        over_at: When it ends at this site, UTC.
        user_minutes: What it adds in all, of the service level that suffers most.
    """

    site_id: str
    felt_at: datetime | None
    harm_at: datetime | None
    over_at: datetime
    user_minutes: float


@dataclass(frozen=True)
class LabelledIncident:
    """The truth about one scenario; for tests and evaluation, never visible over HTTP.

    Attributes:
        incident_id: Stable per world.
        kind: Of the scenario.
        site_ids: Sites that it hits.
        family: Metric family.
        metrics: Whose scores it moves; empty for silence and load.
        onset: True start, UTC.
        critical_at: First hour from which the expected score of one of its metrics and sites stays below 70 for at
            least two hours; None if it never does.
        end: True end, UTC.
        cause: Shared attributes.
        is_decoy: Whether it is harmless: nobody should be notified.
        harms: What it does at each site that it touches, in order of index. In a messy world `site_ids` are only those
            where it does real harm.
        began_at: When its cause began, UTC. In a messy world the onset is when users first feel it.
    """

    incident_id: str
    kind: str
    site_ids: tuple[str, ...]
    family: str
    metrics: tuple[str, ...]
    onset: datetime
    critical_at: datetime | None
    end: datetime
    cause: Mapping[str, str]
    is_decoy: bool
    harms: tuple[Harm, ...]
    began_at: datetime

    @property
    def harm_at(self) -> datetime | None:
        """When it has done real harm at the first of its sites."""
        return min((harm.harm_at for harm in self.harms if harm.harm_at is not None), default=None)

    @property
    def user_minutes(self) -> float:
        """What it adds at all of its sites."""
        return sum(harm.user_minutes for harm in self.harms)


FAMILY_METRICS: Final[dict[str, tuple[str, ...]]] = {
    "radio": ("coverage", "capacity", "throughput"),
    "connect": ("time-to-connect", "successful-connect"),
    "roaming": ("roaming",),
    "ap": ("ap-health",),
}
_MAIN_CLASSIFIER: Final[dict[str, str]] = {
    "coverage": "weak-signal",
    "capacity": "wifi-interference",
    "throughput": "capacity-wifi-interference",
    "time-to-connect": "dhcp-unresponsive",
    "successful-connect": "dhcp-discover-unresponsive",
    "roaming": "latency-slow-standard-roam",
    "ap-health": "network-latency",
    "ap-availability": "ap-disconnected-ap-unreachable",
}


def effect(metric: str, peak: float, classifier: str | None = None) -> Effect:
    """An effect concentrated in one classifier, with a tenth spread over the others by the site's own habits."""
    return Effect(metric, peak, {classifier or _MAIN_CLASSIFIER[metric]: 1.0})


def slow_degradation(
    site: int,
    onset: datetime,
    days: float,
    metric: str = "coverage",
    *,
    family: str = "radio",
    peak: float = 0.45,
    accelerating: bool = False,
) -> Scenario:
    """A metric that worsens for days to weeks until it is fixed, with its family following weakly."""
    companions = tuple(
        effect(other, peak * 0.35) for other in FAMILY_METRICS.get(family, ()) if other != metric
    )
    return Scenario(
        "accelerating_degradation" if accelerating else "slow_degradation",
        (site,),
        onset,
        onset + timedelta(days=days),
        family,
        "accelerating" if accelerating else "linear",
        (effect(metric, peak), *companions),
    )


def sudden_outage(
    sites: Sequence[int], onset: datetime, hours: float, *, family: str = "connect", peak: float = 0.75
) -> Scenario:
    """A family that is bad from one moment to the next, and well again at the end."""
    effects = tuple(
        effect(metric, peak * share)
        for metric, share in zip(FAMILY_METRICS[family], (1.0, 0.8, 0.7), strict=False)
    )
    return Scenario(
        "sudden_outage", tuple(sites), onset, onset + timedelta(hours=hours), family, "step", effects
    )


def flapping(
    site: int, onset: datetime, hours: float, metric: str = "capacity", *, peak: float = 0.6
) -> Scenario:
    """Three hours bad, three hours well, again and again: one problem, not many."""
    end = onset + timedelta(hours=hours)
    return Scenario("flapping", (site,), onset, end, _family_of(metric), "flapping", (effect(metric, peak),))


def dhcp_failure(
    sites: Sequence[int], onset: datetime, hours: float, *, sitegroup_id: str, peak: float = 0.55
) -> Scenario:
    """The DHCP service of a site group fails: every site of it, one classifier."""
    effects = (
        effect("time-to-connect", peak, "dhcp-unresponsive"),
        effect("successful-connect", peak * 0.9, "dhcp-discover-unresponsive"),
    )
    cause = {"sitegroup_id": sitegroup_id, "service": "dhcp"}
    end = onset + timedelta(hours=hours)
    return Scenario("group_dhcp_failure", tuple(sites), onset, end, "connect", "step", effects, cause=cause)


def bad_firmware(
    sites: Sequence[int], onset: datetime, days: float, *, model: str, firmware: str, peak: float = 0.35
) -> Scenario:
    """A firmware that makes one AP model worse, until it is replaced."""
    effects = (
        effect("throughput", peak, "network-issues"),
        effect("ap-health", peak * 0.8, "network-latency"),
        effect("coverage", peak * 0.4, "asymmetry-uplink"),
    )
    cause = {"model": model, "firmware": firmware}
    end = onset + timedelta(days=days)
    return Scenario("bad_firmware", tuple(sites), onset, end, "radio", "step", effects, cause=cause)


def level_shift(site: int, onset: datetime, end: datetime, metric: str, *, peak: float = 0.05) -> Scenario:
    """A small lasting step: a new normal that needs no notification."""
    effects = (effect(metric, peak),)
    return Scenario("level_shift", (site,), onset, end, _family_of(metric), "step", effects, is_decoy=True)


def site_offline(sites: Sequence[int], onset: datetime, hours: float) -> Scenario:
    """Power or line gone: every device disconnected, nothing reported."""
    end = onset + timedelta(hours=hours)
    return Scenario("site_offline", tuple(sites), onset, end, "device", offline=1.0, is_silent=True)


def wan_storm(
    sites: Sequence[int], onset: datetime, hours: float, *, provider: str = "carrier-1"
) -> Scenario:
    """Many sites lose their WAN at the same moment: one cause, as many silent sites."""
    end = onset + timedelta(hours=hours)
    cause = {"provider": provider}
    return Scenario("wan_storm", tuple(sites), onset, end, "device", offline=1.0, is_silent=True, cause=cause)


def device_loss(sites: Sequence[int], onset: datetime, hours: float, *, share: float = 0.5) -> Scenario:
    """A part of the APs disconnected (a dead switch): AP availability falls and the neighbours must carry the users."""
    effects = (effect("coverage", 0.4 * share), effect("capacity", 0.35 * share, "client-count"))
    end = onset + timedelta(hours=hours)
    return Scenario("device_loss", tuple(sites), onset, end, "ap", "step", effects, offline=share)


def blip(site: int, onset: datetime, metric: str, *, peak: float = 0.3) -> Scenario:
    """One bad hour."""
    effects = (effect(metric, peak),)
    end = onset + timedelta(hours=1)
    return Scenario("blip", (site,), onset, end, _family_of(metric), "step", effects, is_decoy=True)


def rollout(sites: Sequence[int], onset: datetime, until: datetime, *, model: str, firmware: str) -> Scenario:
    """A firmware roll-out that harms nobody: the version changes and the service does not."""
    cause = {"model": model, "firmware": firmware}
    return Scenario("firmware_rollout", tuple(sites), onset, until, "ap", "none", cause=cause, is_decoy=True)


def closing_day(sites: Sequence[int], onset: datetime, *, hours: float = 24.0, name: str = "") -> Scenario:
    """A day on which nearly nobody comes: a holiday, a stocktaking."""
    cause = {"holiday": name} if name else NO_CAUSE
    end = onset + timedelta(hours=hours)
    return Scenario("closing_day", tuple(sites), onset, end, "load", load=0.08, cause=cause, is_decoy=True)


def busy_day(sites: Sequence[int], onset: datetime, *, hours: float = 14.0) -> Scenario:
    """Half as many users again, as on the first day of a sale; the service is as good as ever."""
    end = onset + timedelta(hours=hours)
    return Scenario("busy_day", tuple(sites), onset, end, "load", load=1.5, is_decoy=True)


def _family_of(metric: str) -> str:
    return next((family for family, metrics in FAMILY_METRICS.items() if metric in metrics), "ap")
