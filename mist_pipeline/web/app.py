"""The console as an ASGI application: pages, their files, errors in words, and headers that keep every page to itself.

Not here: who may come in (`access`, ``guard``), the pages (`pages`), the socket (``cli.serving``).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mist_pipeline.overview.ledger import UnreadableError
from mist_pipeline.web.access import Access
from mist_pipeline.web.address import BadAddressError
from mist_pipeline.web.assets.files import assets
from mist_pipeline.web.context import Console, NotHereError
from mist_pipeline.web.live import Changes, Streams
from mist_pipeline.web.pages.registry import PAGES
from mist_pipeline.web.requests import RefusedFormError, Requests
from mist_pipeline.web.templating import environment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load and do: nothing but what is served beside it, and no script or style inside of it."""

_A_YEAR = "public, max-age=31536000, immutable"


class Application:
    """The console, not guarded yet (`Access.guarded`).

    Every answer says what it may load, and that nobody else keeps it.

    Args:
        console: What is the same for every request.
        access: In whose name requests decide.
        streams: Of the server, where others share it.
    """

    def __init__(self, console: Console, access: Access, streams: Streams | None = None) -> None:
        requests = Requests(console, access)
        self._console = console
        self._streams = streams or Streams()
        changes = Changes(console.overview.version, self._streams)
        routes = [
            Route(page.path, requests.handler(page), methods=["POST"] if page.is_action else ["GET"])
            for page in PAGES
        ]
        routes.append(Route(ASSETS, asset, methods=["GET"]))
        routes.append(Route("/live", changes.stream, methods=["GET"]))
        self._app = Starlette(routes=routes, exception_handlers=_error_pages(requests))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        await self._app(scope, receive, with_policy(send))

    def warm(self) -> None:
        """Read and compile what the first page needs, so that nobody waits for it."""
        compile_templates()
        self._console.overview.now(self._console.clock())

    def end(self) -> None:
        """End what would go on for a while: the server ends."""
        self._streams.end()


def with_policy(send: Send) -> Send:
    """What says of every answer what it may load, and that nobody else keeps it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            # A page may forbid more, as of a file that is not ours alone, and says so itself.
            headers.setdefault("Content-Security-Policy", POLICY)
            headers.setdefault("Cache-Control", "private, no-cache")
        await send(message)

    return sending


def _error_pages(requests: Requests) -> Mapping[Any, Any]:
    """What is answered instead of a page, in words."""

    def answering(
        status: int, title: str, words: str = ""
    ) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def answer(request: Request, error: Exception) -> Response:
            known = error.status if isinstance(error, RefusedFormError) else status
            context = requests.context(request)
            return context.page("error.html.j2", title=title, status=known, words=words or str(error))

        return answer

    return {
        BadAddressError: answering(400, "This address says something that is not known"),
        NotHereError: answering(404, "There is no such thing"),
        UnreadableError: answering(503, "This cannot be read just now"),
        RefusedFormError: answering(403, "This was not done"),
        404: answering(404, "There is no such page", "No page is at this address."),
        405: answering(405, "This is not how it is asked", "This address is not asked in this way."),
        Exception: answering(
            500, "Something of the console broke", "Its log says what. Other pages may work."
        ),
    }


class Beside:
    """What is served beside the console at the same port, each with its own guard.

    Args:
        webhooks: Path → what takes it: requests that are signed, which ask for no sign-in and no form. Of several organisations the
            path begins with the key of one, and what takes it is asked as if it were the only one.
        console: What takes everything else; None where nobody could be told apart.
    """

    def __init__(self, webhooks: Mapping[str, ASGIApp], console: ASGIApp | None) -> None:
        self._webhooks = webhooks
        self._console = console or PlainTextResponse(
            "The console is served here once web.access is token or proxy.\n", 403
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        hook = self._webhooks.get(scope["path"]) if scope["type"] == "http" else None
        if hook is None:
            await self._console(scope, receive, send)
            return
        path = f"/{scope['path'].rpartition('/')[2]}"
        await hook({**scope, "path": path, "raw_path": path.encode()}, receive, send)


def compile_templates() -> None:
    """Read and compile the templates of all pages."""
    templates = environment()
    for name in templates.list_templates():
        templates.get_template(name)


ASSETS = "/assets/{version}/{name}"


async def asset(request: Request) -> Response:
    """A file that pages load."""
    found = assets().get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    # Whoever holds a page of an earlier version gets what there is now, and asks again next time.
    is_current = found.address == request.url.path
    kept = _A_YEAR if is_current else "no-cache"
    return Response(found.body, media_type=found.media_type, headers={"Cache-Control": kept})
