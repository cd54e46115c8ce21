"""What the configuration of every ticket system has in common.

Here: the keys that decide how a ticket follows its incident, and the texts and policy made of them. Not here: the keys of one
system (``jira.config``, ``servicenow.config``).
"""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field, JsonValue

from mist_pipeline.delivery.config import SinkConfig
from mist_pipeline.delivery.tickets.policy import TicketPolicy
from mist_pipeline.domain.config_section import PlacedError

if TYPE_CHECKING:
    from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates

Judgement: TypeAlias = Literal["right", "wrong", "known", "planned", "duplicate"]
"""What a resolution can say of an alert."""


class TicketConfig(SinkConfig):
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
    resolutions: dict[str, Judgement] = Field(
        default_factory=dict,
        description="How a person closed a ticket → what that says of the alert; others say nothing. Adds to the names of the system.",
    )
    templates: Path | None = Field(None, description="Folder of your own templates (docs/tickets.md).")
    fields: dict[str, JsonValue] = Field(default_factory=dict, description="Further fields of a new ticket.")

    def judgement(self, resolution: str) -> Judgement | None:
        """What a resolution says of the alert, in any case of letters; None where it says nothing."""
        named = {**self.usual_resolutions, **self.resolutions}
        known = {name.casefold(): verdict for name, verdict in named.items()}
        return known.get(resolution.strip().casefold())

    @property
    def usual_resolutions(self) -> dict[str, Judgement]:
        """Resolutions that the system comes with."""
        return {}

    @property
    def is_ticket(self) -> bool:
        """Whether its messages become tickets that people work on."""
        return True

    def policy(self) -> TicketPolicy:
        """How a ticket follows its incident."""
        return TicketPolicy(self.on_resolve, timedelta(hours=self.reopen_within_hours))

    def texts(self) -> "TicketTemplates":
        """The templates, each of them parsed once.

        Raises:
            PlacedError: The folder is missing, or a template in it is none.
        """
        # Jinja2 is slow to import, and most configurations have no tickets.
        from jinja2 import TemplateSyntaxError

        from mist_pipeline.delivery.tickets.ticket_text import TicketTemplates

        try:
            templates = TicketTemplates(self.templates)
            templates.check()
        except TemplateSyntaxError as error:
            where = f"{error.filename}, line {error.lineno}"
            raise PlacedError(("templates",), f"{where}: {error.message}") from None
        except (ValueError, OSError) as error:
            raise PlacedError(("templates",), str(error)) from None
        return templates
