"""Incidents on the morning page: each is told once, with since when, who has it and what next."""

import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.report import Links, ReportData, ReportSettings, build_dashboard
from mist_pipeline_tests.support.report.mornings import HOUR, NINE, incident, morning, over, past
from mist_pipeline_tests.support.report.pages import Rendered, rendered
from mist_pipeline_tests.support.report.worlds import HOSTILE_NAMES, make_report, site_id

pytestmark = pytest.mark.slow

BERLIN = ZoneInfo("Europe/Berlin")
SHARED = incident(
    "5hared",
    *(site_id(number) for number in range(5)),
    what="DHCP of group North",
    fingerprint="c0ffee",
    acknowledged_by="ada",
    impact="42 of 180 users hit",
    tickets=(("NET-12", "https://tickets.example.net/NET-12"), ("NET-13", None)),
    notified=(("mail", NINE + HOUR),),
)


@pytest.fixture(scope="module")
def world() -> ReportData:
    return replace(make_report(3, 2, analysed=False), zone=BERLIN)


@pytest.fixture(scope="module")
def told() -> Rendered:
    """24 sites; one shared incident of the common cause, one of a site, one that was over before it was noticed."""
    data = make_report()
    alone = incident("a10ne", site_id(7), severity="major", what="Capacity 73.1 %: major (below 80 %).")
    steps = {"5hared": ["Ask the DHCP server for its log.", "Look at its scope."]}
    ledger = morning(SHARED, alone, past("pa57", site_id(1)))
    links = replace(data.links, console_url="https://console.example.net")
    return rendered(replace(data, ledger=ledger, next_steps=steps, zone=BERLIN, links=links))


def test_a_card_says_since_when_who_has_it_and_what_next(told: Rendered) -> None:
    words = told.page.words
    for said in (
        "going on since 2026-11-22 10:00 CET, 20 h 31 min, new",
        "ada has it",
        "nobody has it",
        "42 of 180 users hit",
        "notified: mail",
        "ticket NET-12",
        "Ask the DHCP server for its log.",
    ):
        assert said in words
        assert said in " ".join(told.text.split())
    links = {a["href"] for a in told.page.all("a")}
    assert {"https://tickets.example.net/NET-12", "https://console.example.net/incident/5hared"} <= links


def test_nothing_is_said_twice(told: Rendered) -> None:
    assert told.page.words.count("DHCP of group North") == 1
    assert told.page.words.count("Capacity 73.1 %: major") == 1
    # The common cause is the incident: its sites are in no list of their own, and its card is not repeated.
    assert "Told above as an open incident: 5 sites ." in told.page.words
    listed = {item["site_id"] for item in told.dashboard["attention"] if item["incident_id"] is None}
    assert not listed & {site_id(number) for number in (0, 1, 2, 3, 4, 7)}
    assert "In trouble, and in no open incident" in told.page.words
    assert told.page.errors == []


def test_a_cause_of_one_site_is_on_no_page(world: ReportData) -> None:
    data = make_report()
    assert data.incidents is not None
    alone = data.incidents.with_columns(scope=data.incidents["scope"].str.replace("infrastructure", "site"))
    found = rendered(replace(data, incidents=alone))
    assert "of group North" not in found.page.words
    assert "of group North" not in found.text
    assert "of group North" in json.dumps(found.dashboard["incidents"])


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        (None, "What is open is not known: the ledger of incidents was not asked."),
        (morning(trouble="the ledger does not answer"), "The ledger could not be read: the ledger does not answer"),
        (morning(evaluated_at=None), "Nothing was evaluated yet: no incident is known."),
        (morning(), "No incident is open."),
    ],
)  # fmt: skip
def test_a_ledger_without_an_answer_is_never_nothing_open(
    world: ReportData, ledger: object, said: str
) -> None:
    found = rendered(replace(world, ledger=ledger))
    assert said in found.page.words
    assert ("No incident is open" in found.page.words) is (said == "No incident is open.")
    assert (found.dashboard["past_incidents"] is None) is (ledger is None or "could not" in said)


