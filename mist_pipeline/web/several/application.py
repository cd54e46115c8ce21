"""The way to each of several consoles: by the first part of the path, for those who may enter it.

Whoever may not enter an organisation gets the same answer as for one that there is not, so that nobody learns who else is served.
Consoles are made when somebody enters. Not here: which requests are forged, and who is let in at all (``guard``, ``web.access``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mist_pipeline.guard.asgi import sign_in_page
from mist_pipeline.overview.organisations.reader import Standings
from mist_pipeline.web.access import Access
from mist_pipeline.web.address import Address, BadAddressError
from mist_pipeline.web.app import ASSETS, Application, asset, compile_templates, with_policy
from mist_pipeline.web.context import Visitor
from mist_pipeline.web.live import Streams
from mist_pipeline.web.several.listing import ListContext, nothing, page

_ADMITTED = "mist_pipeline.admitted"
"""Of a request: the organisations that whoever sends it may enter."""


@dataclass(frozen=True)
class Entrance:
    """One of the organisations.

    Attributes:
        access: Who may enter it, of those who were let in.
        make: Makes its console, below its key.
    """

    access: Access
    make: Callable[[Streams], Application]


class SeveralConsoles:
    """All consoles and the list of them, not guarded yet.

    Args:
        entrances: Key → the way in.
        standings: How each stands.
        clock: What time it is.
        stands_still: Whether that clock stands.
        left_out: Sentences about organisations that are not served; told to whoever may enter all that are.
    """

    def __init__(
        self,
        entrances: Mapping[str, Entrance],
        standings: Standings,
        clock: Callable[[], datetime],
        *,
        stands_still: bool = False,
        left_out: Sequence[str] = (),
    ) -> None:
        self._entrances, self._standings, self._clock = entrances, standings, clock
        self._stands_still, self._left_out = stands_still, left_out
        self._streams = Streams()
        self._consoles: dict[str, Application] = {}
        self._making = Lock()
        self._top = Starlette(
            routes=[
                Route("/", self._list, methods=["GET"]),
                Route("/live", self._live, methods=["GET"]),
                Route(ASSETS, asset, methods=["GET"]),
                Route("/{key}", self._enter, methods=["GET"]),
            ],
            exception_handlers={404: self._missing, 405: self._missing, BadAddressError: self._misread},
        )
        self._top.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        request = Request(scope, receive)
        admitted = [key for key, one in self._entrances.items() if one.access.admits(request)]
        key, is_below, _rest = scope["path"].removeprefix("/").partition("/")
        if key in admitted and is_below:
            console = self._consoles.get(key)
            if console is None:
                console = await run_in_threadpool(self._made, key)
            await console({**scope, "root_path": f"/{key}"}, receive, send)
            return
        await self._top({**scope, _ADMITTED: admitted}, receive, with_policy(send))

    def warm(self) -> None:
        """Compile what pages need, and begin to read."""
        compile_templates()
        self._standings.start()

    def end(self) -> None:
        """End what would go on for a while: the server ends."""
        self._streams.end()
        self._standings.end()

    def _made(self, key: str) -> Application:
        # Twice would be two keys for its forms.
        with self._making:
            if key not in self._consoles:
                self._consoles[key] = self._entrances[key].make(self._streams)
            return self._consoles[key]

    def _list(self, request: Request) -> Response:
        admitted = request.scope[_ADMITTED]
        if not admitted:
            words = "You may enter none of the organisations that are served here."
            return nothing(self._context(request), 403, "Nothing is open to you", words)
        if len(self._entrances) == 1:
            return RedirectResponse(f"/{admitted[0]}/", 303)
        Address("/", request.query_params.multi_items()).finish()
        context = self._context(request, self._standings.version(admitted))
        left_out = self._left_out if len(admitted) == len(self._entrances) else ()
        return page(context, self._standings.of(admitted, context.at), left_out)

    async def _live(self, request: Request) -> Response:
        admitted = request.scope[_ADMITTED]

        async def newest() -> str:
            return self._standings.version(admitted)

        return await self._streams.answer(request, newest)

    def _enter(self, request: Request) -> Response:
        key = request.path_params["key"]
        return (
            RedirectResponse(f"/{key}/", 303) if key in request.scope[_ADMITTED] else self._missing(request)
        )

    def _context(self, request: Request, version: str = "") -> ListContext:
        name = next((one.access.name_of(request) for one in self._entrances.values()), "")
        return ListContext(
            at=self._clock(),
            address=Address("/"),
            version=version,
            stands_still=self._stands_still,
            visitor=Visitor(name=name),
        )

    def _misread(self, request: Request, error: Exception) -> Response:
        title = "This address says something that is not known"
        return nothing(self._context(request), 400, title, str(error))

    def _missing(self, request: Request, _error: Exception | None = None) -> Response:
        has_tokens = any(one.access.signing_in for one in self._entrances.values())
        if has_tokens and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            said = (
                "Your token opens nothing at this address. Type another one, or go to the list at / instead."
            )
            return sign_in_page(message=said)
        words = "No page is at this address, or it is not for you."
        return nothing(self._context(request), 404, "There is no such page", words)
