"""``alerts``: what goes on is shown as it is, whatever sites are called; what people do about it is done, and said."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer.main

from mist_pipeline.alerts.ledger.ledger import Ledger, Telling, Ticket
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.lifecycle.replay import ALERT_COLUMNS, replay
from mist_pipeline.alerts.notify.outcome import Accepted, Delivery, Outcome, Refused
from mist_pipeline.alerts.notify.silences import LABELS
from mist_pipeline.cli.alerts.arguments import Sites
from mist_pipeline.cli.alerts.list import app
from mist_pipeline.cli.alerts.show import timeline
from mist_pipeline.cli.alerts.tables import alert_csv
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.ledger_access import open_ledger, remember_sites, telling
from mist_pipeline_tests.cli.conftest import Call, Ended
from mist_pipeline_tests.support.alerts.histories import START, correlation, finding, live

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]

CONFIGURATION = """
organisation: {timezone: Europe/Berlin}
notifications:
  sinks:
    mail: {type: file, folder: told/mail}
    pager: {type: file, folder: told/pager}
  routes:
    - {name: night, sinks: [pager], min_severity: critical, goes_on: true, escalation: duty}
    - name: everybody
      sinks: [mail]
      min_severity: major
      match: 'family!="roaming"'
      group_wait_minutes: 5
      quiet_hours: [{begins: "22:00", until: "06:00", zone: Europe/Berlin}]
  escalations:
    duty: {steps: [{after_minutes: 15, sink: pager}, {after_minutes: 30, sink: mail}]}
  maintenance:
    - {name: works, match: 'site_group="south"', window: {begins: "02:00", lasts_hours: 3, zone: UTC}}
"""

HOSTILE = "[bold red]Bonn[/]\x1b[31m\u202e"
FORMULA = "=HYPERLINK(1)"
NAMES = {"s1": "Cologne 3", "s2": HOSTILE, "s3": FORMULA, "s4": "Aachen", "s5": "aachen"}
GROUPS = {"s4": ["south"]}

Alerts = Callable[..., Ended]


@pytest.fixture
def settings(folder: Path) -> Settings:
    """A configuration, and sites that were seen."""
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(CONFIGURATION, encoding="utf-8")
    made = load_settings(environment={})
    rows = [
        {
            "site_id": site_id,
            "name": name,
            "timezone": "UTC",
            "country_code": "DE",
            "sitegroup_ids": GROUPS.get(site_id, ["north"]),
            "attributes": "{}",
        }
        for site_id, name in NAMES.items()
    ]
    remember_sites(made, pl.DataFrame(rows))
    return made


@pytest.fixture
def alerts(call: Call) -> Alerts:
    """Calls ``mist-pipeline alerts`` as of noon of the first day, or of another hour."""

    def made(*arguments: str, hour: float = 12, **environment: str) -> Ended:
        moment = START + timedelta(hours=hour)
        return call("alerts", "--as-of", moment.isoformat(), *arguments, **environment)

    return made


def record(settings: Settings, *steps: EvaluationInput) -> Telling:
    who = telling(settings)
    with open_ledger(settings) as ledger:
        for step in steps:
            ledger.record_evaluation(step, who)
    return who


def incident_of(settings: Settings, site_id: str) -> str:
    """The incident that goes on at a site."""
    with open_ledger(settings) as ledger:
        (found,) = [
            incident.incident_id
            for incident, its in ledger.incidents(("open", "acknowledged"))
            if site_id in {alert.site_id for alert in its}
        ]
    return found


def state_of(settings: Settings, incident_id: str) -> str:
    with open_ledger(settings) as ledger:
        return ledger.incident(incident_id)[0].state


def parsed(ended: Ended) -> Any:
    assert ended.code == 0
    return json.loads(ended.out)


def refused(ended: Ended) -> str:
    """What is said about a call that was wrong, as one line."""
    assert ended.code == 2
    assert ended.out == ""
    return " ".join(ended.err.replace("│", " ").split())


MAJOR = finding("s1", summary="Coverage is 61 %.")
CRITICAL = finding(
    "s2", "connect", severity="critical", metric="successful-connect", summary="No DHCP \x1b[31m[red]."
)
QUIET = finding("s3", "throughput", severity="warning", metric="throughput", summary="=Slow.")
THREE = (live(8, MAJOR), live(11, MAJOR, CRITICAL), live(11.5, MAJOR, CRITICAL, QUIET))
"""Three incidents, of which one is held back for the group's wait and one has no route."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str, call: Call) -> None:
    ended = call("alerts", command, "--help")
    assert ended.code == 0
    assert f"Example: mist-pipeline alerts {command}" in ended.text.replace("│", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--severity", "dreadful"),
        ("list", "--state", "gone"),
        ("show",),
        ("silence",),
        ("test-route",),
    ],
    ids=" ".join,
)
def test_what_is_no_choice_or_is_missing_is_called_wrongly(
    arguments: tuple[str, ...], alerts: Alerts
) -> None:
    assert alerts(*arguments).code == 2


