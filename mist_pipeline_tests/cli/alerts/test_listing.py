"""``alerts list``: incidents and alerts, for people and for programs; names cannot do harm."""

import csv
import io
import re

import pytest

from mist_pipeline.alerts.lifecycle.replay import ALERT_COLUMNS, replay
from mist_pipeline.cli.alerts.tables import alert_csv
from mist_pipeline.settings import Settings
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.cli.alert_calls import (
    FORMULA,
    HOSTILE,
    MAJOR,
    QUIET,
    THREE,
    Alerts,
    incident_of,
    parsed,
    record,
    refused,
)


class TestList:
    def test_the_worst_comes_first_with_where_what_and_since_when(
        self, alerts: Alerts, settings: Settings
    ) -> None:
        record(settings, *THREE)
        ended = alerts("list")
        lines = [line for line in ended.out.splitlines() if re.match(r"[0-9a-f]{8} ", line)]
        assert [line.split()[1:3] for line in lines] == [
            ["critical", "going"],
            ["major", "going"],
            ["warning", "going"],
        ]
        assert "Cologne 3" in lines[1]
        assert "4 h" in lines[1]
        assert "Coverage is 61 %." in ended.text
        assert f"mist-pipeline alerts show {lines[0].split()[0]}" in ended.text
        assert "Last poll of the sites: 2026-03-02 11:30 UTC, 30 min ago." in ended.text

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

    @pytest.mark.slow
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

    @pytest.mark.slow
    def test_an_unknown_site_is_refused_with_what_was_meant(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        said = refused(alerts("list", "--site", "Colonge 3"))
        assert "there is no site 'Colonge 3'; did you mean 'Cologne 3'?" in said

    @pytest.mark.slow
    def test_what_is_over_is_listed_only_when_asked_for(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        gone = incident_of(settings, "s1")
        assert alerts("resolve", gone).code == 0
        assert gone not in [one["incident_id"] for one in parsed(alerts("list", "--json"))]
        assert [one["incident_id"] for one in parsed(alerts("list", "--json", "--state", "resolved"))] == [
            gone
        ]


class TestListOfAllAlerts:
    @pytest.mark.slow
    def test_csv_is_what_a_replay_of_the_same_writes(self, alerts: Alerts, settings: Settings) -> None:
        steps = [*THREE, *(live(hour, MAJOR) for hour in range(12, 40))]
        record(settings, *steps)
        ended = alerts("list", "--all", "--csv")
        assert ended.out == alert_csv(replay(steps).alerts)
        rows = list(csv.DictReader(io.StringIO(ended.out)))
        assert list(rows[0]) == list(ALERT_COLUMNS)
        assert [row["site_id"] for row in rows] == ["s1", "s2", "s3"]
        assert [bool(row["resolved_at"]) for row in rows] == [False, True, True]
        for row in rows:
            assert re.fullmatch(r"2026-03-\d\dT\d\d:\d\d:\d\dZ", row["opened_at"])

    def test_json_has_the_same_rows(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        rows = list(csv.DictReader(io.StringIO(alerts("list", "--all", "--csv").out)))
        given = parsed(alerts("list", "--all", "--json"))
        as_text = {None: "", True: "true", False: "false"}
        assert [{name: as_text.get(value, value) for name, value in row.items()} for row in given] == rows

    def test_a_table_shows_beginnings_of_ids(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        ended = alerts("list", "--all")
        assert incident_of(settings, "s1")[:8] in ended.out
        assert ended.out.rstrip().endswith("3 alerts")

    @pytest.mark.slow
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
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "command",
        [("list",), ("list", "--all"), ("list", "--csv"), ("list", "--json"), ("show",)],
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
        assert parsed(alerts("list", "--json"))[0]["sites"] == [
            {"site_id": "s2", "name": HOSTILE, "label": "[bold red]Bonn[/] [31m"}
        ]
        assert alerts("list", "--json").out.isascii()

    def test_no_name_is_a_formula_in_a_spreadsheet(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        rows = {row["severity"]: row for row in csv.DictReader(io.StringIO(alerts("list", "--csv").out))}
        assert rows["warning"]["where"] == f"'{FORMULA}"
        assert rows["warning"]["what"] == "'=Slow."
        assert rows["major"]["where"] == "Cologne 3"

    @pytest.mark.slow
    def test_what_people_type_is_no_markup_either(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        name = incident_of(settings, "s1")
        said = alerts("ack", name, "--by", "[red]ada[/]\x1b[2J").out
        alerts("feedback", name, "right", "--comment", "[link=x]\x1b]")
        shown = alerts("show", name).out
        assert "[red]ada[/]" in said
        assert "[link=x]" in shown
        assert "\x1b" not in said + shown
