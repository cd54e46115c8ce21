"""Clients that hold a listener up: nobody's connection lasts, and who means it gets through."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import requests
import uvicorn

from mist_pipeline.guard.connections import ConnectionLimits, bounded_config
from mist_pipeline.notification.inbound import application
from mist_pipeline_tests.support.guard.asgi import ask

pytestmark = pytest.mark.slow

HEAD = b"POST /pagerduty HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
HALF = HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 100_000


@contextmanager
def listening(limits: ConnectionLimits) -> Iterator[int]:
    """The port of a listener that takes no webhook, since it has no key."""
    app = application({}, lambda _event: "")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        config = bounded_config(app, limits=limits)
        config.log_config, config.log_level = None, "critical"
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def ended(connection: socket.socket) -> bool:
    """Whether the server closes a connection without an answer; waits for it."""
    connection.settimeout(20)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "begun", [b"", b"POST /", HEAD, HALF], ids=["nothing", "a line", "headers", "half a body"]
)
def test_of_many_that_say_half_of_it_the_oldest_make_room_for_who_means_it(begun: bytes) -> None:
    limits = ConnectionLimits(connections=3)
    with listening(limits) as port, ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(10)]
        for one in held:
            try:
                one.sendall(begun)
            except OSError:  # dropped already
                continue
        assert all(ended(one) for one in held[:7])
        answer = requests.post(f"http://127.0.0.1:{port}/pagerduty", json={}, timeout=20)
        assert (answer.status_code, answer.text) == (401, "refused")


@pytest.mark.parametrize("begun", [b"", HEAD, HALF], ids=["nothing", "headers", "half a body"])
def test_no_connection_lasts_longer_than_its_time(begun: bytes) -> None:
    limits = ConnectionLimits(seconds=0.2)
    with listening(limits) as port, socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(begun)
        assert ended(one)


def test_headers_without_an_end_are_refused() -> None:
    with listening(ConnectionLimits()) as port, socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(HEAD + b"X: " + b"x" * 40_000)
        assert one.recv(100).startswith(b"HTTP/1.1 400")


def test_a_connection_carries_one_request() -> None:
    with listening(ConnectionLimits()) as port, socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        one.settimeout(20)
        received = b"".join(iter(lambda: one.recv(4096), b""))
        assert received.count(b"HTTP/1.1 404") == 1


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    app = application({}, lambda _event: "", seconds_to_send=0.05)
    headers = [("Host", "hooks.example.com"), ("Content-Type", "application/json")]
    answer = ask(app, "POST", "/pagerduty", headers, None)
    assert (answer.status, answer.body) == (408, "not all there within 0.05 seconds")


def test_a_page_in_a_browser_sends_no_webhooks() -> None:
    app = application({}, lambda _event: "")
    for header in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")):
        headers = [("Host", "hooks.example.com"), ("Content-Type", "application/json"), header]
        assert ask(app, "POST", "/pagerduty", headers).status == 403
