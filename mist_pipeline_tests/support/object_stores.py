"""Object stores for tests: one in memory, moto's S3 in a thread of this process, and a proxy before it that fails as S3 does."""

import http.client
import http.server
import itertools
import logging
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import pytest

from mist_pipeline.storage.address import Patience, open_store
from mist_pipeline.storage.files import FileStore
from mist_pipeline.storage.objects import ObjectStore

PATIENT = Patience(timeout_seconds=120, max_retries=2, pause_seconds=0.01, give_up_seconds=600)
"""So patient are stores of tests that fail, and answer: on a busy machine that takes a while."""
QUICK = Patience(timeout_seconds=1.5, max_retries=2, pause_seconds=0.01, give_up_seconds=600)
"""So patient are those that do not answer, each time in vain."""

SECRET_KEY = "sEcReT/of+the/store0123456789abcdefghijk"

_numbers = itertools.count(1)


def in_memory() -> FileStore:
    """An empty store of objects without a server."""
    from obstore.store import MemoryStore

    client = MemoryStore()
    return ObjectStore(lambda: client, "memory://objects")


@cache
def _server() -> Any:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    return server


def s3_endpoint() -> str:
    """The address of this process's S3, started with the first question."""
    host, port = _server().get_host_and_port()
    return f"http://{host}:{port}"


def use_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Set the environment as it is set for S3 of one's own network."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDOFTESTS",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }.items():
        monkeypatch.setenv(name, value)


def new_bucket() -> str:
    """Make an empty bucket; returns its address."""
    name = f"bucket-{next(_numbers)}"
    put_object(f"/{name}")
    return f"s3://{name}"


def put_object(path: str) -> None:
    """Make a bucket, or an empty object in one, as somebody else's program does."""
    connection = http.client.HTTPConnection(s3_endpoint().removeprefix("http://"))
    connection.request("PUT", path)
    assert connection.getresponse().status == 200
    connection.close()


def s3_store(monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """A store of an empty bucket."""
    use_s3(monkeypatch, s3_endpoint())
    return open_store(f"{new_bucket()}/of/tests")


class Fault:
    """What the proxy does with requests: answer itself, or pass them on.

    Attributes:
        before: Of method and path → status and error code, ``"hang"``, or None to pass on.
        after: Of method and path, once passed on → ``"drop"`` or ``"hang"``: the answer is lost, or None.
        seen: Requests that came, as ``GET /bucket/key``.
    """

    before: Callable[[str, str], tuple[int, str] | str | None]
    after: Callable[[str, str], str | None]

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Pass everything on, and forget what was seen."""
        self.before = self.after = lambda _method, _path: None
        self.seen: list[str] = []


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = self.server.fault
        fault.seen.append(f"{self.command} {self.path}")
        said = fault.before(self.command, self.path)
        if isinstance(said, tuple):
            status, code = said
            self._answer(status, [], f"<Error><Code>{code}</Code></Error>".encode())
        elif said == "hang":
            self._hang()
        else:
            self._pass_on(body)

    def _pass_on(self, body: bytes) -> None:
        connection = http.client.HTTPConnection(s3_endpoint().removeprefix("http://"))
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content, length = answer.read(), answer.getheader("content-length")
        connection.close()
        lost = self.server.fault.after(self.command, self.path)
        if lost == "hang":
            self._hang()
        elif lost == "drop":
            self.close_connection = True
        else:
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
            self._answer(answer.status, kept, content, length)

    def _answer(
        self, status: int, headers: list[tuple[str, str]], content: bytes, length: str | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        # Of HEAD the length is that of what is not sent.
        self.send_header("content-length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _hang(self) -> None:
        """Until the other one has given up."""
        self.close_connection = True
        self.connection.settimeout(PATIENT.timeout_seconds)
        with suppress(OSError):
            self.connection.recv(1)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _do  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is written."""


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    fault: Fault


@contextmanager
def proxy() -> Iterator[tuple[str, Fault]]:
    """A proxy before S3: its address, and what it does."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.fault = Fault()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", server.fault
        finally:
            server.shutdown()
            thread.join()


_HOP = {"content-length", "connection", "transfer-encoding", "server", "date"}
