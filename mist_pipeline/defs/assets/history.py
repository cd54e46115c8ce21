"""history/*: raw files become tables. Needs no network, so history can be rebuilt from raw files alone."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from mist_pipeline.analysis.scores.bands import with_severity
from mist_pipeline.collect.history.dimensions import (
    alarms_frame,
    connected_by_hour,
    devices_frame,
    sites_frame,
)
from mist_pipeline.collect.history.frames import Wanted, read_history
from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.defs.assets import raw
from mist_pipeline.defs.table_io import DATA_ENGINEERING, POOL, SINGLE_RUN, days_of, spec, told
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


def history_frames(
    store: RawStore, days: Sequence[date], settings: Settings, sites: pl.DataFrame
) -> dict[Table, pl.DataFrame]:
    """The service-level tables of these days, severities judged."""
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
    """How many days fit into memory together."""
    return max(1, CELLS_AT_ONCE // max(1, sites * metrics * 24))


def history_assets(daily: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Every asset of this layer."""

    def table(of: Table, deps: Sequence[str]) -> dg.AssetSpec:
        upstream = [dg.AssetDep(raw.key(kind)) for kind in deps]
        return spec(of, upstream, partitions=daily, owner=DATA_ENGINEERING)

    @dg.multi_asset(
        name="history_dimensions",
        specs=[
            table(history.SITES, ["sites", "stats_sites", "devices"]),
            table(history.DEVICES, ["devices"]),
            table(history.ALARMS, ["alarms"]),
        ],
        backfill_policy=SINGLE_RUN,
        pool=POOL,
    )
    def dimensions(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        raw_store: dg.ResourceParam[RawStore],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        days, zone = days_of(context), settings.organisation.zone
        frames = {
            history.SITES: sites_frame(raw_store, days, zone),
            history.DEVICES: devices_frame(raw_store, days, zone),
            history.ALARMS: alarms_frame(raw_store, days, zone),
        }
        for of, rows in warehouse.replace_all(frames, days).items():
            yield told(of, frames[of], rows, days)

    @dg.multi_asset(
        name="history_service_levels",
        specs=[
            spec(
                of,
                [
                    *(dg.AssetDep(raw.key(kind)) for kind in ("sle_org", "sle_detail", "stats_sites")),
                    on_sites(),
                ],
                partitions=daily,
                owner=DATA_ENGINEERING,
            )
            for of in SERVICE_LEVELS
        ],
        backfill_policy=SINGLE_RUN,
        pool=POOL,
    )
    def service_levels(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        raw_store: dg.ResourceParam[RawStore],
        progress: dg.ResourceParam[Progress],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        days = days_of(context)
        sites = warehouse.read_days(history.SITES, days[0], days[-1], columns=["day", "site_id"])
        size = days_at_once(sites["site_id"].n_unique(), len(settings.metrics))
        rows = dict.fromkeys(SERVICE_LEVELS, 0)
        previews: dict[Table, pl.DataFrame] = {}
        for start in range(0, len(days), size):
            piece = days[start : start + size]
            frames = history_frames(raw_store, piece, settings, sites)
            for of, count in warehouse.replace_all(frames, piece).items():
                rows[of] += count
                previews[of] = frames[of].head(8)
            progress("making history", min(start + size, len(days)), len(days))
        for of in SERVICE_LEVELS:
            yield told(of, previews[of], rows[of], days)

    return [dimensions, service_levels]


def on_sites() -> dg.AssetDep:
    """The sites of the same day say which rows a day has."""
    return dg.AssetDep(dg.AssetKey(["history", "sites"]))
