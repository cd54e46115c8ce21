"""The webhooks that people have made in the simulated cloud, where they send to, and what came of it.

Neighbours: `endpoints` reads requests, `push_sender` sends.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from mist_pipeline.simulator.cloud.push_sender import Receiver
from mist_pipeline.simulator.cloud.queries import BadRequestError

TOPICS: Final = ("alarms", "audits", "client-join", "client-sessions", "device-events", "device-updowns", "mxedge-events", "nac-events")  # fmt: skip
"""Those that a webhook of an organisation may have."""
_KINDS: Final = ("aws-sns", "google-pubsub", "http-post", "oauth2", "splunk")
_WITH_RESULTS: Final = frozenset({"alarms", "audits", "device-updowns", "ping"})
"""Topics of which the cloud keeps what came of each message."""
_READ_ONLY: Final = ("id", "org_id", "created_time", "modified_time", "for_site")


class Webhooks:
    """Webhooks of one organisation; safe to share between threads.

    Args:
        org_id: Whose they are.
        now: The cloud's clock.
    """

    def __init__(self, org_id: str, now: Callable[[], datetime]) -> None:
        self._org_id, self._now = org_id, now
        self._lock = threading.Lock()
        self._made: dict[str, dict[str, Any]] = {}
        self._deliveries: list[dict[str, Any]] = []
        self._number = 0

    def documents(self) -> list[dict[str, Any]]:
        """All of them, as the cloud shows them."""
        with self._lock:
            return [dict(one) for one in self._made.values()]

    def add(self, asked: Any) -> dict[str, Any]:
        """Make one.

        Raises:
            BadRequestError: A field is not as it has to be.
        """
        fields = _checked(asked)
        with self._lock:
            self._number += 1
            number = str(uuid5(NAMESPACE_URL, f"{self._org_id}/webhooks/{self._number}"))
            at = int(self._now().timestamp())
            self._made[number] = {**fields, "id": number, "org_id": self._org_id, "created_time": at, "modified_time": at}  # fmt: skip
            return dict(self._made[number])

    def replace(self, webhook_id: str, asked: Any) -> dict[str, Any]:
        """Make one another one.

        Raises:
            KeyError: There is none.
            BadRequestError: A field is not as it has to be.
        """
        fields = _checked(asked)
        with self._lock:
            kept = {name: self._made[webhook_id][name] for name in ("id", "org_id", "created_time")}
            self._made[webhook_id] = {**fields, **kept, "modified_time": int(self._now().timestamp())}
            return dict(self._made[webhook_id])

    def remove(self, webhook_id: str) -> None:
        """End one.

        Raises:
            KeyError: There is none.
        """
        with self._lock:
            del self._made[webhook_id]

    def receivers(self) -> list[Receiver]:
        """Where messages go now."""
        return [_receiver(one) for one in self.documents() if one["enabled"] and one["type"] == "http-post"]

    def receiver(self, webhook_id: str) -> Receiver:
        """Where one sends to.

        Raises:
            KeyError: There is none.
        """
        with self._lock:
            return _receiver(self._made[webhook_id])

    def ping(self, webhook_id: str) -> Mapping[str, Any]:
        """The message that says that somebody pinged it.

        Raises:
            KeyError: There is none.
        """
        with self._lock:
            name = str(self._made[webhook_id].get("name") or "")
        at = self._now().timestamp()
        event = {"id": webhook_id, "name": name, "site_id": "00000000-0000-0000-0000-000000000000", "timestamp": at}  # fmt: skip
        return {"topic": "ping", "events": [event]}

    def note(self, receiver: Receiver, topic: str, status: int) -> None:
        """Keep what came of a message; 0 where nobody answered."""
        if not receiver.webhook_id or topic not in _WITH_RESULTS:
            return
        is_good = 200 <= status < 300
        with self._lock:
            number = uuid5(NAMESPACE_URL, f"{receiver.webhook_id}/{len(self._deliveries)}")
            self._deliveries.append(
                {
                    "id": str(number),
                    "org_id": self._org_id,
                    "webhook_id": receiver.webhook_id,
                    "timestamp": self._now().timestamp(),
                    "topic": topic,
                    "req_url": receiver.url,
                    "status": "success" if is_good else "failure",
                    "status_code": status,
                    "error": "" if is_good else ("no answer" if status == 0 else f"HTTP status {status}"),
                }
            )

    def deliveries(self, webhook_id: str, start: float, end: float) -> list[dict[str, Any]]:
        """What came of the messages of a window, newest first.

        Raises:
            KeyError: There is no such webhook.
        """
        with self._lock:
            _ = self._made[webhook_id]
            mine = [dict(one) for one in self._deliveries if one["webhook_id"] == webhook_id]
        return [one for one in reversed(mine) if start <= one["timestamp"] <= end]


def _receiver(document: Mapping[str, Any]) -> Receiver:
    return Receiver(
        document["url"], document.get("secret") or "", frozenset(document["topics"]), document["id"]
    )


def _checked(asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict):
        raise BadRequestError("JSON parse error")
    fields = {name: value for name, value in asked.items() if name not in _READ_ONLY}
    fields = {"type": "http-post", "enabled": True, "verify_cert": True, **fields}
    if fields["type"] not in _KINDS:
        raise BadRequestError("invalid field: type")
    if urlsplit(str(fields.get("url", ""))).scheme not in ("http", "https"):
        raise BadRequestError("invalid field: url")
    topics = fields.get("topics")
    if not isinstance(topics, list) or not topics or not set(topics) <= set(TOPICS):
        raise BadRequestError("invalid field: topics")
    return fields
