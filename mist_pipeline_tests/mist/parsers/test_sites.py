"""Sites, their counts and their devices."""

from typing import Any

import pytest

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape


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
