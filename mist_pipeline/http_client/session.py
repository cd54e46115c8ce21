"""One request and its answer, under one policy for all receivers.

Proxy and certificates (`certificates`) are those of the machine, its credentials (``.netrc``) are not used. No redirect is followed and
nothing is sent twice by the library. The body is read in pieces, bounded in size; the whole attempt is bounded in time (`deadline`). Not here: repeating (`retry`),
the words for a failure (`failures`), and what an answer means.
"""

import contextlib
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests.models import PreparedRequest
from urllib3.exceptions import HTTPError

from mist_pipeline.http_client.certificates import CertificatesError, tls_context
from mist_pipeline.http_client.deadline import POOLS, Deadline
from mist_pipeline.http_client.failures import BodyLimitError, NoAnswerError, no_answer, not_made
from mist_pipeline.http_client.retry import retry_after_seconds
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.urls import is_loopback

_CHUNK = 1 << 16


def client_version() -> str:
    """Version of the installed package, ``unknown`` where it runs uninstalled."""
    try:
        return version("mist-pipeline")
    except PackageNotFoundError:
        return "unknown"


USER_AGENT = f"mist-pipeline/{client_version()}"
"""What receivers see and what raw files record as the client version."""


@dataclass(frozen=True)
class HttpLimits:
    """Limits of one attempt: seconds to connect, between two reads and for all of it; bytes of the body.

    The defaults are for receivers of messages; `mist.transport` has its own.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 20.0
    total_seconds: float = 60.0
    max_bytes: int = 1 << 20


@dataclass(frozen=True)
class HttpAnswer:
    """A whole answer: status, headers (names in lower case) and body as received."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", errors="replace")

    def document(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def retry_after_seconds(self, now: datetime) -> float | None:
        """What ``Retry-After`` asks for (see `retry.retry_after_seconds`)."""
        return retry_after_seconds(self.headers, now)


class HeaderAuth(AuthBase):
    """A value of ``Authorization`` that shows itself nowhere but in the request that is sent."""

    def __init__(self, value: Secret) -> None:
        self._value = value

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put the header into a request that is about to be sent."""
        request.headers["Authorization"] = self._value.reveal()
        return request


def bearer(token: Secret) -> AuthBase:
    """``Authorization: Bearer …``.

    Raises:
        ValueError: The token is empty or cannot stand in a header (a line end from the file it was read from).
    """
    text = token.reveal()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the token is empty or holds spaces, line ends or characters beyond ASCII")
    return HeaderAuth(Secret(f"Bearer {text}"))


def basic(user: str, password: Secret) -> AuthBase:
    """``Authorization: Basic …`` in UTF-8."""
    return HTTPBasicAuth(user.encode(), password.reveal().encode())


def as_json(document: object) -> bytes:
    """A document as the bytes of a request; half a surrogate pair, which UTF-8 cannot hold, becomes ``?``."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(errors="replace")


class _Adapter(HTTPAdapter):
    """Connections that a deadline can end, and that are opened once: a second attempt would hide that the first may have arrived."""

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager


class _TlsAdapter(_Adapter):
    """Connections whose certificates are checked by our context, and not by the list that the library brings."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **options)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        return super().proxy_manager_for(*args, ssl_context=self._context, **options)

    def cert_verify(self, conn: Any, *_: Any, **__: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


def open_session(url: str) -> requests.Session:
    """A session for requests to the host of this address; to be used by one thread at a time and closed.

    Raises:
        NoAnswerError: The certificates to trust cannot be read.
    """
    session = requests.Session()
    session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
    adapter = _Adapter()
    session.mount("http://", adapter)
    try:
        # Reading the certificates of the machine takes a moment: only where they are used.
        session.mount("https://", _TlsAdapter(tls_context()) if url.startswith("https") else adapter)
    except CertificatesError as error:
        session.close()
        raise NoAnswerError(str(error), may_have_arrived=False) from None
    # Proxy settings of the machine are read here once; what `trust_env` would add are its credentials.
    if not is_loopback(urlsplit(url).hostname or ""):
        settings = session.merge_environment_settings(url, {}, None, None, None)
        session.proxies.update(settings["proxies"])
    session.trust_env = False
    return session


def send(  # noqa: PLR0913 - what a request has, each with its own default
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
    url: str,
    *,
    body: bytes | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: AuthBase | None = None,
    limits: HttpLimits | None = None,
    session: requests.Session | None = None,
    deadline: Deadline | None = None,
) -> HttpAnswer:
    """One request; any status is an answer, redirects are not followed.

    Args:
        method: HTTP method.
        url: Checked by `urls.checked_url` or `mist.clouds.base_url`; sent as it is, path and query unchanged
            (hexadecimal digits of escapes become capitals, which every receiver takes for the same).
        body: As it goes out.
        params: Query.
        headers: Beside ``User-Agent``; ``Content-Type`` is JSON where there is a body and none is given.
        auth: `bearer`, `basic`, a `HeaderAuth`, or None.
        limits: Defaults of `HttpLimits`.
        session: Of `open_session`, to keep connections; by default one of its own.
        deadline: Ends the attempt; by default after the total seconds of the limits.

    Raises:
        NoAnswerError: Says whether the request can have arrived; never quotes URL, headers or body.
    """
    limits = limits or HttpLimits()
    given = dict(headers or {})
    if body is not None and not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = "application/json"
    is_made = False
    ends = deadline or Deadline(limits.total_seconds)
    with ends, contextlib.nullcontext(session) if session else open_session(url) as used:
        try:
            request = used.prepare_request(
                requests.Request(method, url, data=body, params=params, headers=given, auth=auth)
            )
            if params is None and url.isascii():
                # The library would rewrite what it finds equivalent; a receiver may sign its address, or compare it.
                request.url = url
            is_made = True
            response = used.send(
                request,
                stream=True,
                timeout=(limits.connect_seconds, limits.read_seconds),
                allow_redirects=False,
            )
            with response:
                return HttpAnswer(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=_read(response, limits, ends),
                )
        except (requests.RequestException, HTTPError, BodyLimitError, OSError, ValueError) as error:
            if ends.is_over and not isinstance(error, BodyLimitError):
                error = _too_late(limits, error)
            failure = (
                no_answer(error, connect_seconds=limits.connect_seconds, read_seconds=limits.read_seconds)
                if is_made
                else not_made(error)
            )
    # Raised outside of the handler: the error of `requests` holds the request, and that holds the secrets.
    raise failure


def _read(response: requests.Response, limits: HttpLimits, deadline: Deadline) -> bytes:
    """The body, bounded in size; what ends early because the deadline shut the connection is no body."""
    chunks: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > limits.max_bytes:
            raise BodyLimitError(f"the answer is larger than {limits.max_bytes} bytes")
    if deadline.is_over:
        raise _too_late(limits, None)
    return b"".join(chunks)


def _too_late(limits: HttpLimits, cause: Exception | None) -> BodyLimitError:
    error = BodyLimitError(f"the answer took longer than {limits.total_seconds:g} s")
    error.__cause__ = cause
    return error
