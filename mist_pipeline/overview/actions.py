"""What a surface needs from outside: answers, and decisions of people; and the matchers of what they decide about.

Here: the protocols that the live screen and the browser console share. Not here: what a decision does
(``workflows.present.actions``).
"""

from datetime import datetime, timedelta
from typing import Literal, Protocol

from mist_pipeline.overview.model import IncidentDetail, IncidentNow, Now, SiteDetail

Verdict = Literal["right", "wrong", "known", "planned", "too_late", "duplicate"]
"""What people may think of an incident."""

_MOST_SITES_MATCHED = 20


class ActionFailedError(Exception):
    """A decision could not be carried out; says why, in words for whoever made it."""


class Questions(Protocol):
    """The read model, as surfaces ask it."""

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

    def feedback(self, incident_id: str, verdict: Verdict, comment: str, at: datetime) -> str:
        """Say what one thinks of an incident."""


def incident_matchers(incident: IncidentNow) -> str:
    """Matchers that cover an incident: its sites and family; of very many sites the family alone.

    >>> from types import SimpleNamespace
    >>> incident_matchers(SimpleNamespace(family="radio", site_ids=("a", "b")))
    'family="radio",site_id=~"a|b"'
    """
    parts = [f'family="{incident.family}"'] if incident.family else []
    if len(incident.site_ids) == 1:
        parts.append(f'site_id="{incident.site_ids[0]}"')
    elif 1 < len(incident.site_ids) <= _MOST_SITES_MATCHED:
        parts.append(f'site_id=~"{"|".join(incident.site_ids)}"')
    return ",".join(parts)


def site_matchers(site_id: str) -> str:
    """Matchers that cover a site."""
    return f'site_id="{site_id}"'


def group_matchers(name: str) -> str:
    """Matchers that cover a site group."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'site_group="{escaped}"'
