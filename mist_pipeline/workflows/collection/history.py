"""Raw files become history tables, in pieces that fit into memory. Needs no network."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from mist_pipeline.analysis.scores.bands import with_severity
from mist_pipeline.collect.fetch.records import kind_of
from mist_pipeline.collect.history.changes import changes_frame
from mist_pipeline.collect.history.dimensions import (
    alarms_frame,
    connected_by_hour,
    sites_and_devices,
)
from mist_pipeline.collect.history.frames import Wanted, read_history
from mist_pipeline.collect.raw.errors import RawDamagedError
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.settings import Settings
from mist_pipeline.tables import BY_NAME, history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.progress import Progress

CELLS_AT_ONCE = 2_000_000
"""Site-metric-hours that are in memory at a time."""

SERVICE_LEVELS = (
    history.SLE_HOURLY,
    history.SLE_DAILY,
    history.CLASSIFIERS_HOURLY,
    history.CLASSIFIERS_DAILY,
    history.SITE_HOURLY,
)
"""What one reading of the raw answers gives."""


def dimension_frames(store: RawStore, settings: Settings, days: Sequence[date]) -> dict[Table, pl.DataFrame]:
    """Sites, devices, alarms and changes of these days."""
    zone = settings.organisation.zone
    sites, devices = sites_and_devices(store, days, zone)
    return {
        history.SITES: sites,
        history.DEVICES: devices,
        history.ALARMS: alarms_frame(store, days, zone),
        history.CHANGES: changes_frame(store, days, zone, with_admins=settings.privacy.show_admins),
    }


def write_service_levels(
    warehouse: Warehouse, store: RawStore, settings: Settings, days: Sequence[date], progress: Progress
) -> None:
    """Replace these days of `SERVICE_LEVELS`.

    Args:
        warehouse: Has the sites of these days already; they say which rows a day has.
        store: Where raw files are.
        settings: Which metrics; severity bands.
        days: In order.
        progress: Is told the days that are done.

    Raises:
        RawDamagedError: The raw files of some days are damaged. Their rows are as they were; those of all others are written.
    """
    damage: dict[date, str] = {}
    sites = warehouse.read_days(history.SITES, days[0], days[-1], columns=["day", "site_id"])
    size = days_at_once(sites["site_id"].n_unique(), len(settings.metrics))
    for start in range(0, len(days), size):
        piece = days[start : start + size]
        try:
            frames = service_level_frames(store, piece, settings, sites)
        except RawDamagedError:
            if not (broken := damaged_days(store, piece)):
                raise
            damage |= broken
            piece = [day for day in piece if day not in broken]
            frames = service_level_frames(store, piece, settings, sites)
        warehouse.replace_all(frames, piece)
        progress("making history", min(start + size, len(days)), len(days))
    if damage:
        raise RawDamagedError("; ".join(dict.fromkeys(damage.values())))


def damaged_days(store: RawStore, days: Sequence[date]) -> dict[date, str]:
    """Those of the days whose service levels cannot be read, with what is wrong."""
    kinds = (kind_of("detail"), kind_of("organisation"))
    found = {day: next(filter(None, (store.damage(kind, day) for kind in kinds)), "") for day in days}
    return {day: problem for day, problem in found.items() if problem}


def service_level_frames(
    store: RawStore, days: Sequence[date], settings: Settings, sites: pl.DataFrame
) -> dict[Table, pl.DataFrame]:
    """The service-level tables of these days, with severities.

    Args:
        store: Where raw files are.
        days: In order.
        settings: Which metrics; severity bands.
        sites: day, site_id.
    """
    zone = settings.organisation.zone
    wanted = Wanted(
        sites.select("day", "site_id"), tuple(metric.name for metric in settings.metrics), tuple(days), zone
    )
    frames = dict(read_history(store, wanted, connected_by_hour(store, days, zone)).tables())
    frames["sle_daily"] = with_severity(
        frames["sle_daily"],
        rules.default_bands(settings),
        rules.bands_by_metric(settings),
        rules.gate(settings),
    )
    return {BY_NAME[f"history.{name}"]: frame for name, frame in frames.items()}


def days_at_once(sites: int, metrics: int) -> int:
    """How many days fit into memory together.

    >>> days_at_once(sites=2000, metrics=7), days_at_once(sites=0, metrics=7)
    (5, 2000000)
    """
    return max(1, CELLS_AT_ONCE // max(1, sites * metrics * 24))
