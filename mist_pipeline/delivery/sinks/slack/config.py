"""The configuration of the two sinks that send to Slack.

Here: keys, defaults, the checks that need no network, and how they become sinks. Not here: sending (`sink`).
"""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink


class SlackConfig(SinkConfig):
    """Slack by a bot: one message an incident, kept up to date, with a thread."""

    position: ClassVar[int] = 20
    type: Literal["slack"]
    channel: str = Field(description="Id (C…), or name with #.")
    token_from: Variable = Field(description="Variable with the bot token (xoxb-…).")
    base_url: str = Field("https://slack.com/api", description="Of the Web API.")

    @property
    def sends_to(self) -> tuple[str, ...]:
        """The channel."""
        return (self.channel,)

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.slack.sink import SlackBotSink

        return SlackBotSink(name, secret_of(secrets, self.token_from), self.channel, self.base_url)


class SlackWebhookConfig(SinkConfig):
    """Slack by an incoming webhook: every notification is a message of its own."""

    position: ClassVar[int] = 30
    type: Literal["slack_webhook"]
    url_from: Variable = Field(description="Variable with the webhook's address.")

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.slack.sink import SlackWebhookSink

        return SlackWebhookSink(name, secret_of(secrets, self.url_from))
