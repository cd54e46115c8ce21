"""One page of an answer, as the client hands it out and as raw files keep it."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mist_pipeline.mist.endpoints import Call


@dataclass(frozen=True)
class Page:
    """One page of the answer to a call.

    Attributes:
        call: What was asked.
        number: 1 for the first page.
        requested_at: When the request that succeeded was sent (UTC, own clock).
        received_at: When its answer was complete (UTC, own clock).
        url_path: Path and query that were really asked (``summary`` where the cloud has no ``summary-trend``).
        body: The body as received, decompressed.
        document: The body as JSON values.
        total: Number of items in the whole list as the page headers say, or None.
        limit: Page size as the page headers say, or None.
    """

    call: Call
    number: int
    requested_at: datetime
    received_at: datetime
    url_path: str
    body: bytes = field(repr=False)
    document: Any = field(repr=False)
    total: int | None = None
    limit: int | None = None


class NotJsonError(ValueError):
    """A body that is not a JSON document: cut off, or a page for people."""


class NotFiniteError(ValueError):
    """NaN or Infinity, which JSON does not have and no measurement is."""


def parse_json(body: bytes) -> Any:
    """The JSON document in a body.

    Raises:
        NotJsonError: The body is no JSON document.
        NotFiniteError: It holds NaN or Infinity.
    """
    try:
        return json.loads(body, parse_constant=_refuse)
    except NotFiniteError:
        raise
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None


def _refuse(constant: str) -> None:
    raise NotFiniteError(f"{constant} is not a JSON number")
