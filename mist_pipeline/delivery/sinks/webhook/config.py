"""."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.sinks.webhook.sink import WebhookSink


class WebhookConfig(SinkConfig):
    """A signed webhook: the incident as JSON."""

    type: Literal["webhook"]
    url_from: Variable = Field(description="Variable with the address.")
    key_from: Variable = Field(description="Variable with the shared key of the signature.")
    token_from: Variable | None = Field(None, description="Variable with a token for Authorization: Bearer.")

    def build(self, name: str, secrets: SecretValues, data: Path) -> "Sink":  # noqa: ARG002, D102

        token = secret_of(secrets, self.token_from) if self.token_from else None
        return WebhookSink(name, secret_of(secrets, self.url_from), secret_of(secrets, self.key_from), token)
