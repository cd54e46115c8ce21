"""The configuration of a sink that pages people by PagerDuty.

Here: keys, defaults, the checks that need no network, and how it becomes a sink. Not here: sending (`sink`).
"""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.http_client.secrets import Secret


class PagerDutyConfig(SinkConfig):
    """PagerDuty, Events API v2."""

    position: ClassVar[int] = 40
    type: Literal["pagerduty"]
    routing_key_from: Variable = Field(description="Variable with the integration key of the service.")
    others_from: dict[str, Variable] = Field(
        default_factory=dict,
        description="Further services: a name of your own, which escalation steps give as `to` → its variable.",
    )
    url: str = Field("https://events.pagerduty.com", description="Of the Events API.")
    signing_keys_from: dict[str, Variable] = Field(
        default_factory=dict,
        description="Webhook subscriptions whose acknowledgements are believed: a name of your own → the variable with "
        "the signing key.",
    )

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.pagerduty.sink import PagerDutySink

        others = {one: secret_of(secrets, variable) for one, variable in self.others_from.items()}
        return PagerDutySink(name, secret_of(secrets, self.routing_key_from), others, url=self.url)

    def signing_keys(self, secrets: SecretValues) -> list[Secret]:
        """Keys that sign the webhooks of PagerDuty."""
        return [secret_of(secrets, variable) for variable in self.signing_keys_from.values()]
