"""Which questions fit into the calls: numbers of the worst incidents first, names after them."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.alerts.impacts.due import due_incidents
from mist_pipeline.alerts.impacts.measured import impacts
from mist_pipeline.alerts.impacts.questions import Place, every_question, fitting, places
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding, live, run


def place(incident: int, site: int = 0) -> Place:
    return Place(f"i{incident}", f"s{incident}-{site}", "coverage", START, START + HOUR)


def test_numbers_come_before_names_and_first_places_before_further_ones() -> None:
    wanted = every_question([[place(1), place(1, 1)], [], [place(2)]], shows_clients=True)
    assert [(one.place.site_id, one.subject) for one in wanted] == [
        ("s1-0", "counts"),
        ("s2-0", "counts"),
        ("s1-0", "devices"),
        ("s2-0", "devices"),
        ("s1-1", "counts"),
        ("s1-1", "devices"),
        ("s1-0", "parts"),
        ("s2-0", "parts"),
        ("s1-0", "people"),
        ("s2-0", "people"),
        ("s1-1", "people"),
    ]


def test_nobody_asks_for_people_unless_they_are_shown() -> None:
    wanted = every_question([[place(1)]], shows_clients=False)
    assert "people" not in {one.subject for one in wanted}


@given(st.integers(0, 60), st.integers(0, 200))
def test_never_more_calls_than_there_are_names_of_service_levels_included(incidents: int, calls: int) -> None:
    wanted = every_question([[place(number)] for number in range(incidents)], shows_clients=True)
    found = fitting(wanted, calls, named={"s1-0"})
    sites = {one.place.site_id for one in found}
    assert len(found) + len(sites - {"s1-0"}) <= calls
    assert found == wanted[: len(found)]


def test_three_sites_of_an_incident_are_asked_about_each_once_over_a_week_at_most() -> None:
    many = [finding(f"s{number}", severity="critical") for number in range(5)]
    other = [finding(f"s{number}", "connect", metric="successful-connect") for number in range(5)]
    state, _ = run(live(hour, *many, *other) for hour in range(0, 24 * 10, 6))
    now = START + 24 * 10 * HOUR
    for due in due_incidents(state, {}, now):
        found = places(due, now)
        assert len(found) <= 3
        assert len({one.site_id for one in found}) == len(found)
        assert all((one.end - one.start).days <= 7 for one in found)


def test_what_ended_before_the_cloud_remembers_is_history_only() -> None:
    state, _ = run(live(hour, finding("s1", severity="critical")) for hour in range(3))
    [alert] = state.alerts.values()
    over = replace(alert, state="resolved", resolved_at=START + 3 * HOUR, last_bad_at=START + 2 * HOUR)
    [incident] = state.incidents.values()
    ended = replace(incident, state="resolved", resolved_at=START + 3 * HOUR)
    then = replace(state, alerts={over.alert_id: over}, incidents={ended.incident_id: ended})
    for days, asks in ((1, True), (15, False)):
        now = START + 24 * days * HOUR
        [due] = due_incidents(then, {}, now)
        found = places(due, now)
        assert bool(found) == asks
        [whole, *_] = impacts(due, found, {}, None, now)
        assert ("history only: " in whole.unknown) != asks
