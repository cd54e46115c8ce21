"""Whatever a ledger holds becomes a message that can be shown: hostile names, odd evidence, thousands of alerts."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.alerts.notify.decision import NOTIFYING
from mist_pipeline.alerts.notify.plan import Notification
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.sinks.mail.sink import compose as mail_of
from mist_pipeline.delivery.sinks.slack.blocks import incident_blocks
from mist_pipeline.domain.severity import SEVERITIES
from mist_pipeline.notification.builder import compose, incident_ids
from mist_pipeline.notification.message_context import Background, Subject
from mist_pipeline_tests.support.alerts.histories import finding, findings
from mist_pipeline_tests.support.delivery.messages import PNG
from mist_pipeline_tests.support.notification.composing import AROUND, HOSTILE_NAMES, MAIL, rendered, told
from mist_pipeline_tests.support.notification.rows import (
    START,
    alert,
    by_id,
    delivery,
    site_id,
    subject,
)


@pytest.mark.slow
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


def test_a_storm_of_three_hundred_sites_is_one_message_within_every_limit() -> None:
    about = subject(
        *(alert(number) for number in range(1, 301)), attribute="storm", cause="radio at 40 sites at once"
    )
    message = told(about)
    assert message.incident.title == "radio at 300 sites at once"
    assert len(message.incident.sites) == 300
    assert len(incident_blocks(message)) <= 50
    assert len(rendered(message)["page"]) < 100_000


@pytest.mark.slow
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