class TestBeforeAnythingWasEvaluated:
    def test_a_list_is_empty_says_why_and_leaves_no_ledger_behind(self, alerts: Alerts, folder: Path) -> None:
        ended = alerts("list")
        assert ended.code == 0
        assert "There is no ledger at data/ledger.db yet" in ended.text
        assert "mist-pipeline daemon" in ended.text
        assert list(folder.iterdir()) == []

    def test_programs_get_lists_that_are_empty(self, alerts: Alerts) -> None:
        assert parsed(alerts("list", "--json")) == []
        assert parsed(alerts("list", "--all", "--json")) == []
        assert parsed(alerts("silences", "--json")) == []
        assert parsed(alerts("retry", "--json")) == []
        assert alerts("list", "--all", "--format", "csv").out == ",".join(ALERT_COLUMNS) + "\n"
        assert len(alerts("list", "--format", "csv").out.splitlines()) == 1

    @pytest.mark.parametrize("command", ["show", "ack", "resolve", "unsilence"])
    def test_an_id_cannot_be_known_and_the_reason_is_told(self, command: str, alerts: Alerts) -> None:
        assert "There is no ledger at data/ledger.db yet" in refused(alerts(command, "3f2a"))

    def test_a_silence_may_come_before_the_first_trouble(self, alerts: Alerts, settings: Settings) -> None:
        made = parsed(alerts("silence", "site=Bonn", "--for", "2h", "--json"))
        assert [one["silence_id"] for one in parsed(alerts("silences", "--json"))] == [
            made["silence_id"],
            "works",
        ]
        assert "Nothing was ever evaluated." in alerts("list").text


