"""Webhooks of an organisation, and what came of the messages that they sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mist_pipeline.mist.parsers.oddities import Oddities
from mist_pipeline.mist.parsers.reader import Node, read_rows


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook.

    Attributes:
        id: Key.
        name: For people; hostile input.
        url: Where it sends to; may hold a secret.
        kind: ``http-post``, ``splunk`` and so on.
        is_enabled: Whether it sends.
        topics: What it tells.
        document: As the cloud has it, with its secret: whoever changes one field has to send all of them.
    """

    id: str
    name: str
    url: str = field(repr=False)
    kind: str
    is_enabled: bool
    topics: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """What came of one message, as the cloud saw it.

    Attributes:
        timestamp: Epoch seconds.
        topic: Of the message, '' where the cloud does not say.
        is_success: Whether the receiver took it.
        status: Of its answer; None where it gave none.
        error: What the cloud says, such as a time-out; hostile input.
    """

    timestamp: float
    topic: str
    is_success: bool
    status: int | None
    error: str


def parse_webhooks(*documents: Any, odd: Oddities | None = None) -> list[Webhook]:
    """The webhooks of all pages; one without an id is set aside.

    Raises:
        UnexpectedShape: A page is no list.
    """
    odd = odd or Oddities("webhooks")
    return [one for page in documents for one in read_rows(Node(page, odd).items(), parse_webhook)]


def parse_webhook(node: Node) -> Webhook:
    """One webhook.

    Raises:
        UnexpectedShape: It has no id.
    """
    return Webhook(
        id=node.required_id("id"),
        name=node.text("name") or "",
        url=node.text("url") or "",
        kind=node.text("type") or "http-post",
        is_enabled=node.flag("enabled") is not False,
        topics=node.texts("topics"),
        document=node.value,
    )


def parse_webhook_deliveries(document: Any, odd: Oddities | None = None) -> list[WebhookDelivery]:
    """What came of messages, as sent; one without a time is set aside.

    Raises:
        UnexpectedShape: There is no list.
    """
    odd = odd or Oddities("webhook_deliveries")
    return read_rows(Node(document, odd).required("results").items(), _delivery)


def _delivery(node: Node) -> WebhookDelivery:
    return WebhookDelivery(
        timestamp=node.required_moment("timestamp"),
        topic=node.text("topic") or next(iter(node.texts("topics")), ""),
        is_success=node.text("status") == "success",
        status=node.count("status_code") or None,
        error=node.text("error") or "",
    )
