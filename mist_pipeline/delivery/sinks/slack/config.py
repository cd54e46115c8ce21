"""."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.sinks.slack.sink import SlackBotSink, SlackWebhookSink


class SlackWebhookConfig(SinkConfig):
    """Slack by an incoming webhook: every telling is a message of its own."""

    type: Literal["slack_webhook"]
    url_from: Variable = Field(description="Variable with the webhook's address.")

    def build(self, name: str, secrets: SecretValues, data: Path) -> "Sink":  # noqa: ARG002, D102

        return SlackWebhookSink(name, secret_of(secrets, self.url_from))


class SlackConfig(SinkConfig):
    """Slack by a bot: one message an incident, kept up to date, with a thread."""

    type: Literal["slack"]
    channel: str = Field(description="Id (C…), or name with #.")
    token_from: Variable = Field(description="Variable with the bot token (xoxb-…).")
    base_url: str = Field("https://slack.com/api", description="Of the Web API.")

    def build(self, name: str, secrets: SecretValues, data: Path) -> "Sink":  # noqa: ARG002, D102

        return SlackBotSink(name, secret_of(secrets, self.token_from), self.channel, self.base_url)
