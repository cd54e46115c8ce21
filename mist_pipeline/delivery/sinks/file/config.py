"""The configuration of a sink that writes files.

Here: keys, defaults, the checks that need no network, and how it becomes a sink. Not here: sending (`sink`).
"""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from mist_pipeline.delivery.config import SecretValues, SinkConfig
from mist_pipeline.delivery.sink import Sink


class FileConfig(SinkConfig):
    """Files in a folder, to try things out."""

    position: ClassVar[int] = 60
    type: Literal["file"]
    folder: Path | None = Field(None, description="Where; empty: `messages` in the data folder.")

    @field_validator("folder", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        # Else a path of no characters would be the current directory.
        return None if isinstance(value, str) and not value.strip() else value

    @property
    def shows_pictures(self) -> bool:
        """Whether charts are worth drawing for it."""
        return True

    @property
    def sends_to(self) -> tuple[str, ...]:
        """The folder."""
        return (str(self.folder or "messages in the data folder"),)

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.file.sink import FileSink

        return FileSink(name, self.folder or data / "messages")
