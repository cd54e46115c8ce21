"""How large an incident is, as a message shows it. Pure; words and escaping are ``delivery.rendering.impact``."""

from math import isfinite

from mist_pipeline.alerts.impacts.model import Impact
from mist_pipeline.delivery.message import DeviceView, ImpactView
from mist_pipeline.notification.message_context import Surroundings


def impact_view(impact: Impact | None, surroundings: Surroundings) -> ImpactView | None:
    """The newest size of an incident; None where nobody has asked yet."""
    if impact is None:
        return None
    minutes = impact.lost_user_minutes
    return ImpactView(
        as_of=impact.as_of,
        num_sites=impact.num_sites,
        num_sites_asked=impact.num_sites_asked,
        num_users=impact.num_users,
        total_users=impact.total_users,
        num_aps=impact.num_aps,
        total_aps=impact.total_aps,
        num_switches=impact.num_switches,
        num_gateways=impact.num_gateways,
        lost_user_hours=minutes / 60.0 if minutes is not None and isfinite(minutes) else None,
        devices=tuple(
            DeviceView(
                device.kind,
                device.name,
                device.mac,
                surroundings.device_url(device.kind, device.mac, device.site_id),
            )
            for device in impact.devices
        ),
        clients=tuple(_client(one.name, one.mac, one.address) for one in impact.clients),
        unknown=impact.unknown,
    )


def _client(name: str, mac: str, address: str) -> str:
    """``phone (a483e7390000, 10.0.0.9)``, or what is known of it."""
    where = ", ".join(part for part in (mac, address) if part)
    return f"{name} ({where})" if name and where else name or where
