"""live/findings: what the live evaluation found; kept for the evaluation of alerts as well."""

from typing import Any

import dagster as dg

from mist_pipeline.defs.resources import RunOptions
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.table_io import LINEAGE, lineage, on, spec, written
from mist_pipeline.settings import Settings
from mist_pipeline.tables import history, live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis.detect_hour import live_evaluation
from mist_pipeline.workflows.impact.losses import remember_losses
from mist_pipeline.workflows.ledger_access import kept_evaluations, remember_sites
from mist_pipeline.workflows.present.overview import show_poll


def live_findings_asset(scope: Scope) -> dg.AssetsDefinition:
    """The asset."""
    deps = [
        on(table)
        for table in (
            *(
                live.SLE_HOURLY,
                live.CLASSIFIERS_HOURLY,
                live.SITE_HOURLY,
                live.STATUS,
                live.ALARMS,
                live.CHANGES,
            ),
            *(
                history.SLE_HOURLY,
                history.CLASSIFIERS_HOURLY,
                history.SITE_HOURLY,
                history.SITES,
                history.CHANGES,
            ),
        )
    ]

    @dg.multi_asset(
        name="live_findings", specs=[spec(scope, live.FINDINGS, deps)], pool=scope.name("live_findings")
    )
    def found(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        settings: dg.ResourceParam[Settings],
        run: RunOptions,
    ) -> dg.MaterializeResult[Any]:
        instant = run.instant
        evaluation = live_evaluation(warehouse, settings, instant)
        rows = evaluation.detected.findings
        added = warehouse.append(live.FINDINGS, rows)
        remember_sites(settings, evaluation.sites)
        remember_losses(settings, evaluation.detected.losses, instant)
        kept_evaluations(settings).keep(evaluation.evaluation_input())
        show_poll(settings, context.log.warning)
        by_severity = dict(rows["severity"].value_counts(sort=True).iter_rows())
        return written(
            scope,
            live.FINDINGS,
            rows,
            added,
            {
                LINEAGE: lineage(scope, live.FINDINGS, deps),
                "as_of": instant.isoformat(),
                "severities": by_severity,
            },
        )

    return found
