"""``alerts silence``, ``unsilence`` and ``silences``."""

import io
import re

import pytest

from mist_pipeline.cli.alerts import choosing
from mist_pipeline.settings import Settings
from mist_pipeline_tests.support.alerts.histories import finding, live
from mist_pipeline_tests.support.cli.alert_calls import (
    CRITICAL,
    THREE,
    Alerts,
    incident_of,
    parsed,
    record,
    refused,
    story,
)


class TestSilences:
    @pytest.mark.slow
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

    @pytest.mark.slow
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

    @pytest.mark.slow
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

    def test_one_that_nothing_falls_under_now_says_so(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        assert "it silences nothing." in alerts("silence", "site_id=s4", "--for", "1h").text

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ('site="Colonge 3"', "no site is 'Colonge 3'; did you mean 'Cologne 3'?"),
            ("site=nowhere", "no site is 'nowhere'; there is"),
            ("site_id=s99", "no site id is 's99'; there is s1, s2, s3 and 2 more"),
            ("site_group=sooth", "no site group is 'sooth'; did you mean 'south' or 'north'?"),
            ("site_group!=sooth", "no site group is 'sooth'; did you mean 'south' or 'north'?"),
            ("severity=critcal", "no severity is 'critcal'; did you mean 'critical'?"),
            ('severity="critical",severity="major"', "no alert fulfils both"),
            ("classifier=weak-signl", "no classifier is 'weak-signl'; did you mean 'weak-signal'?"),
            ("metric=coverge", "no metric is 'coverge'; did you mean 'coverage'?"),
            ('site=~"Bo.*x"', "no site matches 'Bo.*x'; there is"),
            ('site="Cologne 3",site_group=south', "no site fulfils all of"),
            ("site=", "names no site"),
            ('site=""', "names no site"),
            ('site_id=~" "', "names no site"),
            ("site=Aachen", "2 sites are called 'Aachen': Aachen · s4 (s4), aachen · s5 (s5)."),
        ],
    )
    def test_what_matches_nothing_or_several_sites_of_one_name_is_refused(
        self, typed: str, expected: str, alerts: Alerts, settings: Settings
    ) -> None:
        assert expected in refused(alerts("silence", typed, "--for", "1h"))
        assert parsed(alerts("silences", "--json"))[0]["source"] == "configuration"

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("site=aachen · s5", 'site_id="s5"'),
            ("site=COLOGNE  3", 'site_id="s1"'),
            ('site_id=~"s4|s5"', 'site_id=~"s4|s5"'),
            ('site!~".+"', 'site!~".+"'),
            ("classifier=weak-signal", 'classifier="weak-signal"'),
        ],
    )
    def test_a_site_may_be_called_as_it_is_shown(
        self, typed: str, meant: str, alerts: Alerts, settings: Settings
    ) -> None:
        assert parsed(alerts("silence", typed, "--for", "1h", "--json"))["matchers"] == [meant]

    @pytest.mark.parametrize(
        ("answers", "meant"),
        [("2\n", 'site_id="s5"'), ("a\n", 'site_id=~"s4|s5"'), ("9\nnone\n1\n", 'site_id="s4"')],
    )
    def test_at_a_terminal_it_asks_which_site_is_meant(
        self, answers: str, meant: str, alerts: Alerts, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(choosing, "is_terminal", lambda: True)
        monkeypatch.setattr("sys.stdin", io.StringIO(answers))
        ended = alerts("silence", "site=Aachen", "--for", "1h")
        assert "2 sites are called Aachen" in ended.text
        assert meant in ended.text

    def test_who_answers_nothing_silences_nothing(
        self, alerts: Alerts, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(choosing, "is_terminal", lambda: True)
        monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
        assert alerts("silence", "site=Aachen", "--for", "1h").code == 1
        assert len(parsed(alerts("silences", "--json"))) == 1

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

    @pytest.mark.slow
    def test_a_window_every_day_ends_by_its_clock(self, alerts: Alerts, settings: Settings) -> None:
        arguments = ("--every", "day", "--begins", "22:00", "--ends", "6:00", "--zone", "UTC", "--for", "2w")
        made = parsed(alerts("silence", "site_id=s1", *arguments, "--json"))
        assert (made["window"]["weekdays"], made["window"]["until"]) == ([], "06:00:00")
        assert made["ends_at"] == "2026-03-16T12:00:00Z"

    @pytest.mark.slow
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

    @pytest.mark.slow
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

    @pytest.mark.slow
    def test_one_that_has_not_begun_held_nothing_back(self, alerts: Alerts, settings: Settings) -> None:
        record(settings, *THREE)
        made = parsed(alerts("silence", "site_id=s2", "--from", "2026-04-01", "--for", "1d", "--json"))
        assert "it held nothing back" in alerts("unsilence", made["silence_id"]).text

    def test_an_unknown_or_planned_one_cannot_be_ended_here(self, alerts: Alerts, settings: Settings) -> None:
        made = parsed(alerts("silence", "site_id=s1", "--for", "1d", "--json"))
        wrong = made["silence_id"][:-1] + "z"
        assert f"did you mean {made['silence_id']}?" in refused(alerts("unsilence", wrong))
        assert "notifications.maintenance" in refused(alerts("unsilence", "works"))
