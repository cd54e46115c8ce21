"""A configuration, incidents and answers for tests of ``mist-pipeline alerts``."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from mist_pipeline.alerts.ledger.ledger import NotificationRules
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import notification_rules, open_ledger
from mist_pipeline_tests.support.alerts.histories import correlation, finding, live
from mist_pipeline_tests.support.cli.calls import Ended

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


def record(settings: Settings, *steps: EvaluationInput) -> NotificationRules:
    who = notification_rules(settings)
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


def merged(settings: Settings) -> tuple[str, str]:
    """Two incidents of single sites that turn out to have one cause; one of them, and the shared one."""
    alone = [finding(site, "connect", metric="successful-connect") for site in ("s1", "s2")]
    record(settings, live(1, alone[0]), live(4, *alone))
    first = incident_of(settings, "s1")
    record(settings, live(5, *alone, correlation(["s1", "s2"])))
    return first, incident_of(settings, "s1")


def story(alerts: Alerts, settings: Settings, site_id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parsed(alerts("show", incident_of(settings, site_id), "--json"))
    return found


def route(alerts: Alerts, *arguments: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parsed(alerts("test-route", "--severity", "critical", "--json", *arguments))
    return found


def refused_late(ended: Ended) -> str:
    """What is said where something was printed before it was clear that it cannot be."""
    assert ended.code == 2
    return " ".join(ended.err.split())
