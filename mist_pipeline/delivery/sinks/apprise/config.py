"""The configuration of a sink that sends by the library Apprise.

Here: keys, defaults, the checks that need no network, and how it becomes a sink. Not here: sending (`sink`).
"""

import importlib.util
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink


class AppriseConfig(SinkConfig):
    """Everything else that the library Apprise can reach (Teams, Telegram, Matrix …)."""

    position: ClassVar[int] = 90
    type: Literal["apprise"]
    url_from: Variable = Field(description="Variable with Apprise's address of the service.")

    @model_validator(mode="after")
    def _is_installed(self) -> Self:
        if importlib.util.find_spec("apprise") is None:
            raise ValueError("needs the library Apprise: pip install 'mist-pipeline[apprise]'")
        return self

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.apprise.sink import AppriseSink

        return AppriseSink(name, secret_of(secrets, self.url_from))
