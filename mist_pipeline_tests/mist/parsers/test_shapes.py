"""Sites, devices, alarms, accounts, and what holds for every parser."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape

PARSERS: dict[str, Callable[..., Any]] = {
    name: getattr(parsers, name) for name in parsers.__all__ if name.startswith("parse_")
}


class TestSites:
    def test_a_site_is_read(self) -> None:
        [found] = parsers.parse_sites(
            [
                {
                    "id": "a-1",
                    "name": "<b>Shop</b>\n",
                    "timezone": "Europe/Berlin",
                    "country_code": "DE",
                    "latlng": {"lat": 52.5, "lng": 13},
                    "sitegroup_ids": ["g1", None, "g2"],
                    "rftemplate_id": "t-1",
                    "aptemplate_id": None,
                    "address": "Platz 1",
                    "tzoffset": 60,
                }
            ]
        )
        assert found == parsers.Site(
            id="a-1",
            name="<b>Shop</b>\n",
            timezone="Europe/Berlin",
            country_code="DE",
            latitude=52.5,
            longitude=13.0,
            sitegroup_ids=("g1", "g2"),
            templates={"rftemplate_id": "t-1"},
            address="Platz 1",
        )

    def test_a_site_with_nothing_but_its_id_is_normal(self) -> None:
        [found] = parsers.parse_sites(
            [{"id": "a", "name": None, "latlng": None, "sitegroup_ids": None, "timezone": ""}]
        )
        assert (found.name, found.timezone, found.latitude, found.sitegroup_ids) == ("", None, None, ())

    def test_sites_of_one_name_are_two_and_of_one_id_one(self) -> None:
        found = parsers.parse_sites(
            [{"id": "a", "name": "Shop"}, {"id": "b", "name": "Shop"}], [{"id": "a", "name": "New"}]
        )
        assert [(each.id, each.name) for each in found] == [("a", "New"), ("b", "Shop")]

    @pytest.mark.parametrize(
        ("site", "where"),
        [
            ({"name": "x"}, "[0].id"),
            ({"id": ""}, "[0].id"),
            ({"id": 7}, "[0].id"),
            ({"id": "a/../b"}, "[0].id"),
            ({"id": "a", "name": 7}, "[0].name"),
            ({"id": "a", "latlng": [1, 2]}, "[0].latlng"),
            ({"id": "a", "latlng": {"lat": "52"}}, "[0].latlng.lat"),
            ({"id": "a", "sitegroup_ids": "g"}, "[0].sitegroup_ids"),
            ({"id": "a", "sitegroup_ids": [7]}, "[0].sitegroup_ids[0]"),
            ("a", "[0]"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_path(self, site: Any, where: str) -> None:
        with pytest.raises(UnexpectedShape) as caught:
            parsers.parse_sites([site])
        assert caught.value.where == where

    def test_counts_of_sites_are_read(self) -> None:
        [found] = parsers.parse_stats_sites(
            [{"id": "a", "num_ap": 17, "num_ap_connected": 14, "num_clients": None}]
        )
        assert (found.num_aps, found.num_aps_connected, found.num_clients, found.num_switches) == (
            17,
            14,
            None,
            None,
        )


class TestDevices:
    def test_an_access_point_is_read(self) -> None:
        [found] = parsers.parse_stats_devices(
            [
                {
                    "id": "d-1",
                    "mac": "5c5b35d0077b",
                    "name": "AP 1",
                    "type": "ap",
                    "model": "AP43",
                    "site_id": "a",
                    "status": "connected",
                    "uptime": 15931.5,
                    "version": "0.14.29",
                    "last_seen": 1720595866.25,
                    "cpu_util": 5,
                    "mem_used_kb": 256,
                    "mem_total_kb": 1024,
                    "num_clients": 3,
                    "radio_stat": {
                        "band_5": {"channel": 36, "num_clients": 1, "util_all": 13, "noise_floor": -90},
                        "band_6": None,
                    },
                }
            ]
        )
        assert (found.cpu_pct, found.memory_pct, found.num_clients) == (5.0, 25.0, 3)
        assert found.last_seen == 1720595866.25
        assert found.radios == (parsers.Radio("5", 36, 1, 13.0, -90.0),)

    @pytest.mark.parametrize("kind", ["switch", "gateway"])
    def test_a_switch_and_a_gateway_tell_their_load_otherwise(self, kind: str) -> None:
        [found] = parsers.parse_stats_devices(
            [
                {
                    "id": "d",
                    "type": kind,
                    "cpu_stat": {"idle": 76, "user": 14},
                    "memory_stat": {"usage": 39},
                    "clients_stats": {"total": {"num_wired_clients": 13}},
                }
            ]
        )
        assert (found.cpu_pct, found.memory_pct, found.num_clients, found.radios) == (24.0, 39.0, 13, ())

    @pytest.mark.parametrize(
        "device",
        [
            {"id": "d"},
            {"id": "d", "cpu_stat": {}, "memory_stat": {}, "clients_stats": {}, "radio_stat": {}},
            {"id": "d", "cpu_stat": {"idle": None}, "mem_used_kb": 5, "mem_total_kb": 0},
            {"id": "d", "cpu_stat": None, "mem_total_kb": 5, "last_seen": None, "uptime": None},
        ],
    )
    def test_what_a_device_does_not_tell_is_unknown_and_not_zero(self, device: dict[str, Any]) -> None:
        [found] = parsers.parse_stats_devices([device])
        assert (found.cpu_pct, found.memory_pct, found.num_clients, found.last_seen) == (
            None,
            None,
            None,
            None,
        )

    @pytest.mark.parametrize(
        ("device", "where"),
        [
            ({"id": "d", "cpu_stat": []}, "[0].cpu_stat"),
            (
                {"id": "d", "radio_stat": {"band_5": {"num_clients": "1"}}},
                "[0].radio_stat.band_5.num_clients",
            ),
            ({"id": "d", "radio_stat": {"band_5": []}}, "[0].radio_stat.band_5"),
            ({"id": "d", "num_clients": -1}, "[0].num_clients"),
            ({"id": "d", "last_seen": "now"}, "[0].last_seen"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_path(self, device: dict[str, Any], where: str) -> None:
        with pytest.raises(UnexpectedShape) as caught:
            parsers.parse_stats_devices([device])
        assert caught.value.where == where


class TestAlarms:
    ALARM: dict[str, Any] = {  # noqa: RUF012
        "id": "x",
        "timestamp": 1711031354,
        "last_seen": 1711031774.5,
        "type": "device_down",
        "group": "infrastructure",
        "severity": "critical",
        "count": 2,
        "site_id": "a",
        "aps": ["5c5b35000001"],
        "acked": False,
        "status": "open",
        "details": {"state": "validated"},
    }

    def test_an_alarm_is_read(self) -> None:
        [found] = parsers.parse_alarms({"results": [self.ALARM]})
        assert (found.type, found.severity, found.count, found.aps) == (
            "device_down",
            "critical",
            2,
            ("5c5b35000001",),
        )
        assert (found.is_acked, found.status, found.marvis_state) == (False, "open", "validated")
        assert (found.timestamp, found.last_seen, found.resolved_time) == (1711031354.0, 1711031774.5, None)

    def test_an_alarm_that_comes_on_two_pages_is_one_and_the_last_counts(self) -> None:
        later = {**self.ALARM, "count": 5}
        found = parsers.parse_alarms({"results": [self.ALARM]}, {"results": [later]})
        assert [each.count for each in found] == [5]

    @pytest.mark.parametrize(
        ("document", "where"),
        [
            ({}, "results"),
            ([], ""),
            ({"results": [{"timestamp": 1}]}, "results[0].id"),
            ({"results": [{"id": "x"}]}, "results[0].timestamp"),
            ({"results": [{"id": "x", "timestamp": "now"}]}, "results[0].timestamp"),
            ({"results": [{"id": "x", "timestamp": 1, "acked": "yes"}]}, "results[0].acked"),
            ({"results": [{"id": "x", "timestamp": 1, "details": "x"}]}, "results[0].details"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_path(self, document: Any, where: str) -> None:
        with pytest.raises(UnexpectedShape) as caught:
            parsers.parse_alarms(document)
        assert caught.value.where == where


class TestImpact:
    def test_rows_are_read_by_dimension_and_new_dimensions_are_kept(self) -> None:
        found = parsers.parse_impact_summary(
            {
                "start": 0,
                "end": 60,
                "metric": "failed_to_connect",
                "classifier": "",
                "ap": [{"ap_mac": "5c5b", "name": "ap43", "degraded": 1486, "total": 27406, "duration": 0}],
                "wlan": [{"wlan_id": "w-1", "name": "Guests", "degraded": 3.5, "total": None}],
                "band": [],
                "planet": [{"planet": "mars", "degraded": 1}],
                "vlan": None,
            }
        )
        assert found.metric == "successful-connect"
        assert found.rows == (
            parsers.ImpactRow("ap", "5c5b", "ap43", 1486.0, 27406.0),
            parsers.ImpactRow("wlan", "w-1", "Guests", 3.5, 0.0),
            parsers.ImpactRow("planet", "mars", "", 1.0, 0.0),
        )

    def test_a_row_that_is_none_is_an_error(self) -> None:
        with pytest.raises(UnexpectedShape, match=r"ap\[0\]"):
            parsers.parse_impact_summary({"start": 0, "end": 60, "ap": [7]})


class TestAccount:
    def test_privileges_keep_the_clouds_order(self) -> None:
        found = parsers.parse_self(
            {
                "privileges": [
                    {"scope": "msp", "role": "admin", "name": "MSP"},
                    {"scope": "org", "role": "read", "org_id": "o", "name": "Retail"},
                    {"scope": "site", "role": "read", "org_id": "o", "name": "Shop", "org_name": "Retail"},
                ]
            }
        )
        assert [(each.scope, each.org_id, each.org_name) for each in found] == [
            ("msp", None, ""),
            ("org", "o", "Retail"),
            ("site", "o", "Retail"),
        ]

    @pytest.mark.parametrize("document", [{"privileges": [{"role": "admin"}]}, {"privileges": "all"}, []])
    def test_a_privilege_without_scope_is_an_error(self, document: Any) -> None:
        with pytest.raises(UnexpectedShape):
            parsers.parse_self(document)

    @pytest.mark.parametrize(
        ("document", "expected"),
        [
            ({"requests": 5, "request_limit": 5000}, (5, 5000)),
            ({"requests": 5.0}, (5, None)),
            ({"request_limit": 0}, (None, None)),
        ],
    )
    def test_usage_is_read(self, document: Any, expected: tuple[int | None, int | None]) -> None:
        found = parsers.parse_usage(document)
        assert (found.requests, found.request_limit) == expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["a", "capacity", "org"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "name",
                    "start",
                    "end",
                    "sle",
                    "samples",
                    "total",
                    "degraded",
                    "value",
                    "interval",
                    "classifiers",
                    "impact",
                    "num_users",
                    "results",
                    "site_id",
                    "timestamp",
                    "coverage",
                    "enabled",
                    "privileges",
                    "scope",
                    "org_id",
                    "latlng",
                    "lat",
                    "radio_stat",
                    "band_5",
                    "cpu_stat",
                    "idle",
                    "memory_stat",
                    "usage",
                    "requests",
                    "aps",
                    "details",
                    "metric",
                    "ap",
                    "ap_mac",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None)
@given(document=JSON)
def test_any_document_is_read_or_refused_with_its_path_and_nothing_else_happens(
    name: str, document: Any
) -> None:
    refusal = None
    try:
        PARSERS[name](document)
    except UnexpectedShape as error:
        refusal = error
    if refusal is not None:
        assert refusal.endpoint == name.removeprefix("parse_")
        assert str(refusal).startswith(f"{refusal.endpoint}: ")
