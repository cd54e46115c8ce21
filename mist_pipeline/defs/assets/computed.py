"""Assets that are one function of earlier tables: rows of the run's days, which replace those that are there."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import BACKFILL, Dep, Draw, days_of, replaced, spec
from mist_pipeline.settings import Settings
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse

Compute = Callable[[Warehouse, Settings, Sequence[date]], pl.DataFrame]
"""Rows of one table for some days."""


def computed(
    scope: Scope,
    of: Table,
    compute: Compute,
    deps: Sequence[Dep],
    daily: dg.DailyPartitionsDefinition,
    draw: Draw | None = None,
) -> dg.AssetsDefinition:
    """The asset of a table.

    Args:
        scope: Whose asset it is.
        of: The table.
        compute: Makes its rows.
        deps: What they are made of.
        daily: Days.
        draw: Draws a picture of the newest day.
    """

    @dg.multi_asset(
        name=of.name,
        specs=[spec(scope, of, deps, partitions=daily)],
        backfill_policy=BACKFILL,
        pool=scope.name(of.name),
    )
    def made(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult[Any]:
        return replaced(
            scope, context, warehouse, of, compute(warehouse, settings, days_of(context)), draw=draw
        )

    return made
