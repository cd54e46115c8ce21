"""Raw snapshots and alarms → history.sites, history.devices, history.alarms, for given days.

Sites and devices are known for now only: a day takes the newest snapshot up to its end, else the earliest later one,
marked as substituted. Pure but for reading the raw store; service levels are in ``frames``.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.collect.fetch.days import HOUR, day_bounds
from mist_pipeline.collect.fetch.records import Lane, kind_of
from mist_pipeline.collect.fetch.snapshots import sites_of
from mist_pipeline.collect.raw.errors import NothingKnownError
from mist_pipeline.collect.raw.store import RawStore, Snapshot
from mist_pipeline.domain.time_zones import zone_names
from mist_pipeline.mist.parsers import (
    Alarm,
    Device,
    Site,
    SiteStats,
    parse_alarms,
    parse_stats_devices,
    parse_stats_sites,
)

_T = TypeVar("_T")

_INSTANT = pl.Datetime("us", "UTC")
_TEXTS = pl.List(pl.String)
_SITES: dict[str, Any] = {
    "day": pl.Date,
    "site_id": pl.String,
    "name": pl.String,
    "timezone": pl.String,
    "country_code": pl.String,
    "latitude": pl.Float64,
    "longitude": pl.Float64,
    "sitegroup_ids": _TEXTS,
    "attributes": pl.String,
    "is_substituted": pl.Boolean,
}
_DEVICES: dict[str, Any] = {
    "day": pl.Date,
    "device_id": pl.String,
    "site_id": pl.String,
    "mac": pl.String,
    "name": pl.String,
    "type": pl.String,
    "model": pl.String,
    "firmware": pl.String,
    "status": pl.String,
    "uptime_seconds": pl.Float64,
    "last_seen": _INSTANT,
    "cpu_pct": pl.Float64,
    "memory_pct": pl.Float64,
    "num_clients": pl.Int64,
    "snapshot_at": _INSTANT,
}
_ALARMS: dict[str, Any] = {
    "day": pl.Date,
    "alarm_id": pl.String,
    "site_id": pl.String,
    "type": pl.String,
    "alarm_group": pl.String,
    "severity": pl.String,
    "raised_at": _INSTANT,
    "last_seen": _INSTANT,
    "resolved_at": _INSTANT,
    "count": pl.Int64,
    "is_acked": pl.Boolean,
    "status": pl.String,
    "aps": _TEXTS,
    "switches": _TEXTS,
    "gateways": _TEXTS,
}
_CONNECTED: dict[str, Any] = {
    "hour": _INSTANT,
    "site_id": pl.String,
    "day": pl.Date,
    "num_aps": pl.Int64,
    "num_aps_connected": pl.Int64,
}


def sites_and_devices(
    store: RawStore, days: Iterable[date], zone: ZoneInfo
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`sites_frame` and `devices_frame` of these days; each snapshot, and those of devices are large, is read once.

    Raises:
        NothingKnownError: The sites were never fetched.
    """
    described = _Days(store, days, zone)
    return _sites_frame(described), _devices_frame(described)


def sites_frame(store: RawStore, days: Iterable[date], zone: ZoneInfo) -> pl.DataFrame:
    """``history.sites`` of these days: one row per day and site.

    ``attributes`` is JSON: models and firmware (name → number of devices), templates (ids), gateway (model of the
    site's gateway), num_aps, address, unknown_timezone (what the cloud says where that names no zone, and UTC is used).
    Keys of which nothing is known are absent.

    Raises:
        NothingKnownError: The sites were never fetched.
    """
    return _sites_frame(_Days(store, days, zone))


