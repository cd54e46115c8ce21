"""What Slack sends when somebody presses a button: a signed form with one JSON document, of type ``block_actions``.

Here: checking signature and age, reading the press; and the answer that only who pressed sees. Not here: the server that receives it
(``notification.slack_inbound``), and what the ledger makes of it (``workflows.notifying.pressed``).

The signature is HMAC-SHA256 under the app's signing secret over ``v0:<timestamp>:<body>``; Slack asks to refuse what is older than five
minutes. It says that Slack sent it for this app, in whatever workspace, and may be repeated within that time by whoever has seen it.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mist_pipeline.delivery.sinks.slack.blocks import escaped
from mist_pipeline.delivery.sinks.slack.buttons import ACTIONS, PREFIX, Action
from mist_pipeline.domain.text import clean
from mist_pipeline.http_client.failures import NoAnswerError
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.http_client.session import HttpLimits, as_json, send

MOST_BYTES = 1 << 20
OLDEST_SECONDS = 300
RESPONSE_HOST = "hooks.slack.com"
"""The only host that is sent an answer: the address stands in the request."""

_ID = re.compile(r"[A-Z0-9]{3,32}")
_STAMP = re.compile(r"[0-9]{1,12}")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_INCIDENT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LIMITS = HttpLimits(connect_seconds=5, read_seconds=10, total_seconds=15, max_bytes=1 << 16)


class InvalidPressError(ValueError):
    """A request that is not from Slack, too old, or not as Slack documents it. Never quotes the request."""


@dataclass(frozen=True, kw_only=True)
class Press:
    """Somebody pressed one of our buttons.

    Attributes:
        sinks: Those whose signing secret it is signed with.
        action: Of the button.
        incident_id: What the button was about.
        who: For people: name and id of the person.
        message: ``<channel id>/<ts>`` of the message that has the button.
        event_id: The same for the same press sent again, and for no other.
        response_url: Where Slack takes an answer for half an hour; '' where it is no address of Slack's.
    """

    sinks: tuple[str, ...]
    action: Action
    incident_id: str
    who: str
    message: str
    event_id: str
    response_url: str = field(default="", repr=False)


def is_recent(timestamp: str, now: datetime) -> bool:
    """Whether ``X-Slack-Request-Timestamp`` is of now."""
    return bool(_STAMP.fullmatch(timestamp)) and abs(now.timestamp() - int(timestamp)) <= OLDEST_SECONDS


def signature_of(body: bytes, timestamp: str, secret: Secret) -> str:
    """``X-Slack-Signature`` of a request."""
    base = b":".join((b"v0", timestamp.encode(), body))
    return "v0=" + hmac.new(secret.reveal().encode(), base, hashlib.sha256).hexdigest()


def parse_press(body: bytes, timestamp: str, signature: str, secrets: Mapping[str, Secret]) -> Press | None:
    """What a request of Slack says.

    Args:
        body: As received; its signature is over these bytes.
        timestamp: The header ``X-Slack-Request-Timestamp``, recent (`is_recent`).
        signature: The header ``X-Slack-Signature``.
        secrets: Sink → signing secret of its app.

    Returns:
        None for what is of no interest: other kinds of interaction, buttons that are not ours.

    Raises:
        InvalidPressError: No valid signature, or not the documented form.
    """
    # All are compared, as bytes: a header may hold what `compare_digest` refuses as text.
    sinks = tuple(
        sink
        for sink, secret in secrets.items()
        if hmac.compare_digest(
            signature_of(body, timestamp, secret).encode(), signature.encode(errors="replace")
        )
    )
    if not sinks:
        raise InvalidPressError("no valid signature; is it the signing secret of the app that owns the bot?")
    try:
        document = _document(body)
        if document.get("type") != "block_actions":
            return None
        known = {f"{PREFIX}{action}": action for action in ACTIONS}
        ours = [one for one in document["actions"] if one["action_id"] in known]
        if not ours:
            return None
        action = known[ours[0]["action_id"]]
        user, container = document["user"], document["container"]
        place = (_matching(_ID, container["channel_id"]), _matching(_TS, container["message_ts"]))
        person = _matching(_ID, user["id"])
        name = clean(str(user.get("name") or user.get("username") or ""), 80)
        pressed = (str(document["trigger_id"]), str(ours[0]["action_ts"]), person, action)
        return Press(
            sinks=sinks,
            action=action,
            incident_id=_matching(_INCIDENT, ours[0]["value"]),
            who=f"{name} (Slack {person})" if name else f"Slack {person}",
            message="/".join(place),
            event_id=hashlib.sha256("\0".join(pressed).encode(errors="replace")).hexdigest(),
            response_url=_response_url(document.get("response_url")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidPressError("not the documented form of block_actions") from None


def answer(response_url: str, text: str) -> str:
    """Say something to whoever pressed, and to nobody else; what was wrong, '' if nothing.

    Args:
        response_url: Of a `Press`, not ''.
        text: Plain; escaped here.
    """
    document = {"response_type": "ephemeral", "replace_original": False, "text": escaped(text)}
    try:
        found = send("POST", response_url, body=as_json(document), limits=_LIMITS)
    except NoAnswerError as error:
        return str(error)
    return "" if found.is_success else f"HTTP {found.status}"


def _document(body: bytes) -> dict[str, Any]:
    form = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=4, errors="strict")
    document = json.loads(form["payload"][0])
    if not isinstance(document, dict):
        raise ValueError("payload")  # noqa: TRY004 - the caller reports it
    return document


def _matching(form: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(form.pattern)
    return value


def _response_url(value: object) -> str:
    """The address if it is one of Slack's, else ''."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        return ""
    try:
        parts = urlsplit(value)
        is_usual = parts.port is None
    except ValueError:
        return ""
    is_slack = parts.scheme == "https" and parts.netloc == RESPONSE_HOST and "\\" not in value
    return value if is_slack and is_usual else ""
