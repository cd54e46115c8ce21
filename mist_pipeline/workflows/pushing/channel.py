"""What a poll need not ask, since the cloud pushes it: asked for less as long as the cloud is heard, and in full again once it is silent.

A push can be lost without a trace, so nothing is given up that nobody else would say: the audit log is read every hour instead of with every
poll, and what is left out of a site that is lost could not be measured there.

Not here: asking (``workflows.collection``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mist_pipeline.alerts.pushed.store import AUDIT_TOPIC, KEPT, REPEATED, PushCount
from mist_pipeline.analysis.findings.outages import EVENTS, lost_sites
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import has_pushes, open_pushes
from mist_pipeline.workflows.pushing.devices import known_devices
from mist_pipeline.workflows.pushing.evaluate import LOOK_BACK

HEARD_WITHIN = timedelta(hours=1)
"""A cloud of which nothing came for so long counts as silent. A quiet organisation is then polled in full, and can afford it."""

TELLS_WITHIN = timedelta(days=7)
"""A topic of which nothing came for so long is none that the webhook tells."""


@dataclass(frozen=True)
class Channel:
    """What the cloud tells unasked at one moment.

    Attributes:
        tells_changes: Whether entries of the audit log are pushed.
        lost: Sites whose devices all lost the cloud: nothing of their users can be measured.
    """

    tells_changes: bool = False
    lost: frozenset[str] = frozenset()


def channel(settings: Settings, now: datetime) -> Channel:
    """What the cloud tells unasked now; nothing where it is silent.

    Raises:
        LedgerUnavailableError: The pushes cannot be read.
        sqlalchemy.exc.DatabaseError: The same.
    """
    if not has_pushes(settings):
        return Channel()
    with open_pushes(settings) as pushes:
        counts = [one for one in pushes.counts() if one.outcome in {KEPT, REPEATED}]
        if not _came_within(counts, HEARD_WITHIN, now):
            return Channel()
        rows = pushes.device_events(now - LOOK_BACK)
    events = pl.DataFrame(rows, schema=EVENTS, orient="row")
    audits = [one for one in counts if one.topic == AUDIT_TOPIC]
    return Channel(
        tells_changes=_came_within(audits, TELLS_WITHIN, now),
        lost=lost_sites(known_devices(settings), events, now),
    )


def _came_within(counts: Iterable[PushCount], span: timedelta, now: datetime) -> bool:
    # What came by a clock that was ahead says nothing of now, until that instant has come.
    return any(abs(now - one.last_at) < span for one in counts)
