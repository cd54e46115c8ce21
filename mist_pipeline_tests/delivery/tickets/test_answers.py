"""What the answers of a ticket system mean for a message, whatever fails at whichever request."""

import re
from typing import Any

import pytest
from hypothesis import given, settings

from mist_pipeline.delivery.sink import Refused, Retry, Unknown
from mist_pipeline.delivery.tickets.policy import TicketPolicy
from mist_pipeline_tests.support.delivery.messages import incident, message
from mist_pipeline_tests.support.delivery.retry_table import RETRY_TABLE, check_nobody_there
from mist_pipeline_tests.support.delivery.ticket_life import LIFE, BadLuck, bad_luck, live
from mist_pipeline_tests.support.delivery.ticket_systems import (
    TOKEN,
    JiraUnderTest,
    ServiceNowUnderTest,
    UnderTest,
    limits_for,
    notify,
)
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply
from mist_pipeline_tests.support.fakes.fake_jira import FakeJira
from mist_pipeline_tests.support.fakes.fake_servicenow import FakeServiceNow
from mist_pipeline_tests.support.fakes.jira_workflows import (
    STRICT,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("reply", "expected"), RETRY_TABLE)
def test_a_question_that_fails_is_classified_like_at_every_sink(
    system: UnderTest, reply: Reply, expected: type
) -> None:
    # Asking again does no harm, so it does not matter whether the question arrived.
    system.fail(system.search, reply)
    outcome = system.sink(limits_for(reply)).send(message())
    assert isinstance(outcome, Retry | Refused)
    assert isinstance(outcome, Retry if expected is Unknown else expected), outcome
    assert len(system.fake.requests) == 1
    if reply.behaviour == "answer":
        assert str(reply.status) in outcome.error


@pytest.mark.parametrize(("reply", "expected"), RETRY_TABLE)
def test_a_creation_that_fails_is_unknown_wherever_it_may_have_happened(
    system: UnderTest, reply: Reply, expected: type
) -> None:
    is_late = (
        reply.behaviour == "answer" and reply.status >= 500 and reply.status != 503 and expected is Retry
    )
    system.fail(system.create, reply)
    outcome = system.sink(limits_for(reply)).send(message())
    assert isinstance(outcome, Unknown if is_late else expected), outcome
    assert system.count(system.create) == 1


def test_no_connection_is_a_retry_because_nothing_can_have_arrived(system: UnderTest) -> None:
    with FakeHttp() as gone:
        pass
    check_nobody_there(lambda _: system.sink(server=gone))


@pytest.mark.parametrize("request_of", ["search", "create"])
def test_a_pause_asked_for_is_handed_on(system: UnderTest, request_of: str) -> None:
    system.fail(getattr(system, request_of), Reply(429, b"{}", {"Retry-After": "37"}))
    outcome = system.sink().send(message())
    assert isinstance(outcome, Retry)
    assert outcome.after_seconds == 37


def test_an_answer_that_is_no_json_is_no_empty_result(system: UnderTest) -> None:
    system.fail(system.search, Reply(200, b"<html>Log in, or: your instance is hibernating</html>"))
    outcome = system.sink().send(message())
    assert isinstance(outcome, Retry)
    assert "login page" in outcome.error
    assert "sleeping instance" in outcome.error
    assert system.ids == []
    system.fail(system.create, Reply(200, b"<html>Log in</html>"))
    assert isinstance(system.sink().send(message()), Unknown)


@pytest.mark.parametrize(
    ("system", "user"),
    [
        ("jira", "bot@example.com"),
        ("jira datacenter", ""),
        ("servicenow", "bot@example.com"),
        ("servicenow", ""),
    ],
    indirect=["system"],
)
@pytest.mark.parametrize("status", [400, 500])
def test_a_token_is_sent_but_never_shown(system: UnderTest, status: int, user: str) -> None:
    system.fake.authorization = (
        "Basic Ym90QGV4YW1wbGUuY29tOmEtdG9rZW4tdGhhdC1ub2JvZHktbWF5LXNlZQ==" if user else f"Bearer {TOKEN}"
    )
    to = system.sink(user=user)
    notify(to, incident(), "first", 1)
    system.fail(system.search, Reply(status, f"no {TOKEN}".encode()))
    outcome = to.send(message())
    assert isinstance(outcome, Retry | Refused)
    assert TOKEN not in outcome.error + repr(to) + repr(vars(to)) + repr(vars(to._system))


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "https://user:pw@example.com/"])
def test_only_web_addresses_become_links(system: UnderTest, url: str) -> None:
    notify(system.sink(), incident(report_url=url), "first", 1)
    assert url not in system.description(system.only())


@pytest.mark.parametrize("base_url", ["http://tickets.example.com", "https://user:pw@example.com", "tickets"])
def test_an_address_that_would_show_the_token_is_an_error_before_anything_is_sent(
    system: UnderTest, base_url: str
) -> None:
    with pytest.raises(ValueError, match=f"{system.name}: base_url"):
        system.sink(base_url=base_url)


@pytest.mark.parametrize("name", ["jira", "servicenow"])
@settings(max_examples=25)
@given(luck=bad_luck)
def test_whatever_fails_and_whenever_a_worker_dies_there_is_one_ticket_and_every_message_once(
    name: str, luck: BadLuck
) -> None:
    fake: Any = FakeJira(workflow=STRICT) if name == "jira" else FakeServiceNow()
    with fake:
        system: UnderTest = JiraUnderTest(fake) if name == "jira" else ServiceNowUnderTest(fake)
        if name == "jira":
            fake.lag = luck.lag
        reference = live(fake, system.sink(policy=TicketPolicy(lookups=1)), luck)
        assert system.only() in reference.values()
        assert system.is_done(system.only())
        marks = [re.findall(r"mist-delivery-\w+", comment) for comment in system.comments(system.only())]
        assert [len(found) for found in marks] == [1] * (len(LIFE) - 1)
        assert len({found[0] for found in marks}) == len(marks)


def test_a_system_that_repeats_how_we_logged_in_does_not_get_the_secret_into_the_error(
    system: UnderTest,
) -> None:
    sent = system.sink()
    notify(sent, incident(), "first", 1)
    repeated = system.fake.requests[-1].headers["authorization"]
    for said in (
        repeated,
        f"https://example.com/?token={TOKEN}",
        "".join(f"%{byte:02x}" for byte in TOKEN.encode()),
    ):
        system.fail(system.search, Reply(400, f"bad: {said} end".encode()))
        outcome = sent.send(message(incident(incident_id=said[:9], fingerprint="another")))
        assert isinstance(outcome, Refused)
        assert "***" in outcome.error
        assert said.rpartition(" ")[2][-12:] not in outcome.error
