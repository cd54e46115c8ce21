"""``alerts show``: everything about one incident."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from mist_pipeline.alerts.impacts.model import HitDevice
from mist_pipeline.alerts.ledger.ledger import Ticket
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.outcome import Accepted, Delivery, Outcome, Refused
from mist_pipeline.cli.alerts.arguments import Sites
from mist_pipeline.overview.timeline import timeline
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import open_ledger
from mist_pipeline_tests.support.alerts.histories import START, finding, live
from mist_pipeline_tests.support.alerts.impacts import impact
from mist_pipeline_tests.support.cli.alert_calls import (
    THREE,
    Alerts,
    incident_of,
    merged,
    parsed,
    record,
    refused,
)


class TestShow:
    @pytest.mark.slow
    def test_everything_about_an_incident_is_shown(self, alerts: Alerts, settings: Settings) -> None:
        who = record(settings, *THREE)
        name = incident_of(settings, "s2")
        with open_ledger(settings) as ledger:
            answers: dict[str, Callable[[Delivery], Outcome]] = {
                "pager": lambda _: Refused("no [such] number"),
                "mail": lambda _: Accepted({"message": "m-1"}),
            }
            Outbox(ledger.engine).work(answers, "w", lambda: START + timedelta(hours=11.5))
            ledger.escalate(who, START + timedelta(hours=11, minutes=16))
            ticket = Ticket(
                sink="jira", incident_id=name, ticket="OPS-7", url="https://jira.example/OPS-7", state="open"
            )
            ledger.record_ticket(ticket, START)
        alerts("feedback", name, "right", "--by", "ada", "--comment", "good catch")
        text = alerts("show", name[:6]).text
        for expected in (
            f"Incident {name} critical",
            "2026-03-02 11:00 UTC (1 h)",
            "(Successful connects): opened as critical",
            "no [such] number",
            "dead",
            "OPS-7 https://jira.example/OPS-7",
            "message: m-1",
            "called",
            "due now",
            "good catch",
            f"mist-pipeline alerts ack {name[:8]}",
        ):
            assert expected in text

    @pytest.mark.slow
    def test_programs_get_all_of_it(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        story = parsed(alerts("show", incident_of(settings, "s1"), "--json"))
        assert story["severity"] == "major"
        assert [alert["site_id"] for alert in story["alerts"]] == ["s1"]
        assert [event["kind"] for event in story["events"]][:4] == ["pending", "opened", "opened", "joined"]
        assert [row["reason"] for row in story["deliveries"]] == ["first"]
        assert {"escalations", "tickets", "threads", "feedback"} <= set(story)
        assert story["opened_at"] == "2026-03-02T08:00:00Z"

    def test_who_is_hit_is_shown_with_its_instant_and_people_are_not(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s1")
        hostile = (HitDevice("ap", "5c5b35000001", "[red]AP-1[/]\x1b[31m", "s1", 9.0),)
        parts = {"[bold]wlan": {"[blink]Guest": 0.75, "Corp": 0.25}, "band": {"24": 0.6, "5": 0.4}}
        known = impact(incident_id=name, num_aps=1, devices=hostile, parts=parts)
        with open_ledger(settings) as ledger:
            ledger.record_impacts([known])
        text = alerts("show", name).text
        for expected in (
            "at 1 of 2 sites: 4 users, 1 AP ([red]AP-1[/] [31m)",
            "1.5 user-hours lost so far; not known: devices: why",
            "2026-03-02 00:00 UTC",
            "[bold]wlan [blink]Guest 75 %, Corp 25 %",
            "Band 2.4 GHz 60 %, 5 GHz 40 %",
        ):
            assert expected in text, text
        assert "anna" not in text
        [shown] = parsed(alerts("show", name, "--json"))["impacts"]
        assert (shown["num_users"], shown["lost_user_minutes"], shown["clients"]) == (4, 90.5, [])

    def test_the_id_of_an_alert_leads_to_its_incident(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s1")
        (alert_id,) = parsed(alerts("show", name, "--json"))["alert_ids"]
        assert parsed(alerts("show", alert_id[:10].upper(), "--json"))["incident_id"] == name

    def test_a_misspelt_id_is_refused_with_what_was_meant(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s1")
        assert f"did you mean {name}?" in refused(alerts("show", name[:7] + "z"))
        said = refused(alerts("show", "nothing-like-it"))
        assert "no incident and no alert has an id that begins with 'nothing-like-it'" in said
        assert "mist-pipeline alerts list" in said

    @pytest.mark.slow
    def test_a_beginning_of_several_is_refused_with_some_of_them(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        # Seventeen ids of sixteen digits: two begin alike.
        record(settings, *(live(3 * n, finding(f"x{n}", f"family {n}")) for n in range(17)))
        with open_ledger(settings) as ledger:
            firsts = [one.incident_id[0] for one, _ in ledger.incidents(("open",))]
        common = max(set(firsts), key=firsts.count)
        said = refused(alerts("show", common, hour=60))
        assert f"'{common}' begins" in said
        assert "type more of the one you mean" in said

    @pytest.mark.slow
    def test_an_incident_that_became_part_of_another_says_so(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        first, second = merged(settings)
        ended = alerts("show", first)
        assert f"merged into {second}" in ended.text
        assert f"mist-pipeline alerts show {second[:8]}" in ended.text

    def test_the_same_of_many_alerts_at_once_is_one_line(self, settings: Settings) -> None:
        down = [finding(f"x{n}", "device", "site_down", "critical", "") for n in range(30)]
        record(settings, live(8, *down, site_count=40))
        with open_ledger(settings) as ledger:
            incident, its, events = ledger.incident(incident_of(settings, "x1"))
        words = [line for _, line in timeline(events, its, Sites.known(settings))]
        assert [line.rpartition("more: ")[2] for line in words if "more:" in line] == ["opened as critical"]
        assert f"Incident opened: {incident.cause}" in words
        assert "Incident gained 30 alerts" in words
        assert len(words) == 3
