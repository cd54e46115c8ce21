"""What Slack sends over HTTP: that somebody pressed a button of one of our messages.

Here: an ASGI application that accepts signed requests of the last five minutes, hands them on and answers within Slack's three seconds.
Not here: the form of the request (``delivery.sinks.slack.inbound``), what follows in the ledger (``workflows``), which requests get
here and what clients may hold (``guard``), the socket (``cli``).
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mist_pipeline.delivery.sinks.slack.inbound import (
    MOST_BYTES,
    InvalidPressError,
    Press,
    is_recent,
    parse_press,
)
from mist_pipeline.guard.asgi import Guard
from mist_pipeline.guard.bodies import BodyError, ClientGoneError, read_body
from mist_pipeline.guard.rules import Rules
from mist_pipeline.http_client.secrets import Secret

_log = logging.getLogger(__name__)


class NotNowError(Exception):
    """The press cannot be written down now: Slack shows the person that it did not work, who presses again."""


PATH = "/slack"
SECONDS_TO_SEND = 3.0
"""Slack gives up after three seconds."""


def application(
    secrets: Mapping[str, Secret],
    pressed: Callable[[Press], str],
    answer: Callable[[str, str], str],
    clock: Callable[[], datetime],
) -> ASGIApp:
    """The application: ``POST /slack``.

    Args:
        secrets: Sink → signing secret of its app.
        pressed: Called with every press; returns what came of it, for the person who pressed, '' where nobody has to hear it. May
            raise `NotNowError`.
        answer: Called with the press's ``response_url`` and that text, once Slack has its answer; returns what was wrong, or ''.
        clock: What time it is.
    """
    listener = _Listener(secrets, pressed, answer, clock)
    routes = [Route(PATH, listener.answer, methods=["POST"])]
    # Any name: a proxy in front has one that we do not know; and a form: the signature says who sends it.
    return Guard(Starlette(routes=routes), Rules(hosts=None, takes_forms=True))


@dataclass(frozen=True)
class _Listener:
    """Answers one request after the other; its members are the arguments of `application`."""

    secrets: Mapping[str, Secret]
    pressed: Callable[[Press], str]
    answered: Callable[[str, str], str]
    clock: Callable[[], datetime]

    async def answer(self, request: Request) -> Response:
        """What a request gets."""
        try:
            press = await self._read(request)
            became = await run_in_threadpool(self.pressed, press) if press else ""
        except BodyError as error:
            return PlainTextResponse(str(error), error.status)
        except ClientGoneError:
            return Response(status_code=400)
        except InvalidPressError as error:
            _log.warning("refused a request of Slack: %s", error)
            return PlainTextResponse("refused", 401)
        except NotNowError as error:
            _log.error("a press in Slack is not kept: %s", error)
            return PlainTextResponse("press again", 503)
        if press is None:
            return Response()
        _log.info("%s pressed %s in Slack: %s", press.who, press.action, became or "known already")
        is_told = bool(became and press.response_url)
        return Response(background=BackgroundTask(self._tell, press, became) if is_told else None)

    async def _read(self, request: Request) -> Press | None:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        if not is_recent(timestamp, self.clock()):
            raise InvalidPressError("not of the last five minutes; is our clock right?")
        body = await read_body(request.receive, MOST_BYTES, SECONDS_TO_SEND)
        return parse_press(body, timestamp, request.headers.get("X-Slack-Signature", ""), self.secrets)

    def _tell(self, press: Press, became: str) -> None:
        if wrong := self.answered(press.response_url, became):
            _log.warning("Slack does not take the answer to %s: %s", press.who, wrong)
