"""Updates while one looks: a small event whenever something is new; the script then asks for the page again.

An open stream ends by itself before the server would end it, and the browser asks anew. However many look, what there is to see is
looked at once in a few seconds. Not here: what is compared (``Overview.version``), what the browser does (``assets/scripts``).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

EVERY_SECONDS = 2.0
STREAM_SECONDS = 25.0
"""The server lets nobody have a connection for longer than half a minute (``guard.connections``)."""
MOST_STREAMS = 64
"""Who comes later gets no events, and still sees the age of what is shown."""


class Streams:
    """The streams of one server, of however many consoles.

    Args:
        every: Seconds between two looks.
        lasts: Seconds of one stream.
    """

    def __init__(self, every: float = EVERY_SECONDS, lasts: float = STREAM_SECONDS) -> None:
        self.every = every
        self._lasts = lasts
        self._open = 0
        self._ended = asyncio.Event()

    def end(self) -> None:
        """End every stream: the server ends."""
        self._ended.set()

    async def answer(self, request: Request, newest: Callable[[], Awaitable[str]]) -> Response:
        """A stream that tells whenever a version is another one; ends after a while."""
        if self._open >= MOST_STREAMS:
            return PlainTextResponse("too many look\n", 503, {"Retry-After": "30"})
        return StreamingResponse(
            self.events(request, newest),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    async def events(self, request: Request, newest: Callable[[], Awaitable[str]]) -> AsyncIterator[str]:
        """The events."""
        self._open += 1
        try:
            yield "retry: 2000\n\n"
            told, end = "", time.monotonic() + self._lasts
            while time.monotonic() < end and not self._ended.is_set() and not await request.is_disconnected():
                version = await newest()
                # A line without a name says that the server lives.
                yield f"event: version\ndata: {version}\n\n" if version != told else ":\n\n"
                told = version
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), self.every)
        finally:
            self._open -= 1


class Changes:
    """What is new in one console, told to everybody who looks.

    Args:
        version: Of what pages stand on.
        streams: Of the server.
    """

    def __init__(self, version: Callable[[], str], streams: Streams) -> None:
        self._version, self._streams = version, streams
        self._known = ""
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    async def stream(self, request: Request) -> Response:
        """The events."""
        return await self._streams.answer(request, self.newest)

    async def newest(self) -> str:
        """The version, looked at once for all who ask within a moment."""
        async with self._looking:
            if time.monotonic() - self._looked_at >= self._streams.every / 2:
                self._known = await run_in_threadpool(self._version)
                self._looked_at = time.monotonic()
            return self._known
