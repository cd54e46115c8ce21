"""A generic webhook: the whole incident as JSON, signed, with an id by which receivers drop repetitions.

Here: the document, its signature, and posting it. ``sinks.file`` writes the same document.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime

from mist_pipeline.delivery.http_outcome import no_answer, refusal
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused
from mist_pipeline.delivery.sinks.webhook.document import fitting_document
from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.secrets import Secret, secrets_of
from mist_pipeline.http_client.session import HttpLimits, as_json, bearer, send
from mist_pipeline.http_client.urls import checked_url

_STANDARD = "whsec_"
_STANDARD_BYTES = (24, 64)
"""Bytes of a key that Standard Webhooks allows."""
SHORTEST_KEY = 16
"""Characters that a signing key has at least."""


class WebhookSink:
    """Posts every message to one address.

    The headers of Standard Webhooks (https://www.standardwebhooks.com) let the receiver use any library of that
    specification: ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``.

    The headers ``X-Mist-Timestamp`` (epoch seconds) and ``X-Mist-Signature`` (``v1=`` and the hexadecimal HMAC-SHA256
    of ``<timestamp>.<body>``) let the receiver refuse what is forged or old; ``X-Mist-Delivery`` is the same for every
    attempt, so that it can drop repetitions.

    Args:
        name: Its name in the configuration.
        url: Address; may hold a key, and is not shown.
        key: Shared key of the signature.
        token: For ``Authorization: Bearer …``, if the receiver wants one.
        max_bytes: Longest document.
        limits: Of one request.
        clock: Now, in UTC.
    """

    def __init__(
        self,
        name: str,
        url: Secret,
        key: Secret,
        token: Secret | None = None,
        max_bytes: int = 100_000,
        limits: HttpLimits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._name = name
        self._url = Secret(checked_url(url.reveal(), f"webhook of {name}"))
        if len(key.reveal()) < SHORTEST_KEY:
            raise ValueError(f"webhook of {name}: the key must have at least {SHORTEST_KEY} characters")
        self._key = key
        _decoded(key, name)
        self._max_bytes = max_bytes
        self._token = token
        self._auth = bearer(token) if token else None
        self._limits = limits
        self._clock = clock

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    def problem_with(self, recipient: str) -> str | None:
        """Why a route must not name this recipient, None if it may."""
        return "a webhook posts to its own address only" if recipient else None

    def send(self, message: Message) -> Outcome:
        """Post it; any 2xx is an acceptance."""
        if problem := self.problem_with(message.recipient):
            return Refused(problem)
        body = as_json(fitting_document(message, self._max_bytes, as_json))
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            "X-Mist-Delivery": message.delivery_id,
            "X-Mist-Timestamp": timestamp,
            "X-Mist-Signature": f"v1={signature(self._key, timestamp, body)}",
            "webhook-id": message.delivery_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": standard_signature(
                _decoded(self._key, self._name), message.delivery_id, timestamp, body
            ),
        }
        try:
            answer = send(
                "POST",
                self._url.reveal(),
                body=body,
                headers=headers,
                auth=self._auth,
                limits=self._limits,
            )
        except NoAnswerError as error:
            return no_answer(error)
        key = self._key.reveal().removeprefix(_STANDARD)
        secrets = [*secrets_of(self._url), self._key, Secret(key), *([self._token] if self._token else [])]
        return refusal(answer, "the webhook", secrets) or Accepted()

    def recover(self, message: Message) -> Outcome:
        """Send it again: the receiver knows it by its delivery id."""
        return self.send(message)


def standard_signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """``v1,`` and the base64 of the HMAC-SHA256 of ``<id>.<timestamp>.<body>``, as Standard Webhooks has it."""
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def _decoded(key: Secret, name: str) -> bytes:
    """The bytes of a key: of ``whsec_…`` what its base64 stands for, of any other its characters."""
    text = key.reveal()
    if not text.startswith(_STANDARD):
        return text.encode()
    try:
        decoded = base64.b64decode(text.removeprefix(_STANDARD), validate=True)
    except ValueError:
        decoded = b""
    if not _STANDARD_BYTES[0] <= len(decoded) <= _STANDARD_BYTES[1]:
        raise ValueError(
            f"webhook of {name}: a key that begins with {_STANDARD} goes on with the base64 of "
            f"{_STANDARD_BYTES[0]} to {_STANDARD_BYTES[1]} bytes"
        )
    return decoded


def signature(key: Secret, timestamp: str, body: bytes) -> str:
    """Hexadecimal HMAC-SHA256 of ``<timestamp>.<body>``."""
    return hmac.new(key.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
