"""analysis/findings: what every rule saw on a day; and what of it is handed on to the alerts.

Alerts are about now: only yesterday, analysed by itself, is evaluated; a backfill tells nobody unless it is asked to
(run tag ``mist_pipeline/notify``). Evaluating is in ``alerting``.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import polars as pl

from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.analysis.evidence.gates import notable
from mist_pipeline.analysis.findings.findings import FindingInputs, findings
from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.days import back
from mist_pipeline.workflows.progress import NOTIFY_TAG

BACKFILL_TAG = "dagster/backfill"


def finding_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.findings`` of these days."""

    def of_days(of: Table) -> pl.DataFrame:
        return warehouse.read_days(of, days[0], days[-1])

    evidence = warehouse.read_days(table.EVIDENCE, back(days, 1), days[-1])
    inputs = FindingInputs(
        readings=of_days(history.SLE_DAILY),
        classifiers=of_days(history.CLASSIFIERS_DAILY),
        sites=of_days(history.SITES),
        site_hourly=of_days(history.SITE_HOURLY),
        trends=of_days(table.TRENDS),
        deviations=of_days(table.DEVIATIONS),
        risks=of_days(table.RISKS),
        anomalies=of_days(table.ANOMALIES),
        health_scores=of_days(table.HEALTH_SCORES),
        incidents=of_days(table.INCIDENTS),
        notable=notable(evidence, rules.families(settings)),
        alarms=of_days(history.ALARMS),
    )
    return findings(inputs, days, rules.finding_rules(settings))


def may_tell(tags: Mapping[str, str]) -> bool:
    """Whether people may hear of what a run with these tags finds: of a backfill only if it is asked to tell."""
    asked = tags.get(NOTIFY_TAG)
    return BACKFILL_TAG not in tags if asked is None else asked == "true"


def is_about_now(tags: Mapping[str, str], days: Sequence[date], yesterday: date) -> bool:
    """Whether a run over these days is handed on to the alerts.

    Args:
        tags: Of the run.
        days: What it made.
        yesterday: The newest whole day at the run's instant.
    """
    return may_tell(tags) and (NOTIFY_TAG in tags or list(days) == [yesterday])


def step_of_day(warehouse: Warehouse, settings: Settings, day: date, instant: datetime) -> EvaluationInput:
    """A day's analysis as the lifecycle of alerts takes it."""
    begins = datetime.fromtimestamp(day_bounds(day, settings.organisation.zone)[0], UTC)
    sites = warehouse.read_days(history.SITES, day, day)
    readings = warehouse.read_days(
        history.SLE_DAILY, day, day, columns=["site_id", "metric", "state", "score_pct"]
    )
    return EvaluationInput(
        as_of=instant,
        source="daily",
        findings=warehouse.read_days(table.FINDINGS, day, day),
        readings=readings,
        causes=warehouse.read_days(table.INCIDENTS, day, day),
        covers_from=begins,
        site_count=sites.height,
    )
