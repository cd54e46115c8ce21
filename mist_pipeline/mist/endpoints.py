"""The calls of the Mist API that the pipeline uses, as plain values. No I/O.

`client` sends these, the call planner in `collect` counts and chooses them. Ids and metric spellings come from the
cloud and end up in paths, so they are checked here once for all.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Endpoint = Literal[
    "self",
    "usage",
    "msp_orgs",
    "sites",
    "sites_sle",
    "sle_metrics",
    "sle_summary",
    "impact_summary",
    "impacted_devices",
    "impacted_people",
    "stats_sites",
    "stats_devices",
    "alarms",
    "audit_logs",
    "wlan_templates",
    "webhooks",
    "webhook_ping",
    "webhook_deliveries",
]
Method = Literal["GET", "POST", "PUT", "DELETE"]
Paging = Literal["none", "page", "body", "cursor"]
Sle = Literal["wifi", "wired", "wan"]
DeviceType = Literal["all", "ap", "switch", "gateway"]
DeviceKind = Literal["ap", "switch", "gateway"]
Connection = Literal["wireless", "wired"]

PAGE_LIMIT = 1000
"""The largest page that the cloud serves; the default of 100 hides the rest where pages are not followed."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,127}")


def is_plain_id(value: str) -> bool:
    """Whether a text may stand in a path or file name as it is: letters, digits, ``-``, ``_`` and inner dots only."""
    return _PLAIN.fullmatch(value) is not None and ".." not in value


class Params(Mapping[str, str]):
    """Query parameters: immutable, hashable, sorted by name."""

    __slots__ = ("_items",)

    def __init__(self, **values: str | int) -> None:
        self._items = tuple(sorted((name, str(value)) for name, value in values.items()))

    def __getitem__(self, name: str) -> str:
        for key, value in self._items:
            if key == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return f"Params({', '.join(f'{key}={value!r}' for key, value in self._items)})"


@dataclass(frozen=True)
class Call:
    """One question to the cloud; its answer may take several pages.

    Attributes:
        endpoint: Which endpoint; also says which ``parse_…`` of `parsers` reads the answer.
        path: Absolute path below the base URL.
        params: Query of the first page, without the page number.
        paging: How further pages are found.
        site_id: The site that is asked about, or '' for the whole organisation.
        spelling: The metric in the cloud's own spelling, or ''.
        method: Anything but ``GET`` changes something, and is sent by `MistClient.change` alone.
        body: What is sent along, as JSON; it may hold a secret, and is shown nowhere.
    """

    endpoint: Endpoint
    path: str
    params: Params = field(default_factory=Params)
    paging: Paging = "none"
    site_id: str = ""
    spelling: str = ""
    method: Method = "GET"
    body: bytes | None = field(default=None, repr=False)


def whoami() -> Call:
    """``GET /self``: who the token is and what it may see."""
    return Call("self", "/api/v1/self")


def usage() -> Call:
    """``GET /self/usage``: the token's calls in this hour and its limit."""
    return Call("usage", "/api/v1/self/usage")


def msp_orgs(msp_id: str) -> Call:
    """The organisations of a managed service provider, as far as the token may see them."""
    path = f"/api/v1/msps/{_plain(msp_id, 'msp_id')}/orgs"
    return Call("msp_orgs", path, Params(limit=PAGE_LIMIT), "page")


def org_sites(org_id: str) -> Call:
    """All sites of the organisation, as they are now."""
    return Call("sites", f"/api/v1/orgs/{_plain(org_id, 'org_id')}/sites", Params(limit=PAGE_LIMIT), "page")


def sites_sle(org_id: str, sle: Sle, start: int, end: int) -> Call:
    """Every site's scores over one window (epoch seconds): the cheapest view of thousands of sites."""
    return Call(
        "sites_sle",
        f"/api/v1/orgs/{_plain(org_id, 'org_id')}/insights/sites-sle",
        Params(sle=sle, limit=PAGE_LIMIT, **_window(start, end)),
        "body",
    )


def sle_metrics(site_id: str) -> Call:
    """Which metrics a site has, in the cloud's own spelling."""
    return Call("sle_metrics", f"{_site_sle(site_id)}/metrics", site_id=site_id)


def sle_summary(site_id: str, spelling: str, start: int, end: int) -> Call:
    """Buckets of user-minutes of one metric at one site over a window (epoch seconds), by classifier.

    The path is that of ``summary-trend``; the client falls back to ``summary`` on clouds without it.
    """
    path = f"{_site_sle(site_id)}/metric/{_plain(spelling, 'metric')}/summary-trend"
    return Call("sle_summary", path, Params(**_window(start, end)), site_id=site_id, spelling=spelling)


def impact_summary(site_id: str, spelling: str, start: int, end: int) -> Call:
    """Who is hit by one metric's failures at one site over a window: by AP, WLAN, device type and so on."""
    path = f"{_site_sle(site_id)}/metric/{_plain(spelling, 'metric')}/impact-summary"
    return Call("impact_summary", path, Params(**_window(start, end)), site_id=site_id, spelling=spelling)


_DEVICE_LISTS: Mapping[DeviceKind, str] = {
    "ap": "impacted-aps",
    "switch": "impacted-switches",
    "gateway": "impacted-gateways",
}
_PEOPLE_LISTS: Mapping[Connection, str] = {"wireless": "impacted-users", "wired": "impacted-clients"}


