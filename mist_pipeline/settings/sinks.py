"""Sinks in the configuration: where people are told, each with the keys of its kind, and how it becomes a sink.

Secrets stay in the environment: a key that ends in ``_from`` names the variable that holds one. Not here: who is told
what (`routes`), and the sinks themselves (``delivery``, imported only where one is made).
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, JsonValue, SecretStr, field_validator, model_validator

from mist_pipeline.settings.section import Place, PlacedError, Section, Severity

if TYPE_CHECKING:
    from mist_pipeline.delivery.sink import Sink
    from mist_pipeline.delivery.ticket_client import Credentials
    from mist_pipeline.delivery.ticket_templates import TicketTemplates
    from mist_pipeline.delivery.tickets import TicketPolicy
    from mist_pipeline.mist.transport import Secret

Secrets = Mapping[str, SecretStr]
"""Variable of the environment → its value, for those that the configuration names."""


def _variable(name: str) -> str:
    # What is no name may be the secret itself, pasted into the wrong place: it is not quoted. Nor would it be told from a
    # name if small letters were allowed.
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name, re.ASCII):
        raise ValueError(
            "is no name of a variable (capital letters, digits and _); the secret itself stands in that variable, not here"
        )
    return name


Variable = Annotated[str, AfterValidator(_variable)]
"""Name of a variable of the environment."""

Text = Annotated[str, Field(coerce_numbers_to_str=True)]
"""An id, which most people write without quotes."""


class _Kind(Section, ABC):
    """What all kinds have in common."""

    @abstractmethod
    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":
        """The sink.

        Raises:
            ValueError: A value that only its kind can judge is wrong.
        """

    def variables(self) -> Iterator[tuple[Place, str]]:
        """Keys, and the variables of the environment that they name, for every secret."""
        for key, value in self:
            if key.endswith("_from") and isinstance(value, str):
                yield (key,), value
            elif key.endswith("_from") and isinstance(value, dict):
                yield from (((key, name), variable) for name, variable in value.items())

    @property
    def is_ticket(self) -> bool:
        """Whether its messages become tickets that people work on."""
        return False

    @property
    def shows_pictures(self) -> bool:
        """Whether charts are worth drawing for it."""
        return isinstance(self, MailKind | FileKind)


class MailKind(_Kind):
    """Mail by SMTP."""

    type: Literal["mail"]
    host: str = Field(description="Mail server.")
    sender: str = Field(description="Address in From.")
    recipients: tuple[str, ...] = Field(description="Addresses in To.")
    sender_name: str = Field("Mist pipeline", description="Name in From.")
    port: int = Field(587, description="587 for STARTTLS, 465 for TLS, 25 for a relay inside.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="Fails closed.")
    username: str = Field("", description="Empty: no authentication.")
    password_from: Variable | None = Field(None, description="Variable with the password.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the machine's.")

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102
        from mist_pipeline.delivery.mail import MailSettings, MailSink

        password = _secret(secrets, self.password_from) if self.password_from else None
        return MailSink(
            name,
            MailSettings(
                host=self.host,
                sender=self.sender,
                recipients=self.recipients,
                sender_name=self.sender_name,
                port=self.port,
                security=self.security,
                username=self.username,
                password=password,
                ca_file=self.ca_file,
            ),
        )


class SlackWebhookKind(_Kind):
    """Slack by an incoming webhook: every telling is a message of its own."""

    type: Literal["slack_webhook"]
    url_from: Variable = Field(description="Variable with the webhook's address.")

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102
        from mist_pipeline.delivery.slack import SlackWebhookSink

        return SlackWebhookSink(name, _secret(secrets, self.url_from))


class SlackKind(_Kind):
    """Slack by a bot: one message an incident, kept up to date, with a thread."""

    type: Literal["slack"]
    channel: str = Field(description="Id (C…), or name with #.")
    token_from: Variable = Field(description="Variable with the bot token (xoxb-…).")
    base_url: str = Field("https://slack.com/api", description="Of the Web API.")

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102
        from mist_pipeline.delivery.slack import SlackBotSink

        return SlackBotSink(name, _secret(secrets, self.token_from), self.channel, self.base_url)


class PagerDutyKind(_Kind):
    """PagerDuty, Events API v2."""

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

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102
        from mist_pipeline.delivery.pagerduty import PagerDutySink

        others = {one: _secret(secrets, variable) for one, variable in self.others_from.items()}
        return PagerDutySink(name, _secret(secrets, self.routing_key_from), others, self.url)

    def signing_keys(self, secrets: Secrets) -> "list[Secret]":
        """Keys that sign what PagerDuty tells us."""
        return [_secret(secrets, variable) for variable in self.signing_keys_from.values()]


class WebhookKind(_Kind):
    """A signed webhook: the incident as JSON."""

    type: Literal["webhook"]
    url_from: Variable = Field(description="Variable with the address.")
    key_from: Variable = Field(description="Variable with the shared key of the signature.")
    token_from: Variable | None = Field(None, description="Variable with a token for Authorization: Bearer.")

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102
        from mist_pipeline.delivery.webhook import WebhookSink

        token = _secret(secrets, self.token_from) if self.token_from else None
        return WebhookSink(name, _secret(secrets, self.url_from), _secret(secrets, self.key_from), token)


class FileKind(_Kind):
    """Files in a folder, to try things out."""

    type: Literal["file"]
    folder: Path | None = Field(None, description="Where; empty: `messages` in the data folder.")

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102
        from mist_pipeline.delivery.file_sink import FileSink

        return FileSink(name, self.folder or data / "messages")


class _TicketKind(_Kind):
    """What ticket systems have in common."""

    base_url: str = Field(description="Address of the instance, https.")
    on_resolve: Literal["auto", "comment"] = Field(
        "auto", description="Resolve the ticket with the incident, or leave that to a person."
    )
    reopen_within_hours: float = Field(
        24,
        ge=0,
        description="A ticket closed no longer ago is reopened; an older one gets a linked successor.",
    )
    templates: Path | None = Field(None, description="Folder of your own templates (docs/tickets.md).")
    fields: dict[str, JsonValue] = Field(default_factory=dict, description="Further fields of a new ticket.")

    @property
    def is_ticket(self) -> bool:
        """Whether its messages become tickets that people work on."""
        return True

    def policy(self) -> "TicketPolicy":
        """How a ticket follows its incident."""
        from mist_pipeline.delivery.tickets import TicketPolicy

        return TicketPolicy(self.on_resolve, timedelta(hours=self.reopen_within_hours))

    def words(self) -> "TicketTemplates":
        """The templates.

        Raises:
            PlacedError: The folder is missing, or a template in it is none.
        """
        from jinja2 import Environment, TemplateSyntaxError

        from mist_pipeline.delivery.ticket_templates import TicketTemplates

        try:
            templates = TicketTemplates(self.templates)
            for path in sorted(self.templates.glob("*.j2")) if self.templates else ():
                Environment(autoescape=True).parse(path.read_text(encoding="utf-8"), filename=str(path))
        except TemplateSyntaxError as error:
            where = f"{error.filename}, line {error.lineno}"
            raise PlacedError(("templates",), f"{where}: {error.message}") from None
        except (ValueError, OSError) as error:
            raise PlacedError(("templates",), str(error)) from None
        return templates


class JiraKind(_TicketKind):
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

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102
        from mist_pipeline.delivery.jira import JiraSink
        from mist_pipeline.delivery.jira_api import JiraConfig

        config = JiraConfig(
            base_url=self.base_url,
            project=self.project,
            credentials=_credentials(self.user, _secret(secrets, self.token_from)),
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


_IMPACT_URGENCY: dict[Severity, tuple[str, str]] = {
    "critical": ("1", "1"), "major": ("2", "1"), "warning": ("2", "2"), "info": ("3", "3"),
}  # fmt: skip
_State: TypeAlias = Literal["new", "in_progress", "on_hold", "resolved", "closed", "cancelled"]


class ServiceNowKind(_TicketKind):
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

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102
        from mist_pipeline.delivery.servicenow import ServiceNowSink
        from mist_pipeline.delivery.servicenow_api import ServiceNowConfig, States

        config = ServiceNowConfig(
            base_url=self.base_url,
            credentials=_credentials(self.user, _secret(secrets, self.token_from)),
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


class AppriseKind(_Kind):
    """Everything else that the library Apprise can reach (Teams, Telegram, Matrix …)."""

    type: Literal["apprise"]
    url_from: Variable = Field(description="Variable with Apprise's address of the service.")

    @model_validator(mode="after")
    def _installed(self) -> "AppriseKind":
        from importlib.util import find_spec

        if find_spec("apprise") is None:
            raise ValueError("needs the library Apprise: pip install 'mist-pipeline[apprise]'")
        return self

    def build(self, name: str, secrets: Secrets, data: Path) -> "Sink":  # noqa: ARG002, D102
        from mist_pipeline.delivery.apprise_sink import AppriseSink

        return AppriseSink(name, _secret(secrets, self.url_from))


SinkKind = Annotated[
    MailKind
    | SlackKind
    | SlackWebhookKind
    | PagerDutyKind
    | WebhookKind
    | FileKind
    | JiraKind
    | ServiceNowKind
    | AppriseKind,
    Field(discriminator="type"),
]

KINDS: tuple[type[_Kind], ...] = (
    MailKind, SlackKind, SlackWebhookKind, PagerDutyKind, WebhookKind, FileKind, JiraKind, ServiceNowKind, AppriseKind,
)  # fmt: skip
"""Every kind, for the documentation."""


def _plain(value: JsonValue) -> str:
    # ServiceNow writes its truth values small, as JSON does.
    return value if isinstance(value, str) else json.dumps(value)


def _secret(secrets: Secrets, variable: str) -> "Secret":
    from mist_pipeline.mist.transport import Secret

    return Secret(secrets[variable].get_secret_value())


def _credentials(user: str, secret: "Secret") -> "Credentials":
    from mist_pipeline.delivery.ticket_client import Basic, Bearer

    return Basic(user, secret) if user else Bearer(secret)
