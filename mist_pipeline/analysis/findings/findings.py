"""Findings: what each rule saw, one row per rule that fires, in a sentence with its evidence.

Here: the table, from the frames of the other analyses, for days (``findings``) and for the live moment
(``live_findings``) by the same rules. Not here: the rules (``finding_rules``, ``finding_rules_site``), and when people
are told (``alerts``): a finding says what is, not whether anybody needs to know.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

import polars as pl

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

KINDS = (
    "threshold", "site_down", "trend", "pre_warning", "baseline", "anomaly", "health_drop", "correlation",
    "mist_alarm", "collector", "evidence",
)  # fmt: skip
"""Every kind of finding."""

COLUMNS = ("site_id", "metric", "kind", "severity", "summary", "evidence", "fingerprint", "family")
"""Columns of ``analysis.findings`` after the moment (``day``); of ``live.findings`` after ``as_of``."""


HOUR = timedelta(hours=1)
FRESH = timedelta(hours=2)
"""How old an hour may be for the live moment: the running one, the one before, and no older."""


@dataclass(frozen=True, kw_only=True)
class FindingInputs:
    """What the rules look at. None says that an analysis was not made; its rules then stay silent.

    Frames are those of the tables of the same name, of all moments asked or more; a live frame has ``as_of`` or
    ``hour`` in place of ``day``, and only its newest moment not after ``as_of`` counts.

    Attributes:
        readings: ``history.sle_daily`` with severity; live: ``live.status``.
        classifiers: ``history.classifiers_daily``; names the cause of a low score.
        sites: ``history.sites``: who should have answered.
        site_hourly: ``history.site_hourly``; live: ``live.site_hourly``.
        trends: ``analysis.trends``.
        deviations: ``analysis.deviations``; live: those by hour of week.
        risks: ``analysis.risks``.
        anomalies: ``analysis.anomalies``.
        health_scores: ``analysis.health_scores``.
        incidents: ``analysis.incidents``.
        notable: ``evidence_notable.notable`` of ``analysis.evidence``.
        alarms: ``history.alarms``; live: ``live.alarms``.
    """

    readings: pl.DataFrame | None
    classifiers: pl.DataFrame | None
    sites: pl.DataFrame | None
    site_hourly: pl.DataFrame | None
    trends: pl.DataFrame | None
    deviations: pl.DataFrame | None
    risks: pl.DataFrame | None
    anomalies: pl.DataFrame | None
    health_scores: pl.DataFrame | None
    incidents: pl.DataFrame | None
    notable: pl.DataFrame | None
    alarms: pl.DataFrame | None

    def each(self, prepare: Callable[[pl.DataFrame], pl.DataFrame]) -> "FindingInputs":
        """The same with every frame prepared."""
        frames = {item.name: getattr(self, item.name) for item in fields(self)}
        return FindingInputs(
            **{name: None if frame is None else prepare(frame) for name, frame in frames.items()}
        )


def fingerprint(kind: str, site_id: str, metric: str, subject: str = "") -> str:
    """Stable name of a finding: the same on every day it lasts, from a backfill, a replay and the live job."""
    return hashlib.sha256("\x1f".join((kind, site_id, metric, subject)).encode()).hexdigest()[:16]


def findings(inputs: FindingInputs, days: Sequence[date], rules: FindingRules | None = None) -> pl.DataFrame:
    """Findings of days: day and ``COLUMNS``, sorted by day, site, metric, kind and fingerprint.

    A row is unique by day and fingerprint; by day, site_id, metric and kind, too, but for shared causes, of which the
    organisation may have several a day (kind ``correlation``, told apart by the cause's fingerprint).

    Args:
        inputs: Frames with ``day`` (notable evidence: hour and day) of at least these days.
        days: Days to tell.
        rules: Thresholds and names.
    """
    wanted = sorted(set(days))

    def of_days(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("day").is_in(wanted)).with_columns(pl.col("day").alias(MOMENT))

    return _assembled(inputs.each(of_days), "day", pl.Date(), rules or FindingRules())


def live_findings(inputs: FindingInputs, as_of: datetime, rules: FindingRules | None = None) -> pl.DataFrame:
    """Findings of a live moment: as_of and ``COLUMNS``, by the same rules and with the same fingerprints.

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

    return _assembled(inputs.each(newest), "as_of", pl.Datetime("us", "UTC"), rules or FindingRules())


def hourly_findings(inputs: FindingInputs, rules: FindingRules | None = None) -> pl.DataFrame:
    """Findings of closed hours, each as of its end: as_of and ``COLUMNS``, by the same rules and fingerprints.

    Args:
        inputs: Frames with ``hour`` of the hours to tell: readings with severity, site_hourly, notable, classifiers;
            analyses of whole days have no part in it.
        rules: Thresholds and names.
    """

    def at_its_end(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns((pl.col("hour") + HOUR).alias(MOMENT))

    return _assembled(inputs.each(at_its_end), "as_of", pl.Datetime("us", "UTC"), rules or FindingRules())


def _assembled(
    inputs: FindingInputs, moment: str, kind_of_moment: pl.DataType, rules: FindingRules
) -> pl.DataFrame:
    """All rules' findings as the table."""
    found = [rows for rows in _all_rules(inputs, rules) if rows.height]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        moment: kind_of_moment,
        **{name: pl.String() for name in COLUMNS},
    }
    if not found:
        return pl.DataFrame(schema=schema)
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
    if inputs.incidents is not None:
        found.append(correlation_findings(inputs.incidents, readings, rules))
    if inputs.alarms is not None:
        found.append(alarm_findings(inputs.alarms, rules))
    if notable is not None:
        found.append(evidence_findings(notable, rules))
    return found
