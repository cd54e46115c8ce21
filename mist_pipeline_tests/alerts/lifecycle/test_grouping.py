"""Alerts become incidents by cause."""

import json
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from mist_pipeline.alerts.lifecycle.grouping import acknowledge_incident, open_severity
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput, observe
from mist_pipeline.alerts.lifecycle.policy import Policy
from mist_pipeline.alerts.lifecycle.replay import replay
from mist_pipeline_tests.support.alerts.histories import (
    HOUR,
    START,
    correlation,
    finding,
    kinds,
    live,
    only_incident,
    run,
)

SITES = [f"s{number:03}" for number in range(300)]


def down(site_id: str) -> dict[str, str]:
    return finding(site_id, "device", "site_down", "critical", "", summary="The site is down.")


def connect(site_id: str, severity: str = "major") -> dict[str, str]:
    return finding(site_id, "connect", severity=severity, metric="successful-connect")


def test_three_hundred_sites_that_lose_their_wan_at_once_are_one_incident() -> None:
    state, events = run([live(0, *map(down, SITES), site_count=300)])
    incident = only_incident(state)
    assert incident.scope == "infrastructure"
    assert len(incident.alert_ids) == 300
    assert incident.cause == "Devices lost at 300 sites at once"
    assert kinds(events, "incident") == ["opened", "joined"]


def test_a_storm_that_builds_up_takes_its_first_and_last_sites_along() -> None:
    steps = [
        live(0, *map(down, SITES[:4]), site_count=300),
        live(0.25, *map(down, SITES[:250]), site_count=300),
        live(0.5, *map(down, SITES), site_count=300),
    ]
    state, events = run(steps)
    assert len(only_incident(state).alert_ids) == 300
    assert kinds(events, "incident").count("merged") == 4


@pytest.mark.parametrize(("sites", "at"), [(0, 10), (5, 3), (30, 3), (300, 5), (3000, 13)])
def test_how_many_are_a_storm_depends_on_how_many_there_are(sites: int, at: int) -> None:
    """Poisson tails below one in ten thousand, with a tenth of an alert per site and week."""
    assert Policy().storm_at(sites) == at


@pytest.mark.parametrize(("sites", "at"), [(0, 10), (5, 3), (30, 3), (60, 4), (300, 6), (3000, 17)])
def test_how_many_that_blame_the_same_are_a_storm(sites: int, at: int) -> None:
    """The same tails for a quarter of the alerts and twelve hours."""
    assert Policy().complaints_at(sites) == at


def blames(site_id: str, classifier: str, family: str = "ap") -> dict[str, str]:
    return finding(site_id, family, evidence=json.dumps({"classifier": classifier}))


def test_sites_that_blame_the_same_hours_apart_are_one_incident() -> None:
    sites = [blames(site, "network-latency") for site in SITES[:4]]
    steps = [live(0, sites[0]), live(4, *sites[:2]), live(9, *sites[:3]), live(14, *sites)]
    state, events = run([replace(step, site_count=30) for step in steps])
    assert len(only_incident(state).alert_ids) == 4
    assert only_incident(state).cause == "Network latency at 3 sites at once"
    assert kinds(events, "incident").count("merged") == 2


@pytest.mark.parametrize(
    "steps",
    [
        [
            live(0, blames("s1", "a")),
            live(5, blames("s1", "a"), blames("s2", "b")),
            live(9, blames("s3", "c")),
        ],
        [live(0, blames("s1", "a")), live(8, blames("s2", "a")), live(16, blames("s3", "a"))],
        [live(0, blames("s1", "")), live(4, blames("s2", "")), live(8, blames("s3", ""))],
    ],
    ids=["other classifiers", "too far apart", "nobody blamed"],
)
def test_sites_that_have_nothing_but_their_family_in_common_stay_apart(steps: list[EvaluationInput]) -> None:
    state, _ = run([replace(step, site_count=30) for step in steps])
    assert len(state.incidents) == 3


def test_sites_that_blame_different_things_in_the_same_hours_are_different_incidents() -> None:
    rows = [blames(site, name) for name, sites in (("a", SITES[:3]), ("b", SITES[3:6])) for site in sites]
    steps = [
        live(0, rows[0]),
        live(3, *rows[:2]),
        live(6, *rows[:2], rows[3]),
        live(9, *rows[:2], *rows[3:5]),
    ]
    steps.append(live(11.5, *rows))
    state, _ = run([replace(step, site_count=60) for step in steps], Policy(storm_chance=5e-3))
    told = [one for one in state.incidents.values() if one.state != "merged"]
    assert sorted(one.cause for one in told) == ["A at 3 sites at once", "B at 3 sites at once"]
    assert [len(one.alert_ids) for one in told] == [3, 3]


