"""The generic webhook and the file sink: the whole incident, signed, or as files to look at."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mist_pipeline.delivery.message import DeviceView, ImpactView
from mist_pipeline.delivery.sink import Accepted, Refused, Retry
from mist_pipeline.delivery.sinks.file.sink import FileSink
from mist_pipeline.delivery.sinks.webhook.document import document_of
from mist_pipeline.delivery.sinks.webhook.sink import WebhookSink, standard_signature
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline_tests.support.delivery.messages import (
    HOSTILE,
    PNG,
    START,
    WORSE,
    alert,
    incident,
    message,
    resolved,
    site,
)
from mist_pipeline_tests.support.delivery.retry_table import IMPATIENT
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply

KEY = "a-key-of-the-webhook"
NOW = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)


def sink(
    fake: FakeHttp, token: str | None = None, *, path: str = "/in", key: str = KEY, max_bytes: int = 100_000
) -> WebhookSink:
    return WebhookSink(
        "hook",
        Secret(f"{fake.url}{path}"),
        Secret(key),
        Secret(token) if token else None,
        max_bytes=max_bytes,
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


STANDARD_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_that_of_the_published_vector_of_standard_webhooks() -> None:
    key = base64.b64decode(STANDARD_KEY.removeprefix("whsec_"))
    signed = standard_signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("key", "meant"),
    [(STANDARD_KEY, base64.b64decode(STANDARD_KEY.removeprefix("whsec_"))), (KEY, KEY.encode())],
    ids=["whsec", "characters"],
)
def test_a_receiver_can_use_a_library_of_standard_webhooks(key: str, meant: bytes) -> None:
    with FakeHttp() as fake:
        assert sink(fake, key=key).send(message()) == Accepted()
        [seen] = fake.requests
    # As the verifying side of the specification does it.
    signed = f"{seen.headers['webhook-id']}.{seen.headers['webhook-timestamp']}.".encode() + seen.body
    version, _, told = seen.headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert hmac.compare_digest(
        base64.b64decode(told, validate=True), hmac.new(meant, signed, hashlib.sha256).digest()
    )
    assert seen.headers["webhook-id"] == seen.headers["x-mist-delivery"]
    assert seen.headers["webhook-timestamp"] == seen.headers["x-mist-timestamp"]
    # Our own header is there as before, under the key as it is written.
    ours = hmac.new(
        key.encode(), seen.headers["webhook-timestamp"].encode() + b"." + seen.body, hashlib.sha256
    )
    assert seen.headers["x-mist-signature"] == f"v1={ours.hexdigest()}"


@pytest.mark.parametrize(
    "key", ["whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all!!", "whsec_" + "QUJD" * 40]
)
def test_a_standard_key_that_is_none_is_an_error_at_once(key: str) -> None:
    with pytest.raises(ValueError, match=r"webhook of hook: .*(24 to 64 bytes|at least 16)") as caught:
        WebhookSink("hook", Secret("https://example.com"), Secret(key))
    assert key[8:] not in str(caught.value) or not key[8:]


@pytest.mark.parametrize(
    "path",
    [
        "/in/", "/in", "/", "/in/?", "/a//b/../c/", "/in?sig=abc%2Fdef%3D&b=&c", "/in/?a=%7E~+%20&a=b/", "/in?a=1&",
        "/hooks/%F0%9F%A5%90/(x)/$y;z",
    ],
)  # fmt: skip
def test_the_address_is_asked_for_exactly_as_it_is_configured(path: str) -> None:
    with FakeHttp() as fake:
        assert sink(fake, path=path).send(message()) == Accepted()
        assert fake.requests[0].target == path.removesuffix("?")


@pytest.mark.parametrize("sites", [1, 60, 3_000])
@pytest.mark.parametrize("most", [20_000, 100_000])
def test_a_document_has_a_longest_size_and_says_how_many_alerts_are_left_out(sites: int, most: int) -> None:
    about = incident(sites)
    with FakeHttp() as fake:
        assert sink(fake, max_bytes=most).send(message(about)) == Accepted()
        [seen] = fake.requests
    assert len(seen.body) <= most
    told = seen.document()["incident"]
    shown = [one["alert_id"] for one in told["alerts"]]
    # The worst come first.
    assert shown == [one.alert_id for one in about.alerts][: len(shown)]
    assert len(shown) + told["alerts_left_out"] == sites
    assert shown or sites == 0
    if told["alerts_left_out"]:
        assert len(seen.body) > most - 2_000


def test_texts_without_end_do_not_break_the_size_of_a_document() -> None:
    long = HOSTILE * 500
    size = ImpactView(
        as_of=START,
        num_sites=3,
        num_sites_asked=3,
        unknown=long,
        devices=tuple(DeviceView("ap", long, f"{number:012x}") for number in range(500)),
        clients=(long,) * 500,
    )
    about = incident(3, title=long, cause=long, remediation=(long,) * 50, impact=size)
    with FakeHttp() as fake:
        assert sink(fake, max_bytes=20_000).send(message(about)) == Accepted()
        [seen] = fake.requests
    assert len(seen.body) <= 20_000
    told = seen.document()["incident"]["impact"]
    assert len(told["devices"]) + told["devices_left_out"] == 500
    assert len(told["clients"]) + told["clients_left_out"] == 500
    assert len(seen.document()["incident"]["alerts"]) + seen.document()["incident"]["alerts_left_out"] == 3


def test_a_receiver_that_repeats_the_key_without_its_prefix_is_not_quoted() -> None:
    with FakeHttp() as fake:
        fake.script(Reply(400, f"bad key {STANDARD_KEY.removeprefix('whsec_')}".encode()))
        outcome = sink(fake, key=STANDARD_KEY).send(message())
    assert outcome == Refused("the webhook answered 400: bad key ***")


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


def test_the_document_says_how_much_worse_it_became() -> None:
    assert document_of(message())["incident"]["worse"] is None
    document = document_of(message(incident(worse=WORSE), "much_worse", 2))
    assert document["reason"] == "much_worse"
    assert document["incident"]["worse"] == {
        "site_id": site(1).site_id,
        "metric": "coverage",
        "from_pct": 18.4,
        "to_pct": 61.9,
        "at": "2026-11-23T04:25:00Z",
    }


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
    about = incident(2, charts={"Coverage at Store-1.png": PNG})
    outcome = FileSink("try", tmp_path / "out").send(message(about))
    assert isinstance(outcome, Accepted)
    folder = tmp_path / "out" / about.incident_id
    assert outcome.reference == {"folder": str(folder)}
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"001-first-delivery-1.{kind}" for kind in ("html", "json", "txt")]
    page = (folder / names[0]).read_text()
    assert 'src="data:image/png;base64,' in page
    assert "Coverage at Store-1" in page
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
