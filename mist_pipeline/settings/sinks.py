"""Sinks in the configuration: where people are told, each with the keys of its kind, and how it becomes a sink.

Secrets stay in the environment: a key that ends in ``_from`` names the variable that holds one. Not here: who is told
what (`routes`), and the sinks themselves (``delivery``, imported only where one is made).
"""

from typing import Annotated

from pydantic import Field

from mist_pipeline.delivery.config import SinkConfig
from mist_pipeline.delivery.sinks.apprise.config import AppriseConfig
from mist_pipeline.delivery.sinks.file.config import FileConfig
from mist_pipeline.delivery.sinks.mail.config import MailConfig
from mist_pipeline.delivery.sinks.pagerduty.config import PagerDutyConfig
from mist_pipeline.delivery.sinks.slack.config import SlackConfig, SlackWebhookConfig
from mist_pipeline.delivery.sinks.webhook.config import WebhookConfig
from mist_pipeline.delivery.tickets.jira.config import JiraConfig
from mist_pipeline.delivery.tickets.servicenow.config import ServiceNowConfig

SinkKind = Annotated[
    MailConfig
    | SlackConfig
    | SlackWebhookConfig
    | PagerDutyConfig
    | WebhookConfig
    | FileConfig
    | JiraConfig
    | ServiceNowConfig
    | AppriseConfig,
    Field(discriminator="type"),
]

KINDS: tuple[type[SinkConfig], ...] = (
    MailConfig, SlackConfig, SlackWebhookConfig, PagerDutyConfig, WebhookConfig, FileConfig, JiraConfig, ServiceNowConfig, AppriseConfig,
)  # fmt: skip
"""Every kind, for the documentation."""
