"""The pipeline's own findings: sinks that fail, recipients that get nothing."""

import json
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from mist_pipeline.alerts.ledger.reader import Unreached
from mist_pipeline.alerts.ledger.sink_health import FailingSink
from mist_pipeline.tables import live as live_tables
from mist_pipeline.workflows.self_monitoring.delivery import (
    MOST_RECIPIENTS,
    RECIPIENT_PATIENCE,
    sink_sentence,
    sink_troubles,
    unreached_recipients,
)
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


def unreached(recipient: str, *, is_final: bool = True) -> Unreached:
    return Unreached(
        sink="mail", recipient=recipient, said="550 5.1.1 no such user", since=START, is_final=is_final
    )


def test_recipients_that_get_no_mail_are_one_finding_with_every_answer() -> None:
    assert unreached_recipients([], START).is_empty()
    found = unreached_recipients([unreached("a@example.com"), unreached("b@example.com")], START)
    assert live_tables.FINDINGS.conform(found).equals(found)
    (row_,) = found.rows(named=True)
    assert row_["severity"] == "major"
    assert (
        row_["summary"]
        == "Messages of mail do not arrive at a@example.com, nor to 1 other recipient: 550 5.1.1 no such user"
    )
    assert [one["recipient"] for one in json.loads(row_["evidence"])["recipients"]] == [
        "a@example.com",
        "b@example.com",
    ]
    assert (
        row_["fingerprint"] == unreached_recipients([unreached("c@example.com")], START)["fingerprint"].item()
    )
    many = unreached_recipients([unreached(f"{number}@example.com") for number in range(300)], START)
    assert json.loads(many["evidence"].item())["unreached"] == 300
    assert len(json.loads(many["evidence"].item())["recipients"]) == MOST_RECIPIENTS


def test_a_recipient_that_is_greylisted_is_no_finding_before_it_lasts() -> None:
    grey = [unreached("a@example.com", is_final=False)]
    assert unreached_recipients(grey, START + RECIPIENT_PATIENCE / 2).is_empty()
    assert unreached_recipients(grey, START + RECIPIENT_PATIENCE).height == 1
