"""live/*: what is going on right now. Polled every few minutes, within the part of the call budget kept for it.

Here: keys and metadata. Not here: what a poll asks (``workflows.collection.poll``), its findings (`live_findings`).
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from mist_pipeline.collect.raw.store import RawStore
from mist_pipeline.defs.assets.raw import only_transient_failures_are_retried
from mist_pipeline.defs.assets.whole import is_whole, lacking_in_a_row, whole_spec
from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import spec, written
from mist_pipeline.settings import Settings
from mist_pipeline.tables import live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.collection.poll import poll
from mist_pipeline.workflows.present.overview import show_poll
from mist_pipeline.workflows.pushing.devices import remember_devices

POLLED = (live.SLE_HOURLY, live.CLASSIFIERS_HOURLY, live.SITE_HOURLY, live.ALARMS, live.CHANGES, live.STATUS)


def live_assets(scope: Scope, interval: timedelta, retry: dg.RetryPolicy | None) -> list[dg.AssetsDefinition]:
    """Every asset of this layer.

    Args:
        scope: Whose they are.
        interval: Between polls.
        retry: How a poll is repeated when its failure may heal; None: not at all.
    """
    status = scope.key(live.STATUS)
    fresh = {live.STATUS: dg.FreshnessPolicy.time_window(4 * interval, 2 * interval)}

    @dg.multi_asset(
        name="look",
        specs=[spec(scope, table, freshness=fresh.get(table)) for table in POLLED],
        check_specs=[whole_spec(status)],
        pool=scope.name("poll"),
        retry_policy=retry,
    )
    def polled(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        cloud: dg.ResourceParam[Cloud],
        raw_store: dg.ResourceParam[RawStore],
        run: RunOptions,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        instant = run.instant
        with only_transient_failures_are_retried():
            found = poll(settings, cloud, raw_store, warehouse, instant, context.log.warning)
        context.log.info("Planned and spent: %s", list(found.spent))
        for table, rows in warehouse.replace_tables(found.frames).items():
            yield written(scope, table, found.frames[table], rows, {"as_of": instant.isoformat()})
        remember_devices(settings, raw_store, instant)
        yield is_whole(status, found.missing, before=lacking_in_a_row(context.instance, status))
        show_poll(settings, context.log.warning)

    return [polled]
