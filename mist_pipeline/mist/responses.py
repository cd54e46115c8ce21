"""What a response of the Mist API means: a page, or an error. Pure.

Not here: whether the call is repeated (`client`), and whether the content of a document is sound (`parsers`).
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from mist_pipeline.http_client.secrets import Secrets
from mist_pipeline.http_client.session import HttpAnswer
from mist_pipeline.mist.budget import Lane
from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import (
    BadRequest,
    Forbidden,
    MistError,
    NotFound,
    RateLimited,
    Redirected,
    Unauthorized,
    Unavailable,
    UnexpectedShape,
)
from mist_pipeline.mist.page import NotJsonError, Page, parse_json

_REFUSALS: dict[int, tuple[type[MistError], str]] = {
    401: (Unauthorized, "the cloud does not accept the API token: is it right, not expired, of this cloud?"),
    403: (Forbidden, "the API token may not see this: give it a role on the organisation"),
    404: (NotFound, "the cloud knows no such thing"),
    408: (Unavailable, "the cloud gave up waiting for the request"),
    429: (RateLimited, "the cloud refuses more calls from this token for now"),
}


@dataclass(frozen=True)
class Request:
    """One page that is asked for.

    Attributes:
        call: What it is a page of.
        number: 1 for the first page.
        path: Path below the base URL; a cursor holds its query already.
        query: Further query parameters.
        lane: Which share of the call budget it is taken from.
        stop: Set when the answer is no longer wanted.
    """

    call: Call
    number: int
    path: str
    query: Mapping[str, str]
    lane: Lane
    stop: threading.Event

    @property
    def shown(self) -> str:
        """Path and query, as errors and raw files show it."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def error_fields(self, status: int | None, attempt: int) -> dict[str, Any]:
        """The fields of every error about this request."""
        return {"method": self.call.method, "path": self.shown, "status": status, "attempt": attempt}


def classify_response(
    request: Request,
    answer: HttpAnswer,
    *,
    attempt: int,
    requested_at: datetime,
    received_at: datetime,
    secrets: Secrets,
) -> Page | MistError:
    """The page in an answer, or the error that it means (returned, because the client may ask again)."""
    fields = request.error_fields(answer.status, attempt)
    is_change = request.call.method != "GET"
    if answer.status != 200 and not (is_change and answer.is_success):
        return _refusal(request, answer, fields, secrets)
    try:
        # Removing something has no answer but its status.
        document = None if is_change and not answer.body.strip() else parse_json(answer.body)
    except NotJsonError:
        return Unavailable("the body is no JSON document, it may have been cut off", **fields)
    return Page(
        call=request.call,
        number=request.number,
        requested_at=requested_at,
        received_at=received_at,
        url_path=request.shown,
        body=answer.body,
        document=document,
        total=_header_count(answer, "x-page-total"),
        limit=_header_count(answer, "x-page-limit"),
    )


def _refusal(request: Request, answer: HttpAnswer, fields: dict[str, Any], secrets: Secrets) -> MistError:
    detail = secrets.hide(_detail(answer.body))
    if answer.status == 403 and request.call.method != "GET":
        return Forbidden("the API token may read and not write", detail=detail, **fields)
    if answer.status in _REFUSALS:
        kind, reason = _REFUSALS[answer.status]
        return kind(reason, detail=detail, **fields)
    if answer.status >= 500:
        return Unavailable("the cloud is in trouble", detail=detail, **fields)
    if answer.status >= 400:
        return BadRequest("the cloud does not accept the request", detail=detail, **fields)
    if answer.status >= 300:
        target = secrets.hide(answer.headers.get("location", "an unnamed place"))
        return Redirected(
            "the cloud answered with a redirect, which is not followed: is the base URL right?",
            detail=f"go to {target}",
            **fields,
        )
    return UnexpectedShape("an answer without the expected content", endpoint=request.call.endpoint, **fields)


def _detail(body: bytes) -> str:
    """What the cloud says about its refusal; '' for an HTML page."""
    try:
        document = parse_json(body)
    except NotJsonError:
        return ""
    detail = document.get("detail") if isinstance(document, dict) else None
    if detail is None:
        return ""
    return detail if isinstance(detail, str) else json.dumps(detail)


def _header_count(answer: HttpAnswer, name: str) -> int | None:
    value = answer.headers.get(name, "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
