import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.collect.fetch.fetcher import fetch_plan
from mist_pipeline.collect.fetch.plan import Budget, Known, make_plan
from mist_pipeline.collect.fetch.records import Origin
from mist_pipeline.collect.fetch.snapshots import fetch_snapshot
from mist_pipeline.collect.history.dimensions import (
    alarms_frame,
    connected_by_hour,
    devices_frame,
    sites_and_devices,
    sites_frame,
)
from mist_pipeline.collect.raw.errors import NothingKnownError
from mist_pipeline.collect.raw.format import Record
from mist_pipeline.collect.raw.store import RawStore, Snapshot
from mist_pipeline.tables import history as tables
from mist_pipeline_tests.support.collect.fake_cloud import (
    DAY,
    NOW,
    ORIGIN,
    UTC_ZONE,
    FakeCloud,
    Pages,
    ask,
    days,
    epoch,
    healthy_cloud,
)

HOSTILE = "<script>alert(1)</script>\n"


def take(store: RawStore, kind: Any, document: Any, at: datetime = NOW) -> None:
    endpoint = {"sites": "sites", "stats_sites": "stats_sites", "devices": "stats_devices"}[kind]
    fetch_snapshot(kind, FakeCloud({endpoint: lambda _: document}), store, ORIGIN, at)


def at(day: date, hour: float) -> datetime:
    return datetime.fromtimestamp(epoch(day, hour), UTC)


def site(site_id: str, **values: Any) -> dict[str, Any]:
    return {"id": site_id, "name": "Shop", "timezone": "Europe/Berlin", **values}


def attributes(store: RawStore) -> dict[str, Any]:
    [text] = sites_frame(store, [DAY], UTC_ZONE)["attributes"].to_list()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_a_site_is_described_by_all_that_is_known_of_it(store: RawStore) -> None:
    take(
        store,
        "sites",
        [
            site(
                "s1",
                name=HOSTILE,
                country_code="DE",
                latlng={"lat": 52.5, "lng": 13.4},
                sitegroup_ids=["g1"],
                address="Somewhere 1",
                rftemplate_id="rf-1",
                networktemplate_id=None,
                gatewaytemplate_id="gw-1",
            )
        ],
    )
    take(store, "stats_sites", [{"id": "s1", "num_ap": 7, "num_ap_connected": 6}])
    take(
        store,
        "devices",
        [
            {"id": "d1", "site_id": "s1", "type": "ap", "model": "AP45", "version": "0.14"},
            {"id": "d2", "site_id": "s1", "type": "ap", "model": "AP45", "version": "0.12"},
            {"id": "d3", "site_id": "s1", "type": "gateway", "model": "SRX320"},
            {"id": "d4", "site_id": "other", "type": "ap", "model": "AP12"},
        ],
    )
    row = sites_frame(store, [DAY], UTC_ZONE).row(0, named=True)
    assert json.loads(row.pop("attributes")) == {
        "models": {"AP45": 2, "SRX320": 1},
        "firmware": {"0.14": 1, "0.12": 1},
        "templates": ["gw-1", "rf-1"],
        "gateway": "SRX320",
        "num_aps": 7,
        "address": "Somewhere 1",
    }
    assert row == {
        "day": DAY,
        "site_id": "s1",
        "name": HOSTILE,
        "timezone": "Europe/Berlin",
        "country_code": "DE",
        "latitude": 52.5,
        "longitude": 13.4,
        "sitegroup_ids": ["g1"],
        "is_substituted": True,
    }


def test_what_is_not_known_of_a_site_is_absent(store: RawStore) -> None:
    take(store, "sites", [site("s1")])
    assert attributes(store) == {}
    take(store, "devices", [{"id": "d1", "site_id": "s1", "type": "ap"}])
    assert attributes(store) == {"num_aps": 1}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(None, "UTC"), ("", "UTC"), ("Mars/Olympus", "UTC"), ("localtime", "UTC"), ("Asia/Tokyo", "Asia/Tokyo")],
)
def test_an_unknown_time_zone_is_utc(store: RawStore, sent: str | None, kept: str) -> None:
    take(store, "sites", [site("s1", timezone=sent)])
    assert sites_frame(store, [DAY], UTC_ZONE)["timezone"].to_list() == [kept]
    assert attributes(store).get("unknown_timezone") == (sent if sent and sent != kept else None)


def test_days_before_the_first_snapshot_are_described_by_it_and_marked(store: RawStore) -> None:
    take(store, "sites", [site("s1", name="first")], at(DAY, 3))
    take(store, "sites", [site("s1", name="second"), site("s2")], at(DAY, 20))
    take(store, "sites", [site("s1", name="third")], at(DAY, 30))
    frame = sites_frame(store, days(2), UTC_ZONE)
    assert frame.select("day", "site_id", "name", "is_substituted").rows() == [
        (days(2)[0], "s1", "first", True),
        (DAY, "s1", "second", False),
        (DAY, "s2", "Shop", False),
    ]


def test_the_day_ends_where_the_organisation_is(store: RawStore) -> None:
    take(store, "sites", [site("s1")], at(DAY, 23.5))
    for zone, substituted in (("America/New_York", False), ("Europe/Berlin", True)):
        assert sites_frame(store, [DAY], ZoneInfo(zone))["is_substituted"].to_list() == [substituted]


def test_without_any_snapshot_of_the_sites_there_is_an_error_and_not_an_empty_table(store: RawStore) -> None:
    with pytest.raises(NothingKnownError, match="fetch them first"):
        sites_frame(store, [DAY], UTC_ZONE)


