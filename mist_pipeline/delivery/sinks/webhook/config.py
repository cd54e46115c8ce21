"""The configuration of a sink that posts to a webhook.

Here: keys, defaults, the checks that need no network, and how it becomes a sink. Not here: sending (`sink`).
"""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink


class WebhookConfig(SinkConfig):
    """A signed webhook: the incident as JSON."""

    position: ClassVar[int] = 50
    type: Literal["webhook"]
    url_from: Variable = Field(description="Variable with the address.")
    key_from: Variable = Field(description="Variable with the shared key of the signature.")
    token_from: Variable | None = Field(None, description="Variable with a token for Authorization: Bearer.")
    max_bytes: int = Field(
        100_000,
        ge=20_000,
        description="Longest document; of an incident with more alerts the worst are sent, and how many are left out.",
    )

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.webhook.sink import WebhookSink

        return WebhookSink(
            name,
            secret_of(secrets, self.url_from),
            secret_of(secrets, self.key_from),
            secret_of(secrets, self.token_from) if self.token_from else None,
            max_bytes=self.max_bytes,
        )
