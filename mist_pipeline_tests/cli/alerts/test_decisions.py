"""``alerts ack``, ``resolve`` and ``feedback``: what people decide."""

from datetime import timedelta

import pytest

from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.support.alerts.histories import START
from mist_pipeline_tests.support.cli.alert_calls import (
    THREE,
    Alerts,
    incident_of,
    merged,
    parsed,
    record,
    refused,
    state_of,
)


class TestTakingAndClosing:
    def test_acknowledging_stops_the_calls_and_tells_whoever_was_told(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        who = record(settings, *THREE)
        name = incident_of(settings, "s2")
        ended = alerts("ack", name[:8], "--by", "ada")
        assert ended.code == 0
        assert f"Incident {name[:8]} is acknowledged by ada." in ended.text
        assert "2 calls that would have followed are cancelled." in ended.text
        assert "pager (acknowledged)" in ended.text
        assert "The next delivery run of the daemon sends what waits." in ended.text
        with open_ledger(settings) as ledger:
            assert ledger.escalate(who, START + timedelta(days=1)) == []

    @pytest.mark.slow
    def test_twice_is_fine_and_said(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s1")
        alerts("ack", name, "--by", "ada")
        ended = alerts("ack", name, "--by", "bob", hour=13)
        assert ended.code == 0
        assert "was acknowledged already, by ada at 2026-03-02 12:00 UTC; nothing changes." in ended.text

    @pytest.mark.slow
    def test_closing_ends_it_for_all(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s2")
        ended = alerts("resolve", name, "--by", "ada")
        assert ended.code == 0
        assert "is closed by ada" in ended.text
        assert "pager (all_resolved)" in ended.text
        assert state_of(settings, name) == "resolved"
        for command in ("resolve", "ack"):
            again = alerts(command, name)
            assert again.code == 0
            assert "is over since 2026-03-02 12:00 UTC; nothing changes." in again.text

    @pytest.mark.slow
    @pytest.mark.parametrize("command", ["ack", "resolve"])
    def test_what_became_part_of_another_is_not_taken_by_mistake(
        self, command: str, alerts: Alerts, settings: Settings
    ) -> None:
        first, second = merged(settings)
        said = refused(alerts(command, first))
        assert f"`mist-pipeline alerts {command} {second[:8]}` does it for all of that" in said
        assert state_of(settings, second) == "open"

    @pytest.mark.slow
    def test_without_a_name_it_is_whoever_is_logged_in(
        self, alerts: Alerts, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record(settings, *THREE)
        monkeypatch.setattr("getpass.getuser", lambda: "grace")
        assert "is acknowledged by grace." in alerts("ack", incident_of(settings, "s1")).text

    @pytest.mark.slow
    def test_a_user_without_a_name_is_a_number(
        self, alerts: Alerts, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def nobody() -> str:
            raise KeyError("getpwuid(): uid not found")

        record(settings, *THREE)
        monkeypatch.setattr("getpass.getuser", nobody)
        assert "is acknowledged by uid " in alerts("ack", incident_of(settings, "s1")).text

    @pytest.mark.slow
    def test_feedback_is_about_the_alert_or_the_incident_that_was_named(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s1")
        (alert_id,) = parsed(alerts("show", name, "--json"))["alert_ids"]
        assert "Alert" in alerts("feedback", alert_id, "wrong", "--by", "ada").text
        assert "Incident" in alerts("feedback", name, "too_late", "--comment", "an hour").text
        noted = parsed(alerts("show", name, "--json"))["feedback"]
        assert [(one["alert_id"], one["incident_id"], one["verdict"]) for one in noted] == [
            (alert_id, None, "wrong"),
            (None, name, "too_late"),
        ]