class TestList:
    def test_the_worst_comes_first_with_where_what_and_since_when(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        ended = alerts("list")
        lines = [line for line in ended.out.splitlines() if re.match(r"[0-9a-f]{8} ", line)]
        assert [line.split()[1:3] for line in lines] == [
            ["critical", "open"],
            ["major", "open"],
            ["warning", "open"],
        ]
        assert "Cologne 3" in lines[1]
        assert "4 h" in lines[1]
        assert "Coverage is 61 %." in ended.text
        assert f"mist-pipeline alerts show {lines[0].split()[0]}" in ended.text
        assert "Last look at the sites: 2026-03-02 11:30 UTC, 30 min ago." in ended.text

    def test_why_nobody_was_told_is_told(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, live(8, MAJOR, QUIET))
        withheld = {one["severity"]: one["withheld"] for one in parsed(alerts("list", "--json"))}
        assert withheld == {"major": "not_yet: 2026-03-02T08:05:00+00:00", "warning": "no_route"}
        text = alerts("list").text
        assert "no route fits" in text
        assert "2026-03-02 08:05 UTC" in text

    def test_many_sites_are_counted(self, alerts: Alerts, settings: Settings) -> None:
        down = [finding(f"x{n}", "device", "site_down", "critical", "") for n in range(30)]
        record(settings, live(8, *down, site_count=40))
        assert "30 sites" in alerts("list").text
        (one,) = parsed(alerts("list", "--json"))
        assert len(one["sites"]) == len(one["alert_ids"]) == 30

    @pytest.mark.parametrize(
        ("arguments", "sites"),
        [
            (("--severity", "major"), ["s2", "s1"]),
            (("--severity", "critical"), ["s2"]),
            (("--site", "cologne 3"), ["s1"]),
            (("--site", "s3"), ["s3"]),
            (("--state", "open"), ["s2", "s1", "s3"]),
            (("--state", "resolved"), []),
        ],
        ids=" ".join,
    )
    def test_filters(
        self, arguments: tuple[str, ...], sites: list[str], alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        found = parsed(alerts("list", "--json", *arguments))
        assert [one["sites"][0]["site_id"] for one in found] == sites

    def test_filters_that_leave_nothing_do_not_read_like_good_news(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        assert "No incident fits; 3 others would" in alerts("list", "--site", "Aachen").text

    def test_an_unknown_site_is_refused_with_what_was_meant(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        said = refused(alerts("list", "--site", "Colonge 3"))
        assert "there is no site 'Colonge 3'; did you mean 'Cologne 3'?" in said

    def test_what_is_over_is_listed_only_when_asked_for(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        gone = incident_of(settings, "s1")
        assert alerts("resolve", gone).code == 0
        assert gone not in [one["incident_id"] for one in parsed(alerts("list", "--json"))]
        assert [one["incident_id"] for one in parsed(alerts("list", "--json", "--state", "resolved"))] == [
            gone
        ]


class TestListOfAllAlerts:
    def test_csv_is_what_a_replay_of_the_same_writes(self, alerts: Alerts, settings: Settings) -> None:
        steps = [*THREE, *(live(hour, MAJOR) for hour in range(12, 40))]
        record(settings, *steps)
        ended = alerts("list", "--all", "--format", "csv")
        assert ended.out == alert_csv(replay(steps).alerts)
        rows = list(csv.DictReader(io.StringIO(ended.out)))
        assert list(rows[0]) == list(ALERT_COLUMNS)
        assert [row["site_id"] for row in rows] == ["s1", "s2", "s3"]
        assert [bool(row["resolved_at"]) for row in rows] == [False, True, True]
        for row in rows:
            assert re.fullmatch(r"2026-03-\d\dT\d\d:\d\d:\d\dZ", row["opened_at"])

    def test_json_has_the_same_rows(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        rows = list(csv.DictReader(io.StringIO(alerts("list", "--all", "--format", "csv").out)))
        given = parsed(alerts("list", "--all", "--format", "json"))
        assert [{name: value or "" for name, value in row.items()} for row in given] == rows

    def test_a_table_shows_beginnings_of_ids(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        ended = alerts("list", "--all")
        assert incident_of(settings, "s1")[:8] in ended.out
        assert ended.out.rstrip().endswith("3 alerts")

    @pytest.mark.parametrize(
        ("arguments", "sites"),
        [
            (("--severity", "major"), {"s1", "s2"}),
            (("--site", HOSTILE), {"s2"}),
            (("--state", "acknowledged"), {"s1"}),
            (("--state", "open"), {"s2", "s3"}),
        ],
        ids=lambda one: one[0] if isinstance(one, tuple) else "",
    )
    def test_filters(
        self, arguments: tuple[str, ...], sites: set[str], alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        alerts("ack", incident_of(settings, "s1"))
        assert {row["site_id"] for row in parsed(alerts("list", "--all", "--json", *arguments))} == sites

    def test_alerts_are_never_merged(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        assert "alerts are not" in refused(alerts("list", "--all", "--state", "merged"))


class TestHostileNames:
    @pytest.mark.parametrize(
        "command",
        [("list",), ("list", "--all"), ("list", "--format", "csv"), ("list", "--json"), ("show",)],
        ids=" ".join,
    )
    def test_no_name_commands_the_terminal_or_the_markup(
        self, command: tuple[str, ...], alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        arguments = (*command, incident_of(settings, "s2")) if command == ("show",) else command
        ended = alerts(*arguments)
        assert ended.code == 0
        assert not {"\x1b", "\u202e"} & set(ended.out + ended.err)
        if "--all" not in command:
            assert "[bold red]Bonn[/]" in ended.out, "a name is printed as it is, not as markup"

    def test_json_gives_names_as_they_are(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        assert parsed(alerts("list", "--json"))[0]["sites"] == [{"site_id": "s2", "name": HOSTILE}]
        assert alerts("list", "--json").out.isascii()

    def test_no_name_is_a_formula_in_a_spreadsheet(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        rows = {
            row["severity"]: row for row in csv.DictReader(io.StringIO(alerts("list", "--format", "csv").out))
        }
        assert rows["warning"]["where"] == f"'{FORMULA}"
        assert rows["warning"]["what"] == "'=Slow."
        assert rows["major"]["where"] == "Cologne 3"

    def test_what_people_type_is_no_markup_either(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s1")
        said = alerts("ack", name, "--by", "[red]ada[/]\x1b[2J").out
        alerts("feedback", name, "useful", "--comment", "[link=x]\x1b]")
        shown = alerts("show", name).out
        assert "[red]ada[/]" in said
        assert "[link=x]" in shown
        assert "\x1b" not in said + shown


class TestShow:
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
        alerts("feedback", name, "useful", "--by", "ada", "--comment", "good catch")
        text = alerts("show", name[:6]).text
        for expected in (
            f"Incident {name} critical",
            "2026-03-02 11:00 UTC (1 h)",
            "(successful-connect): opened as critical",
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

    def test_programs_get_all_of_it(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        story = parsed(alerts("show", incident_of(settings, "s1"), "--json"))
        assert story["severity"] == "major"
        assert [alert["site_id"] for alert in story["alerts"]] == ["s1"]
        assert [event["kind"] for event in story["events"]][:4] == ["pending", "opened", "opened", "joined"]
        assert [row["reason"] for row in story["deliveries"]] == ["first"]
        assert {"escalations", "tickets", "threads", "feedback"} <= set(story)
        assert story["opened_at"] == "2026-03-02T08:00:00Z"

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


def merged(settings: Settings) -> tuple[str, str]:
    """Two incidents of single sites that turn out to have one cause; one of them, and the shared one."""
    alone = [finding(site, "connect", metric="successful-connect") for site in ("s1", "s2")]
    record(settings, live(1, alone[0]), live(4, *alone))
    first = incident_of(settings, "s1")
    record(settings, live(5, *alone, correlation(["s1", "s2"])))
    return first, incident_of(settings, "s1")


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

    def test_twice_is_fine_and_said(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s1")
        alerts("ack", name, "--by", "ada")
        ended = alerts("ack", name, "--by", "bob", hour=13)
        assert ended.code == 0
        assert "was acknowledged already, by ada at 2026-03-02 12:00 UTC; nothing changes." in ended.text

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

    @pytest.mark.parametrize("command", ["ack", "resolve"])
    def test_what_became_part_of_another_is_not_taken_by_mistake(
        self, command: str, alerts: Alerts, settings: Settings
    ) -> None:
        first, second = merged(settings)
        said = refused(alerts(command, first))
        assert f"`mist-pipeline alerts {command} {second[:8]}` does it for all of that" in said
        assert state_of(settings, second) == "open"

    def test_without_a_name_it_is_whoever_is_logged_in(
        self, alerts: Alerts, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record(settings, *THREE)
        monkeypatch.setattr("getpass.getuser", lambda: "grace")
        assert "is acknowledged by grace." in alerts("ack", incident_of(settings, "s1")).text

    def test_a_user_without_a_name_is_a_number(
        self, alerts: Alerts, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def nobody() -> str:
            raise KeyError("getpwuid(): uid not found")

        record(settings, *THREE)
        monkeypatch.setattr("getpass.getuser", nobody)
        assert "is acknowledged by uid " in alerts("ack", incident_of(settings, "s1")).text

    def test_feedback_is_about_the_alert_or_the_incident_that_was_named(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s1")
        (alert_id,) = parsed(alerts("show", name, "--json"))["alert_ids"]
        assert "Alert" in alerts("feedback", alert_id, "false_alarm", "--by", "ada").text
        assert "Incident" in alerts("feedback", name, "too_late", "--comment", "an hour").text
        noted = parsed(alerts("show", name, "--json"))["feedback"]
        assert [(one["alert_id"], one["incident_id"], one["verdict"]) for one in noted] == [
            (alert_id, None, "false_alarm"),
            (None, name, "too_late"),
        ]


class TestSilences:
    def test_a_silence_silences_what_its_list_says(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        made = parsed(alerts("silence", "site=Cologne 3", "--for", "2h", "--json"))
        assert made["incidents"] == [incident_of(settings, "s1")]
        assert (made["starts_at"], made["ends_at"]) == ("2026-03-02T12:00:00Z", "2026-03-02T14:00:00Z")
        worse = finding("s1", severity="critical")
        record(settings, live(13, worse, CRITICAL))
        reasons = {row["reason"] for row in story(alerts, settings, "s1")["deliveries"]}
        assert reasons == {"first"}, "nobody hears that it grew worse"
        record(settings, live(14.5, worse, CRITICAL))
        reasons = {row["reason"] for row in story(alerts, settings, "s1")["deliveries"]}
        assert "severity_rise" in reasons, "until the silence is over"

    def test_it_says_what_it_silences_and_how_it_is_ended(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        ended = alerts(
            "silence", 'severity=~"critical|major"', "kind=evidence", "--for", "90m", "--comment", "[x]"
        )
        silence_id = re.search(r"Silence (\w+)", ended.out)
        assert silence_id is not None
        assert "until 2026-03-02 13:30 UTC (1 h 30 min left)" in ended.text
        assert "Of what goes on now it silences:" in ended.text
        assert incident_of(settings, "s1")[:8] in ended.out
        assert incident_of(settings, "s2")[:8] in ended.out
        assert incident_of(settings, "s3")[:8] not in ended.out
        assert f"mist-pipeline alerts unsilence {silence_id[1]}" in ended.text

    def test_a_part_of_an_incident_is_told_as_one(self, alerts: Alerts, settings: Settings) -> None:
        down = [finding(f"x{n}", "device", "site_down", "critical", "") for n in range(30)]
        record(settings, live(8, *down, site_count=40))
        assert "10 of 30 alerts" in alerts("silence", 'site_id=~"x."', "--for", "1h").text

    def test_one_that_begins_later_says_what_it_would_silence(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        ended = alerts(
            "silence", "site_id=s1", "--from", "2026-03-03T01:00+01:00", "--until", "2026-03-03T02:00"
        )
        assert "from 2026-03-03 00:00 UTC, until 2026-03-03 02:00 UTC" in ended.text
        assert "it would silence:" in ended.text

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("site=Cologne 3", 'site="Cologne 3"'),
            ('site="Cologne 3"', 'site="Cologne 3"'),
            (r"site=~Cologne \d", r'site=~"Cologne \\d"'),
            ('{country="DE", site=~"Col.*"}', 'country="DE", site=~"Col.*"'),
        ],
    )
    def test_quotes_that_the_shell_has_taken_are_no_matter(
        self, typed: str, meant: str, alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        made = parsed(alerts("silence", typed, "--for", "1h", "--json"))
        assert ", ".join(made["matchers"]) == meant
        assert made["incidents"] == [incident_of(settings, "s1")]

    def test_one_that_matches_nothing_says_so(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        assert "it silences nothing." in alerts("silence", "site=nowhere", "--for", "1h").text

    def test_a_window_comes_again_in_the_organisations_zone(self, alerts: Alerts, settings: Settings) -> None:
        arguments = ("--every", "mon,tuesday", "--begins", "13:00", "--lasts", "3h", "--json")
        made = parsed(alerts("silence", "site_group=north", *arguments))
        assert made["window"]["zone"] == "Europe/Berlin"
        assert made["window"]["weekdays"] == [0, 1]
        assert made["ends_at"] is None
        assert made["is_active"], "the first day is a Monday, and noon is 13:00 in Berlin"
        assert [one["is_active"] for one in parsed(alerts("silences", "--json", hour=15))] == [False, False]
        said = alerts("silence", "site_group=north", *arguments[:-1]).text
        assert "Monday, Tuesday from 13:00 for 3 h Europe/Berlin" in said

    def test_a_window_every_day_ends_by_its_clock(self, alerts: Alerts, settings: Settings) -> None:
        arguments = ("--every", "day", "--begins", "22:00", "--ends", "6:00", "--zone", "UTC", "--for", "2w")
        made = parsed(alerts("silence", "site=x", *arguments, "--json"))
        assert (made["window"]["weekdays"], made["window"]["until"]) == ([], "06:00:00")
        assert made["ends_at"] == "2026-03-16T12:00:00Z"

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("sit=Bonn", "--for", "2h"), "'sit' is no label; did you mean 'site'?"),
            (("Bonn", "--for", "2h"), "no matcher at 'Bonn'"),
            (('site=~"("', "--for", "2h"), "is no regular expression"),
            (("site=a",), "it would never end"),
            (("site=a", "--for", "2 parsecs"), "'2 parsecs' is no length of time"),
            (("site=a", "--for", "0h"), "is no length of time"),
            (("site=a", "--for", "9" * 40 + "w"), "is no length of time"),
            (("site=a", "--until", "tomorrow"), "'tomorrow' is no instant"),
            (("site=a", "--until", "2026-03-02T11:00"), "is not after 2026-03-02 12:00 UTC"),
            (("site=a", "--from", "2026-03-01T00:00", "--for", "1h"), "would be over already"),
            (("site=a", "--for", "1h", "--until", "2026-03-03T00:00"), "not both"),
            (("site=a", "--for", "1h", "--begins", "02:00"), "--every day"),
            (("site=a", "--every", "monday"), "a window needs --begins"),
            (("site=a", "--every", "monday", "--begins", "02:00"), "one of --ends and --lasts"),
            (("site=a", "--every", "mondy", "--begins", "02:00", "--lasts", "1h"), "'mondy' is no weekday"),
            (("site=a", "--every", "day", "--begins", "25:00", "--lasts", "1h"), "'25:00' is no time of day"),
            (
                ("site=a", "--every", "day", "--begins", "02:00", "--lasts", "1h", "--zone", "Europe/Berln"),
                "did you mean 'Europe/Berlin'?",
            ),
            (("site=a", "--every", "day", "--begins", "02:00", "--lasts", "8d"), "--lasts"),
        ],
        ids=lambda one: " ".join(one)[:50] if isinstance(one, tuple) else "",
    )
    def test_what_is_no_silence_is_refused_and_leaves_none(
        self, arguments: tuple[str, ...], expected: str, alerts: Alerts, settings: Settings
    ) -> None:
        assert expected in refused(alerts("silence", *arguments))
        assert [one["source"] for one in parsed(alerts("silences", "--json"))] == ["configuration"]

    def test_ending_one_tells_what_it_held_back(self, alerts: Alerts, settings: Settings) -> None:
        made = parsed(alerts("silence", "site_id=s2", "--for", "1d", "--json", hour=10))
        record(settings, *THREE)
        name = incident_of(settings, "s2")
        assert story(alerts, settings, "s2")["withheld"] == f"silenced_by: {made['silence_id']}"
        ended = alerts("unsilence", made["silence_id"][:6])
        assert ended.code == 0
        assert "It held back 1 incident that still goes on:" in ended.text
        assert name[:8] in ended.out
        assert "pager (first)" in ended.text
        again = alerts("unsilence", made["silence_id"], hour=13)
        assert again.code == 0
        assert "was over already, at 2026-03-02 12:00 UTC" in again.text
        assert made["silence_id"] not in alerts("silences", hour=13).out
        assert made["silence_id"] in alerts("silences", "--all", hour=13).out

    def test_one_that_has_not_begun_held_nothing_back(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        made = parsed(alerts("silence", "site_id=s2", "--from", "2026-04-01", "--for", "1d", "--json"))
        assert "it held nothing back" in alerts("unsilence", made["silence_id"]).text

    def test_an_unknown_or_planned_one_cannot_be_ended_here(self, alerts: Alerts, settings: Settings) -> None:
        made = parsed(alerts("silence", "site=x", "--for", "1d", "--json"))
        wrong = made["silence_id"][:-1] + "z"
        assert f"did you mean {made['silence_id']}?" in refused(alerts("unsilence", wrong))
        assert "notifications.maintenance" in refused(alerts("unsilence", "works"))


def story(alerts: Alerts, settings: Settings, site_id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parsed(alerts("show", incident_of(settings, site_id), "--json"))
    return found


class TestRoute:
    def test_every_route_says_whether_and_why(self, alerts: Alerts, settings: Settings) -> None:
        ended = alerts("test-route", "--severity", "major", "--metric", "coverage")
        assert ended.code == 0
        assert "severity major is milder than critical" in ended.text
        assert 'family!="roaming"' in ended.text
        assert "everybody waits 5 min for what may follow; told at 2026-03-02 12:05 UTC." in ended.text
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
        assert "Nobody would be told." in ended.text
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
            (("--site", "Aachen"), "2 sites are called 'Aachen'; give the id, one of s4, s5"),
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


def route(alerts: Alerts, *arguments: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parsed(alerts("test-route", "--severity", "critical", "--json", *arguments))
    return found


def refused_late(ended: Ended) -> str:
    """What is said where something was printed before it was clear that it cannot be."""
    assert ended.code == 2
    return " ".join(ended.err.split())


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

    def test_what_cannot_be_tried_again_is_refused_and_says_why(
        self, dead: int, alerts: Alerts, settings: Settings
    ) -> None:
        said = refused(alerts("retry", "4711"))
        assert f"there is no message 4711; given up were {dead}" in said
        alerts("retry", str(dead))
        assert f"message {dead} is pending, not given up" in refused(alerts("retry", str(dead)))

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


class TestTheLedgerCannotBeUsed:
    @pytest.mark.parametrize(
        "command", [("list",), ("list", "--all"), ("show", "3f"), ("silence", "site=a", "--for", "1h")]
    )
    def test_a_file_that_is_no_database_is_a_failure_without_a_traceback(
        self, command: tuple[str, ...], alerts: Alerts, folder: Path
    ) -> None:
        (folder / "notes.txt").write_text(
            "not a database, but long enough to be looked at" * 30, encoding="utf-8"
        )
        ended = alerts(*command, MIST_PIPELINE__ALERTS__LEDGER="notes.txt")
        assert ended.code == 1
        assert "Failed: the ledger does not answer" in ended.text

    def test_a_later_version_is_named(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        with open_ledger(settings) as ledger, ledger.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        ended = alerts("list")
        assert ended.code == 1
        assert "version 9999, which this program does not know. Update mist-pipeline." in ended.text

    def test_a_server_that_does_not_answer_is_told_without_the_password(self, alerts: Alerts) -> None:
        ended = alerts("list", MIST_PIPELINE__ALERTS__LEDGER="postgresql://ada:hush-hush@127.0.0.1:9/x")
        assert ended.code == 1
        assert "Failed:" in ended.err
        assert "hush-hush" not in ended.text


def test_without_an_instant_it_is_now(call: Call, settings: Settings) -> None:
    before = datetime.now(UTC)
    made = json.loads(call("alerts", "silence", "site=x", "--for", "2h", "--json").out)
    assert datetime.fromisoformat(made["starts_at"]) >= before.replace(microsecond=0)
    with Ledger(settings.ledger) as ledger:
        assert [one.silence_id for one in ledger.silences()] == [made["silence_id"]]


def test_a_wrong_configuration_is_told_before_anything_is_done(alerts: Alerts, settings: Settings) -> None:
    ended = alerts("silence", "site=x", "--for", "2h", MIST_PIPELINE__ALERTS__LEGDER="x")
    assert ended.code == 2
    assert ended.err.startswith("Configuration:")
    assert not settings.data.joinpath("ledger.db").exists()
