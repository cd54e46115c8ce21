"""Sites, their counts and their devices."""

from typing import Any

import pytest

from mist_pipeline.mist import parsers


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
            ({"name": "x"}, "[1].id"),
            ({"id": ""}, "[1].id"),
            ({"id": 7}, "[1].id"),
            ({"id": "a/../b"}, "[1].id"),
            ("a", "[1]"),
        ],
    )
    def test_a_site_without_an_id_is_set_aside_and_named(self, site: Any, where: str) -> None:
        odd = parsers.Oddities("sites")
        found = parsers.parse_sites([{"id": "z"}, site, {"id": "y"}], odd=odd)
        assert [each.id for each in found] == ["z", "y"]
        assert (odd.read, odd.lost, [each.where for each in odd.first]) == (3, 1, [where])

    @pytest.mark.parametrize(
        ("site", "where"),
        [
            ({"name": 7}, "[0].name"),
            ({"latlng": [1, 2]}, "[0].latlng"),
            ({"latlng": {"lat": "52"}}, "[0].latlng.lat"),
            ({"latlng": {"lng": 181}}, "[0].latlng.lng"),
            ({"sitegroup_ids": "g"}, "[0].sitegroup_ids"),
            ({"sitegroup_ids": [7]}, "[0].sitegroup_ids[0]"),
            ({"rftemplate_id": "a b"}, "[0].rftemplate_id"),
        ],
    )
    def test_an_odd_field_is_empty_and_the_site_stays(self, site: dict[str, Any], where: str) -> None:
        odd = parsers.Oddities("sites")
        [found] = parsers.parse_sites([{"id": "a", **site}], odd=odd)
        assert found == parsers.parse_sites([{"id": "a"}])[0]
        assert [(each.where, each.row) for each in odd.first] == [(where, "a")]
        assert (odd.lost, odd.emptied) == (0, 1)

    @pytest.mark.parametrize("field", ["latlng", "sitegroup_ids", "name", "timezone", "rftemplate_id"])
    def test_an_empty_text_is_nothing_and_not_odd(self, field: str) -> None:
        odd = parsers.Oddities("sites")
        assert parsers.parse_sites([{"id": "a", field: ""}], odd=odd) == parsers.parse_sites([{"id": "a"}])
        assert odd.first == []

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
            ({"id": "d", "cpu_util": 250}, "[0].cpu_util"),
            ({"id": "d", "memory_stat": {"usage": -1}}, "[0].memory_stat.usage"),
            ({"id": "d", "mem_used_kb": 9, "mem_total_kb": 8}, "[0].mem_used_kb"),
        ],
    )
    def test_an_odd_field_of_a_device_is_empty_and_the_device_stays(
        self, device: dict[str, Any], where: str
    ) -> None:
        odd = parsers.Oddities("stats_devices")
        [found] = parsers.parse_stats_devices([device], odd=odd)
        assert (found.id, found.num_clients, found.cpu_pct, found.last_seen) == ("d", None, None, None)
        assert [(each.where, each.row) for each in odd.first] == [(where, "d")]
