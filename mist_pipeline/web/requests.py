"""One request from its headers to its answer: who asks, the state in the address, the form, what the browser keeps.

Not here: which pages there are and what errors look like (`app`), who may come in (`access`).
"""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from mist_pipeline.domain.text import clean
from mist_pipeline.guard.bodies import BodyError, ClientGoneError, read_body
from mist_pipeline.guard.threads import Threads
from mist_pipeline.web.access import NAME_LENGTH, Access
from mist_pipeline.web.address import Address
from mist_pipeline.web.context import Console, Context, Done, Page, Visitor
from mist_pipeline.web.pages.registry import NAVIGATION, PAGES
from mist_pipeline.web.sessions import COOKIE, NAME_COOKIE, Sessions, cookie
from mist_pipeline.web.templating import environment

MOST_BYTES = 32 << 10
"""Of a form."""
SECONDS_TO_SEND = 10.0
_MOST_FIELDS = 20
_A_YEAR = 365 * 24 * 3600

Handler = Callable[[Request], Awaitable[Response]]


class RefusedFormError(Exception):
    """A form is not taken; says why, and with which status that is answered."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


class Requests:
    """What turns requests into answers of pages.

    Args:
        console: What is the same for every request.
        access: In whose name requests decide.
    """

    def __init__(self, console: Console, access: Access) -> None:
        self._console, self._access, self._sessions = console, access, Sessions()
        # Of several consoles none is held up by the ledger of another.
        self._threads = Threads()

    def handler(self, page: Page) -> Handler:
        """What answers the requests of a page."""

        async def handle(request: Request) -> Response:
            session = self._sessions.of(request.cookies.get(COOKIE))
            form: Mapping[str, str] = {}
            if page.is_action:
                form = await self._form(request, session)
            answer = await self._threads.run(self._answer, request, page, session, form)
            if request.cookies.get(COOKIE) != session:
                self._keep(answer, COOKIE, session)
            if page.is_action and not self._access.name_of(request):
                self._keep(answer, NAME_COOKIE, quote(clean(form.get("by", ""), NAME_LENGTH)), _A_YEAR)
            return answer

        return handle

    def context(
        self,
        request: Request,
        page: Page | None = None,
        visitor: Visitor | None = None,
        form: Mapping[str, str] | None = None,
        said: str = "",
    ) -> Context:
        """A request as its page sees it; without a page, as an error page does."""
        path = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or request.url.path
        by_word = {one.nav: one for one in PAGES if one.nav}
        navigation = [
            (word, self._console.prefix + by_word[word].path, page is not None and page.word == word)
            for word in NAVIGATION
            if word in by_word
        ]
        return Context(
            console=self._console,
            address=Address(path, request.query_params.multi_items() if page else ()),
            at=self._console.clock(),
            visitor=visitor or Visitor(),
            templates=environment(),
            values={name: str(value) for name, value in request.path_params.items()},
            form=form or {},
            said=said,
            navigation=navigation,
            # Before anything is read: what changes while a page is made is seen by the next look.
            version=self._console.overview.version() if page else "",
        )

    def _answer(self, request: Request, page: Page, session: str, form: Mapping[str, str]) -> Response:
        name = self._access.name_of(request)
        typed = unquote(request.cookies.get(NAME_COOKIE, ""))
        visitor = Visitor(
            name=name,
            typed=clean(form.get("by", "") or typed, NAME_LENGTH),
            token=self._sessions.token(session, name),
        )
        said = "" if page.is_action else self._sessions.said(session)
        context = self.context(request, page, visitor, form, said)
        answer = page.answer(context)
        if isinstance(answer, Done):
            self._sessions.say(session, answer.words)
        return answer

    async def _form(self, request: Request, session: str) -> Mapping[str, str]:
        """What a form sent, of a page of this browser."""
        if self._console.is_read_only:
            raise RefusedFormError(403, "Nobody decides anything here: this console is read only.")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise RefusedFormError(415, "A decision is a form of a page of this console.")
        try:
            body = await read_body(request.receive, MOST_BYTES, SECONDS_TO_SEND)
        except BodyError as error:
            raise RefusedFormError(error.status, f"The form is {error}.") from None
        except ClientGoneError:
            raise RefusedFormError(400, "The form is not whole.") from None
        try:
            fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise RefusedFormError(400, "The form cannot be read.") from None
        form = dict(fields)
        if len(form) != len(fields):
            raise RefusedFormError(400, "The form says something twice.")
        if not self._sessions.is_ours(session, self._access.name_of(request), form.pop("token", "")):
            raise RefusedFormError(
                403,
                "The page of this form is older than the console, or not of it. Go back, reload, and decide again.",
            )
        return form

    def _keep(self, answer: Response, name: str, value: str, seconds: int | None = None) -> None:
        line = cookie(name, value, is_encrypted=self._access.is_encrypted, seconds=seconds)
        answer.raw_headers.append((b"set-cookie", line.encode("latin-1")))
