"""."""

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, field_validator

from mist_pipeline.delivery.config import SecretValues, Text, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.tickets.config import TicketConfig, _credentials, _plain
from mist_pipeline.delivery.tickets.servicenow.api import ServiceNowConfig, States
from mist_pipeline.delivery.tickets.servicenow.sink import ServiceNowSink
from mist_pipeline.domain.severity import Severity

_IMPACT_URGENCY: dict[Severity, tuple[str, str]] = {
    "critical": ("1", "1"), "major": ("2", "1"), "warning": ("2", "2"), "info": ("3", "3"),
}  # fmt: skip


_State: TypeAlias = Literal["new", "in_progress", "on_hold", "resolved", "closed", "cancelled"]


class ServiceNowKind(TicketConfig):
    """ServiceNow, Table API."""

    type: Literal["servicenow"]
    user: str = Field("", description="User; empty: the secret is an OAuth token.")
    token_from: Variable = Field(description="Variable with the password, or OAuth token.")
    table: str = Field("incident", description="The table; one that extends task.")
    version: Literal["", "v1", "v2"] = Field("", description="Version of the Table API; empty: the latest.")
    impact_urgency: dict[Severity, tuple[Text, Text]] = Field(
        _IMPACT_URGENCY,
        description="Severity → impact and urgency; the instance derives the priority.",
    )
    states: dict[_State, Text] = Field(
        {"new": "1", "in_progress": "2", "on_hold": "3", "resolved": "6", "closed": "7", "cancelled": "8"},
        description="Values of the field state, where the instance has its own.",
    )
    close_code: str = Field("Resolved by caller", description="Resolution code of what recovered by itself.")
    duplicate_close_code: str = Field("Duplicate", description="Resolution code of a second record.")

    @field_validator("impact_urgency")
    @classmethod
    def _has_all(cls, value: dict[Severity, tuple[str, str]]) -> dict[Severity, tuple[str, str]]:
        # A severity that is left out would be missed only once there is such an incident.
        return {**_IMPACT_URGENCY, **value}

    def build(self, name: str, secrets: SecretValues, data: Path) -> "Sink":  # noqa: ARG002, D102

        config = ServiceNowConfig(
            base_url=self.base_url,
            credentials=_credentials(self.user, secret_of(secrets, self.token_from)),
            name=name,
            table=self.table,
            version=self.version,
            impact_urgency=self.impact_urgency,
            states=States(**self.states),
            close_code=self.close_code,
            duplicate_close_code=self.duplicate_close_code,
            fields={key: _plain(value) for key, value in self.fields.items()},
            policy=self.policy(),
        )
        return ServiceNowSink(config, templates=self.words())
