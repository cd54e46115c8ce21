"""alerts/*: copies of the ledger in the warehouse, for analysts. Nobody decides by them.

Here: reading the ledger, replacing the tables. Not here: the ledger (``alerts``), jobs that notify people (`alert_jobs`). Those
never touch the warehouse; this is the one place where the two meet, so that neither waits for the other anywhere else.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from mist_pipeline.defs.runs.limits import limited
from mist_pipeline.defs.table_io import key, spec, written
from mist_pipeline.settings import Settings
from mist_pipeline.tables import alerts, analysis, live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.ledger_access import open_ledger

FIRST = {"dagster/priority": "1"}
"""Of steps that could run next, this one does. In a run that also publishes, the copies so come before the publication
without being an input of it: a ledger that is out of reach fails the run, and the report is there all the same."""


def ledger_copies_asset() -> dg.AssetsDefinition:
    """The asset."""
    # By way of the ledger: findings become alerts in runs of their own, before or after this one.
    findings = [dg.AssetDep(key(table)) for table in (analysis.FINDINGS, live.FINDINGS)]

    @dg.multi_asset(
        name="ledger_copies",
        specs=[spec(table, findings) for table in alerts.TABLES],
        pool="ledger_copies",
        op_tags=FIRST,
    )
    def ledger_copies(
        warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with open_ledger(settings) as ledger:
            frames = ledger.frames()
        # All of one moment: whoever joins them finds no alert without its incident.
        rows_of = warehouse.replace_tables({table: frames[table.name] for table in alerts.TABLES})
        newest = frames[alerts.EVENTS.name]["at"].max()
        for table, rows in rows_of.items():
            yield written(table, frames[table.name], rows, {"newest_event": str(newest or "none")})

    return ledger_copies


def copies_job() -> "dg.UnresolvedAssetJobDefinition":
    """The job that brings the copies up to date."""
    return dg.define_asset_job(
        "copies",
        selection=dg.AssetSelection.groups(alerts.ALERTS.schema),
        tags=limited("copies"),
        description="Alerts, incidents, messages and what people did, copied from the ledger for analysts.",
    )
