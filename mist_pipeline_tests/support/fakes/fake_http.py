"""A loopback HTTP server for fakes: remembers what it was asked, and can fail like the real ones do.

A stateful fake overrides `handle`; scripted replies come first, each once, so a test says "the next answer is 429".
"""

import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Seen:
    """A request: header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    target: str = ""
    """Path and query as they were sent."""

    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer, or one of the ways of giving none.

    Attributes:
        behaviour: ``answer``; ``reset`` the connection once the request is read; ``truncate`` the body; ``silence``
            until the fake is closed; ``after_commit`` handles the request, so that it takes effect, and then resets.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    behaviour: Literal["answer", "reset", "truncate", "silence", "after_commit"] = "answer"


def json_reply(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A document as an answer."""
    return Reply(
        status,
        json.dumps(document).encode(),
        {"Content-Type": "application/json; charset=utf-8", **(headers or {})},
    )


class FakeHttp:
    """The server; a context manager."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Seen] = []
        self._script: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._origin = "http://127.0.0.1" if tls is None else "https://localhost"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Base URL, no slash at its end."""
        return f"{self._origin}:{self._server.server_address[1]}"

    def script(self, *replies: Reply) -> None:
        """Answers of the next requests."""
        self._script.extend(replies)

    def handle(self, seen: Seen) -> Reply:
        """The answer to a request for which none is scripted; called by one thread at a time."""
        return Reply()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, seen: Seen) -> Reply:
        with self._lock:
            self.requests.append(seen)
            if not self._script:
                return self.handle(seen)
            reply = self._script.popleft()
            if reply.behaviour == "after_commit":
                self.handle(seen)
            return reply

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length", "0"))
                seen = Seen(
                    method=self.command,
                    path=parts.path,
                    query={name: values[0] for name, values in parse_qs(parts.query).items()},
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=self.rfile.read(length),
                    target=self.path,
                )
                self._send(fake._answer(seen))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

            def _send(self, reply: Reply) -> None:
                self.close_connection = True
                if reply.behaviour == "silence":
                    fake._closing.wait(30)
                if reply.behaviour in {"reset", "after_commit", "silence"}:
                    # A closed socket with no time to linger sends a reset instead of an orderly end.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                promised = len(reply.body) + (10 if reply.behaviour == "truncate" else 0)
                self.send_header("Content-Length", str(promised))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: object) -> None:
                return

        return Handler
