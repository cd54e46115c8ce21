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
