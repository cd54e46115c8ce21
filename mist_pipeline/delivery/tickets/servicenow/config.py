"""The configuration of a ServiceNow sink: which table, how its records look, and how it becomes a sink.

Here: keys, defaults and checks that need no network. Not here: what all ticket systems share (``delivery.tickets.config``).
"""

import re
from pathlib import Path
from typing import ClassVar, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator

from mist_pipeline.delivery.config import SecretValues, Text, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.delivery.tickets.config import Judgement, TicketConfig
from mist_pipeline.domain.severity import Severity

_IMPACT_URGENCY: dict[Severity, tuple[str, str]] = {
    "critical": ("1", "1"), "major": ("2", "1"), "warning": ("2", "2"), "info": ("3", "3"),
}  # fmt: skip

_State: TypeAlias = Literal["new", "in_progress", "on_hold", "resolved", "closed", "cancelled"]
_STATES: dict[_State, str] = {
    "new": "1", "in_progress": "2", "on_hold": "3", "resolved": "6", "closed": "7", "cancelled": "8",
}  # fmt: skip
"""The states of the base system."""


class ServiceNowConfig(TicketConfig):
    """ServiceNow, Table API."""

    position: ClassVar[int] = 80
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
        _STATES, description="Values of the field state, where the instance has its own."
    )
    close_code: str = Field("Resolved by caller", description="Resolution code of what recovered by itself.")
    duplicate_close_code: str = Field("Duplicate", description="Resolution code of a second record.")

    @property
    def usual_resolutions(self) -> dict[str, Judgement]:
        """The resolution codes of the base system, older names included; what recovered by itself was right, too."""
        return {
            "Solution provided": "right",
            "Solved (Permanently)": "right",
            "Workaround provided": "right",
            "Solved (Work Around)": "right",
            "Resolved by caller": "right",
            "Closed/Resolved by Caller": "right",
            "Resolved by problem": "right",
            "Resolved by change": "planned",
            "Known error": "known",
            "User error": "wrong",
            "Not Solved (Not Reproducible)": "wrong",
            "Duplicate": "duplicate",
        }

    @field_validator("impact_urgency")
    @classmethod
    def _has_all_severities(cls, value: dict[Severity, tuple[str, str]]) -> dict[Severity, tuple[str, str]]:
        # A severity that is left out would be missed only once there is such an incident.
        return {**_IMPACT_URGENCY, **value}

    @field_validator("states")
    @classmethod
    def _has_all_states(cls, value: dict[_State, str]) -> dict[_State, str]:
        return {**_STATES, **value}

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.table, re.ASCII):
            raise ValueError(
                f"servicenow: {self.table!r} is no table; use the name that its URL shows, such as incident"
            )
        return self

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        # What speaks HTTP is imported only where there is a ServiceNow.
        from mist_pipeline.delivery.tickets.lifecycle import TicketSink
        from mist_pipeline.delivery.tickets.servicenow.api import ServiceNowSystem

        system = ServiceNowSystem(self, secret_of(secrets, self.token_from))
        return TicketSink(name, system, self.policy(), self.texts())
