"""The generic webhook and the file sink: the whole incident, signed, or as files to look at."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mist_pipeline.delivery.sink import Accepted, Refused, Retry
from mist_pipeline.delivery.sinks.file.sink import FileSink
from mist_pipeline.delivery.sinks.webhook.document import document_of
from mist_pipeline.delivery.sinks.webhook.sink import WebhookSink
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline_tests.support.delivery.messages import (
    HOSTILE,
    PNG,
    START,
    alert,
    incident,
    message,
    resolved,
    site,
)
from mist_pipeline_tests.support.delivery.retry_table import IMPATIENT
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp

KEY = "a-key-of-the-webhook"
NOW = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)


def sink(fake: FakeHttp, token: str | None = None) -> WebhookSink:
    return WebhookSink(
        "hook",
        Secret(f"{fake.url}/in"),
        Secret(KEY),
        Secret(token) if token else None,
        limits=IMPATIENT,
        clock=lambda: NOW,
    )


def test_a_receiver_can_prove_who_sent_it_and_when() -> None:
    with FakeHttp() as fake:
        assert sink(fake).send(message()) == Accepted()
        [seen] = fake.requests
    timestamp = seen.headers["x-mist-timestamp"]
    expected = hmac.new(KEY.encode(), timestamp.encode() + b"." + seen.body, hashlib.sha256).hexdigest()
    assert seen.headers["x-mist-signature"] == f"v1={expected}"
    assert datetime.fromtimestamp(int(timestamp), UTC) == NOW
    assert seen.headers["content-type"] == "application/json"


def test_every_attempt_carries_the_same_delivery_id() -> None:
    with FakeHttp() as fake:
        sink(fake).send(message())
        sink(fake).recover(message(attempt=2))
        first, second = fake.requests
    assert first.headers["x-mist-delivery"] == second.headers["x-mist-delivery"] == "delivery-1"
    assert (first.document()["attempt"], second.document()["attempt"]) == (1, 2)


def test_a_token_is_sent_where_one_is_configured() -> None:
    with FakeHttp() as fake:
        sink(fake).send(message())
        sink(fake, "t0ken").send(message())
        assert [seen.headers.get("authorization") for seen in fake.requests] == [None, "Bearer t0ken"]


def test_a_key_too_short_to_protect_anything_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        WebhookSink("hook", Secret("https://example.com"), Secret("short"))


def test_the_document_holds_the_whole_incident() -> None:
    document = document_of(message(resolved(incident(3)), "all_resolved", 4))
    assert (document["schema"], document["version"]) == ("mist-pipeline/message", 1)
    assert document["reason"] == "all_resolved"
    told = document["incident"]
    assert told["resolved_at"] == "2026-11-23T06:25:00Z"
    assert [one["site_name"] for one in told["alerts"]] == ["Store 1", "Store 2", "Store 3"]
    assert told["alerts"][0]["evidence"]["classifiers"] == [
        {"classifier": "weak-signal", "degraded_pct": 31.5}
    ]


def test_evidence_that_json_does_not_know_does_not_stop_a_message() -> None:
    evidence = {
        "at": START,
        "nan": float("nan"),
        "inf": -float("inf"),
        "tuple": (1, None, True),
        "path": Path("x"),
    }
    about = incident(alerts=(alert(site(1), evidence=evidence),))
    shown = document_of(message(about))["incident"]["alerts"][0]["evidence"]
    assert shown == {
        "at": "2026-11-23T04:15:00Z",
        "nan": None,
        "inf": None,
        "tuple": [1, None, True],
        "path": "x",
    }
    with FakeHttp() as fake:
        assert sink(fake).send(message(about)) == Accepted()


def test_names_reach_a_receiver_as_they_were_typed() -> None:
    with FakeHttp() as fake:
        sink(fake).send(message(incident(alerts=(alert(site(1, HOSTILE)),))))
        assert fake.requests[0].document()["incident"]["alerts"][0]["site_name"] == HOSTILE


def test_a_message_lies_as_three_files_to_look_at(tmp_path: Path) -> None:
    about = incident(2, charts={"coverage-store-1.png": PNG})
    outcome = FileSink("try", tmp_path / "out").send(message(about))
    assert isinstance(outcome, Accepted)
    folder = tmp_path / "out" / about.incident_id
    assert outcome.reference == {"folder": str(folder)}
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"001-first-delivery-1.{kind}" for kind in ("html", "json", "txt")]
    page = (folder / names[0]).read_text()
    assert 'src="data:image/png;base64,' in page
    assert "Coverage store 1" in page
    assert json.loads((folder / names[1]).read_text())["incident"]["incident_id"] == about.incident_id
    assert (folder / names[2]).read_text().startswith("CRITICAL: Coverage is critical at 2 sites\n====")


def test_writing_again_replaces_the_same_files(tmp_path: Path) -> None:
    files = FileSink("try", tmp_path)
    files.send(message())
    files.recover(message(attempt=2))
    assert len(list(tmp_path.rglob("*.*"))) == 3


def test_an_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    told = replace(message(incident(incident_id="../../up")), delivery_id="../x/..")
    assert isinstance(FileSink("try", tmp_path / "out").send(told), Accepted)
    assert {path.parent.parent for path in tmp_path.rglob("*.txt")} == {tmp_path / "out"}


def test_a_folder_that_cannot_be_written_is_a_retry_that_says_which(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    outcome = FileSink("try", tmp_path / "out").send(message())
    assert isinstance(outcome, Retry)
    assert str(tmp_path / "out") in outcome.error


def test_a_file_sink_knows_no_recipients(tmp_path: Path) -> None:
    assert isinstance(FileSink("try", tmp_path).send(message(recipient="somebody")), Refused)
    assert list(tmp_path.iterdir()) == []
