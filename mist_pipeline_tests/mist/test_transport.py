"""One attempt and its repetition over real connections: time-outs, resets, cut-off bodies, refusals."""

import gzip
import json
import pickle
import random
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.retry import RetryPolicy
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import USER_AGENT
from mist_pipeline.mist import endpoints
from mist_pipeline.mist.client import Limits, connect
from mist_pipeline.mist.errors import (
    BadRequest,
    BudgetExhausted,
    Forbidden,
    MistError,
    NotFound,
    PermanentFailure,
    RateLimited,
    Redirected,
    TransientFailure,
    Unauthorized,
    Unavailable,
    UnexpectedShape,
)
from mist_pipeline.mist.transport import MIST_LIMITS, Transport
from mist_pipeline_tests.support.mist.scripted_cloud import (
    GOOD,
    IMPATIENT,
    LIMITS,
    START,
    TOKEN,
    WHOAMI,
    ClientMaker,
    Clock,
    Reply,
    ScriptedCloud,
    Seen,
    ask,
)

pytestmark = pytest.mark.slow

LIMITS_FOR = {"stall": IMPATIENT, "drip": IMPATIENT}
ATTEMPTS = LIMITS.retry.attempts
ONCE = replace(LIMITS, retry=RetryPolicy(attempts=1))


@pytest.mark.parametrize("behaviour", ["reset", "truncate", "truncate_chunked", "unframed", "stall", "drip"])
def test_a_connection_that_fails_is_tried_again(
    cloud: ScriptedCloud, make_client: ClientMaker, behaviour: str
) -> None:
    cloud.answers(replace(GOOD, behaviour=behaviour), GOOD)
    [page] = make_client(limits=LIMITS_FOR.get(behaviour, LIMITS)).pages(WHOAMI)
    assert page.document == {"privileges": []}
    assert len(cloud.requests) == 2 or (behaviour in LIMITS_FOR and len(cloud.requests) > 2)


@pytest.mark.parametrize("behaviour", ["reset", "truncate", "truncate_chunked", "unframed", "stall", "drip"])
def test_a_connection_that_keeps_failing_ends_after_the_last_attempt(
    cloud: ScriptedCloud, make_client: ClientMaker, behaviour: str
) -> None:
    cloud.answers(replace(GOOD, behaviour=behaviour))
    limits = replace(LIMITS_FOR.get(behaviour, LIMITS), retry=RetryPolicy(attempts=2))
    with pytest.raises(Unavailable) as caught:
        ask(make_client(limits=limits))
    assert len(cloud.requests) == 2
    assert caught.value.attempt == 2
    assert caught.value.path == "/api/v1/self"


def test_predecessor_mistake_6_no_timeout_retry_or_429_handling(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
) -> None:
    cloud.answers(
        replace(GOOD, behaviour="stall"),
        Reply(502, body=b"<html>oops</html>"),
        Reply(429, {"detail": "x"}),
        GOOD,
    )
    [page] = make_client(limits=IMPATIENT).pages(WHOAMI)
    assert page.document == GOOD.document
    assert len(cloud.requests) >= 4
    assert len(clock.slept) == len(cloud.requests) - 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
def test_a_refusal_that_can_heal_is_repeated_with_growing_jittered_waits(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock, status: int
) -> None:
    cloud.answers(Reply(status, {"detail": "busy"}))
    with pytest.raises(RateLimited if status == 429 else Unavailable) as caught:
        ask(make_client())
    assert clock.slept == [0.25, 0.5, 1.0, 2.0]  # half of 0.5, 1, 2, 4: the jitter is handed in as 0.5
    assert len(cloud.requests) == ATTEMPTS
    assert (caught.value.status, caught.value.attempt) == (status, ATTEMPTS)
    assert isinstance(caught.value, TransientFailure)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (405, BadRequest),
        (422, BadRequest),
    ],
)
def test_a_refusal_that_cannot_heal_is_never_repeated(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock, status: int, kind: type[MistError]
) -> None:
    cloud.answers(Reply(status, {"detail": "no\nway"}))
    with pytest.raises(kind) as caught:
        ask(make_client())
    assert len(cloud.requests) == 1
    assert clock.slept == []
    assert caught.value.detail == "no way"
    assert isinstance(caught.value, PermanentFailure)
    assert f"[GET /api/v1/self: status {status}, attempt 1]" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.25),
        ("1.5", 1.75),
        ("Tue, 03 Feb 2026 04:05:26 GMT", 20.25),
        ("Tue, 03 Feb 2026 04:00:00 GMT", 0.25),
        ("soon", 0.25),
        ("-5", 0.25),
    ],
)
def test_retry_after_is_the_least_that_is_waited_at_a_503(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock, header: str, seconds: float
) -> None:
    cloud.answers(Reply(503, {}, headers={"Retry-After": header}), GOOD)
    ask(make_client())
    assert clock.slept == [pytest.approx(seconds)]


