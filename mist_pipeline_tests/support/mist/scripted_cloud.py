"""A scripted cloud on loopback: real HTTP, with every way in which a real connection can misbehave."""

import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mist_pipeline.mist import endpoints
from mist_pipeline.mist.client import Limits, MistClient
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.page import Page
from mist_pipeline.mist.transport import MIST_LIMITS

TOKEN = "tOkEn-0123456789abcdefSECRET"
START = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@dataclass
class Reply:
    """What the scripted cloud does with one request."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    behaviour: str = "answer"  # answer, reset, truncate, truncate_chunked, stall, drip


@dataclass
class Seen:
    """One request as the cloud saw it."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def token(self) -> str:
        return self.headers["authorization"].removeprefix("Token ")


Script = Callable[[Seen], Reply]


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: object) -> None:
        """A client that hangs up is what some tests are about."""


class ScriptedCloud:
    """Answers by a script; `/self/usage` is answered for itself unless the script wants it."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.script: Script = lambda _: Reply(404, {"id": "nothing"})
        self.usage: Script = lambda _: Reply(document={"request_limit": 5000, "requests": 0})
        self.connect: Callable[[str], None] = lambda _: None
        self.date = "Tue, 03 Feb 2026 04:05:06 GMT"
        self.released = threading.Event()
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                cloud.handle(self)

            def do_CONNECT(self) -> None:
                cloud.connect(f"{self.path}\n{self.headers}")
                self.send_error(502)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return cloud.date

            def log_message(self, *args: Any) -> None:
                """Say nothing: the tests look at `requests`."""

        self.server = _QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    @property
    def paths(self) -> list[str]:
        return [seen.path for seen in self.requests]

    def answers(self, *replies: Reply) -> None:
        """One reply after the other, the last one for ever."""
        remaining = list(replies)
        self.script = lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0]

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        seen = Seen(parts.path, query, {name.lower(): value for name, value in handler.headers.items()})
        if parts.path == "/api/v1/self/usage":
            reply = self.usage(seen)
        else:
            self.requests.append(seen)
            reply = self.script(seen)
        body = json.dumps(reply.document).encode() if reply.body is None else reply.body
        getattr(self, f"_{reply.behaviour}")(handler, reply, body)

    def _head(self, handler: BaseHTTPRequestHandler, reply: Reply, **headers: str) -> None:
        handler.send_response(reply.status)
        for name, value in {**headers, **reply.headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    def _answer(self, handler: BaseHTTPRequestHandler, reply: Reply, body: bytes) -> None:
        self._head(handler, reply, Content_Length=str(len(body)))
        handler.wfile.write(body)

    def _reset(self, handler: BaseHTTPRequestHandler, reply: Reply, body: bytes) -> None:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True
        handler.connection.close()

    def _truncate(self, handler: BaseHTTPRequestHandler, reply: Reply, body: bytes) -> None:
        self._head(handler, reply, Content_Length=str(len(body)))
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True

    def _truncate_chunked(self, handler: BaseHTTPRequestHandler, reply: Reply, body: bytes) -> None:
        self._head(handler, reply, Transfer_Encoding="chunked")
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(body) - 1, body[:-1]))
        handler.close_connection = True

    def _unframed(self, handler: BaseHTTPRequestHandler, reply: Reply, body: bytes) -> None:
        self._head(handler, reply, Connection="close")
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True

    def _stall(self, handler: BaseHTTPRequestHandler, reply: Reply, body: bytes) -> None:
        handler.close_connection = True
        self.released.wait(10)

    def _drip(self, handler: BaseHTTPRequestHandler, reply: Reply, body: bytes) -> None:
        handler.close_connection = True
        self._head(handler, reply, Content_Length="1000000")
        try:
            while not self.released.wait(0.02):
                handler.wfile.write(b" ")
        except OSError:
            pass


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def epoch(self) -> float:
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


ClientMaker = Callable[..., MistClient]

LIMITS = Limits(
    http=replace(MIST_LIMITS, connect_seconds=30, read_seconds=30, total_seconds=30), concurrency=4
)
"""For tests in which nothing stalls: a slow machine is no failure."""
IMPATIENT = replace(LIMITS, http=replace(LIMITS.http, read_seconds=0.4, total_seconds=0.4))
"""For tests in which something stalls; here a slow machine may cost further attempts."""

SITE = "4ac1dcf4-9d8b-7211-65c4-057819f0862b"


WHOAMI = endpoints.whoami()
GOOD = Reply(document={"privileges": []})
"""A sound answer to `WHOAMI`."""


def ask(client: MistClient) -> list[Page]:
    """The simplest question, answered whole."""
    return list(client.pages(WHOAMI))


def summary() -> dict[str, Any]:
    """A sound SLE summary of one bucket."""
    samples = {"total": [60.0], "degraded": [6.0], "value": [0.5]}
    return {"start": 0, "end": 3600, "sle": {"name": "capacity", "interval": 3600, "samples": samples}}


def summaries(count: int) -> list[Call]:
    """Calls for the summaries of so many sites."""
    return [endpoints.sle_summary(f"site-{number}", "capacity", 0, 3600) for number in range(count)]
