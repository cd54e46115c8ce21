"""The warehouse of an installation: its own file, or the lake that the settings name."""

from collections.abc import Callable

from mist_pipeline.settings import Settings
from mist_pipeline.warehouse.lake import Lake
from mist_pipeline.warehouse.owner import Owner
from mist_pipeline.warehouse.place import Place, WarehouseFile
from mist_pipeline.warehouse.store import Warehouse


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
