"""Messages about several incidents, and about none: digests of quiet hours, and tests of a sink."""

import json
from dataclasses import replace

import pytest

from mist_pipeline.domain import text as plain_text
from mist_pipeline.domain.severity import SEVERITIES
from mist_pipeline.notification.builder import compose, incident_ids, leading_pairs
from mist_pipeline.notification.message_context import Subject
from mist_pipeline_tests.support.alerts.impacts import impact
from mist_pipeline_tests.support.delivery.messages import HOSTILE
from mist_pipeline_tests.support.notification.composing import AROUND, rendered
from mist_pipeline_tests.support.notification.rows import (
    DECIDED_AT,
    HOUR,
    START,
    alert,
    by_id,
    digest,
    over,
    subject,
    trial,
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


def past(number: int, began: float, ended: float, **changes: object) -> Subject:
    """An incident that was over before it was noticed; hours before the digest."""
    gone = over(
        alert(
            number, is_past=True, began_at=START - began * HOUR, last_bad_at=START - ended * HOUR, **changes
        )
    )
    return subject(gone, incident_id=f"past-{number}", state="resolved", opened_at=START - HOUR)


def test_a_digest_tells_the_past_with_its_true_times_in_every_form() -> None:
    going = subject(alert(1), incident_id="a" * 16)
    gone = past(2, 10, 6), past(3, 30, 3, severity="warning", highest="warning")
    row = digest(
        [
            (going, "first", {"severity": "major"}),
            *((one, "past", {"severity": "critical", "is_over": True}) for one in gone),
        ]
    )
    message = compose(row, by_id(going, *gone), AROUND)
    view, shown = message.incident, rendered(message)
    assert view.title == "1 incident during quiet hours; 2 more were over before they were noticed"
    assert (view.severity, view.status, view.opened_at, view.since) == ("major", "open", START, START)
    assert [one.site.name for one in view.alerts] == ["Store 1", "Store 2", "Store 3"]
    times = "2026-11-22 18:15 to 22:15 UTC (4 h)", "2026-11-21 22:15 to 2026-11-23 01:15 UTC (1 d 3 h)"
    sentence = "Coverage 61.2 %: critical (below 70 %), mostly weak-signal."
    assert f"- PAST Store 2, {times[0]}: {sentence}" in shown["text"]
    assert f"- PAST Store 3, {times[1]}: {sentence}" in shown["text"]
    assert "Where:    Store 1\n" in shown["text"], "what is over is nowhere now"
    assert "1 open, 2 over before it was noticed" in shown["text"]
    for when in times:
        assert when in shown["page"]
        assert when in shown["slack"]
    alerts = json.loads(shown["webhook"])["incident"]["alerts"]
    assert [one["is_past"] for one in alerts] == [False, True, True]
    assert [one["last_bad_at"] for one in alerts[1:]] == ["2026-11-22T22:15:00Z", "2026-11-23T01:15:00Z"]


def test_a_digest_counts_the_past_that_it_does_not_list() -> None:
    going, gone = subject(alert(1), incident_id="a" * 16), past(2, 10, 6)
    row = digest([(going, "first", {}), (gone, "past", {"is_over": True})])
    row = replace(row, payload={**row.payload, "counted": 12})
    message = compose(row, by_id(going, gone), AROUND)
    assert (
        message.incident.title == "1 incident during quiet hours; 13 more were over before they were noticed"
    )
    assert "12 more incidents that ended before anybody noticed" in rendered(message)["text"]


def test_a_digest_says_how_large_its_incidents_are_together() -> None:
    members = subject(alert(1), incident_id="a" * 16), subject(alert(2), incident_id="b" * 16)
    row = digest([(one, "first", {}) for one in members])
    size = impact(
        incident_id=row.incident_id, num_sites=2, num_sites_asked=2, num_users=7, total_users=40, unknown=""
    )
    message = compose(row, by_id(*members), replace(AROUND, impacts={row.incident_id: size}))
    assert "Impact:   7 of 40 users, 1.5 user-hours lost so far" in rendered(message)["text"]


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