def impacted_devices(site_id: str, spelling: str, kind: DeviceKind, start: int, end: int) -> Call:
    """Which devices are hit by one metric's failures at one site over a window; the first page of them, and their number."""
    path = f"{_site_sle(site_id)}/metric/{_plain(spelling, 'metric')}/{_DEVICE_LISTS[kind]}"
    return Call("impacted_devices", path, Params(**_window(start, end)), site_id=site_id, spelling=spelling)


def impacted_people(site_id: str, spelling: str, connection: Connection, start: int, end: int) -> Call:
    """Which clients are hit by one metric's failures at one site over a window; the first page of them, and their number."""
    path = f"{_site_sle(site_id)}/metric/{_plain(spelling, 'metric')}/{_PEOPLE_LISTS[connection]}"
    return Call("impacted_people", path, Params(**_window(start, end)), site_id=site_id, spelling=spelling)


def stats_sites(org_id: str) -> Call:
    """Device and client counts of every site, as they are now: the cheapest "is it there at all"."""
    path = f"/api/v1/orgs/{_plain(org_id, 'org_id')}/stats/sites"
    return Call("stats_sites", path, Params(limit=PAGE_LIMIT), "page")


def stats_devices(org_id: str, type: DeviceType = "all") -> Call:  # noqa: A002 - the cloud's own name
    """State of every device, as it is now. The cloud's own default is access points only."""
    path = f"/api/v1/orgs/{_plain(org_id, 'org_id')}/stats/devices"
    return Call("stats_devices", path, Params(type=type, limit=PAGE_LIMIT), "page")


def alarms(org_id: str, start: int, end: int) -> Call:
    """Alarms of the organisation in a window (epoch seconds), oldest first."""
    path = f"/api/v1/orgs/{_plain(org_id, 'org_id')}/alarms/search"
    return Call("alarms", path, Params(limit=PAGE_LIMIT, sort="timestamp", **_window(start, end)), "cursor")


def audit_logs(org_id: str, start: int, end: int) -> Call:
    """Who changed what in the organisation in a window (epoch seconds), oldest first.

    The client falls back to ``logs/search``, as the official file calls it since 2604.1, on clouds without ``logs``.
    """
    path = f"/api/v1/orgs/{_plain(org_id, 'org_id')}/logs"
    return Call("audit_logs", path, Params(limit=PAGE_LIMIT, sort="timestamp", **_window(start, end)), "body")


def wlan_templates(org_id: str) -> Call:
    """The WLAN templates of the organisation, and where they apply."""
    return Call(
        "wlan_templates",
        f"/api/v1/orgs/{_plain(org_id, 'org_id')}/templates",
        Params(limit=PAGE_LIMIT),
        "page",
    )


def webhooks(org_id: str) -> Call:
    """The webhooks of the organisation; those of its sites are not among them."""
    return Call("webhooks", _webhooks(org_id), Params(limit=PAGE_LIMIT), "page")


def add_webhook(org_id: str, body: bytes) -> Call:
    """Make a webhook."""
    return Call("webhooks", _webhooks(org_id), method="POST", body=body)


def replace_webhook(org_id: str, webhook_id: str, body: bytes) -> Call:
    """Make a webhook another one; what the body leaves out is as if it had never been set."""
    return Call("webhooks", _webhook(org_id, webhook_id), method="PUT", body=body)


def remove_webhook(org_id: str, webhook_id: str) -> Call:
    """End a webhook."""
    return Call("webhooks", _webhook(org_id, webhook_id), method="DELETE")


def ping_webhook(org_id: str, webhook_id: str) -> Call:
    """Let the cloud send a message of the topic ``ping`` now."""
    return Call("webhook_ping", f"{_webhook(org_id, webhook_id)}/ping", method="POST")


def webhook_deliveries(org_id: str, webhook_id: str, start: int, end: int) -> Call:
    """What came of messages in a window (epoch seconds), as the cloud saw it, newest first; one page.

    The cloud keeps this for alarms, audits, losses of devices and pings only.
    """
    path = f"{_webhook(org_id, webhook_id)}/events/search"
    return Call("webhook_deliveries", path, Params(limit=100, sort="-timestamp", **_window(start, end)))


def _webhooks(org_id: str) -> str:
    return f"/api/v1/orgs/{_plain(org_id, 'org_id')}/webhooks"


def _webhook(org_id: str, webhook_id: str) -> str:
    return f"{_webhooks(org_id)}/{_plain(webhook_id, 'webhook_id')}"


def _site_sle(site_id: str) -> str:
    plain = _plain(site_id, "site_id")
    return f"/api/v1/sites/{plain}/sle/site/{plain}"


def _plain(value: str, what: str) -> str:
    if not is_plain_id(value):
        raise ValueError(
            f"{what} {value[:60]!r} may not stand in a path: letters, digits, '-', '_' and '.' only"
        )
    return value


def _window(start: int, end: int) -> dict[str, int]:
    if not 0 <= start < end:
        raise ValueError(f"a window must end after its start: {start} to {end}")
    return {"start": int(start), "end": int(end)}