def test_retry_after_is_capped_at_a_503(cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock) -> None:
    cloud.answers(Reply(503, {}, headers={"Retry-After": "86400"}), GOOD)
    ask(make_client())
    assert clock.slept == [LIMITS.retry.cap_seconds]


def test_a_429_with_retry_after_is_waited_out_by_the_whole_client(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
) -> None:
    cloud.answers(Reply(429, {}, headers={"Retry-After": "5"}), GOOD)
    ask(make_client())
    assert sum(clock.slept) == pytest.approx(5.5)


def test_a_429_with_a_long_retry_after_exhausts_the_token_instead_of_sleeping(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
) -> None:
    cloud.answers(Reply(429, {}, headers={"Retry-After": "600"}))
    client = make_client()
    with pytest.raises(BudgetExhausted) as caught:
        ask(client)
    assert caught.value.retry_at == pytest.approx(START.timestamp() + 600)
    assert len(cloud.requests) == 1
    assert client.budget.remaining("live") == 0


def test_a_429_of_one_token_moves_on_to_the_next_at_once(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
) -> None:
    cloud.script = lambda seen: (
        Reply(429, {}, headers={"Retry-After": "600"}) if seen.token == "first" else GOOD
    )
    client = make_client("first", "second")
    for _ in range(3):
        ask(client)
    assert [seen.token for seen in cloud.requests] == ["first", "second", "second", "second"]
    assert sum(clock.slept) == 0


def test_endless_429_without_retry_after_exhaust_the_hour(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
) -> None:
    cloud.answers(Reply(429, {}))
    client = make_client()
    with pytest.raises(RateLimited):
        ask(client)
    with pytest.raises(RateLimited) as caught:
        ask(client)
    assert caught.value.retry_at == datetime(2026, 2, 3, 5, tzinfo=UTC).timestamp()
    with pytest.raises(BudgetExhausted):
        ask(client)
    assert len(cloud.requests) == 10


