"""Sites and devices as the cloud writes them: lists of sites, their counts, every access point, switch and gateway.

These answers are about now only. Neighbours: `cloud` says who is present, `server` pages.
"""

import math
import zlib
from bisect import bisect_right
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from mist_pipeline.simulator.cloud.view import CloudView, Presence
from mist_pipeline.simulator.world import opening_hours
from mist_pipeline.simulator.world.organisation import (
    GATEWAY_VERSIONS,
    ORG_ID,
    SWITCH_MODEL,
    SWITCH_VERSION,
    Site,
    stable_uuid,
)

Document = dict[str, Any]

_TYPES: Final = ("ap", "switch", "gateway")
_PREFIXES: Final = {"ap": "5c5b35", "switch": "d4dc09", "gateway": "fc3342"}
_BOOT_DAYS: Final = 90
_SMALL_SITE: Final = 8


class Fleet:
    """All devices of a cloud, numbered through the organisation.

    Args:
        cloud: Whose.
    """

    def __init__(self, cloud: CloudView) -> None:
        self._cloud = cloud
        sites = cloud.world.sites()
        counts = {
            "ap": [site.num_aps for site in sites],
            "switch": [site.num_switches for site in sites],
            "gateway": [site.num_gateways for site in sites],
        }
        self._first = {kind: np.concatenate([[0], np.cumsum(counts[kind])]) for kind in _TYPES}
        self._offsets: dict[str, int] = {}
        self._restarts: dict[int, list[datetime]] = defaultdict(list)
        for scenario in cloud.world.scenarios:
            if scenario.offline > 0 or scenario.is_silent:
                moments = [scenario.end]
            elif "firmware" in scenario.cause:
                moments = [scenario.onset, scenario.end]
            else:
                continue
            for index in scenario.sites:
                self._restarts[index] += moments
        for restarts in self._restarts.values():
            restarts.sort()

    def mac(self, kind: str, site: Site, ordinal: int) -> str:
        """The hardware address of a device: type, and number within the organisation."""
        return f"{_PREFIXES[kind]}{int(self._first[kind][site.index]) + ordinal:06x}"

    def named(self, kind: str, site: Site) -> list[tuple[str, str]]:
        """Hardware address and name of a site's devices of one type."""
        return [
            (self.mac(kind, site, ordinal), f"{kind}-{ordinal + 1:03d}")
            for ordinal in range(_count(kind, site))
        ]

    def described(self, kind: str, site: Site, ordinal: int) -> tuple[str, str]:
        """Model and firmware of a device now."""
        return self._model(kind, site, ordinal, self._cloud.clock.now())

    def in_trouble(self, site: Site, metric: str, start: float, end: float) -> frozenset[int]:
        """Ordinals of the access points that the incidents of a window are about: those of the model, those that are gone.

        Empty where an incident spares no access point, or where there is none.
        """
        found: set[int] = set()
        for scenario in self._cloud.world.scenarios:
            is_here = site.index in scenario.sites and any(one.metric == metric for one in scenario.effects)
            if not is_here or scenario.onset.timestamp() >= end or scenario.end.timestamp() <= start:
                continue
            if model := scenario.cause.get("model"):
                first = range(site.num_main_aps)
                main = set(first) if site.ap_models[0] == model else set[int]()
                other = set(range(site.num_main_aps, site.num_aps)) if site.ap_models[1] == model else set()
                found |= main | other
            found |= set(range(math.ceil(scenario.offline * site.num_aps)))
        return frozenset(found)

    def sites_documents(self, sites: list[Site]) -> list[Document]:
        """Bodies of the organisation's list of sites."""
        created = int((self._cloud.world.start - timedelta(days=400)).timestamp())
        return [
            {
                "id": site.site_id,
                "org_id": ORG_ID,
                "name": site.name,
                "timezone": site.timezone,
                "tzoffset": self._tzoffset(site),
                "country_code": site.country_code,
                "latlng": {"lat": site.latitude, "lng": site.longitude},
                "address": site.address,
                "sitegroup_ids": list(site.sitegroup_ids),
                "rftemplate_id": site.rftemplate_id,
                "aptemplate_id": None,
                "secpolicy_id": None,
                "alarmtemplate_id": None,
                "networktemplate_id": site.networktemplate_id,
                "gatewaytemplate_id": site.gatewaytemplate_id,
                "sitetemplate_id": None,
                "created_time": int(site.since.timestamp()) if site.since else created,
                "modified_time": int(site.since.timestamp()) if site.since else created,
            }
            for site in sites
        ]

    def search_documents(self, sites: list[Site]) -> list[Document]:
        """Bodies of the search for sites."""
        return [
            {
                "id": site.site_id,
                "site_id": site.site_id,
                "org_id": ORG_ID,
                "name": site.name,
                "timezone": site.timezone,
                "country_code": site.country_code,
                "timestamp": self._cloud.world.start.timestamp(),
                "auto_upgrade_enabled": False,
                "auto_upgrade_version": "",
                "honeypot_enabled": False,
                "vna_enabled": True,
                "wifi_enabled": True,
            }
            for site in sites
        ]

    def _tzoffset(self, site: Site) -> int:
        """Minutes of standard time modulo a day: 960 for Los Angeles, which is of no use in computations."""
        if site.timezone not in self._offsets:
            winter = np.array([opening_hours.hour_of(self._cloud.world.start.replace(month=1, day=15))])
            self._offsets[site.timezone] = (
                int(opening_hours.utc_offsets(site.timezone, winter)[0] * 60) % 1440
            )
        return self._offsets[site.timezone]

    def stats_documents(self, sites: list[Site]) -> list[Document]:
        """Bodies of the sites' counts."""
        here = self._cloud.presence()
        documents = []
        for document, site in zip(self.sites_documents(sites), sites, strict=True):
            up = {kind: self._num_connected(here, kind, site) for kind in _TYPES}
            documents.append(
                {
                    **{name: value for name, value in document.items() if value is not None},
                    "lat": site.latitude,
                    "lng": site.longitude,
                    "num_ap": site.num_aps,
                    "num_ap_connected": up["ap"],
                    "num_switch": site.num_switches,
                    "num_switch_connected": up["switch"],
                    "num_gateway": site.num_gateways,
                    "num_gateway_connected": up["gateway"],
                    "num_devices": site.num_aps + site.num_switches + site.num_gateways,
                    "num_devices_connected": sum(up.values()),
                    "num_clients": int(here.clients[site.index]),
                }
            )
        return documents

    def _num_connected(self, here: Presence, kind: str, site: Site) -> int:
        if kind == "ap":
            return int(here.connected[site.index])
        everything = _count(kind, site)
        if here.silent[site.index]:
            return 0
        lost = site.num_aps - int(here.connected[site.index])
        return max(everything - int(kind == "switch" and is_of_a_switch(site, lost)), 0)

    def addresses(self, kinds: tuple[str, ...], sites: list[Site]) -> list[tuple[str, Site, int]]:
        """Type, site and ordinal of every device of these types at these sites."""
        return [
            (kind, site, ordinal) for kind in kinds for site in sites for ordinal in range(_count(kind, site))
        ]

    def is_connected(self, kind: str, site: Site, ordinal: int) -> bool:
        """Whether a device answers now: the first ones are those that are lost."""
        here = self._cloud.presence()
        return ordinal >= _count(kind, site) - self._num_connected(here, kind, site)

    def device_document(self, kind: str, site: Site, ordinal: int) -> Document:
        """The state of one device."""
        now, here = self._cloud.clock.now(), self._cloud.presence()
        is_up = self.is_connected(kind, site, ordinal)
        mac = self.mac(kind, site, ordinal)
        model, version = self._model(kind, site, ordinal, now)
        common: Document = {
            "id": f"00000000-0000-0000-1000-{mac}",
            "mac": mac,
            "name": f"{kind}-{ordinal + 1:03d}",
            "type": kind,
            "model": model,
            "serial": f"SIM{mac.upper()}",
            "org_id": ORG_ID,
            "site_id": site.site_id,
            "status": "connected" if is_up else "disconnected",
            "version": version,
            "last_seen": (now if is_up else self._lost_since(site, now)).timestamp(),
            "uptime": int((now - self._booted(site, ordinal, now)).total_seconds()) if is_up else None,
        }
        wobble = zlib.crc32(f"{mac}:{int(now.timestamp() // 3600)}".encode()) / 2**32
        load = float(here.load[site.index])
        if kind != "ap":
            used = round(8 + 12 * wobble + 20 * load)
            return {
                **common,
                "cpu_stat": {
                    "idle": 100 - used,
                    "user": used - 3,
                    "system": 3,
                    "interrupt": 0,
                    "load_avg": [0.3, 0.2, 0.2],
                },
                "memory_stat": {"usage": round(38 + 10 * wobble + 6 * load)},
            }
        if not is_up:
            return {**common, "num_clients": None, "cpu_util": None, "radio_stat": {}}
        return {**common, **self._radio(site, ordinal, here, wobble)}

    def _radio(self, site: Site, ordinal: int, here: Presence, wobble: float) -> Document:
        answering = max(int(here.connected[site.index]), 1)
        rank = ordinal - (site.num_aps - answering)
        clients = int(here.clients[site.index])
        mine = clients // answering + (rank < clients % answering)
        load, busy = float(here.load[site.index]), float(here.busy[site.index])
        utilisation = min(99.0, 12 + 30 * load + 8 * wobble + 55 * busy)
        on_24, on_6 = mine // 4, mine // 8
        bands = {
            "band_24": (6, on_24, 1.2, 20),
            "band_5": (44, mine - on_24 - on_6, 1.0, 40),
            "band_6": (37, on_6, 0.5, 80),
        }
        return {
            "num_clients": mine,
            "cpu_util": round(6 + 22 * load + 8 * wobble),
            "mem_used_kb": 310_000 + round(60_000 * wobble),
            "ext_ip": f"203.0.113.{site.index % 250 + 1}",
            "radio_stat": {
                band: {
                    "channel": channel,
                    "bandwidth": width,
                    "num_clients": number,
                    "noise_floor": -92 + round(6 * wobble),
                    "power": 12,
                    "util_all": round(min(99.0, utilisation * factor)),
                    "util_non_wifi": round(3 + 20 * busy),
                }
                for band, (channel, number, factor, width) in bands.items()
            },
        }

    def inventory_document(self, kind: str, site: Site, ordinal: int) -> Document:
        """One device as the inventory lists it."""
        mac = self.mac(kind, site, ordinal)
        created = int((self._cloud.world.start - timedelta(days=400)).timestamp())
        model, _ = self._model(kind, site, ordinal, self._cloud.clock.now())
        return {
            "id": f"00000000-0000-0000-1000-{mac}",
            "mac": mac,
            "serial": f"SIM{mac.upper()}",
            "model": model,
            "type": kind,
            "name": f"{kind}-{ordinal + 1:03d}",
            "org_id": ORG_ID,
            "site_id": site.site_id,
            "connected": self.is_connected(kind, site, ordinal),
            "created_time": created,
            "modified_time": created,
            "deviceprofile_id": None,
        }

    def _model(self, kind: str, site: Site, ordinal: int, now: datetime) -> tuple[str, str]:
        if kind == "switch":
            return SWITCH_MODEL, SWITCH_VERSION
        if kind == "gateway":
            model = site.gateway_model or ""
            return model, GATEWAY_VERSIONS.get(model, "")
        model = site.ap_models[0] if ordinal < site.num_main_aps else site.ap_models[1]
        return model, self._cloud.world.firmware(model, site.index, now)

    def _booted(self, site: Site, ordinal: int, now: datetime) -> datetime:
        restarts = self._restarts.get(site.index, [])
        before = bisect_right(restarts, now)
        if before:
            return restarts[before - 1]
        return self._cloud.world.start - timedelta(days=1 + (site.index * 31 + ordinal * 7) % _BOOT_DAYS)

    def _lost_since(self, site: Site, now: datetime) -> datetime:
        onsets = [
            scenario.onset
            for scenario in self._cloud.world.scenarios
            if site.index in scenario.sites and scenario.offline > 0 and scenario.onset <= now
        ]
        return max(onsets, default=now)


