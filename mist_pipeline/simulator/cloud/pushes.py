"""What the simulated cloud pushes: losses and returns of devices, alarms, and entries of the audit log, as its webhooks send them.

Messages gather the events of a topic. Most arrive within seconds; some late, some twice, and those of one message in any order. All of it
follows from the world, so that whoever asks for the same window gets the same messages. Neighbours: `alarms` finds what
happens, `push_sender` posts.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from mist_pipeline.simulator.changes.audit_log import AuditLog
from mist_pipeline.simulator.cloud.alarms import Alarm, AlarmLog
from mist_pipeline.simulator.world.organisation import ORG_ID

Document = dict[str, Any]

USUAL_SECONDS: Final = 4.0
LATEST_SECONDS: Final = 600.0
LATE_SHARE: Final = 0.03
REPEATED_SHARE: Final = 0.05
REPEATED_AFTER: Final = 20.0

_PREFIX: Final = {"aps": "AP", "switches": "SW", "gateways": "GW"}
_DEVICE_TYPE: Final = {"AP": "ap", "SW": "switch", "GW": "gateway"}
_WHAT: Final = {"down": "DISCONNECTED", "reconnected": "CONNECTED", "restarted": "RESTARTED"}


class PushLog:
    """Finds the messages that arrive in a window.

    Args:
        alarms: What happens.
        audits: What people change.
    """

    def __init__(self, alarms: AlarmLog, audits: AuditLog) -> None:
        self._alarms, self._audits = alarms, audits

    def due(self, since: float, until: float) -> list[Document]:
        """Messages that arrive after one moment and up to another, epoch seconds; one for each topic."""
        by_topic: dict[str, list[tuple[int, Document]]] = {}
        earliest = since - LATEST_SECONDS - REPEATED_AFTER
        audits = (
            ("audits", f"audits {change.change_id}", self._audits.event(change))
            for change in self._audits.between(earliest, until)
        )
        for topic, name, event in (*self._events(self._alarms.between(earliest, until)), *audits):
            for arrives in arrivals(name, float(event["timestamp"])):
                if since < arrives <= until:
                    by_topic.setdefault(topic, []).append((_hash("order", name), event))
        return [
            {"topic": topic, "events": [event for _, event in sorted(some, key=lambda one: one[0])]}
            for topic, some in sorted(by_topic.items())
        ]

    def _events(self, alarms: Iterable[Alarm]) -> Iterator[tuple[str, str, Document]]:
        """Topic, a name of its own, and document of each event."""
        for alarm in alarms:
            yield "alarms", f"alarms {alarm.alarm_id}", self._alarms.document(alarm)
            thing, _, what = alarm.type.rpartition("_")
            if thing not in {"device", "switch", "gateway"} or what not in _WHAT:
                continue
            for kind, macs in alarm.devices.items():
                for mac in macs:
                    for topic in ("device-updowns", "device-events"):
                        name = f"{topic} {alarm.alarm_id} {mac}"
                        yield topic, name, _device_event(topic, alarm, f"{_PREFIX[kind]}_{_WHAT[what]}", mac)


def arrivals(name: str, at: float) -> list[float]:
    """When the event of a name arrives: once, or again a while later."""
    delay = USUAL_SECONDS * _share("usual", name)
    if _share("late", name) < LATE_SHARE:
        delay = 30.0 + (LATEST_SECONDS - 30.0) * _share("how late", name)
    is_repeated = _share("repeated", name) < REPEATED_SHARE
    return [at + delay, at + delay + REPEATED_AFTER] if is_repeated else [at + delay]


def _device_event(topic: str, alarm: Alarm, kind: str, mac: str) -> Document:
    prefix = kind[:2]
    name = f"{_DEVICE_TYPE[prefix]} {mac}"
    event: Document = {
        "device_name": name,
        "device_type": _DEVICE_TYPE[prefix],
        "mac": mac,
        "org_id": ORG_ID,
        "site_id": alarm.site.site_id,
        "site_name": alarm.site.name,
        "timestamp": int(alarm.at),
        "type": kind,
    }
    if prefix == "AP":
        event |= {"ap": mac, "ap_name": name}
    return event | {"ev_type": "NOTICE"} if topic == "device-events" else event


def _share(what: str, name: str) -> float:
    return _hash(what, name) / 2**32


def _hash(what: str, name: str) -> int:
    return zlib.crc32(f"{what}:{name}".encode())
