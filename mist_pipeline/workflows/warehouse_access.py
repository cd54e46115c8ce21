"""The warehouse of an installation: its own file, or the lake that the settings name, and the upkeep of such a lake."""

from collections.abc import Callable
from datetime import datetime, timedelta

from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.lake import Lake
from mist_pipeline.warehouse.owner import Owner
from mist_pipeline.warehouse.place import Place, WarehouseFile
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.warehouse.upkeep import Upkeep, due, keep_up

_PATIENCE_SECONDS = 60.0


def warehouse_place(settings: Settings) -> Place:
    """Where the warehouse is."""
    shared = settings.warehouse
    if shared.url is None:
        return WarehouseFile(settings.warehouse_path)
    return Lake(
        catalogue=shared.catalogue,
        data_path=shared.data_path,
        schema=settings.warehouse_name,
        scratch=settings.data / "warehouse.tmp",
    )


def warehouse_of(
    settings: Settings, *, wait_seconds: float = 60.0, owner: Callable[[], Owner | None] | None = None
) -> Warehouse:
    """The warehouse.

    Args:
        settings: Of the installation.
        wait_seconds: How long to wait for others.
        owner: Says whose rows are written; see `Warehouse`.
    """
    return Warehouse(warehouse_place(settings), wait_seconds, owner)


def upkeep(settings: Settings, now: datetime) -> Upkeep:
    """Merge, forget and remove what is due of a shared warehouse; a file needs none."""
    place = warehouse_place(settings)
    if not isinstance(place, Lake) or not place.exists():
        return Upkeep()
    return keep_up(place, now, _kept(settings), _PATIENCE_SECONDS)


def upkeep_due(settings: Settings, now: datetime) -> list[str]:
    """What of it would be done now, for people."""
    place = warehouse_place(settings)
    if not isinstance(place, Lake) or not place.exists():
        return []
    return [
        *due(place, now, _kept(settings), _PATIENCE_SECONDS).lines(),
        "merge the small files of the shared warehouse, if there are any",
    ]


def _kept(settings: Settings) -> timedelta:
    return timedelta(days=settings.warehouse.keep_snapshots_days)
