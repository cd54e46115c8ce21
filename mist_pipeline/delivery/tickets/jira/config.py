"""."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from mist_pipeline.delivery.config import SecretValues, Text, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.tickets.config import TicketConfig, _credentials
from mist_pipeline.delivery.tickets.jira.api import JiraConfig
from mist_pipeline.delivery.tickets.jira.sink import JiraSink
from mist_pipeline.domain.config_section import PlacedError
from mist_pipeline.domain.severity import Severity


class JiraKind(TicketConfig):
    """Jira Cloud or Data Center."""

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
    def _has_a_user(self) -> Self:
        if self.deployment == "cloud" and not self.user:
            raise PlacedError(
                ("user",), "is missing: Jira Cloud takes an API token together with its mail address"
            )
        return self

    def build(self, name: str, secrets: SecretValues, data: Path) -> "Sink":  # noqa: ARG002, D102

        config = JiraConfig(
            base_url=self.base_url,
            project=self.project,
            credentials=_credentials(self.user, secret_of(secrets, self.token_from)),
            deployment=self.deployment,
            name=name,
            issue_type=self.issue_type,
            priorities=self.priorities,
            fields=self.fields,
            labels=self.labels,
            relates_link=self.relates_link,
            duplicate_link=self.duplicate_link,
            policy=self.policy(),
        )
        return JiraSink(config, templates=self.words())
