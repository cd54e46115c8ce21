"""What the screen needs from outside: answers, and decisions of people."""

from datetime import datetime, timedelta
from typing import Protocol

from mist_pipeline.overview.model import IncidentDetail, Now, SiteDetail


class ActionFailedError(Exception):
    """A decision could not be carried out; says why, in words for whoever made it."""


class Questions(Protocol):
    """The read model, as the screen asks it."""

    def now(self, at: datetime) -> Now:
        """The organisation at an instant."""

    def site(self, site_id: str, at: datetime) -> SiteDetail:
        """One site in full."""

    def incident(self, incident_id: str, at: datetime) -> IncidentDetail:
        """One incident in full."""


class Actions(Protocol):
    """Decisions, each written to the ledger in the name of ``who``. Each returns what became of it, in words."""

    @property
    def who(self) -> str:
        """Who decides."""

    def acknowledge(self, incident_id: str, at: datetime) -> str:
        """Take an incident."""

    def resolve(self, incident_id: str, at: datetime) -> str:
        """Say that an incident is over."""

    def preview(self, matchers: str, at: datetime) -> str:
        """What a silence with these matchers would cover now."""

    def silence(self, matchers: str, lasts_for: timedelta, comment: str, at: datetime) -> str:
        """Notify nobody of what matches, for a while."""
