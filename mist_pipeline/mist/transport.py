"""One HTTP attempt against the Mist cloud: sessions, time-outs, size limits, and keeping tokens out of everything.

An attempt either brings a whole answer (any status) or raises `AttemptFailedError`. It never retries, never follows a
redirect and knows no endpoint: `client` does that.
"""

import contextlib
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.models import PreparedRequest
from urllib3.exceptions import HTTPError

from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import USER_AGENT
from mist_pipeline.http_client.urls import is_loopback

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Timeouts:
    """Limits of one attempt in seconds: to connect, between two reads, and for the whole body; and in bytes."""

    connect: float = 10.0
    read: float = 60.0
    total: float = 180.0
    max_bytes: int = 64 << 20


class AttemptFailedError(Exception):
    """No whole answer arrived; the message says why, without a token."""


class _BodyError(requests.RequestException):
    """A body beyond its limits; the text is our own."""


class _TokenAuth(AuthBase):
    """Sets the header itself, so that no ``.netrc`` entry of the machine replaces it."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Token {self._secret.reveal()}"
        return request


@dataclass(frozen=True)
class Answer:
    """A whole answer: status, headers (names in lower case) and body as received."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Transport:
    """Sends single GET requests to one cloud; safe to share between threads.

    A session is used by one thread at a time: it is borrowed for an attempt and handed back, so connections stay
    open between calls and between thread pools.

    Args:
        base_url: Checked base URL (see `clouds.base_url`).
        timeouts: Limits of one attempt.
    """

    def __init__(self, base_url: str, timeouts: Timeouts) -> None:
        self._base_url = base_url
        self._timeouts = timeouts
        self._idle: deque[requests.Session] = deque()

    def get(self, path: str, query: Mapping[str, str], token: Secret) -> Answer:
        """One GET request.

        Raises:
            AttemptFailedError: Time-out, reset, truncated or oversized body.
        """
        failure: str
        try:
            with self._session() as session:
                request = requests.Request(
                    "GET", self._base_url + path, params=dict(query), auth=_TokenAuth(token)
                )
                response = session.send(
                    session.prepare_request(request),
                    stream=True,
                    timeout=(self._timeouts.connect, self._timeouts.read),
                    allow_redirects=False,
                )
                with response:
                    return Answer(
                        status=response.status_code,
                        headers={name.lower(): value for name, value in response.headers.items()},
                        body=self._body(response),
                    )
        except (requests.RequestException, HTTPError, OSError) as error:
            failure = in_words(error, self._timeouts)
        # Raised outside the handler: the error of `requests` holds the request, and that holds the token.
        raise AttemptFailedError(failure)

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _body(self, response: requests.Response) -> bytes:
        """The body, bounded in size and in time: a read time-out alone never ends a body that drips."""
        deadline = time.monotonic() + self._timeouts.total
        chunks: list[bytes] = []
        size = 0
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._timeouts.max_bytes:
                raise _BodyError(f"the body is larger than {self._timeouts.max_bytes} bytes")
            if time.monotonic() > deadline:
                raise _BodyError(f"the body took longer than {self._timeouts.total:g} s")
        return b"".join(chunks)

    @contextlib.contextmanager
    def _session(self) -> Iterator[requests.Session]:
        try:
            session = self._idle.pop()
        except IndexError:
            session = self._new_session()
        try:
            yield session
        except BaseException:
            session.close()
            raise
        self._idle.append(session)

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        # Proxy and certificate settings of the machine are read once here instead of at every request.
        if not is_loopback(_host(self._base_url)):
            settings = session.merge_environment_settings(self._base_url, {}, None, None, None)
            session.proxies.update(settings["proxies"])
            session.verify = settings["verify"]
        session.trust_env = False
        return session


def _host(base_url: str) -> str:
    return urlsplit(base_url).hostname or ""


def in_words(error: Exception, timeouts: Timeouts) -> str:
    """What went wrong, for people. The library's own text is not used: it may quote headers and addresses."""
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {timeouts.connect:g} s"
    if isinstance(error, requests.ReadTimeout):
        return f"no answer within {timeouts.read:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS connection failed (is the clock right, is a proxy in between?)"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy of this machine refused the connection"
    if isinstance(error, _BodyError):
        return str(error)
    return f"the connection failed or ended early ({type(error).__name__})"
