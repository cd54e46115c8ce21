"""The one table of HTTP answers that every sink is held to.

A sink over HTTP is added to the table by its test file::

    @pytest.mark.parametrize(("reply", "expected"), RETRY_TABLE)
    def test_status(reply, expected): check_answer(MyFake, make_my_sink, reply, expected)
"""

from collections.abc import Callable

import pytest

from mist_pipeline.delivery.sink import Outcome, Refused, Retry, Sink, Unknown
from mist_pipeline.http_client.session import HttpLimits
from mist_pipeline_tests.support.delivery.messages import message
from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply

IMPATIENT = HttpLimits(connect_seconds=2.0, read_seconds=1.0, total_seconds=5.0, max_bytes=1 << 16)
PATIENT = HttpLimits(connect_seconds=10, read_seconds=20, total_seconds=30)
"""Where no answer is left out on purpose, so that a busy machine is not taken for a silent receiver."""
ELSEWHERE = "http://127.0.0.1:9/elsewhere"


def _status(status: int, expected: type, **headers: str) -> object:
    reply = Reply(
        status,
        b"the receiver's own words",
        {name.replace("_", "-"): value for name, value in headers.items()},
    )
    return pytest.param(reply, expected, id=str(status))


def _broken(behaviour: str) -> object:
    return pytest.param(Reply(behaviour=behaviour), Unknown, id=behaviour)  # type: ignore[arg-type]


RETRY_TABLE = [
    *(_status(status, Retry) for status in (408, 425, 429, 500, 502, 503, 504, 507, 529)),
    *(
        _status(status, Refused)
        for status in (400, 401, 402, 403, 404, 405, 409, 410, 411, 413, 415, 422, 451)
    ),
    *(_status(status, Refused) for status in (501, 505)),
    *(_status(status, Refused, Location=ELSEWHERE) for status in (301, 302, 303, 307, 308)),
    *(_broken(behaviour) for behaviour in ("reset", "truncate", "silence")),
]
"""Parameters ``reply`` and ``expected``: what the receiver does to the first request, and how `send` answers."""


def check_answer(
    fake_type: Callable[[], FakeHttp],
    make_sink: Callable[[FakeHttp], Sink],
    reply: Reply,
    expected: type,
) -> Outcome:
    """Send one message to a receiver that answers the first request so, and check what comes of it."""
    with fake_type() as fake:
        sink = make_sink(fake)
        fake.script(reply)
        outcome = sink.send(message())
        assert isinstance(outcome, expected), outcome
        # A redirect was not followed, and nothing was sent again behind our back.
        assert len(fake.requests) == 1
        if reply.behaviour == "answer":
            assert str(reply.status) in outcome.error  # type: ignore[union-attr]
        assert ELSEWHERE not in outcome.error  # type: ignore[union-attr]
    return outcome


def check_nobody_there(make_sink: Callable[[FakeHttp], Sink]) -> None:
    """Nothing can have arrived where no connection was made: that is worth a retry, not an unknown."""
    with FakeHttp() as fake:
        pass
    outcome = make_sink(fake).send(message())
    assert isinstance(outcome, Retry), outcome


def check_pause(fake_type: Callable[[], FakeHttp], make_sink: Callable[[FakeHttp], Sink]) -> None:
    """``Retry-After`` is handed on."""
    reply = Reply(429, b"slow down", {"Retry-After": "37"})
    outcome = check_answer(fake_type, make_sink, reply, Retry)
    assert outcome == Retry(outcome.error, 37.0)  # type: ignore[union-attr]
