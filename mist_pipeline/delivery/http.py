"""One HTTP request to a receiver of messages: time limits, no redirects, and whether it can have arrived.

Here: the request, the two ways of getting no answer, and what a status means for a sink. Not here: what is sent and
what the body of an answer says; every sink knows that of its own receiver.
"""

import json
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests.models import PreparedRequest
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
)

from mist_pipeline.delivery.sink import Refused, Retry, Unknown, is_worth_a_retry
from mist_pipeline.mist.clouds import is_loopback
from mist_pipeline.mist.errors import excerpt
from mist_pipeline.mist.transport import USER_AGENT, Secret, Secrets

_CHUNK = 1 << 16
_LONGEST_PAUSE = 3600.0
_NEVER_SENT = (ConnectTimeoutError, NewConnectionError, ProxyError, ssl.SSLCertVerificationError)


@dataclass(frozen=True)
class HttpLimits:
    """Limits of one request: seconds to connect, between two reads and for the whole answer; bytes of the answer."""

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

    @property
    def retry_after_seconds(self) -> float | None:
        """What ``Retry-After`` asks for, at most an hour; a date counts from the answer's own ``Date``."""
        asked = self.headers.get("retry-after", "").strip()
        if asked.isascii() and asked.replace(".", "", 1).isdigit():
            return min(float(asked), _LONGEST_PAUSE)
        try:
            until = parsedate_to_datetime(asked)
            pause = (until - parsedate_to_datetime(self.headers.get("date", ""))).total_seconds()
        except (ValueError, TypeError):
            return None
        return min(max(pause, 0.0), _LONGEST_PAUSE)


class NoAnswerError(Exception):
    """No whole answer arrived.

    Attributes:
        may_have_arrived: False only where the request surely never left: no connection, no valid certificate.
    """

    def __init__(self, reason: str, *, may_have_arrived: bool) -> None:
        self.may_have_arrived = may_have_arrived
        super().__init__(reason)

    def outcome(self) -> Retry | Unknown:
        """What it means for a message that changes something at the receiver."""
        return Unknown(str(self)) if self.may_have_arrived else Retry(str(self))


class _HeaderAuth(AuthBase):
    """Sets the header itself, so that no ``.netrc`` entry of the machine replaces it."""

    def __init__(self, value: Secret) -> None:
        self._value = value

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
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
    return _HeaderAuth(Secret(f"Bearer {token.reveal()}"))


def basic(user: str, password: Secret) -> AuthBase:
    """``Authorization: Basic …`` in UTF-8."""
    return HTTPBasicAuth(user.encode(), password.reveal().encode())


def checked_url(url: str, what: str) -> str:
    """The URL without a slash at its end.

    Args:
        url: Address of a receiver.
        what: Name of the setting, for the error; the URL itself may be a secret and is not quoted.

    Raises:
        ValueError: Not https (http is for loopback alone), no host, a bad port, credentials or a fragment in it.
    """
    text = url.strip()
    if any(char.isspace() or not char.isprintable() for char in text):
        raise ValueError(f"{what}: the URL holds spaces or control characters")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{what}: not a URL (is the port a number?)") from None
    if not host:
        raise ValueError(f"{what}: give a whole URL, such as https://example.com/path")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError(f"{what}: must be https, it carries secrets (http is for loopback alone)")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{what}: must not hold credentials; they have settings of their own")
    if parts.fragment:
        raise ValueError(f"{what}: must not hold a fragment (#…)")
    return text.rstrip("/")


def send(
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
    url: str,
    *,
    body: bytes | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: AuthBase | None = None,
    limits: HttpLimits | None = None,
) -> HttpAnswer:
    """One request on a connection of its own; any status is an answer, redirects are not followed.

    Args:
        method: HTTP method.
        url: Checked by `checked_url`.
        body: As it goes out.
        params: Query.
        headers: Beside ``User-Agent``; ``Content-Type`` is JSON where there is a body and none is given.
        auth: `bearer`, `basic`, or None.
        limits: Defaults of `HttpLimits`.

    Raises:
        NoAnswerError: Says whether the request can have arrived; never quotes URL, headers or body.
    """
    limits = limits or HttpLimits()
    given = dict(headers or {})
    if body is not None and not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = "application/json"
    with requests.Session() as session:
        session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        # No second connection attempt behind our back: it would hide that the first may have arrived.
        session.mount("https://", HTTPAdapter(max_retries=0))
        session.mount("http://", HTTPAdapter(max_retries=0))
        _use_machine_settings(session, url)
        is_made = False
        try:
            request = session.prepare_request(
                requests.Request(method, url, data=body, params=params, headers=given, auth=auth)
            )
            is_made = True
            response = session.send(
                request,
                stream=True,
                timeout=(limits.connect_seconds, limits.read_seconds),
                allow_redirects=False,
            )
            with response:
                return HttpAnswer(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=_read(response, limits),
                )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            failure = _failure(error, limits) if is_made else _cannot_be_made(error)
    # Raised outside of the handler: the error of `requests` holds the request, and that holds the secrets.
    raise failure


