"""The catalogue of metrics and classifiers: titles, families, directions, units and spellings.

A *metric* is a service level of the cloud. Its *score* is a percentage and higher is better (also for ``capacity`` and
``failed-to-connect``). The raw *measurement* beside it (``samples.value``) has a unit and a direction of its own. A
*classifier* is what the cloud blames for degraded user-minutes of a metric. Severity thresholds are configuration and
live in the settings.

>>> canonical("failed_to_connect"), title_of("successful-connect")
('successful-connect', 'Successful connects')
>>> classifier_title("dhcp-unresponsive"), classifier_title("some_new-thing")
('DHCP server does not answer', 'Some new thing')
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower"]
Group = Literal["wifi", "wired", "wan"]


@dataclass(frozen=True)
class Metric:
    """One service level.

    Attributes:
        name: Canonical name, lower case with hyphens; the value of every ``metric`` column.
        group: The ``sle`` parameter of the organisation endpoint that reports it.
        family: Metrics of one family fail together; alerts are one per site and family.
        title: Name for people.
        measured_unit: Unit of the raw measurement, or None where the cloud sends none.
        measured_better: Which way the raw measurement improves.
        spellings: Other names under which the cloud reports it.
    """

    name: str
    group: Group
    family: str
    title: str
    measured_unit: str | None = None
    measured_better: Direction = "higher"
    spellings: tuple[str, ...] = ()


CATALOGUE: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("capacity", "wifi", "radio", "Capacity", "%", "higher"),
        Metric("coverage", "wifi", "radio", "Coverage", "dBm", "higher"),
        Metric("roaming", "wifi", "roaming", "Roaming", "s", "lower"),
        Metric(
            "successful-connect",
            "wifi",
            "connect",
            "Successful connects",
            "%",
            "higher",
            ("failed-to-connect", "successful-connects"),
        ),
        Metric("throughput", "wifi", "radio", "Throughput", "Mbps", "higher"),
        Metric("time-to-connect", "wifi", "connect", "Time to connect", "s", "lower"),
        Metric("ap-health", "wifi", "ap", "AP health", None, "higher"),
        Metric("ap-availability", "wifi", "ap", "AP availability", "%", "higher"),
        Metric("switch-health", "wired", "switch", "Switch health"),
        Metric("switch-bandwidth", "wired", "switch", "Switch bandwidth"),
        Metric("switch-throughput", "wired", "switch", "Switch throughput"),
        Metric("gateway-health", "wan", "wan", "Gateway health"),
        Metric("wan-link-health", "wan", "wan", "WAN link health"),
        Metric("application-health", "wan", "wan", "Application health"),
    )
}
"""Every known metric by canonical name, in the order in which people are shown them."""

CLASSIFIERS: Mapping[str, str] = {
    "ap-disconnected": "AP disconnected",
    "ap-disconnected-ap-reboot": "AP rebooted",
    "ap-disconnected-ap-unreachable": "AP unreachable",
    "ap-disconnected-site-down": "Site down",
    "ap-disconnected-switch-down": "Switch down",
    "application-services": "Application services",
    "arp": "ARP (default gateway)",
    "association": "Association",
    "asymmetry-downlink": "Downlink asymmetry",
    "asymmetry-uplink": "Uplink asymmetry",
    "authentication": "Authentication",
    "authorization": "Authorisation (RADIUS)",
    "bandwidth-headroom": "Bandwidth headroom",
    "capacity": "Capacity",
    "capacity-excessive-client-load": "Excessive client load",
    "capacity-high-bandwidth-utilization": "High bandwidth utilisation",
    "capacity-non-wifi-interference": "Non-Wi-Fi interference",
    "capacity-wifi-interference": "Wi-Fi interference",
    "client-count": "Number of clients",
    "client-usage": "Client usage",
    "congestion": "Congestion",
    "congestion-uplink": "Uplink congestion",
    "coverage": "Coverage",
    "device-capability": "Client device capability",
    "dhcp-discover-unresponsive": "DHCP discover not answered",
    "dhcp-incomplete": "DHCP incomplete",
    "dhcp-nack": "DHCP refused (NACK)",
    "dhcp-pool-headroom": "DHCP pool headroom",
    "dhcp-renew-unresponsive": "DHCP renewal not answered",
    "dhcp-stuck": "DHCP stuck",
    "dhcp-unresponsive": "DHCP server does not answer",
    "dns": "DNS",
    "ethernet-ethernet-errors": "Ethernet errors",
    "ethernet-speed-mismatch": "Ethernet speed mismatch",
    "gateway-disconnected": "Gateway disconnected",
    "interface-anomalies-cable-issues": "Cable issues",
    "interface-anomalies-negotiation-failed": "Negotiation failed",
    "interface-congestion": "Interface congestion",
    "ip-services": "IP services",
    "jitter": "Jitter",
    "latency": "Latency",
    "latency-slow-11r-roam": "Slow 802.11r roaming",
    "latency-slow-okc-roam": "Slow OKC roaming",
    "latency-slow-standard-roam": "Slow standard roaming",
    "loss": "Packet loss",
    "low-power": "Low power (PoE)",
    "network": "Network",
    "network-issues": "Network issues",
    "network-jitter": "Network jitter",
    "network-latency": "Network latency",
    "network-loss": "Network packet loss",
    "network-tunnel-down": "Tunnel down",
    "non-wifi-interference": "Non-Wi-Fi interference",
    "power": "Power",
    "signal-quality-interband-roam": "Roaming between bands",
    "signal-quality-sticky-client": "Sticky client",
    "signal-quality-suboptimal-roam": "Suboptimal roaming",
    "stability-failed-to-fast-roam": "Fast roaming failed",
    "switch-unreachable": "Switch unreachable",
    "system": "System",
    "weak-signal": "Weak signal",
    "wifi-interference": "Wi-Fi interference",
}
"""Every known classifier by canonical name, with its title for people; the cloud may send others."""

FAMILIES: Mapping[str, str] = {
    "radio": "Radio conditions",
    "connect": "Connecting",
    "roaming": "Roaming",
    "ap": "Access points",
    "switch": "Switches",
    "wan": "WAN",
    "clients": "Number of clients",
    "device": "Devices",
    "health": "Site health",
    "collector": "Collection of data",
}
"""Families of metrics and of other problems, with their titles for people."""

_PIPELINE = "pipeline:"
_SYMPTOMS: Mapping[str, str] = {"clients": "Unusual number of clients", "device": "Devices lost"}

_BY_SPELLING = {
    spelling: metric.name for metric in CATALOGUE.values() for spelling in (metric.name, *metric.spellings)
}


def normalise(name: str) -> str:
    """The canonical spelling of a name from the cloud: lower case, hyphens (``client_usage`` → ``client-usage``)."""
    return name.strip().lower().replace("_", "-").replace(" ", "-")


def canonical(name: str) -> str | None:
    """The canonical metric for any spelling of the cloud, or None for one that the catalogue does not know."""
    return _BY_SPELLING.get(normalise(name))


def title_of(metric: str) -> str:
    """Title of a canonical metric; a metric that the catalogue does not know keeps its name."""
    known = CATALOGUE.get(metric)
    return known.title if known else metric


def in_sentence(title: str) -> str:
    """A title within a sentence: ``Time to connect`` → ``time to connect``; AP, WAN and DHCP stay as they are.

    >>> in_sentence("Roaming"), in_sentence("AP health"), in_sentence("")
    ('roaming', 'AP health', '')
    """
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def classifier_title(classifier: str) -> str:
    """Title of a classifier in any spelling; an unknown one is spelt in words, and is as hostile as it came."""
    name = normalise(classifier)
    words = name.replace("-", " ")
    return CLASSIFIERS.get(name) or words[:1].upper() + words[1:]


def family_title(family: str) -> str:
    """Title of a family; what belongs to none is about the whole site, an unknown one is spelt in words.

    >>> family_title("radio"), family_title(""), family_title("pipeline:daily"), family_title("of_my-own")
    ('Radio conditions', 'Whole site', 'The pipeline', 'Of my own')
    """
    if family.startswith(_PIPELINE):
        return "The pipeline"
    words = normalise(family).replace("-", " ")
    return FAMILIES.get(family) or words[:1].upper() + words[1:] or "Whole site"


def symptom(family: str) -> str:
    """What is wrong where no classifier says more.

    >>> symptom("roaming"), symptom("device"), symptom("")
    ('Roaming worse than usual', 'Devices lost', 'Trouble')
    """
    return _SYMPTOMS.get(family) or (f"{family_title(family)} worse than usual" if family else "Trouble")


def in_catalogue_order(metrics: Iterable[str]) -> list[str]:
    """Metrics without repetition in the order in which people are shown them, unknown ones last by name."""
    order = {name: place for place, name in enumerate(CATALOGUE)}
    return sorted(set(metrics), key=lambda name: (order.get(name, len(order)), name))


def in_groups(groups: Iterable[Group]) -> list[Metric]:
    """The metrics of these groups, in catalogue order."""
    wanted = set(groups)
    return [metric for metric in CATALOGUE.values() if metric.group in wanted]
