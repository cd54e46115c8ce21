"""Whether the cloud's webhooks arrive: the last one, how many, and what was refused. Nobody is asked."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from mist_pipeline.alerts.ledger.database import LedgerUnavailableError
from mist_pipeline.alerts.pushed.store import KEPT, REPEATED, PushCount
from mist_pipeline.domain.text import clean, count, instant
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.doctor.check import DOUBTFUL, FINE, Check
from mist_pipeline.workflows.ledger_access import has_pushes, open_pushes
from mist_pipeline.workflows.notifying.messages import utc_now
from mist_pipeline.workflows.pushing.receive import MALFORMED, OTHER, UNSIGNED

SILENT_AFTER = timedelta(days=1)
"""Devices and people of an organisation do something every day."""

_SUBJECT = "webhooks"
_GUIDE = "see docs/webhooks.md: is the webhook enabled, and does its address lead to /mist here?"


def webhooks(settings: Settings, now: datetime | None = None) -> Iterator[Check]:
    """What came of the cloud's webhooks so far; nothing is said where none is configured.

    Args:
        settings: The settings.
        now: The instant; by default the present one.
    """
    if not settings.webhook_secrets:
        return
    try:
        counted = _counted(settings)
    except LedgerUnavailableError:
        return  # the check of the ledger says it
    variable = settings.mist.webhook_secret_from
    yield _arrived(counted, variable, now or utc_now())
    yield from _refused(counted, variable)


def _counted(settings: Settings) -> Sequence[PushCount]:
    if not has_pushes(settings):
        return []
    with open_pushes(settings) as pushes:
        return pushes.counts()


def _arrived(counted: Sequence[PushCount], variable: str, now: datetime) -> Check:
    good = [one for one in counted if one.outcome in {KEPT, REPEATED}]
    if not good:
        return Check(DOUBTFUL, _SUBJECT, f"none has arrived yet; {variable} is set", _GUIDE)
    last = max(one.last_at for one in good)
    topics: Counter[str] = Counter()
    for one in good:
        topics[one.topic] += one.number if one.outcome == KEPT else 0
    kept = ", ".join(f"{clean(topic)} {number:,}" for topic, number in sorted(topics.items()))
    said = f"the last one arrived {instant(last)}; kept so far: {kept}"
    if now - last > SILENT_AFTER:
        return Check(DOUBTFUL, _SUBJECT, f"none for more than a day: {said}", _GUIDE)
    return Check(FINE, _SUBJECT, said)


def _refused(counted: Sequence[PushCount], variable: str) -> Iterator[Check]:
    """What keeps messages from counting, as long as it came after the last that counted."""
    last = max((one.last_at for one in counted if one.outcome in {KEPT, REPEATED}), default=None)
    reasons = {
        UNSIGNED: (
            "with another signature",
            f"the secret of the webhook in Mist and {variable} have to be the same",
        ),
        MALFORMED: ("that cannot be read", "is something else than Mist given the address and the secret?"),
        OTHER: (
            "of another organisation",
            "the webhook belongs to another organisation than this data folder",
        ),
    }
    for outcome, (what, fix) in reasons.items():
        mine = [one for one in counted if one.outcome == outcome]
        newest = max((one.last_at for one in mine), default=None)
        if newest is not None and (last is None or newest > last):
            said = f"{count(sum(one.number for one in mine), 'message')} {what}, the last {instant(newest)}"
            yield Check(DOUBTFUL, _SUBJECT, said, fix)
