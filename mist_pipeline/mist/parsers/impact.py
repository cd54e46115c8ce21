"""Who is hit by one metric's failures at one site over a window: by access point, WLAN and so on; devices; people.

How many are hit is what the cloud counts: everyone with a degraded minute, however short. A list holds at most a page of
them, its count all.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from mist_pipeline.domain.metrics import canonical
from mist_pipeline.mist.parsers.oddities import Oddities
from mist_pipeline.mist.parsers.reader import Node, read_rows
from mist_pipeline.mist.parsers.sle import window_of

_DEVICES = {"aps": "ap", "switches": "switch", "gateways": "gateway"}
_PEOPLE = ("users", "clients")


@dataclass(frozen=True, slots=True)
class ImpactRow:
    """One thing (an access point, a WLAN …) and its share of a metric's failures."""

    dimension: str
    key: str
    name: str
    degraded: float
    total: float


@dataclass(frozen=True, slots=True)
class ImpactSummary:
    """Who is hit by one metric's failures over a window: rows by dimension (``ap``, ``wlan``, ``device_type`` …)."""

    metric: str | None
    start: int
    end: int
    rows: tuple[ImpactRow, ...]


@dataclass(frozen=True, slots=True)
class ImpactedDevice:
    """A device that is hit; ``name`` is typed by strangers and may be empty."""

    kind: str
    mac: str
    name: str
    degraded: float
    total: float


@dataclass(frozen=True, slots=True)
class ImpactedDevices:
    """The devices that are hit, the worst first, and how many they are; None where the cloud does not say."""

    start: int
    end: int
    count: int | None
    rows: tuple[ImpactedDevice, ...]


@dataclass(frozen=True, slots=True)
class ImpactedPerson:
    """A client that is hit: what it calls itself, its hardware address, its IP address; each may be empty."""

    name: str
    mac: str
    address: str
    degraded: float


@dataclass(frozen=True, slots=True)
class ImpactedPeople:
    """The clients that are hit, the worst first, and how many they are; None where the cloud does not say."""

    start: int
    end: int
    count: int | None
    rows: tuple[ImpactedPerson, ...]


def parse_impact_summary(document: Any, odd: Oddities | None = None) -> ImpactSummary:
    """Who is hit, by dimension; dimensions that are new to us are kept, a row that is none is set aside.

    Raises:
        UnexpectedShape: The document is no object, or its window cannot be read.
    """
    node = Node(document, odd or Oddities("impact_summary"))
    rows = [
        row
        for dimension in node.names()
        if isinstance(node.child(dimension).value, list)
        for row in read_rows(node.elements(dimension), partial(_impact_row, dimension))
    ]
    start, end = window_of(node)
    return ImpactSummary(canonical(node.text("metric") or ""), start, end, tuple(rows))


def parse_impacted_devices(document: Any, odd: Oddities | None = None) -> ImpactedDevices:
    """Access points, switches or gateways that are hit.

    Raises:
        UnexpectedShape: The document is no object, or its window cannot be read.

    >>> ap = {"ap_mac": "5c5b35500000", "name": None, "degraded": 3, "total": 60}
    >>> found = parse_impacted_devices({"start": 0, "end": 60, "total_count": 1, "aps": [ap]})
    >>> found.count, found.rows[0].kind, found.rows[0].name
    (1, 'ap', '')
    """
    node = Node(document, odd or Oddities("impacted_devices"))
    rows = [
        row
        for field, kind in _DEVICES.items()
        for row in read_rows(node.elements(field), partial(_impacted_device, kind), f"{kind}_mac")
    ]
    start, end = window_of(node)
    return ImpactedDevices(
        start, end, _count(node, _DEVICES, len(rows)), tuple(sorted(rows, key=lambda row: -row.degraded))
    )


def parse_impacted_people(document: Any, odd: Oddities | None = None) -> ImpactedPeople:
    """Clients that are hit, of the radio or of cables.

    Raises:
        UnexpectedShape: The document is no object, or its window cannot be read.
    """
    node = Node(document, odd or Oddities("impacted_people"))
    # What is odd about a person is named by its place only: an address of a client is nobody's business.
    rows = [row for field in _PEOPLE for row in read_rows(node.elements(field), _impacted_person, "")]
    start, end = window_of(node)
    return ImpactedPeople(
        start, end, _count(node, _PEOPLE, len(rows)), tuple(sorted(rows, key=lambda row: -row.degraded))
    )


def _count(node: Node, lists: "dict[str, str] | tuple[str, ...]", listed: int) -> int | None:
    """How many are hit: what the cloud counts, never fewer than it lists; None without count and list."""
    counted = node.count("total_count")
    if counted is None and all(node.child(field).value is None for field in lists):
        return None
    return max(counted or 0, listed)


def _impact_row(dimension: str, node: Node) -> ImpactRow:
    fields = set(node.names())
    names = (f"{dimension}_mac", f"{dimension}_id", dimension)
    key = next((node.text(name) for name in names if name in fields), None)
    return ImpactRow(
        dimension=dimension,
        key=key or "",
        name=node.text("name") or "",
        degraded=node.number("degraded", least=0.0) or 0.0,
        total=node.number("total", least=0.0) or 0.0,
    )


def _impacted_device(kind: str, node: Node) -> ImpactedDevice:
    return ImpactedDevice(
        kind=kind,
        mac=node.text(f"{kind}_mac") or "",
        name=node.text("name") or "",
        degraded=node.number("degraded", least=0.0) or 0.0,
        total=node.number("total", least=0.0) or 0.0,
    )


def _impacted_person(node: Node) -> ImpactedPerson:
    return ImpactedPerson(
        name=node.text("name") or "",
        mac=node.text("mac") or "",
        address=node.text("src_ip") or "",
        degraded=node.number("degraded", least=0.0) or 0.0,
    )
