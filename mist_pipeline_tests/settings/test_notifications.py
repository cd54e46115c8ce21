"""Alerts and notifications in the configuration: what works, and what becomes of it."""

import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mist_pipeline.alerts.lifecycle.policy import DEFAULT_RULES
from mist_pipeline.delivery.discovery import sink_configs
from mist_pipeline.delivery.tickets.jira.config import JiraConfig
from mist_pipeline.delivery.tickets.servicenow.config import ServiceNowConfig
from mist_pipeline.settings import load_settings
from mist_pipeline.settings.template import EXAMPLE
from mist_pipeline_tests.support.settings.configurations import (
    SECRETS,
    SINKS,
    load,
    one_sink,
    window,
    with_sinks,
)

PROJECT = Path(__file__).parents[2]


def test_templates_of_ones_own_are_taken(tmp_path: Path) -> None:
    (tmp_path / "ticket_comment.txt.j2").write_text("Update: {{ headline }}\n", encoding="utf-8")
    assert load(one_sink(jira=f"templates: {tmp_path}"), tmp_path).sinks()["x"].name == "x"


@pytest.mark.slow
@pytest.mark.parametrize("kind", SINKS)
def test_every_sink_is_made_of_its_least_configuration(kind: str, tmp_path: Path) -> None:
    configured = load(f"notifications: {{sinks: {{x: {SINKS[kind]}}}}}", tmp_path)
    assert {name: sink.name for name, sink in configured.sinks().items()} == {"x": "x"}
    assert configured.notifications.tickets == (("x",) if kind in {"jira", "jira_own", "servicenow"} else ())


def test_every_type_of_sink_is_in_these_tests() -> None:
    types = {config.type_name() for config in sink_configs()}
    assert types == {yaml.safe_load(keys)["type"] for keys in SINKS.values()}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("19:40", time(19, 40)),
        ("'19:40'", time(19, 40)),
        ("7:05", time(7, 5)),
        ("07:05", time(7, 5)),
        ("1:00", time(1)),
        ("0:30", time(0, 30)),
        ("00:00", time(0)),
        ("23:59", time(23, 59)),
        ("19:40:30", time(19, 40, 30)),
    ],
)
def test_a_time_of_day_may_go_unquoted(written: str, expected: time, tmp_path: Path) -> None:
    read = load(window(f"begins: {written}, lasts_hours: 11"), tmp_path)
    [taken] = read.notifications.routes
    assert taken.quiet_hours[0].begins == expected


@given(st.times(timezones=st.none()).map(lambda one: one.replace(second=0, microsecond=0)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
def test_every_minute_of_the_day_is_read_as_it_is_written(tmp_path: Path, clock: time) -> None:
    for written in (f"{clock:%H:%M}", f"{clock.hour}:{clock:%M}"):
        read = load(window(f"begins: {written}, until: '{written}'"), tmp_path)
        [quiet] = read.notifications.routes[0].quiet_hours
        assert quiet.begins == quiet.until == clock


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[]", []),
        ("[monday, sunday]", [0, 6]),
        ("[mo, tu, wed, Thurs, FRI]", [0, 1, 2, 3, 4]),
        ("[su, sa, sunday]", [5, 6]),
    ],
)
def test_weekdays_are_named_or_begun(written: str, expected: list[int], tmp_path: Path) -> None:
    read = load(window(f"begins: 19:40, lasts_hours: 1, weekdays: {written}"), tmp_path)
    assert read.notifications.routes[0].quiet_hours[0].weekday_numbers == expected


def test_a_recurring_maintenance_needs_no_end_and_one_with_an_end_no_window(tmp_path: Path) -> None:
    text = with_sinks(
        "maintenance: [{name: weekly, match: 'site_group=\"North\"', "
        "window: {begins: 02:00, until: 04:00, zone: Europe/Berlin, weekdays: [su]}}, "
        "{name: move, match: 'site=~\"Cologne.*\"', starts_at: 2026-11-23T18:00:00+01:00, ends_at: 2026-11-24T06:00:00Z}]"
    )
    weekly, move = load(text, tmp_path).notifications.planned_silences()
    assert weekly.is_active(datetime(2026, 11, 22, 1, 30, tzinfo=UTC))
    assert not weekly.is_active(datetime(2026, 11, 23, 1, 30, tzinfo=UTC))
    assert move.is_active(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))
    assert not move.is_active(datetime(2026, 11, 24, 6, 0, tzinfo=UTC))


def test_routes_and_escalations_become_what_alerts_take(tmp_path: Path) -> None:
    text = with_sinks(
        "routes: [{name: a, sinks: [chat, mail], min_severity: major, match: 'family!=\"roaming\"', goes_on: true, "
        "escalation: on call, group_wait_minutes: 2, group_interval_minutes: 10, repeat_after_hours: 4}]\n"
        "  escalations: {on call: {steps: [{after_minutes: 15, sink: pager}, {after_minutes: 30, sink: pager, to: east}], "
        "repeats: 2, repeat_every_minutes: 45, stops_when: resolved, expires_after_hours: 3}}"
    )
    told = load(text, tmp_path).notifications
    [taken] = told.routes
    assert (taken.sinks, taken.min_severity, taken.goes_on) == (("chat", "mail"), "major", True)
    assert [str(matcher) for matcher in taken.matchers] == ['family!="roaming"']
    assert (taken.group_wait, taken.group_interval) == (timedelta(minutes=2), timedelta(minutes=10))
    assert taken.repeat_after == timedelta(hours=4)
    policy = told.escalations["on call"]
    assert [(step.after_minutes, step.sink, step.to) for step in policy.steps] == [
        (15, "pager", ""),
        (30, "pager", "east"),
    ]
    assert (policy.repeats, policy.repeat_every_minutes) == (2, 45)
    assert (policy.stops_when, policy.expires_after) == ("resolved", timedelta(hours=3))


