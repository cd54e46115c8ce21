"""``alerts test-route`` and ``retry``: who would be notified, and messages that were given up."""

from datetime import timedelta
from pathlib import Path

import pytest

from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.matchers import LABELS
from mist_pipeline.alerts.notify.outcome import Refused
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.support.alerts.histories import START
from mist_pipeline_tests.support.cli.alert_calls import (
    THREE,
    Alerts,
    incident_of,
    parsed,
    record,
    refused,
    refused_late,
    route,
    story,
)


class TestRoute:
    @pytest.mark.slow
    def test_every_route_says_whether_and_why(self, alerts: Alerts, settings: Settings) -> None:
        ended = alerts("test-route", "--severity", "major", "--metric", "coverage")
        assert ended.code == 0
        assert "severity major is milder than critical" in ended.text
        assert 'family!="roaming"' in ended.text
        assert "everybody waits 5 min for what may follow; notified at 2026-03-02 12:05 UTC." in ended.text
        assert [(one["route"], one["is_chosen"]) for one in route(alerts)["routes"]] == [
            ("night", True),
            ("everybody", True),
        ]

    def test_the_steps_of_an_escalation_have_their_times(self, alerts: Alerts, settings: Settings) -> None:
        assert route(alerts)["escalations"]["duty"] == [
            {"number": 1, "at": "2026-03-02T12:15:00Z", "sink": "pager", "target": ""},
            {"number": 2, "at": "2026-03-02T12:30:00Z", "sink": "mail", "target": ""},
        ]
        text = alerts("test-route", "--severity", "critical").text
        assert "Escalation duty, until somebody has acknowledged it:" in text
        assert "15 min 2026-03-02 12:15 UTC pager" in text

    def test_quiet_hours_say_until_when(self, alerts: Alerts, settings: Settings) -> None:
        ended = alerts("test-route", "--severity", "major", "--at", "2026-03-02T23:00+01:00")
        assert "Quiet hours: everybody waits for the digest at 2026-03-03 05:00 UTC." in ended.text

    def test_nobody_would_be_told_is_said_and_no_failure(self, alerts: Alerts, settings: Settings) -> None:
        ended = alerts("test-route", "--severity", "info")
        assert ended.code == 0
        assert "Nobody would be notified." in ended.text
        assert "nobody to send a test to" in refused_late(
            alerts("test-route", "--severity", "info", "--send")
        )

    def test_without_routes_it_says_where_they_belong(self, alerts: Alerts) -> None:
        assert "notifications.routes" in alerts("test-route", "--severity", "critical").text

    def test_it_has_every_label_that_an_alert_has(self, alerts: Alerts, settings: Settings) -> None:
        labels = route(alerts, "--site", "Cologne 3", "--metric", "Coverage", "--scope", "infrastructure")[
            "labels"
        ]
        assert set(labels) == set(LABELS)
        assert labels["site"] == ["Cologne 3"]
        assert labels["family"] == ["radio"]
        assert labels["scope"] == ["infrastructure"]
        assert route(alerts, "--kind", "site_down")["labels"]["family"] == ["device"]

    def test_what_would_hide_it_is_told(self, alerts: Alerts, settings: Settings) -> None:
        made = parsed(alerts("silence", "country=DE", "--for", "1h", "--json"))
        assert route(alerts, "--site", "s1")["hidden_by"] == [made["silence_id"]]
        assert route(alerts, "--site", "s1", "--at", "2026-03-02T14:00")["hidden_by"] == []
        assert route(alerts, "--site", "s4", "--at", "2026-03-05T04:00")["hidden_by"] == ["works"]
        ended = alerts("test-route", "--severity", "critical", "--site", "s4", "--at", "2026-03-05T04:00")
        assert "Planned silence works hides it" in ended.text

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("--site", "Colonge 3"), "did you mean 'Cologne 3'?"),
            (("--site", ""), "is empty; give the name or the id of a site"),
            (
                ("--site", "Aachen"),
                "2 sites are called 'Aachen': Aachen · s4 (s4), aachen · s5 (s5). Give the id",
            ),
            (("--metric", "covrage"), "did you mean 'coverage'?"),
            (("--kind", "sitedown"), "did you mean 'site_down'?"),
        ],
        ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
    )
    def test_what_does_not_exist_is_refused_with_what_was_meant(
        self, arguments: tuple[str, ...], expected: str, alerts: Alerts, settings: Settings
    ) -> None:
        assert expected in refused(alerts("test-route", "--severity", "critical", *arguments))

    def test_a_test_arrives_marked_and_makes_no_incident(
        self, alerts: Alerts, settings: Settings, folder: Path
    ) -> None:
        ended = alerts("test-route", "--severity", "critical", "--send")
        assert ended.code == 0
        assert "✓ pager sent" in ended.text
        assert "✓ mail sent" in ended.text
        for sink in ("pager", "mail"):
            (message,) = (folder / "told" / sink).rglob("*.txt")
            assert message.read_text(encoding="utf-8").startswith("TEST, CRITICAL")
        assert parsed(alerts("list", "--json")) == []

    def test_a_sink_that_does_not_take_it_is_a_failure(
        self, alerts: Alerts, settings: Settings, folder: Path
    ) -> None:
        (folder / "told").mkdir()
        (folder / "told/pager").write_text("a file where a folder should be", encoding="utf-8")
        ended = alerts("test-route", "--severity", "critical", "--send")
        assert ended.code == 1
        assert "✗ pager" in ended.text
        assert "✓ mail sent" in ended.text


