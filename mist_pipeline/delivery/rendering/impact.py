"""Who is hit and how much, in one line, the same for every sink. Plain text of clean lines, as in `wording`.

>>> from datetime import UTC, datetime
>>> one = ImpactView(as_of=datetime(2026, 3, 2, tzinfo=UTC), num_sites=1, num_sites_asked=1, num_users=42, total_users=180,
...     num_aps=3, total_aps=12, lost_user_hours=12.53, devices=(DeviceView("ap", "AP-1", "5c5b35000001"),))
>>> impact_line(one, is_over=False)
'42 of 180 users, 3 of 12 APs (AP-1 …), 12.5 user-hours lost so far'
"""

from collections.abc import Sequence
from math import isfinite

from mist_pipeline.delivery.message import DeviceView, ImpactView
from mist_pipeline.domain.text import NAME_LENGTH, clean, count, safe_url

NAMED = 3
"""Devices named in the line."""
_TITLES = {"ap": "AP", "switch": "switch", "gateway": "gateway"}
_PLURALS = {"ap": "APs", "switch": "switches", "gateway": "gateways"}


def impact_line(impact: ImpactView, *, is_over: bool) -> str:
    """Users, devices and user-hours, as far as they are known, and why the rest is not."""
    counted = [part for part in (_users(impact), *_devices(impact)) if part]
    if counted and 0 < impact.num_sites_asked < impact.num_sites:
        counted[0] = f"at {impact.num_sites_asked:,} of {count(impact.num_sites, 'site')}: {counted[0]}"
    if impact.lost_user_hours is not None and isfinite(impact.lost_user_hours):
        counted.append(f"{user_hours(impact.lost_user_hours)} lost{'' if is_over else ' so far'}")
    missing = f"not known: {clean(impact.unknown)}" if impact.unknown else ""
    line = ", ".join(counted)
    return f"{line}; {missing}" if line and missing else line or missing


def user_hours(hours: float) -> str:
    """``12.5 user-hours``, ``1,240 user-hours``; tenths only below 100.

    >>> user_hours(0.02), user_hours(1.0), user_hours(99.96), user_hours(1240.4)
    ('less than 0.1 user-hours', '1.0 user-hours', '100 user-hours', '1,240 user-hours')
    """
    if 0 < hours < 0.05:
        return "less than 0.1 user-hours"
    return f"{hours:,.0f} user-hours" if round(hours, 1) >= 100 else f"{hours:.1f} user-hours"


def device_label(device: DeviceView) -> str:
    """What a device is called: its name, or its address where it has none."""
    kind = _TITLES[device.kind]
    return clean(device.name, NAME_LENGTH) or f"{kind} {clean(device.mac, NAME_LENGTH) or 'without a name'}"


def worst_device(impact: ImpactView) -> tuple[str, str] | None:
    """Name and address of a link to the worst device. The name is ours, since links are made of it everywhere."""
    for device in impact.devices[:1]:
        if url := safe_url(device.url):
            return f"Worst {_TITLES[device.kind]} in Mist", url
    return None


def client_line(impact: ImpactView) -> str:
    """Whose clients are hit; empty unless they are shown."""
    return _listed([clean(client, NAME_LENGTH) or "?" for client in impact.clients], len(impact.clients), 10)


def _users(impact: ImpactView) -> str:
    if impact.num_users is None:
        return ""
    return _of(impact.num_users, impact.total_users, "user", "users")


def _devices(impact: ImpactView) -> list[str]:
    numbers = {
        "ap": (impact.num_aps, impact.total_aps),
        "switch": (impact.num_switches, None),
        "gateway": (impact.num_gateways, None),
    }
    found = []
    for kind, (number, total) in numbers.items():
        if number is None:
            continue
        names = [device_label(device) for device in impact.devices if device.kind == kind]
        listed = f" ({_listed(names, number, NAMED)})" if names and number else ""
        found.append(_of(number, total, _TITLES[kind], _PLURALS[kind]) + listed)
    return found


def _of(number: int, total: int | None, one: str, many: str) -> str:
    if not total or total < number:
        return count(number, one, many)
    return f"{number:,} of {count(total, one, many)}"


def _listed(names: Sequence[str], number: int, most: int) -> str:
    more = " …" if number > min(len(names), most) else ""
    return ", ".join(names[:most]) + more
