"""What waits and what it runs on, read from ledger, kept evaluations, disks and the last answer of the cloud.

Not here: what follows from it (`service`), and what Dagster knows (``defs.watching.pipeline_facts``).
"""

import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from mist_pipeline.alerts.ledger.ledger import Ledger
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.machines.lease import Machines, read_machines
from mist_pipeline.settings import Settings
from mist_pipeline.storage.files import StoreError
from mist_pipeline.warehouse.connection import WarehouseBusyError, connect
from mist_pipeline.workflows.ledger_access import open_ledger, unevaluated_since
from mist_pipeline.workflows.self_monitoring.service import PATIENCE, Disk

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Waiting:
    """What waits for somebody to work.

    Attributes:
        unevaluated_since: When the oldest poll was kept that is not evaluated.
        is_unsent: Whether a message was due `PATIENCE` ago.
        is_uncalled: Whether a step of an escalation was.
        machines: Who is active and who would take over; None where one machine works alone.
    """

    unevaluated_since: datetime | None
    is_unsent: bool
    is_uncalled: bool
    machines: Machines | None


def read_waiting(settings: Settings, now: datetime) -> Waiting:
    """What waits in the ledger and before it.

    Raises:
        LedgerUnavailableError: The ledger cannot be read.
    """
    before = now - PATIENCE
    with open_ledger(settings) as ledger:
        return Waiting(
            _unevaluated_since(settings, ledger),
            Outbox(ledger.engine).is_waiting(before, settings.notifications.sinks),
            ledger.is_due(before),
            read_machines(ledger.engine) if settings.monitoring.machines > 1 else None,
        )


def _unevaluated_since(settings: Settings, ledger: Ledger) -> datetime | None:
    try:
        return unevaluated_since(settings, ledger)
    except StoreError as error:
        # Told by itself (`delivery.store_trouble`); what else is wrong has to be told as well.
        log.warning("What waits to be evaluated is not known: %s", error)
        return None


def read_disks(settings: Settings, *more: Path) -> tuple[Disk, ...]:
    """Free space of the data folder and of other places, those of one disk once."""
    found: dict[int, Disk] = {}
    for folder in (settings.data, *more):
        place = _existing(folder)
        found.setdefault(place.stat().st_dev, Disk(str(folder), shutil.disk_usage(place).free))
    return tuple(found.values())


def _existing(folder: Path) -> Path:
    """A folder, or the nearest above it that is there."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return place


def published_days(settings: Settings) -> Iterable[date]:
    """Days with an analysis in the published copy: they count, too, once Dagster has forgotten old runs."""
    if not settings.published_path.exists():
        return ()
    try:
        with connect(settings.published_path, read_only=True, wait_seconds=0) as connection:
            rows = connection.execute("SELECT DISTINCT day FROM analysis.health_scores").fetchall()
    except (WarehouseBusyError, duckdb.Error):
        return ()
    return [day for (day,) in rows]
