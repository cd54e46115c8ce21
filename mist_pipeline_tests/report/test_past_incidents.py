"""What was over before it was noticed is told once: where, what, from when to when, how long, how bad."""

import json
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.report import ReportData, ReportSettings, build_dashboard
from mist_pipeline_tests.support.report.pages import Rendered, rendered
from mist_pipeline_tests.support.report.past import NINE, past_alerts
from mist_pipeline_tests.support.report.worlds import HOSTILE_NAMES, make_report, site_id

HEADING = "Over before it was noticed"
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def world() -> ReportData:
    return replace(make_report(3, 2, analysed=False), zone=BERLIN)


def with_past(data: ReportData, *rows: dict[str, object]) -> Rendered:
    return rendered(replace(data, past_incidents=past_alerts(*rows)))


@pytest.mark.parametrize("is_known", [False, True])
def test_nothing_is_said_where_there_is_none(world: ReportData, *, is_known: bool) -> None:
    told = with_past(world) if is_known else rendered(world)
    assert told.dashboard["past_incidents"] == ([] if is_known else None)
    assert HEADING not in told.page.words
    assert HEADING.upper() not in told.text
    assert 'href="#past"' not in told.html


def test_one_is_told_with_its_times_in_the_organisations_zone(world: ReportData) -> None:
    told = with_past(world, {"site_id": site_id(0)})
    past = (told.dashboard["past_incidents"] or [])[0]
    assert (past["began_at"], past["last_bad_at"]) == ("2026-11-21T09:00:00Z", "2026-11-21T13:00:00Z")
    said = ("Leeds Briggate", "Coverage lost 40 user-hours", "2026-11-21 10:00–14:00 CET", "4 h", "major")
    assert " ".join(said) in told.page.words
    assert all(part in told.text for part in said)
    assert told.page.errors == []


def test_several_come_worst_first_and_many_sites_are_counted(world: ReportData) -> None:
    data = replace(make_report(6, 2, analysed=False), zone=BERLIN)
    shared = [
        {"incident_id": "b", "cause": "DHCP of group North", "site_id": site_id(number), "severity": severity}
        for number, severity in enumerate(("warning", "critical", "major", "warning", "warning"))
    ]
    shared[0]["last_bad_at"] = NINE + 20 * HOUR
    told = with_past(data, {"incident_id": "a", "site_id": site_id(5)}, *shared)
    first, second = told.dashboard["past_incidents"] or []
    assert (first["incident_id"], first["severity"], first["num_sites"]) == ("b", "critical", 5)
    assert (first["what"], first["lasted"]) == ("DHCP of group North", "20 h")
    assert first["where"].endswith(" and 2 more sites")
    assert first["when"] == "2026-11-21 10:00 – 2026-11-22 06:00 CET"
    assert second["incident_id"] == "a"
    assert told.text.index("DHCP of group North") < told.text.index("Coverage lost 40 user-hours")


def test_the_order_of_rows_does_not_matter(world: ReportData) -> None:
    rows = past_alerts(*({"site_id": site_id(n), "incident_id": f"i{n % 2}"} for n in range(3)))
    once = build_dashboard(replace(world, past_incidents=rows))
    assert build_dashboard(replace(world, past_incidents=rows.reverse())) == once


def test_the_whole_organisation_and_a_site_that_is_no_more_have_names(world: ReportData) -> None:
    told = with_past(world, {"incident_id": "a"}, {"incident_id": "b", "site_id": "5e6f7a8b-02"})
    assert [past["where"] for past in told.dashboard["past_incidents"] or []] == [
        "The whole organisation",
        "site 5e6f7a8b",
    ]
    assert [past["num_sites"] for past in told.dashboard["past_incidents"] or []] == [0, 1]


def test_a_list_that_is_cut_says_how_many_it_leaves_out(world: ReportData) -> None:
    short = replace(world, settings=ReportSettings(max_rows=2))
    told = with_past(short, *({"incident_id": f"i{n}", "site_id": site_id(0)} for n in range(5)))
    assert "3 more past incidents not shown here" in told.page.words
    assert "… and 3 more incidents" in told.text
    assert len(told.dashboard["past_incidents"] or []) == 5


@pytest.mark.parametrize("number", range(len(HOSTILE_NAMES)))
def test_a_hostile_name_is_text(number: int) -> None:
    data = make_report(len(HOSTILE_NAMES), 2, names=HOSTILE_NAMES, analysed=False)
    bad = {"site_id": site_id(number), "summary": f"{HOSTILE_NAMES[number]} is bad", "cause": ""}
    told = with_past(data, bad)
    assert told.page.errors == []
    assert told.page.all("script", "img") == []
    assert not any(name.startswith("on") for _, attributes in told.page.elements for name in attributes)
    past = (told.dashboard["past_incidents"] or [])[0]
    assert past["what"] in told.text
    assert not {"\n", "\x1b", "\u202e"} & set(past["what"] + past["where"])
    assert json.loads(json.dumps(past)) == past
