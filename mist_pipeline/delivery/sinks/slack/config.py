"""The configuration of the two sinks that send to Slack.

Here: keys, defaults, the checks that need no network, and how they become sinks. Not here: sending (`sink`).
"""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.http_client.secrets import Secret


class SlackConfig(SinkConfig):
    """Slack by a bot: one message an incident, kept up to date, with a thread."""

    position: ClassVar[int] = 20
    type: Literal["slack"]
    channel: str = Field(description="Id (C…), or name with #.")
    token_from: Variable = Field(description="Variable with the bot token (xoxb-…).")
    signing_secret_from: Variable | None = Field(
        None,
        description="Variable with the app's signing secret. With it, messages have buttons (acknowledge, right, wrong, known, planned), "
        "which Slack sends to `/slack` of the console's port.",
    )
    base_url: str = Field("https://slack.com/api", description="Of the Web API.")

    @property
    def sends_to(self) -> tuple[str, ...]:
        """The channel."""
        return (self.channel,)

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.slack.sink import SlackBotSink

        return SlackBotSink(
            name,
            secret_of(secrets, self.token_from),
            self.channel,
            self.base_url,
            has_buttons=self.signing_secret(secrets) is not None,
        )

    def signing_secret(self, secrets: SecretValues) -> Secret | None:
        """What Slack signs with what people press; None where messages have no buttons.

        Raises:
            ValueError: It is empty: anybody could sign with it.
        """
        if self.signing_secret_from is None:
            return None
        secret = secret_of(secrets, self.signing_secret_from)
        if not secret.reveal():
            raise ValueError(
                f"{self.signing_secret_from} is empty; it is the app's signing secret, under Basic Information"
            )
        return secret


class SlackWebhookConfig(SinkConfig):
    """Slack by an incoming webhook: every notification is a message of its own."""

    position: ClassVar[int] = 30
    type: Literal["slack_webhook"]
    url_from: Variable = Field(description="Variable with the webhook's address.")

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.slack.sink import SlackWebhookSink

        return SlackWebhookSink(name, secret_of(secrets, self.url_from))
