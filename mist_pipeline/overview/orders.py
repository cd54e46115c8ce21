"""Which sites and incidents a list shows, in which order. Pure; every surface filters and sorts with these."""

from collections.abc import Callable, Iterable, Mapping

from mist_pipeline.alerts.notify.matchers import Labels
from mist_pipeline.domain.severity import STATUSES
from mist_pipeline.overview.filters import Filter
from mist_pipeline.overview.model import IncidentNow, SiteNow

_PLACE = {status: place for place, status in enumerate(STATUSES)}


def _by_status(site: SiteNow) -> tuple[object, ...]:
    # What goes on at a site counts even at night, when too few people are there for a status.
    place = _PLACE.get(site.status, len(STATUSES))
    return (
        min(place, _PLACE["DEGRADED"]) if site.incident_ids else place,
        not site.incident_ids,
        site.worst_pct if site.worst_pct is not None else 101.0,
        site.label.casefold(),
    )


def _high_first(value: float | None) -> float:
    return float("inf") if value is None else -value


def _low_first(value: float | None) -> float:
    return float("inf") if value is None else value


ORDERS: Mapping[str, Callable[[SiteNow], tuple[object, ...]]] = {
    "status": _by_status,
    "name": lambda site: (site.label.casefold(), site.site_id),
    "score": lambda site: (_low_first(site.worst_pct), site.label.casefold()),
    "health": lambda site: (_low_first(site.health), site.label.casefold()),
    "change": lambda site: (_low_first(site.health_change), site.label.casefold()),
    "clients": lambda site: (_high_first(site.clients), site.label.casefold()),
    "forecast": lambda site: (
        not site.forecast_metric,
        _low_first(site.forecast_days),
        site.label.casefold(),
    ),
}
"""Name of an order → what is sorted by; what is not known comes last."""


def chosen_sites(
    sites: Iterable[SiteNow],
    labels: Mapping[str, Labels],
    typed: str,
    order: str,
    *,
    is_reversed: bool = False,
) -> list[SiteNow]:
    """The sites that a filter takes, in an order."""
    wanted = Filter.of(typed)
    found = [site for site in sites if wanted.takes(site, labels.get(site.site_id, {}))]
    return sorted(found, key=ORDERS[order], reverse=is_reversed)


def chosen_incidents(
    incidents: Iterable[IncidentNow], labels: Mapping[str, Labels], typed: str
) -> list[IncidentNow]:
    """The incidents that a filter takes, in their order."""
    wanted = Filter.of(typed)
    if not wanted.words and not wanted.matchers:
        return list(incidents)
    return [
        one
        for one in incidents
        if wanted.takes_incident(
            one, [{**labels.get(site_id, {}), "site_id": (site_id,)} for site_id in one.site_ids]
        )
    ]
