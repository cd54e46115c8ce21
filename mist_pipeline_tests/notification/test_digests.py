"""Messages about several incidents, and about none: digests of quiet hours, and tests of a sink."""

from dataclasses import replace

import pytest

from mist_pipeline.domain import text as plain_text
from mist_pipeline.domain.severity import SEVERITIES
from mist_pipeline.notification.builder import compose, incident_ids, leading_pairs
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
