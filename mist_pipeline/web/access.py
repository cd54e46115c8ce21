"""Who may come in, and in whose name they decide.

Three ways: whoever reaches the loopback address of this machine; whoever knows a shared token; whoever an authenticating proxy
lets through, which says in a header who it is. Not here: which requests are forged (``guard.rules``), forms (`sessions`).
"""

import logging
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mist_pipeline.domain.text import clean
from mist_pipeline.guard.asgi import Guard
from mist_pipeline.guard.rules import Rules
from mist_pipeline.guard.sign_in import AnySignIn, SignIn

NAME_LENGTH = 60
"""Characters of a person's name that are kept."""

_USER = "mist_pipeline.user"

_log = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Proxy:
    """An authenticating proxy in front.

    Attributes:
        networks: From where it connects; nobody else is answered.
        header: In which it says who somebody is.
    """

    networks: tuple[Network, ...]
    header: str = "X-Forwarded-User"

    @classmethod
    def of(cls, addresses: tuple[str, ...], header: str) -> "Proxy":
        """One that connects from these addresses or networks.

        Raises:
            ValueError: One is none, or there are none; says which.
        """
        if not addresses:
            raise ValueError("no proxy is named: nobody could be believed")
        return cls(tuple(ip_network(one) for one in addresses), header)

    def is_at(self, address: str) -> bool:
        """Whether a connection comes from it."""
        try:
            there = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(there, "ipv4_mapped", None)
        return any((mapped or there) in network for network in self.networks)


@dataclass(frozen=True)
class Access:
    """Who may come in.

    Attributes:
        who: In whose name everybody decides who comes in; '' where each has to be known or to say it.
        signing_in: Who knows the token may come in, if that is asked for.
        proxy: Who comes through it may come in, if there is one.
        users: Whom it has to name; empty: anybody.
        is_encrypted: Whether people come by https, so that cookies are sent by nothing else.
    """

    who: str = ""
    signing_in: SignIn | AnySignIn | None = None
    proxy: Proxy | None = None
    users: frozenset[str] = frozenset()
    is_encrypted: bool = False

    def guarded(self, app: ASGIApp, rules: Rules) -> ASGIApp:
        """The application behind its rules and whoever may come in."""
        guard = Guard(app, rules, self.signing_in, is_encrypted=self.is_encrypted)
        return guard if self.proxy is None else _BehindProxy(guard, self)

    def admits(self, request: Request) -> bool:
        """Whether whoever passed the door in front may come in here."""
        if self.signing_in is not None:
            return self.signing_in.knows(request.headers.get("cookie"), request.headers.get("authorization"))
        return self.proxy is None or self.is_user(self.name_of(request))

    def is_user(self, name: str) -> bool:
        """Whether somebody whom the proxy names so may come in."""
        return bool(name) and (not self.users or name in self.users)

    def name_of(self, request: Request) -> str:
        """In whose name this request decides; '' where that is not known."""
        return str(request.scope.get(_USER, "")) if self.proxy is not None else self.who


class _BehindProxy:
    """Answers nobody but the proxy, and only where it says who asks."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        assert access.proxy is not None  # noqa: S101 (for the type checker: it stands before no other)
        self._app, self._access, self._proxy = app, access, access.proxy
        self._header = access.proxy.header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = scope.get("client") or ("", 0)
        if not self._proxy.is_at(client[0]):
            _log.warning("refused a request that does not come from a proxy of web.proxies")
            answer = PlainTextResponse("Refused: this console is reached through its proxy only.\n", 403)
            await answer(scope, receive, send)
            return
        said = [value for name, value in scope["headers"] if name.lower() == self._header]
        user = clean(said[0].decode("utf-8", "replace"), NAME_LENGTH) if len(said) == 1 else ""
        if not user:
            _log.warning("refused a request in which the proxy does not say once who asks")
            answer = PlainTextResponse(f"Refused: {self._proxy.header} does not say who you are.\n", 401)
            await answer(scope, receive, send)
            return
        if not self._access.is_user(user):
            _log.warning("refused somebody who is not among web.users")
            answer = PlainTextResponse("Refused: you are not among those who may come in here.\n", 403)
            await answer(scope, receive, send)
            return
        await self._app({**scope, _USER: user}, receive, send)
