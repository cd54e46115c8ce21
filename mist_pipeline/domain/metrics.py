"""The metric catalogue: every service level that the pipeline knows, with family, direction, unit and spellings.

Every SLE *score* is a percentage and higher is better (``capacity`` and ``failed-to-connect`` too). The raw
*measurement* beside it (``samples.value``) has a unit and a direction of its own. Severity bands are a matter of
judgement and live in the settings; families, units and spellings are facts and live here.
"""

from collections.abc import Iterable
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

_BY_SPELLING = {
    spelling: metric.name for metric in CATALOGUE.values() for spelling in (metric.name, *metric.spellings)
}


def normalise(name: str) -> str:
    """The canonical spelling of a name from the cloud: lower case, hyphens (``client_usage`` → ``client-usage``)."""
    return name.strip().lower().replace("_", "-").replace(" ", "-")


def canonical(name: str) -> str | None:
    """The canonical metric for any spelling of the cloud, or None for one that the catalogue does not know."""
    return _BY_SPELLING.get(normalise(name))


def in_groups(groups: Iterable[Group]) -> list[Metric]:
    """The metrics of these groups, in catalogue order."""
    wanted = set(groups)
    return [metric for metric in CATALOGUE.values() if metric.group in wanted]