def test_a_fault_that_shows_in_two_families_at_the_same_moment_is_one_incident() -> None:
    both = [row for site in SITES[:4] for row in (blames(site, "network-latency"), finding(site, "radio"))]
    state, _ = run([live(0, *both, connect("elsewhere"), site_count=30)])
    shared, own = sorted(state.incidents.values(), key=lambda one: one.scope)
    assert (len(shared.alert_ids), len(own.alert_ids)) == (8, 1)


def test_what_begins_at_a_site_with_a_shared_fault_belongs_to_it_for_half_a_day() -> None:
    first, second, third = (blames(site, "network-latency") for site in SITES[:3])
    radio, later = finding("s000", "radio"), finding("s001", "connect", metric="successful-connect")
    unrelated = finding("s001", "roaming", metric="roaming")
    steps = [
        live(-4, radio),
        live(0, first, radio),
        live(3, first, radio, second),
        live(6, first, radio, second, third),
        live(14, first, radio, second, third, later),
        live(20, first, radio, second, third, later, unrelated),
    ]
    state, _ = run([replace(step, site_count=30) for step in steps])
    shared, own = sorted(
        (one for one in state.incidents.values() if one.is_active), key=lambda one: one.scope
    )
    assert {state.alerts[name].family for name in shared.alert_ids} == {"ap", "radio", "connect"}
    assert [state.alerts[name].family for name in own.alert_ids] == ["roaming"]


@pytest.mark.slow
def test_a_storm_that_gets_its_name_after_days_stays_the_incident_that_people_know() -> None:
    steps = [live(hour, *map(connect, SITES[:4])) for hour in range(72)]
    steps.append(live(72, *map(connect, SITES[:4]), correlation(SITES[:4], summary="DHCP of north.")))
    state, events = run([replace(step, site_count=30) for step in steps])
    assert only_incident(state).cause == "DHCP of north."
    assert kinds(events, "incident").count("opened") == 1


def test_a_storm_is_named_by_what_most_of_its_sites_blame() -> None:
    rows = [finding(site, "connect", evidence='{"classifier": "dhcp"}') for site in SITES[:4]]
    state, _ = run([live(0, *rows, site_count=30)])
    assert only_incident(state).cause == "Dhcp at 4 sites at once"


def test_a_storm_of_a_family_leaves_the_trouble_of_others_alone() -> None:
    state, _ = run([live(0, *map(down, SITES[:40]), connect("elsewhere"))])
    assert sorted(len(one.alert_ids) for one in state.incidents.values()) == [1, 40]


def test_a_few_sites_in_a_large_organisation_are_no_storm() -> None:
    state, _ = run([live(0, *map(down, SITES[:12]), site_count=3000)])
    assert len(state.incidents) == 12


def test_more_new_incidents_than_the_cap_are_one() -> None:
    rows = [connect(site) if number % 2 else down(site) for number, site in enumerate(SITES[:120])]
    state, _ = run([live(0, *rows)], Policy(storm_sites=1000, max_new_incidents=50))
    assert only_incident(state).cause == "Trouble at 120 sites at once"


def test_a_shared_cause_is_one_incident_named_by_it() -> None:
    state, _ = run([live(0, *map(connect, SITES[:6]), correlation(SITES[:6]))])
    incident = only_incident(state)
    assert (incident.cause, incident.attribute, incident.value) == ("DHCP of north.", "site_group", "north")
    assert incident.fingerprint == "cause-site_group-north-connect"


def test_sites_told_before_their_cause_was_known_move_into_it() -> None:
    steps = [
        live(0, connect("s000")),
        live(1, *map(connect, SITES[:2])),
        live(2, *map(connect, SITES[:5]), correlation(SITES[:5])),
    ]
    state, events = run(steps)
    assert len(only_incident(state).alert_ids) == 5
    merged = [event for event in events if event.kind == "merged"]
    assert {event.detail["into"] for event in merged} == {only_incident(state).incident_id}
    assert len(merged) == 2
    assert set(replay(steps).alerts["incident_id"]) == {only_incident(state).incident_id}


@pytest.mark.slow
@pytest.mark.parametrize(("days", "is_of_it"), [(6, True), (8, False)])
def test_trouble_of_long_ago_is_not_of_a_cause_that_others_share_now(days: int, is_of_it: bool) -> None:
    steps = [live(hour, connect("s000")) for hour in range(24 * days)]
    steps.append(live(24 * days, *map(connect, SITES[:5]), correlation(SITES[:5])))
    state, _ = run(steps)
    shared = next(one for one in state.incidents.values() if one.scope == "infrastructure")
    assert len(shared.alert_ids) == 4 + is_of_it


