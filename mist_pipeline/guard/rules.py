r"""Which requests are refused because a foreign web page may have sent them: pure decisions on method, path and headers.

A page that somebody opens can make the browser send requests to services of the same machine or network, with the person's
rights. It cannot forge the headers that the browser writes. So a request has to

- call the service by a name that it has (``Host``): a foreign name that resolves to it is how a page pretends to be of it;
- come from a page of the service itself (``Origin``, ``Sec-Fetch-Site``), or from no browser;
- change nothing by GET, and send JSON that says so (``Content-Type``): forms and pictures cannot.

>>> rules = Rules(hosts=names_of("127.0.0.1"), bare_paths=frozenset({"/graphql"}))
>>> rules.refusal(Asked("POST", "/graphql", "", {"host": ["evil.example:3000"]})).status
421
>>> rules.refusal(Asked("GET", "/runs", "", {"host": ["localhost:3000"]})) is None
True
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from mist_pipeline.domain.text import clean

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_PORTS = {"http": 80, "https": 443}
_READING = frozenset({"GET", "HEAD"})
_ALONE = ("host", "origin", "content-type", "content-length", "authorization", "sec-fetch-site")
"""Headers of which a second one would be read by one part of the software and the first by another."""


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered, in a sentence for whoever sent it."""

    status: int
    reason: str


