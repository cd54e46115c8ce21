"""."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError

from mist_pipeline.delivery.sink import Retry, Unknown

_EXCERPT = 200


def excerpt(text: str) -> str:
    """One printable line of foreign text, at most 200 characters: control characters and newlines become spaces."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * _EXCERPT]).split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"


_NEVER_SENT = (ConnectTimeoutError, NewConnectionError, ProxyError, ssl.SSLCertVerificationError)


@dataclass(frozen=True)
class HttpLimits:
    """Limits of one request: seconds to connect, between two reads and for the whole answer; bytes of the answer."""

    connect_seconds: float = 5.0
    read_seconds: float = 20.0
    total_seconds: float = 60.0
    max_bytes: int = 1 << 20


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


class _BodyError(requests.RequestException):
    """A body beyond its limits; the text is our own."""


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
