"""Alarms that Mist has raised."""

from typing import Any

import pytest

from mist_pipeline.mist import parsers
from mist_pipeline.mist.errors import UnexpectedShape


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

    @pytest.mark.parametrize(("document", "where"), [({}, "results"), ([], ""), ({"results": {}}, "results")])
    def test_a_document_without_a_list_is_an_error(self, document: Any, where: str) -> None:
        with pytest.raises(UnexpectedShape) as caught:
            parsers.parse_alarms(document)
        assert caught.value.where == where

    @pytest.mark.parametrize(
        ("alarm", "where"),
        [
            ({"timestamp": 1}, "results[0].id"),
            ({"id": "x"}, "results[0].timestamp"),
            ({"id": "x", "timestamp": "now"}, "results[0].timestamp"),
            (7, "results[0]"),
        ],
    )
    def test_an_alarm_without_id_or_time_is_set_aside_and_named(self, alarm: Any, where: str) -> None:
        odd = parsers.Oddities("alarms")
        assert parsers.parse_alarms({"results": [alarm, self.ALARM]}, odd=odd) == parsers.parse_alarms(
            {"results": [self.ALARM]}
        )
        assert (odd.read, odd.lost, odd.emptied) == (2, 1, 0)
        assert [each.where for each in odd.first] == [where]

    @pytest.mark.parametrize(
        ("field", "value"),
        [("count", -1), ("acked", "yes"), ("details", "x"), ("aps", "5c"), ("last_seen", -4)],
    )
    def test_an_odd_field_of_an_alarm_is_empty_and_the_alarm_stays(self, field: str, value: Any) -> None:
        odd = parsers.Oddities("alarms")
        [found] = parsers.parse_alarms({"results": [{**self.ALARM, field: value}]}, odd=odd)
        assert found.id == "x"
        assert [(each.where, each.row) for each in odd.first] == [(f"results[0].{field}", "x")]
        assert (odd.lost, odd.emptied) == (0, 1)
