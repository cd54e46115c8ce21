"""The guard as an ASGI application around another: it answers what it refuses, and hands on the rest.

Here: applying `rules` and `sign_in` to HTTP and WebSockets, and the headers that keep an answer out of foreign pages. Not
here: the decisions themselves.
"""

import logging
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mist_pipeline.guard import sign_in
from mist_pipeline.guard.bodies import BodyError, ClientGoneError, read_body
from mist_pipeline.guard.rules import Asked, Refusal, Rules
from mist_pipeline.guard.sign_in import AnySignIn, SignIn

_log = logging.getLogger(__name__)

_SECONDS_TO_SIGN_IN = 10
_FORM = "application/x-www-form-urlencoded"

SECURITY_HEADERS = {
    "X-Frame-Options": "DENY",  # nobody clicks here in a frame of another page
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Guard:
    """An application that answers only what its rules allow.

    Args:
        app: What is guarded.
        rules: Which requests reach it.
        signing_in: Who has to be known, if anybody.
        is_encrypted: Whether people come by https, so that the cookie is sent by nothing else.
    """

    def __init__(
        self,
        app: ASGIApp,
        rules: Rules,
        signing_in: SignIn | AnySignIn | None = None,
        *,
        is_encrypted: bool = False,
    ) -> None:
        self._app = app
        self._is_encrypted = is_encrypted
        self._rules = rules
        self._sign_in = signing_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = _asked(scope)
        if scope["type"] == "websocket":
            refusal = self._rules.refusal(asked) or self._stranger(asked)
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                _report(asked, refusal)
                await send({"type": "websocket.close", "code": 1008})
            return
        answer = await self._answer(asked, scope, receive)
        await (answer or self._app)(scope, receive, _with_headers(send))

    async def _answer(self, asked: Asked, scope: Scope, receive: Receive) -> Response | None:
        """What the guard answers itself; None for what it hands on."""
        if self._is_sign_in(asked):
            refusal = self._rules.refusal_of_sender(asked)
            return _refused(asked, refusal) if refusal else await self._signed_in(asked, scope, receive)
        refusal = self._rules.refusal(asked) or self._stranger(asked)
        if refusal is None:
            return None
        if refusal.status == 401 and asked.method == "GET" and "text/html" in (asked.header("accept") or ""):
            return sign_in_page()
        return _refused(asked, refusal)

    def _is_sign_in(self, asked: Asked) -> bool:
        return (
            self._sign_in is not None
            and (asked.method, asked.path) == ("POST", sign_in.PATH)
            and (asked.header("content-type") or "").partition(";")[0].strip().lower() == _FORM
        )

    async def _signed_in(self, asked: Asked, scope: Scope, receive: Receive) -> Response:
        try:
            form = await read_body(receive, sign_in.MOST_BYTES, _SECONDS_TO_SIGN_IN)
        except BodyError as error:
            return PlainTextResponse(str(error), error.status)
        except ClientGoneError:
            return Response(status_code=400)
        before = _page_before(asked, sign_in.before_of(form))
        accepted = self._sign_in.accepted(form) if self._sign_in else None
        if accepted is None:
            _log.warning("somebody tried to sign in with a wrong token")
            return sign_in_page(before, "This is not the token.")
        cookie = accepted.cookie(is_encrypted=self._is_encrypted or scope["scheme"] == "https")
        return RedirectResponse(before, 303, {"Set-Cookie": cookie, "Cache-Control": "no-store"})

    def _stranger(self, asked: Asked) -> Refusal | None:
        if self._sign_in is None or self._sign_in.knows(
            asked.header("cookie"), asked.header("authorization")
        ):
            return None
        return Refusal(401, "sign in at /, or send the token as Authorization: Bearer")


_POLICY_OF_SIGN_IN = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"


def sign_in_page(before: str = "", message: str = "") -> Response:
    """What people get who have not signed in, or not for what they asked.

    Args:
        before: Address at which they wanted to be; '' where the browser says it.
        message: What was wrong.
    """
    return HTMLResponse(
        sign_in.page(before, message),
        401,
        {"Content-Security-Policy": _POLICY_OF_SIGN_IN, "Cache-Control": "no-store"},
    )


def _page_before(asked: Asked, kept: str = "") -> str:
    """The page of ours that asked to sign in first; the start page where that is not known.

    Args:
        asked: The form.
        kept: The page that a form kept which was not accepted before.

    >>> _page_before(Asked("POST", "/sign-in", "", {"host": ["a:1"], "referer": ["http://a:1/incident/3f2a?x=1"]}))
    '/incident/3f2a?x=1'
    >>> _page_before(Asked("POST", "/sign-in", "", {"host": ["a:1"], "referer": ["http://b/incident/3f2a"]}))
    '/'
    >>> _page_before(Asked("POST", "/sign-in", "", {"host": ["a:1"], "referer": ["http://a:1/sign-in"]}), "/incident/3f2a")
    '/incident/3f2a'
    """
    try:
        before = urlsplit(asked.header("referer") or "")
        if before.netloc == asked.header("host") and before.path == sign_in.PATH:
            before = urlsplit(kept)._replace(scheme="", netloc=before.netloc if kept.startswith("/") else "")
    except ValueError:
        return "/"
    is_ours = before.netloc == asked.header("host") and before.path not in {"", sign_in.PATH}
    # Two slashes at the beginning would be the name of another host.
    if not is_ours or before.path.startswith(("//", "/\\")):
        return "/"
    return f"{before.path}?{before.query}" if before.query else before.path


def _asked(scope: Scope) -> Asked:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    if "cookie" in headers:
        headers["cookie"] = ["; ".join(headers["cookie"])]
    return Asked(
        method=scope["method"] if scope["type"] == "http" else "WEBSOCKET",
        path=scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
    )


def _refused(asked: Asked, refusal: Refusal) -> Response:
    _report(asked, refusal)
    return PlainTextResponse(f"Refused: {refusal.reason}.\n", refusal.status)


def _report(asked: Asked, refusal: Refusal) -> None:
    # Neither path nor headers: they are long and foreign, and may hold a token.
    _log.warning("refused %s with %d: %s", asked.method[:10], refusal.status, refusal.reason)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.append("Content-Security-Policy", "frame-ancestors 'none'")
        await send(message)

    return sending
