"""One page of an answer, as the client hands it out and as raw files keep it."""

import json
import math
import re
from collections.abc import Callable
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


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_MOST_NESTED = 64
"""Documents of the API are ten levels deep; Python refuses to read a thousand."""
_MOST_DIGITS = 400
"""More digits than this are beyond every float, so infinite; Python refuses to read more than 4,300 of them."""


def parse_json(body: bytes) -> Any:
    r"""The JSON document in a body.

    One odd value does not take the document along: half a surrogate pair and bytes that are no text become U+FFFD, a number
    of a thousand digits becomes infinite, what is nested a thousand times is cut, NaN stays. `parsers` refuses them where they stand.

    Raises:
        NotJsonError: The body is no JSON document.

    >>> parse_json(b'["caf\xe9", "\\ud800!", 1e999]') == ["caf\ufffd", "\ufffd!", math.inf]
    True
    """
    text = body.decode(json.detect_encoding(body), errors="replace")
    if _SURROGATE.search(text):
        text = _ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], text)
    try:
        return _loads(text, int)
    except RecursionError:
        return _loads(_shallow(text), _whole)
    except NotJsonError:
        raise
    except ValueError:
        return _loads(text, _whole)


def _loads(text: str, parse_int: Callable[[str], int | float]) -> Any:
    try:
        # The usual reading of whole numbers is much faster where it is not handed in.
        return json.loads(text) if parse_int is int else json.loads(text, parse_int=parse_int)
    except json.JSONDecodeError as error:
        raise NotJsonError(str(error)) from None


def _shallow(text: str) -> str:
    """The document with null for every list and object that is nested too deep."""
    kept: list[str] = []
    depth = begin = 0
    for found in _STRUCTURE.finditer(text):
        if found[0] in "[{":
            if depth == _MOST_NESTED:
                kept.append(text[begin : found.start()])
            depth += 1
        elif found[0] in "]}":
            depth -= 1
            if depth == _MOST_NESTED:
                kept.append("null")
                begin = found.end()
    if depth > _MOST_NESTED:  # cut off within: what is left of it says so when it is read
        return "".join(kept)
    return "".join(kept) + text[begin:]


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf
