"""What takes Mist's webhooks: an ASGI application that answers 200 once a message is kept, and refuses what nobody signed.

Not here: the form of a message (`message`), what is kept and where (``workflows.pushing``), which requests get here and
what clients may hold (``guard``), the socket (``cli``).
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mist_pipeline.guard.asgi import Guard
from mist_pipeline.guard.bodies import BodyError, ClientGoneError, read_body
from mist_pipeline.guard.rate import Rate
from mist_pipeline.guard.rules import Rules
from mist_pipeline.guard.threads import Threads
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.push.message import MOST_BYTES, MalformedError, Message, is_signed, parse

_log = logging.getLogger(__name__)

PATH = "/mist"
SIGNATURE = "X-Mist-Signature-v2"
SECONDS_TO_SEND = 10.0
"""Mist sends a body at once."""

MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 50.0, 500.0
"""Mist gathers the events of a topic for seconds into one message; more than this is no webhook but a loop."""

REFUSALS_NOTED = 1.0
"""Refused signatures a second that are written down: whoever has no secret must not keep the disk busy."""


class UnkeptError(Exception):
    """A message cannot be kept now; the cloud has to send it again."""


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """Where messages go. Each is called in a thread, and may raise `UnkeptError`.

    Attributes:
        keep: Keeps a message durably; returns what became of it, for the log.
        malformed: Notes a message that is signed and cannot be read.
        unsigned: Notes that somebody sent something that is not signed with our secret.
    """

    keep: Callable[[Message], str]
    malformed: Callable[[], None]
    unsigned: Callable[[], None]


def application(
    secrets: Sequence[Secret],
    keeper: Keeper,
    *,
    seconds_to_send: float = SECONDS_TO_SEND,
    monotonic: Callable[[], float] = time.monotonic,
) -> ASGIApp:
    """The application: ``POST /mist``.

    Args:
        secrets: Of the webhook; several while one is replaced by another.
        keeper: Where messages go.
        seconds_to_send: Within which a body has to be there.
        monotonic: A clock that never goes back, in seconds.
    """
    listener = _Listener(secrets, keeper, seconds_to_send, monotonic)
    # Any name: a proxy in front has one that we do not know, and the signature says who asks.
    return Guard(Starlette(routes=[Route(PATH, listener.answer, methods=["POST"])]), Rules(hosts=None))


class _Listener:
    """Answers one message after the other."""

    def __init__(
        self,
        secrets: Sequence[Secret],
        keeper: Keeper,
        seconds_to_send: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._secrets, self._keeper = secrets, keeper
        self._seconds_to_send, self._monotonic = seconds_to_send, monotonic
        self._messages = Rate(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE)
        self._refusals = Rate(REFUSALS_NOTED, 1)
        self._threads = Threads()

    async def answer(self, request: Request) -> Response:
        """What a request gets."""
        try:
            return await self._take(request)
        except BodyError as error:
            return PlainTextResponse(str(error), error.status)
        except ClientGoneError:
            return Response(status_code=400)
        except UnkeptError as error:
            _log.error("a webhook of Mist is not kept: %s", error)
            return PlainTextResponse("send it again later", 503, {"Retry-After": "10"})

    async def _take(self, request: Request) -> Response:
        signature = request.headers.get(SIGNATURE)
        if signature is None:
            return await self._unsigned(f"it has no {SIGNATURE}; has the webhook a secret?")
        body = await read_body(request.receive, MOST_BYTES, self._seconds_to_send)
        if not is_signed(body, signature, self._secrets):
            return await self._unsigned("its signature is of another secret")
        if not self._messages.allows(self._monotonic()):
            return PlainTextResponse("too many at once", 429, {"Retry-After": "5"})
        try:
            message = parse(body)
        except MalformedError as error:
            _log.warning("a webhook of Mist cannot be read: %s", error)
            await self._threads.run(self._keeper.malformed)
            return PlainTextResponse(f"malformed: {error}", 400)
        became = await self._threads.run(self._keeper.keep, message)
        _log.info("webhook of Mist, %s: %s", message.topic, became)
        return PlainTextResponse(became)

    async def _unsigned(self, why: str) -> Response:
        _log.warning("refused a webhook of Mist: %s", why)
        if self._refusals.allows(self._monotonic()):
            await self._threads.run(self._keeper.unsigned)
        return PlainTextResponse("refused", 401)
