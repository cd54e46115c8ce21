"""The live evaluation: detection at this moment, so that critical trouble does not wait for the next morning.

Evidence walks on from its stored state over the closed hours of today. What is usual comes from the same hours of past
weeks. Here: reading the frames of the moment for ``analysis.detection``. Not here: asking the cloud (``defs.assets.live``),
storing ``live.findings`` (``defs.assets.live_findings``), and evaluating alerts (``workflows.notifying.evaluate``).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.analysis.anomalies.features import last_24_hours, with_live
from mist_pipeline.analysis.anomalies.isolation_forest import anomalies_with
from mist_pipeline.analysis.baselines.deviations import hourly_deviations
from mist_pipeline.analysis.baselines.hourly import HourlyBaselineRules, hourly_baselines
from mist_pipeline.analysis.causes.changes import LOOK_BACK_DAYS
from mist_pipeline.analysis.detection import HOUR, Detected, detect_now, newest_closed_hour
from mist_pipeline.analysis.evidence.model import EvidenceOptions, evidence
from mist_pipeline.analysis.findings.inputs import SpanFrames
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis as table
from mist_pipeline.tables import state
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.asking import Value
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.changes import known_changes
from mist_pipeline.workflows.analysis.days import back
from mist_pipeline.workflows.analysis.detect_day import removed_sites
from mist_pipeline.workflows.analysis.evidence_walk import EVIDENCE_COLUMNS, compact
from mist_pipeline.workflows.analysis.kept_forest import forest_of
from mist_pipeline.workflows.analysis.kept_week import week_before

EVIDENCE_HOURS = 3
"""Closed hours before the newest one whose evidence is made: what corroborates it, and what a pause of the job left out."""

FIRST_LOOK_BACK = timedelta(days=60)
"""History from which evidence is made where no state is stored yet."""


_OF_SHAPES = "hour, day, site_id, metric, score_pct, total_user_minutes, degraded_user_minutes, state"
"""What shapes are made of, of an hour of a service level."""

CLOCKS_CHANGE = timedelta(hours=2)
"""More than a clock is ever put forward or back: the same hour of a week ago may lie so far beside."""


@dataclass(frozen=True)
class RecentHours:
    """The hours before an instant, closed partitions and today together."""

    warehouse: Warehouse
    as_of: datetime

    @property
    def newest(self) -> datetime:
        """Start of the newest closed hour."""
        return newest_closed_hour(self.as_of)

    def read(self, name: str, since: datetime, columns: str = "*") -> pl.DataFrame:
        """Rows of an hourly table, today's from ``live`` where there is no partition yet; closed hours only."""
        return self.warehouse.query(_hours_sql(name, columns), {"since": since, "last": self.newest})

    def like_newest(self, weeks: int, beside: timedelta) -> pl.DataFrame:
        """Rows of ``sle_hourly`` of the newest hour, and of the same hour of past weeks with those beside it.

        One hour in thirty of these weeks, which are by far the most that a poll would read.
        """
        around = range(-int(beside / HOUR), int(beside / HOUR) + 1)
        alike = [
            self.newest - timedelta(weeks=week) + hours * HOUR
            for week in range(1, weeks + 1)
            for hours in around
        ]
        hours: dict[str, Value] = {
            "hours": [*alike, self.newest],
            "since": min(alike),
            "last": self.newest,
        }
        return self.warehouse.query(
            f"{_hours_sql('sle_hourly')} AND hour IN (SELECT unnest($hours::TIMESTAMPTZ[]))", hours
        )

    def for_evidence(self, of: Table, since: datetime, until: datetime) -> pl.DataFrame:
        """Rows from one instant to before another, of the columns that evidence is made of."""
        with self.warehouse.reading() as connection:
            sql = _hours_sql(of.name, EVIDENCE_COLUMNS[of])
            return compact(connection, sql, {"since": since, "last": min(self.newest, until - HOUR)})

    def sites(self) -> pl.DataFrame:
        """The sites of the newest two lists as last described, one row a site: what is in neither was removed."""
        return self.warehouse.query(
            """
            SELECT * FROM history.sites
            WHERE day IN (SELECT DISTINCT day FROM history.sites ORDER BY day DESC LIMIT 2)
            QUALIFY row_number() OVER (PARTITION BY site_id ORDER BY day DESC) = 1
            """
        )

    def removed(self) -> frozenset[str]:
        """The sites that were removed from the organisation."""
        day = self.warehouse.query("SELECT max(day) FROM history.sites").item()
        return removed_sites(self.warehouse, day, day).get(day, frozenset()) if day else frozenset()


def _hours_sql(name: str, columns: str = "*") -> str:
    """Hours from ``$since`` to ``$last`` of history and live together."""
    return f"""
        SELECT {columns} FROM (
            SELECT * FROM history.{name}
            UNION ALL BY NAME
            SELECT * FROM live.{name} WHERE day NOT IN (SELECT DISTINCT day FROM history.sle_daily)
        )
        WHERE hour >= $since AND hour <= $last
        """