def test_what_began_and_ended_is_told_with_its_kind(world: ReportData) -> None:
    open_one = incident("0pen", site_id(0))
    old = over("01d", site_id(1), began_at=NINE - 48 * HOUR, opened_at=NINE - 47 * HOUR)
    found = rendered(replace(world, ledger=morning(open_one, over("0ver", site_id(1)), old, past("pa57"))))
    ledger = found.dashboard["ledger"]
    assert ledger is not None
    kinds = {change["incident_id"]: change["kind"] for change in ledger["changes"] or []}
    assert kinds == {"0pen": "began", "0ver": "began and ended", "01d": "ended", "pa57": "past"}
    assert found.page.words.count("open, see above") == 1


def test_past_incidents_come_worst_first_and_many_sites_are_counted() -> None:
    data = replace(make_report(6, 2, analysed=False), zone=BERLIN)
    shared = past(
        "b", *(site_id(n) for n in range(5)), what="DHCP", severity="critical", last_bad_at=NINE + 20 * HOUR
    )
    document = build_dashboard(replace(data, ledger=morning(past("a", site_id(5)), shared)))
    first, second = document["past_incidents"] or []
    assert (first["incident_id"], first["severity"], first["num_sites"]) == ("b", "critical", 5)
    assert (first["what"], first["lasted"]) == ("DHCP", "20 h")
    assert first["where"].endswith(" and 2 more sites")
    assert first["when"] == "2026-11-22 10:00 – 2026-11-23 06:00 CET"
    assert second["incident_id"] == "a"


def test_the_whole_organisation_and_a_site_that_is_no_more_have_names(world: ReportData) -> None:
    ledger = morning(incident("a", where="The pipeline"), incident("b", "5e6f7a8b-02"))
    opened = build_dashboard(replace(world, ledger=ledger))["ledger"]
    assert opened is not None
    assert [(one["where"], one["num_sites"]) for one in opened["open"] or []] == [
        ("The pipeline", 0),
        ("site 5e6f7a8b", 1),
    ]


def test_a_list_that_is_cut_says_how_many_it_leaves_out(world: ReportData) -> None:
    many = [incident(f"i{number:02d}", site_id(0)) for number in range(12)]
    short = replace(world, settings=ReportSettings(max_attention=2, max_rows=3), ledger=morning(*many))
    found = rendered(short)
    assert "7 more incidents not shown here" in found.page.words
    assert "… and 10 more incidents" in found.text
    assert "9 more changes not shown here" in found.page.words
    assert len((found.dashboard["ledger"] or {}).get("open") or []) == 12


def test_without_a_console_a_card_names_the_command(world: ReportData) -> None:
    found = rendered(replace(world, links=Links(), ledger=morning(incident("a1b2c3d4e5", site_id(0)))))
    assert "mist-pipeline alerts show a1b2c3d4" in found.page.words
    assert "Open in the console" not in found.page.words


@pytest.mark.parametrize("number", range(len(HOSTILE_NAMES)))
def test_a_hostile_name_is_text(number: int) -> None:
    data = make_report(len(HOSTILE_NAMES), 2, names=HOSTILE_NAMES, analysed=False)
    name = HOSTILE_NAMES[number]
    bad = incident(
        "0pen", site_id(number), what=f"{name} is bad", acknowledged_by=name, tickets=((name, None),)
    )
    steps = {"0pen": [name]}
    found = rendered(
        replace(data, ledger=morning(bad, past("pa57", site_id(number), what=name)), next_steps=steps)
    )
    assert found.page.errors == []
    assert found.page.all("script", "img") == []
    assert not any(key.startswith("on") for _, attributes in found.page.elements for key in attributes)
    assert not {"\x1b", "\u202e"} & set(found.text)
    assert max(map(len, found.text.splitlines())) <= 72
