"""analysis/findings: what every rule saw on a day; yesterday's are kept for the evaluation of alerts."""

from datetime import timedelta
from typing import Any

import dagster as dg

from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import BACKFILL, days_of, on, replaced, spec
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_day import (
    evaluation_input_of_day,
    finding_rows,
    is_about_now,
    losses_of_day,
)
from mist_pipeline.workflows.impact.losses import remember_losses
from mist_pipeline.workflows.ledger_access import kept_evaluations, remember_sites


def findings_asset(scope: Scope, daily: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset."""
    same_day = (
        *(history.SLE_DAILY, history.CLASSIFIERS_DAILY, history.SITES, history.SITE_HOURLY, history.ALARMS),
        *(table.TRENDS, table.DEVIATIONS, table.RISKS, table.ANOMALIES, table.HEALTH_SCORES, table.INCIDENTS),
    )
    deps = (*map(on, same_day), on(table.EVIDENCE, days_back=1))

    @dg.multi_asset(
        name=table.FINDINGS.name,
        specs=[spec(scope, table.FINDINGS, deps, partitions=daily)],
        backfill_policy=BACKFILL,
        pool=scope.name(table.FINDINGS.name),
    )
    def made(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        run: RunOptions,
    ) -> dg.MaterializeResult[Any]:
        days, instant = days_of(context), run.instant
        result = replaced(scope, context, warehouse, table.FINDINGS, finding_rows(warehouse, settings, days))
        yesterday = instant.astimezone(settings.organisation.zone).date() - timedelta(days=1)
        if is_about_now(context.run.tags, run.notify, days, yesterday):
            remember_sites(settings, warehouse.read_days(history.SITES, days[-1], days[-1]))
            evaluation = evaluation_input_of_day(warehouse, settings, days[-1], instant)
            remember_losses(settings, losses_of_day(warehouse, settings, days[-1]), instant)
            kept_evaluations(settings).keep(evaluation)
        return result

    return made
