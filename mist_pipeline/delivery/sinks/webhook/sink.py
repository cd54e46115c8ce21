"""A generic webhook: the whole incident as JSON, signed, with an id by which receivers drop repetitions.

Here: the document, its signature, and posting it. ``sinks.file`` writes the same document.
"""

import hashlib
import hmac
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from mist_pipeline.delivery.http_outcome import no_answer, refusal
from mist_pipeline.delivery.message import AlertView, Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.sink import Accepted, Outcome, Refused
from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.secrets import Secret, secrets_of
from mist_pipeline.http_client.session import HttpLimits, as_json, bearer, send
from mist_pipeline.http_client.urls import checked_url

SCHEMA = "mist-pipeline/message"
VERSION = 1
"""Rises when a receiver could break; members may be added within a version."""
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


def document_of(message: Message) -> dict[str, Any]:
    """The message as JSON values; names and sentences are as their authors typed them, so receivers escape them."""
    incident = message.incident
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "delivery_id": message.delivery_id,
        "reason": message.reason,
        "sequence": message.sequence,
        "attempt": message.attempt,
        "headline": wording.headline(message),
        "incident": {
            "incident_id": incident.incident_id,
            "fingerprint": incident.fingerprint,
            "title": incident.title,
            "severity": incident.severity,
            "scope": incident.scope,
            "status": incident.status,
            "opened_at": _instant(incident.opened_at),
            "updated_at": _instant(incident.updated_at),
            "resolved_at": _instant(incident.resolved_at),
            "cause": incident.cause,
            "remediation": list(incident.remediation),
            "report_url": incident.report_url,
            "run_url": incident.run_url,
            "alerts": [_alert(alert) for alert in incident.alerts],
        },
    }


def _alert(alert: AlertView) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "site_id": alert.site.site_id,
        "site_name": alert.site.name,
        "site_url": alert.site.url,
        "metric": alert.metric,
        "family": alert.family,
        "severity": alert.severity,
        "status": alert.status,
        "opened_at": _instant(alert.opened_at),
        "resolved_at": _instant(alert.resolved_at),
        "summaries": list(alert.summaries),
        "classifier": alert.classifier,
        "evidence": _json(alert.evidence),
    }


def _json(value: object) -> Any:
    """Evidence as JSON: what JSON does not know (instants, NaN) becomes text or null."""
    if isinstance(value, Mapping):
        return {str(name): _json(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_json(member) for member in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return _instant(value) if isinstance(value, datetime) else str(value)


def _instant(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
