"""What every surface says of an incident as a whole is what the ledger has; each fact can be wrong, and then it is noticed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mist_pipeline.alerts.impacts.model import HitDevice
from mist_pipeline.alerts.lifecycle.model import Alert
from mist_pipeline.cli.alerts.arguments import Sites
from mist_pipeline.cli.alerts.show import print_story
from mist_pipeline.cli.alerts.tables import incident_fields, incident_json
from mist_pipeline.cli.console import console
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.notification.builder import compose
from mist_pipeline.notification.message_context import Subject, Surroundings
from mist_pipeline.overview.wording import order
from mist_pipeline_tests.support.alerts.impacts import impact
from mist_pipeline_tests.support.facts.readers.incident_reader import (
    Rows,
    digest_falsehoods,
    fact_falsehoods,
    in_columns,
    past_line_falsehoods,
    said_of,
)
from mist_pipeline_tests.support.facts.readers.list_reader import list_falsehoods
from mist_pipeline_tests.support.facts.readers.machine_reader import page_facts, webhook_falsehoods
from mist_pipeline_tests.support.notification.rows import (
    DECIDED_AT,
    HOUR,
    START,
    alert,
    by_id,
    delivery,
    digest,
    site_id,
    subject,
)

MINUTE = timedelta(minutes=1)
NAMES = {site_id(number): f"Store {number}" for number in range(1, 30)}
SITES = Sites(NAMES, NAMES)
SIZE = impact(
    num_sites=2,
    num_sites_asked=1,
    num_users=42,
    total_users=180,
    num_aps=3,
    total_aps=12,
    lost_user_minutes=752.0,
    devices=tuple(HitDevice("ap", f"5c5b3500000{n}", f"AP-{n}", "s1", 9.0 - n) for n in range(5)),
    unknown="users: the cloud did not answer (HTTP 503)",
)


def going(*alerts: Alert, **changes: Any) -> Subject:
    return subject(*alerts, began_at=START - 3 * HOUR, **changes)


def ended(one: Alert, after: timedelta, **changes: Any) -> Alert:
    """An alert whose last bad hour ended so long after the start."""
    return replace(one, last_bad_at=START + after, **changes)


def over(about: Subject, at: datetime) -> Subject:
    alerts = tuple(replace(one, state="resolved", resolved_at=at) for one in about.alerts)
    ends = [one.last_bad_at for one in alerts if one.last_bad_at is not None]
    return Subject(replace(about.incident, state="resolved", resolved_at=at, last_bad_at=max(ends)), alerts)


LONE = going(alert(1, began_at=START - 3 * HOUR), cause="Coverage 84.9 %: warning (below 90 %).")
SHARED = going(*(alert(number, severity="major", highest="major") for number in range(1, 8)))
RECOVERING = going(ended(alert(1), 5 * MINUTE))
TAKEN = going(
    replace(alert(1), state="acknowledged"),
    state="acknowledged",
    acknowledged_at=START + MINUTE,
    acknowledged_by="ada",
)
PARTLY = going(
    alert(1), ended(alert(2), MINUTE, state="resolved", resolved_at=DECIDED_AT, resolution="recovered")
)
GREW = {
    "worse_at": START + MINUTE,
    "worse_metric": "capacity",
    "worse_from_pct": 18.4,
    "worse_to_pct": 61.9,
}
WORSE = going(alert(1, **GREW))
WORSE_OF_TWO = going(
    alert(1, **GREW), alert(2, **{**GREW, "worse_to_pct": 80.0}), alert(3, **{**GREW, "worse_at": START})
)
OVER = over(going(ended(alert(1), 8 * MINUTE)), DECIDED_AT)
CASES = {
    "one site": LONE,
    "many sites": SHARED,
    "recovering": RECOVERING,
    "taken": TAKEN,
    "partly over": PARTLY,
    "over": OVER,
    "much worse": WORSE,
    "two are much worse": WORSE_OF_TWO,
}


def rows(about: Subject, **changes: Any) -> Rows:
    return replace(Rows(about.incident, about.alerts, DECIDED_AT, SIZE, NAMES), **changes)


def message(about: Subject) -> Message:
    reason = "first" if about.incident.is_active else "all_resolved"
    severity = max(about.alerts, key=lambda one: one.severity == "critical").severity
    said = {"severity": severity, "is_over": not about.incident.is_active}
    around = Surroundings(site_names=NAMES, impacts={about.incident.incident_id: SIZE})
    return compose(delivery(about, reason, said=said), by_id(about), around)


def printed(about: Subject) -> str:
    width, console.width = console.width, 400
    try:
        with console.capture() as capture:
            tables = ("deliveries", "escalations", "tickets", "threads", "feedback")
            nothing: dict[str, list[Any]] = {name: [] for name in tables}
            print_story(about.incident, about.alerts, [], nothing, SITES, DECIDED_AT, [SIZE])
    finally:
        console.width = width
    return capture.get()


def falsehoods(told: Subject, so: Rows) -> list[str]:
    """What messages and the command line say of an incident, against the rows of another."""
    said = message(told)
    surfaces = {**said_of(said), "CLI": in_columns(printed(told)), "PagerDuty": page_facts(said)}
    wrong = [one for surface, facts in surfaces.items() for one in fact_falsehoods(surface, facts, so)]
    return [*wrong, *webhook_falsehoods(said, so)]


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_an_incident_is_so(case: str) -> None:
    assert falsehoods(CASES[case], rows(CASES[case])) == []


def wrong_alert(**changes: Any) -> Rows:
    """The rows of the incident of one site, with another alert."""
    return rows(replace(LONE, alerts=(replace(LONE.alerts[0], **changes),)))


def wrong_incident(about: Subject = LONE, **changes: Any) -> Rows:
    return rows(replace(about, incident=replace(about.incident, **changes)))


EVERYWHERE = {"text", "mail", "Slack", "ticket", "CLI", "PagerDuty"}
MESSAGES = EVERYWHERE - {"CLI"}


@pytest.mark.parametrize(
    ("told", "so", "surfaces", "noticed"),
    [
        (LONE, wrong_alert(severity="major", highest="major"), MESSAGES, "Severity: critical”: the tables have major"),
        (LONE, wrong_alert(last_bad_at=START), EVERYWHERE, "State: going on”: the tables have recovering"),
        (TAKEN, wrong_incident(TAKEN, state="open"), EVERYWHERE, "the tables have open"),
        (TAKEN, wrong_incident(TAKEN, acknowledged_by="bob"), {"CLI"}, "the tables have bob"),
        (LONE, wrong_incident(began_at=START - 4 * HOUR), EVERYWHERE, "began: the tables have"),
        (LONE, wrong_incident(opened_at=START - HOUR), EVERYWHERE, "the tables have 2026-11-23 03:15"),
        (LONE, rows(LONE, at=DECIDED_AT + HOUR), EVERYWHERE, "it is 4 h 10 min"),
        (RECOVERING, rows(LONE), EVERYWHERE, "the tables have going on"),
        (OVER, rows(over(going(ended(alert(1), 9 * MINUTE)), DECIDED_AT)), EVERYWHERE, "last bad hour: the tables"),
        (OVER, rows(LONE), EVERYWHERE, "it goes on"),
        (LONE, wrong_alert(site_id=site_id(9)), EVERYWHERE, "the tables have ['Store 9']"),
        (SHARED, rows(going(*SHARED.alerts[:6])), EVERYWHERE, "the tables have 6 sites"),
        (PARTLY, rows(LONE), MESSAGES, "the tables have {'open': 1}"),
        (LONE, rows(LONE, impact=replace(SIZE, num_users=43)), EVERYWHERE, "user: 42 is said"),
        (LONE, rows(LONE, impact=replace(SIZE, total_aps=13)), EVERYWHERE, "every AP: 12 is said"),
        (LONE, rows(LONE, impact=replace(SIZE, num_sites_asked=2)), EVERYWHERE, "sites asked: 1 is said"),
        (LONE, rows(LONE, impact=replace(SIZE, lost_user_minutes=900.0)), EVERYWHERE, "user-hours: 12.5 is said"),
        (LONE, rows(LONE, impact=replace(SIZE, num_switches=2)), EVERYWHERE, "['switch'] are known and not said"),
        (LONE, rows(LONE, impact=replace(SIZE, devices=())), EVERYWHERE, "AP-0 is no device of it"),
        (LONE, rows(LONE, impact=replace(SIZE, unknown="")), EVERYWHERE, "do not know because of “”"),
        (LONE, rows(LONE, impact=replace(SIZE, parts={"wlan": {"Staff": 0.75, "Corp": 0.25}})), {"CLI"}, "the tables have {'Staff'"),
        (LONE, rows(LONE, impact=None), EVERYWHERE, "nobody has asked yet"),
        (LONE, wrong_incident(cause="Another."), {*MESSAGES, "CLI"}, "the tables have Another."),
    ],
)  # fmt: skip
def test_a_wrong_fact_is_noticed_on_every_surface(
    told: Subject, so: Rows, surfaces: set[str], noticed: str
) -> None:
    wrong = falsehoods(told, so)
    heard = {
        surface for surface in surfaces if any(one.startswith(surface) and noticed in one for one in wrong)
    }
    assert heard == surfaces, wrong


@pytest.mark.parametrize(
    ("told", "so", "noticed"),
    [
        (LONE, wrong_alert(severity="major", highest="major"), "severity critical, the tables have major"),
        (LONE, wrong_alert(last_bad_at=START), "last_bad_at None, the tables have 2026-11-23"),
        (
            LONE,
            wrong_incident(began_at=START - 4 * HOUR),
            "began_at 2026-11-23T01:15:00Z, the tables have 2026-11-23 00:15",
        ),
        (TAKEN, wrong_incident(TAKEN, state="open"), "status acknowledged, the tables have open"),
        (OVER, rows(LONE), "resolved_at 2026-11-23T04:25:00Z, the tables have None"),
        (SHARED, rows(going(*SHARED.alerts[:6])), "alerts: the tables have"),
        (LONE, wrong_alert(site_id=site_id(9)), "alert: site_id"),
        (LONE, rows(LONE, impact=replace(SIZE, num_users=43)), "impact: num_users 42, the tables have 43"),
        (LONE, rows(LONE, impact=None), "the tables have {}"),
    ],
)
def test_a_wrong_member_of_a_webhook_is_noticed(told: Subject, so: Rows, noticed: str) -> None:
    wrong = webhook_falsehoods(message(told), so)
    assert any(noticed in one for one in wrong), wrong


def test_a_fact_without_a_checker_is_noticed() -> None:
    facts = {"State": "going on", "Where": "Store 1", "Mood": "bad"}
    assert fact_falsehoods("mail", facts, rows(LONE)) == ["mail: no checker for “Mood: bad”"]


FOUND = [(one.incident, list(one.alerts)) for one in CASES.values()]


def for_people(found: Sequence[Any]) -> list[dict[str, str]]:
    fields = [one for one in incident_fields(SITES, DECIDED_AT, with_reasons=True) if one.heading]
    return [{one.heading: str(one.said(row) if one.said else one.of(row)) for one in fields} for row in found]


def listed(found: Sequence[Any]) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    ordered = order(found)
    return for_people(ordered), [incident_json(*one, SITES) for one in ordered]


def test_the_lists_of_the_command_line_say_what_the_ledger_has() -> None:
    found = [(replace(incident, incident_id=f"{n:016d}"), its) for n, (incident, its) in enumerate(FOUND)]
    assert (
        list_falsehoods(
            *listed(found), [Rows(incident, its, DECIDED_AT, None, NAMES) for incident, its in found]
        )
        == []
    )


@pytest.mark.parametrize(
    ("so", "noticed"),
    [
        (wrong_alert(severity="major", highest="major"), "critical, the tables have major"),
        (wrong_alert(last_bad_at=START), "going on, the tables have recovering"),
        (wrong_incident(began_at=START - 4 * HOUR), "3 h 10 min ago, the tables have 4 h 10 min ago"),
        (wrong_alert(site_id=site_id(9)), "Store 1, the tables have Store 9"),
        (wrong_alert(summary="Another."), "the tables have Another."),
        (wrong_incident(last_bad_at=START), "JSON: last_bad_at None"),
        (wrong_incident(incident_id="0" * 16), "no such incident"),
    ],
)
def test_a_wrong_cell_of_a_list_is_noticed(so: Rows, noticed: str) -> None:
    wrong = list_falsehoods(*listed([(LONE.incident, list(LONE.alerts))]), [so])
    assert any(noticed in one for one in wrong), wrong


def test_a_list_that_is_not_worst_first_is_noticed() -> None:
    mild = going(alert(2, severity="warning", highest="warning"), incident_id="f" * 16)
    found = [(mild.incident, list(mild.alerts)), (LONE.incident, list(LONE.alerts))]
    known = [Rows(incident, its, DECIDED_AT, None, NAMES) for incident, its in found]
    table, programs = for_people(found), [incident_json(*one, SITES) for one in found]
    assert list_falsehoods(table, programs, known) == ["CLI: critical stands below warning"]


def past(number: int, began: float, ended_before: float) -> Subject:
    gone = replace(
        alert(number, is_past=True, began_at=START - began * HOUR, last_bad_at=START - ended_before * HOUR),
        state="resolved",
        resolved_at=START,
    )
    return subject(gone, incident_id=f"past-{number}", state="resolved", opened_at=START)


def test_the_past_in_a_digest_is_as_the_ledger_has_it_and_a_wrong_time_is_noticed() -> None:
    gone = past(2, 10, 6), past(3, 30, 3)
    row = digest([(LONE, "first", {}), *((one, "past", {"is_over": True}) for one in gone)])
    lines = wording.plain_text(compose(row, by_id(LONE, *gone), Surroundings(site_names=NAMES))).splitlines()
    alerts = [one for about in (LONE, *gone) for one in about.alerts]
    assert past_line_falsehoods(lines, alerts, NAMES) == []
    for changes, noticed in (
        ({"began_at": START - 11 * HOUR}, "began: the tables have"),
        ({"last_bad_at": START - 5 * HOUR}, "it is 5 h"),
        ({"summary": "Another."}, "the tables have “Another.”"),
        ({"is_past": False}, "nothing was over at Store 2"),
        ({"site_id": site_id(4)}, "nothing is said of Store 4"),
    ):
        wrong = [LONE.alerts[0], replace(gone[0].alerts[0], **changes), gone[1].alerts[0]]
        assert any(noticed in one for one in past_line_falsehoods(lines, wrong, NAMES)), changes


def test_the_title_of_a_digest_counts_as_the_ledger_does() -> None:
    gone = past(2, 10, 6), past(3, 30, 3)
    over_now = over(going(ended(alert(4), MINUTE), incident_id="d" * 16), DECIDED_AT)
    row = digest(
        [
            (LONE, "first", {}),
            (over_now, "all_resolved", {"is_over": True}),
            *((one, "past", {"is_over": True}) for one in gone),
        ]
    )
    row = replace(row, payload={**row.payload, "counted": 5})
    title = compose(row, by_id(LONE, over_now, *gone), Surroundings(site_names=NAMES)).incident.title
    known = [rows(one) for one in (LONE, over_now, *gone)]
    assert digest_falsehoods(title, known, 5) == []
    assert digest_falsehoods(title, known, 4) == [
        "over before they were noticed: 7 is said, the tables have 6.0000"
    ]
    assert digest_falsehoods(title, known[1:], 5)
    assert digest_falsehoods(title, [known[0], known[0], *known[2:]], 5)
