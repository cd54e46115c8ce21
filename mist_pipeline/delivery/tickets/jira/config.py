"""The configuration of a Jira sink: which project, how its issues look, and how it becomes a sink.

Here: keys, defaults and checks that need no network. Not here: what all ticket systems share (``delivery.tickets.config``).
"""

import re
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from mist_pipeline.delivery.config import SecretValues, Text, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.tickets.config import Judgement, TicketConfig
from mist_pipeline.domain.config_section import PlacedError
from mist_pipeline.domain.severity import Severity


class JiraConfig(TicketConfig):
    """Jira Cloud or Data Center."""

    position: ClassVar[int] = 70
    type: Literal["jira"]
    project: str = Field(description="Key of the project.")
    deployment: Literal["cloud", "datacenter"] = Field("cloud", description="Which dialect it speaks.")
    user: str = Field("", description="Mail address of the account; Data Center tokens need none.")
    token_from: Variable = Field(description="Variable with the API token, or personal access token.")
    issue_type: Text = Field("Task", description="Name or id of the issue type (names are translated).")
    priorities: dict[Severity, Text] = Field(
        {"critical": "1", "major": "2", "warning": "3", "info": "4"},
        description="Severity → name or id of a priority; {} where the project has none.",
    )
    labels: tuple[str, ...] = Field((), description="Further labels.")
    relates_link: str = Field("Relates", description="Name of the link between a ticket and its successor.")
    duplicate_link: str = Field(
        "Duplicate", description="Name of the link between two tickets of one incident."
    )

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        if self.deployment == "cloud" and not self.user:
            raise PlacedError(
                ("user",), "is missing: Jira Cloud takes an API token together with its mail address"
            )
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{1,254}", self.project, re.ASCII):
            raise ValueError(
                f"jira: {self.project!r} is no project key; it is what stands before the dash of an issue"
            )
        for label in self.labels:
            if not label or len(label) > 255 or any(character.isspace() for character in label):
                raise ValueError(
                    f"jira: {label!r} is no label; labels have no spaces and at most 255 characters"
                )
        return self

    @property
    def usual_resolutions(self) -> dict[str, Judgement]:
        """The resolutions of a new Jira project."""
        return {
            "Done": "right",
            "Fixed": "right",
            "Known Error": "known",
            "Won't Do": "wrong",
            "Won't Fix": "known",
            "Cannot Reproduce": "wrong",
            "Not a bug": "wrong",
            "Duplicate": "duplicate",
        }

    @property
    def sends_to(self) -> tuple[str, ...]:
        """The project."""
        return (f"project {self.project}",)

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        # What speaks HTTP is imported only where there is a Jira.
        from mist_pipeline.delivery.tickets.jira.api import JiraSystem
        from mist_pipeline.delivery.tickets.lifecycle import TicketSink

        system = JiraSystem(self, secret_of(secrets, self.token_from))
        return TicketSink(name, system, self.policy(), self.texts())
