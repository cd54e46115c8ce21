"""How one call becomes its pages: the three styles of the Mist cloud, with guards against loops, gaps and foreign hosts.

Pure but for the `fetch` that is passed in. A list is read whole or not at all: what contradicts itself raises, so that
a part is never taken for everything.
"""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from mist_pipeline.mist.endpoints import Call
from mist_pipeline.mist.errors import Inconsistent, UnexpectedShape
from mist_pipeline.mist.page import Page

log = logging.getLogger(__name__)

MAX_PAGES = 1000
"""More pages than this are a loop: at 1,000 items a page, a million items."""
_RESTARTS = 2

Fetch = Callable[[int, str, Mapping[str, str]], Page]
"""Fetches one page: number (1 is the first), path with or without a query, further query parameters."""


def read_all(call: Call, base_url: str, fetch: Fetch) -> list[Page]:
    """All pages of a call.

    A numbered list whose total changes while it is read may have moved an item past us: it is read again from the
    start, at most twice.

    Raises:
        Inconsistent: It changed every time, or brought fewer items than it announced.
        UnexpectedShape: No list where one belongs, a page or cursor that comes again, a cursor to another host,
            more than `MAX_PAGES` pages, cursors that go on beyond the pages that the first one promised.
        MistError: Whatever `fetch` raises, on any page.
    """
    if call.paging == "none":
        return [fetch(1, call.path, call.params)]
    if call.paging == "cursor":
        return _by_cursor(call, base_url, fetch)
    for _ in range(_RESTARTS):
        try:
            return _by_number(call, fetch)
        except Inconsistent as error:
            log.warning("%s Reading it again from the first page.", error)
    return _by_number(call, fetch)


def _by_number(call: Call, fetch: Fetch) -> list[Page]:
    pages: list[Page] = []
    seen = 0
    asked_limit = int(call.params["limit"])
    while True:
        number = len(pages) + 1
        _guard(call, number)
        page = fetch(number, call.path, {**call.params, "page": str(number)})
        items = _items(call, page)
        if pages and items and page.body == pages[-1].body:
            raise UnexpectedShape(f"page {number} repeats page {number - 1}", endpoint=call.endpoint)
        total, limit = _announced(call, page)
        if pages and total != _announced(call, pages[0])[0]:
            raise Inconsistent(
                f"{call.endpoint}: the list changed while it was read: {_announced(call, pages[0])[0]} items on page 1,"
                f" {total} on page {number}.",
                method="GET",
                path=call.path,
            )
        pages.append(page)
        seen += len(items)
        # Without a total, a page that is not full is the last one.
        is_last = len(items) < (limit or asked_limit) if total is None else seen >= total
        if is_last or not items:
            if total is not None and seen < total:
                raise Inconsistent(
                    f"{call.endpoint}: the cloud announced {total} items and sent {seen}.",
                    method="GET",
                    path=call.path,
                )
            if total is not None and seen > total:
                log.warning("%s: the cloud announced %d items and sent %d", call.endpoint, total, seen)
            return pages


def _announced(call: Call, page: Page) -> tuple[int | None, int | None]:
    """Total and page size as the cloud says, from the headers or from the body."""
    if call.paging == "page":
        return page.total, page.limit
    document = page.document
    return _count(call, document, "total"), _count(call, document, "limit")


def _count(call: Call, document: Mapping[str, Any], name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UnexpectedShape(
            f"a count expected, got {type(value).__name__}", where=name, endpoint=call.endpoint
        )
    return value


def _by_cursor(call: Call, base_url: str, fetch: Fetch) -> list[Page]:
    pages: list[Page] = []
    visited: set[str] = set()
    ids: set[str] = set()
    path, query = call.path, call.params
    while True:
        number = len(pages) + 1
        _guard(call, number)
        page = fetch(number, path, query)
        items = _items(call, page)
        pages.append(page)
        known = len(ids)
        ids.update(str(item.get("id")) for item in items if isinstance(item, dict))
        cursor = page.document.get("next")
        total = _count(call, page.document, "total")
        if not cursor or not items:
            if total is not None and len(ids) < total:
                log.warning(
                    "%s: the cloud announced %d items, its pages end after %d", call.endpoint, total, len(ids)
                )
            return pages
        path = _same_cloud(call, base_url, cursor)
        if path in visited:
            if total is None or len(ids) < total:
                raise UnexpectedShape(
                    f"the cursor comes again after {len(ids)} of {total if total is not None else 'unknown many'} items",
                    where="next",
                    endpoint=call.endpoint,
                )
            return pages
        most = _promised(call, pages[0])
        if most is not None and number >= most:
            if len(ids) == known and total is not None and known >= total:
                log.warning("%s: cursors go on after all %d items, nothing new comes", call.endpoint, total)
                return pages
            raise UnexpectedShape(
                f"the first page promised {_count(call, pages[0].document, 'total')} items, so at most {most} pages,"
                f" and the cursor leads on: this looks like a loop",
                where="next",
                endpoint=call.endpoint,
            )
        visited.add(path)
        query = type(call.params)()


def _promised(call: Call, first: Page) -> int | None:
    """The most pages that a list may have as its first one announces it, None where it does not.

    One more than the count: what is added meanwhile moves items over the edge of a page.
    """
    total, items = _count(call, first.document, "total"), len(_items(call, first))
    return None if total is None or not items else -(-total // items) + 1


_RELATIVE = re.compile(r"/api/v1/[A-Za-z0-9_\-./~%?&=+,:;@!$'()*\[\]\"|]*")


def _same_cloud(call: Call, base_url: str, cursor: object) -> str:
    """The cursor as a path below the base URL. It is only ever appended to the base URL, so the host cannot change."""
    if isinstance(cursor, str):
        path = cursor.removeprefix(base_url)
        if _RELATIVE.fullmatch(path) and "/../" not in path:
            return path
    shown = cursor[:80] if isinstance(cursor, str) else type(cursor).__name__
    raise UnexpectedShape(
        f"the next page must be a path of the same host, got {shown!r}", where="next", endpoint=call.endpoint
    )


def _items(call: Call, page: Page) -> list[Any]:
    document, where = page.document, ""
    if call.paging != "page":
        if not isinstance(document, dict):
            raise UnexpectedShape(
                f"an object expected, got {type(document).__name__}", endpoint=call.endpoint
            )
        document, where = document.get("results"), "results"
    if not isinstance(document, list):
        raise UnexpectedShape(
            f"a list expected, got {type(document).__name__}", where=where, endpoint=call.endpoint
        )
    return document


def _guard(call: Call, number: int) -> None:
    if number > MAX_PAGES:
        raise UnexpectedShape(f"more than {MAX_PAGES} pages, this looks like a loop", endpoint=call.endpoint)
