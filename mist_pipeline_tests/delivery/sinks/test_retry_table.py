"""Every way of telling people over HTTP reads the same answers the same way, and keeps its secrets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mist_pipeline.delivery.sink import Accepted, Refused, Retry, Sink, Unknown
from mist_pipeline.delivery.sinks import post
from mist_pipeline.delivery.sinks.pagerduty.sink import PagerDutySink
from mist_pipeline.delivery.sinks.slack.sink import SlackBotSink, SlackWebhookSink
from mist_pipeline.delivery.sinks.webhook.sink import WebhookSink
from mist_pipeline.http_client import session
from mist_pipeline.http_client.failures import HttpLimits, NoAnswerError
from mist_pipeline.http_client.secrets import Secret, secrets_of
from mist_pipeline.http_client.session import HttpAnswer, as_json
from mist_pipeline.http_client.urls import checked_url
from mist_pipeline_tests.support.delivery.messages import message
from mist_pipeline_tests.support.delivery.retry_table import (
    IMPATIENT,
    RETRY_TABLE,
    check_answer,
    check_nobody_there,
    check_pause,
)
from mist_pipeline_tests.support.fakes.certificate import self_signed, server_context
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply
from mist_pipeline_tests.support.fakes.fake_pagerduty import ROUTING_KEY, FakePagerDuty
from mist_pipeline_tests.support.fakes.fake_slack import CHANNEL, HOOK, TOKEN, FakeSlack

KEY = "a-signing-key-nobody-knows"


@dataclass(frozen=True)
class Case:
    """A sink, its receiver, and what must never be shown."""

    fake: Callable[[], FakeHttp]
    make: Callable[[FakeHttp], Sink]
    secret: str


CASES = {
    "slack webhook": Case(
        FakeSlack, lambda fake: SlackWebhookSink("chat", Secret(fake.url + HOOK), IMPATIENT), HOOK
    ),
    "slack bot": Case(
        FakeSlack,
        lambda fake: SlackBotSink("chat", Secret(TOKEN), CHANNEL, f"{fake.url}/api", IMPATIENT),
        TOKEN,
    ),
    "pagerduty": Case(
        FakePagerDuty,
        lambda fake: PagerDutySink("page", Secret(ROUTING_KEY), url=fake.url, limits=IMPATIENT),
        ROUTING_KEY,
    ),
    "webhook": Case(
        FakeHttp,
        lambda fake: WebhookSink("hook", Secret(f"{fake.url}/in?key=hidden"), Secret(KEY), limits=IMPATIENT),
        KEY,
    ),
}
each_sink = pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])


@each_sink
@pytest.mark.parametrize(("reply", "expected"), RETRY_TABLE)
def test_an_answer_means_the_same_to_every_sink(case: Case, reply: Reply, expected: type) -> None:
    check_answer(case.fake, case.make, reply, expected)


@each_sink
def test_no_connection_is_a_retry_because_nothing_can_have_arrived(case: Case) -> None:
    check_nobody_there(case.make)


@each_sink
def test_a_pause_asked_for_is_handed_on(case: Case) -> None:
    check_pause(case.fake, case.make)


@each_sink
def test_an_accepted_message_is_accepted(case: Case) -> None:
    with case.fake() as fake:
        sink = case.make(fake)
        assert isinstance(sink.send(message()), Accepted)
        assert sink.name in {"chat", "page", "hook"}


@each_sink
def test_a_message_that_may_have_arrived_is_recovered_without_a_person(case: Case) -> None:
    with case.fake() as fake:
        sink = case.make(fake)
        fake.script(Reply(behaviour="after_commit"))
        assert isinstance(sink.send(message()), Unknown)
        assert isinstance(sink.recover(message(attempt=2)), Accepted)


@each_sink
@pytest.mark.parametrize("status", [400, 500])
def test_a_receiver_that_repeats_a_secret_does_not_get_it_into_the_error(case: Case, status: int) -> None:
    with case.fake() as fake:
        sink = case.make(fake)
        fake.script(Reply(status, f"bad request to {fake.url}{case.secret} with {case.secret}".encode()))
        outcome = sink.send(message())
        assert isinstance(outcome, Retry | Refused)
        assert case.secret not in outcome.error + repr(sink) + repr(vars(sink))


@each_sink
def test_a_recipient_that_is_not_configured_is_refused_before_anything_is_sent(case: Case) -> None:
    with case.fake() as fake:
        outcome = case.make(fake).send(message(recipient="no such\r\nplace"))
        assert isinstance(outcome, Refused)
        assert fake.requests == []


def test_credentials_of_the_machine_do_not_replace_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with FakeHttp() as fake:
        post.send("GET", fake.url, headers={"Authorization": "Ours"}, limits=IMPATIENT)
        post.send("POST", fake.url, body=b"{}", auth=session.bearer(Secret("token")), limits=IMPATIENT)
        post.send("GET", fake.url, auth=session.basic("üser", Secret("pässword")), limits=IMPATIENT)
        sent = [request.headers["authorization"] for request in fake.requests]
    assert sent == ["Ours", "Bearer token", "Basic w7xzZXI6cMOkc3N3b3Jk"]


@pytest.mark.parametrize("token", ["", "t0ken\n", "two words", "tökén"])
def test_a_token_that_cannot_stand_in_a_header_is_an_error_that_does_not_show_it(token: str) -> None:
    with pytest.raises(ValueError, match="the token is empty or holds") as caught:
        session.bearer(Secret(token))
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "header"), [("https://ex ample/", "x"), ("http://127.0.0.1:9", "secret\r\nX: y")]
)
def test_a_request_that_cannot_be_made_was_never_sent_and_is_not_quoted(url: str, header: str) -> None:
    with pytest.raises(NoAnswerError, match="cannot be made") as caught:
        post.send("GET", url, headers={"X-Test": header}, limits=IMPATIENT)
    assert not caught.value.may_have_arrived
    assert header not in str(caught.value) or header == "x"
    assert caught.value.__context__ is None


def test_an_answer_without_end_is_cut_off() -> None:
    with FakeHttp() as fake:
        fake.script(Reply(200, b"x" * (IMPATIENT.max_bytes + 1)))
        with pytest.raises(NoAnswerError, match="larger than 65536 bytes"):
            post.send("GET", fake.url, limits=IMPATIENT)


def test_an_answer_that_takes_too_long_is_cut_off() -> None:
    with FakeHttp() as fake:
        fake.script(Reply(200, b"x"))
        with pytest.raises(NoAnswerError, match="took longer than 0 s"):
            post.send("GET", fake.url, limits=HttpLimits(total_seconds=0))


def test_a_receiver_that_cannot_prove_who_it_is_gets_nothing(tmp_path: Path) -> None:
    with FakeHttp(server_context(self_signed(tmp_path))) as fake:
        outcome = WebhookSink("hook", Secret(fake.url), Secret(KEY), limits=IMPATIENT).send(message())
        assert fake.requests == []
    assert outcome == Retry("the certificate is not valid")


def test_a_proxy_that_is_down_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeHttp() as fake:
        pass
    monkeypatch.setenv("HTTPS_PROXY", fake.url)
    sink = WebhookSink("hook", Secret("https://receiver.invalid/in"), Secret(KEY), limits=IMPATIENT)
    assert sink.send(message()) == Retry("the proxy of this machine refused the connection")


def test_the_proxy_of_the_machine_is_not_used_for_the_machine_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with FakeHttp() as fake:
        assert post.send("GET", fake.url, limits=IMPATIENT).is_success


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "999999999"}, 3600.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 04:16:00 GMT", "date": "Mon, 23 Nov 2026 04:15:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 04:15:00 GMT", "date": "Mon, 23 Nov 2026 04:15:30 GMT"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 04:16:00 GMT"}, None),
    ],
)
def test_a_pause_is_read_in_both_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert HttpAnswer(429, headers, b"").retry_after_seconds == seconds


@pytest.mark.parametrize("body", [b"", b"no json", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_document_is_none(body: bytes) -> None:
    assert HttpAnswer(200, {}, body).document() is None


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://example.com/x", "must be https"),
        ("ftp://example.com/x", "must be https"),
        ("example.com", "give a whole URL"),
        ("https://user:pw@example.com", "must not hold credentials"),
        ("https://example.com/#x", "fragment"),
        ("https://example.com:port/", "not a URL"),
        ("https://example.com/\r\nX: y", "control characters"),
    ],
)
def test_an_address_that_secrets_must_not_go_to_is_an_error(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        checked_url(url, "hook")
    assert "pw" not in str(caught.value)


def test_an_address_is_given_back_without_its_last_slash() -> None:
    assert checked_url(" https://example.com/in/ ", "hook") == "https://example.com/in"
    assert checked_url("http://localhost:8000", "hook") == "http://localhost:8000"


def test_half_a_surrogate_pair_in_a_name_does_not_stop_a_message() -> None:
    assert as_json({"name": "a\ud800b"}) == b'{"name":"a?b"}'


@pytest.mark.parametrize(
    "said",
    [
        r'{"path": "\/services\/T0000000000\/s3cr3ts3cr3t"}',
        "Cannot POST /services/T0000000000/s3cr3ts3cr3t",
        "a=1&amp;token=abcdefgh",
        '{"token": "abcdefgh"}',
    ],
)
def test_a_receiver_that_repeats_its_address_in_pieces_does_not_get_them_into_the_error(said: str) -> None:
    url = Secret("https://hooks.example.com/services/T0000000000/s3cr3ts3cr3t?a=1&token=abcdefgh")
    outcome = post.refusal(HttpAnswer(400, {}, said.encode()), "the webhook", secrets_of(url))
    assert outcome is not None
    assert "s3cr3t" not in outcome.error
    assert "abcdefgh" not in outcome.error
