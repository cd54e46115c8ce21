"""The console as an ASGI application: pages, their files, errors in words, and headers that keep every page to itself.

Not here: who may come in (`access`, ``guard``), the pages (`pages`), the socket (``cli.serving``).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mist_pipeline.overview.ledger import UnreadableError
from mist_pipeline.web.address import Address, BadAddressError
from mist_pipeline.web.assets.files import assets
from mist_pipeline.web.context import Console, Context, NotHereError, Page, Visitor
from mist_pipeline.web.pages.registry import NAVIGATION, PAGES
from mist_pipeline.web.templating import environment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load and do: nothing but what is served beside it, and no script or style inside of it."""

_A_YEAR = "public, max-age=31536000, immutable"

Handler = Callable[[Request], Awaitable[Response]]


def application(console: Console, visitor_of: Callable[[Request], Visitor]) -> ASGIApp:
    """The application, not guarded yet.

    Args:
        console: What is the same for every request.
        visitor_of: Who asks.
    """

    def handler(page: Page) -> Handler:
        async def handle(request: Request) -> Response:
            context = _context(request, console, visitor_of(request), page)
            return await run_in_threadpool(page.answer, context)

        return handle

    routes = [
        Route(page.path, handler(page), methods=["POST"] if page.is_action else ["GET"]) for page in PAGES
    ]
    routes.append(Route("/assets/{version}/{name}", _asset, methods=["GET"]))
    return _WithHeaders(Starlette(routes=routes, exception_handlers=_error_pages(console)))


def _error_pages(console: Console) -> Mapping[Any, Any]:
    """What is answered instead of a page, in words."""

    def answering(
        status: int, title: str, words: str = ""
    ) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def answer(request: Request, error: Exception) -> Response:
            context = _context(request, console, Visitor(), None)
            return context.page("error.html.j2", title=title, status=status, words=words or str(error))

        return answer

    return {
        BadAddressError: answering(400, "This address says something that is not known"),
        NotHereError: answering(404, "There is no such thing"),
        UnreadableError: answering(503, "This cannot be read just now"),
        404: answering(404, "There is no such page", "No page is at this address."),
        405: answering(405, "This is not how it is asked", "This address is not asked in this way."),
        Exception: answering(
            500, "Something of the console broke", "Its log says what. Other pages may work."
        ),
    }


async def _asset(request: Request) -> Response:
    found = assets().get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    # Whoever holds a page of an earlier version gets what there is now, and asks again next time.
    is_current = found.address == request.url.path
    kept = _A_YEAR if is_current else "no-cache"
    return Response(found.body, media_type=found.media_type, headers={"Cache-Control": kept})


def _context(request: Request, console: Console, visitor: Visitor, page: Page | None) -> Context:
    path = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or request.url.path
    address = Address(path, request.query_params.multi_items() if page else ())
    by_word = {one.nav: one for one in PAGES if one.nav}
    navigation = [
        (word, by_word[word].path, page is not None and page.word == word)
        for word in NAVIGATION
        if word in by_word
    ]
    return Context(
        console=console,
        address=address,
        at=console.clock(),
        visitor=visitor,
        templates=environment(),
        values={name: str(value) for name, value in request.path_params.items()},
        navigation=navigation,
    )


class _WithHeaders:
    """Every answer says what it may load, and that it is not kept by anybody else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        await self._app(scope, receive, sending)
