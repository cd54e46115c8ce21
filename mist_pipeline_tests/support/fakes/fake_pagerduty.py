"""PagerDuty: Events API v2, the alerts and incidents that events make, its webhooks (v3), and the alerts by REST.

Its webhooks are formed as captured ones are: ``incident_key`` is null for what an event opened, no key of an alert is in
them, and the event's client is repeated by ``incident.triggered`` alone. The agent is the integration, or none, for what an
event did, and a user for what people do.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from mist_pipeline_tests.support.fakes.fake_http import FakeHttp, Reply, Seen, json_reply

ROUTING_KEY = "R0UTINGKEY1111111111111111111111"
SECOND_KEY = "R0UTINGKEY2222222222222222222222"

State = Literal["triggered", "acknowledged", "resolved"]
SERVICES = {ROUTING_KEY: "PF9KMXH", SECOND_KEY: "PIL5CUQ"}
API_TOKEN = "u+ReadOnlyToken12345"
INTEGRATION = {"id": "PXMQRWJ", "summary": "Events API V2", "type": "inbound_integration_reference"}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class PagerIncident:
    """An incident of PagerDuty, which people see and take."""

    name: str
    service: str
    title: str
    state: State = "triggered"


@dataclass
class Page:
    """An alert under one key."""

    key: str
    routing_key: str
    state: State
    severity: str
    summary: str
    notified: int = 1
    incident: str = ""


class FakePagerDuty(FakeHttp):
    """PagerDuty with two services.

    Args:
        clock: Its own clock.
        groups: Whether a service groups its alerts: one that is triggered while an incident is open joins that.

    Attributes:
        pages: Every alert, oldest first.
        incidents: Every incident by its name, oldest first.
        events: Accepted events, in order.
        webhooks: What its subscriptions were sent, in order.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: NOON, *, groups: bool = False) -> None:
        super().__init__()
        self.pages: list[Page] = []
        self.incidents: dict[str, PagerIncident] = {}
        self.events: list[dict[str, Any]] = []
        self.webhooks: list[dict[str, Any]] = []
        self._clock = clock
        self._groups = groups

    @property
    def open_pages(self) -> list[Page]:
        """Alerts that are not resolved."""
        return [page for page in self.pages if page.state != "resolved"]

    @property
    def notifications(self) -> int:
        """How often people were paged."""
        return sum(page.notified for page in self.pages)

    def incident_of(self, key: str) -> str:
        """The incident that the newest alert of a key is in."""
        return next(page.incident for page in reversed(self.pages) if page.key == key)

    def act(self, key: str, kind: str, who: str | None = "Alex Admin") -> dict[str, Any]:
        """A person, or where there is none PagerDuty's own timer, does something to the incident of an alert.

        Args:
            key: Of the alert.
            kind: Of the event, such as ``acknowledged``, ``unacknowledged``, ``resolved``, ``reopened``, ``reassigned``.
            who: The person.

        Returns:
            The webhook that tells of it.
        """
        incident = self.incidents[self.incident_of(key)]
        incident.state = kind if kind in ("acknowledged", "resolved") else "triggered"  # type: ignore[assignment]
        for page in self._alerts_of(incident.name):
            page.state = incident.state
        return self._tell(incident, kind, person(who) if who else None)

    def acknowledge(self, key: str) -> None:
        """A person takes the incident of an alert in PagerDuty's own app."""
        self.act(key, "acknowledged")

    def merge(self, key: str, into: str) -> dict[str, Any]:
        """A person merges the incident of an alert into that of another; its alerts go over."""
        source, target = (self.incidents[self.incident_of(one)] for one in (key, into))
        source.state = "resolved"
        for page in self._alerts_of(source.name):
            page.incident = target.name
        reason = {
            "type": "merge_resolve_reason",
            "incident": {"id": target.name, "type": "incident_reference"},
        }
        return self._tell(source, "resolved", person("Alex Admin"), resolve_reason=reason)

    def handle(self, seen: Seen) -> Reply:
        if seen.method == "GET" and seen.path.startswith("/incidents/"):
            return self._list_alerts(seen)
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

    def _list_alerts(self, seen: Seen) -> Reply:
        if seen.headers.get("authorization") != f"Token token={API_TOKEN}":
            return Reply(401, b"HTTP Token: Access denied.\n")
        name = seen.path.split("/")[2]
        if name not in self.incidents:
            return json_reply({"error": {"message": "Not Found", "code": 2100}}, 404)
        offset, limit = int(seen.query.get("offset", "0")), int(seen.query.get("limit", "25"))
        alerts = [
            {"id": f"A{number}", "type": "alert", "alert_key": page.key, "status": page.state}
            for number, page in enumerate(self._alerts_of(name))
        ]
        shown = alerts[offset : offset + limit]
        more = offset + limit < len(alerts)
        return json_reply({"alerts": shown, "limit": limit, "offset": offset, "total": None, "more": more})

    def _alerts_of(self, incident: str) -> list[Page]:
        return [page for page in self.pages if page.incident == incident]

    def _apply(self, event: dict[str, Any]) -> None:
        key, routing_key = event["dedup_key"], event["routing_key"]
        page = next(
            (one for one in self.open_pages if (one.key, one.routing_key) == (key, routing_key)), None
        )
        if event["event_action"] == "trigger":
            if page is None:
                self._open(event)
            # A trigger on an open or acknowledged alert is joined to it and notifies nobody.
        elif page is not None:
            page.state = "acknowledged" if event["event_action"] == "acknowledge" else "resolved"
            incident = self.incidents[page.incident]
            is_whole = all(one.state == page.state for one in self._alerts_of(incident.name))
            if page.state == "acknowledged" or is_whole:
                incident.state = page.state
                self._tell(incident, page.state, INTEGRATION)

    def _open(self, event: dict[str, Any]) -> None:
        payload, service = event["payload"], SERVICES[event["routing_key"]]
        page = Page(
            event["dedup_key"], event["routing_key"], "triggered", payload["severity"], payload["summary"]
        )
        self.pages.append(page)
        going = [one for one in self.incidents.values() if one.service == service and one.state != "resolved"]
        if self._groups and going:
            page.incident, page.notified = going[-1].name, 0
            return
        incident = PagerIncident(f"Q2X369CTEO{len(self.incidents):04d}", service, payload["summary"])
        self.incidents[incident.name] = incident
        page.incident = incident.name
        client = {"name": event["client"], "url": event.get("client_url")} if event.get("client") else None
        self._tell(incident, "triggered", INTEGRATION, client=client)

    def _tell(
        self,
        incident: PagerIncident,
        kind: str,
        agent: Mapping[str, str] | None,
        client: object = None,
        resolve_reason: object = None,
    ) -> dict[str, Any]:
        document = incident_webhook(
            f"incident.{kind}",
            page=incident.name,
            status=incident.state,
            title=incident.title,
            agent=agent,
            client=client,
            resolve_reason=resolve_reason,
            event_id=f"01FVRJDBZPAFCIQO0U{len(self.webhooks):08d}",
            at=self._clock(),
        )
        self.webhooks.append(document)
        return document


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


