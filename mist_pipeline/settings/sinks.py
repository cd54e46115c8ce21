"""Sinks in the configuration: where people are told, each with the keys of its kind, and how it becomes a sink.

Secrets stay in the environment: a key that ends in ``_from`` names the variable that holds one. Not here: who is told
what (`routes`), and the sinks themselves (``delivery``, imported only where one is made).
"""

from typing import Annotated

from pydantic import Field

from mist_pipeline.delivery.config import _Kind
from mist_pipeline.delivery.sinks.apprise.config import AppriseKind
from mist_pipeline.delivery.sinks.file.config import FileKind
from mist_pipeline.delivery.sinks.mail.config import MailKind
from mist_pipeline.delivery.sinks.pagerduty.config import PagerDutyKind
from mist_pipeline.delivery.sinks.slack.config import SlackKind, SlackWebhookKind
from mist_pipeline.delivery.sinks.webhook.config import WebhookKind
from mist_pipeline.delivery.tickets.jira.config import JiraKind
from mist_pipeline.delivery.tickets.servicenow.config import ServiceNowKind

SinkKind = Annotated[
    MailKind
    | SlackKind
    | SlackWebhookKind
    | PagerDutyKind
    | WebhookKind
    | FileKind
    | JiraKind
    | ServiceNowKind
    | AppriseKind,
    Field(discriminator="type"),
]

KINDS: tuple[type[_Kind], ...] = (
    MailKind, SlackKind, SlackWebhookKind, PagerDutyKind, WebhookKind, FileKind, JiraKind, ServiceNowKind, AppriseKind,
)  # fmt: skip
"""Every kind, for the documentation."""
