"""Service levels as the cloud writes them: `sites-sle`, `metrics`, `summary`, `impact-summary`, `impacted-aps`.

Pure: values in, JSON-ready objects out. Neighbours: `cloud` gives the values, `devices` the APs, `server` the paths.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from mist_pipeline.domain.metrics import CATALOGUE, normalise
from mist_pipeline.simulator.cloud.devices import Fleet
from mist_pipeline.simulator.cloud.view import Scores, Series
from mist_pipeline.simulator.world.metric_profiles import METRICS
from mist_pipeline.simulator.world.organisation import Site, stable_uuid
from mist_pipeline.simulator.world.randomness import Floats

Document = dict[str, Any]

_ORG_SPELLING: Final = {"application-health": "application_health"}
_SITE_SPELLING: Final = {"successful-connect": "failed-to-connect"}
_ALWAYS_UNDERSCORED: Final = ("switch-health", "switch-throughput", "switch-bandwidth", "application-health")
_FOREIGN: Final = ("roaming-v2", "switch_stc", "location_jitter", "location_latency")
"""Metrics that the cloud advertises and the pipeline does not ask for."""

_DEVICE_COUNT: Final = {"wifi": "num_aps", "wired": "num_switches", "wan": "num_gateways"}
_WLANS: Final = (("Corp", 0.55), ("Guest", 0.35), ("*_`<i>IoT</i>`_*", 0.1))
_BANDS: Final = (("24", 0.3), ("5", 0.6), ("6", 0.1))
_SYSTEMS: Final = (("", "unknown", 0.4), ("Android 14", "Android 14", 0.3), ("17.5", "17.5", 0.3))
_TYPES: Final = (("", "unknown", 0.4), ("Pixel", "Pixel", 0.3), ("iPhone", "iPhone", 0.3))
_VLANS: Final = (("10", 0.6), ("20", 0.4))
IMPACT_FIELDS: Final = ("ap", "band", "device_os", "device_type", "wlan", "vlan", "server")
_STANDARD_FIELDS: Final = ("ap", "wlan", "device_os", "device_type", "band")


def spelling(site: Site, metric: str) -> str:
    """How a site's endpoints spell a metric."""
    name = _SITE_SPELLING.get(metric, metric)
    if site.underscores or metric in _ALWAYS_UNDERSCORED:
        return name.replace("-", "_")
    return name


def metric_of(site: Site, spelled: str) -> str | None:
    """The metric that a site knows under exactly this spelling and supports, or None."""
    return next((metric for metric in _supported(site) if spelling(site, metric) == spelled), None)


def _supported(site: Site) -> list[str]:
    return [
        metric
        for metric in METRICS
        if metric not in site.unsupported and (site.num_gateways > 0 or CATALOGUE[metric].group != "wan")
    ]


def metrics_document(site: Site) -> Document:
    """Which metrics a site advertises."""
    names = [spelling(site, metric) for metric in _supported(site)]
    return {"enabled": names, "supported": [*names, *_FOREIGN]}


def sites_sle_rows(scores: Scores, sites: tuple[Site, ...], group: str, rows: slice) -> list[Document]:
    """Rows of the organisation's page: a metric without users is left out, as the cloud does."""
    count = _DEVICE_COUNT[group]
    names = [_ORG_SPELLING.get(metric, metric) for metric in scores.metrics]
    documents = []
    for index, score, clients in zip(
        scores.sites[rows].tolist(), scores.score[rows].tolist(), scores.clients[rows].tolist(), strict=True
    ):
        row: Document = {
            "site_id": sites[index].site_id,
            count: getattr(sites[index], count),
            "num_clients": int(clients),
        }
        row.update((name, value) for name, value in zip(names, score, strict=True) if not math.isnan(value))
        documents.append(row)
    return documents


def summary_document(site: Site, metric: str, spelled: str, series: Series) -> Document:
    """The body of `summary` and `summary-trend`."""
    total, degraded = _sum(series.total), _sum(series.degraded)
    samples = {
        "total": _values(series.total),
        "degraded": _values(series.degraded),
        "value": _values(series.value),
    }
    return {
        "start": _epoch(series.start),
        "end": _epoch(series.end),
        "sle": {
            "name": spelled,
            "interval": series.interval,
            "x_label": "seconds",
            "y_label": CATALOGUE[metric].measured_unit or "user-minutes",
            "samples": samples,
        },
        "impact": _impact(site, series.users, degraded, total),
        "classifiers": [
            {
                "name": name,
                "interval": series.interval,
                "x_label": "seconds",
                "y_label": "user-minutes",
                "impact": _impact(site, series.users, _sum(minutes), total),
                "samples": {
                    "degraded": _values(minutes),
                    "duration": _values(np.nan_to_num(minutes)),
                    "total": samples["total"],
                },
            }
            for name, minutes in series.classifiers.items()
        ],
        "events": [],
    }


