"""Service levels as the cloud writes them: `sites-sle`, `metrics`, `summary`.

Pure: values in, JSON-ready objects out. Neighbours: `view` gives the values, `impacts` says who is hit, `server` the paths.
"""

import math
from typing import Any, Final

import numpy as np

from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.simulator.cloud.view import Scores, Series
from mist_pipeline.simulator.world.metric_profiles import METRICS
from mist_pipeline.simulator.world.organisation import Site
from mist_pipeline.simulator.world.randomness import Floats

Document = dict[str, Any]

_ORG_SPELLING: Final = {"application-health": "application_health"}
_SITE_SPELLING: Final = {"successful-connect": "failed-to-connect"}
_ALWAYS_UNDERSCORED: Final = ("switch-health", "switch-throughput", "switch-bandwidth", "application-health")
_FOREIGN: Final = ("roaming-v2", "switch_stc", "location_jitter", "location_latency")
"""Metrics that the cloud advertises and the pipeline does not ask for."""

_DEVICE_COUNT: Final = {"wifi": "num_aps", "wired": "num_switches", "wan": "num_gateways"}


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
        "start": epoch(series.start),
        "end": epoch(series.end),
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


def _impact(site: Site, users: int, degraded: float, total: float) -> Document:
    return {
        "num_users": number_hit(users, degraded, total),
        "total_users": users,
        "num_aps": number_hit(site.num_aps, degraded, total),
        "total_aps": site.num_aps,
    }


def number_hit(everyone: int, degraded: float, total: float) -> int:
    """How many of them a degraded share touches: twice the share, at least one where there is any.

    >>> number_hit(10, 3.0, 30.0), number_hit(10, 0.0, 30.0), number_hit(10, 29.0, 30.0)
    (2, 0, 10)
    """
    share = degraded / total if total > 0 else 0.0
    return min(everyone, int(np.ceil(2.0 * share * everyone)))


def _sum(minutes: Floats) -> float:
    return float(np.nansum(minutes))


def _values(numbers: Floats) -> list[float | None]:
    """JSON numbers; what is not there is null."""
    values: list[float | None] = np.round(numbers, 4).tolist()
    for position in np.flatnonzero(np.isnan(numbers)).tolist():
        values[position] = None
    return values


def epoch(seconds: float) -> float:
    """Epoch seconds, whole where they are."""
    return int(seconds) if seconds == int(seconds) else seconds
