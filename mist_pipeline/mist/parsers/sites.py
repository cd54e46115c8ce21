"""What an organisation consists of, as it is now: sites, their counts, their devices.

A list may take several pages: every ``parse_…`` takes the documents of all of them and keeps the last of each id.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mist_pipeline.mist.parsers.oddities import Oddities
from mist_pipeline.mist.parsers.reader import Node, read_rows

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Site:
    """One site.

    Attributes:
        id: The key, always. Names repeat, are empty, hold markup.
        name: For people; hostile input.
        timezone: IANA name as sent (not checked here), or None where the cloud sends none, which means UTC.
        country_code: As sent, or None.
        latitude: Degrees, or None.
        longitude: Degrees, or None.
        sitegroup_ids: Groups that it belongs to.
        templates: Template id by kind (``rftemplate_id`` → id), those that are set.
        address: For people; hostile input.
    """

    id: str
    name: str
    timezone: str | None
    country_code: str | None
    latitude: float | None
    longitude: float | None
    sitegroup_ids: tuple[str, ...]
    templates: Mapping[str, str] = field(hash=False)
    address: str | None = None


@dataclass(frozen=True, slots=True)
class SiteStats:
    """Counts of one site at the moment of asking; None where the cloud does not say."""

    id: str
    num_aps: int | None
    num_aps_connected: int | None
    num_switches: int | None
    num_switches_connected: int | None
    num_gateways: int | None
    num_gateways_connected: int | None
    num_clients: int | None


@dataclass(frozen=True, slots=True)
class Radio:
    """One radio of an access point: its band, load and noise."""

    band: str
    channel: int | None
    num_clients: int | None
    util_all_pct: float | None
    noise_floor_dbm: float | None


@dataclass(frozen=True, slots=True)
class Device:
    """One access point, switch or gateway at the moment of asking.

    Attributes:
        id: Key.
        mac: Hardware address, or None.
        name: For people; hostile input.
        type: ``ap``, ``switch`` or ``gateway`` (or what the cloud invents next).
        model: Or None.
        site_id: The site that it stands at, or None if unassigned.
        status: ``connected``, ``disconnected`` and so on, as sent, or None.
        uptime_seconds: Since the last start, or None.
        version: Firmware, or None.
        last_seen: Epoch seconds, or None.
        cpu_pct: Processor in use, 0–100: ``cpu_util`` of an access point, 100 − ``cpu_stat.idle`` of the others.
        memory_pct: Memory in use, 0–100: ``memory_stat.usage``, or used of total of an access point.
        num_clients: Wireless clients of an access point, wired ones of a switch, or None.
        radios: Of an access point.
    """

    id: str
    mac: str | None
    name: str
    type: str
    model: str | None
    site_id: str | None
    status: str | None
    uptime_seconds: float | None
    version: str | None
    last_seen: float | None
    cpu_pct: float | None
    memory_pct: float | None
    num_clients: int | None
    radios: tuple[Radio, ...] = ()


def parse_sites(*documents: Any, odd: Oddities | None = None) -> list[Site]:
    """The sites of all pages, one per id; one without id is set aside.

    Raises:
        UnexpectedShape: There is no list.
    """
    return list({site.id: site for site in _rows(documents, _site, odd or Oddities("sites"))}.values())


def parse_stats_sites(*documents: Any, odd: Oddities | None = None) -> list[SiteStats]:
    """The counts of all pages, one per site; those without a site are set aside.

    Raises:
        UnexpectedShape: There is no list.
    """
    stats = _rows(documents, _site_stats, odd or Oddities("stats_sites"))
    return list({each.id: each for each in stats}.values())


def parse_stats_devices(*documents: Any, odd: Oddities | None = None) -> list[Device]:
    """The devices of all pages, one per id; one without id is set aside.

    Raises:
        UnexpectedShape: There is no list.
    """
    devices = _rows(documents, _device, odd or Oddities("stats_devices"))
    return list({device.id: device for device in devices}.values())


def _rows(documents: Iterable[Any], read: Callable[[Node], _T], odd: Oddities) -> list[_T]:
    lists = [Node(document, odd).items() for document in documents]
    return [row for rows in lists for row in read_rows(rows, read)]


def _site(node: Node) -> Site:
    latlng = node.object("latlng")
    templates = {name: node.identifier(name) for name in node.names() if name.endswith("template_id")}
    return Site(
        id=node.required_id("id"),
        name=node.text("name") or "",
        timezone=node.text("timezone") or None,
        country_code=node.text("country_code") or None,
        latitude=latlng.number("lat", -90.0, 90.0) if latlng else None,
        longitude=latlng.number("lng", -180.0, 180.0) if latlng else None,
        sitegroup_ids=node.texts("sitegroup_ids"),
        templates={name: value for name, value in templates.items() if value is not None},
        address=node.text("address") or None,
    )


def _site_stats(node: Node) -> SiteStats:
    return SiteStats(
        id=node.required_id("id"),
        num_aps=node.count("num_ap"),
        num_aps_connected=node.count("num_ap_connected"),
        num_switches=node.count("num_switch"),
        num_switches_connected=node.count("num_switch_connected"),
        num_gateways=node.count("num_gateway"),
        num_gateways_connected=node.count("num_gateway_connected"),
        num_clients=node.count("num_clients"),
    )


def _device(node: Node) -> Device:
    radios = node.object("radio_stat")
    return Device(
        id=node.required_id("id"),
        mac=node.text("mac") or None,
        name=node.text("name") or "",
        type=node.text("type") or "",
        model=node.text("model") or None,
        site_id=node.identifier("site_id"),
        status=node.text("status") or None,
        uptime_seconds=node.number("uptime", least=0.0),
        version=node.text("version") or None,
        last_seen=node.moment("last_seen"),
        cpu_pct=_cpu_pct(node),
        memory_pct=_memory_pct(node),
        num_clients=_num_clients(node),
        radios=tuple(_radio(radios, name) for name in radios.names() if radios.object(name))
        if radios
        else (),
    )


def _radio(radios: Node, name: str) -> Radio:
    node = radios.child(name)
    return Radio(
        band=name.removeprefix("band_"),
        channel=node.count("channel"),
        num_clients=node.count("num_clients"),
        util_all_pct=node.number("util_all"),
        noise_floor_dbm=node.number("noise_floor"),
    )


def _cpu_pct(node: Node) -> float | None:
    used = node.number("cpu_util", 0.0, 100.0)
    if used is not None:
        return used
    cpu = node.object("cpu_stat")
    idle = cpu.number("idle", 0.0, 100.0) if cpu else None
    return None if idle is None else 100.0 - idle


def _memory_pct(node: Node) -> float | None:
    memory = node.object("memory_stat")
    usage = memory.number("usage", 0.0, 100.0) if memory else None
    if usage is not None:
        return usage
    total = node.number("mem_total_kb", least=0.0)
    used = node.number("mem_used_kb", 0.0, total) if total else None
    return None if used is None or not total else 100.0 * used / total


def _num_clients(node: Node) -> int | None:
    wireless = node.count("num_clients")
    if wireless is not None:
        return wireless
    stats = node.object("clients_stats")
    total = stats.object("total") if stats else None
    return total.count("num_wired_clients") if total else None
