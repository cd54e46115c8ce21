"""Every way of telling people over HTTP reads the same answers the same way, and keeps its secrets."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from mist_pipeline.delivery.sink import Accepted, Refused, Retry, Sink, Unknown
from mist_pipeline.delivery.sinks.pagerduty.sink import PagerDutySink
from mist_pipeline.delivery.sinks.slack.sink import SlackBotSink, SlackWebhookSink
from mist_pipeline.delivery.sinks.webhook.sink import WebhookSink
from mist_pipeline.http_client.secrets import Secret
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

pytestmark = pytest.mark.slow

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
def test_a_receiver_that_repeats_a_secret_encoded_does_not_get_it_into_the_error(case: Case) -> None:
    in_base64 = base64.b64encode(f"user:{case.secret}".encode()).decode()
    forms = [
        in_base64,
        quote(case.secret, safe="").lower(),
        "".join(f"&#{ord(char)};" for char in case.secret),
    ]
    with case.fake() as fake:
        sink = case.make(fake)
        for form in forms:
            fake.script(Reply(400, f"bad request: {form}".encode()))
            outcome = sink.send(message())
            assert isinstance(outcome, Retry | Refused)
            assert "***" in outcome.error
            assert form not in outcome.error


@each_sink
def test_a_recipient_that_is_not_configured_is_refused_before_anything_is_sent(case: Case) -> None:
    with case.fake() as fake:
        outcome = case.make(fake).send(message(recipient="no such\r\nplace"))
        assert isinstance(outcome, Refused)
        assert fake.requests == []


def test_a_receiver_that_cannot_prove_who_it_is_gets_nothing(tmp_path: Path) -> None:
    with FakeHttp(server_context(self_signed(tmp_path))) as fake:
        outcome = WebhookSink("hook", Secret(fake.url), Secret(KEY), limits=IMPATIENT).send(message())
        assert fake.requests == []
    assert isinstance(outcome, Retry)
    assert "signed by an authority that this machine does not trust" in outcome.error


def test_a_proxy_that_is_down_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeHttp() as fake:
        pass
    monkeypatch.setenv("HTTPS_PROXY", fake.url)
    sink = WebhookSink("hook", Secret("https://receiver.invalid/in"), Secret(KEY), limits=IMPATIENT)
    assert sink.send(message()) == Retry("the proxy of this machine refused the connection")
