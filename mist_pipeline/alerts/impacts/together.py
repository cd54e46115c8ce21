"""The size of several incidents together, as a digest tells it: no site and no user-hour is counted twice.

Of one site that several incidents hit the largest number counts, since the users are mostly the same people; sites are added
up. User-hours are those of `size.lost` over all of their alerts at once. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.domain.text import count

_MOST_REASONS = 2
_MOST_DEVICES = 20


def together(
    name: str, sizes: Mapping[str, Sequence[Impact]], site_ids: Iterable[str], loss: float | None
) -> Impact | None:
    """What several incidents are together; None where nothing is known of any of them.

    Args:
        name: What stands for their incident.
        sizes: Incident → its newest size, the whole first and then each place; empty where nobody asked yet.
        site_ids: Sites with an alert of theirs.
        loss: User-minutes that all of their alerts lost together, None where that is not known.
    """
    wholes = [own[0] for own in sizes.values() if own]
    if not wholes:
        return None
    of_site: dict[str, list[Impact]] = {}
    for own in sizes.values():
        # Of a silent site no place was asked; what is known of it stands in the whole.
        for place in own[1:] or own:
            of_site.setdefault(place.site_id or place.incident_id, []).append(place)
    known = [impact.lost_user_minutes for impact in wholes if impact.lost_user_minutes is not None]
    sites = set(site_ids)
    return Impact(
        incident_id=name,
        as_of=min(impact.as_of for impact in wholes),
        occasion="hourly",
        severity=wholes[0].severity,
        num_sites=max(len(sites), 1),
        num_sites_asked=sum(any(one.num_users is not None for one in own) for own in of_site.values()),
        window_start=min(impact.window_start for impact in wholes),
        window_end=max(impact.window_end for impact in wholes),
        num_users=_sum(of_site, "num_users"),
        total_users=_sum(of_site, "total_users"),
        num_aps=_sum(of_site, "num_aps"),
        total_aps=_sum(of_site, "total_aps"),
        num_switches=_sum(of_site, "num_switches"),
        num_gateways=_sum(of_site, "num_gateways"),
        # A single one may know of hours that the evidence has forgotten.
        lost_user_minutes=max((one for one in (loss, *known) if one is not None), default=None),
        devices=tuple(
            sorted(
                (device for whole in wholes for device in whole.devices),
                key=lambda one: -one.degraded_user_minutes,
            )[:_MOST_DEVICES]
        ),
        clients=tuple(dict.fromkeys(client for whole in wholes for client in whole.clients)),
        unknown=_unknown(wholes, len(sizes) - len(wholes)),
    )


def _sum(of_site: Mapping[str, Sequence[Impact]], name: str) -> int | None:
    """The largest number of each site, added up over the sites where it is known."""
    largest = [
        max((number for one in own if (number := getattr(one, name)) is not None), default=None)
        for own in of_site.values()
    ]
    found = [number for number in largest if number is not None]
    return sum(found) if found else None


def _unknown(wholes: Sequence[Impact], unasked: int) -> str:
    """Why the rest is not known: each reason once, with the number of incidents that it is about."""
    reasons: dict[str, int] = {}
    for impact in wholes:
        if impact.unknown:
            reasons[impact.unknown] = reasons.get(impact.unknown, 0) + 1
    if unasked:
        reasons["users: nobody has asked yet"] = unasked
    everything = len(wholes) + unasked
    most = sorted(reasons, key=lambda reason: -reasons[reason])
    said = [
        reason if reasons[reason] == everything else f"{reason} ({reasons[reason]} of {everything} incidents)"
        for reason in most[:_MOST_REASONS]
    ]
    left = len(most) - len(said)
    return "; ".join([*said, *([f"and {count(left, 'other reason')}"] if left else [])])
