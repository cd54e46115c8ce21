"""PagerDuty's Events API v2: alerts by dedup key, what notifies and what does not, limits; and signed webhooks (v3)."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply, Seen, json_reply

ROUTING_KEY = "R0UTINGKEY1111111111111111111111"
SECOND_KEY = "R0UTINGKEY2222222222222222222222"


@dataclass
class Page:
    """An alert under one key."""

    key: str
    routing_key: str
    state: Literal["triggered", "acknowledged", "resolved"]
    severity: str
    summary: str
    notified: int = 1


class FakePagerDuty(FakeHttp):
    """``pages``: every alert, oldest first; ``events``: accepted events, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[Page] = []
        self.events: list[dict[str, Any]] = []

    @property
    def open_pages(self) -> list[Page]:
        """Alerts that are not resolved."""
        return [page for page in self.pages if page.state != "resolved"]

    @property
    def notifications(self) -> int:
        """How often people were paged."""
        return sum(page.notified for page in self.pages)

    def acknowledge(self, key: str) -> None:
        """A person takes the page in PagerDuty's own app."""
        for page in self.open_pages:
            if page.key == key:
                page.state = "acknowledged"

    def handle(self, seen: Seen) -> Reply:
        if (seen.method, seen.path) != ("POST", "/v2/enqueue"):
            return Reply(404)
        event = seen.document()
        if trouble := event_trouble(event, len(seen.body)):
            return json_reply(
                {"status": "invalid event", "message": "Event object is invalid", "errors": [trouble]}, 400
            )
        self.events.append(event)
        self._apply(event)
        return json_reply(
            {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}, 202
        )

    def _apply(self, event: dict[str, Any]) -> None:
        key, routing_key = event["dedup_key"], event["routing_key"]
        page = next(
            (one for one in self.open_pages if (one.key, one.routing_key) == (key, routing_key)), None
        )
        if event["event_action"] == "trigger":
            if page is None:
                payload = event["payload"]
                self.pages.append(
                    Page(key, routing_key, "triggered", payload["severity"], payload["summary"])
                )
            # A trigger on an open or acknowledged alert is joined to it and notifies nobody.
        elif page is not None:
            page.state = "acknowledged" if event["event_action"] == "acknowledge" else "resolved"


def event_trouble(event: dict[str, Any], size: int) -> str | None:
    """What PagerDuty finds wrong with an event, None if nothing."""
    if size > 512 * 1024:
        return "Event is too large"
    if event.get("routing_key") not in (ROUTING_KEY, SECOND_KEY):
        return f"Invalid routing key {event.get('routing_key')}"
    if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
        return "'event_action' is invalid"
    if not 1 <= len(event.get("dedup_key", "")) <= 255:
        return "'dedup_key' is invalid"
    if event["event_action"] != "trigger":
        return None
    payload = event.get("payload", {})
    if not 1 <= len(payload.get("summary", "")) <= 1024:
        return "Length of 'payload.summary' is incorrect (should be between 1 and 1024)"
    if payload.get("severity") not in ("critical", "error", "warning", "info"):
        return "'payload.severity' is invalid"
    if not payload.get("source"):
        return "'payload.source' is missing or blank"
    datetime.fromisoformat(payload["timestamp"])
    return None


def webhook(
    key: str,
    *,
    kind: str = "incident.acknowledged",
    agent: str = "user_reference",
    who: str = "Alex Admin",
    signing_key: str,
    event_id: str = "01BEVENT",
) -> tuple[bytes, str]:
    """A webhook (v3) as PagerDuty sends it: body and signature header."""
    document = {
        "event": {
            "id": event_id,
            "event_type": kind,
            "resource_type": "incident",
            "occurred_at": datetime(2026, 11, 23, 4, 20, tzinfo=UTC).isoformat().replace("+00:00", "Z"),
            "agent": {"id": "PUSER", "type": agent, "summary": who, "html_url": "https://example.com"},
            "client": None,
            "data": {
                "id": "PINCIDENT",
                "type": "incident",
                "incident_key": key,
                "status": kind.rpartition(".")[2],
                "title": "anything",
            },
        }
    }
    body = json.dumps(document).encode()
    signature = hmac.new(signing_key.encode(), body, hashlib.sha256).hexdigest()
    return body, f"v1={signature}"