def test_devices_are_those_of_the_last_snapshot_of_the_day_and_never_of_another(store: RawStore) -> None:
    device = {
        "id": "d1",
        "mac": "aa",
        "name": HOSTILE,
        "type": "switch",
        "model": "EX",
        "site_id": "s1",
        "status": "connected",
        "uptime": 5,
        "version": "1",
        "last_seen": epoch(DAY, 1),
        "cpu_stat": {"idle": 70},
        "memory_stat": {"usage": 40},
        "clients_stats": {"total": {"num_wired_clients": 3}},
    }
    take(store, "devices", [{**device, "uptime": 4}], at(DAY, 1))
    take(store, "devices", [device], at(DAY, 9))
    take(store, "devices", [{**device, "uptime": 9}], at(DAY, 25))
    frame = devices_frame(store, [DAY - timedelta(days=1), DAY], UTC_ZONE)
    assert frame.rows() == [
        (
            DAY,
            "d1",
            "s1",
            "aa",
            HOSTILE,
            "switch",
            "EX",
            "1",
            "connected",
            5.0,
            at(DAY, 1),
            30.0,
            40.0,
            3,
            at(DAY, 9),
        )
    ]


def test_a_snapshot_of_devices_is_read_once_for_sites_and_devices(
    store: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(store, "sites", [{"id": "s1", "name": "one", "timezone": "UTC"}], at(DAY, 9))
    take(store, "devices", [{"id": "d1", "type": "ap", "site_id": "s1", "model": "AP45"}], at(DAY, 9))
    apart = sites_frame(store, [DAY], UTC_ZONE), devices_frame(store, [DAY], UTC_ZONE)
    read: list[str] = []
    read_snapshot = RawStore.read_snapshot

    def noted(self: RawStore, snapshot: Snapshot) -> list[Record]:
        read.append(snapshot.path)
        return read_snapshot(self, snapshot)

    monkeypatch.setattr(RawStore, "read_snapshot", noted)
    together = sites_and_devices(store, [DAY], UTC_ZONE)
    assert len(read) == len(set(read)) == 2
    assert all(one.equals(other) for one, other in zip(together, apart, strict=True))
    assert apart[1].height == 1


def alarm(alarm_id: str, hour: float, **values: Any) -> dict[str, Any]:
    return {
        "id": alarm_id,
        "timestamp": epoch(DAY, hour),
        "type": "device_down",
        "group": "infrastructure",
        "severity": "warn",
        **values,
    }


def fetch_alarms(
    store: RawStore, results: list[list[dict[str, Any]]], origin: Origin = ORIGIN, now: datetime = NOW
) -> None:
    document = Pages({"results": page} for page in results)
    plan = make_plan(ask(detail="off", alarms=True, now=now), Known(), Budget(None))
    fetch_plan(plan, healthy_cloud(alarms=lambda _: document), store, origin)


def test_an_alarm_that_two_pages_hold_is_one_row_in_its_newest_version(store: RawStore) -> None:
    fetch_alarms(
        store,
        [
            [alarm("a", 1, count=1), alarm("b", 2)],
            [alarm("a", 1, count=2, acked=True, status="open", aps=["x"])],
        ],
    )
    frame = alarms_frame(store, [DAY], UTC_ZONE)
    assert frame.select("alarm_id", "count", "is_acked", "status", "aps").rows() == [
        ("a", 2, True, "open", ["x"]),
        ("b", None, None, None, []),
    ]


def test_an_alarm_belongs_to_the_day_on_which_it_was_raised(store: RawStore) -> None:
    fetch_alarms(store, [[alarm("before", -1), alarm("on", 0), alarm("after", 24)]])
    assert alarms_frame(store, [DAY], UTC_ZONE)["alarm_id"].to_list() == ["on"]


def test_live_alarms_of_all_polls_are_put_together(store: RawStore) -> None:
    live = Origin("org-1", "test", lane="live")
    fetch_alarms(store, [[alarm("a", 1)]], live, at(DAY, 2))
    fetch_alarms(store, [[alarm("b", 2, details={"state": "open"})]], live, at(DAY, 3))
    assert alarms_frame(store, [DAY], UTC_ZONE, lane="live").select("alarm_id", "status").rows() == [
        ("a", None),
        ("b", "open"),
    ]
    assert alarms_frame(store, [DAY], UTC_ZONE).is_empty()


def test_connected_access_points_are_those_of_the_last_poll_in_each_hour(store: RawStore) -> None:
    for hour, connected in ((1.0, 5), (1.75, 4), (3.0, 3), (24.0, 2)):
        take(store, "stats_sites", [{"id": "s1", "num_ap": 5, "num_ap_connected": connected}], at(DAY, hour))
    assert connected_by_hour(store, [DAY], UTC_ZONE).rows() == [
        (at(DAY, 1), "s1", DAY, 5, 4),
        (at(DAY, 3), "s1", DAY, 5, 3),
    ]


def test_the_frames_have_the_columns_of_the_warehouse(store: RawStore) -> None:
    take(store, "sites", [site("s1")])
    frames = {
        tables.SITES: sites_frame(store, [DAY], UTC_ZONE),
        tables.DEVICES: devices_frame(store, [DAY], UTC_ZONE),
        tables.ALARMS: alarms_frame(store, [DAY], UTC_ZONE),
    }
    for table, frame in frames.items():
        assert dict(frame.schema) == table.polars_schema(), table.name