def _count(kind: str, site: Site) -> int:
    if kind == "ap":
        return site.num_aps
    return site.num_switches if kind == "switch" else site.num_gateways


def is_of_a_switch(site: Site, lost_aps: int) -> bool:
    """Whether lost access points mean a dead switch: a single one of many has died alone."""
    return lost_aps > 1 or (lost_aps == 1 and site.num_aps < _SMALL_SITE)


def device_types(wanted: str) -> tuple[str, ...] | None:
    """The types that a `type` parameter asks for, None for one that the cloud does not know; absent means `ap`."""
    if wanted in ("", "ap"):
        return ("ap",)
    if wanted == "all":
        return _TYPES
    return (wanted,) if wanted in _TYPES else None


MSP_NAME: Final = "Managed services"


def self_document(org_name: str, msp_id: str | None) -> Document:
    """The privileges of the token: the provider's own comes first, if there is one, then the organisation's."""
    of_msp = {"msp_id": msp_id, "msp_name": MSP_NAME} if msp_id else {}
    org = {"scope": "org", "role": "read", "org_id": ORG_ID, "name": org_name, **of_msp}
    site = {
        "scope": "site",
        "role": "write",
        "org_id": ORG_ID,
        "org_name": org_name,
        "site_id": stable_uuid(0, "privilege"),
        "name": "Lab",
    }
    msp = [{"scope": "msp", "role": "read", "name": MSP_NAME, **of_msp}] if msp_id else []
    return {"name": "mist-pipeline", "privileges": [*msp, org, site]}


OTHERS: Final = (
    "Initech",
    "Initech",
    "\u202eelif <b>Köln</b>\x07 GmbH & Co. KG of a long name",
    "",
    "2 Fast Deliveries",
)
"""Names of the provider's other organisations, which its tokens may list and not read."""


def msp_organisations(org_name: str, msp_id: str) -> list[Document]:
    """The organisations of the provider."""
    known = {
        ORG_ID: org_name,
        **{stable_uuid(0, "org", str(place)): name for place, name in enumerate(OTHERS)},
    }
    return [
        {
            "id": org_id,
            "name": name,
            "msp_id": msp_id,
            "msp_name": MSP_NAME,
            "orggroup_ids": [],
            "session_expiry": 1440,
        }
        for org_id, name in known.items()
    ]
