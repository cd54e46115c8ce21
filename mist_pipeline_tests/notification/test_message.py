"""From a row of the outbox to a message: what was true when it was decided, in words that every renderer can show."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.notify.decision import NOTIFYING
from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.alerts.notify.plan import Notification
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.delivery.message import Message, Reason
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import blame_tables, render_page
from mist_pipeline.delivery.rendering.remediation import load_remediation
from mist_pipeline.delivery.sinks.mail.config import MailConfig
from mist_pipeline.delivery.sinks.mail.sink import compose as mail_of
from mist_pipeline.delivery.sinks.mail.sink import picture_title
from mist_pipeline.delivery.sinks.slack.blocks import change_blocks, incident_blocks
from mist_pipeline.delivery.sinks.webhook.sink import document_of
from mist_pipeline.domain import text as plain_text
from mist_pipeline.domain.severity import SEVERITIES
from mist_pipeline.notification.builder import MOST_PAIRS, MOST_PICTURES, compose, incident_ids, leading_pairs
from mist_pipeline.notification.message_context import Background, Blamed, Subject, Surroundings
from mist_pipeline_tests.support.alerts.histories import finding, findings
from mist_pipeline_tests.support.delivery.messages import HOSTILE, PNG
from mist_pipeline_tests.support.notification.rows import (
    DECIDED_AT,
    HOUR,
    START,
    alert,
    by_id,
    delivery,
    digest,
    incident,
    over,
    site_id,
    subject,
    trial,
)

REMEDIATION = load_remediation(Path(__file__).parents[2] / "config" / "remediation.yaml")
MAIL = MailConfig(
    type="mail", host="mail.example.com", sender="mist@example.com", recipients=("noc@example.com",)
)
AROUND = Surroundings(
    site_names={site_id(number): f"Store {number}" for number in range(1, 400)},
    site_url=lambda name: f"https://manage.mist.com/admin/?org_id=o#!dashboard/insights/{name}",
    report_url="https://reports.example.com/latest.html",
    run_url="https://dagster.example.com/runs/1",
    remediation=REMEDIATION,
)
HOSTILE_NAMES = [
    HOSTILE,
    "<script>alert(1)</script>",
    "Two\nlines\r\nBcc: evil@example.com",
    "\u202egnp.exe\u202d",
    "\u200b\u200b",
    "",
    "x" * 100_000,
    "../../etc/passwd",
    '"><img src=x onerror=alert(1)>',
]


def rendered(message: Message) -> dict[str, str]:
    """The message as every renderer shows it."""
    pictures = {picture_title(name): "cid:1" for name in message.incident.charts}
    return {
        "text": wording.plain_text(message),
        "page": render_page(message, pictures),
        "slack": json.dumps([incident_blocks(message), change_blocks(message)]),
        "webhook": json.dumps(document_of(message), allow_nan=False),
        "mail": mail_of(message, MAIL).as_string(),
    }


def told(about: Subject, reason: str = "first", around: Surroundings = AROUND, **changes: Any) -> Message:
    return compose(delivery(about, reason, **changes), by_id(about), around)


@pytest.mark.parametrize(
    ("reason", "said", "expected"),
    [
        ("first", {}, ("first", "open")),
        ("severity_rise", {"detail": "major → critical"}, ("severity_rise", "open")),
        ("more_sites", {"detail": "2"}, ("more_sites", "open")),
        ("some_resolved", {"detail": "1"}, ("some_resolved", "open")),
        ("all_resolved", {"is_over": True, "site_ids": []}, ("all_resolved", "resolved")),
        ("merged", {"is_over": True, "site_ids": [], "detail": "feedbeef"}, ("all_resolved", "resolved")),
        ("reopened", {}, ("reopened", "open")),
        ("repeat_due", {}, ("repeat_due", "open")),
        ("escalation", {"detail": "boss@example.com"}, ("escalation", "open")),
        ("acknowledged", {"is_acknowledged": True}, ("acknowledged", "acknowledged")),
    ],
)
def test_every_reason_becomes_a_message_that_every_renderer_accepts(
    reason: str, said: Mapping[str, object], expected: tuple[str, str]
) -> None:
    message = told(subject(alert(1), alert(2)), reason, sequence=4, said=said)
    assert (message.reason, message.incident.status) == expected
    assert (message.sequence, message.incident.severity) == (4, "critical")
    assert all(rendered(message).values())


def test_there_is_a_message_for_every_reason_of_the_ledger_and_of_the_sinks() -> None:
    reasons = {*NOTIFYING, *get_args(Reason)} - {"digest", "test"}
    for reason in reasons:
        assert told(subject(alert()), reason).reason in get_args(Reason)
    with pytest.raises(ValueError, match="'quiet_hours' is no reason to tell anybody"):
        told(subject(alert()), "quiet_hours")


def test_an_incident_of_one_site_is_called_by_its_site_and_its_worst_alert() -> None:
    mild = alert(1, alert_id="mild", severity="warning", summary="Roaming 88 %: warning.", metric="roaming")
    view = told(subject(mild, alert(1))).incident
    assert view.title == "Store 1: Coverage 61.2 %: critical (below 70 %), mostly weak-signal"
    assert view.scope == "site"
    assert view.cause == "It began with: Coverage 84.9 %: warning (below 90 %)."
    assert [one.metric for one in view.alerts] == ["coverage", "roaming"]
    assert (
        view.alerts[0].site.url == f"https://manage.mist.com/admin/?org_id=o#!dashboard/insights/{site_id(1)}"
    )
    assert view.alerts[0].summaries == ("Coverage 61.2 %: critical (below 70 %), mostly weak-signal.",)
    assert view.remediation == REMEDIATION.steps("coverage", "weak-signal") + REMEDIATION.steps(
        "roaming", "weak-signal"
    )


def test_how_it_began_is_not_repeated_where_the_title_says_it() -> None:
    view = told(subject(alert(), cause=alert().summary)).incident
    assert view.cause == ""


@pytest.mark.parametrize(
    ("cause", "sites", "title"),
    [
        ("weak-signal at 14 of 15 sites of group North", 14, "weak-signal at 14 of 15 sites of group North"),
        ("weak-signal at 14 of 15 sites of group North", 15, "weak-signal at 14 of 15 sites of group North (15 sites hit)"),
        ("dns at 3 of 4 sites with firmware 0.14.2", 14, "dns at 3 of 4 sites with firmware 0.14.2 (14 sites hit)"),
        ("radio at 13 sites at once", 20, "radio at 20 sites at once"),
    ],
)  # fmt: skip
def test_a_shared_cause_says_how_many_sites_it_hits_by_now(cause: str, sites: int, title: str) -> None:
    alerts = [alert(number) for number in range(1, sites + 1)]
    view = told(subject(*alerts, cause=cause)).incident
    assert (view.title, view.scope, view.cause) == (title, "infrastructure", cause)


def test_alerts_come_worst_first_and_what_nobody_was_told_of_is_left_out() -> None:
    alerts = [
        over(alert(1)),
        alert(2, state="acknowledged"),
        alert(3, severity="warning"),
        alert(5),
        alert(4),
        alert(6, state="pending", opened_at=None),
        alert(7, state="lapsed", opened_at=None),
    ]
    view = told(subject(*alerts)).incident
    assert [(one.site.name, one.status) for one in view.alerts] == [
        ("Store 4", "open"),
        ("Store 5", "open"),
        ("Store 3", "open"),
        ("Store 2", "acknowledged"),
        ("Store 1", "resolved"),
    ]


def test_an_alert_that_people_heard_of_stays_while_it_is_seen_whether_it_comes_back() -> None:
    back = replace(over(alert()), state="pending", pending_since=DECIDED_AT + HOUR)
    (view,) = told(subject(back), "all_resolved", said={"is_over": True}).incident.alerts
    assert (view.status, view.resolved_at) == ("resolved", DECIDED_AT)


def test_silenced_sites_are_not_told_of_and_sites_that_came_later_are() -> None:
    later = alert(3, opened_at=DECIDED_AT + HOUR, pending_since=DECIDED_AT + HOUR)
    about = subject(alert(1), alert(2), later, over(alert(4)))
    view = told(about, said={"site_ids": [site_id(1)]}).incident
    assert [one.site.name for one in view.alerts] == ["Store 1", "Store 3", "Store 4"]


def test_a_row_that_is_sent_late_says_the_severity_of_then_and_asks_nobody_for_what_is_over() -> None:
    about = subject(over(alert(1), DECIDED_AT + HOUR), state="resolved", resolved_at=DECIDED_AT + HOUR)
    view = told(about, said={"severity": "major", "site_ids": [site_id(1)]}).incident
    assert (view.severity, view.status, view.updated_at) == ("major", "resolved", DECIDED_AT)
    assert view.alerts[0].status == "resolved"


def test_a_row_that_is_sent_after_somebody_took_the_incident_says_so() -> None:
    about = subject(alert(1), state="acknowledged")
    assert told(about, said={"site_ids": [site_id(1)]}).incident.status == "acknowledged"


def test_news_of_an_end_stays_an_end_though_it_has_come_back_since() -> None:
    again = alert(1, reopenings=1, pending_since=DECIDED_AT + HOUR)
    new = alert(2, opened_at=DECIDED_AT + HOUR, pending_since=DECIDED_AT + HOUR)
    view = told(subject(again, new), "all_resolved", said={"is_over": True, "site_ids": []}).incident
    assert (view.status, view.resolved_at) == ("resolved", DECIDED_AT)
    assert [(one.alert_id, one.status, one.resolved_at) for one in view.alerts] == [
        ("alert-1", "resolved", DECIDED_AT)
    ]


def test_what_is_over_says_when_it_ended() -> None:
    end = START + timedelta(minutes=7)
    about = subject(over(alert(), end), state="resolved", resolved_at=end)
    message = told(about, "all_resolved", said={"is_over": True, "site_ids": []})
    assert message.incident.resolved_at == end
    assert wording.headline(message).startswith("RESOLVED after 7 min: Store 1: ")
    assert message.incident.alerts[0].severity == "critical"


def test_a_merged_incident_does_not_claim_to_have_recovered() -> None:
    about = subject(state="merged", merged_into="feedbeef00000000", resolved_at=DECIDED_AT)
    message = told(about, "merged", said={"is_over": True, "site_ids": [], "detail": "feedbeef00000000"})
    assert message.reason == "all_resolved"
    assert message.incident.merged_into == "feedbeef00000000"
    assert message.incident.title == "Store 1: Coverage 84.9 %: warning (below 90 %)"
    assert message.incident.cause == "It is now part of incident feedbeef00000000."
    text = wording.plain_text(message)
    assert text.startswith("MERGED after 10 min: Store 1")
    assert "recovered" not in text
    assert "RESOLVED" not in text


def test_a_merged_shared_cause_keeps_its_own_name() -> None:
    about = Subject(incident([alert(1), alert(2)], alert_ids=(), state="merged", merged_into="feedbeef"))
    view = told(about, "merged", said={"is_over": True, "site_ids": []}).incident
    assert view.cause == f"It is now part of incident feedbeef. {about.incident.cause}"
    assert view.title == about.incident.cause


@pytest.mark.parametrize(
    ("reason", "detail", "recipient"),
    [("escalation", "boss@example.com", "boss@example.com"), ("escalation", "", ""), ("more_sites", "3", "")],
)
def test_only_an_escalation_names_whom_to_reach(reason: str, detail: str, recipient: str) -> None:
    assert told(subject(alert()), reason, said={"detail": detail}).recipient == recipient


@pytest.mark.parametrize("family", ["collector", "pipeline:daily", "pipeline:checks"])
def test_trouble_of_the_pipeline_is_told_as_its_own(family: str) -> None:
    trouble = alert(
        site_id="", family=family, metric="", classifier="", summary="Job daily failed: no token."
    )
    message = told(subject(trouble, family=family, value="", cause="Job daily failed: no token."))
    assert (message.incident.scope, message.incident.title) == ("pipeline", "Job daily failed: no token")
    assert message.incident.alerts[0].site.url is None
    assert "Where:    The pipeline" in rendered(message)["text"]
    gone = told(
        subject(family=family, value="", cause="Job daily failed.", merged_into="other"),
        "merged",
        said={"is_over": True},
    )
    assert (gone.incident.scope, gone.incident.title) == ("pipeline", "Job daily failed")


def test_trouble_of_the_whole_organisation_is_no_trouble_of_the_pipeline() -> None:
    alarm = alert(site_id="", family="device", metric="", summary="Open alarms of the Mist cloud: x (3).")
    view = told(subject(alarm, family="device", value="")).incident
    assert (view.scope, view.title) == (
        "site",
        "The whole organisation: Open alarms of the Mist cloud: x (3)",
    )


def test_a_digest_stands_for_all_of_its_incidents() -> None:
    shared = subject(alert(1), alert(2), incident_id="a" * 16)
    single = subject(over(alert(3)), incident_id="b" * 16, opened_at=START - HOUR)
    mild = subject(alert(4, severity="warning"), incident_id="c" * 16)
    row = digest(
        [
            (mild, "first", {"severity": "warning"}),
            (single, "all_resolved", {"is_over": True, "severity": "critical"}),
            (shared, "more_sites", {"severity": "major"}),
        ]
    )
    assert incident_ids(row) == ("c" * 16, "b" * 16, "a" * 16)
    message = compose(row, by_id(shared, single, mild), AROUND)
    view = message.incident
    assert (message.reason, view.incident_id, view.status) == ("digest", "digest-0123456789abcdef", "open")
    assert view.title == "3 incidents during quiet hours, 1 of them over"
    assert view.severity == "major", "what is over is not what goes on"
    assert [one.site.name for one in view.alerts] == ["Store 1", "Store 2", "Store 4", "Store 3"]
    assert (view.opened_at, view.resolved_at, view.scope) == (START - HOUR, None, "infrastructure")
    assert view.cause == shared.incident.cause
    assert "DIGEST, MAJOR: 3 incidents during quiet hours" in rendered(message)["text"]


def test_a_digest_is_over_only_with_all_of_its_incidents() -> None:
    ended = [
        subject(over(alert(number)), incident_id=str(number), resolved_at=DECIDED_AT) for number in (1, 2)
    ]
    row = digest([(one, "all_resolved", {"is_over": True, "severity": "major"}) for one in ended])
    view = compose(row, by_id(*ended), AROUND).incident
    assert (view.status, view.resolved_at, view.severity) == ("resolved", DECIDED_AT, "major")
    assert view.title == "2 incidents during quiet hours"


def test_the_shared_causes_of_a_digest_are_counted_where_they_do_not_fit() -> None:
    many = [
        subject(
            alert(2 * number),
            alert(2 * number + 1),
            incident_id=str(number),
            cause=f"{HOSTILE} cause {number}",
        )
        for number in range(1, 6)
    ]
    message = compose(digest([(one, "first", {}) for one in many]), by_id(*many), AROUND)
    assert message.incident.cause.endswith("; … and 2 more")
    assert len(message.incident.cause) <= plain_text.SENTENCE_LENGTH
    assert all(rendered(message).values())


def test_a_digest_of_nothing_is_refused() -> None:
    row = replace(digest([]), payload={"severity": "major"})
    with pytest.raises(ValueError, match="delivery 9: a digest that covers no incident"):
        incident_ids(row)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_test_shows_an_example_of_no_real_site(severity: str) -> None:
    row = trial(severity)
    assert not incident_ids(row)
    assert not leading_pairs(row, {})
    message = compose(row, {}, AROUND)
    assert (message.reason, message.incident.severity, message.incident.status) == ("test", severity, "open")
    (only,) = message.incident.sites
    assert only.site_id not in AROUND.site_names
    assert only.url is None
    shown = rendered(message)
    assert shown["text"].startswith(f"TEST, {severity.upper()}: An example incident")
    assert "Nothing is wrong" in shown["text"]
    assert "23.4 %" in shown["page"]


def test_an_incident_that_the_ledger_does_not_have_is_named() -> None:
    row = delivery(subject(alert()))
    with pytest.raises(LookupError, match="delivery 7 to mail tells of incident '1a2b3c4d5e6f7a8b'"):
        compose(row, {}, AROUND)


def test_every_attempt_is_the_same_message_and_no_other_row_is() -> None:
    about = subject(alert())
    row = delivery(about)
    first = compose(row, by_id(about), AROUND)
    again = compose(replace(row, attempts=3, state="unknown", leased_by="w2"), by_id(about), AROUND)
    assert replace(again, attempt=1) == first
    assert (first.attempt, again.attempt) == (1, 3)
    others: list[Delivery] = [
        replace(row, delivery_id=8),
        replace(row, sink="slack"),
        replace(row, incident_id="x"),
        replace(row, reason="reopened"),
        replace(row, sequence=2),
    ]
    subjects = by_id(about, subject(alert(), incident_id="x"))
    ids = {compose(other, subjects, AROUND).delivery_id for other in others}
    assert len(ids | {first.delivery_id}) == 6


def test_what_a_sink_calls_the_incident_comes_back_to_it() -> None:
    assert told(subject(alert()), reference={"thread": "t1"}).reference == {"thread": "t1"}
    assert told(subject(alert()), attempts=0).attempt == 1


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: repr(name[:12]))
def test_hostile_names_stay_as_they_are_here_and_do_no_harm_where_they_are_shown(name: str) -> None:
    around = replace(
        AROUND,
        site_names={site_id(1): name, site_id(2): name},
        background={(site_id(1), "coverage"): Background(picture=PNG)},
    )
    bad = {"summary": f"{name}.", "classifier": name}
    for about in (subject(alert(1, **bad)), subject(alert(1, **bad), alert(2, **bad), cause=name)):
        for reason in ("first", "all_resolved", "merged"):
            message = told(about, reason, around, said={"is_over": reason != "first"})
            assert {one.site.name for one in message.incident.alerts} == {name}
            shown = rendered(message)
            for markup in ("<script>alert", "onerror=alert(1)>"):
                assert markup not in shown["page"]
            for lines in (shown["text"], shown["page"], *message.incident.charts):
                assert not {"\u202e", "\x1b", "\r"} & set(lines)
            assert not any(line.startswith("Bcc:") for line in shown["text"].splitlines())
            assert mail_of(message, MAIL)["Bcc"] is None
            assert len(wording.headline(message)) < 300
            assert all("/" not in chart for chart in message.incident.charts)


@given(
    names=st.lists(st.text(max_size=80), min_size=1, max_size=4),
    states=st.lists(
        st.sampled_from(["pending", "open", "acknowledged", "resolved", "lapsed"]), min_size=1, max_size=6
    ),
    severity=st.sampled_from(SEVERITIES),
    reason=st.sampled_from(sorted(NOTIFYING)),
    is_over=st.booleans(),
    text=st.text(max_size=200),
)
def test_whatever_the_ledger_holds_becomes_a_message_that_can_be_shown(
    names: list[str], states: list[str], severity: str, reason: str, is_over: bool, text: str
) -> None:
    alerts = [
        replace(
            alert(
                number % len(names),
                state=state,
                severity=severity,
                summary=text,
                evidence=text,
                classifier=text,
            ),
            alert_id=str(number),
            opened_at=None if state in {"pending", "lapsed"} else START,
            resolved_at=START if state == "resolved" else None,
        )
        for number, state in enumerate(states)
    ]
    around = replace(AROUND, site_names={site_id(number): name for number, name in enumerate(names)})
    message = told(
        subject(*alerts, cause=text), reason, around, said={"is_over": is_over, "severity": severity}
    )
    assert all(rendered(message).values())
    assert message.incident.status == ("resolved" if is_over else "open")
    assert {one.alert_id for one in message.incident.alerts} == {
        one.alert_id for one in alerts if one.opened_at is not None
    }
    order = [["open", "acknowledged", "resolved"].index(one.status) for one in message.incident.alerts]
    assert order == sorted(order)


@pytest.mark.parametrize("evidence", ["", "no JSON", "[1, 2]", "null", "1" * 5000])
def test_evidence_that_cannot_be_read_keeps_nobody_from_being_told(evidence: str) -> None:
    (view,) = told(subject(alert(evidence=evidence))).incident.alerts
    assert view.evidence == {}


def test_evidence_is_what_the_finding_said_with_what_the_cloud_blames() -> None:
    blamed = (Blamed("weak-signal", 31.5, 42), Blamed("asymmetry-uplink", 3.0))
    background = {
        (site_id(1), "coverage"): Background(classifiers=blamed, classifiers_day=date(2026, 11, 22)),
    }
    message = told(subject(alert(1), alert(2)), around=replace(AROUND, background=background))
    with_it, without_it = message.incident.alerts
    assert with_it.evidence["score_pct"] == without_it.evidence["score_pct"] == 61.2
    assert with_it.evidence["classifiers_day"] == "2026-11-22"
    assert "classifiers" not in without_it.evidence
    (table,) = blame_tables(message.incident)
    assert [(row.site, row.classifier, row.degraded_pct, row.num_users) for row in table.rows] == [
        ("Store 1", "weak-signal", 31.5, 42),
        ("Store 1", "asymmetry-uplink", 3.0, None),
    ]


def test_pictures_are_those_of_the_worst_alerts_each_under_a_heading_of_its_own() -> None:
    name = "The very same beginning of a name that is far too long to be shown in any heading"
    pairs = {
        (site_id(number), "coverage"): Background(picture=PNG + bytes([number])) for number in range(1, 9)
    }
    pairs[site_id(2), "coverage"] = Background()
    alerts = [alert(number, severity="warning" if number == 1 else "critical") for number in range(1, 9)]
    around = replace(AROUND, background=pairs, site_names=dict.fromkeys(map(site_id, range(1, 9)), name))
    charts = told(subject(*alerts), around=around).incident.charts
    assert [picture[-1] for picture in charts.values()] == [3, 4, 5]
    assert len({picture_title(title) for title in charts}) == MOST_PICTURES
    one = told(subject(alert(3)), around=replace(AROUND, background=pairs)).incident.charts
    assert [picture_title(title) for title in one] == ["Coverage at Store 3"]


def test_the_pairs_that_lead_are_those_of_the_worst_alerts_and_have_a_metric() -> None:
    alerts = [
        over(alert(1)),
        alert(2, metric="", severity="critical"),
        alert(3, severity="warning"),
        alert(4),
        alert(4, alert_id="again"),
    ]
    about = subject(*alerts)
    row = delivery(about)
    assert leading_pairs(row, by_id(about)) == (
        (site_id(4), "coverage"),
        (site_id(3), "coverage"),
        (site_id(1), "coverage"),
    )
    assert leading_pairs(row, by_id(about), most=1) == ((site_id(4), "coverage"),)
    storm = subject(*(alert(number) for number in range(1, 300)))
    names = {site_id(number): f"{999 - number}" for number in range(1, 300)}
    first = leading_pairs(delivery(storm), by_id(storm), names)
    assert len(first) == MOST_PAIRS
    assert first[0] == (site_id(299), "coverage"), "in the order in which people see them"


def test_a_storm_of_three_hundred_sites_is_one_message_within_every_limit() -> None:
    about = subject(
        *(alert(number) for number in range(1, 301)), attribute="storm", cause="radio at 40 sites at once"
    )
    message = told(about)
    assert message.incident.title == "radio at 300 sites at once"
    assert len(message.incident.sites) == 300
    assert len(incident_blocks(message)) <= 50
    assert len(rendered(message)["page"]) < 100_000


def test_three_thousand_alerts_are_composed_in_well_under_a_second() -> None:
    about = subject(*(alert(number) for number in range(3000)))
    row = delivery(about)
    begun = time.process_time()
    message = compose(row, by_id(about), AROUND)
    assert time.process_time() - begun < 1
    assert len(message.incident.alerts) == 3000


def test_rows_that_the_ledger_writes_become_messages(tmp_path: Path) -> None:
    route = Route(name="all", sinks=("mail",))
    with Ledger(tmp_path / "ledger.db") as ledger:
        rows = [finding(f"s{number}", severity="critical") for number in range(2)]
        ledger.record_evaluation(
            EvaluationInput(as_of=START, source="live", findings=findings(rows)),
            NotificationRules(routes=[route]),
        )
        tests: list[Notification] = ledger.send_test(["mail"], "info", START)
        assert len(tests) == 1
        leased = Outbox(ledger.engine).lease("w", START)
        messages = []
        for row in leased:
            found = [ledger.incident(name) for name in incident_ids(row)]
            subjects = by_id(*(Subject(one, tuple(alerts)) for one, alerts, _ in found))
            messages.append(compose(row, subjects, AROUND))
    assert sorted((one.reason, one.incident.severity) for one in messages) == [
        ("first", "critical"),
        ("first", "critical"),
        ("test", "info"),
    ]
    assert {one.site.site_id for message in messages for one in message.incident.alerts} == {
        "s0",
        "s1",
        "example",
    }
