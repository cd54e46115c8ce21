"""What was pushed of devices becomes an evaluation as soon as it says something that the alerts do not say yet.

The difference decides, and not which events are new: so a repeated or late event changes nothing, what died between two steps is
done by the next look of anybody, and a poll that has spoken since is not contradicted.

Not here: the rule (``analysis.findings.outages``), the life of alerts (``alerts``), who looks and when (`follow`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationStore
from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.lifecycle.model import Alert
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.analysis.evidence.gates import DEVICE_FAMILY
from mist_pipeline.analysis.findings.outages import EVENTS, Outages, outages
from mist_pipeline.settings import Settings
from mist_pipeline.workflows.ledger_access import (
    has_pushes,
    kept_evaluations,
    known_sites,
    open_ledger,
    open_pushes,
)
from mist_pipeline.workflows.pushing.devices import known_devices

LOOK_BACK = timedelta(hours=24)
"""Events that may be newer than the list of the devices."""


@dataclass(frozen=True)
class Looked:
    """What a look at the pushes came to.

    Attributes:
        is_kept: Whether an evaluation was kept that waits to be evaluated.
        due_at: When something will have lasted for long enough to be told; None if nothing may.
    """

    is_kept: bool
    due_at: datetime | None


def keep_what_was_pushed(settings: Settings, now: datetime) -> Looked:
    """The same for whoever has no ledger open: what a listener left that died before it looked.

    Raises:
        LedgerUnavailableError: The ledger cannot be opened.
    """
    with open_ledger(settings) as ledger:
        return keep_pushed(settings, ledger, kept_evaluations(settings), now)


def keep_pushed(settings: Settings, ledger: Ledger, store: EvaluationStore, now: datetime) -> Looked:
    """Keep an evaluation of what was pushed, where it says something new."""
    if not has_pushes(settings):
        return Looked(is_kept=False, due_at=None)
    with open_pushes(settings) as pushes:
        rows = pushes.device_events(now - LOOK_BACK)
    if not rows:
        return Looked(is_kept=False, due_at=None)
    events = pl.DataFrame(rows, schema=EVENTS, orient="row")
    sites = known_sites(settings)["site_id"]
    known = events.filter(pl.col("site_id").is_in(sites.implode()) | (pl.col("site_id") == ""))
    devices = known_devices(settings).filter(pl.col("site_id").is_in(sites.implode()))
    found = outages(devices, known, now)
    evaluation = evaluation_of(found, ledger.lifecycle_state(now).alerts.values(), now, len(sites))
    if evaluation is not None:
        store.keep(evaluation)
    return Looked(evaluation is not None, found.due_at)


def evaluation_of(
    found: Outages, alerts: Iterable[Alert], now: datetime, site_count: int
) -> EvaluationInput | None:
    """What pushes say that the alerts do not say yet; None where they agree.

    Args:
        found: What pushes say.
        alerts: Those that go on or may come back.
        now: The instant.
        site_count: Sites of the organisation.
    """
    heard: dict[str, datetime] = {}
    firing: set[str] = set()
    for alert in alerts:
        if alert.family == DEVICE_FAMILY and alert.site_id:
            times = (
                alert.pending_since,
                alert.since,
                alert.quiet_since,
                alert.resolved_at,
                heard.get(alert.site_id),
            )
            heard[alert.site_id] = max(at for at in times if at is not None)
            # What follows an excess ends with it; a device that is back proves nothing about users.
            if alert.is_active and alert.condition == "firing" and not alert.series:
                firing.add(alert.site_id)
    news = {site_id for site_id, at in found.lost.items() if site_id not in heard or heard[site_id] < at}
    back = {site_id for site_id, at in found.back.items() if site_id in firing and heard[site_id] < at}
    if not news and not back:
        return None
    spoken = news | (firing & found.lost.keys())
    return EvaluationInput(
        as_of=now.astimezone(UTC),
        source="push",
        findings=found.findings.filter(pl.col("site_id").is_in(sorted(spoken))),
        causes=found.causes,
        site_count=site_count,
        only=frozenset((site_id, DEVICE_FAMILY) for site_id in spoken | back),
    )
