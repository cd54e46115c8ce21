"""A server on which no client, and no number of clients, can hold time or memory: for what the whole world may reach.

The application sees a request only when its headers are there. So what comes before (connections that say nothing, headers
that drip) is bounded where connections are made: how many there are, and how long each may last. The newest is most likely
one that means it, because a request that is meant is there at once; so the oldest that is not there yet makes room for it.

Not here: the size and time of a body (`bodies`), and who may ask (`rules`).
"""

import asyncio
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


@dataclass(frozen=True)
class ConnectionLimits:
    """What all clients together may hold.

    Attributes:
        connections: At the same time.
        seconds: From the first byte to the last of the answer.
        bytes_of_headers: Of one request.
    """

    connections: int = 32
    seconds: float = 30
    bytes_of_headers: int = 16 << 10


def bounded_config(
    app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, limits: ConnectionLimits = ConnectionLimits()
) -> uvicorn.Config:
    """The configuration of a server with these limits: one request a connection, no WebSockets."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        # Whom a proxy names decides who may come in: only what the application itself makes of such headers counts.
        proxy_headers=False,
        http=_protocol(limits),
        ws="none",
        lifespan="off",
        log_level="info",
        access_log=False,
        h11_max_incomplete_event_size=limits.bytes_of_headers,
        timeout_graceful_shutdown=5,
    )


def _protocol(limits: ConnectionLimits) -> type[H11Protocol]:
    """Connections that share these limits."""
    opened: dict[H11Protocol, None] = {}

    class Bounded(H11Protocol):
        _end: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            opened[self] = None
            self._end = self.loop.call_later(limits.seconds, transport.abort)
            if len(opened) > limits.connections:
                waiting = (one for one in opened if _is_waiting(one))
                self._drop(next(waiting, self))

        def connection_lost(self, exc: Exception | None) -> None:
            opened.pop(self, None)
            if self._end is not None:
                self._end.cancel()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self.transport.close()

        @staticmethod
        def _drop(one: H11Protocol) -> None:
            # At once, not when the loop comes to it: many may come before.
            opened.pop(one, None)
            one.transport.abort()

    return Bounded


def _is_waiting(connection: H11Protocol) -> bool:
    """Whether its request is not all there."""
    cycle: RequestResponseCycle | None = connection.cycle
    return cycle is None or cycle.more_body
