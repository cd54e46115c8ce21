"""Detection of days: ``analysis.incidents`` and ``analysis.findings``, and what of a day the alerts evaluate.

Alerts are about now: only yesterday, analysed by itself, is evaluated. A backfill notifies nobody unless it is asked to
(``notify`` of a run). Here: reading the frames of days for ``analysis.detection``, and that decision. Not
here: storing rows (``defs.assets``), evaluating (``workflows.notifying.evaluate``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.analysis.causes.changes import LOOK_BACK_DAYS, Changed
from mist_pipeline.analysis.detection import (
    BASE_RATE_DAYS,
    causes_of_days,
    episodes_of_days,
    findings_of_days,
    flags_of_days,
    losses,
    onsets_of_days,
)
from mist_pipeline.analysis.evidence.gates import silent_hours
from mist_pipeline.analysis.findings.inputs import SpanFrames
from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.changes import known_changes
from mist_pipeline.workflows.analysis.days import back

BACKFILL_TAG = "dagster/backfill"


def candidate_cause_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.incidents`` of these days."""
    first, last = back(days, BASE_RATE_DAYS), days[-1]
    with warehouse.reading():
        sites = warehouse.read_days(history.SITES, first, last)
        frames = SpanFrames(
            readings=warehouse.read_days(history.SLE_DAILY, first, last),
            deviations=warehouse.read_days(analysis.DEVIATIONS, first, last),
            classifiers=warehouse.read_days(history.CLASSIFIERS_DAILY, first, last),
            sites=sites,
        )
        evidence = warehouse.read_days(analysis.EVIDENCE, back([first], 1), last)
        names = settings.privacy.show_admins
        changes = known_changes(warehouse, back(days, LOOK_BACK_DAYS), last, with_admins=names)
    chosen = rules.detection_rules(settings)
    flags = flags_of_days(frames, evidence, chosen)
    recent = evidence.filter(pl.col("day") >= back(days, 1))
    changed = Changed(changes, onsets_of_days(recent, flags, chosen))
    return causes_of_days(flags, sites, days, chosen, changed)


