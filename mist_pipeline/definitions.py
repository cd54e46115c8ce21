"""The one place where everything is wired: production, tests and the command line all call ``build_defs``."""

import warnings
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import dagster as dg

from mist_pipeline.defs.alert_jobs import alert_jobs
from mist_pipeline.defs.assets.alert_tables import ledger_copies_asset
from mist_pipeline.defs.assets.analysis import analysis_assets
from mist_pipeline.defs.assets.evidence import evidence_asset
from mist_pipeline.defs.assets.findings import findings_asset
from mist_pipeline.defs.assets.forecasts import forecast_assets
from mist_pipeline.defs.assets.history import history_assets
from mist_pipeline.defs.assets.live import live_assets
from mist_pipeline.defs.assets.live_findings import live_findings_asset
from mist_pipeline.defs.assets.raw import RETRY_TRANSIENT_FAILURES, raw_assets
from mist_pipeline.defs.assets.reports import report_assets
from mist_pipeline.defs.assets.scorecard import scorecard_assets
from mist_pipeline.defs.checks.every import all_checks
from mist_pipeline.defs.jobs import jobs, schedules
from mist_pipeline.defs.mornings import late_hours_job
from mist_pipeline.defs.partitions import daily_partitions
from mist_pipeline.defs.resources import RUN, RunOptions
from mist_pipeline.defs.retention import retention_job
from mist_pipeline.defs.runs.executor import executor_of
from mist_pipeline.defs.scope import Scope
from mist_pipeline.defs.sensors import (
    degradation_sensor,
    delivery_sensor,
    escalation_sensor,
    pipeline_trouble_sensor,
    ticket_sensor,
)
from mist_pipeline.settings import Settings, load_settings
from mist_pipeline.workflows.cloud import Cloud
from mist_pipeline.workflows.organisation_pin import remembered
from mist_pipeline.workflows.progress import silent
from mist_pipeline.workflows.running.private_files import keep_private
from mist_pipeline.workflows.self_monitoring.jobs import WATCHED
from mist_pipeline.workflows.shared_files import raw_store
from mist_pipeline.workflows.warehouse_access import warehouse_of

RUN_WAITS_SECONDS = 600.0
"""How long a run waits for the warehouse file: as long as it takes to publish a large one, since nobody looks on."""


def build_defs(
    settings: Settings | None = None,
    *,
    resources: Mapping[str, Any] | None = None,
    retry: dg.RetryPolicy | None = RETRY_TRANSIENT_FAILURES,
) -> dg.Definitions:
    """All definitions.

    Args:
        settings: None reads the configuration file and the environment; without either, the defaults.
        resources: Replacements by name: ``settings``, ``warehouse``, ``raw_store``, ``cloud``, ``progress``, ``run``.
        retry: How assets that ask the cloud are repeated when their failure may heal; None where somebody waits for
            the answer and can start again himself.

    Raises:
        SettingsError: The configuration is wrong.
    """
    settings = settings or load_settings()
    with warnings.catch_warnings():
        # Backfill policies and column schemas are what we rely on; dagster still calls them beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        daily = daily_partitions(settings)
        interval = timedelta(minutes=settings.monitoring.interval_minutes)
        scope = Scope.of(settings)
        assets = _assets(scope, daily, interval, settings.thresholds.forecast_days, retry)
        all_jobs, retention, late_hours = jobs(scope), retention_job(scope), late_hours_job(scope)
        checks = all_checks(scope)
        check_keys = [one for each in (*checks, *assets) for one in each.check_keys]
        evaluate, deliver, escalate, read_back, watch = alert_jobs(scope, check_keys)
        return dg.Definitions(
            assets=assets,
            asset_checks=checks,
            # Also of what is materialised by hand. Without a cluster in one process: the warehouse has one writer, a step is short, and a
            # process a step would load the whole project fifty times.
            executor=executor_of(settings),
            jobs=[*all_jobs, retention, late_hours, evaluate, deliver, escalate, read_back, watch],
            schedules=schedules(settings, all_jobs, retention, late_hours),
            sensors=[
                degradation_sensor(settings, evaluate),
                delivery_sensor(settings, deliver),
                escalation_sensor(settings, escalate),
                ticket_sensor(settings, read_back),
                pipeline_trouble_sensor(settings, WATCHED, check_keys, watch),
            ],
            resources={
                "settings": settings,
                "warehouse": warehouse_of(
                    settings, wait_seconds=RUN_WAITS_SECONDS, owner=lambda: remembered(settings)
                ),
                "raw_store": raw_store(settings),
                "cloud": Cloud(settings),
                "progress": silent,
                RUN: RunOptions(),
                **(resources or {}),
            },
        )


@cache
def _assets(
    scope: Scope,
    daily: dg.DailyPartitionsDefinition,
    interval: timedelta,
    forecast_days: int,
    retry: dg.RetryPolicy | None,
) -> tuple[dg.AssetsDefinition, ...]:
    """Every asset, each of which leads to the function that makes it.

    Kept, since making them and their checks is nearly all that ``build_defs`` takes, and a command builds more than once:
    when this module is imported, and for each of its runs.
    """
    made = [
        *raw_assets(scope, daily, retry),
        *live_assets(scope, interval, retry),
        *history_assets(scope, daily),
        *analysis_assets(scope, daily),
        *forecast_assets(scope, daily),
        evidence_asset(scope, daily),
        findings_asset(scope, daily),
        *scorecard_assets(scope, daily, forecast_days),
        *report_assets(scope, daily),
        live_findings_asset(scope),
        ledger_copies_asset(scope),
    ]
    return tuple(one for one in dg.with_source_code_references(made) if isinstance(one, dg.AssetsDefinition))


keep_private(load_settings())
defs = build_defs()
"""What Dagster loads."""
