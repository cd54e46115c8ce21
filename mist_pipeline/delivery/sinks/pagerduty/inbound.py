"""What PagerDuty sends back by its webhooks (v3): what people did with its incidents, in which our pages are.

A webhook names an incident of PagerDuty by PagerDuty's own id. Our key is not in it: ``incident_key`` is null for what
events opened (it is there for what people opened by hand). What is ours in it is the ``client`` that the event named, which
PagerDuty repeats when the incident is triggered, and only then. So the key is sent as the client's name, too.

Here: checking the signature and reading the event; no I/O. Not here: the server that receives the request
(``notification.inbound``), and what the ledger makes of it (``workflows.notifying.inbound``).
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mist_pipeline.delivery.sinks.pagerduty.keys import incident_id_of
from mist_pipeline.domain.text import clean
from mist_pipeline.http_client.secrets import Secret

MOST_BYTES = 1 << 20

Act = Literal["opened", "taken", "closed", "given_back", "merged"]

_ACTS: Mapping[str, Act] = {
    "incident.triggered": "opened",
    "incident.acknowledged": "taken",
    "incident.resolved": "closed",
    "incident.unacknowledged": "given_back",
    "incident.reopened": "given_back",
    "incident.reassigned": "given_back",
    "incident.delegated": "given_back",
    "incident.escalated": "given_back",
}
_MAY_KEEP_IT = frozenset({"incident.reassigned", "incident.delegated", "incident.escalated"})
"""Events of a new assignment; whether somebody has it still, the status says."""
_BY_PEOPLE: frozenset[Act] = frozenset({"taken", "closed"})
_MERGE = "merge_resolve_reason"
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class InvalidWebhookError(ValueError):
    """A request that is not from PagerDuty, or not as PagerDuty documents it. Never quotes the request."""


@dataclass(frozen=True, kw_only=True)
class PageEvent:
    """What happened to an incident of PagerDuty.

    Attributes:
        sink: Whose subscription told it.
        page: PagerDuty's id of its incident.
        act: *opened*; *taken* or *closed* by a person, which both mean that a person knows; *given back*: nobody has it
            any more; *merged* into another incident of PagerDuty.
        by: Who, for people; PagerDuty where it was no person.
        at: When.
        event_id: PagerDuty's, the same for repeated deliveries.
        subjects: What our message in it is about, where the event says it.
        into: The incident of PagerDuty that goes on with a merged one.
    """

    sink: str
    page: str
    act: Act
    by: str
    at: datetime
    event_id: str
    subjects: tuple[str, ...] = ()
    into: str = ""


def parse_webhook(body: bytes, signature: str, keys: Mapping[str, Sequence[Secret]]) -> PageEvent | None:
    """What a webhook of PagerDuty says.

    Args:
        body: As received; its signature is over these bytes.
        signature: The header ``X-PagerDuty-Signature``: one or several ``v1=<hexadecimal HMAC-SHA256>``.
        keys: Sink → signing keys of its subscriptions; several while one is replaced by another.

    Returns:
        None for events that are of no interest: of other kinds, or acknowledged and resolved by no person, such as by
        our own events.

    Raises:
        InvalidWebhookError: No valid signature, or not the documented form.
    """
    if len(body) > MOST_BYTES:
        raise InvalidWebhookError(f"larger than {MOST_BYTES} bytes")
    sink = _signer(body, signature, keys)
    if sink is None:
        raise InvalidWebhookError("no valid signature; is the subscription's signing key configured?")
    try:
        event = _member(json.loads(body), "event")
        kind = str(event.get("event_type"))
        if kind not in _ACTS:
            return None
        data, at = _member(event, "data"), datetime.fromisoformat(str(event["occurred_at"]))
        page, event_id = _id(data["id"]), _id(event["id"])
        act, into = _ACTS[kind], _merged_into(data)
    except (ValueError, KeyError, RecursionError):
        raise InvalidWebhookError("not the documented form of a PagerDuty webhook, version 3") from None
    if at.tzinfo is None:
        raise InvalidWebhookError("occurred_at has no zone")
    person = _person(event)
    if act == "closed" and into is not None:
        act = "merged"
    elif act in _BY_PEOPLE and person is None:
        # Our own acknowledgements and resolutions come back with the integration as the agent, or with none.
        return None
    elif kind in _MAY_KEEP_IT and data.get("status") != "triggered":
        return None
    return PageEvent(
        sink=sink,
        page=page,
        act=act,
        by=person or "PagerDuty",
        at=at,
        event_id=event_id,
        subjects=_subjects(event, data),
        into=into or "",
    )


def _subjects(event: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[str, ...]:
    """What our message is about, by the client that it named, or by the key of an incident that has one."""
    client = event.get("client")
    named = client.get("name") if isinstance(client, dict) else None
    found = [incident_id_of(text) for text in (named, data.get("incident_key")) if isinstance(text, str)]
    return tuple(dict.fromkeys(one for one in found if one))


def _merged_into(data: Mapping[str, Any]) -> str | None:
    """The incident that goes on with a merged one; '' where PagerDuty does not say which, None for one that is not merged."""
    reason = data.get("resolve_reason")
    if not isinstance(reason, dict) or reason.get("type") != _MERGE:
        return None
    other = reason.get("incident")
    return _id(other["id"]) if isinstance(other, dict) and "id" in other else ""


def _person(event: Mapping[str, Any]) -> str | None:
    """Who did it, None where it was no person."""
    agent = event.get("agent")
    if not isinstance(agent, dict) or agent.get("type") != "user_reference":
        return None
    return clean(str(agent.get("summary") or ""), 100) or "somebody in PagerDuty"


def _signer(body: bytes, signature: str, keys: Mapping[str, Sequence[Secret]]) -> str | None:
    """The sink with one of whose keys the body is signed."""
    given = _SIGNATURE.findall(signature)[:8]
    for sink, secrets in keys.items():
        for key in secrets:
            expected = hmac.new(key.reveal().encode(), body, hashlib.sha256).hexdigest()
            if key.reveal() and any(hmac.compare_digest(one, expected) for one in given):
                return sink
    return None


def _id(value: object) -> str:
    """An id of PagerDuty; it becomes a part of an address."""
    text = str(value)
    if not _ID.fullmatch(text):
        raise ValueError("id")
    return text


def _member(document: Any, name: str) -> dict[str, Any]:
    member = document[name] if isinstance(document, dict) else None
    if not isinstance(member, dict):
        raise ValueError(name)  # noqa: TRY004 - the caller reports it
    return member
