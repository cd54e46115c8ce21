"""What the listener answers, and what it hands on."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from starlette.types import ASGIApp

from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.push.application import MESSAGES_AT_ONCE, SIGNATURE, Keeper, UnkeptError, application
from mist_pipeline.push.message import MOST_BYTES, Message
from mist_pipeline_tests.support.guard.asgi import ask
from mist_pipeline_tests.support.pushes import CAPTURED, OLD_SECRET, SECRET, post, raw

BODY = raw(CAPTURED["access point"])


@dataclass
class Kept:
    """Remembers what the application handed on; may be broken."""

    messages: list[Message] = field(default_factory=list)
    noted: Counter[str] = field(default_factory=Counter)
    is_broken: bool = False
    seconds: float = 0.0

    def keep(self, message: Message) -> str:
        if self.is_broken:
            raise UnkeptError("database is locked")
        self.messages.append(message)
        return f"kept {len(message.events)}"

    def app(self) -> ASGIApp:
        keeper = Keeper(
            keep=self.keep,
            malformed=lambda: self.noted.update(["malformed"]),
            unsigned=lambda: self.noted.update(["unsigned"]),
        )
        secrets = [Secret(SECRET), Secret(OLD_SECRET)]
        return application(secrets, keeper, seconds_to_send=0.2, monotonic=lambda: self.seconds)


def test_a_signed_message_is_kept_before_it_is_answered() -> None:
    kept = Kept()
    answer = post(kept.app(), BODY)
    assert (answer.status, answer.body, [one.topic for one in kept.messages]) == (
        200,
        "kept 1",
        ["device-updowns"],
    )


def test_while_a_secret_is_replaced_both_are_good() -> None:
    kept = Kept()
    assert [
        post(kept.app(), BODY, secret=secret).status for secret in (SECRET, OLD_SECRET, "a third secret")
    ] == [200, 200, 401]


@pytest.mark.parametrize("headers", [{}, {"X-Mist-Signature": "0" * 40}, {SIGNATURE: "0" * 64}])
def test_what_nobody_signed_is_refused_and_counted_once_a_second(headers: dict[str, str]) -> None:
    kept = Kept()
    app = kept.app()
    assert [post(app, BODY, headers=headers).status for _ in range(5)] == [401] * 5
    assert kept.noted["unsigned"] == 1
    kept.seconds = 1.5
    post(app, BODY, headers=headers)
    assert (kept.noted["unsigned"], kept.messages) == (2, [])


def test_a_body_without_a_signature_is_not_even_read() -> None:
    assert post(Kept().app(), None, headers={}).status == 401


def test_what_is_malformed_is_400_and_counted() -> None:
    kept = Kept()
    answer = post(kept.app(), b'{"topic": "alarms"}')
    assert (answer.status, answer.body, kept.noted["malformed"]) == (400, "malformed: no events", 1)


def test_a_body_that_is_too_large_or_never_comes_is_refused() -> None:
    app = Kept().app()
    assert post(app, b"x" * (MOST_BYTES + 1)).status == 413
    assert post(app, None).status == 408


def test_too_many_at_once_are_asked_to_come_again() -> None:
    kept = Kept()
    app = kept.app()
    burst = round(MESSAGES_AT_ONCE)
    answers = [post(app, BODY) for _ in range(burst + 1)]
    assert Counter(answer.status for answer in answers) == {200: burst, 429: 1}
    assert answers[-1].header("retry-after") == "5"
    kept.seconds = 1
    assert post(app, BODY).status == 200


def test_what_cannot_be_kept_is_not_said_to_have_arrived() -> None:
    answer = post(Kept(is_broken=True).app(), BODY)
    assert (answer.status, answer.header("retry-after")) == (503, "10")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/mist", 405), ("POST", "/mist/x", 404), ("PUT", "/mist", 405)]
)
def test_nothing_else_is_served(method: str, path: str, status: int) -> None:
    headers = [("host", "any.example.com"), ("content-type", "application/json")]
    assert ask(Kept().app(), method, path, headers).status == status
