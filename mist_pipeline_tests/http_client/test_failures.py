"""Failures in our own words: what the library says may quote secrets."""

import socket
import ssl

import pytest
import requests
import urllib3

from mist_pipeline.http_client.certificates import certificate_problem
from mist_pipeline.http_client.failures import BodyLimitError, excerpt, no_answer

TOKEN = "tOkEn-0123456789"


def _from(cause: OSError) -> urllib3.exceptions.NewConnectionError:
    """What urllib3 makes of an error of the machine."""
    error = urllib3.exceptions.NewConnectionError(None, TOKEN)  # type: ignore[arg-type]
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words", "may_have_arrived"),
    [
        (requests.ConnectTimeout(TOKEN), "no connection within 10 s", True),
        (requests.ReadTimeout(TOKEN), "no answer within 60 s", True),
        (requests.ConnectionError(TOKEN), "the connection failed or ended early (ConnectionError)", True),
        (OSError(TOKEN), "the connection failed or ended early (OSError)", True),
        (
            urllib3.exceptions.IncompleteRead(3, 5),
            "the connection failed or ended early (IncompleteRead)",
            True,
        ),
        (
            requests.ConnectionError(urllib3.exceptions.NewConnectionError(None, TOKEN)),  # type: ignore[arg-type]
            "no connection (is the host name right, is the receiver up?)",
            False,
        ),
        (
            requests.ConnectionError(_from(ConnectionRefusedError(TOKEN))),
            "connection refused (is the receiver up, is the port right?)",
            False,
        ),
        (
            requests.ConnectionError(_from(socket.gaierror(TOKEN))),
            "the host name is not known (is it right, does this machine have a network?)",
            False,
        ),
        (
            requests.exceptions.ProxyError(urllib3.exceptions.ProxyError(TOKEN, OSError(TOKEN))),
            "the proxy of this machine refused the connection",
            False,
        ),
        (
            requests.exceptions.SSLError(ssl.SSLCertVerificationError(TOKEN)),
            f"the certificate of the receiver was not accepted: {certificate_problem(ssl.SSLCertVerificationError(TOKEN))}",
            False,
        ),
        (
            requests.exceptions.SSLError(TOKEN),
            "the TLS connection failed (is the clock right, is a proxy in between?)",
            True,
        ),
        (BodyLimitError("the answer is larger than 5 bytes"), "the answer is larger than 5 bytes", True),
    ],
)
def test_a_failure_is_explained_in_words_and_never_by_what_the_library_says(
    error: Exception, words: str, may_have_arrived: bool
) -> None:
    failure = no_answer(error, connect_seconds=10, read_seconds=60)
    assert (str(failure), failure.may_have_arrived) == (words, may_have_arrived)


def test_an_excerpt_is_one_printable_line() -> None:
    assert excerpt("a\r\nb\x1b[31m\u202e c") == "a b [31m c"
    assert excerpt("x" * 300) == "x" * 199 + "…"
