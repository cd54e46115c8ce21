"""From a row of the outbox to a message: what was true when it was decided, in words that every renderer can show."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import get_args

import pytest

from mist_pipeline.alerts.lifecycle.model import Alert
from mist_pipeline.alerts.notify.decision import NOTIFYING
from mist_pipeline.alerts.notify.outcome import Delivery
from mist_pipeline.delivery.message import Reason
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import blame_tables, picture_title, render_page
from mist_pipeline.delivery.sinks.mail.sink import compose as compose_mail
from mist_pipeline.domain.console_links import answer_urls
from mist_pipeline.notification.builder import MOST_PAIRS, MOST_PICTURES, compose, leading_pairs
from mist_pipeline.notification.message_context import Background, Blamed, Subject
from mist_pipeline_tests.support.alerts.impacts import impact
from mist_pipeline_tests.support.delivery.messages import PNG
from mist_pipeline_tests.support.notification.composing import AROUND, MAIL, REMEDIATION, rendered, told
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
)

GREW = {
    "alert_id": "alert-2",
    "at": (DECIDED_AT - HOUR).isoformat(),
    "metric": "coverage",
    "from_pct": 18.4,
    "to_pct": 61.9,
}


@pytest.mark.parametrize(
    ("reason", "said", "expected"),
    [
        ("first", {}, ("first", "open")),
        ("severity_rise", {"detail": "major → critical"}, ("severity_rise", "open")),
        ("much_worse", {"detail": "18 % → 61 %", "worse": GREW}, ("much_worse", "open")),
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


def test_a_message_says_how_much_worse_it_was_when_it_was_decided_whatever_came_since() -> None:
    since = alert(
        2, worse_at=DECIDED_AT + HOUR, worse_metric="coverage", worse_from_pct=61.9, worse_to_pct=99.0
    )
    view = told(subject(alert(1), since), "much_worse", said={"worse": GREW}).incident.worse
    assert view is not None
    assert (view.site.site_id, view.from_pct, view.to_pct, view.at) == (
        site_id(2),
        18.4,
        61.9,
        DECIDED_AT - HOUR,
    )
    assert told(subject(alert(1), since), "repeat_due").incident.worse is None, "not yet then"
    known = replace(since, worse_at=START)
    view = told(subject(alert(1), known), "repeat_due").incident.worse
    assert view is not None
    assert (view.from_pct, view.to_pct) == (61.9, 99.0)
    assert told(subject(over(known)), "all_resolved", said={"is_over": True}).incident.worse is None


def test_a_digest_says_how_much_worse_one_of_its_incidents_became() -> None:
    about = subject(alert(1), alert(2))
    row = digest([(about, "much_worse", {"worse": GREW})])
    view = compose(row, by_id(about), AROUND).incident
    assert view.worse is not None
    assert (view.worse.site.site_id, view.worse.to_pct) == (site_id(2), 61.9)


def test_a_message_says_who_is_hit_with_links_to_the_devices() -> None:
    about = subject(alert(1))
    known = impact(incident_id=about.incident.incident_id, clients=(), parts={})
    around = replace(
        AROUND,
        impacts={known.incident_id: known},
        device_url=lambda kind, mac, site: f"https://manage.mist.com/{kind}/{mac}/{site}",
    )
    view = told(about, around=around).incident.impact
    assert view is not None
    assert (view.num_users, view.lost_user_hours, view.unknown) == (4, 90.5 / 60, "devices: why")
    assert [device.url for device in view.devices] == ["https://manage.mist.com/ap/5c5b35000001/s1"]
    assert told(about).incident.impact is None


def test_there_is_a_message_for_every_reason_of_the_ledger_and_of_the_sinks() -> None:
    reasons = {*NOTIFYING, *get_args(Reason)} - {"digest", "test"}
    for reason in reasons:
        assert told(subject(alert()), reason).reason in get_args(Reason)
    with pytest.raises(ValueError, match="'quiet_hours' is no reason of a message"):
        told(subject(alert()), "quiet_hours")


def test_a_site_that_shares_its_name_carries_its_id_though_the_message_is_about_it_alone() -> None:
    around = replace(AROUND, site_names={site_id(1): "Lab", site_id(2): "LAB ", site_id(3): "Shop"})
    message = told(subject(alert(1)), around=around)
    label = f"Lab · {site_id(1)[:8]}"
    assert message.incident.title.startswith(f"{label}: ")
    assert wording.places(message.incident) == label
    assert wording.lines_of(message.incident)[0].startswith(f"CRITICAL {label}: ")
    assert told(subject(alert(3)), around=around).incident.title.startswith("Shop: ")


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
        ("radio at 1,300 sites at once", 3000, "radio at 3,000 sites at once"),
    ],
)  # fmt: skip
def test_a_shared_cause_says_how_many_sites_it_hits_by_now(cause: str, sites: int, title: str) -> None:
    alerts = [alert(number) for number in range(1, sites + 1)]
    attribute = "storm" if cause.endswith("at once") else "firmware"
    view = told(subject(*alerts, cause=cause, attribute=attribute)).incident
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


def test_trouble_about_a_run_leads_to_that_run() -> None:
    around = replace(AROUND, failed_run_url=lambda run: f"https://dagster.example.com/runs/{run}")
    failed = alert(site_id="", family="pipeline:daily", metric="", evidence='{"run_id": "abc"}')
    other = alert(site_id="", family="pipeline:checks", metric="", evidence='{"run_id": 7}')
    site = alert(evidence='{"run_id": "abc"}')

    def page(one: Alert) -> str | None:
        about = subject(one, family=one.family, value=one.site_id)
        return told(about, around=around).incident.run_url

    assert page(failed) == "https://dagster.example.com/runs/abc"
    assert page(other) == page(site) == AROUND.run_url


def test_a_message_leads_to_its_page_in_the_console() -> None:
    around = replace(AROUND, console_url="https://console.example.com/")
    message = told(subject(alert()), around=around)
    page = f"https://console.example.com/incident/{message.incident.incident_id}"
    assert message.incident.page_url == page
    assert page in rendered(message)["text"]
    assert told(subject(alert())).incident.page_url is None


def test_a_message_asks_what_people_think_where_links_are_signed() -> None:
    around = replace(
        AROUND,
        answer_urls=lambda name, at: answer_urls("https://console.example.com", name, "0123456789abcdef", at),
    )
    message = told(subject(alert()), around=around)
    urls = message.incident.answer_urls
    assert list(urls) == ["right", "wrong", "known", "planned"]
    shown = rendered(message)
    assert json.loads(shown["webhook"])["incident"]["answer_urls"] == urls
    assert all(url.replace("&", "&amp;") in shown["page"] for url in urls.values())
    # People who are told elsewhere may not reach the console.
    assert not any(url in shown[name] for url in urls.values() for name in ("text", "slack"))
    text = compose_mail(message, MAIL).get_body(("plain",))
    assert text is not None
    assert all(url in text.get_content() for url in urls.values())
    assert told(subject(alert())).incident.answer_urls == {}


def test_trouble_of_the_whole_organisation_is_no_trouble_of_the_pipeline() -> None:
    alarm = alert(site_id="", family="device", metric="", summary="Open alarms of the Mist cloud: x (3).")
    view = told(subject(alarm, family="device", value="")).incident
    assert (view.scope, view.title) == (
        "site",
        "The whole organisation: Open alarms of the Mist cloud: x (3)",
    )


def test_an_incident_that_the_ledger_does_not_have_is_named() -> None:
    row = delivery(subject(alert()))
    with pytest.raises(LookupError, match="delivery 7 to mail is about incident '1a2b3c4d5e6f7a8b'"):
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
    assert "not known" in render_page(message, {})


def test_a_mail_has_no_column_of_users_that_nobody_knows() -> None:
    blamed = (Blamed("weak-signal", 31.5), Blamed("asymmetry-uplink", 3.0))
    background = {
        (site_id(1), "coverage"): Background(classifiers=blamed, classifiers_day=date(2026, 11, 22)),
    }
    page = render_page(told(subject(alert(1)), around=replace(AROUND, background=background)), {})
    assert "Weak signal" in page
    assert ">Users<" not in page
    assert "–" not in page


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


def test_a_first_message_about_what_is_over_says_both() -> None:
    about = subject(over(alert(), DECIDED_AT + HOUR), state="resolved", resolved_at=DECIDED_AT + HOUR)
    message = told(about, "first", said={"is_over": True, "site_ids": []})
    assert wording.headline(message).startswith("RESOLVED after ")
    assert wording.why(message) == "First message about this incident. It is over already."
    assert dict(wording.facts(message.incident))["State"].startswith("over since ")
    assert ("Severity", message.incident.severity) in wording.facts(message.incident)
