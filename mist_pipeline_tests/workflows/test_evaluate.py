"""The pipeline's own findings: sinks that fail."""

import json
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.alerts.ledger.sink_health import FailingSink
from mist_pipeline.tables import live as live_tables
from mist_pipeline.workflows.self_monitoring import sink_sentence, sink_troubles
from mist_pipeline_tests.support.alerts.histories import HOUR, START


def failing(sink: str = "chat", **more: object) -> FailingSink:
    return FailingSink(**{"sink": sink, "since": START, "error": "403", "waiting": 2, **more})  # type: ignore[arg-type]


def test_every_sink_that_fails_is_a_finding_of_its_own_that_keeps_its_name() -> None:
    assert sink_troubles([], UTC, START).is_empty()
    found = sink_troubles([failing("chat"), failing("mail")], UTC, START + HOUR)
    assert live_tables.FINDINGS.conform(found).equals(found)
    assert sorted(found["family"]) == ["pipeline:delivery:chat", "pipeline:delivery:mail"]
    (again,) = sink_troubles([failing("mail", error="500", waiting=9)], UTC, START + 2 * HOUR)["fingerprint"]
    assert again in found["fingerprint"].to_list()
    evidence = json.loads(found.filter(family="pipeline:delivery:chat")["evidence"].item())
    assert evidence == {"sink": "chat", "since": START.isoformat(), "error": "403", "waiting": 2}


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (failing(), "Sink chat has not accepted any message since {} (2 are waiting): 403"),
        (failing(waiting=1), "Sink chat has not accepted any message since {} (1 is waiting): 403"),
        (
            failing(error=""),
            "Sink chat has not accepted any message since {} (2 are waiting): none was tried yet",
        ),
        (failing(waiting=0), "Sink chat refused its newest message, of {}: 403"),
        (
            failing(accepts_others=True),
            "Sink chat accepts some messages, but not one of {} (2 are waiting): 403",
        ),
        (
            failing(error="a\nb Bearer abcdefgh0123456789"),
            "Sink chat has not accepted any message since {} (2 are waiting): a b Bearer …",
        ),
    ],
)
def test_a_sentence_says_which_sink_since_when_and_why(one: FailingSink, sentence: str) -> None:
    assert sink_sentence(one, UTC) == sentence.format(f"{START:%Y-%m-%d %H:%M} UTC")


def test_the_time_is_that_of_the_organisation() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert f"{START.astimezone(zone):%Y-%m-%d %H:%M %Z}" in sink_sentence(failing(), zone)
