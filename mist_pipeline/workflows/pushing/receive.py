"""The listener of these settings: what the cloud pushes goes into the ledger, before it is told that it arrived.

Not here: the application and the form of a message (``push``), the table (``alerts.pushed.store``), what follows.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock

import sqlalchemy as sa
from starlette.types import ASGIApp

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.pushed.event import PushedEvent
from mist_pipeline.alerts.pushed.store import AUDIT_TOPIC, DEVICE_TOPICS, PushStore
from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.mist.parsers import kept_entry
from mist_pipeline.push.application import Keeper, UnkeptError, application
from mist_pipeline.push.message import TOPICS, Message
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import has_pushes, open_pushes
from mist_pipeline.workflows.notifying.messages import utc_now
from mist_pipeline.workflows.organisation_pin import remembered

_log = logging.getLogger(__name__)

TAKEN_WITHIN = timedelta(hours=24)
"""Older events are not kept: a signature does not expire, and somebody may have kept a message to send it again."""

AHEAD = timedelta(minutes=10)
"""So far clocks may differ; an event of a later time is not kept."""

KEPT_FOR = timedelta(days=3)
"""How long events are kept. Longer than `TAKEN_WITHIN`, so that a message that is sent again is known."""

UNKNOWN, OTHER, OLD, FUTURE = "of no interest", "of another organisation", "too old", "of the future"
UNREADABLE, MALFORMED, UNSIGNED = "unreadable", "malformed", "not signed"
_MESSAGE = ""
"""Topic of messages that have none for us."""


def webhook_secrets(settings: Settings) -> list[Secret]:
    """The secrets with which the cloud signs."""
    return [Secret(one.get_secret_value()) for one in settings.webhook_secrets]


def receiving(
    settings: Settings, clock: Callable[[], datetime] = utc_now, wake: Callable[[], None] = lambda: None
) -> ASGIApp | None:
    """The application; None where no secret is configured, so that nothing could be believed.

    Args:
        settings: With the secrets.
        clock: What time it is.
        wake: Called when something new of devices was kept.
    """
    secrets = webhook_secrets(settings)
    return application(secrets, _Receiver(settings, clock, wake).keeper) if secrets else None


def forget_old_pushes(settings: Settings, now: datetime) -> int:
    """Remove pushed events that nobody needs any more; how many went."""
    if not has_pushes(settings):
        return 0
    with open_pushes(settings) as pushes:
        return pushes.forget(now - KEPT_FOR)


class _Receiver:
    """Keeps messages. What it needs is opened before the first one, which would have to wait for it, or with it."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime], wake: Callable[[], None]) -> None:
        self._settings, self._clock, self._wake = settings, clock, wake
        self._store: PushStore | None = None
        self._opening = Lock()
        self._org_id = ""
        try:
            with self._storing():
                pass
        except UnkeptError as error:
            _log.error("webhooks of Mist are refused until this is mended: %s", error)

    @property
    def keeper(self) -> Keeper:
        """As the application wants it."""
        return Keeper(
            keep=self._keep,
            malformed=lambda: self._count(MALFORMED),
            unsigned=lambda: self._count(UNSIGNED),
        )

    def _keep(self, message: Message) -> str:
        now = self._clock()
        counted: Counter[tuple[str, str]] = Counter()
        counted[message.topic, UNREADABLE] += message.unreadable
        wanted = []
        mine = self._organisation()
        for event in message.events:
            outcome = _refusal(event, mine, now)
            if outcome is None:
                wanted.append(self._kept(event))
            else:
                counted[message.topic, outcome] += 1
        if message.topic not in TOPICS:
            counted[message.topic, UNKNOWN] += len(wanted)
        with self._storing() as store:
            new = store.keep(wanted, counted, now)
        if new and message.topic in DEVICE_TOPICS:
            self._wake()
        return f"kept {new} of {len(message.events)}"

    def _kept(self, event: PushedEvent) -> PushedEvent:
        """An event as it is written down; of the audit log without people and passphrases, as in the raw files."""
        if event.topic != AUDIT_TOPIC:
            return event
        with_admin = self._settings.privacy.show_admins
        return replace(event, document=kept_entry(event.document, with_admin=with_admin))

    def _organisation(self) -> str:
        """Whose events these have to be; '' as long as the folder is nobody's."""
        if not self._org_id:
            owner = remembered(self._settings)
            self._org_id = owner.org_id if owner else ""
        return self._org_id

    def _count(self, outcome: str) -> None:
        with self._storing() as store:
            store.keep([], {(_MESSAGE, outcome): 1}, self._clock())

    @contextmanager
    def _storing(self) -> Iterator[PushStore]:
        try:
            with self._opening:
                self._store = self._store or open_pushes(self._settings)
            yield self._store
        except (LedgerUnavailableError, sa.exc.OperationalError, OSError) as error:
            # Nothing of a message: the driver's own words only.
            said = getattr(error, "orig", None) or error
            raise UnkeptError(str(said).partition("\n")[0]) from error


def _refusal(event: PushedEvent, mine: str, now: datetime) -> str | None:
    """Why an event is not kept."""
    if event.happened_at < now - TAKEN_WITHIN:
        return OLD
    if event.happened_at > now + AHEAD:
        return FUTURE
    return OTHER if event.org_id and mine and event.org_id != mine else None