@dataclass(frozen=True)
class Asked:
    """A request, as far as it is judged.

    Attributes:
        method: ``WEBSOCKET`` for one that opens a WebSocket.
        path: Decoded, as the application will route it.
        query: Without ``?``.
        headers: Name in lower case → every value.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, Sequence[str]]

    def header(self, name: str) -> str | None:
        """The value of a header that there is once."""
        values = self.headers.get(name, ())
        return values[0] if values else None


@dataclass(frozen=True)
class Rules:
    """What a service accepts.

    Attributes:
        hosts: Names by which it is called, in lower case; ``name:port`` holds for that port only. None: any, for a service
            whose every request proves by a signature who sent it.
        shown_at: Those of them at which a proxy may show it to people while it calls it by another. Never the address that
            it is bound to: what is there at the usual ports is another service of the machine.
        bare_paths: Paths that answer GET without a query string only, because one could change something.
        is_read_only: Whether only `reading_posts` may be sent by POST.
        takes_forms: Whether a POST may be a form: only for a service that finds out by itself whether a form is of its own pages.
        reading_posts: Paths whose POST may be a question; what they are asked to change they have to refuse themselves.
    """

    hosts: frozenset[str] | None
    shown_at: frozenset[str] = frozenset()
    bare_paths: frozenset[str] = frozenset()
    is_read_only: bool = False
    takes_forms: bool = False
    reading_posts: frozenset[str] = frozenset()

    def refusal(self, asked: Asked) -> Refusal | None:
        """Why this request is refused; None for one that is not."""
        return self.refusal_of_sender(asked) or self._method_refusal(asked)

    def refusal_of_sender(self, asked: Asked) -> Refusal | None:
        """Why nothing is taken from whoever sent this request, whatever it asks."""
        doubled = [name for name in _ALONE if len(asked.headers.get(name, ())) > 1]
        if doubled:
            return Refusal(400, f"the header {doubled[0]} is there more than once")
        return self._host_refusal(asked) or self._origin_refusal(asked) or self._site_refusal(asked)

    def _host_refusal(self, asked: Asked) -> Refusal | None:
        host = asked.header("host")
        parsed = None if host is None else _parsed(host)
        if parsed is None:
            return Refusal(400, "there is no valid header Host")
        name, port = parsed
        # Browsers leave the usual ports out.
        ports = [port] if port else _PORTS.values()
        if self.hosts is None or name in self.hosts or any(f"{name}:{one}" in self.hosts for one in ports):
            return None
        return Refusal(
            421, f"nobody calls this service {clean(name, 100)!r}; if people do, start it with --allowed-host"
        )

    def _origin_refusal(self, asked: Asked) -> Refusal | None:
        origin = asked.header("origin")
        if origin is None or self._is_ours(origin, asked.header("host") or ""):
            return None
        return Refusal(
            403,
            f"the page {clean(origin, 100)!r} is not of this service; if a proxy shows it there, start it with "
            "--allowed-host",
        )

    def _is_ours(self, origin: str, host: str) -> bool:
        """Whether a page of this origin was shown by this service."""
        scheme, _, place = origin.lower().partition("://")
        there = _parsed(place)
        if scheme not in _PORTS or there is None:
            return False
        name, port = there[0], there[1] or _PORTS[scheme]
        here = _parsed(host)
        if here is not None and (name, port) == (here[0], here[1] or _PORTS[scheme]):
            return True
        if name in LOOPBACK:
            return False
        # A proxy may call us by another name than people call it. By the same at another port, no proxy is between.
        is_proxied = port == _PORTS[scheme] and here is not None and here[0] != name
        return f"{name}:{port}" in self.shown_at or (is_proxied and name in self.shown_at)

    def _site_refusal(self, asked: Asked) -> Refusal | None:
        """What the browser says of the page that asks, also where it sends no origin: pictures, frames, scripts."""
        site = asked.header("sec-fetch-site")
        if site in (None, "same-origin", "none"):
            return None
        is_link = (
            asked.method in _READING
            and asked.header("sec-fetch-mode") == "navigate"
            and asked.header("sec-fetch-dest") == "document"
        )
        return (
            None if is_link else Refusal(403, "a page of another place sent this; only links may lead here")
        )

    def _method_refusal(self, asked: Asked) -> Refusal | None:
        if asked.method == "WEBSOCKET":
            return None
        if asked.method in _READING:
            if asked.path in self.bare_paths and asked.query:
                return Refusal(405, f"{asked.path} is asked by POST")
            return None
        if asked.method != "POST":
            return Refusal(405, "only GET, HEAD and POST are answered")
        if self.is_read_only and asked.path not in self.reading_posts:
            return Refusal(403, "this service was started with --read-only")
        kind = (asked.header("content-type") or "").partition(";")[0].strip().lower()
        is_form = self.takes_forms and kind == "application/x-www-form-urlencoded"
        return (
            None
            if is_form or kind == "application/json"
            else Refusal(415, "a POST has to send application/json")
        )


def names_of(bound: str, allowed: Sequence[str] = ()) -> frozenset[str]:
    """The names by which a service is called: this machine's own, the address that it is bound to, and those named.

    Raises:
        ValueError: A named one is no name, or the service is bound to every address and none is named.
    """
    names = LOOPBACK | named(allowed)
    if not is_everywhere(bound):
        parsed = _parsed(f"[{bound}]" if ":" in bound else bound)
        return names | ({parsed[0]} if parsed else set())
    if not allowed:
        raise ValueError(
            f"{bound} is every address of this machine: say by which name people reach it, for example "
            "--allowed-host noc.example.com"
        )
    return names


def named(allowed: Sequence[str]) -> frozenset[str]:
    """Names that somebody gave, as they are compared.

    Raises:
        ValueError: One is no name.
    """
    names = set()
    for one in allowed:
        parsed = _parsed(_as_sent(one))
        if parsed is None or "*" in one:
            raise ValueError(f"{one!r} is no name of a host, such as noc.example.com or noc.example.com:8443")
        names.add(parsed[0] if parsed[1] is None else f"{parsed[0]}:{parsed[1]}")
    return frozenset(names)


def is_everywhere(bound: str) -> bool:
    """Whether an address to listen on is every address of the machine."""
    try:
        return ip_address(bound).is_unspecified
    except ValueError:
        return not bound


def is_local(bound: str) -> bool:
    """Whether only this machine reaches an address to listen on."""
    try:
        return ip_address(bound).is_loopback
    except ValueError:
        return bound.lower() == "localhost"


def _as_sent(place: str) -> str:
    """A name as browsers send it: letters beyond ASCII in their code for it."""
    try:
        return place if place.isascii() else place.encode("idna").decode()
    except UnicodeError:
        return place


def _parsed(place: str) -> tuple[str, int | None] | None:
    """Name and port of ``name[:port]``; None where it is none."""
    if not place or any(char <= " " or char in "/@?#\\,%" for char in place):
        return None
    try:
        parts = urlsplit(f"//{place}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (name.removesuffix("."), port) if name and name.isascii() else None
