"""Which service a classifier points at: the same trouble has another name in another service level.

What throughput calls ``capacity-wifi-interference`` capacity calls ``wifi-interference``, and a DHCP server that does not answer is
``dhcp-unresponsive`` in time to connect and ``dhcp-discover-unresponsive`` in successful connects. Here: the names of services, and
which classifiers are one complaint. Not here: sentences (``analysis.causes.wording``).

>>> service("capacity-wifi-interference"), service("something new")
('radio interference (co-channel)', None)
>>> complaint("client-count") == complaint("capacity-excessive-client-load"), complaint("something new")
(True, 'something-new')
"""

from functools import cache

from mist_pipeline.domain.metrics import normalise

SERVICES: tuple[tuple[str, str], ...] = (
    ("dhcp-", "DHCP service"),
    ("dns", "DNS service"),
    ("authorization", "authentication service (RADIUS)"),
    ("authentication", "authentication service (RADIUS)"),
    ("arp", "default gateway (ARP)"),
    ("ip-services", "IP services (DHCP, DNS, gateway)"),
    ("association", "association with the access points"),
    ("ap-disconnected-ap-reboot", "restarting access points"),
    ("ap-disconnected-ap-unreachable", "path from the access points to the cloud"),
    ("ap-disconnected-switch-down", "access switches"),
    ("ap-disconnected-site-down", "WAN or power of the site"),
    ("network-jitter", "WAN or uplink (jitter)"),
    ("network-latency", "WAN or uplink (latency)"),
    ("network-tunnel-down", "tunnel to the data centre"),
    ("network-issues", "wired network behind the access points"),
    ("ethernet-", "cabling or switch ports of the access points"),
    ("low-power", "power over Ethernet of the access points"),
    ("wifi-interference", "radio interference (co-channel)"),
    ("non-wifi-interference", "radio interference (not Wi-Fi)"),
    ("capacity-wifi-interference", "radio interference (co-channel)"),
    ("capacity-non-wifi-interference", "radio interference (not Wi-Fi)"),
    ("capacity-", "load on the radios"),
    ("client-usage", "load on the radios"),
    ("client-count", "load on the radios"),
    ("weak-signal", "radio coverage"),
    ("asymmetry-", "radio coverage (transmit power)"),
    ("coverage", "radio coverage"),
    ("latency-slow-", "roaming (slow key exchange)"),
    ("stability-", "roaming (fast roam fails)"),
    ("signal-quality-", "roaming (sticky clients or channel plan)"),
    ("outage", "WAN or power"),
    ("device-loss", "power or access switches"),
    ("device-capability", "capability of the clients' devices"),
)
"""Classifier or its beginning → the service that it points at; the longest match wins."""

_AWAY = "ap-disconnected"
"""Of access points that are away the cloud says later, or never, what took them away: one complaint."""


@cache
def service(classifier: str) -> str | None:
    """The service that a classifier in any spelling points at; None for one that is unknown."""
    name = normalise(classifier)
    matches = [(len(start), words) for start, words in SERVICES if name.startswith(start)]
    return max(matches)[1] if matches else None


@cache
def complaint(classifier: str) -> str:
    """What classifiers of one trouble have in common, whichever service level shows it; '' of none."""
    name = normalise(classifier)
    return _AWAY if name.startswith(_AWAY) else service(name) or name
