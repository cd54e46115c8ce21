"""Updates while one looks: a small event whenever something is new; the script then asks for the page again.

An open stream ends by itself before the server would end it, and the browser asks anew. However many look, what there is to see is
looked at once in a few seconds. Not here: what is compared (``Overview.version``), what the browser does (``assets/scripts``).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

EVERY_SECONDS = 2.0
STREAM_SECONDS = 25.0
"""The server lets nobody have a connection for longer than half a minute (``guard.connections``)."""
MOST_STREAMS = 64
"""Who comes later gets no events, and still sees the age of what is shown."""


class Changes:
    """What is new, told to everybody who looks.

    Args:
        version: Of what pages stand on.
        every: Seconds between two looks.
        lasts: Seconds of one stream.
    """

    def __init__(
        self, version: Callable[[], str], every: float = EVERY_SECONDS, lasts: float = STREAM_SECONDS
    ) -> None:
        self._version, self._every, self._lasts = version, every, lasts
        self._streams = 0
        self._known = ""
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()
        self._ended = asyncio.Event()

    def end(self) -> None:
        """End every stream: the server ends."""
        self._ended.set()

    async def stream(self, request: Request) -> Response:
        """The events; ends after a while."""
        if self._streams >= MOST_STREAMS:
            return PlainTextResponse("too many look\n", 503, {"Retry-After": "30"})
        return StreamingResponse(
            self._events(request), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _events(self, request: Request) -> AsyncIterator[str]:
        self._streams += 1
        try:
            yield "retry: 2000\n\n"
            told, end = "", time.monotonic() + self._lasts
            while time.monotonic() < end and not self._ended.is_set() and not await request.is_disconnected():
                version = await self._newest()
                # A line without a name says that the server lives.
                yield f"event: version\ndata: {version}\n\n" if version != told else ":\n\n"
                told = version
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), self._every)
        finally:
            self._streams -= 1

    async def _newest(self) -> str:
        async with self._looking:
            if time.monotonic() - self._looked_at >= self._every / 2:
                self._known = await run_in_threadpool(self._version)
                self._looked_at = time.monotonic()
            return self._known
