"""Messages as the cloud's webhooks send them: shapes of captured ones, signed."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp

from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.push.application import SIGNATURE
from mist_pipeline.push.message import sign
from mist_pipeline_tests.support.guard.asgi import Answer, ask

SECRET, OLD_SECRET = "a secret of the webhook long enough", "the secret of last year long enough"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ORG, SITE = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"

CAPTURED: Mapping[str, dict[str, Any]] = {
    "access point": {
        "topic": "device-updowns",
        "events": [
            {"ap": "5c5b350001aa", "ap_name": "AP 1", "device_name": "AP 1", "device_type": "ap", "ev_type": "NOTICE",
             "mac": "5c5b350001aa", "org_id": ORG, "site_id": SITE, "site_name": "Primary Site",
             "timestamp": 1772445600, "type": "AP_DISCONNECTED"},
        ],
    },
    "switch": {
        "topic": "device-events",
        "events": [
            {"device_name": "Switch", "device_type": "switch", "mac": "60c78d0001ab", "model": "EX3400-48P",
             "org_id": ORG, "site_id": SITE, "site_name": "Primary Site", "timestamp": 1772445600,
             "type": "SW_DISCONNECTED"},
        ],
    },
    "audit": {
        "topic": "audits",
        "events": [
            {"admin_name": "Jo Doe jo@example.com", "id": "198cf177-a73e-43c8-8dde-c490e0c033d8",
             "message": "Update Site Settings", "org_id": ORG, "src_ip": "192.0.2.7", "timestamp": 1772445600.805999,
             "user_agent": "Mozilla/5.0"},
        ],
    },
    "alarm": {
        "topic": "alarms",
        "events": [
            {"aps": ["5c5b350001aa"], "count": 16, "id": "95193bda-1fef-4ea6-8000-000000000000", "last_seen": 1772445600,
             "org_id": ORG, "site_id": SITE, "timestamp": 1772445500, "type": "rogue-ap-detected", "update": True},
        ],
    },
    "ping": {
        "topic": "ping",
        "events": [{"id": "b0000000-0000-4000-8000-000000000000", "name": "ours", "site_id": SITE, "timestamp": 1772445600}],
    },
    "scores": {
        "topic": "site_sle",
        "events": [{"org_id": ORG, "site_id": SITE, "sle": {"ap-availability": 0.6}, "timestamp": 1772445600}],
    },
    "edge": {
        "topic": "mxedge-events",
        "events": [
            {"audit_id": "e8025445-8f64-42ee-81a3-8dc276f0c2b9", "mxedge_name": "Edge", "org_id": ORG,
             "timestamp": "1772445600.635342", "type": "ME_CONFIG_CHANGED_BY_USER"},
        ],
    },
}  # fmt: skip
"""Shapes of messages that people captured and published, with other names and times."""


def raw(message: object) -> bytes:
    """A message as bytes."""
    return json.dumps(message).encode()


def updown(kind: str, mac: str, at: datetime = NOW, site_id: str = SITE, **more: object) -> dict[str, Any]:
    """An event of a device that was lost or came back."""
    return {"type": kind, "mac": mac, "site_id": site_id, "org_id": ORG, "timestamp": at.timestamp(), **more}


def post(
    app: ASGIApp,
    body: bytes | None,
    *,
    secret: str = SECRET,
    headers: Mapping[str, str] | None = None,
    path: str = "/mist",
) -> Answer:
    """A message as the cloud posts it."""
    signed = {SIGNATURE: sign(body or b"", Secret(secret))} if headers is None else headers
    return ask(
        app,
        "POST",
        path,
        [("host", "noc.example.com"), ("content-type", "application/json"), *signed.items()],
        body,
    )
