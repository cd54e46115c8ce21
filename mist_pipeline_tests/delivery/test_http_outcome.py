"""What an HTTP answer, or none, means for a delivery."""

from datetime import UTC, datetime

import pytest

from mist_pipeline.delivery.http_outcome import no_answer, refusal
from mist_pipeline.delivery.sink import Refused, Retry, Unknown
from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.secrets import Secret, secrets_of
from mist_pipeline.http_client.session import HttpAnswer

NOW = datetime(2026, 11, 23, 4, 15, 0, tzinfo=UTC)


def test_a_success_is_no_refusal() -> None:
    assert refusal(HttpAnswer(204, {}, b""), "the webhook") is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 04:16:00 GMT", "date": "Mon, 23 Nov 2026 04:15:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 04:16:00 GMT"}, 60.0),
    ],
)
def test_a_retry_has_the_pause_that_the_receiver_asks_for(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert refusal(HttpAnswer(503, headers, b""), "PagerDuty", now=NOW) == Retry(
        "PagerDuty answered 503", seconds
    )


def test_a_refusal_quotes_what_the_receiver_said_on_one_line() -> None:
    assert refusal(HttpAnswer(400, {}, b"no\nway"), "Slack") == Refused("Slack answered 400: no way")


def test_no_answer_is_unknown_only_where_the_request_may_have_arrived() -> None:
    assert no_answer(NoAnswerError("no connection", may_have_arrived=False)) == Retry("no connection")
    assert no_answer(
        NoAnswerError("no answer within 20 s", may_have_arrived=True), "Jira: POST /issue"
    ) == Unknown("Jira: POST /issue: no answer within 20 s; it may have arrived")


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
    outcome = refusal(HttpAnswer(400, {}, said.encode()), "the webhook", secrets_of(url))
    assert outcome is not None
    assert "s3cr3t" not in outcome.error
    assert "abcdefgh" not in outcome.error
