"""One attempt has one end: bytes that drip do not hold it, wherever they drip."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mist_pipeline.http_client.deadline import Deadline
from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.session import HttpLimits, open_session, send

pytestmark = pytest.mark.slow

LIMITS = HttpLimits(connect_seconds=5, read_seconds=5, total_seconds=0.25)
HEAD = b"HTTP/1.1 200 OK\r\n"
PLACES = {
    "the status line": b"",
    "a header": HEAD + b"X-Slow: ",
    "a body": HEAD + b"Content-Length: 100000\r\n\r\n",
    "a body without a length": HEAD + b"Connection: close\r\n\r\n",
    "the size of a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n",
    "nothing": b"",
}


@contextmanager
def dripping(said: bytes, *, is_silent: bool = False, answers_first: bool = False) -> Iterator[int]:
    """A server that says something and then a byte every few milliseconds for ever; its port."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                if answers_first:
                    connection.recv(65_536)
                    connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
                connection.recv(65_536)
                connection.sendall(said)
                while not over.wait(0.01):
                    if not is_silent:
                        connection.sendall(b"1")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        over.set()


@pytest.mark.parametrize("place", PLACES)
def test_bytes_that_drip_do_not_hold_an_attempt(place: str) -> None:
    with dripping(PLACES[place], is_silent=place == "nothing") as port:
        began = time.monotonic()
        with pytest.raises(NoAnswerError, match=r"the answer took longer than 0\.25 s") as caught:
            send("GET", f"http://127.0.0.1:{port}/", limits=LIMITS)
        assert time.monotonic() - began < 2
    assert caught.value.may_have_arrived
    assert caught.value.__context__ is None


def test_a_handshake_that_drips_does_not_hold_an_attempt() -> None:
    with dripping(b"\x16\x03\x03\x40\x00") as port:
        began = time.monotonic()
        with pytest.raises(NoAnswerError, match="took longer"):
            send("GET", f"https://127.0.0.1:{port}/", limits=LIMITS)
        assert time.monotonic() - began < 2


def test_a_connection_that_stayed_open_is_ended_too() -> None:
    with dripping(HEAD, answers_first=True) as port, open_session("http://127.0.0.1") as session:
        url = f"http://127.0.0.1:{port}/"
        patient = HttpLimits(connect_seconds=5, read_seconds=5, total_seconds=5)
        assert send("GET", url, limits=patient, session=session).body == b"ok"
        with pytest.raises(NoAnswerError, match="took longer"):
            send("GET", url, limits=LIMITS, session=session)


def test_another_thread_ends_an_attempt() -> None:
    with dripping(HEAD) as port:
        deadline = Deadline(30)
        threading.Timer(0.1, deadline.end).start()
        began = time.monotonic()
        with pytest.raises(NoAnswerError):
            send("GET", f"http://127.0.0.1:{port}/", limits=LIMITS, deadline=deadline)
        assert time.monotonic() - began < 2


def test_attempts_share_a_thread_and_the_earliest_end_comes_first() -> None:
    """One that ends sooner than those before it does not wait for their time."""
    ended = []

    class Noted(Deadline):
        def end(self) -> None:
            super().end()
            ended.append(self)

    patient, hasty, gone = Noted(30), Noted(0.05), Noted(0.0)
    with gone:
        pass
    with patient:
        before = threading.active_count()
        with hasty, Noted(20):
            assert threading.active_count() == before
            until = time.monotonic() + 5
            while not ended and time.monotonic() < until:
                time.sleep(0.01)
    assert ended[-1:] == [hasty]
    assert not patient.is_over


def test_a_fork_watches_its_own_attempts() -> None:
    with Deadline(30):
        child = os.fork()
        if child == 0:
            with Deadline(0.0) as own:
                until = time.monotonic() + 5
                while not own.is_over and time.monotonic() < until:
                    time.sleep(0.01)
                os._exit(0 if own.is_over else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
