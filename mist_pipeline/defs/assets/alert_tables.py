"""alerts/*: copies of the ledger, for analysts (published) and for the scorecard (in the warehouse). Nobody decides by them.

Here: publishing the copies, and replacing those in the warehouse. Not here: the ledger (``alerts``), jobs that notify people
(`alert_jobs`), the first of which publishes after every evaluation. Those never touch the warehouse; this is the one place
where the two meet, so that neither waits for the other anywhere else.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from mist_pipeline.defs.runs.limits import limited
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import on, spec, written
from mist_pipeline.settings import Settings
from mist_pipeline.tables import alerts, analysis, live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.notifying.messages import utc_now
from mist_pipeline.workflows.present.overview import show_ledger


def ledger_copies_asset(scope: Scope) -> dg.AssetsDefinition:
    """The asset."""
    # By way of the ledger: findings become alerts in runs of their own, before or after this one.
    findings = [on(table) for table in (analysis.FINDINGS, live.FINDINGS)]

    @dg.multi_asset(
        name="ledger_copies",
        specs=[spec(scope, table, findings) for table in alerts.TABLES],
        pool=scope.name("ledger_copies"),
    )
    def ledger_copies(
        warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        frames = show_ledger(settings, utc_now())
        # All of one moment: whoever joins them finds no alert without its incident.
        rows_of = warehouse.replace_tables({table: frames[table.name] for table in alerts.TABLES})
        newest = frames[alerts.EVENTS.name]["at"].max()
        for table, rows in rows_of.items():
            yield written(scope, table, frames[table.name], rows, {"newest_event": str(newest or "none")})

    return ledger_copies


def copies_job(scope: Scope) -> "dg.UnresolvedAssetJobDefinition":
    """The job that brings the copies up to date."""
    return dg.define_asset_job(
        scope.name("copies"),
        selection=dg.AssetSelection.groups(alerts.ALERTS.schema),
        tags=limited("copies", scope.tags),
        description="Alerts, incidents, messages and what people did, copied from the ledger for analysts.",
    )
