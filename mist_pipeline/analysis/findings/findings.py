"""Findings: what each rule saw, one row per rule that fires, in a sentence with its evidence.

Here: the table, from the frames of the other analyses, by the same rules for days (``findings``), for the live
evaluation (``live_findings``) and for closed hours (``hourly_findings``). Not here: the rules (``series_rules``,
``site_rules``), the order of the steps before them (``analysis.detection``), and whether people are notified
(``alerts``): a finding says what is, not who needs to know.

>>> readings = pl.DataFrame(
...     {
...         "day": [date(2026, 3, 2)],
...         "site_id": ["s1"],
...         "metric": ["capacity"],
...         "score_pct": [61.2],
...         "state": ["ok"],
...         "severity": ["critical"],
...     }
... )
>>> found = findings(FindingInputs(readings=readings), [date(2026, 3, 2)])
>>> found.select("kind", "severity", "summary").rows()
[('threshold', 'critical', 'capacity 61.2 %: critical (below 70 %).')]
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from mist_pipeline.analysis.findings.fingerprints import fingerprint
from mist_pipeline.analysis.findings.inputs import FindingInputs
from mist_pipeline.analysis.findings.series_rules import (
    MOMENT,
    FindingRules,
    baseline_findings,
    evidence_findings,
    pre_warning_findings,
    threshold_findings,
    trend_findings,
)
from mist_pipeline.analysis.findings.site_rules import (
    alarm_findings,
    anomaly_findings,
    collector_findings,
    correlation_findings,
    health_findings,
    site_down_findings,
)
from mist_pipeline.tables import analysis, live
from mist_pipeline.tables.schema import Table

KINDS = (
    "threshold", "site_down", "trend", "pre_warning", "baseline", "anomaly", "health_drop", "correlation",
    "mist_alarm", "collector", "evidence",
)  # fmt: skip
"""Every kind of finding."""

HOUR = timedelta(hours=1)
FRESH = timedelta(hours=2)
"""How old an hour may be for the live evaluation: the running one, the one before, and no older."""


def findings(inputs: FindingInputs, days: Sequence[date], rules: FindingRules | None = None) -> pl.DataFrame:
    """Findings of days: the columns of ``analysis.findings``, sorted by day, site, metric, kind and fingerprint.

    A row is unique by day and fingerprint; by day, site_id, metric and kind, too, but for shared causes, of which the
    organisation may have several a day (kind ``correlation``, told apart by the cause's fingerprint).

    Args:
        inputs: Frames with ``day`` (notable evidence: hour and day) of at least these days.
        days: Days whose findings are wanted.
        rules: Thresholds and names.
    """
    wanted = sorted(set(days))

    def of_days(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("day").is_in(wanted)).with_columns(pl.col("day").alias(MOMENT))

    return _assembled(inputs.each(of_days), analysis.FINDINGS, rules or FindingRules())


def live_findings(inputs: FindingInputs, as_of: datetime, rules: FindingRules | None = None) -> pl.DataFrame:
    """Findings of a live evaluation: the columns of ``live.findings``, by the same rules and with the same fingerprints.

    Args:
        inputs: Frames with ``as_of``, ``hour`` or ``day``; of each the newest moment not after ``as_of`` counts (of
            hours each site's newest, if it is ``FRESH``; of alarms all that were raised by then).
        as_of: The instant of the evaluation.
        rules: Thresholds and names.
    """
    moment = pl.lit(as_of, dtype=pl.Datetime("us", "UTC"))

    def newest(frame: pl.DataFrame) -> pl.DataFrame:
        if "raised_at" in frame.columns:
            return frame.filter(pl.col("raised_at") <= as_of).with_columns(moment.alias(MOMENT))
        at = next((name for name in ("as_of", "hour", "day") if name in frame.columns), None)
        if at is None:
            return frame.with_columns(moment.alias(MOMENT))
        past = frame.filter(pl.col(at) <= (pl.lit(as_of.date()) if at == "day" else moment))
        latest = pl.col(at).max()
        if at == "hour":
            past = past.filter(pl.col("hour") > moment - FRESH)
            latest = latest.over("site_id")
        return past.filter(pl.col(at) == latest).with_columns(moment.alias(MOMENT))

    return _assembled(inputs.each(newest), live.FINDINGS, rules or FindingRules())


def hourly_findings(inputs: FindingInputs, rules: FindingRules | None = None) -> pl.DataFrame:
    """Findings of closed hours, each as of its end: the columns of ``live.findings``, by the same rules and fingerprints.

    Args:
        inputs: Frames with ``hour`` (causes: ``as_of``, an hour's end) of the hours wanted: readings with severity,
            site_hourly, notable, classifiers, causes; analyses of whole days have no part in it.
        rules: Thresholds and names.
    """

    def at_its_end(frame: pl.DataFrame) -> pl.DataFrame:
        end = pl.col("as_of") if "as_of" in frame.columns else pl.col("hour") + HOUR
        return frame.with_columns(end.alias(MOMENT))

    return _assembled(inputs.each(at_its_end), live.FINDINGS, rules or FindingRules())


def _assembled(inputs: FindingInputs, table: Table, rules: FindingRules) -> pl.DataFrame:
    """All rules' findings as rows of a table, whose first column is the moment."""
    found = [rows for rows in _all_rules(inputs, rules) if rows.height]
    if not found:
        return table.empty()
    schema = table.polars_schema()
    moment = next(iter(schema))
    together = pl.concat(found).rename({MOMENT: moment})
    keys = together.select("kind", "site_id", "metric", "subject").iter_rows()
    return (
        together.with_columns(pl.Series("fingerprint", [fingerprint(*key) for key in keys]))
        .select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        .sort(moment, "site_id", "metric", "kind", "fingerprint")
    )


def _all_rules(inputs: FindingInputs, rules: FindingRules) -> list[pl.DataFrame]:
    """What each rule found; a rule whose analysis was not made finds nothing."""
    readings, notable = inputs.readings, inputs.notable
    found = [
        site_down_findings(inputs.site_hourly, notable, rules),
        pre_warning_findings(inputs.trends, inputs.risks, rules),
    ]
    if readings is not None:
        found.append(threshold_findings(readings, inputs.classifiers, rules))
        if inputs.sites is not None:
            found.append(collector_findings(readings, inputs.sites, rules, inputs.site_hourly))
    if inputs.trends is not None:
        found.append(trend_findings(inputs.trends, readings, rules))
    if inputs.deviations is not None:
        found.append(baseline_findings(inputs.deviations, readings, rules))
    if inputs.anomalies is not None:
        found.append(anomaly_findings(inputs.anomalies, rules))
    if inputs.health_scores is not None:
        found.append(health_findings(inputs.health_scores, rules))
    if inputs.causes is not None:
        found.append(correlation_findings(inputs.causes, readings, rules))
    if inputs.alarms is not None:
        found.append(alarm_findings(inputs.alarms, rules))
    if notable is not None:
        found.append(evidence_findings(notable, rules))
    return found