def test_ids_may_go_unquoted_and_severities_left_out_have_their_default(tmp_path: Path) -> None:
    text = """
notifications:
  sinks:
    desk: {type: servicenow, base_url: https://example.service-now.com, token_from: SERVICENOW_PASSWORD,
           impact_urgency: {critical: [2, 1]}, states: {resolved: 16}}
    jira: {type: jira, base_url: https://jira.example.com, deployment: datacenter, project: NET, token_from: JIRA_TOKEN,
           issue_type: 10002, priorities: {critical: 10001}}
"""
    sinks = load(text, tmp_path).notifications.sinks
    desk, jira = sinks["desk"], sinks["jira"]
    assert isinstance(desk, ServiceNowConfig)
    assert isinstance(jira, JiraConfig)
    assert desk.impact_urgency["critical"] == ("2", "1")
    assert set(desk.impact_urgency) == {"critical", "major", "warning", "info"}
    assert (desk.states["resolved"], desk.states["new"]) == ("16", "1")
    assert (jira.issue_type, jira.priorities) == ("10002", {"critical": "10001"})


def test_without_a_change_alerts_are_raised_as_was_measured_to_be_best() -> None:
    assert load_settings(environment={}).alerts.policy().rules == DEFAULT_RULES


def test_a_kind_of_finding_raises_alerts_as_configured(tmp_path: Path) -> None:
    policy = load("alerts: {raises: {threshold: critical, evidence: never}}", tmp_path).alerts.policy()
    assert policy.rule("threshold").alone == "critical"
    assert policy.rule("evidence").alone is None
    # Nothing else of a rule changes, nor any other rule.
    assert policy.rule("threshold").hold == DEFAULT_RULES["threshold"].hold
    untouched = {kind: rule for kind, rule in policy.rules.items() if kind not in {"threshold", "evidence"}}
    assert untouched == {kind: DEFAULT_RULES[kind] for kind in untouched}


def test_a_ledger_without_password_may_stand_in_the_file(tmp_path: Path) -> None:
    address = "postgresql://mist@db.example.com/ledger"
    assert load(f"alerts: {{ledger: '{address}'}}", tmp_path).ledger == address
    assert load("alerts: {ledger: /var/lib/mist/ledger.db}", tmp_path).ledger == "/var/lib/mist/ledger.db"
    assert load("", tmp_path, {"MIST_PIPELINE_DATA": "d"}).ledger == Path("d/ledger.db")


WHOLE = {
    "MIST_PIPELINE__NOTIFICATIONS__SINKS": f"{{chat: {SINKS['slack']}, pager: {SINKS['pagers']}}}",
    "MIST_PIPELINE__NOTIFICATIONS__ROUTES": "[{name: all, sinks: [chat], escalation: night, "
    "quiet_hours: [{begins: 19:40, lasts_hours: 11, zone: Europe/Berlin}]}]",
    "MIST_PIPELINE__NOTIFICATIONS__ESCALATIONS": "{night: {steps: [{after_minutes: 15, sink: pager, to: east}]}}",
    "MIST_PIPELINE__NOTIFICATIONS__MAINTENANCE": '[{name: move, match: "site=a", ends_at: 2026-11-24T06:00:00Z}]',
    "MIST_PIPELINE__NOTIFICATIONS__REPORTS_URL": "https://reports.example.com",
    "MIST_PIPELINE__ALERTS__RAISES": "{threshold: critical}",
    "MIST_PIPELINE__ALERTS__RAISES__TREND": "never",
    "MIST_PIPELINE__NOTIFICATIONS__SINKS__POST__TYPE": "file",
}


@pytest.mark.parametrize("turn", [list, reversed])
def test_everything_can_be_set_by_the_environment_in_any_order(turn: type[list[str]], tmp_path: Path) -> None:
    variables = {name: WHOLE[name] for name in turn(WHOLE)}
    configured = load("", tmp_path, {**SECRETS, **variables})
    told = configured.notifications
    assert set(configured.sinks()) == {"chat", "pager", "post"}
    assert told.routes[0].quiet_hours[0].begins == time(19, 40)
    assert told.escalations["night"].steps[0].to == "east"
    assert [one.silence_id for one in told.planned_silences()] == ["move"]
    assert told.reports_url == "https://reports.example.com"
    assert configured.alerts.raises == {"threshold": "critical", "trend": "never"}


def examples() -> dict[str, str]:
    """Every piece of configuration that the documentation shows."""
    page = (PROJECT / "docs" / "notifications.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("#").removeprefix(" ") for line in EXAMPLE.splitlines()]
    template = "\n".join(lines[lines.index("notifications:") :])
    return {"template": template, **{f"block {number}": block for number, block in enumerate(blocks, 1)}}


@pytest.mark.parametrize("text", list(examples().values()), ids=list(examples()))
def test_every_example_of_the_documentation_loads(text: str, tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "remediation.yaml").write_text(
        "families: {collector: {steps: [Look at the proxy.]}}", "utf-8"
    )
    configured = load(
        text.replace("/etc/mist", str(tmp_path)), tmp_path, {**SECRETS, "PAGERDUTY_MANAGERS": "k3y"}
    )
    assert configured != load_settings(environment={})
    # Who is told is told by something, and every sink that is shown is used.
    told = configured.notifications
    routed = {sink for route in told.routes for sink in route.sinks}
    called = {step.sink for policy in told.escalations.values() for step in policy.steps}
    assert set(configured.sinks()) == routed | called


def test_the_documentation_shows_a_full_way() -> None:
    assert len(examples()) >= 6
