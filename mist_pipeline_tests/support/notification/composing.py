"""Messages of hand-made rows, and how every renderer shows them."""

import json
from pathlib import Path
from typing import Any

import mist_pipeline
from mist_pipeline.delivery.message import Message
from mist_pipeline.delivery.rendering import wording
from mist_pipeline.delivery.rendering.incident_page import picture_title, render_page
from mist_pipeline.delivery.rendering.remediation import load_remediation
from mist_pipeline.delivery.sinks.mail.config import MailConfig
from mist_pipeline.delivery.sinks.mail.sink import compose as mail_of
from mist_pipeline.delivery.sinks.slack.blocks import change_blocks, incident_blocks
from mist_pipeline.delivery.sinks.webhook.document import document_of
from mist_pipeline.notification.builder import compose
from mist_pipeline.notification.message_context import Subject, Surroundings
from mist_pipeline_tests.support.delivery.messages import HOSTILE
from mist_pipeline_tests.support.notification.rows import (
    by_id,
    delivery,
    site_id,
)

REMEDIATION = load_remediation(
    Path(mist_pipeline.__file__).parent / "delivery" / "rendering" / "remediation.yaml"
)
MAIL = MailConfig(
    type="mail", host="mail.example.com", sender="mist@example.com", recipients=("noc@example.com",)
)
AROUND = Surroundings(
    site_names={site_id(number): f"Store {number}" for number in range(1, 400)},
    site_url=lambda name: f"https://manage.mist.com/admin/?org_id=o#!dashboard/insights/{name}",
    report_url="https://reports.example.com/latest.html",
    run_url="https://dagster.example.com/runs/1",
    remediation=REMEDIATION,
)
HOSTILE_NAMES = [
    HOSTILE,
    "<script>alert(1)</script>",
    "Two\nlines\r\nBcc: evil@example.com",
    "\u202egnp.exe\u202d",
    "\u200b\u200b",
    "",
    "x" * 100_000,
    "../../etc/passwd",
    '"><img src=x onerror=alert(1)>',
]


def rendered(message: Message) -> dict[str, str]:
    """The message as every renderer shows it."""
    pictures = {picture_title(name): "cid:1" for name in message.incident.charts}
    return {
        "text": wording.plain_text(message),
        "page": render_page(message, pictures),
        "slack": json.dumps([incident_blocks(message), change_blocks(message)]),
        "webhook": json.dumps(document_of(message), allow_nan=False),
        "mail": mail_of(message, MAIL).as_string(),
    }


def told(about: Subject, reason: str = "first", around: Surroundings = AROUND, **changes: Any) -> Message:
    return compose(delivery(about, reason, **changes), by_id(about), around)