def test_a_redirect_is_never_followed_with_the_token(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.answers(Reply(302, {}, headers={"Location": f"{cloud.url}/elsewhere?token={TOKEN}"}), GOOD)
    with pytest.raises(Redirected) as caught:
        ask(make_client())
    assert cloud.paths == ["/api/v1/self"]
    assert TOKEN not in str(caught.value)


def test_an_answer_without_content_is_not_an_empty_document(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    cloud.answers(Reply(204, body=b""))
    with pytest.raises(UnexpectedShape):
        ask(make_client())


@pytest.mark.parametrize("body", [b"<html>login</html>", b"[" * 100_000, b"\xff\xfe\x00", b"[1" * 5000])
def test_a_body_that_is_no_json_is_unavailable(
    cloud: ScriptedCloud, make_client: ClientMaker, body: bytes
) -> None:
    cloud.answers(Reply(body=body))
    with pytest.raises(Unavailable):
        ask(make_client())
    assert len(cloud.requests) == ATTEMPTS


def test_a_body_beyond_the_size_limit_is_refused(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.answers(Reply(body=b" " * 2_000_000 + b"{}"))
    limits = Limits(http=replace(MIST_LIMITS, max_bytes=1_000_000), retry=RetryPolicy(attempts=1))
    with pytest.raises(Unavailable):
        ask(make_client(limits=limits))


def test_a_page_of_a_list_may_be_larger_than_other_answers(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    cloud.answers(Reply(body=b" " * 2_000_000 + b"[]"))
    limits = Limits(http=replace(MIST_LIMITS, max_bytes=1_000_000), retry=RetryPolicy(attempts=1))
    assert len(list(make_client(limits=limits).pages(endpoints.org_sites("org-1")))) == 1


def test_a_compressed_body_is_read(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    body = json.dumps(
        {"privileges": [], "noise": [random.Random(7).random() for _ in range(200_000)]}
    ).encode()
    cloud.answers(Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"}))
    [page] = make_client().pages(WHOAMI)
    assert page.body == body


def test_a_compressed_body_that_is_damaged_is_tried_again(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    cloud.answers(Reply(body=b"this is no gzip", headers={"Content-Encoding": "gzip"}), GOOD)
    [page] = make_client().pages(WHOAMI)
    assert page.document == GOOD.document


def test_connections_are_kept_open_between_calls(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    ports: set[int] = set()
    plain = cloud.handle

    def handle(handler: object) -> None:
        ports.add(handler.client_address[1])  # type: ignore[attr-defined]
        plain(handler)  # type: ignore[arg-type]

    cloud.handle = handle  # type: ignore[method-assign, assignment]
    cloud.answers(GOOD)
    client = make_client()
    for _ in range(5):
        ask(client)
    assert len(ports) == 1


def test_a_page_knows_its_times_and_its_address(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
) -> None:
    cloud.answers(Reply(500, {}), GOOD)
    [page] = make_client().pages(WHOAMI)
    assert page.requested_at == page.received_at == START + timedelta(seconds=0.25)
    assert (page.number, page.url_path, page.body) == (1, "/api/v1/self", b'{"privileges": []}')


def test_the_clock_skew_is_read_from_the_date_header(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.answers(GOOD)
    cloud.date = "Tue, 03 Feb 2026 04:15:06 GMT"
    client = make_client()
    assert client.clock_skew is None
    ask(client)
    assert client.clock_skew == timedelta(minutes=10)


def test_a_retry_after_date_is_read_in_the_clouds_own_clock(
    cloud: ScriptedCloud, make_client: ClientMaker, clock: Clock
) -> None:
    cloud.date = "Tue, 03 Feb 2026 09:00:00 GMT"
    cloud.answers(Reply(503, {}, headers={"Retry-After": "Tue, 03 Feb 2026 09:00:09 GMT"}), GOOD)
    ask(make_client())
    assert clock.slept == [pytest.approx(9.25)]


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Feb 2026 09:00:00 GMT"])
def test_an_unreadable_date_header_is_no_skew(
    cloud: ScriptedCloud, make_client: ClientMaker, date: str
) -> None:
    cloud.answers(GOOD)
    cloud.date = date
    client = make_client()
    ask(client)
    assert client.clock_skew is None


def test_a_netrc_file_or_a_proxy_of_the_machine_never_replaces_the_token(
    cloud: ScriptedCloud, make_client: ClientMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    netrc = tmp_path / "netrc"  # type: ignore[operator]
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    cloud.answers(GOOD)
    ask(make_client())
    assert cloud.requests[0].headers["authorization"] == f"Token {TOKEN}"


def test_the_proxy_of_the_machine_is_used_for_a_real_cloud_and_never_sees_the_token(
    cloud: ScriptedCloud, make_client: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connects: list[str] = []
    cloud.connect = connects.append
    monkeypatch.setenv("HTTPS_PROXY", cloud.url)
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(Unavailable, match="proxy"):
        ask(make_client(base_url="https://mist.example", limits=ONCE))
    assert connects
    assert all("mist.example:443" in asked and TOKEN not in asked for asked in connects)


def test_https_is_never_spoken_in_the_open(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    with pytest.raises(Unavailable, match="TLS"):
        ask(make_client(base_url=cloud.url.replace("http:", "https:"), limits=ONCE))
    assert cloud.requests == []


def test_errors_survive_pickling(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.answers(Reply(403, {"detail": "not yours"}))
    with pytest.raises(Forbidden) as caught:
        ask(make_client())
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is Forbidden
    assert str(copy) == str(caught.value)
    assert vars(copy) == vars(caught.value)


def test_closing_the_client_ends_a_wait(cloud: ScriptedCloud, tmp_path: object) -> None:
    cloud.answers(Reply(503, {}, headers={"Retry-After": "60"}))
    client = connect(cloud=cloud.url, tokens=[TOKEN], budget_path=tmp_path / "b.db")  # type: ignore[operator]
    caught: list[MistError] = []

    def work() -> None:
        try:
            ask(client)
        except MistError as error:
            caught.append(error)

    asked = threading.Event()
    cloud.script = lambda _: (asked.set(), Reply(503, {}, headers={"Retry-After": "60"}))[1]
    thread = threading.Thread(target=work)
    thread.start()
    assert asked.wait(10)
    client.close()
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(caught[0], Unavailable)


def test_the_client_sends_its_version(cloud: ScriptedCloud, make_client: ClientMaker) -> None:
    cloud.answers(GOOD)
    ask(make_client())
    assert cloud.requests[0].headers["user-agent"] == USER_AGENT


@pytest.mark.parametrize("tokens", [[], ["", "  "], ["a b"], ["tök"], ["a\nb"]])
def test_an_impossible_token_is_refused_at_once(tokens: list[str], tmp_path: object) -> None:
    with pytest.raises(ValueError, match="token"):
        connect(cloud="global-01", tokens=tokens, budget_path=tmp_path / "b.db")  # type: ignore[operator]


def test_seen_paths_hold_no_page_number_for_single_documents(
    cloud: ScriptedCloud, make_client: ClientMaker
) -> None:
    cloud.answers(GOOD)
    ask(make_client())
    assert cloud.requests == [Seen("/api/v1/self", {}, cloud.requests[0].headers)]


def test_an_attempt_that_begins_after_its_owner_aborted_all_fails_at_once(cloud: ScriptedCloud) -> None:
    cloud.answers(replace(GOOD, behaviour="drip"))
    transport, owner = Transport(cloud.url, MIST_LIMITS), threading.Event()
    transport.abort(owner)
    began = time.monotonic()
    with pytest.raises(NoAnswerError):
        transport.send("GET", "/api/v1/self", {}, Secret(TOKEN), owner=owner)
    assert time.monotonic() - began < 5
    transport.close()
