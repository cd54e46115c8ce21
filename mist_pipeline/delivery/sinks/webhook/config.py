"""."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mist_pipeline.delivery.config import Secrets, Variable, _Kind, _secret
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.sinks.webhook.sink import WebhookSink


class WebhookKind(_Kind):
    """A signed webhook: the incident as JSON."""

    type: Literal["webhook"]
    url_from: Variable = Field(description="Variable with the address.")
    key_from: Variable = Field(description="Variable with the shared key of the signature.")
    token_from: Variable | None = Field(None, description="Variable with a token for Authorization: Bearer.")

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102

        token = _secret(secrets, self.token_from) if self.token_from else None
        return WebhookSink(name, _secret(secrets, self.url_from), _secret(secrets, self.key_from), token)
