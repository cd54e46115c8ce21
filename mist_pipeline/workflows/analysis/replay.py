"""Stored history as evaluations: hour by hour, and each day's analysis at its end; what a replay runs over.

Where live evaluations were kept they are replayed as they were, at the instants at which the alerts evaluated them;
closed hours fill the rest. Needs no Dagster run and notifies nobody. Here: reading the frames of closed hours for
``analysis.detection``, once for all configurations, and the order of evaluations. Not here: the lifecycle
(``alerts.lifecycle.replay``), what a day found (``detect_day``), and several configurations (``workflows.replaying``).
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationName, EvaluationStore
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.analysis.causes.changes import LOOK_BACK_DAYS
from mist_pipeline.analysis.detection import HOUR, Detected, detect_hours
from mist_pipeline.analysis.findings.inputs import SpanFrames
from mist_pipeline.analysis.scores.bands import UserGate, with_severity
from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history, live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
from mist_pipeline.workflows.analysis.changes import known_changes
from mist_pipeline.workflows.analysis.days import back
from mist_pipeline.workflows.analysis.detect_day import StoredDays
from mist_pipeline.workflows.ledger_access import kept_evaluations, open_ledger

WEEK = timedelta(days=7)
"""History in memory at a time."""

DAILY_AFTER = timedelta(seconds=1)
"""The daily analysis comes after the last hour of its day, and an evaluation has one instant."""


@dataclass(frozen=True)
class KeptEvaluations:
    """Evaluations of a span of time that were kept, and what they leave to closed hours.

    Attributes:
        kept: Where they are.
        at: Kept evaluation → the instant at which the alerts evaluated it.
        hours: Hours with a live evaluation.
        days: Beginnings of days whose analysis was evaluated.
    """

    kept: EvaluationStore
    at: Mapping[EvaluationName, datetime]
    hours: frozenset[datetime] = field(default_factory=frozenset)
    days: frozenset[datetime] = field(default_factory=frozenset)

    @classmethod
    def between(
        cls, kept: EvaluationStore, evaluated: Mapping[str, datetime], begin: datetime, end: datetime
    ) -> "KeptEvaluations":
        """Live evaluations of a span of time, and daily ones of its days that came after it.

        Args:
            kept: Where they are.
            evaluated: EvaluationName of a kept evaluation → instant, as the ledger knows it; one that it does not know counts at its own.
            begin: First instant.
            end: The instant after the last.
        """
        at: dict[EvaluationName, datetime] = {}
        days: set[datetime] = set()
        for name in kept.names(begin):
            if name.source == "daily":
                covers = kept.load(name).begins
                if begin <= covers < end:
                    at[name] = evaluated.get(name.text, name.as_of)
                    days.add(covers)
            elif name.as_of < end:
                at[name] = evaluated.get(name.text, name.as_of)
        instants = (name.as_of for name in at if name.source == "live")
        hours = frozenset(instant.replace(minute=0, second=0, microsecond=0) for instant in instants)
        return cls(kept, at, hours, frozenset(days))

    def evaluation_inputs(self) -> Iterator[EvaluationInput]:
        """The kept evaluations in the order in which the alerts evaluated them."""
        for name in sorted(self.at, key=lambda one: (self.at[one], one)):
            yield replace(self.kept.load(name), as_of=self.at[name])

    def covers(self, closed: EvaluationInput) -> bool:
        """Whether a kept evaluation stands for a closed hour, or for a day's analysis at its end."""
        return closed.begins in self.days if closed.source == "daily" else closed.as_of in self.hours


def kept_of_days(settings: Settings, first: date, last: date) -> KeptEvaluations:
    """Kept evaluations of these days, at the instants at which they were evaluated."""
    evaluated: dict[str, datetime] = {}
    if not isinstance(settings.ledger, Path) or settings.ledger.exists():
        with open_ledger(settings) as ledger:
            evaluated = ledger.origins()
    return KeptEvaluations.between(kept_evaluations(settings), evaluated, *span(settings, first, last))


def evaluation_inputs(
    warehouse: Warehouse, settings: Settings, first: date, last: date, kept: KeptEvaluations | None = None
) -> Iterator[EvaluationInput]:
    """The evaluations of these days, in order of time, made a week at a time.

    Args:
        warehouse: Where history and analysis are.
        settings: Rules of detection.
        first: First day.
        last: Last day.
        kept: Kept evaluations, which replace the hours and days that they cover.
    """
    site_count = number_of_sites(warehouse, first, last)
    closed = (
        one
        for hours in weeks(warehouse, first, last)
        for one in hours.evaluation_inputs(settings, hours.stored_days(warehouse, settings), site_count)
    )
    if kept is None:
        yield from closed
        return
    rest = (one for one in closed if not kept.covers(one))
    yield from heapq.merge(rest, kept.evaluation_inputs(), key=lambda one: one.as_of)


