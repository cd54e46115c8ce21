"""Stored history as evaluations: hour by hour, and each day's analysis at its end; what a replay runs over.

Where live evaluations were kept they are replayed as they were, at the instants at which the alerts evaluated them;
closed hours fill the rest. Needs no Dagster run and notifies nobody. Here: reading the frames of closed hours for
``analysis.detection``, and the order of evaluations. Not here: the lifecycle (``alerts.lifecycle.replay``), and what a day
found (``detect_day``).
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from mist_pipeline.alerts.ledger.evaluation_store import EvaluationName, EvaluationStore
from mist_pipeline.alerts.lifecycle.observations import EvaluationInput
from mist_pipeline.analysis.detection import HOUR, Detected, detect_hours
from mist_pipeline.analysis.findings.inputs import SpanFrames
from mist_pipeline.analysis.scores.bands import UserGate, with_severity
from mist_pipeline.collect.fetch.days import day_bounds
from mist_pipeline.settings import Settings
from mist_pipeline.tables import analysis, history, live
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline.workflows.analysis import rules
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
    closed = _closed(warehouse, settings, first, last)
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


def _closed(warehouse: Warehouse, settings: Settings, first: date, last: date) -> Iterator[EvaluationInput]:
    """Every closed hour and day."""
    site_count = number_of_sites(warehouse, first, last)
    begin = first
    while begin <= last:
        end = min(begin + WEEK - timedelta(days=1), last)
        yield from _in_memory(warehouse, settings, begin, end, site_count)
        begin = end + timedelta(days=1)


def _in_memory(
    warehouse: Warehouse, settings: Settings, first: date, last: date, site_count: int
) -> Iterator[EvaluationInput]:
    """Every closed hour and day of a span that fits in memory."""
    hours = warehouse.read_days(history.SLE_HOURLY, first, last)
    detected = _detected(warehouse, settings, hours, first, last)
    readings = _by_instant(hours.select("hour", "site_id", "metric", "state", "score_pct"), "hour")
    findings, support, causes, episodes = (
        _by_instant(frame, "as_of")
        for frame in (detected.findings, detected.support, detected.causes, detected.episodes)
    )
    stored = StoredDays.read(warehouse, settings, first, last)
    days = set(stored.findings["day"])
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        hour, end = span(settings, day, day)
        while hour < end:
            asked = readings.get(hour)
            hour += HOUR
            if asked is not None:
                yield EvaluationInput(
                    as_of=hour,
                    source="live",
                    findings=findings.get(hour, live.FINDINGS.empty()),
                    readings=asked,
                    support=support.get(hour),
                    episodes=episodes.get(hour, detected.episodes.clear()),
                    causes=causes.get(hour),
                    site_count=site_count,
                )
        if day in days:
            yield stored.evaluation_input(day, end + DAILY_AFTER, site_count)


def _detected(
    warehouse: Warehouse, settings: Settings, hours: pl.DataFrame, first: date, last: date
) -> Detected:
    """What was to be detected at the end of these hours."""
    clients = warehouse.read_days(history.SITE_HOURLY, first, last)
    readings = with_severity(
        hours.join(
            clients.select("hour", "site_id", num_users="num_clients"), on=["hour", "site_id"], how="left"
        ),
        rules.default_bands(settings),
        rules.bands_by_metric(settings),
        UserGate(settings.thresholds.min_users, min_user_minutes=0, window_minutes=60),
    )
    evidence = warehouse.read_days(analysis.EVIDENCE, first - timedelta(days=1), last)
    sites = warehouse.query(
        "SELECT * FROM history.sites WHERE day <= ? "
        "QUALIFY row_number() OVER (PARTITION BY site_id ORDER BY day DESC) = 1",
        [last],
    )
    frames = SpanFrames(readings=readings, site_hourly=clients)
    return detect_hours(frames, evidence, sites, first, rules.detection_rules(settings))


def _by_instant(frame: pl.DataFrame, column: str) -> dict[datetime, pl.DataFrame]:
    return {key[0]: rows for key, rows in frame.partition_by(column, as_dict=True).items()}