def person(name: str) -> dict[str, str]:
    """The agent of an event that a person caused."""
    return {"id": "PLH1HKV", "summary": name, "type": "user_reference"}


def incident_webhook(
    kind: str = "incident.acknowledged",
    *,
    page: str = "Q2X369CTEOAGYM",
    status: str | None = None,
    title: str = "anything",
    agent: Mapping[str, str] | None = None,
    client: object = None,
    resolve_reason: object = None,
    incident_key: str | None = None,
    event_id: str = "01FVRJDBZPAFCIQO0U5B2ZJ2GQ",
    at: datetime = NOON,
) -> dict[str, Any]:
    """A webhook (v3) about an incident, as PagerDuty sends it."""
    return {
        "event": {
            "id": event_id,
            "event_type": kind,
            "resource_type": "incident",
            "occurred_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "agent": agent,
            "client": client,
            "data": {
                "id": page,
                "type": "incident",
                "self": f"https://api.pagerduty.com/incidents/{page}",
                "html_url": f"https://acme.pagerduty.com/incidents/{page}",
                "number": 320624,
                "status": status or kind.rpartition(".")[2],
                "incident_key": incident_key,
                "created_at": "2026-11-23T12:00:00Z",
                "title": title,
                "service": {"id": "PF9KMXH", "type": "service_reference", "summary": "Network"},
                "assignees": [],
                "teams": [],
                "priority": None,
                "urgency": "high",
                "conference_bridge": None,
                "resolve_reason": resolve_reason,
                "incident_type": {"name": "incident_default"},
            },
        }
    }


def signed(document: object, *signing_keys: str) -> tuple[bytes, str]:
    """A webhook's body, and its header: one signature for every key of the subscription."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    signatures = [hmac.new(key.encode(), body, hashlib.sha256).hexdigest() for key in signing_keys]
    return body, ",".join(f"v1={one}" for one in signatures)
