"""live/findings: the rules of the morning, applied to this moment, so that critical trouble does not wait for it.

Evidence walks on from its memory over the closed hours of today; what is usual comes from the same hours of past weeks.
What was seen is kept for the job that evaluates it (``alerting``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.analysis.anomalies.features import last_24_hours, with_live
from mist_pipeline.analysis.anomalies.isolation_forest import anomalies
from mist_pipeline.analysis.baselines.deviations import hourly_deviations
from mist_pipeline.analysis.baselines.hourly import HourlyBaselineRules, hourly_baselines
from mist_pipeline.analysis.causes.candidates import base_rates, incidents
from mist_pipeline.analysis.causes.flags import evidence_flags, silence_flags
from mist_pipeline.analysis.evidence.gates import notable
from mist_pipeline.analysis.evidence.model import LOOK_BACK, EvidenceOptions, evidence
from mist_pipeline.analysis.findings.findings import FRESH, FindingInputs, live_findings
from mist_pipeline.settings import Settings
from mist_pipeline.tables import state
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules as judgement
from mist_pipeline.workflows.analysis.evidence_walk import remembered

HOUR = timedelta(hours=1)
SEEN_HOURS = 3
"""Closed hours looked at besides the newest: what corroborates it, and what a pause of the job left out."""


@dataclass(frozen=True)
class Moment:
    """The hours before an instant, closed partitions and today together."""

    warehouse: Warehouse
    as_of: datetime

    @property
    def last_hour(self) -> datetime:
        """Start of the newest closed hour."""
        return self.as_of.replace(minute=0, second=0, microsecond=0) - HOUR

    def hours(self, name: str, since: datetime) -> pl.DataFrame:
        """Rows of an hourly table, today's from ``live`` where there is no partition yet; closed hours only."""
        return self.warehouse.query(
            f"""
            SELECT * FROM (
                SELECT * FROM history.{name}
                UNION ALL BY NAME
                SELECT * FROM live.{name} WHERE day NOT IN (SELECT DISTINCT day FROM history.sle_daily)
            )
            WHERE hour >= $since AND hour <= $last
            """,
            {"since": since, "last": self.last_hour},
        )

    def sites(self) -> pl.DataFrame:
        """The sites as last described, one row a site."""
        return self.warehouse.query(
            "SELECT * FROM history.sites QUALIFY row_number() OVER (PARTITION BY site_id ORDER BY day DESC) = 1"
        )


def evidence_now(moment: Moment, settings: Settings, sites: pl.DataFrame) -> pl.DataFrame:
    """Notable evidence of the newest closed hours, with ``day``."""
    memory, ends = remembered(moment.warehouse, moment.last_hour)
    since = ends - timedelta(hours=LOOK_BACK) if ends else moment.last_hour - timedelta(days=60)
    run = evidence(
        moment.hours("sle_hourly", since),
        moment.hours("classifiers_hourly", since),
        moment.hours("site_hourly", since),
        sites,
        from_hour=max(moment.last_hour - SEEN_HOURS * HOUR, ends)
        if ends
        else moment.last_hour - SEEN_HOURS * HOUR,
        until_hour=moment.last_hour + HOUR,
        state=memory,
        options=EvidenceOptions(time_zone=settings.organisation.timezone),
    )
    return notable(run.rows, judgement.families(settings))


def deviations_now(moment: Moment, sites: pl.DataFrame) -> pl.DataFrame:
    """The newest closed hour against the same hour of past weeks."""
    weeks = HourlyBaselineRules().weeks
    readings = moment.hours("sle_hourly", moment.last_hour - timedelta(weeks=weeks, hours=2))
    normal = hourly_baselines(readings, sites, [moment.last_hour])
    clients = moment.hours("site_hourly", moment.last_hour).select("hour", "site_id", num_users="num_clients")
    newest = readings.filter(pl.col("hour") == moment.last_hour).join(
        clients, on=["hour", "site_id"], how="left"
    )
    return hourly_deviations(newest, normal)


