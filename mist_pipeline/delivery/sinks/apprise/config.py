"""."""

import importlib.util
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.sinks.apprise.sink import AppriseSink


class AppriseConfig(SinkConfig):
    """Everything else that the library Apprise can reach (Teams, Telegram, Matrix …)."""

    type: Literal["apprise"]
    url_from: Variable = Field(description="Variable with Apprise's address of the service.")

    @model_validator(mode="after")
    def _installed(self) -> "AppriseConfig":

        if importlib.util.find_spec("apprise") is None:
            raise ValueError("needs the library Apprise: pip install 'mist-pipeline[apprise]'")
        return self

    def build(self, name: str, secrets: SecretValues, data: Path) -> "Sink":  # noqa: ARG002, D102

        return AppriseSink(name, secret_of(secrets, self.url_from))
