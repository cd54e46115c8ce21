"""The configuration of a sink that pages people by PagerDuty.

Here: keys, defaults, the checks that need no network, and how it becomes a sink. Not here: sending (`sink`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mist_pipeline.delivery.config import SecretValues, SinkConfig, Variable, secret_of
from mist_pipeline.delivery.sink import Sink
from mist_pipeline.http_client.secrets import Secret

if TYPE_CHECKING:
    from mist_pipeline.delivery.sinks.pagerduty.api import PagerDutyApi


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

    api_token_from: Variable | None = Field(
        None,
        description="Variable with a REST API key (read-only suffices). With it, an acknowledgement is found also where "
        "PagerDuty groups alerts, or where the listener did not run when the page was opened.",
    )
    api_url: str = Field("https://api.pagerduty.com", description="Of the REST API.")

    def build(self, name: str, secrets: SecretValues, data: Path) -> Sink:  # noqa: ARG002, D102
        from mist_pipeline.delivery.sinks.pagerduty.sink import PagerDutySink

        self.api(name, secrets)  # a token that cannot be one is told at once
        others = {one: secret_of(secrets, variable) for one, variable in self.others_from.items()}
        return PagerDutySink(name, secret_of(secrets, self.routing_key_from), others, url=self.url)

    @property
    def is_pager(self) -> bool:  # noqa: D102
        return True

    def api(self, name: str, secrets: SecretValues) -> "PagerDutyApi | None":
        """PagerDuty's REST API, None without a token.

        Raises:
            ValueError: The token or the address cannot be one.
        """
        if self.api_token_from is None:
            return None
        from mist_pipeline.delivery.sinks.pagerduty.api import PagerDutyApi

        return PagerDutyApi(name, secret_of(secrets, self.api_token_from), url=self.api_url)

    def signing_keys(self, secrets: SecretValues) -> list[Secret]:
        """Keys that sign the webhooks of PagerDuty."""
        return [secret_of(secrets, variable) for variable in self.signing_keys_from.values()]
