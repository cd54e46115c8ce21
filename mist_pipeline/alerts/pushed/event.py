"""One event of the cloud's webhooks, as it is read and as it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedEvent:
    """One event of a message.

    Attributes:
        key: The same for each repetition: of an audit its id, of others the hash of their content.
        topic: As Mist spells it in lists of topics, with hyphens.
        kind: Its type, such as ``AP_DISCONNECTED``; '' where its topic has none.
        org_id: '' where it names none. Not kept: only events of our own organisation are.
        site_id: '' where it names none.
        device: MAC address of its device in lower case without colons; '' where it names none.
        happened_at: When, by the cloud's clock.
        document: As received.
    """

    key: str
    topic: str
    kind: str
    org_id: str
    site_id: str
    device: str
    happened_at: datetime
    document: Mapping[str, Any]
