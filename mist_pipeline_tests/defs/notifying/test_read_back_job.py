"""The job ``read_back`` through real runs: who takes a ticket has taken the incident."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mist_pipeline_tests.support.alerts.histories import START, finding
from mist_pipeline_tests.support.defs.installation import (
    FILES,
    HOSTILE,
    Build,
    cells,
    metadata,
    on_call,
    tickets,
)
from mist_pipeline_tests.support.fakes.fake_http import Reply
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_pagerduty import FakePagerDuty
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow
from mist_pipeline_tests.support.fakes.jira_workflows import (
    ANNA,
)
from mist_pipeline_tests.support.fakes.ticket_server import VirtualClock

pytestmark = pytest.mark.slow


def records(servicenow: FakeServiceNow) -> dict[str, Any]:
    return {
        "now": {
            "type": "servicenow",
            "base_url": servicenow.url,
            "user": "mist",
            "token_from": "NOW_PASSWORD",
        }
    }


def pagers(pagerduty: FakePagerDuty) -> dict[str, Any]:
    return {"pager": {"type": "pagerduty", "url": pagerduty.url, "routing_key_from": "PAGER_KEY"}}


@pytest.fixture
def systems() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_who_takes_the_jira_ticket_has_taken_the_incident_and_the_pager_stops(
    build: Build, systems: ExitStack
) -> None:
    jira, pager = systems.enter_context(FakeJira()), systems.enter_context(FakePagerDuty())
    installed = build(sinks={**tickets(jira), **pagers(pager), "people": FILES}, escalations=on_call())
    installed.evaluates(0, finding(severity="critical"))
    (key,) = jira.open_keys()
    assert [page.state for page in pager.pages] == ["triggered"]
    nothing = installed.read("read_back", 0.1)
    assert cells(metadata(nothing, "read_tickets")["tickets"])[0][2:] == [key, "open", ""]
    jira.set_status(key, "20", ANNA)
    result = installed.read("read_back", 0.2)
    assert cells(metadata(result, "read_tickets")["tickets"])[0][2:] == [key, "acknowledged", "Anna Ops"]
    incident = installed.incident()
    assert (incident.state, incident.acknowledged_by) == ("acknowledged", "Anna Ops")
    assert [page.state for page in pager.pages] == ["acknowledged"]
    assert installed.reasons() == [["first", "acknowledged"]]
    installed.read("read_back", 0.3)
    assert installed.reasons() == [["first", "acknowledged"]]


def test_who_takes_the_servicenow_record_has_taken_the_incident_and_the_pager_stops(
    build: Build, systems: ExitStack
) -> None:
    now, pager = systems.enter_context(FakeServiceNow()), systems.enter_context(FakePagerDuty())
    installed = build(sinks={**records(now), **pagers(pager)})
    installed.evaluates(0, finding(severity="critical"))
    (sys_id,) = now.active()
    now.as_person(sys_id, state="2", assigned_to="u-anna")
    installed.read("read_back", 0.2)
    incident = installed.incident()
    assert (incident.state, incident.acknowledged_by) == ("acknowledged", "Anna Ops")
    assert [page.state for page in pager.pages] == ["acknowledged"]
    with installed.ledger() as ledger:
        (read,) = ledger.frames()["tickets"].rows(named=True)
    assert (read["ticket"], read["state"], read["who"]) == ("INC0000001", "acknowledged", "Anna Ops")


def test_who_took_the_ticket_before_it_grew_worse_has_not_taken_what_it_is_now(
    build: Build, systems: ExitStack
) -> None:
    clock = VirtualClock(START)
    jira, pager = systems.enter_context(FakeJira(clock=clock)), systems.enter_context(FakePagerDuty())
    installed = build(sinks={**tickets(jira), **pagers(pager)})
    installed.evaluates(0, finding(severity="major"))
    (key,) = jira.open_keys()
    clock.advance(minutes=10)
    jira.set_status(key, "20", ANNA)
    installed.read("read_back", 0.25)
    assert installed.incident().state == "acknowledged"
    installed.evaluates(1, finding(severity="critical"))
    assert installed.incident().state == "open"
    paged = [page.state for page in pager.open_pages]
    assert paged == ["triggered"]
    installed.read("read_back", 1.1)
    assert installed.incident().state == "open"
    assert [page.state for page in pager.open_pages] == ["triggered"]
    clock.advance(minutes=60)
    jira.assign(key, ANNA)
    jira.set_status(key, "20", ANNA)
    installed.read("read_back", 1.25)
    assert installed.incident().state == "acknowledged"
    assert [page.state for page in pager.open_pages] == ["acknowledged"]


def test_what_this_program_did_to_a_ticket_is_nobodys_hand(build: Build, systems: ExitStack) -> None:
    jira = systems.enter_context(FakeJira())
    installed = build(sinks=tickets(jira))
    installed.evaluates(0, finding())
    (key,) = jira.open_keys()
    jira.set_status(key, "20", {**ANNA, "accountId": "acc-us"})
    installed.read("read_back", 0.25)
    assert installed.incident().state == "open"


@pytest.mark.parametrize("fault", [Reply(503), Reply(behaviour="reset")], ids=["503", "reset"])
def test_a_ticket_system_that_is_down_is_a_warning_and_the_others_are_read(
    build: Build, systems: ExitStack, fault: Reply
) -> None:
    jira, now = systems.enter_context(FakeJira()), systems.enter_context(FakeServiceNow())
    known = {**tickets(jira), **records(now)}
    installed = build(
        sinks=known, routes=[{"name": "all", "sinks": [*known], "tells_acknowledgement": False}]
    )
    installed.evaluates(0, finding(), finding("s2", "connect"))
    for sys_id in now.active():
        now.as_person(sys_id, state="2", assigned_to="u-anna")
    jira.fail("GET", "", fault, times=99)
    asked = len(jira.requests)
    result = installed.read("read_back", 0.25)
    (warning,) = installed.said(result)
    assert warning.startswith("jira: ")
    # One question is enough: who does not answer one keeps the next one waiting as long.
    assert len(jira.requests) == asked + 1
    read = cells(metadata(result, "read_tickets")["tickets"])
    assert [line[3] for line in read] == ["not read", "not asked", "acknowledged", "acknowledged"]
    with installed.ledger() as ledger:
        states = {one.state for one in ledger.lifecycle_state(START).incidents.values()}
    assert states == {"acknowledged"}
    assert metadata(result, "notify")["states"] == {}


def test_a_ticket_that_is_gone_is_a_warning_and_the_next_one_is_read(
    build: Build, systems: ExitStack
) -> None:
    jira = systems.enter_context(FakeJira())
    installed = build(sinks=tickets(jira))
    installed.evaluates(0, finding(), finding("s2", "connect"))
    with installed.ledger() as ledger:
        (first, second) = [reference["key"] for _, _, reference in ledger.references(["jira"])]
    del jira.issues[first]
    jira.set_status(second, "30", ANNA)
    result = installed.read("read_back", 0.25)
    assert len(installed.said(result)) == 1
    read = cells(metadata(result, "read_tickets")["tickets"])
    assert [line[3] for line in read] == ["not read", "closed"]


def test_a_persons_name_cannot_break_out_of_what_a_run_says(build: Build, systems: ExitStack) -> None:
    jira = systems.enter_context(FakeJira())
    installed = build(sinks=tickets(jira))
    installed.evaluates(0, finding())
    (key,) = jira.open_keys()
    jira.set_status(key, "20", {**ANNA, "displayName": HOSTILE})
    result = installed.read("read_back", 0.25)
    text = metadata(result, "read_tickets")["tickets"]
    assert not set("<`*[") & set(text)
    ((*_, who),) = cells(text)
    assert who.startswith("<img")
