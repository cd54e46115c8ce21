"""Alarms that the simulated cloud raises by itself: devices lost and found again, Marvis actions, daily noise.

They are what a real organisation sees, late, incomplete and mixed with harmless ones; they are not the labels.
Infrastructure alarms keep no state (a loss and a reconnection are two alarms), Marvis ones do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from mist_pipeline.simulator.cloud.devices import Fleet, is_of_a_switch
from mist_pipeline.simulator.cloud.view import CloudView
from mist_pipeline.simulator.world import randomness
from mist_pipeline.simulator.world.organisation import ORG_ID, Site, stable_uuid
from mist_pipeline.simulator.world.scenario import Scenario

Document = dict[str, Any]

_NOISE_A_DAY: Final = 0.06
_DETECTION: Final = timedelta(minutes=2)
_MARVIS_DELAY: Final = timedelta(minutes=50)
_MARVIS_SHARE: Final = 0.5
_MARVIS_TYPES: Final = {
    "dhcp-unresponsive": "dhcp_failure",
    "dhcp-discover-unresponsive": "dhcp_failure",
    "authorization": "authentication_failure",
    "weak-signal": "insufficient_coverage",
    "wifi-interference": "insufficient_capacity",
    "network-issues": "non_compliant",
}
_NOISE: Final = (
    ("device_restarted", "infrastructure", "info"),
    ("device_down", "infrastructure", "warn"),
    ("bad_cable", "marvis", "warn"),
    ("rogue_ap", "security", "warn"),
    ("infra_dhcp_warning", "infrastructure", "warn"),
)


@dataclass(frozen=True)
class Alarm:
    """One alarm.

    Attributes:
        at: Epoch seconds of its raising.
        alarm_id: Key.
        type: As the cloud calls it.
        group: infrastructure, marvis or security.
        severity: critical, warn or info.
        site: Where.
        devices: Hardware addresses by kind of device (aps, switches, gateways).
        until: Epoch seconds of its end, for alarms that keep a state.
    """

    at: float
    alarm_id: str
    type: str
    group: str
    severity: str
    site: Site
    devices: dict[str, list[str]] = field(default_factory=dict)
    until: float | None = None


class AlarmLog:
    """Finds alarms of a window and remembers acknowledgements.

    Args:
        cloud: Whose.
        fleet: Its devices.
    """

    def __init__(self, cloud: CloudView, fleet: Fleet) -> None:
        self._cloud = cloud
        self._fleet = fleet
        self._key = randomness.key(cloud.world.seed, 61)
        self._last: tuple[tuple[float, float, Site | None], list[Alarm]] | None = None
        self._acknowledged: dict[str, tuple[int, str]] = {}

    def between(self, start: float, end: float, site: Site | None = None) -> list[Alarm]:
        """Alarms raised from start up to end or now, oldest first.

        Args:
            start: Epoch seconds.
            end: Epoch seconds.
            site: Only this one's.
        """
        until = min(end, self._cloud.clock.now().timestamp())
        asked = (start, until, site)
        if self._last is None or self._last[0] != asked:
            self._last = (asked, self._find(start, until, site))
        return self._last[1]

    def _find(self, start: float, until: float, site: Site | None) -> list[Alarm]:
        found = [
            alarm
            for alarm in (*self._of_scenarios(start, until, site), *self._noise(start, until, site))
            if start <= alarm.at <= until
        ]
        return sorted(found, key=lambda alarm: (alarm.at, alarm.alarm_id))

    def acknowledge(self, alarm_ids: Iterable[str], note: str) -> None:
        """Mark alarms as acknowledged."""
        now = int(self._cloud.clock.now().timestamp())
        self._acknowledged.update((alarm_id, (now, note)) for alarm_id in alarm_ids)

    def document(self, alarm: Alarm) -> Document:
        """One alarm as the cloud writes it."""
        now = self._cloud.clock.now().timestamp()
        body: Document = {
            "id": alarm.alarm_id,
            "org_id": ORG_ID,
            "site_id": alarm.site.site_id,
            "timestamp": alarm.at,
            "last_seen": alarm.at if alarm.until is None else min(alarm.until, now),
            "type": alarm.type,
            "group": alarm.group,
            "severity": alarm.severity,
            "count": max([len(macs) for macs in alarm.devices.values()], default=1),
            "acked": alarm.alarm_id in self._acknowledged,
            **alarm.devices,
        }
        if alarm.alarm_id in self._acknowledged:
            body["acked_time"], body["note"] = self._acknowledged[alarm.alarm_id]
            body["ack_admin_name"] = "mist-pipeline"
        if alarm.until is not None:
            is_over = alarm.until <= now
            body["status"] = "resolved" if is_over else "open"
            body["details"] = {"state": "validated" if is_over else "open"}
            if is_over:
                body["resolved_time"] = int(alarm.until)
        return body

    def _of_scenarios(self, start: float, until: float, site: Site | None) -> Iterator[Alarm]:
        world = self._cloud.world
        slack = timedelta(hours=2).total_seconds()
        for number, scenario in enumerate(world.scenarios):
            if scenario.onset.timestamp() > until or scenario.end.timestamp() + slack < start:
                continue
            for index in scenario.sites:
                if site is None or site.index == index:
                    yield from self._of_scenario(number, scenario, world.sites()[index])

    def _of_scenario(self, number: int, scenario: Scenario, site: Site) -> Iterator[Alarm]:
        if scenario.offline > 0:
            yield from self._losses(number, scenario, site)
        if scenario.is_decoy or not scenario.effects:
            return
        chance = randomness.uniform(randomness.cells(self._key, np.array([number]), np.array([site.index])))
        names = [name for item in scenario.effects for name in item.classifiers if name in _MARVIS_TYPES]
        at = scenario.onset + _MARVIS_DELAY
        if scenario.shape in ("linear", "accelerating"):
            at = scenario.onset + 0.7 * (scenario.end - scenario.onset)
        if names and float(chance[0]) < _MARVIS_SHARE and at < scenario.end:
            yield self._alarm(
                (number, "marvis"),
                at.timestamp(),
                (_MARVIS_TYPES[names[0]], "marvis", "critical"),
                site,
                until=scenario.end.timestamp() + 3600.0,
            )

    def _losses(self, number: int, scenario: Scenario, site: Site) -> Iterator[Alarm]:
        lost_aps = site.num_aps - round(site.num_aps * (1.0 - scenario.offline))
        # A site too small to lose an access point by its share loses its switch.
        is_one = lost_aps == 1 and not is_of_a_switch(site, lost_aps)
        lost = {
            "ap": lost_aps,
            "switch": site.num_switches if scenario.is_silent else int(not is_one),
            "gateway": site.num_gateways if scenario.is_silent else 0,
        }
        down, up = (scenario.onset + _DETECTION).timestamp(), (scenario.end + _DETECTION).timestamp()
        for kind, count in lost.items():
            name = "device" if kind == "ap" else kind
            devices = f"{kind}s" if kind != "switch" else "switches"
            for ordinal in range(count):
                mac = {devices: [self._fleet.mac(kind, site, ordinal)]}
                late = float(ordinal % 40)
                severity = "warn" if kind == "ap" else "critical"
                down_type, up_type = (f"{name}_down", "infrastructure", severity), f"{name}_reconnected"
                yield self._alarm((number, "down", kind, ordinal), down + late, down_type, site, mac)
                yield self._alarm(
                    (number, "up", kind, ordinal), up + late, (up_type, "infrastructure", "info"), site, mac
                )

    def _noise(self, start: float, until: float, site: Site | None) -> Iterator[Alarm]:
        """Harmless alarms, as a function of site and day; a loss comes back within minutes."""
        if until < start:
            return
        sites = self._cloud.world.sites() if site is None else (site,)
        index = np.array([each.index for each in sites], dtype=np.int64)[:, None]
        days = np.arange(int(start // 86_400) - 1, int(until // 86_400) + 1)
        words = randomness.cells(self._key ^ 5, index, days[None, :])
        for row, column in np.argwhere(randomness.uniform(words) < _NOISE_A_DAY):
            where, day = sites[int(row)], int(days[column])
            drawn = randomness.uniform(
                randomness.cells(self._key ^ 9, index[row], np.array([day]), np.arange(3))
            )
            at = day * 86_400 + float(drawn[0]) * 86_000
            if not where.exists_at(datetime.fromtimestamp(at, UTC)):
                continue
            kind = _NOISE[int(drawn[1] * len(_NOISE))]
            aps = {"aps": [self._fleet.mac("ap", where, int(drawn[2] * where.num_aps))]}
            state_until = at + 86_400 if kind[1] == "marvis" else None
            yield self._alarm(("noise", day), at, kind, where, aps, until=state_until)
            if kind[0] == "device_down":
                back = ("device_reconnected", "infrastructure", "info")
                yield self._alarm(("noise", day, "up"), at + 60 + 240 * float(drawn[2]), back, where, aps)

    def _alarm(
        self,
        address: tuple[object, ...],
        at: float,
        kind: tuple[str, str, str],
        site: Site,
        devices: dict[str, list[str]] | None = None,
        *,
        until: float | None = None,
    ) -> Alarm:
        alarm_id = stable_uuid(self._cloud.world.seed, "alarm", site.index, *address)
        return Alarm(round(at, 3), alarm_id, *kind, site, devices or {}, until)
