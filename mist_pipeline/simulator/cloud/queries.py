"""What a request asks for: windows, pages, limits, in the cloud's own rules; pure.

Bad input raises `BadRequestError`, which `app` answers with 400.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import urlencode

T = TypeVar("T")

LARGEST_PAGE: Final = 1000
_DEFAULT_PAGE: Final = 100
_RELATIVE: Final = re.compile(r"-?(\d+)([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class BadRequestError(ValueError):
    """A request that the cloud answers with 400; its text is the `detail`."""


@dataclass(frozen=True)
class Paged:
    """One numbered page.

    Attributes:
        page: From 1.
        limit: Largest number of items.
        rows: Which items.
    """

    page: int
    limit: int
    rows: slice


def window(query: Mapping[str, str], now: datetime) -> tuple[float, float]:
    """Start and end in epoch seconds: absolute or relative, with `duration` (default a day) for what is left out."""
    length = _length(query.get("duration", "1d"))
    end = _moment(query["end"], now) if query.get("end") else None
    start = _moment(query["start"], now) if query.get("start") else None
    if end is None:
        end = now.timestamp() if start is None else max(start, now.timestamp())
        if start is not None and query.get("duration"):
            end = start + length
    if start is None:
        start = end - length
    if start >= end:
        raise BadRequestError(f"start ({start:.0f}) must be before end ({end:.0f})")
    return start, end


def _moment(text: str, now: datetime) -> float:
    if text == "now":
        return now.timestamp()
    if text.startswith("-"):
        return now.timestamp() - _length(text)
    try:
        moment = float(text)
    except ValueError:
        raise BadRequestError(f"{text[:40]!r} is no time: epoch seconds, 'now' or like '-1d'") from None
    if not 0 <= moment < 32_503_680_000:
        raise BadRequestError(f"{text[:40]!r} is out of range")
    return moment


def _length(text: str) -> float:
    match = _RELATIVE.fullmatch(text)
    if match is None:
        raise BadRequestError(f"{text[:40]!r} is no duration: like '10m', '1d', '2w'")
    return int(match[1]) * float(_SECONDS[match[2]])


def limit_of(query: Mapping[str, str]) -> int:
    """The page size, capped at what the cloud serves."""
    return min(_whole(query, "limit", _DEFAULT_PAGE), LARGEST_PAGE)


def page_of(query: Mapping[str, str]) -> Paged:
    """The numbered page that is asked for."""
    limit, page = limit_of(query), _whole(query, "page", 1)
    return Paged(page, limit, slice((page - 1) * limit, page * limit))


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if text == "":
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise BadRequestError(f"{name} must be a whole number of at least 1, not {text[:20]!r}")
    return int(text)


def after_cursor(
    items: Sequence[T], keys: Sequence[tuple[float, str]], query: Mapping[str, str], path: str
) -> tuple[list[T], str | None]:
    """The items behind a `search_after` cursor, and the relative URL of the next ones.

    Args:
        items: All that match, in order.
        keys: Sort key and id of each; the cursor is the last one sent.
        query: Of the request.
        path: Of the request.
    """
    first = 0
    if query.get("search_after"):
        try:
            after = json.loads(query["search_after"])
            cursor = (float(after[0]), str(after[1]))
        except (ValueError, TypeError, LookupError):
            raise BadRequestError("search_after is no cursor of this search") from None
        positions = {key: position for position, key in enumerate(keys)}
        if cursor not in positions:
            raise BadRequestError("search_after is no cursor of this search")
        first = positions[cursor] + 1
    limit = limit_of(query)
    chosen = list(items[first : first + limit])
    if first + limit >= len(items):
        return chosen, None
    kept = {name: value for name, value in query.items() if name != "search_after"}
    last = json.dumps(list(keys[first + limit - 1]))
    return chosen, f"{path}?{urlencode({**kept, 'search_after': last})}"
