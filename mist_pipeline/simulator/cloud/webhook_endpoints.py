"""What the simulated cloud answers about webhooks: list, make, change, remove, ping, what came of messages."""

import json
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mist_pipeline.simulator.cloud import queries
from mist_pipeline.simulator.cloud.endpoints import NotThereError, numbered
from mist_pipeline.simulator.cloud.push_sender import post
from mist_pipeline.simulator.cloud.queries import BadRequestError
from mist_pipeline.simulator.cloud.webhooks import Webhooks

T = TypeVar("T")


class WebhookEndpoints:
    """Answers about the webhooks of one cloud; each method takes a request that was let in, and its body.

    Args:
        webhooks: Those that there are.
        now: The cloud's clock.
    """

    def __init__(self, webhooks: Webhooks, now: Callable[[], datetime]) -> None:
        self._webhooks, self._now = webhooks, now

    def listed(self, request: Request, _body: bytes) -> Response:
        """All of them."""
        return numbered(request, self._webhooks.documents(), lambda found: found)

    def added(self, _request: Request, body: bytes) -> Response:
        """Make one."""
        return JSONResponse(self._webhooks.add(_document(body)))

    def replaced(self, request: Request, body: bytes) -> Response:
        """Make one another one."""
        return JSONResponse(_of(request, lambda one: self._webhooks.replace(one, _document(body))))

    def removed(self, request: Request, _body: bytes) -> Response:
        """End one."""
        _of(request, self._webhooks.remove)
        return Response(status_code=200)

    def pinged(self, request: Request, _body: bytes) -> Response:
        """Send a ping, while the answer goes out."""
        receiver, message = _of(request, lambda one: (self._webhooks.receiver(one), self._webhooks.ping(one)))

        def send() -> None:
            self._webhooks.note(receiver, "ping", post(receiver, message))

        threading.Thread(target=send, name="webhook ping", daemon=True).start()
        return JSONResponse({})

    def deliveries(self, request: Request, _body: bytes) -> Response:
        """What came of messages, newest first."""
        start, end = queries.window(request.query_params, self._now())
        found = _of(request, lambda one: self._webhooks.deliveries(one, start, end))
        limit = queries.page_of(request.query_params).limit
        return JSONResponse(
            {
                "start": int(start),
                "end": int(end),
                "limit": limit,
                "total": len(found),
                "results": found[:limit],
            }
        )


def _of(request: Request, ask: Callable[[str], T]) -> T:
    """What is asked about the webhook of the path."""
    webhook_id = str(request.path_params["webhook_id"])
    try:
        return ask(webhook_id)
    except KeyError:
        raise NotThereError(webhook_id) from None


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise BadRequestError("JSON parse error") from None