@dataclass(frozen=True)
class LiveEvaluation:
    """What one live evaluation found.

    Attributes:
        as_of: Its instant.
        detected: Findings, causes and evidence of that instant.
        readings: site_id, metric, state, score_pct of the newest closed hour.
        sites: ``history.sites``, one row a site.
        removed_sites: Sites that were removed from the organisation.
    """

    as_of: datetime
    detected: Detected
    readings: pl.DataFrame
    sites: pl.DataFrame
    removed_sites: frozenset[str] = frozenset()

    def evaluation_input(self) -> EvaluationInput:
        """As the lifecycle of alerts takes it."""
        return EvaluationInput(
            as_of=self.as_of,
            source="live",
            findings=self.detected.findings,
            readings=self.readings,
            support=self.detected.support.drop("as_of"),
            episodes=self.detected.episodes.drop("as_of"),
            levels=self.detected.levels.drop("as_of"),
            causes=self.detected.causes,
            site_count=self.sites.height,
            removed_sites=self.removed_sites,
        )


def live_evaluation(warehouse: Warehouse, settings: Settings, as_of: datetime) -> LiveEvaluation:
    """Detection at an instant, from what the warehouse knows of it; nothing is stored."""
    hours = RecentHours(warehouse, as_of)
    with warehouse.reading():
        sites, removed = hours.sites(), hours.removed()
        newest_hour = hours.read("sle_hourly", hours.newest)
        status, clients, alarms = (
            warehouse.query(f"SELECT * FROM live.{name}") for name in ("status", "site_hourly", "alarms")
        )
        today = as_of.astimezone(settings.organisation.zone).date()
        changes = known_changes(
            warehouse,
            back([today], LOOK_BACK_DAYS),
            today,
            with_today=True,
            with_admins=settings.privacy.show_admins,
        )
    frames = SpanFrames(
        readings=status,
        sites=sites.drop("day"),
        site_hourly=clients,
        deviations=deviations_now(hours, sites),
        anomalies=anomalies_now(hours, settings, sites),
        alarms=alarms,
    )
    evidence_rows = evidence_now(hours, settings, sites)
    detected = detect_now(
        frames, evidence_rows, newest_hour, sites, as_of, rules.detection_rules(settings), changes
    )
    readings = newest_hour.select("site_id", "metric", "state", "score_pct")
    return LiveEvaluation(as_of, detected, readings, sites, removed)


def evidence_now(hours: RecentHours, settings: Settings, sites: pl.DataFrame) -> pl.DataFrame:
    """``analysis.evidence`` of the newest closed hours, as it will be stored tomorrow.

    A classifier that carries all of a metric's excess is as surprising as the metric itself. Which of the two is named
    must not depend on the last bits, or tomorrow's stored evidence would name the other one.
    """
    first, end = hours.newest - EVIDENCE_HOURS * HOUR, hours.newest + HOUR
    hours.warehouse.prepare()  # one that an earlier version wrote last is read in the present form
    with hours.warehouse.reading():
        week = week_before(hours.warehouse, settings.kept_week_path, hours.newest, hours.for_evidence)
        ends = datetime.fromtimestamp(week.state.next_hour * 3600, UTC) if week else None
        since = ends or hours.newest - FIRST_LOOK_BACK
        scores, causes, clients = (hours.for_evidence(of, since, end) for of in EVIDENCE_COLUMNS)
    run = evidence(
        scores,
        causes,
        clients,
        sites,
        from_hour=max(first, ends) if ends else first,
        until_hour=end,
        state=week,
        options=EvidenceOptions(time_zone=settings.organisation.timezone),
    )
    return table.EVIDENCE.conform(run.rows)


def deviations_now(hours: RecentHours, sites: pl.DataFrame) -> pl.DataFrame:
    """The newest closed hour against the same hour of past weeks."""
    rules = HourlyBaselineRules()
    with hours.warehouse.reading():
        readings = hours.like_newest(rules.weeks, timedelta(hours=rules.neighbour_hours) + CLOCKS_CHANGE)
        clients = hours.read("site_hourly", hours.newest).select("hour", "site_id", num_users="num_clients")
    normal = hourly_baselines(readings, sites, [hours.newest])
    newest = readings.filter(pl.col("hour") == hours.newest).join(clients, on=["hour", "site_id"], how="left")
    return hourly_deviations(newest, normal)


def anomalies_now(hours: RecentHours, settings: Settings, sites: pl.DataFrame) -> pl.DataFrame:
    """The last 24 hours, scored as a day."""
    chosen = rules.anomaly_settings(settings)
    since = hours.as_of - timedelta(hours=25)
    with hours.warehouse.reading():
        readings = hours.read("sle_hourly", since, _OF_SHAPES)
        clients = hours.read("site_hourly", since)
    recent = last_24_hours(readings, sites, hours.newest + HOUR, settings.organisation.timezone, clients)
    if recent.is_empty():
        return table.ANOMALIES.empty()
    today = recent["day"][0]
    forest = forest_of(hours.warehouse, today, chosen)
    known = hours.warehouse.read_days(
        state.DAY_SHAPES, today - timedelta(days=chosen.reference_days), today - timedelta(days=1)
    )
    # Findings are about those that are anomalous.
    shapes = with_live(known.select(recent.columns), recent)
    return anomalies_with(shapes, today, forest, chosen, explains_all=False)
