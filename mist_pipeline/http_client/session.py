"""."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests.models import PreparedRequest

from mist_pipeline.http_client.failures import HttpLimits, _BodyError
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.urls import is_loopback


def client_version() -> str:
    """Version of the installed package, ``unknown`` where it runs uninstalled."""
    try:
        return version("mist-pipeline")
    except PackageNotFoundError:
        return "unknown"


USER_AGENT = f"mist-pipeline/{client_version()}"
"""What the cloud sees and what raw files record as the client version."""


_CHUNK = 1 << 16


_LONGEST_PAUSE = 3600.0


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


def as_json(document: object) -> bytes:
    """A document as the bytes of a request; half a surrogate pair, which UTF-8 cannot hold, becomes ``?``."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(errors="replace")


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