def finding_rows(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """``analysis.findings`` of these days."""
    first, last = days[0], days[-1]
    with warehouse.reading():
        frames = SpanFrames(
            readings=warehouse.read_days(history.SLE_DAILY, first, last),
            classifiers=warehouse.read_days(history.CLASSIFIERS_DAILY, first, last),
            sites=warehouse.read_days(history.SITES, first, last),
            site_hourly=warehouse.read_days(history.SITE_HOURLY, first, last),
            trends=warehouse.read_days(analysis.TRENDS, first, last),
            deviations=warehouse.read_days(analysis.DEVIATIONS, first, last),
            risks=warehouse.read_days(analysis.RISKS, first, last),
            anomalies=warehouse.read_days(analysis.ANOMALIES, first, last),
            health_scores=warehouse.read_days(analysis.HEALTH_SCORES, first, last),
            alarms=warehouse.read_days(history.ALARMS, first, last),
        )
        evidence = warehouse.read_days(analysis.EVIDENCE, back(days, 1), last)
        causes = warehouse.read_days(analysis.INCIDENTS, first, last)
    return findings_of_days(frames, evidence, causes, days, rules.detection_rules(settings))


def may_notify(tags: Mapping[str, str], asked: bool | None) -> bool:
    """Whether people may be notified of what a run finds: of a backfill only if it is asked to.

    Args:
        tags: Of the run.
        asked: Whether it was asked to; None: it was not said.
    """
    return BACKFILL_TAG not in tags if asked is None else asked


def is_about_now(tags: Mapping[str, str], asked: bool | None, days: Sequence[date], yesterday: date) -> bool:
    """Whether a run over these days is handed on to the alerts.

    Args:
        tags: Of the run.
        asked: As `may_notify`.
        days: What it made.
        yesterday: The newest whole day at the run's instant.
    """
    return may_notify(tags, asked) and (asked is not None or list(days) == [yesterday])


@dataclass(frozen=True)
class StoredDays:
    """What the analysis of some days stored.

    Attributes:
        findings: ``analysis.findings``.
        causes: ``analysis.incidents``.
        readings: day, site_id, metric, state, score_pct.
        episodes: ``analysis.detection.episodes_of_days``.
        zone: The organisation's, in which days begin.
        removed: Day → sites that are not in the organisation any more (`removed_sites`).
    """

    findings: pl.DataFrame
    causes: pl.DataFrame
    readings: pl.DataFrame
    episodes: pl.DataFrame
    zone: ZoneInfo
    removed: Mapping[date, frozenset[str]]

    @classmethod
    def read(cls, warehouse: Warehouse, settings: Settings, first: date, last: date) -> "StoredDays":
        """From the warehouse."""
        columns = ["day", "site_id", "metric", "state", "score_pct"]
        return cls(
            findings=warehouse.read_days(analysis.FINDINGS, first, last),
            causes=warehouse.read_days(analysis.INCIDENTS, first, last),
            readings=warehouse.read_days(history.SLE_DAILY, first, last, columns=columns),
            episodes=episodes_of_days(
                warehouse.read_days(analysis.EVIDENCE, first, last), rules.detection_rules(settings)
            ),
            zone=settings.organisation.zone,
            removed=removed_sites(warehouse, first, last),
        )

    def evaluation_input(self, day: date, as_of: datetime, site_count: int) -> EvaluationInput:
        """One of the days as the lifecycle of alerts takes it."""
        of_day = pl.col("day") == day
        return EvaluationInput(
            as_of=as_of,
            source="daily",
            findings=self.findings.filter(of_day),
            readings=self.readings.filter(of_day).drop("day"),
            episodes=self.episodes.filter(of_day).drop("day"),
            causes=self.causes.filter(of_day),
            covers_from=datetime.fromtimestamp(day_bounds(day, self.zone)[0], UTC),
            site_count=site_count,
            removed_sites=self.removed.get(day, frozenset()),
        )


def removed_sites(warehouse: Warehouse, first: date, last: date) -> dict[date, frozenset[str]]:
    """Day → sites that were known before and are in the list of sites neither of this day nor of the one before it.

    Lists are complete, or there is none of that day; a single list may be wrong, two in a row say that the site is gone.
    """
    rows = warehouse.query(
        """
        WITH days AS (SELECT day, lag(day) OVER (ORDER BY day) AS before
                      FROM (SELECT DISTINCT day FROM history.sites WHERE day <= $last)),
             known AS (SELECT site_id, day FROM history.sites WHERE day <= $last)
        SELECT days.day, known.site_id
        FROM days JOIN known ON known.day < days.before
        WHERE days.day BETWEEN $first AND $last
        GROUP BY days.day, days.before, known.site_id
        HAVING NOT EXISTS (
            SELECT 1 FROM known AS again
            WHERE again.site_id = known.site_id AND again.day IN (days.day, days.before)
        )
        """,
        {"first": first, "last": last},
    )
    return {
        key[0]: frozenset(part["site_id"])
        for key, part in rows.partition_by("day", as_dict=True).items()
        if isinstance(key[0], date)
    }


def losses_of_day(warehouse: Warehouse, settings: Settings, day: date) -> pl.DataFrame:
    """What users lost, of every episode that a day knows and every silent hour of it."""
    evidence = warehouse.read_days(analysis.EVIDENCE, day, day)
    return losses(episodes_of_days(evidence, rules.detection_rules(settings)), silent_hours(evidence))


def evaluation_input_of_day(
    warehouse: Warehouse, settings: Settings, day: date, as_of: datetime
) -> EvaluationInput:
    """A day's stored analysis as the lifecycle of alerts takes it, evaluated at an instant."""
    sites = warehouse.read_days(history.SITES, day, day)
    return StoredDays.read(warehouse, settings, day, day).evaluation_input(day, as_of, sites.height)
