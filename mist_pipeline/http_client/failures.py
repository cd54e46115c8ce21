"""Requests that brought no answer, in our own words.

The text of the HTTP library is never shown, because it may quote headers and addresses. The library is imported only once
it has failed, so that types and `excerpt` cost nothing. Not here: what a failure means for a delivery
(`delivery.http_outcome`) or for a call of the Mist API (`mist.errors`).
"""

from collections.abc import Iterator

from mist_pipeline.domain.text import clean
from mist_pipeline.http_client.certificates import certificate_problem

_EXCERPT = 200


class NoAnswerError(Exception):
    """No whole answer arrived.

    Attributes:
        may_have_arrived: False only where the request surely never left: no connection, no valid certificate.
    """

    def __init__(self, reason: str, *, may_have_arrived: bool) -> None:
        self.may_have_arrived = may_have_arrived
        super().__init__(reason)


class BodyLimitError(Exception):
    """The body of an answer is too large or takes too long; the text is our own."""


def excerpt(text: str) -> str:
    """One visible line of foreign text, at most 200 characters."""
    return clean(text, _EXCERPT)


def not_made(error: Exception) -> NoAnswerError:
    """The failure of a request that could not be built, and so was not sent."""
    return NoAnswerError(f"the request cannot be made ({type(error).__name__})", may_have_arrived=False)


def no_answer(error: Exception, *, connect_seconds: float, read_seconds: float) -> NoAnswerError:
    """The failure of a request that was sent, or was tried to be.

    Args:
        error: What the HTTP library raised, or a `BodyLimitError`.
        connect_seconds: Limit of the connection, for the text.
        read_seconds: Limit between two reads, for the text.
    """
    import ssl

    import requests
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError

    no_connection = (ConnectTimeoutError, NewConnectionError, ProxyError, ssl.SSLCertVerificationError)
    never_sent = any(isinstance(part, no_connection) for part in _chain(error))
    invalid = next((part for part in _chain(error) if isinstance(part, ssl.SSLCertVerificationError)), None)
    tls = (
        f"the certificate of the receiver was not accepted: {certificate_problem(invalid)}"
        if invalid
        else "the TLS connection failed (is the clock right, is a proxy in between?)"
    )
    words = [
        (BodyLimitError, str(error)),
        (requests.ConnectTimeout, f"no connection within {connect_seconds:g} s"),
        (requests.exceptions.ProxyError, "the proxy of this machine refused the connection"),
        (requests.exceptions.SSLError, tls),
        (requests.Timeout, f"no answer within {read_seconds:g} s"),
    ]
    other = (
        _no_connection(error)
        if never_sent
        else f"the connection failed or ended early ({type(error).__name__})"
    )
    text = next((text for kind, text in words if isinstance(error, kind)), other)
    return NoAnswerError(text, may_have_arrived=not never_sent)


def _no_connection(error: BaseException) -> str:
    """Why there was no connection, as far as the machine said it."""
    import socket

    from urllib3.exceptions import NameResolutionError

    parts = list(_chain(error))
    if any(isinstance(part, ConnectionRefusedError) for part in parts):
        return "connection refused (is the receiver up, is the port right?)"
    if any(isinstance(part, NameResolutionError | socket.gaierror) for part in parts):
        return "the host name is not known (is it right, does this machine have a network?)"
    return "no connection (is the host name right, is the receiver up?)"


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