def _sites_frame(described: "_Days") -> pl.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for day, snapshot in described.of("sites"):
        if snapshot is None:
            raise NothingKnownError("no snapshot of the sites: fetch them first (raw kind 'sites')")
        stats = {
            each.id: each for each in described.parsed(described.at("stats_sites", day), parse_stats_sites)
        }
        devices: dict[str | None, list[Device]] = defaultdict(list)
        for device in described.parsed(described.at("devices", day), parse_stats_devices):
            devices[device.site_id].append(device)
        rows += [
            _site_row(day, site, stats.get(site.id), devices[site.id], is_substituted=snapshot.is_substituted)
            for site in described.sites(snapshot)
        ]
    return _frame(rows, _SITES).sort("day", "site_id")


def devices_frame(store: RawStore, days: Iterable[date], zone: ZoneInfo) -> pl.DataFrame:
    """``history.devices``: the devices of the last snapshot taken on each day; a day without one has no rows.

    Load and state of a device on another day are unknown, so nothing is substituted here.
    """
    return _devices_frame(_Days(store, days, zone))


def _devices_frame(described: "_Days") -> pl.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for day in described.days:
        taken = described.within("devices", day)
        if taken:
            found = described.parsed(taken[-1], parse_stats_devices)
            rows += [_device_row(day, device, taken[-1].as_of) for device in found]
    return _frame(rows, _DEVICES).sort("day", "device_id")


def alarms_frame(
    store: RawStore, days: Iterable[date], zone: ZoneInfo, *, lane: Lane = "batch"
) -> pl.DataFrame:
    """``history.alarms``: every alarm once, in its newest version, on the day it was raised.

    An alarm that a window holds although it was raised before the days wanted belongs to its own day and is left out.
    """
    wanted = sorted(set(days))
    newest: dict[str, tuple[datetime, Alarm]] = {}
    for record, _ in store.read(kind_of("alarms", lane), wanted, every_generation=lane == "live"):
        received_at = record.header.received_at
        for alarm in parse_alarms(record.document()) if record.header.is_answered else []:
            if alarm.id not in newest or newest[alarm.id][0] <= received_at:
                newest[alarm.id] = received_at, alarm
    bounds = [(day, *day_bounds(day, zone)) for day in wanted]
    rows = [
        _alarm_row(day, alarm)
        for _, alarm in newest.values()
        for day, start, end in bounds
        if start <= alarm.timestamp < end
    ]
    return _frame(rows, _ALARMS).sort("day", "alarm_id")


def connected_by_hour(store: RawStore, days: Iterable[date], zone: ZoneInfo) -> pl.DataFrame:
    """Access points that each site had and had connected, from the last snapshot taken in each hour.

    Returns:
        hour, site_id, day, num_aps, num_aps_connected; hours without a snapshot have no rows.
    """
    return connected(store, last_of_hours(store, days, zone))


OfHour = tuple[datetime, date, Snapshot]
"""An hour, its day, and the last snapshot taken in it."""


