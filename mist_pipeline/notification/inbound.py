"""What people's systems send over HTTP: that somebody acknowledged or closed a page in PagerDuty.

Here: an ASGI application that accepts signed requests only and hands on what a person did. Not here: the format of the
webhook (``delivery.sinks.pagerduty.inbound``), what follows in the ledger (``workflows``), the socket (``cli``).
"""

import logging
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mist_pipeline.delivery.sinks.pagerduty.inbound import (
    MOST_BYTES,
    InvalidWebhookError,
    PersonActed,
    parse_webhook,
)
from mist_pipeline.http_client.secrets import Secret

_log = logging.getLogger(__name__)


def application(keys: Sequence[Secret], acted: Callable[[PersonActed], str]) -> Starlette:
    """The application: ``POST /pagerduty``, and ``GET /`` to see that it is there.

    Args:
        keys: Signing keys of the webhook subscriptions.
        acted: Called with what a person did; returns what came of it. PagerDuty repeats events, so it must bear that.
    """

    async def pagerduty(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return PlainTextResponse("too large", 413)
        try:
            action = parse_webhook(body, request.headers.get("X-PagerDuty-Signature", ""), keys)
        except InvalidWebhookError as error:
            _log.warning("refused a webhook: %s", error)
            return PlainTextResponse("refused", 401)
        if action is None:
            return PlainTextResponse("of no interest")
        became = await run_in_threadpool(acted, action)
        _log.info("incident %s was %s by %s: %s", action.incident_id, action.kind, action.by, became)
        return PlainTextResponse(became)

    async def there(_request: Request) -> Response:
        return PlainTextResponse("mist-pipeline listens")

    return Starlette(
        routes=[Route("/pagerduty", pagerduty, methods=["POST"]), Route("/", there, methods=["GET"])]
    )
