"""Decisions made on the live screen and in the console: the same as those of ``mist-pipeline alerts``, in words for both.

Not here: what a decision does (``workflows.notifying.decisions``), the surfaces (``watch``, ``web``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mist_pipeline.domain.text import ID_LENGTH, clean, count
from mist_pipeline.domain.text import instant as in_words
from mist_pipeline.overview.actions import ActionFailedError, Verdict
from mist_pipeline.settings import Settings

if TYPE_CHECKING:
    from mist_pipeline.alerts.ledger.ledger import Ledger, Recorded
    from mist_pipeline.alerts.notify.silences import Silence

_MOST_NAMED = 3


@dataclass(frozen=True)
class ScreenActions:
    """Decisions of one person.

    Attributes:
        settings: Of the installation.
        who: Who decides.
    """

    settings: Settings
    who: str

    def acknowledge(self, incident_id: str, at: datetime) -> str:
        """Take an incident.

        Raises:
            ActionFailedError: The ledger cannot be used, or has no such incident.
        """
        from mist_pipeline.workflows.notifying import decisions

        with self._ledger() as ledger:
            decided = decisions.acknowledge(self.settings, ledger, incident_id, self.who, at)
        if not decided.is_changed:
            return (
                f"Incident {incident_id[:ID_LENGTH]} was acknowledged already, or is over; nothing changes."
            )
        return (
            f"Incident {incident_id[:ID_LENGTH]} is acknowledged by {self.who}. {_follows(decided.recorded)}"
        )

    def resolve(self, incident_id: str, at: datetime) -> str:
        """Say that an incident is over.

        Raises:
            ActionFailedError: The ledger cannot be used, or has no such incident.
        """
        from mist_pipeline.workflows.notifying import decisions

        with self._ledger() as ledger:
            decided = decisions.resolve(self.settings, ledger, incident_id, self.who, at)
        if not decided.is_changed:
            return f"Incident {incident_id[:ID_LENGTH]} is over already; nothing changes."
        return f"Incident {incident_id[:ID_LENGTH]} is closed by {self.who}. {_follows(decided.recorded)}"

    def preview(self, matchers: str, at: datetime) -> str:
        """What a silence with these matchers would cover now.

        Raises:
            ActionFailedError: They are no matchers, or match nothing that is known.
        """
        from mist_pipeline.alerts.notify.matchers import all_match
        from mist_pipeline.workflows.ledger_access import known_labels
        from mist_pipeline.workflows.notifying import decisions

        wanted = self._silence(matchers, timedelta(hours=1), "", at)
        with self._ledger() as ledger:
            known = known_labels(self.settings, ledger)
            self._refuse_mismatch(wanted, ledger)
            found = decisions.silenced(ledger, wanted, known.labels_by_site)
        of_sites = [one for one in wanted.matchers if one.label in _SITE_LABELS]
        sites = sum(
            all_match(of_sites, {**labels, "site_id": (site_id,)})
            for site_id, labels in known.labels_by_site.items()
        )
        named = [clean(one.incident.cause, 60) for one in found[:_MOST_NAMED]]
        more = f" and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
        incidents = (
            f"{count(len(found), 'incident')} going on: {'; '.join(named)}{more}"
            if found
            else "no incident that goes on"
        )
        return f"Covers {count(sites, 'site')}, and {incidents}"

    def silence(self, matchers: str, lasts_for: timedelta, comment: str, at: datetime) -> str:
        """Notify nobody of what matches, for a while.

        Raises:
            ActionFailedError: They are no matchers, match nothing that is known, or the ledger cannot be used.
        """
        from mist_pipeline.workflows.notifying import decisions

        wanted = self._silence(matchers, lasts_for, comment, at)
        with self._ledger() as ledger:
            self._refuse_mismatch(wanted, ledger)
            kept, found = decisions.add_silence(self.settings, ledger, wanted, at)
        ends = in_words(kept.ends_at) if kept.ends_at else "its end"
        return f"Silence {kept.silence_id} until {ends}: {count(len(found), 'incident')} silenced now."

    def feedback(self, incident_id: str, verdict: Verdict, comment: str, at: datetime) -> str:
        """Say what one thinks of an incident.

        Raises:
            ActionFailedError: The ledger cannot be used, or has no such incident.
        """
        with self._ledger() as ledger:
            ledger.add_feedback(verdict, self.who, at, incident_id=incident_id, comment=clean(comment))
        return f"Noted for {self.who}: {verdict.replace('_', ' ')}."

    def _silence(self, matchers: str, lasts_for: timedelta, comment: str, at: datetime) -> "Silence":
        from mist_pipeline.alerts.notify.matchers import parse_matchers
        from mist_pipeline.alerts.notify.silences import Silence

        try:
            return Silence(
                silence_id="",
                matchers=parse_matchers(matchers),
                starts_at=at,
                ends_at=at + lasts_for,
                created_by=self.who,
                comment=clean(comment),
            )
        except ValueError as error:
            raise ActionFailedError(clean(str(error), 200)) from None

    def _refuse_mismatch(self, wanted: "Silence", ledger: "Ledger") -> None:
        from mist_pipeline.alerts.notify.known_values import mismatch
        from mist_pipeline.workflows.ledger_access import known_labels

        if wrong := mismatch(wanted.matchers, known_labels(self.settings, ledger)):
            raise ActionFailedError(clean(wrong, 200))

    @contextmanager
    def _ledger(self) -> "Iterator[Ledger]":
        from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
        from mist_pipeline.alerts.ledger.reader import NoSuchSubjectError
        from mist_pipeline.workflows.ledger_access import open_ledger

        try:
            with open_ledger(self.settings) as ledger:
                yield ledger
        except (LedgerUnavailableError, NoSuchSubjectError) as error:
            raise ActionFailedError(str(error)) from None


_SITE_LABELS = frozenset({"site", "site_id", "site_group", "country", "model", "firmware", "template"})


def _follows(recorded: "Recorded") -> str:
    number = len(recorded.notifications)
    return f"{count(number, 'message')} will follow." if number else "No message goes out for it now."
