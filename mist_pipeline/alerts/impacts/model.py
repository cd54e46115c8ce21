"""The values of this room: what is known of the size of an incident at one instant. Nothing is guessed: None is unknown.

Counts are the cloud's: everyone with a degraded minute in the window, however short. User-hours are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from mist_pipeline.domain.severity import Severity

DeviceKind: TypeAlias = Literal["ap", "switch", "gateway"]
Occasion: TypeAlias = Literal["opened", "worse", "hourly", "over"]
"""Why somebody asked who is hit."""


@dataclass(frozen=True, slots=True)
class HitDevice:
    """An access point, switch or gateway; ``name`` is typed by strangers and may be empty."""

    kind: DeviceKind
    mac: str
    name: str
    site_id: str
    degraded_user_minutes: float


@dataclass(frozen=True, slots=True)
class HitClient:
    """A client of somebody: kept only with ``privacy.show_clients``; each text is typed by strangers and may be empty."""

    name: str
    mac: str
    address: str
    site_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """The size of an incident, or of its share at one site and service level (``site_id`` and ``metric`` not empty).

    Attributes:
        incident_id: Which incident.
        as_of: When this was asked.
        site_id: '' for the whole incident.
        metric: '' for the whole incident.
        occasion: Why it was asked.
        severity: Of the incident then; more than this asks again.
        num_sites: Sites with an alert that goes on; once over, all.
        num_sites_asked: Those of them whose numbers the cloud gave.
        window_start: From when on users and devices are counted.
        window_end: Until when.
        num_users: Users hit, over the sites that were asked.
        total_users: Users there.
        num_aps: Access points hit …
        total_aps: … of so many; None where the cloud does not say.
        num_switches: Switches hit.
        num_gateways: Gateways hit.
        lost_user_minutes: User-minutes below the service level beyond expectation, from the beginning to the last bad hour.
        devices: The worst devices, the worst first.
        parts: What those who are hit share: wlan, band, device_type … → name → share of the degraded minutes, 0–1.
        clients: Empty unless ``privacy.show_clients``.
        unknown: Why what is not known is not known; empty where nothing is missing.
    """

    incident_id: str
    as_of: datetime
    site_id: str = ""
    metric: str = ""
    occasion: Occasion
    severity: Severity
    num_sites: int
    num_sites_asked: int
    window_start: datetime
    window_end: datetime
    num_users: int | None = None
    total_users: int | None = None
    num_aps: int | None = None
    total_aps: int | None = None
    num_switches: int | None = None
    num_gateways: int | None = None
    lost_user_minutes: float | None = None
    devices: tuple[HitDevice, ...] = ()
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    clients: tuple[HitClient, ...] = ()
    unknown: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it is about the whole incident."""
        return not self.site_id and not self.metric
