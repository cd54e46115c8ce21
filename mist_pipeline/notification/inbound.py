"""What people's systems send over HTTP: that somebody acknowledged or closed a page in PagerDuty.

Here: an ASGI application that accepts signed requests only and hands on what a person did. Not here: the format of the
webhook (``delivery.sinks.pagerduty.inbound``), what follows in the ledger (``workflows``), which requests get here and what
clients may hold (``guard``), the socket (``cli``).
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mist_pipeline.delivery.sinks.pagerduty.inbound import (
    MOST_BYTES,
    InvalidWebhookError,
    PageEvent,
    parse_webhook,
)
from mist_pipeline.guard.asgi import Guard
from mist_pipeline.guard.bodies import BodyError, ClientGoneError, read_body
from mist_pipeline.guard.rules import Rules
from mist_pipeline.http_client.secrets import Secret

_log = logging.getLogger(__name__)


class AskAgainError(Exception):
    """What a webhook means cannot be found out now; PagerDuty sends it again within minutes."""


PATH = "/pagerduty"
SECONDS_TO_SEND = 10.0
"""PagerDuty sends a body at once."""


def application(
    keys: Mapping[str, Sequence[Secret]],
    acted: Callable[[PageEvent], str],
    seconds_to_send: float = SECONDS_TO_SEND,
) -> ASGIApp:
    """The application: ``POST /pagerduty``.

    Args:
        keys: Sink → signing keys of its webhook subscriptions.
        acted: Called with what happened in PagerDuty; returns what came of it. PagerDuty repeats events, so it must bear
            that. May raise `AskAgainError`.
        seconds_to_send: Within which a body has to be there.
    """

    async def pagerduty(request: Request) -> Response:
        try:
            body = await read_body(request.receive, MOST_BYTES, seconds_to_send)
        except BodyError as error:
            return PlainTextResponse(str(error), error.status)
        except ClientGoneError:
            return Response(status_code=400)
        try:
            event = parse_webhook(body, request.headers.get("X-PagerDuty-Signature", ""), keys)
        except InvalidWebhookError as error:
            _log.warning("refused a webhook: %s", error)
            return PlainTextResponse("refused", 401)
        if event is None:
            return PlainTextResponse("of no interest")
        try:
            became = await run_in_threadpool(acted, event)
        except AskAgainError as error:
            _log.warning("incident %s of PagerDuty, %s: %s", event.page, event.act, error)
            return PlainTextResponse("send it again later", 503)
        _log.info("incident %s of PagerDuty, %s by %s: %s", event.page, event.act, event.by, became)
        return PlainTextResponse(became)

    routes = [Route(PATH, pagerduty, methods=["POST"])]
    # Any name: a proxy in front has one that we do not know, and the signature says who asks.
    return Guard(Starlette(routes=routes), Rules(hosts=None))