def test_a_storm_whose_cause_is_found_later_is_named_by_it() -> None:
    steps = [
        live(0, *map(connect, SITES[:30])),
        live(1, *map(connect, SITES[:30]), correlation(SITES[:30], summary="RADIUS of north.")),
    ]
    state, _ = run(steps)
    assert (only_incident(state).cause, only_incident(state).attribute) == ("RADIUS of north.", "site_group")


@pytest.mark.parametrize(
    "tomorrow",
    [
        pytest.param(
            correlation(SITES[:6], "radio", "0.14", attribute="firmware"), id="same value, other family"
        ),
        pytest.param(
            correlation(SITES[:5], "connect", "AP45", attribute="model"), id="the same sites by another name"
        ),
    ],
)
def test_one_roll_out_stays_one_incident_under_other_names(tomorrow: dict[str, str]) -> None:
    radio = [finding(site) for site in SITES[:6]]
    first = correlation(SITES[:6], "connect", "0.14", attribute="firmware")
    steps = [
        live(0, *map(connect, SITES[:6]), first),
        live(24, *map(connect, SITES[:6]), *radio, tomorrow),
    ]
    state, _ = run(steps, Policy(max_gap=timedelta(days=2), same_site_within=timedelta(days=2)))
    assert len(only_incident(state).alert_ids) == 12


def test_causes_of_different_places_are_different_incidents() -> None:
    rows = [
        *map(connect, SITES[:12]),
        correlation(SITES[:6], value="north"),
        correlation(SITES[6:12], value="south"),
    ]
    state, _ = run([live(0, *rows)])
    assert sorted(one.value for one in state.incidents.values()) == ["north", "south"]


def test_a_cause_of_one_alert_is_that_site_s_own_trouble() -> None:
    state, _ = run([live(0, connect("s000"), correlation(SITES[:5]))])
    assert only_incident(state).scope == "site"


def test_what_begins_together_at_a_site_is_one_incident() -> None:
    state, _ = run([live(0, down("s1")), live(1, down("s1"), connect("s1"))])
    assert len(only_incident(state).alert_ids) == 2
    later, _ = run([live(0, down("s1")), live(5, down("s1"), connect("s1"))])
    assert len(later.incidents) == 2


def test_troubles_of_the_organisation_are_not_one_because_they_share_no_site() -> None:
    rows = [
        finding("", "collector", "collector", "critical", ""),
        finding("", "device", "mist_alarm", "critical", ""),
    ]
    state, _ = run([live(0, *rows), live(0.25, *rows)])
    assert len(state.incidents) == 2


def test_an_incident_ends_with_its_last_alert_and_comes_back_with_its_first() -> None:
    steps = [live(0, down("s1"), connect("s1"))]
    steps += [live(hour) for hour in range(1, 6)]
    state, events = run(steps)
    assert "resolved" not in kinds(events, "incident")
    state, events = run([live(hour) for hour in range(6, 15)], state=state)
    assert kinds(events, "incident") == ["resolved"]
    state, events = run([live(15, connect("s1"))], state=state)
    assert kinds(events, "incident") == ["reopened"]
    assert only_incident(state).is_active


def test_a_rise_above_what_was_acknowledged_asks_for_a_person_anew() -> None:
    state, _ = run([live(0, connect("s1"))])
    taken = acknowledge_incident(only_incident(state), state.alerts, "ada", START + HOUR / 2)
    state = state.after(taken)
    assert acknowledge_incident(only_incident(state), state.alerts, "bob", START + HOUR) == []
    same, events = run([live(1, connect("s1"))], state=state)
    assert (only_incident(same).state, events) == ("acknowledged", [])
    worse, events = run([live(1, connect("s1", "critical"))], state=state)
    assert only_incident(worse).state == "open"
    assert kinds(events, "incident") == ["worsened"]
    assert open_severity(only_incident(worse), worse.alerts) == "critical"


def test_causes_come_from_the_table_as_well_and_only_shared_ones() -> None:
    table = pl.DataFrame(
        {
            "cause_fingerprint": ["c1", "c2"],
            "scope": ["infrastructure", "site"],
            "family": ["connect", "radio"],
            "attribute": ["site_group", "site"],
            "value": ["north", "s9"],
            "cause": ["DHCP.", "One site."],
            "site_ids": [SITES[:3], ["s9"]],
        }
    )
    state, _ = run([live(0, *map(connect, SITES[:3]), causes=table)])
    assert only_incident(state).fingerprint == "c1"


@pytest.mark.parametrize(
    "evidence", ["no json", "{}", "[1]", '{"cause_fingerprint": "c"}', '{"site_ids": null}']
)
def test_a_correlation_without_its_sites_is_refused(evidence: str) -> None:
    with pytest.raises(ValueError, match="cause_fingerprint and site_ids"):
        observe(live(0, finding("", "connect", "correlation", evidence=evidence)), Policy())