_SHORTEST_PIECE = 8
"""Characters from which on a part of an address may be a key; shorter ones are words such as ``services``."""


def secrets_of(url: Secret) -> list[Secret]:
    """What of a secret address must not be shown: all of it, what follows the host, and every part that may be a key.

    Receivers repeat addresses in pieces and escaped in their own ways (slashes, ampersands), so the pieces are secrets, too.
    """
    parts = urlsplit(url.reveal())
    tail = f"{parts.path}?{parts.query}" if parts.query else parts.path
    whole = [part for part in (tail, parts.query) if len(part) > 1]
    values = [value for _, value in parse_qsl(parts.query)]
    pieces = [part for part in (*parts.path.split("/"), *values) if len(part) >= _SHORTEST_PIECE]
    return [url, *(Secret(part) for part in dict.fromkeys([*whole, *pieces]))]


def as_json(document: object) -> bytes:
    """A document as the bytes of a request; half a surrogate pair, which UTF-8 cannot hold, becomes ``?``."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(errors="replace")


def refusal(answer: HttpAnswer, receiver: str, secrets: Sequence[Secret] = ()) -> Retry | Refused | None:
    """What an answer means for a sink; None for 2xx.

    Args:
        answer: Any answer.
        receiver: Who answered, for people.
        secrets: Taken out of what the receiver said, should it repeat them.
    """
    if answer.is_success:
        return None
    said = excerpt(Secrets(secrets).hide(answer.text))
    text = f"{receiver} answered {answer.status}" + (f": {said}" if said else "")
    if is_worth_a_retry(answer.status):
        return Retry(text, answer.retry_after_seconds)
    if 300 <= answer.status < 400:
        return Refused(f"{text} (redirects are not followed: configure the final address)")
    return Refused(text)


def _use_machine_settings(session: requests.Session, url: str) -> None:
    """Proxy and certificate settings of the machine, but none of its credentials."""
    if not is_loopback(urlsplit(url).hostname or ""):
        settings = session.merge_environment_settings(url, {}, None, None, None)
        session.proxies.update(settings["proxies"])
        session.verify = settings["verify"]
    session.trust_env = False


def _read(response: requests.Response, limits: HttpLimits) -> bytes:
    """The body, bounded in size and in time: a read time-out alone never ends a body that drips."""
    deadline = time.monotonic() + limits.total_seconds
    chunks: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > limits.max_bytes:
            raise _BodyError(f"the answer is larger than {limits.max_bytes} bytes")
        if time.monotonic() > deadline:
            raise _BodyError(f"the answer took longer than {limits.total_seconds:g} s")
    return b"".join(chunks)


class _BodyError(requests.RequestException):
    """A body beyond its limits; the text is our own."""


def _failure(error: Exception, limits: HttpLimits) -> NoAnswerError:
    never_sent = any(isinstance(part, _NEVER_SENT) for part in _chain(error))
    return NoAnswerError(_in_words(error, limits, never_sent=never_sent), may_have_arrived=not never_sent)


def _cannot_be_made(error: Exception) -> NoAnswerError:
    return NoAnswerError(f"the request cannot be made ({type(error).__name__})", may_have_arrived=False)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error with everything it was made of: arguments, reasons, causes."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, BaseException) or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting += [*part.args, getattr(part, "reason", None), part.__cause__, part.__context__]


def _in_words(error: Exception, limits: HttpLimits, *, never_sent: bool) -> str:
    """What went wrong, for people. The library's own text is not used: it may quote headers and addresses."""
    if isinstance(error, _BodyError):
        return str(error)
    invalid = "the certificate is not valid" if never_sent else "the TLS connection failed"
    for kind, text in (
        (requests.ConnectTimeout, f"no connection within {limits.connect_seconds:g} s"),
        (requests.exceptions.ProxyError, "the proxy of this machine refused the connection"),
        (requests.exceptions.SSLError, invalid),
        (requests.Timeout, f"no answer within {limits.read_seconds:g} s; it may have arrived"),
    ):
        if isinstance(error, kind):
            return text
    if never_sent:
        return "no connection (is the host name right, is the receiver up?)"
    return f"the connection ended early ({type(error).__name__}); it may have arrived"
