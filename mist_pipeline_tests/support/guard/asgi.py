"""Calling an ASGI application without a server: what it was sent, what it answered."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Answer:
    """What came back; of a WebSocket, 101 or the code it was closed with."""

    status: int
    headers: list[tuple[str, str]]
    body: str = ""

    def header(self, name: str) -> str:
        """All values of a header, joined."""
        return ", ".join(value for key, value in self.headers if key == name.lower())


@dataclass
class Recorder:
    """An application that answers everything, and remembers what reached it."""

    reached: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached.append(f"{scope.get('method', 'WEBSOCKET')} {scope['path']}")
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"ALLOW")]}
        )
        await send({"type": "http.response.body", "body": b"answered"})


def ask(
    app: ASGIApp,
    method: str,
    target: str,
    headers: list[tuple[str, str]],
    body: bytes | None = b"",
    client: str = "127.0.0.1",
) -> Answer:
    """One request from an address, or WebSocket (method ``WEBSOCKET``); a body of None never comes."""
    path, _, query = target.partition("?")
    scope: Scope = {
        "type": "websocket" if method == "WEBSOCKET" else "http",
        "http_version": "1.1",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "client": (client, 40000),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }
    if method != "WEBSOCKET":
        scope["method"] = method
    sent: list[Message] = []

    async def receive() -> Message:
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_called(app, scope, receive, send))
    return _answer(sent)


async def _called(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def _answer(sent: list[Message]) -> Answer:
    first = sent[0]
    if first["type"].startswith("websocket"):
        return Answer(first.get("code", 101), [])
    headers = [(name.decode(), value.decode()) for name, value in first["headers"]]
    return Answer(
        first["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]).decode()
    )
