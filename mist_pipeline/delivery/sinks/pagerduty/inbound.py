"""What PagerDuty sends back by its webhooks (v3): somebody acknowledged or resolved a page of ours.

Here: checking the signature and reading the event; no I/O. Not here: the server that receives the request
(``notification.inbound``), and what the ledger makes of it (``workflows.inbound``).
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mist_pipeline.delivery.sinks.pagerduty.sink import incident_id_of
from mist_pipeline.domain.text import clean
from mist_pipeline.http_client.secrets import Secret

MOST_BYTES = 1 << 20

_KINDS: dict[str, Literal["acknowledged", "resolved"]] = {
    "incident.acknowledged": "acknowledged",
    "incident.resolved": "resolved",
}
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})")


class InvalidWebhookError(ValueError):
    """A request that is not from PagerDuty, or not as PagerDuty documents it. Never quotes the request."""


@dataclass(frozen=True)
class PersonActed:
    """Somebody took a page of ours, or closed it, which both mean that a person knows.

    Attributes:
        incident_id: Ours, in the ledger.
        kind: What was done.
        by: Who, for people; '' if PagerDuty does not say.
        at: When.
        event_id: PagerDuty's, the same for repeated deliveries.
    """

    incident_id: str
    kind: Literal["acknowledged", "resolved"]
    by: str
    at: datetime
    event_id: str


def parse_webhook(body: bytes, signature: str, keys: Sequence[Secret]) -> PersonActed | None:
    """What a webhook of PagerDuty says.

    Args:
        body: As received; its signature is over these bytes.
        signature: The header ``X-PagerDuty-Signature``: one or several ``v1=<hexadecimal HMAC-SHA256>``.
        keys: Signing keys of the subscriptions; several while one is replaced by another.

    Returns:
        None for events that are of no interest: of other incidents, of other kinds, or caused by our own events.

    Raises:
        InvalidWebhookError: No valid signature, or not the documented form.
    """
    if len(body) > MOST_BYTES:
        raise InvalidWebhookError(f"larger than {MOST_BYTES} bytes")
    if not _is_signed(body, signature, keys):
        raise InvalidWebhookError("no valid signature; is the subscription's signing key configured?")
    try:
        event = _member(json.loads(body), "event")
        kind = _KINDS.get(str(event.get("event_type")))
        if kind is None:
            return None
        data, agent = _member(event, "data"), event.get("agent")
        incident_id = incident_id_of(str(data.get("incident_key")))
        at = datetime.fromisoformat(str(event["occurred_at"]))
        event_id = str(event["id"])
    except (ValueError, KeyError, RecursionError):
        raise InvalidWebhookError("not the documented form of a PagerDuty webhook, version 3") from None
    if at.tzinfo is None:
        raise InvalidWebhookError("occurred_at has no zone")
    # Our own acknowledgements and resolutions come back with the integration as the agent.
    if incident_id is None or not isinstance(agent, dict) or agent.get("type") != "user_reference":
        return None
    return PersonActed(incident_id, kind, clean(str(agent.get("summary") or ""), 100), at, event_id)


def _is_signed(body: bytes, signature: str, keys: Sequence[Secret]) -> bool:
    given = _SIGNATURE.findall(signature)
    expected = [
        hmac.new(key.reveal().encode(), body, hashlib.sha256).hexdigest() for key in keys if key.reveal()
    ]
    return any(hmac.compare_digest(one, other) for one in given[:8] for other in expected)


def _member(document: Any, name: str) -> dict[str, Any]:
    member = document[name] if isinstance(document, dict) else None
    if not isinstance(member, dict):
        raise ValueError(name)  # noqa: TRY004 - the caller reports it
    return member
