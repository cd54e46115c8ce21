"""."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mist_pipeline.delivery.config import SecretValues, SinkConfig
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.sinks.file.sink import FileSink


class FileConfig(SinkConfig):
    """Files in a folder, to try things out."""

    type: Literal["file"]
    folder: Path | None = Field(None, description="Where; empty: `messages` in the data folder.")

    @property
    def shows_pictures(self) -> bool:
        """Whether charts are worth drawing for it."""
        return True

    def build(self, name: str, secrets: SecretValues, data: Path) -> "Sink":  # noqa: ARG002, D102

        return FileSink(name, self.folder or data / "messages")