def last_of_hours(store: RawStore, days: Iterable[date], zone: ZoneInfo) -> list[OfHour]:
    """The last snapshot of ``stats_sites`` of each hour of these days that has one."""
    found: dict[tuple[datetime, date], Snapshot] = {}
    for day in sorted(set(days)):
        begin, end = day_bounds(day, zone)
        for snapshot in store.snapshots(
            "stats_sites", datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)
        ):
            hour = int((snapshot.as_of.timestamp() - begin) // HOUR)
            found[datetime.fromtimestamp(begin + hour * HOUR, UTC), day] = snapshot
    return [(instant, day, snapshot) for (instant, day), snapshot in found.items()]


def connected(store: RawStore, hours: Iterable[OfHour]) -> pl.DataFrame:
    """What the snapshots of these hours say, as ``connected_by_hour``."""
    rows = [
        (instant, each.id, day, each.num_aps, each.num_aps_connected)
        for instant, day, snapshot in hours
        for each in parse_stats_sites(*(record.document() for record in store.read_snapshot(snapshot)))
    ]
    return _frame(rows, _CONNECTED).sort("hour", "site_id")


class _Days:
    """The snapshots of several days; each file is parsed once."""

    def __init__(self, store: RawStore, days: Iterable[date], zone: ZoneInfo) -> None:
        self._store = store
        self._zone = zone
        self.days = sorted(set(days))
        self._parsed: dict[str, Sequence[Any]] = {}

    def of(self, kind: str) -> list[tuple[date, Snapshot | None]]:
        """Each day with its snapshot of this kind."""
        return [(day, self.at(kind, day)) for day in self.days]

    def at(self, kind: str, day: date) -> Snapshot | None:
        """The day's snapshot of this kind."""
        return self._store.snapshot_for(kind, datetime.fromtimestamp(day_bounds(day, self._zone)[1], UTC))

    def within(self, kind: str, day: date) -> list[Snapshot]:
        """The snapshots of this kind that were taken on a day."""
        start, end = (datetime.fromtimestamp(epoch, UTC) for epoch in day_bounds(day, self._zone))
        return self._store.snapshots(kind, start, end)

    def sites(self, snapshot: Snapshot) -> Sequence[Site]:
        """The sites of a snapshot, also those whose row in it cannot be read."""
        if snapshot.path not in self._parsed:
            self._parsed[snapshot.path] = sites_of(self._store, snapshot)
        return self._parsed[snapshot.path]

    def parsed(self, snapshot: Snapshot | None, parse: Callable[..., list[_T]]) -> Sequence[_T]:
        """What a snapshot says; nothing where there is none."""
        if snapshot is None:
            return []
        if snapshot.path not in self._parsed:
            documents = [record.document() for record in self._store.read_snapshot(snapshot)]
            self._parsed[snapshot.path] = parse(*documents)
        return self._parsed[snapshot.path]


def _site_row(
    day: date, site: Site, stats: SiteStats | None, devices: Sequence[Device], *, is_substituted: bool
) -> tuple[Any, ...]:
    return (
        day,
        site.id,
        site.name,
        site.timezone if site.timezone in zone_names() else "UTC",
        site.country_code,
        site.latitude,
        site.longitude,
        list(site.sitegroup_ids),
        json.dumps(_attributes(site, stats, devices), sort_keys=True),
        is_substituted,
    )


def _attributes(site: Site, stats: SiteStats | None, devices: Sequence[Device]) -> dict[str, Any]:
    gateways = sorted(device.model or device.id for device in devices if device.type == "gateway")
    num_aps = stats.num_aps if stats else None
    known: Mapping[str, Any] = {
        "models": dict(Counter(device.model for device in devices if device.model)),
        "firmware": dict(Counter(device.version for device in devices if device.version)),
        "templates": sorted(site.templates.values()),
        "gateway": gateways[0] if gateways else None,
        "num_aps": num_aps if num_aps is not None else sum(device.type == "ap" for device in devices) or None,
        "address": site.address,
        "unknown_timezone": None if site.timezone in zone_names() else site.timezone,
    }
    return {name: value for name, value in known.items() if value not in (None, {}, [])}


def _device_row(day: date, device: Device, as_of: datetime) -> tuple[Any, ...]:
    return (
        day,
        device.id,
        device.site_id,
        device.mac,
        device.name,
        device.type,
        device.model,
        device.version,
        device.status,
        device.uptime_seconds,
        _instant(device.last_seen),
        device.cpu_pct,
        device.memory_pct,
        device.num_clients,
        as_of,
    )


def _alarm_row(day: date, alarm: Alarm) -> tuple[Any, ...]:
    return (
        day,
        alarm.id,
        alarm.site_id,
        alarm.type,
        alarm.group,
        alarm.severity,
        _instant(alarm.timestamp),
        _instant(alarm.last_seen),
        _instant(alarm.resolved_time),
        alarm.count,
        alarm.is_acked,
        alarm.status or alarm.marvis_state,
        list(alarm.aps),
        list(alarm.switches),
        list(alarm.gateways),
    )


def _instant(epoch: float | None) -> datetime | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)


def _frame(rows: list[tuple[Any, ...]], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")
