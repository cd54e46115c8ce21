"""history/*: raw files become tables. Needs no network, so history can be rebuilt from raw files alone.

Here: keys and dependencies. Not here: making the rows (``workflows.collection.history``).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.defs.assets import raw
from mist_pipeline.defs.metadata.pictures import coverage
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import BACKFILL, DATA_ENGINEERING, Dep, days_of, days_written, on, spec
from mist_pipeline.settings import Settings
from mist_pipeline.tables import history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse, glance_of
from mist_pipeline.workflows.collection.history import SERVICE_LEVELS, dimension_frames, write_service_levels
from mist_pipeline.workflows.progress import Progress


def history_assets(scope: Scope, daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Every asset of this layer."""

    def table(of: Table, kinds: Sequence[str], *deps: Dep) -> dg.AssetSpec:
        upstream = [*map(raw.of_kind, kinds), *deps]
        return spec(scope, of, upstream, partitions=daily, owner=DATA_ENGINEERING)

    @dg.multi_asset(
        name="history_dimensions",
        specs=[
            table(history.SITES, ["sites", "stats_sites", "devices"]),
            table(history.DEVICES, ["devices"]),
            table(history.ALARMS, ["alarms"]),
            table(history.CHANGES, ["changes", "sites"]),
        ],
        backfill_policy=BACKFILL,
        pool=scope.name("history_dimensions"),
    )
    def dimensions(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        raw_store: dg.ResourceParam[RawStore],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        days = days_of(context)
        frames = dimension_frames(raw_store, settings, days)
        for of, stored in warehouse.replace_all(frames, days).items():
            yield days_written(scope, context, warehouse, of, glance_of(of, stored, days))

    @dg.multi_asset(
        name="history_service_levels",
        # The sites of the same day say which rows a day has.
        specs=[
            table(of, ["sle_org", "sle_detail", "stats_sites"], on(history.SITES)) for of in SERVICE_LEVELS
        ],
        backfill_policy=BACKFILL,
        pool=scope.name("history_service_levels"),
    )
    def service_levels(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        raw_store: dg.ResourceParam[RawStore],
        progress: dg.ResourceParam[Progress],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        days = days_of(context)
        write_service_levels(warehouse, raw_store, settings, days, progress)
        with warehouse.reading():
            seen = {of: warehouse.glance(of, days) for of in SERVICE_LEVELS}
        for of in SERVICE_LEVELS:
            draw = coverage if of is history.SLE_DAILY else None
            yield days_written(scope, context, warehouse, of, seen[of], draw=draw)

    return [dimensions, service_levels]
