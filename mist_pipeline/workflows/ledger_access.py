"""The settings as what decides who is notified: ledger, routes, escalations, planned silences, labels of the sites.

Not here: sinks (``settings``), deciding (``alerts``), and sending (`messages`).
"""

import io
import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationStore
from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.pending import pending_evaluations
from mist_pipeline.alerts.ledger.reader import Unreached
from mist_pipeline.alerts.ledger.sink_health import FailingSink
from mist_pipeline.alerts.lifecycle.model import ACTIVE
from mist_pipeline.alerts.notify.known_values import Known
from mist_pipeline.alerts.notify.silences import alert_labels, site_labels
from mist_pipeline.alerts.pushed.store import PushStore, place_of
from mist_pipeline.settings import Settings
from mist_pipeline.storage.files import StoreError
from mist_pipeline.workflows.shared_files import evaluation_files

if TYPE_CHECKING:
    from mist_pipeline.warehouse.place import Place

SITE_COLUMNS = ("site_id", "name", "timezone", "country_code", "sitegroup_ids", "attributes")
"""Columns of ``history.sites`` that notifications need."""

_TYPES = pl.Schema(
    {name: pl.List(pl.String) if name == "sitegroup_ids" else pl.String for name in SITE_COLUMNS}
)

log = logging.getLogger(__name__)


class SitesUnreadableError(RuntimeError):
    """The file of the sites as they were last seen is damaged."""


def open_ledger(settings: Settings) -> Ledger:
    """The ledger of these settings, brought to its current version.

    Raises:
        LedgerUnavailableError: It cannot be opened, or is of a later version.
    """
    return Ledger(settings.ledger, settings.alerts.policy())


def open_pushes(settings: Settings) -> PushStore:
    """What the cloud pushed, beside the ledger of these settings.

    Raises:
        LedgerUnavailableError: It cannot be opened, or is of a later version.
    """
    return PushStore(settings.ledger)


def has_pushes(settings: Settings) -> bool:
    """Whether anything was ever pushed, as far as it can be seen without a question to a database."""
    place = place_of(settings.ledger)
    return not isinstance(place, Path) or place.exists()


def kept_evaluations(settings: Settings) -> EvaluationStore:
    """What evaluations were, or will be, made of."""
    return EvaluationStore(evaluation_files(settings))


def unevaluated_since(settings: Settings, ledger: Ledger) -> datetime | None:
    """When the oldest evaluation was kept that waits; None where none does."""
    store = kept_evaluations(settings)
    kept = (store.kept_at(name) for name in pending_evaluations(ledger, store))
    return min((at for at in kept if at is not None), default=None)


def failing_sinks(
    settings: Settings, ledger: Ledger, now: datetime, *, untried: bool = False
) -> list[FailingSink]:
    """Configured sinks that fail.

    One that is not configured any more will never accept anything again: its end would never come.
    """
    found = ledger.failing_sinks(now, settings.alerts.sink_patience, untried=untried)
    return [one for one in found if one.sink in settings.notifications.sinks]


def unreached(settings: Settings, ledger: Ledger) -> list[Unreached]:
    """Recipients that the configuration still names and that do not get what others of their sink get."""
    named = settings.notifications.may_write_to
    return [one for one in ledger.unreached() if named(one.sink, one.recipient)]


def notification_rules(settings: Settings) -> NotificationRules:
    """Who is notified of what, with the sites as they were last seen."""
    notified = settings.notifications
    return NotificationRules(
        routes=notified.routes,
        escalations=notified.escalations,
        labels_by_site=site_labels(known_sites(settings), settings.organisation.names),
        windows=notified.planned_silences(),
        # A ticket is somebody's work; that messages do not arrive is one only where nobody else can be told.
        sinks=[name for name in notified.sinks if name not in notified.tickets] or list(notified.sinks),
        pagers=[name for name, sink in notified.sinks.items() if sink.is_pager],
    )


def known_labels(settings: Settings, ledger: Ledger | None) -> Known:
    """What matchers can match: the sites as they were last seen, and what goes on."""
    labels_by_site = site_labels(known_sites(settings), settings.organisation.names)
    going = ledger.incidents(ACTIVE) if ledger is not None else []
    return Known(
        labels_by_site,
        tuple(
            alert_labels(alert, labels_by_site, incident.scope)
            for incident, alerts in going
            for alert in alerts
            if alert.is_active
        ),
    )


def known_sites(settings: Settings) -> pl.DataFrame:
    """The sites as they were last seen, with `SITE_COLUMNS`; none before the first poll or run.

    A file of its own, since a notification must never wait for the warehouse. Without it, or where it is damaged, what
    is stored of days says which sites there are: nobody stays uninformed because names are missing.
    """
    try:
        return read_sites_file(settings)
    except FileNotFoundError:
        return _stored_sites(settings)
    except (SitesUnreadableError, StoreError) as error:
        log.warning(
            "%s; the sites of the newest stored day stand in until the next poll or run writes it", error
        )
        return _stored_sites(settings)


def read_sites_file(settings: Settings) -> pl.DataFrame:
    """The file of the sites as they were last seen, and nothing instead.

    Raises:
        FileNotFoundError: It was not written yet.
        SitesUnreadableError: It is damaged.
        StoreError: The store that several machines share does not answer.
    """
    files, name = evaluation_files(settings), settings.sites_path.name
    try:
        # From memory: of a file that is mapped, another writer could take away the rest while it is read.
        return (
            pl.read_parquet(io.BytesIO(files.read(name)))
            .select(SITE_COLUMNS)
            .cast(_TYPES)
            .drop_nulls("site_id")
        )
    except FileNotFoundError:
        raise
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        # Text after the first line is how polars came to ask.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SitesUnreadableError(f"{files.address(name)} cannot be read: {reason}") from error


def _stored_sites(settings: Settings) -> pl.DataFrame:
    """Those of the newest day in the published copy or, where it has none, in the warehouse; nobody waits for either."""
    # Here, since a list of incidents must not wait for it.
    from mist_pipeline.warehouse.place import WarehouseFile
    from mist_pipeline.workflows.warehouse_access import warehouse_place

    for place in (WarehouseFile(settings.published_path), warehouse_place(settings)):
        if not (found := _sites_in(place)).is_empty():
            return found
    return pl.DataFrame(schema=_TYPES)


def _sites_in(place: "Place") -> pl.DataFrame:
    import duckdb

    from mist_pipeline.warehouse.connection import WarehouseBusyError, WarehouseUnavailableError
    from mist_pipeline.warehouse.hours.files import HoursDamagedError

    newest = "SELECT * FROM history.sites WHERE day = (SELECT max(day) FROM history.sites)"
    try:
        with place.reading(0) as connection:
            return connection.execute(newest).pl().select(SITE_COLUMNS).cast(_TYPES)
    except (FileNotFoundError, WarehouseBusyError, duckdb.CatalogException):
        pass  # it goes, is being written, or has no such table yet
    except (duckdb.Error, pl.exceptions.PolarsError, WarehouseUnavailableError, HoursDamagedError) as error:
        log.warning("%s does not say which sites there are: %s", place, error)
    return pl.DataFrame(schema=_TYPES)


def remember_sites(settings: Settings, sites: pl.DataFrame) -> None:
    """Keep the sites for notifications about them; of two that write at once, the later one's are whole."""
    written = io.BytesIO()
    sites.select(SITE_COLUMNS).write_parquet(written)
    evaluation_files(settings).replace(settings.sites_path.name, written.getvalue())
