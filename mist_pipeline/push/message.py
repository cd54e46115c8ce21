"""A message of Mist's webhooks: its signature, its topic and its events. Pure; no I/O.

A message is ``{"topic": …, "events": […]}``, many events at once. It is signed over its raw bytes, ``X-Mist-Signature-v2`` =
HMAC-SHA256(secret, body) in hexadecimal. The official schemas (``webhook_*``) call fields required that captured messages
leave out (``site_id`` and ``device_id`` of audits, ``ap`` of switches), so only what is needed is asked for.

>>> body = b'{"topic": "device-updowns", "events": [{"type": "AP_DISCONNECTED", "ap": "5C5B350001AA", "timestamp": 1772445600}]}'
>>> event = parse(body).events[0]
>>> event.kind, event.device, event.happened_at.isoformat()
('AP_DISCONNECTED', '5c5b350001aa', '2026-03-02T10:00:00+00:00')

Not here: reading it from a socket (`application`), and what is kept of it (``workflows.pushing``).
"""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from mist_pipeline.alerts.pushed.event import PushedEvent
from mist_pipeline.http_client.secrets import Secret

MOST_BYTES = 4 << 20
MOST_EVENTS = 10_000

TOPICS = frozenset({"alarms", "audits", "device-events", "device-updowns", "ping"})
"""What our webhook tells; other topics are kept, counted as of no interest, and nobody looks at them."""

_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")
_TOPIC = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_KIND = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_MAC = re.compile(r"[0-9a-f]{12}")
_MILLISECONDS = 1e11
"""Epoch seconds are below it until the year 5138; some events have milliseconds."""
_YEAR_10000 = 253_402_300_800
_NOT_CONTENT = frozenset({"for_site"})
"""Fields in which the webhooks of a site and of its organisation differ when they tell the same event."""


class MalformedError(ValueError):
    """A message that is not as Mist documents it. Says what; never quotes it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Attributes:
        topic: Of all its events.
        events: Those that can be read.
        unreadable: How many cannot.
    """

    topic: str
    events: Sequence[PushedEvent]
    unreadable: int = 0


def is_signed(body: bytes, signature: str, secrets: Iterable[Secret]) -> bool:
    """Whether a body is signed with one of the secrets; compares in constant time, and every secret.

    Args:
        body: As received.
        signature: The header ``X-Mist-Signature-v2``.
        secrets: Of the webhook; several while one is replaced by another.
    """
    given = signature.strip()
    if not _SIGNATURE.fullmatch(given):
        return False
    fits = [hmac.compare_digest(given.lower(), sign(body, secret)) for secret in secrets]
    return any(fits)


def sign(body: bytes, secret: Secret) -> str:
    """The signature of a body."""
    return hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()


def parse(body: bytes) -> Message:
    """What a message says.

    Raises:
        MalformedError: It is no JSON, has no topic or no events, or none of its events can be read.
    """
    try:
        document = json.loads(body, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        raise MalformedError("no JSON") from None
    if not isinstance(document, dict):
        raise MalformedError("no JSON object")
    topic, events = document.get("topic"), document.get("events")
    if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
        raise MalformedError("no topic")
    if not isinstance(events, list) or not events:
        raise MalformedError("no events")
    if len(events) > MOST_EVENTS:
        raise MalformedError(f"more than {MOST_EVENTS:,} events")
    named = topic.lower().replace("_", "-")
    read = [_event(named, one) for one in events]
    found = [one for one in read if one is not None]
    if not found:
        raise MalformedError("no event with a timestamp")
    return Message(named, found, len(read) - len(found))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    """A number; not one that no database takes back, such as 1e999."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _event(topic: str, document: Any) -> PushedEvent | None:
    """One event; None for one of which nobody knows when it was."""
    if not isinstance(document, dict):
        return None
    happened_at = _instant(document.get("timestamp"))
    if happened_at is None:
        return None
    device = next((mac for name in ("mac", "ap") if (mac := _mac(document.get(name)))), "")
    return PushedEvent(
        key=_key(topic, document),
        topic=topic,
        kind=_matching(_KIND, document.get("type")),
        org_id=_matching(_ID, document.get("org_id")),
        site_id=_matching(_ID, document.get("site_id")),
        device=device,
        happened_at=happened_at,
        document=document,
    )


def _key(topic: str, document: Mapping[str, Any]) -> str:
    # An alarm keeps its id through later messages about it; only the entry of an audit log is told once under its id.
    name = _matching(_ID, document.get("id")) if topic == "audits" else ""
    content = name or {field: value for field, value in document.items() if field not in _NOT_CONTENT}
    text = json.dumps([topic, content], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _matching(form: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and form.fullmatch(value) else ""


def _mac(value: object) -> str:
    plain = value.lower().replace(":", "").replace("-", "") if isinstance(value, str) else ""
    return _matching(_MAC, plain)


def _instant(value: object) -> datetime | None:
    """Epoch seconds or milliseconds, as a number or, as in some captured messages, as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    if math.isfinite(seconds) and seconds > _MILLISECONDS:
        seconds /= 1000
    if not (math.isfinite(seconds) and 0 < seconds < _YEAR_10000):
        return None
    return datetime.fromtimestamp(seconds, UTC)