def anomalies_now(moment: Moment, settings: Settings, sites: pl.DataFrame) -> pl.DataFrame:
    """The last 24 hours, judged as a day."""
    rules = judgement.anomaly_settings(settings)
    since = moment.as_of - timedelta(hours=25)
    recent = last_24_hours(
        moment.hours("sle_hourly", since),
        sites,
        moment.last_hour + HOUR,
        settings.organisation.timezone,
        moment.hours("site_hourly", since),
    )
    if recent.is_empty():
        return anomalies(recent, [], rules)
    today = recent["day"][0]
    known = moment.warehouse.read_days(
        state.DAY_SHAPES, today - timedelta(days=rules.look_back_days), today - timedelta(days=1)
    )
    return anomalies(with_live(known.select(recent.columns), recent), [today], rules)


def causes_now(moment: Moment, settings: Settings, sites: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """What the sites that are degraded in the newest closed hour have in common."""
    at = pl.lit(moment.as_of, pl.Datetime("us", "UTC")).alias("as_of")
    newest = now.filter(pl.col("hour") == moment.last_hour)
    judged = (
        moment.hours("sle_hourly", moment.last_hour)
        .filter(pl.col("state") == "ok")
        .select("site_id", "metric")
    )
    flags = pl.concat(
        [
            evidence_flags(newest, judged, judgement.families(settings)).select(at, pl.all()),
            silence_flags(newest.with_columns(at), sites.with_columns(at), moment="as_of"),
        ]
    )
    # Every site starts from the same prior: how often it is degraded by the hour is already in its surprise.
    names = settings.organisation.names
    return incidents(flags, sites, base_rates(flags.clear()), names=names, moment="as_of")


@dataclass(frozen=True)
class Seen:
    """What one look saw.

    Attributes:
        findings: ``live.findings``.
        causes: What sites in trouble have in common, as ``analysis.incidents``.
        support: site_id, family of evidence too weak for a finding.
        readings: site_id, metric, state, score_pct of the newest closed hour.
        sites: ``history.sites``, one row a site.
    """

    findings: pl.DataFrame
    causes: pl.DataFrame
    support: pl.DataFrame
    readings: pl.DataFrame
    sites: pl.DataFrame

    def step(self, instant: datetime) -> EvaluationInput:
        """As the lifecycle of alerts takes it."""
        return EvaluationInput(
            as_of=instant,
            source="live",
            findings=self.findings,
            readings=self.readings,
            support=self.support,
            causes=self.causes,
            site_count=self.sites.height,
        )


def live_evaluation(warehouse: Warehouse, settings: Settings, instant: datetime) -> Seen:
    """One look."""
    moment = Moment(warehouse, instant)
    sites = moment.sites()
    now = evidence_now(moment, settings, sites)
    causes = causes_now(moment, settings, sites, now)
    inputs = FindingInputs(
        readings=warehouse.query("SELECT * FROM live.status"),
        classifiers=None,
        sites=sites.drop("day"),
        site_hourly=warehouse.query("SELECT * FROM live.site_hourly"),
        trends=None,
        deviations=deviations_now(moment, sites),
        risks=None,
        anomalies=anomalies_now(moment, settings, sites),
        health_scores=None,
        incidents=causes,
        notable=now.filter(pl.col("hour") > instant - FRESH),
        alarms=warehouse.query("SELECT * FROM live.alarms"),
    )
    newest = now.filter(pl.col("hour") == moment.last_hour)
    return Seen(
        findings=live_findings(inputs, instant, judgement.finding_rules(settings)),
        causes=causes,
        support=newest.filter(~pl.col("is_alarming")).select("site_id", "family"),
        readings=moment.hours("sle_hourly", moment.last_hour).select(
            "site_id", "metric", "state", "score_pct"
        ),
        sites=sites,
    )
