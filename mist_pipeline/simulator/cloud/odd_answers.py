"""Sound answers made odd: one value of a wrong type or out of range, or a list whose cursors never end. Pure.

What is made odd is drawn by the caller, so that a run can be repeated. Not here: which answers (`http_faults`).
"""

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

_VALUES: Final[tuple[Any, ...]] = (-1, "", "x", 1e300, {}, [], [None], 7.25, "\ud800")
_TURN: Final = "turn"


def with_odd_value(body: bytes, draw: float) -> bytes:
    """The answer with one value of one of its rows replaced.

    Args:
        body: A JSON document.
        draw: Which value becomes what, in [0, 1).
    """
    document = json.loads(body)
    places = list(_places(document))
    if not places:
        return body
    number = int(draw * len(places) * len(_VALUES))
    holder, key = places[number % len(places)]
    holder[key] = _VALUES[number // len(places) % len(_VALUES)]
    return json.dumps(document).encode()


def with_endless_cursor(body: bytes, path: str, query: str) -> bytes:
    """The answer of a list that leads on to itself under a name that is new every time."""
    document = json.loads(body)
    if not isinstance(document, dict) or "results" not in document:
        return body
    asked = dict(parse_qsl(query))
    asked[_TURN] = str(int(asked.get(_TURN, "0")) + 1)
    return json.dumps({**document, "next": f"{path}?{urlencode(asked)}"}).encode()


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Where values of rows stand; the frame of the document (its window, its list) is not among them."""
    if isinstance(document, dict) and "sle" in document:
        samples = document["sle"]["samples"]
        yield from ((samples[name], at) for name in ("total", "degraded") for at in range(len(samples[name])))
        return
    rows = document.get("results") if isinstance(document, dict) else document
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            yield from ((row, name) for name in row)
