"""Alarms that Mist itself has raised."""

from dataclasses import dataclass
from typing import Any

from mist_pipeline.mist.parsers.oddities import Oddities
from mist_pipeline.mist.parsers.reader import Node, read_rows


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm.

    Attributes:
        id: Key; a list that was read page by page may hold it twice.
        type: Such as ``device_down``.
        group: ``infrastructure``, ``marvis``, ``security`` and so on.
        severity: ``critical``, ``warn`` or ``info``, as sent.
        timestamp: First seen, epoch seconds.
        last_seen: Epoch seconds, or None.
        count: How often within the alarm's window, or None.
        site_id: Or None for the organisation itself.
        aps: Hardware addresses of the access points concerned.
        switches: Of switches.
        gateways: Of gateways.
        hostnames: Names of devices, for people; hostile input.
        is_acked: It was acknowledged in Mist, or None where the cloud does not say.
        status: ``open``, ``resolved``, or None: infrastructure alarms keep no state.
        resolved_time: Epoch seconds, or None.
        marvis_state: State of a Marvis action (``details.state``), or None.
    """

    id: str
    type: str
    group: str
    severity: str
    timestamp: float
    last_seen: float | None
    count: int | None
    site_id: str | None
    aps: tuple[str, ...]
    switches: tuple[str, ...]
    gateways: tuple[str, ...]
    hostnames: tuple[str, ...]
    is_acked: bool | None
    status: str | None
    resolved_time: float | None
    marvis_state: str | None


def parse_alarms(*documents: Any, odd: Oddities | None = None) -> list[Alarm]:
    """The alarms of all pages, one per id, the last one sent; one without id or time is set aside.

    Raises:
        UnexpectedShape: There is no list.
    """
    odd = odd or Oddities("alarms")
    lists = [Node(document, odd).required("results").items() for document in documents]
    alarms = [alarm for rows in lists for alarm in read_rows(rows, _alarm)]
    return list({alarm.id: alarm for alarm in alarms}.values())


def _alarm(node: Node) -> Alarm:
    details = node.object("details")
    return Alarm(
        id=node.required_id("id"),
        type=node.text("type") or "",
        group=node.text("group") or "",
        severity=node.text("severity") or "",
        timestamp=node.required_moment("timestamp"),
        last_seen=node.moment("last_seen"),
        count=node.count("count"),
        site_id=node.identifier("site_id"),
        aps=node.texts("aps"),
        switches=node.texts("switches"),
        gateways=node.texts("gateways"),
        hostnames=node.texts("hostnames"),
        is_acked=node.flag("acked"),
        status=node.text("status"),
        resolved_time=node.moment("resolved_time"),
        marvis_state=details.text("state") if details else None,
    )
