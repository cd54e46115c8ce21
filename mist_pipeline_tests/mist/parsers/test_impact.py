"""Who is hit, as the cloud says it: devices and people, with what the cloud leaves out left out."""

from typing import Any

import pytest

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape

WINDOW = {"start": 1769990400, "end": 1769994000}


class TestSummary:
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

    def test_a_row_that_is_none_is_set_aside(self) -> None:
        odd = parsers.Oddities("impact_summary")
        found = parsers.parse_impact_summary({"start": 0, "end": 60, "ap": [7, {"ap_mac": "5c5b"}]}, odd)
        assert [row.key for row in found.rows] == ["5c5b"]
        assert [each.where for each in odd.first] == ["ap[0]"]


class TestDevices:
    @pytest.mark.parametrize(
        ("field", "kind"), [("aps", "ap"), ("switches", "switch"), ("gateways", "gateway")]
    )
    def test_devices_of_every_kind_are_read_the_worst_first(self, field: str, kind: str) -> None:
        rows = [
            {f"{kind}_mac": "5c5b350001", "name": "<b>one</b>", "degraded": 3, "total": 60},
            {f"{kind}_mac": "5c5b350002", "name": "two", "degraded": 40.5, "total": 60, "new": [1]},
        ]
        found = parsers.parse_impacted_devices({**WINDOW, "total_count": 2, field: rows})
        assert found.count == 2
        assert [(row.kind, row.mac, row.name) for row in found.rows] == [
            (kind, "5c5b350002", "two"),
            (kind, "5c5b350001", "<b>one</b>"),
        ]

    def test_a_device_without_a_name_keeps_its_address(self) -> None:
        [row] = parsers.parse_impacted_devices({**WINDOW, "aps": [{"ap_mac": "5c5b350001"}]}).rows
        assert (row.name, row.mac, row.degraded) == ("", "5c5b350001", 0.0)

    @pytest.mark.parametrize(
        ("document", "count"),
        [
            ({"total_count": 21, "aps": []}, 21),
            ({"total_count": None, "aps": [{"ap_mac": "a"}]}, 1),
            ({"total_count": 0, "aps": [{"ap_mac": "a"}, {"ap_mac": "b"}]}, 2),
            ({"total_count": 0, "aps": None}, 0),
            ({"total_count": None, "aps": None}, None),
            ({}, None),
        ],
    )
    def test_the_number_is_the_clouds_never_less_than_its_list_and_unknown_without_both(
        self, document: dict[str, Any], count: int | None
    ) -> None:
        assert parsers.parse_impacted_devices({**WINDOW, **document}).count == count

    @pytest.mark.parametrize(
        ("wrong", "rows"),
        [
            ({"aps": {}}, 0),
            ({"aps": [7]}, 0),
            ({"aps": [{"name": 7, "ap_mac": "a"}]}, 1),
            ({"aps": [{"ap_mac": "a", "degraded": -1}]}, 1),
            ({"total_count": -1}, 0),
            ({"total_count": "2"}, 0),
        ],
    )
    def test_what_is_odd_is_left_out_and_noted(self, wrong: dict[str, Any], rows: int) -> None:
        odd = parsers.Oddities("impacted_devices")
        found = parsers.parse_impacted_devices({**WINDOW, **wrong}, odd)
        assert len(found.rows) == rows
        assert all(row.degraded >= 0 for row in found.rows)
        assert odd.lost + odd.emptied == 1

    def test_a_window_that_cannot_be_read_is_an_error(self) -> None:
        with pytest.raises(UnexpectedShape):
            parsers.parse_impacted_devices({**WINDOW, "end": "now"})


class TestPeople:
    def test_wireless_and_wired_clients_are_read_alike(self) -> None:
        users = [{"mac": "a0", "name": "phone", "degraded": 1}, {"mac": "a1", "degraded": 5}]
        clients = [{"mac": "b0", "name": None, "src_ip": "10.0.0.9", "degraded": 2}]
        wireless = parsers.parse_impacted_people({**WINDOW, "total_count": 2, "users": users})
        assert [(row.mac, row.name) for row in wireless.rows] == [("a1", ""), ("a0", "phone")]
        [wired] = parsers.parse_impacted_people({**WINDOW, "clients": clients}).rows
        assert (wired.mac, wired.name, wired.address) == ("b0", "", "10.0.0.9")

    def test_a_count_without_a_list_is_a_count(self) -> None:
        found = parsers.parse_impacted_people({**WINDOW, "total_count": 3})
        assert (found.count, found.rows) == (3, ())
