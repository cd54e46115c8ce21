"""Who is hit, as the cloud writes it: `impact-summary`, `impacted-aps`, `-switches`, `-gateways`, `-users`, `-clients`.

Pure: values in, JSON-ready objects out. As many are hit as `summary` says in its `impact`; who they are is the same in every
answer. Access points of the model, or those that are gone, come first where an incident is about them. Neighbours: `view`
gives the minutes, `devices` the devices, `documents` the other answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from mist_pipeline.domain.metrics import CATALOGUE, normalise
from mist_pipeline.simulator.cloud.devices import Fleet
from mist_pipeline.simulator.cloud.documents import epoch, number_hit
from mist_pipeline.simulator.cloud.view import Series
from mist_pipeline.simulator.world.organisation import Site, stable_uuid
from mist_pipeline.simulator.world.randomness import Floats

Document = dict[str, Any]

FIELDS: Final = ("ap", "band", "device_os", "device_type", "wlan", "vlan", "server")
_STANDARD_FIELDS: Final = ("ap", "wlan", "device_os", "device_type", "band")
_MOST_ROWS: Final = 1000

_WLANS: Final = (("Corp", 0.55), ("Guest", 0.35), ("*_`<i>IoT</i>`_*", 0.1))
_BANDS: Final = (("24", 0.3), ("5", 0.6), ("6", 0.1))
_SYSTEMS: Final = (("", "unknown", 0.4), ("Android 14", "Android 14", 0.3), ("17.5", "17.5", 0.3))
_TYPES: Final = (("", "unknown", 0.4), ("Pixel", "Pixel", 0.3), ("iPhone", "iPhone", 0.3))
_VLANS: Final = (("10", 0.6), ("20", 0.4))
_LISTS: Final = {"ap": "aps", "switch": "switches", "gateway": "gateways"}
_GROUPS: Final = {"ap": "wifi", "switch": "wired", "gateway": "wan"}


@dataclass(frozen=True)
class Hit:
    """What a question about the impact is about.

    Attributes:
        fleet: Devices of the cloud.
        site: Where.
        metric: Canonical name.
        spelled: As the site spells it.
        series: Its buckets over the window.
        classifier: Only what this one degrades; empty for all.
        suspects: Ordinals of the access points that the incidents of the window are about (`Fleet.in_trouble`).
    """

    fleet: Fleet
    site: Site
    metric: str
    spelled: str
    series: Series
    classifier: str = ""
    suspects: frozenset[int] = frozenset()

    @cached_property
    def total(self) -> float:
        """User-minutes of the window."""
        return float(np.nansum(self.series.total))

    @cached_property
    def degraded(self) -> float:
        """Those of them that are degraded, by the classifier where one is asked."""
        if self.classifier == "":
            return float(np.nansum(self.series.degraded))
        by_name: Mapping[str, Floats] = {
            normalise(name): minutes for name, minutes in self.series.classifiers.items()
        }
        found = by_name.get(normalise(self.classifier))
        return 0.0 if found is None else float(np.nansum(found))

    def document(self, **rows: Any) -> Document:
        """An answer about this question."""
        return {
            "start": epoch(self.series.start),
            "end": epoch(self.series.end),
            "metric": self.spelled,
            "classifier": self.classifier,
            "failure": "",
            **rows,
        }

    def devices(self, kind: str) -> list[int]:
        """Ordinals of the devices that are hit, the worst first; none where the metric is not about such devices."""
        names = self.fleet.named(kind, self.site)
        if CATALOGUE[self.metric].group != _GROUPS[kind]:
            return []
        suspects = [ordinal for ordinal in range(len(names)) if ordinal in self.suspects]
        others = [ordinal for ordinal in range(len(names)) if ordinal not in self.suspects]
        ordered = [*suspects, *others] if kind == "ap" else list(range(len(names)))
        return ordered[: number_hit(len(names), self.degraded, self.total)]

    def shares(self, how_many: int, everyone: int) -> Iterator[tuple[float, float]]:
        """Degraded and all minutes of each of them: a few carry most, nobody has more than there is."""
        if how_many == 0:
            return
        weight = 1.0 / np.arange(1, how_many + 1) ** 1.5
        for share in (weight / weight.sum()).tolist():
            part = round(self.degraded * share, 3)
            yield part, round(max(part, self.total / max(everyone, 1)), 3)


def impact_summary(hit: Hit, fields: str) -> Document:
    """The body of `impact-summary`, by default for the fields that the contract names."""
    wanted = _STANDARD_FIELDS if fields == "" else (fields,)
    tables: dict[str, list[Document]] = {
        "ap": _aps(hit),
        "band": [_part(hit, share, band=name, name=name) for name, share in _BANDS],
        "device_os": [_part(hit, share, device_os=os, name=name) for os, name, share in _SYSTEMS],
        "device_type": [_part(hit, share, device_type=kind, name=name) for kind, name, share in _TYPES],
        "wlan": [_part(hit, share, wlan_id=_wlan_id(name), name=name) for name, share in _WLANS],
        "vlan": [_part(hit, share, vlan=name, name=name) for name, share in _VLANS],
        "server": [_part(hit, 1.0, server="10.0.0.53", name="10.0.0.53")],
    }
    return hit.document(
        **{name: [] for name in _STANDARD_FIELDS if name not in wanted},
        **{name: tables[name] for name in wanted if name in tables},
    )


def impacted_devices(hit: Hit, kind: str) -> Document:
    """The body of `impacted-aps`, `impacted-switches` or `impacted-gateways`."""
    if kind == "ap":
        rows = _aps(hit)
    else:
        rows = [
            {
                f"{kind}_mac": mac,
                f"{kind}_model": model,
                f"{kind}_version": version,
                "name": name,
                "degraded": degraded,
                "total": int(total) + 1,
                "duration": int(total),
                **({"interface": ["ge-0/0/0"]} if kind == "switch" else {}),
            }
            for (mac, name), (model, version), (degraded, total) in _devices(hit, kind)
        ]
    return _listed(hit, _LISTS[kind], rows)


def impacted_users(hit: Hit) -> Document:
    """The body of `impacted-users`: nobody where the metric is not measured on Wi-Fi."""
    if CATALOGUE[hit.metric].group != "wifi":
        return _listed(hit, "users", [])
    aps = hit.fleet.named("ap", hit.site)
    hit_aps = hit.devices("ap")
    how_many = number_hit(hit.series.users, hit.degraded, hit.total)
    rows = []
    for number, (degraded, total) in enumerate(hit.shares(how_many, hit.series.users)):
        ap_mac, ap_name = aps[hit_aps[number % len(hit_aps)]] if hit_aps else ("", "")
        wlan = _WLANS[number % len(_WLANS)][0]
        _, kind, _ = _TYPES[number % len(_TYPES)]
        _, system, _ = _SYSTEMS[number % len(_SYSTEMS)]
        rows.append(
            {
                "mac": _client_mac(hit.site, number),
                "name": f"phone-{hit.site.index}-{number + 1}",
                "ap_mac": ap_mac,
                "ap_name": ap_name,
                "device_type": kind,
                "device_os": system,
                "ssid": wlan,
                "wlan_id": _wlan_id(wlan),
                "degraded": degraded,
                "total": total,
                "duration": total,
            }
        )
    return _listed(hit, "users", rows)


def impacted_clients(hit: Hit) -> Document:
    """The body of `impacted-clients`: nobody where the metric is not measured on cables."""
    switches = hit.fleet.named("switch", hit.site)
    hit_switches = hit.devices("switch")
    everyone = hit.site.wired_clients if hit_switches else 0
    how_many = number_hit(everyone, hit.degraded, hit.total)
    rows = []
    for number, (degraded, total) in enumerate(hit.shares(how_many, everyone)):
        mac, name = switches[hit_switches[number % len(hit_switches)]]
        ports = [f"ge-0/0/{number % 48}"]
        rows.append(
            {
                "mac": _client_mac(hit.site, 100_000 + number),
                "name": f"till-{hit.site.index}-{number + 1}",
                "switches": [{"switch_mac": mac, "switch_name": name, "interfaces": ports}],
                "degraded": int(degraded),
                "total": int(total),
                "duration": int(total),
            }
        )
    return _listed(hit, "clients", rows)


def _listed(hit: Hit, name: str, rows: Sequence[Document]) -> Document:
    counted = {"total_count": len(rows), "page": 1, "limit": _MOST_ROWS}
    return hit.document(**counted, **{name: list(rows[:_MOST_ROWS])})


def _aps(hit: Hit) -> list[Document]:
    return [
        {"ap_mac": mac, "name": name, "degraded": degraded, "total": total, "duration": 0}
        for (mac, name), _, (degraded, total) in _devices(hit, "ap")
    ]


def _devices(hit: Hit, kind: str) -> Iterator[tuple[tuple[str, str], tuple[str, str], tuple[float, float]]]:
    """Address and name, model and version, degraded and all minutes of each device that is hit."""
    names = hit.fleet.named(kind, hit.site)
    chosen = hit.devices(kind)
    for ordinal, shares in zip(chosen, hit.shares(len(chosen), len(names)), strict=True):
        yield names[ordinal], hit.fleet.described(kind, hit.site, ordinal), shares


def _part(hit: Hit, share: float, **key: str) -> Document:
    part = round(hit.degraded * share, 3)
    return {**key, "degraded": part, "total": round(max(part, hit.total * share), 3), "duration": 0}


def _wlan_id(name: str) -> str:
    return stable_uuid(0, "wlan", name)


def _client_mac(site: Site, number: int) -> str:
    return f"02{site.index:05x}{number:05x}"
