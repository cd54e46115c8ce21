"""Messages say since when, whether it goes on, and until when: of the trouble, not of our noticing it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mist_pipeline.delivery.message import IncidentView
from mist_pipeline.delivery.rendering import wording

NOTICED = datetime(2026, 3, 2, 14, 25, tzinfo=UTC)
HOUR = timedelta(hours=1)
GOING = IncidentView(
    incident_id="i1",
    fingerprint="f1",
    title="Coverage is bad",
    severity="critical",
    scope="site",
    status="open",
    opened_at=NOTICED,
    updated_at=NOTICED,
    began_at=NOTICED - timedelta(days=7),
)
RECOVERING = replace(GOING, last_bad_at=NOTICED - 2 * HOUR)
OVER = replace(RECOVERING, status="resolved", resolved_at=NOTICED)


def fact(incident: IncidentView, name: str) -> str:
    return dict(wording.facts(incident))[name]


def test_a_decline_of_a_week_is_not_since_less_than_a_minute() -> None:
    assert "7 d" in fact(GOING, "Since")
    assert "noticed at" in fact(GOING, "Since")


def test_what_was_noticed_at_once_does_not_say_so() -> None:
    at_once = replace(GOING, began_at=NOTICED - timedelta(minutes=5))
    assert "noticed" not in fact(at_once, "Since")


@pytest.mark.parametrize(
    ("incident", "words"),
    [
        (GOING, "going on"),
        (replace(GOING, status="acknowledged"), "going on, acknowledged"),
        (RECOVERING, "recovering since"),
        (OVER, "over since"),
        (replace(OVER, merged_into="i2"), "merged"),
    ],
)
def test_the_state_says_whether_it_goes_on(incident: IncidentView, words: str) -> None:
    assert fact(incident, "State").startswith(words)


def test_what_is_over_lasted_until_its_last_bad_hour_not_until_we_were_sure() -> None:
    assert wording.lasted(OVER) == timedelta(days=7) - 2 * HOUR
    assert wording.instant(RECOVERING.last_bad_at or NOTICED) in fact(OVER, "When")


def test_where_the_beginning_is_not_known_it_is_when_it_was_noticed() -> None:
    unknown = replace(GOING, began_at=None)
    assert unknown.since == NOTICED