def span(settings: Settings, first: date, last: date) -> tuple[datetime, datetime]:
    """First instant of the first day and the instant after the last one."""
    zone = settings.organisation.zone
    begin, end = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
    return datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)


def number_of_sites(warehouse: Warehouse, first: date, last: date) -> int:
    """How many sites the history of these days knows; 0 where there is none."""
    return int(
        warehouse.query(
            "SELECT count(DISTINCT site_id) FROM history.sites WHERE day BETWEEN ? AND ?", [first, last]
        ).item()
    )


def weeks(warehouse: Warehouse, first: date, last: date) -> Iterator["ClosedHours"]:
    """The hours of these days, a week at a time."""
    begin = first
    while begin <= last:
        end = min(begin + WEEK - timedelta(days=1), last)
        yield ClosedHours.read(warehouse, begin, end)
        begin = end + timedelta(days=1)


@dataclass(frozen=True)
class ClosedHours:
    """The frames of hours that fit in memory: what was measured, and evidence, which no setting changes.

    Attributes:
        first: First day.
        last: Last day.
        hours: ``history.sle_hourly``.
        clients: ``history.site_hourly``.
        evidence: ``analysis.evidence`` of the days and of the day before.
        sites: ``history.sites``, of each site its newest row.
        changes: ``history.changes`` of the days and of some before.
    """

    first: date
    last: date
    hours: pl.DataFrame
    clients: pl.DataFrame
    evidence: pl.DataFrame
    sites: pl.DataFrame
    changes: pl.DataFrame

    @classmethod
    def read(cls, warehouse: Warehouse, first: date, last: date) -> "ClosedHours":
        """From the warehouse."""
        return cls(
            first,
            last,
            warehouse.read_days(history.SLE_HOURLY, first, last),
            warehouse.read_days(history.SITE_HOURLY, first, last),
            warehouse.read_days(analysis.EVIDENCE, first - timedelta(days=1), last),
            warehouse.query(
                "SELECT * FROM history.sites WHERE day <= ? "
                "QUALIFY row_number() OVER (PARTITION BY site_id ORDER BY day DESC) = 1",
                [last],
            ),
            known_changes(warehouse, back([first], LOOK_BACK_DAYS), last),
        )

    def stored_days(self, warehouse: Warehouse, settings: Settings) -> StoredDays:
        """What the analysis of these days stored."""
        return StoredDays.read(warehouse, settings, self.first, self.last)

    def evaluation_inputs(
        self, settings: Settings, stored: StoredDays, site_count: int
    ) -> Iterator[EvaluationInput]:
        """Every closed hour and day of the span.

        Args:
            settings: Rules of detection.
            stored: What the analysis of the days found.
            site_count: Sites of the organisation.
        """
        detected = self._detected(settings)
        findings, support, causes, episodes, levels = (
            _by_instant(frame, "as_of")
            for frame in (
                detected.findings,
                detected.support,
                detected.causes,
                detected.episodes,
                detected.levels,
            )
        )
        days = set(stored.findings["day"])
        for day in (
            self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)
        ):
            hour, end = span(settings, day, day)
            while hour < end:
                asked = self._readings.get(hour)
                hour += HOUR
                if asked is not None:
                    yield EvaluationInput(
                        as_of=hour,
                        source="live",
                        findings=findings.get(hour, live.FINDINGS.empty()),
                        readings=asked,
                        support=support.get(hour),
                        episodes=episodes.get(hour, detected.episodes.clear()),
                        levels=levels.get(hour),
                        causes=causes.get(hour),
                        site_count=site_count,
                    )
            if day in days:
                yield stored.evaluation_input(day, end + DAILY_AFTER, site_count)

    @cached_property
    def _readings(self) -> dict[datetime, pl.DataFrame]:
        return _by_instant(self.hours.select("hour", "site_id", "metric", "state", "score_pct"), "hour")

    def _detected(self, settings: Settings) -> Detected:
        """What was to be detected at the end of these hours."""
        readings = with_severity(
            self.hours.join(
                self.clients.select("hour", "site_id", num_users="num_clients"),
                on=["hour", "site_id"],
                how="left",
            ),
            rules.default_bands(settings),
            rules.bands_by_metric(settings),
            UserGate(settings.thresholds.min_users, min_user_minutes=0, window_minutes=60),
        )
        frames = SpanFrames(readings=readings, site_hourly=self.clients)
        return detect_hours(
            frames,
            self.evidence,
            self.sites,
            self.first,
            rules.detection_rules(settings),
            changes=self.changes,
        )


def _by_instant(frame: pl.DataFrame, column: str) -> dict[datetime, pl.DataFrame]:
    return {key[0]: rows for key, rows in frame.partition_by(column, as_dict=True).items()}