def impact_document(
    fleet: Fleet, site: Site, spelled: str, series: Series, *, classifier: str, fields: str
) -> Document:
    """The body of `impact-summary`, by default for the fields that the contract names."""
    total, degraded = _sum(series.total), _degraded(series, classifier)
    wanted = _STANDARD_FIELDS if fields == "" else (fields,)
    tables: dict[str, list[Document]] = {
        "ap": _ap_rows(fleet, site, degraded, total),
        "band": [_part(degraded, total, share, band=name, name=name) for name, share in _BANDS],
        "device_os": [_part(degraded, total, share, device_os=os, name=name) for os, name, share in _SYSTEMS],
        "device_type": [
            _part(degraded, total, share, device_type=kind, name=name) for kind, name, share in _TYPES
        ],
        "wlan": [
            _part(degraded, total, share, wlan_id=stable_uuid(0, "wlan", name), name=name)
            for name, share in _WLANS
        ],
        "vlan": [_part(degraded, total, share, vlan=name, name=name) for name, share in _VLANS],
        "server": [_part(degraded, total, 1.0, server="10.0.0.53", name="10.0.0.53")],
    }
    return {
        "start": _epoch(series.start),
        "end": _epoch(series.end),
        "metric": spelled,
        "classifier": classifier,
        "failure": "",
        **{name: [] for name in _STANDARD_FIELDS if name not in wanted},
        **{name: tables[name] for name in wanted if name in tables},
    }


def impacted_aps_document(
    fleet: Fleet, site: Site, spelled: str, series: Series, *, classifier: str
) -> Document:
    """The body of `impacted-aps`."""
    rows = _ap_rows(fleet, site, _degraded(series, classifier), _sum(series.total))
    return {
        "start": _epoch(series.start),
        "end": _epoch(series.end),
        "metric": spelled,
        "classifier": classifier,
        "failure": "",
        "total_count": len(rows),
        "page": 1,
        "limit": 1000,
        "aps": rows[:1000],
    }


def _degraded(series: Series, classifier: str) -> float:
    if classifier == "":
        return _sum(series.degraded)
    by_name: Mapping[str, Floats] = {normalise(name): minutes for name, minutes in series.classifiers.items()}
    found = by_name.get(normalise(classifier))
    return 0.0 if found is None else _sum(found)


def _ap_rows(fleet: Fleet, site: Site, degraded: float, total: float) -> list[Document]:
    """Degraded minutes by AP, worst first: a few carry most."""
    if degraded <= 0:
        return []
    weight = 1.0 / np.arange(1, site.num_aps + 1) ** 1.5
    shares = (weight / weight.sum()).tolist()
    return [
        _part(degraded, total, share, total_share=1.0 / site.num_aps, ap_mac=mac, name=name)
        for share, (mac, name) in zip(shares, fleet.access_points(site), strict=True)
        if share * degraded >= 0.01
    ]


def _part(
    degraded: float, total: float, share: float, *, total_share: float | None = None, **key: str
) -> Document:
    part = round(degraded * share, 3)
    whole = max(part, total * (share if total_share is None else total_share))
    return {**key, "degraded": part, "total": round(whole, 3), "duration": 0}


def _impact(site: Site, users: int, degraded: float, total: float) -> Document:
    share = degraded / total if total > 0 else 0.0
    return {
        "num_users": min(users, int(np.ceil(2.0 * share * users))),
        "total_users": users,
        "num_aps": min(site.num_aps, int(np.ceil(2.0 * share * site.num_aps))),
        "total_aps": site.num_aps,
    }


def _sum(minutes: Floats) -> float:
    return float(np.nansum(minutes))


def _values(numbers: Floats) -> list[float | None]:
    """JSON numbers; what is not there is null."""
    values: list[float | None] = np.round(numbers, 4).tolist()
    for position in np.flatnonzero(np.isnan(numbers)).tolist():
        values[position] = None
    return values


def _epoch(seconds: float) -> float:
    """Epoch seconds, whole where they are."""
    return int(seconds) if seconds == int(seconds) else seconds