class TestRetry:
    @pytest.fixture
    def dead(self, settings: Settings) -> int:
        """A message that was refused."""
        record(settings, *THREE)
        with open_ledger(settings) as ledger:
            Outbox(ledger.engine).work(
                {"pager": lambda _: Refused("the key is [wrong]")}, "w", lambda: START + timedelta(hours=11)
            )
            (given_up,) = ledger.given_up()
        return given_up.delivery_id

    @pytest.mark.slow
    def test_a_message_that_was_given_up_waits_again(
        self, dead: int, alerts: Alerts, settings: Settings
    ) -> None:
        listed = alerts("retry")
        assert "the key is [wrong]" in listed.text
        assert f"mist-pipeline alerts retry {dead}" in listed.text
        assert [one["delivery_id"] for one in parsed(alerts("retry", "--json"))] == [dead]
        ended = alerts("retry", str(dead))
        assert ended.code == 0
        assert f"Message {dead} to pager waits again." in ended.text
        with open_ledger(settings) as ledger:
            assert ledger.delivery(dead).state == "pending"
        assert "No message was given up." in alerts("retry").text

    @pytest.mark.slow
    def test_what_cannot_be_tried_again_is_refused_and_says_why(
        self, dead: int, alerts: Alerts, settings: Settings
    ) -> None:
        said = refused(alerts("retry", "4711"))
        assert f"there is no message 4711; given up were {dead}" in said
        alerts("retry", str(dead))
        assert f"message {dead} is pending, not given up" in refused(alerts("retry", str(dead)))

    @pytest.mark.slow
    def test_a_call_that_nobody_needs_any_more_is_not_made(self, alerts: Alerts, settings: Settings) -> None:
        who = record(settings, *THREE)
        with open_ledger(settings) as ledger:
            (called,) = ledger.escalate(who, START + timedelta(hours=11, minutes=16))
            name = incident_of(settings, "s2")
            assert called.incident_id == name
        alerts("ack", name, "--by", "ada")
        withdrawn = [
            row["delivery_id"]
            for row in story(alerts, settings, "s2")["deliveries"]
            if row["reason"] == "escalation"
        ]
        assert "was withdrawn, not needed: acknowledged by ada" in refused(alerts("retry", str(withdrawn[0])))
