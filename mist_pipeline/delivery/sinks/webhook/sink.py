"""A generic webhook: the whole incident as JSON, signed, with an id by which receivers drop repetitions.

Here: the document, its signature, and posting it. ``sinks.file`` writes the same document.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime

from mist_pipeline.delivery.http_outcome import no_answer, refusal
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused
from mist_pipeline.delivery.sinks.webhook.document import document_of
from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.secrets import Secret, secrets_of
from mist_pipeline.http_client.session import HttpLimits, as_json, bearer, send
from mist_pipeline.http_client.urls import checked_url

SHORTEST_KEY = 16
"""Characters that a signing key has at least."""


class WebhookSink:
    """Posts every message to one address.

    The headers ``X-Mist-Timestamp`` (epoch seconds) and ``X-Mist-Signature`` (``v1=`` and the hexadecimal HMAC-SHA256
    of ``<timestamp>.<body>``) let the receiver refuse what is forged or old; ``X-Mist-Delivery`` is the same for every
    attempt, so that it can drop repetitions.

    Args:
        name: Its name in the configuration.
        url: Address; may hold a key, and is not shown.
        key: Shared key of the signature.
        token: For ``Authorization: Bearer …``, if the receiver wants one.
        limits: Of one request.
        clock: Now, in UTC.
    """

    def __init__(
        self,
        name: str,
        url: Secret,
        key: Secret,
        token: Secret | None = None,
        limits: HttpLimits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._name = name
        self._url = Secret(checked_url(url.reveal(), f"webhook of {name}"))
        if len(key.reveal()) < SHORTEST_KEY:
            raise ValueError(f"webhook of {name}: the key must have at least {SHORTEST_KEY} characters")
        self._key = key
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
        body = as_json(document_of(message))
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            "X-Mist-Delivery": message.delivery_id,
            "X-Mist-Timestamp": timestamp,
            "X-Mist-Signature": f"v1={signature(self._key, timestamp, body)}",
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
        secrets = [*secrets_of(self._url), self._key, *([self._token] if self._token else [])]
        return refusal(answer, "the webhook", secrets) or Accepted()

    def recover(self, message: Message) -> Outcome:
        """Send it again: the receiver knows it by its delivery id."""
        return self.send(message)


def signature(key: Secret, timestamp: str, body: bytes) -> str:
    """Hexadecimal HMAC-SHA256 of ``<timestamp>.<body>``."""
    return hmac.new(key.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
