"""What ``doctor`` says of the sinks: which fail, since when, and what to do."""

from datetime import timedelta
from pathlib import Path

from mist_pipeline.alerts.notify.outcome import Accepted, Refused, Retry
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, WRONG, Check
from mist_pipeline.workflows.doctor.telling import delivery
from mist_pipeline_tests.support.workflows.messages_waiting import configured, waits

HOUR = timedelta(hours=1)


def only(found: list[Check]) -> Check:
    (one,) = found
    return one


def test_before_anything_was_sent_there_is_nothing_to_say_and_nothing_is_made(tmp_path: Path) -> None:
    assert list(delivery(configured(tmp_path))) == []
    assert list(delivery(configured(tmp_path, "chat"))) == []
    assert list(tmp_path.iterdir()) == []


def test_sinks_that_accept_what_they_are_sent_are_fine(tmp_path: Path) -> None:
    settings = configured(tmp_path, "chat", "mail")
    waits(settings, chat=Accepted(), mail=Accepted())
    assert only(list(delivery(settings))) == Check(FINE, "sinks", "chat, mail: no message waits for long")


def test_a_sink_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    settings = configured(tmp_path, "chat", "mail")
    waits(settings, chat=Retry("Slack answered 403"), mail=Accepted())
    check = only(list(delivery(settings)))
    assert (check.verdict, check.subject) == (DOUBTFUL, "sink chat")
    assert check.found.startswith("Sink chat has not accepted any message since ")
    assert check.found.endswith("Slack answered 403")
    assert check.fix == "it is tried again by itself"


def test_a_refused_message_is_sent_again_by_hand(tmp_path: Path) -> None:
    settings = configured(tmp_path, "chat", "mail")
    waits(settings, chat=Refused("404"), mail=Accepted())
    assert "alerts retry" in only(list(delivery(settings))).fix


def test_what_waits_untried_asks_for_the_daemon(tmp_path: Path) -> None:
    settings = configured(tmp_path, "chat", "mail")
    waits(settings, chat=None, mail=Accepted())
    assert "mist-pipeline daemon" in only(list(delivery(settings))).fix


def test_when_no_sink_accepts_anything_that_is_wrong_since_nobody_can_be_told(tmp_path: Path) -> None:
    settings = configured(tmp_path, "chat", "mail")
    waits(settings, chat=Retry("403"), mail=Retry("421"))
    found = list(delivery(settings))
    assert [check.verdict for check in found] == [WRONG, WRONG]
    assert all("nobody is told" in check.fix for check in found)


def test_a_sink_that_is_not_configured_any_more_is_not_told(tmp_path: Path) -> None:
    waits(configured(tmp_path, "chat", "mail"), chat=Retry("403"), mail=Accepted())
    assert only(list(delivery(configured(tmp_path, "mail")))).verdict == FINE


def test_patience_is_as_long_as_it_is_set(tmp_path: Path) -> None:
    settings = configured(tmp_path, "chat", "mail")
    waits(settings, chat=Retry("403"), mail=Accepted())
    patient = settings.model_copy(
        update={"alerts": settings.alerts.model_copy(update={"sink_patience_minutes": 180})}
    )
    assert only(list(delivery(patient))).verdict == FINE
